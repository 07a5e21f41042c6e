//! The running sandbox: three loopback listeners around the worlds, the analysts' clock, and what
//! a caller may see and do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::task::JoinSet;

use super::admin::Admin;
use super::analysts::{AnalystEntry, Analysts};
use super::exchange::Delivery;
use super::faults::FaultPlan;
use super::options::{SandboxOptions, Throttle};
use super::seed_data;
use super::sentinel::{Secret, SentinelOptions, SentinelWorld};
use super::servicenow::{DeskOptions, DeskWorld};
use super::side::Side;
use super::stage::{Stage, Traffic};
use super::wire::{Request, World};
use crate::text::Stamp;

mod files;
pub(crate) mod listener;
mod payload;
mod tls;

use listener::{Handler, Listener, Worker, stopped};
use tls::Authority;

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// An option is out of its range; the text says which.
    #[error("{0}")]
    Options(String),
    /// The folder or the CA file could not be written.
    #[error("cannot write {path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No loopback port could be opened.
    #[error("cannot open a port on 127.0.0.1: {0}")]
    Port(#[from] std::io::Error),
    /// Keys or certificates could not be made.
    #[error("{0}")]
    Tls(String),
    /// The initial worlds could not be made.
    #[error("cannot fill the sandbox: {0}")]
    Seed(String),
}

/// Everything a client needs to use the sandbox; as JSON the one line of `sandbox --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Description {
    /// The CA certificate's PEM file; null when the sandbox speaks plain HTTP or has no folder.
    pub ca: Option<PathBuf>,
    /// The Sentinel side.
    pub sentinel: SentinelDescription,
    /// The ServiceNow side.
    pub servicenow: DeskDescription,
    /// The admin endpoint.
    pub admin: AdminDescription,
}

/// How to reach the Sentinel side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentinelDescription {
    /// Entra authority, without the tenant.
    pub authority: String,
    /// Azure Resource Manager endpoint.
    pub url: String,
    /// Tenant id.
    pub tenant: String,
    /// Application id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Subscription id.
    pub subscription: String,
    /// Resource group.
    pub resource_group: String,
    /// Workspace names.
    pub workspaces: Vec<String>,
}

/// How to reach the ServiceNow side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeskDescription {
    /// Instance URL.
    pub url: String,
    /// The integration user.
    pub user: String,
    /// Its password.
    pub password: String,
    /// OAuth client id.
    pub client_id: String,
    /// OAuth client secret.
    pub client_secret: String,
}

/// How to reach the admin endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdminDescription {
    /// Its URL.
    pub url: String,
    /// Its bearer token.
    pub token: String,
}

/// Both reference servers, serving until stopped or dropped.
pub struct Sandbox {
    stage: Arc<Stage>,
    description: Description,
    ca_pem: Option<String>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// Real time: the sandbox's worlds live in the present.
pub(crate) fn now() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Stamp(since.as_micros() as i64)
}

impl Sandbox {
    /// Makes the worlds, opens the ports and serves. Must be called within a tokio runtime.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        options.check().map_err(SandboxError::Options)?;
        let authority = match options.plain {
            true => None,
            false => Some(Authority::create().map_err(SandboxError::Tls)?),
        };
        let acceptor = || authority.as_ref().map(|a| a.acceptor.clone());
        let sentinel = Listener::bind(acceptor()).await?;
        let desk = Listener::bind(acceptor()).await?;
        let admin = Listener::bind(acceptor()).await?;

        let mut description = describe(&options, sentinel.origin(), desk.origin(), admin.origin());
        if let (Some(dir), Some(authority)) = (&options.dir, &authority) {
            description.ca = Some(files::write_ca(dir, &authority.pem)?);
        }
        let stage = Arc::new(set_stage(&options, &description)?);
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let workers = (options.throttle != Throttle::Free).then(|| Arc::new(Semaphore::new(DESK_THREADS)));
        tasks.spawn(sentinel.serve(Arc::new(Door::new(&stage, Side::Sentinel, None)), stopping.clone()));
        tasks.spawn(desk.serve(Arc::new(Door::new(&stage, Side::ServiceNow, workers)), stopping.clone()));
        let control = Admin::new(stage.clone(), description.admin.token.clone(), stop.clone());
        tasks.spawn(admin.serve(Arc::new(AdminDoor(control)), stopping.clone()));
        tasks.spawn(run_analysts(stage.clone(), stopping));
        Ok(Self { stage, description, ca_pem: authority.map(|a| a.pem), stop, tasks })
    }

    /// Addresses and credentials, complete.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The CA certificate as PEM; none when plain.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Both worlds with their faults and analysts, for tests and the demo.
    pub fn stage(&self) -> &Arc<Stage> {
        &self.stage
    }

    /// Analysts' acts as they happen from now on. A reader that falls far behind loses the
    /// oldest.
    pub fn entries(&self) -> broadcast::Receiver<AnalystEntry> {
        self.stage.entries()
    }

    /// Requests served so far, per side.
    pub fn traffic(&self) -> BTreeMap<Side, Traffic> {
        self.stage.traffic()
    }

    /// Waits until somebody stops the sandbox through the admin endpoint.
    pub async fn stopped(&self) {
        stopped(&mut self.stop.subscribe()).await;
    }

    /// Refuses new connections, lets open exchanges end for up to five seconds, and returns when
    /// all is quiet.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// REST threads of one ServiceNow node, and calls that may wait for one (documented).
const DESK_THREADS: usize = 4;
const DESK_QUEUE: usize = 50;

/// The door of one world: counts, draws faults, knows the threads behind it.
struct Door {
    stage: Arc<Stage>,
    side: Side,
    workers: Option<Arc<Semaphore>>,
    waiting: Arc<Semaphore>,
}

impl Door {
    fn new(stage: &Arc<Stage>, side: Side, workers: Option<Arc<Semaphore>>) -> Self {
        let waiting = Arc::new(Semaphore::new(DESK_THREADS + DESK_QUEUE));
        Self { stage: stage.clone(), side, workers, waiting }
    }
}

impl Handler for Door {
    fn deliver(&self, request: &Request) -> Delivery {
        self.stage.deliver(self.side, request, now())
    }

    fn now(&self) -> Stamp {
        now()
    }

    async fn worker(&self) -> Option<Worker> {
        let Some(workers) = self.workers.clone() else { return Some(Worker::holding(None)) };
        let _place = self.waiting.try_acquire().ok()?;
        Some(Worker::holding(workers.acquire_owned().await.ok()))
    }
}

struct AdminDoor(Admin);

impl Handler for AdminDoor {
    fn deliver(&self, request: &Request) -> Delivery {
        Delivery::Answer { response: self.0.handle(request, now()), delay: Duration::ZERO }
    }

    fn now(&self) -> Stamp {
        now()
    }

    async fn worker(&self) -> Option<Worker> {
        Some(Worker::holding(None))
    }
}

/// Lets the analysts act when their time comes. Checks back often enough that a changed rate is
/// felt at once.
async fn run_analysts(stage: Arc<Stage>, mut stop: watch::Receiver<bool>) {
    const LOOK: Duration = Duration::from_millis(200);
    loop {
        let at = now();
        let pause = match stage.next_act(at) {
            Some(due) if due <= at => {
                stage.play(at);
                continue_soon()
            }
            Some(due) => due.since(at).min(LOOK),
            None => LOOK,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// A breath between two acts that are both due, so that a high rate cannot keep the worlds
/// locked.
fn continue_soon() -> Duration {
    Duration::from_micros(200)
}

/// Ids follow from the seed, so that the same seed gives the same world; secrets are new in each
/// run.
fn describe(options: &SandboxOptions, sentinel: &str, desk: &str, admin: &str) -> Description {
    let id = |what: &str| {
        let name = format!("diptych-sandbox/{}/{what}", options.seed);
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
    };
    let secret = || format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    Description {
        ca: None,
        sentinel: SentinelDescription {
            authority: sentinel.to_owned(),
            url: sentinel.to_owned(),
            tenant: id("tenant"),
            client_id: id("client"),
            client_secret: secret(),
            subscription: id("subscription"),
            resource_group: "rg-security".into(),
            workspaces: options.workspace_names(),
        },
        servicenow: DeskDescription {
            url: desk.to_owned(),
            user: "diptych.integration".into(),
            password: secret(),
            client_id: uuid::Uuid::parse_str(&id("oauth")).unwrap_or_default().simple().to_string(),
            client_secret: secret(),
        },
        admin: AdminDescription { url: admin.to_owned(), token: secret() },
    }
}

fn set_stage(options: &SandboxOptions, d: &Description) -> Result<Stage, SandboxError> {
    let mut sentinel = SentinelWorld::new(SentinelOptions {
        seed: options.seed,
        tenant: d.sentinel.tenant.clone(),
        client_id: d.sentinel.client_id.clone(),
        client_secrets: vec![Secret { value: d.sentinel.client_secret.clone(), expires: None }],
        subscription: d.sentinel.subscription.clone(),
        resource_group: d.sentinel.resource_group.clone(),
        workspaces: d.sentinel.workspaces.clone(),
    });
    let desk = DeskWorld::new(DeskOptions {
        seed: options.seed,
        user: d.servicenow.user.clone(),
        password: d.servicenow.password.clone(),
        client_id: d.servicenow.client_id.clone(),
        client_secret: d.servicenow.client_secret.clone(),
        api_key: uuid::Uuid::new_v4().simple().to_string(),
    });
    seed_data::populate(&mut sentinel, &d.sentinel.workspaces, options.incidents, options.seed, now())
        .map_err(SandboxError::Seed)?;
    set_throttle(&mut sentinel, options.throttle).map_err(SandboxError::Seed)?;
    let faults = FaultPlan::new(options.faults, options.latency.clone(), options.seed);
    let analysts = Analysts::new(options.seed, options.analysts);
    Ok(Stage::new(sentinel, desk, faults, analysts, d.sentinel.workspaces.clone()))
}

/// Sentinel's limits are the world's own; ServiceNow's threads are the server's.
fn set_throttle(sentinel: &mut SentinelWorld, throttle: Throttle) -> Result<(), String> {
    match throttle {
        Throttle::Free => Ok(()),
        strict => sentinel.set_switch("throttle", &strict.name().into()),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{Certificate, Client, Method};
    use serde_json::{Value, json};

    use super::*;

    async fn start(options: SandboxOptions) -> (Sandbox, Client) {
        let sandbox = Sandbox::start(options).await.unwrap();
        let mut builder = Client::builder().no_proxy().timeout(Duration::from_secs(10));
        if let Some(pem) = sandbox.ca_pem() {
            builder = builder.tls_certs_only([Certificate::from_pem(pem.as_bytes()).unwrap()]);
        }
        (sandbox, builder.build().unwrap())
    }

    async fn admin(
        sandbox: &Sandbox,
        client: &Client,
        method: Method,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let d = &sandbox.description().admin;
        let call = client.request(method, format!("{}{path}", d.url)).bearer_auth(&d.token);
        let answer = call.body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    fn hang_free(profile: &str) -> SandboxOptions {
        SandboxOptions { incidents: 5, faults: profile.parse().unwrap(), ..SandboxOptions::default() }
    }

    #[tokio::test]
    async fn describes_itself_as_promised_and_serves_tls_with_its_own_ca() {
        let tmp = tempfile::tempdir().unwrap();
        let options =
            SandboxOptions { dir: Some(tmp.path().into()), incidents: 3, ..SandboxOptions::default() };
        let (sandbox, client) = start(options).await;
        let d = serde_json::to_value(sandbox.description()).unwrap();
        let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(keys(&d), "ca sentinel servicenow admin");
        assert_eq!(
            keys(&d["sentinel"]),
            "authority url tenant client_id client_secret subscription resource_group workspaces"
        );
        assert_eq!(keys(&d["servicenow"]), "url user password client_id client_secret");
        assert_eq!(keys(&d["admin"]), "url token");
        let pem = std::fs::read_to_string(d["ca"].as_str().unwrap()).unwrap();
        assert_eq!(Some(pem.as_str()), sandbox.ca_pem());

        let url = format!("{}/api/now/table/incident", sandbox.description().servicenow.url);
        let answer = client.get(&url).send().await.unwrap();
        assert!(answer.headers().contains_key("date") && answer.headers().contains_key("content-length"));
        assert!(Client::builder().no_proxy().build().unwrap().get(&url).send().await.is_err(), "unknown CA");
        assert_eq!(sandbox.traffic()[&Side::ServiceNow].requests, 1);
        sandbox.stop().await;
        assert!(client.get(&url).send().await.is_err(), "nobody listens after the stop");
    }

    #[tokio::test]
    async fn admin_sets_what_it_should_and_admits_nobody_without_the_token() {
        let (sandbox, client) = start(hang_free("none")).await;
        let url = format!("{}/switches", sandbox.description().admin.url);
        assert_eq!(client.get(&url).send().await.unwrap().status(), 401);
        assert_eq!(client.get(&url).bearer_auth("wrong").send().await.unwrap().status(), 401);

        let (status, switches) = admin(&sandbox, &client, Method::GET, "/switches", json!(null)).await;
        assert_eq!(status, 200);
        assert!(switches["sentinel"].is_object() && switches["servicenow"].is_object());
        let (status, refusal) =
            admin(&sandbox, &client, Method::PUT, "/switches/sentinel/no-such", json!(1)).await;
        assert_eq!(status, 400);
        assert!(refusal["error"].as_str().is_some_and(|e| !e.is_empty()));

        let (_, faults) =
            admin(&sandbox, &client, Method::POST, "/faults", json!({"profile": "heavy"})).await;
        assert_eq!(faults["profile"], "heavy");
        let (_, rate) = admin(&sandbox, &client, Method::POST, "/analysts", json!({"rate": "30/m"})).await;
        assert_eq!(rate["rate"], 0.5);
        let (status, _) = admin(&sandbox, &client, Method::POST, "/analysts", json!({"rate": -1})).await;
        assert_eq!(status, 400);
        assert_eq!(admin(&sandbox, &client, Method::GET, "/nothing", json!(null)).await.0, 404);

        let mut entries = sandbox.entries();
        let raise = json!({"act": "raise", "title": "By hand", "severity": "Low", "labels": ["snow"]});
        let (_, made) = admin(&sandbox, &client, Method::POST, "/act", raise).await;
        let guid = made["incident"].as_str().unwrap();
        let status = json!({"act": "status", "incident": guid, "value": "Active", "by": "ksato"});
        assert_eq!(admin(&sandbox, &client, Method::POST, "/act", status).await.0, 200);
        let (_, facts) = admin(&sandbox, &client, Method::GET, "/facts/sentinel/soc-emea", json!(null)).await;
        let found = facts["incidents"].as_array().unwrap().iter().find(|f| f["guid"] == guid).unwrap();
        assert_eq!((found["title"].as_str(), found["status"].as_str()), (Some("By hand"), Some("Active")));
        assert!(entries.recv().await.unwrap().what.contains("By hand"));
        let nonsense = json!({"act": "explode"});
        assert_eq!(admin(&sandbox, &client, Method::POST, "/act", nonsense).await.0, 400);

        assert_eq!(admin(&sandbox, &client, Method::POST, "/stop", json!({})).await.0, 200);
        sandbox.stopped().await;
        sandbox.stop().await;
    }

    #[tokio::test]
    async fn faults_reach_the_wire() {
        for plain in [true, false] {
            let options = SandboxOptions { plain, ..hang_free("only:servicenow.drop-before") };
            let (sandbox, client) = start(options).await;
            let url = format!("{}/api/now/table/incident", sandbox.description().servicenow.url);
            let plan = |profile: &str| {
                let profile = profile.parse().unwrap();
                sandbox.stage().with_faults(|plan| plan.set_profile(profile));
            };
            assert!(client.get(&url).send().await.is_err(), "no byte of an answer");
            plan("only:reset-body");
            let answer = client.get(&url).send().await.unwrap();
            assert!(answer.bytes().await.is_err(), "the body breaks off");
            plan("only:accepted-nothing");
            assert_eq!(client.get(&url).send().await.unwrap().status(), 202);
            sandbox.stage().with_faults(|plan| plan.hang = Duration::from_millis(20));
            plan("only:timeout-after");
            assert!(client.get(&url).send().await.is_err());
            plan("none");
            assert!(client.get(&url).send().await.is_ok());
            assert_eq!(sandbox.traffic()[&Side::ServiceNow].faults, 4);
            sandbox.stop().await;
        }
    }

    #[tokio::test]
    async fn analysts_act_while_it_runs() {
        let options =
            SandboxOptions { plain: true, incidents: 5, analysts: 200.0, ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        let mut entries = sandbox.entries();
        for _ in 0..10 {
            let entry = tokio::time::timeout(Duration::from_secs(10), entries.recv()).await.unwrap();
            assert_eq!(entry.unwrap().side, Side::Sentinel, "no record is linked yet");
        }
        sandbox.stop().await;
    }
}
