//! The running sandbox: three loopback listeners around the worlds, the analysts' clock, and what
//! a caller may see and do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

mod description;
mod files;
pub(crate) mod listener;
mod payload;
mod tls;

use description::describe;
pub use description::{AdminDescription, Description, DeskDescription, SentinelDescription};
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
    places: Arc<Semaphore>,
}

impl Door {
    fn new(stage: &Arc<Stage>, side: Side, workers: Option<Arc<Semaphore>>) -> Self {
        let places = Arc::new(Semaphore::new(DESK_THREADS + DESK_QUEUE));
        Self { stage: stage.clone(), side, workers, places }
    }
}

impl Handler for Door {
    fn deliver(&self, request: &Request) -> Delivery {
        self.stage.deliver(self.side, request, now())
    }

    fn commit(&self, request: &Request) {
        self.stage.commit(self.side, request, now());
    }

    fn now(&self) -> Stamp {
        now()
    }

    async fn worker(&self) -> Option<Worker> {
        let Some(workers) = self.workers.clone() else { return Some(Worker::default()) };
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            self.stage.count_refused(self.side);
            return None;
        };
        let mut permits = vec![place];
        permits.extend(workers.acquire_owned().await);
        Some(Worker::holding(permits))
    }
}

struct AdminDoor(Admin);

impl Handler for AdminDoor {
    fn deliver(&self, request: &Request) -> Delivery {
        Delivery::Answer { response: self.0.handle(request, now()), delay: Duration::ZERO }
    }

    fn commit(&self, _: &Request) {}

    fn now(&self) -> Stamp {
        now()
    }

    async fn worker(&self) -> Option<Worker> {
        Some(Worker::default())
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

fn set_stage(options: &SandboxOptions, d: &Description) -> Result<Stage, SandboxError> {
    let at = now();
    let mut sentinel = SentinelWorld::new(SentinelOptions {
        seed: options.seed,
        tenant: d.sentinel.tenant.clone(),
        client_id: d.sentinel.client_id.clone(),
        client_secrets: vec![Secret { value: d.sentinel.client_secret.clone(), expires: None }],
        subscription: d.sentinel.subscription.clone(),
        resource_group: d.sentinel.resource_group.clone(),
        workspaces: d.sentinel.workspaces.clone(),
    });
    let mut desk = DeskWorld::new(DeskOptions {
        seed: options.seed,
        user: d.servicenow.user.clone(),
        password: d.servicenow.password.clone(),
        client_id: d.servicenow.client_id.clone(),
        client_secret: d.servicenow.client_secret.clone(),
        api_key: uuid::Uuid::new_v4().simple().to_string(),
    });
    let filled =
        seed_data::populate(&mut sentinel, &d.sentinel.workspaces, options.incidents, options.seed, at);
    filled.map_err(SandboxError::Seed)?;
    seed_data::populate_desk(&mut desk, options.incidents / 2, options.seed, at)
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
mod tests;
