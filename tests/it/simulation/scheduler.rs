//! Virtual time and the order of things.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use diptych::engine::machine::{Effect, EffectId, Event, Machine, Mode, Now, Reply, Request};
use diptych::http::{Base, Clock, Secret, TokenCache, Transport};
use diptych::model::settings::*;
use diptych::model::{InstanceKey, RecordShape, TableName, WorkspaceKey};
use diptych::sandbox::analysts::Analysts;
use diptych::sandbox::faults::FaultPlan;
use diptych::sandbox::latency::Latency;
use diptych::sandbox::sentinel::{Secret as WorldSecret, SentinelOptions, SentinelWorld};
use diptych::sandbox::servicenow::{DeskOptions, DeskWorld};
use diptych::sandbox::side::Side;
use diptych::sandbox::stage::Stage;
use diptych::sentinel::{
    ArmClient, ArmGates, ArmRates, ArmSettings, EntraGrant, EntraSettings, IncidentSource,
};
use diptych::servicenow::{DeskClient, DeskLogin, DeskSettings, RecordDesk, desk_tokens};
use diptych::store::Store;
use diptych::sync::marker::MarkerKeys;

use super::link_of_worlds::{DESK, Late, SENTINEL, Time, WorldTransport};
use super::{Worlds, check_in_step};

const TENANT: &str = "11111111-1111-1111-1111-111111111111";
const SUBSCRIPTION: &str = "22222222-2222-2222-2222-222222222222";
pub const WORKSPACE: &str = "soc-prod";
const USER: &str = "diptych.sync";
const SETTLE: Duration = Duration::from_secs(20);

/// What a simulation is made of.
pub struct Setting {
    pub seed: u64,
    pub incidents: usize,
    pub rate: f64,
    pub faults: String,
}

#[expect(clippy::large_enum_variant, reason = "few exist at a time")]
enum Happening {
    Carry(Effect),
    Done(EffectId, Reply),
    Act,
    Late(Box<Late>),
}

struct Due {
    at: Duration,
    order: u64,
    life: u32,
    what: Happening,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// One run.
pub struct Simulation {
    runtime: tokio::runtime::Runtime,
    pub stage: Arc<Stage>,
    time: Arc<Time>,
    transport: Arc<WorldTransport>,
    source: Arc<dyn IncidentSource>,
    desk: Arc<dyn RecordDesk>,
    store: Store,
    folder: tempfile::TempDir,
    machine: Machine,
    queue: BinaryHeap<Reverse<Due>>,
    order: u64,
    /// Counts the lives of the engine: replies of an earlier one are lost.
    life: u32,
    rng: fastrand::Rng,
    lease_clock: Duration,
    commits: u64,
    traced: bool,
}

fn settings(life: u32) -> EngineSettings {
    let table = TableName::new("incident").unwrap();
    EngineSettings {
        workspaces: vec![WorkspaceSettings {
            key: WorkspaceKey::new("prod").unwrap(),
            name: WORKSPACE.into(),
            enabled: true,
            route: Route {
                instance: InstanceKey::new("sn").unwrap(),
                shape: RecordShape::for_table(&table),
                table,
                on_create: BTreeMap::new(),
                caller: String::new(),
            },
            filter: Filter { labels: vec!["snow".into()], ..Filter::default() },
            max_age: Duration::from_secs(30 * 86_400),
            poll: Duration::from_secs(10),
            overlap: Duration::from_secs(300),
            policies: Policies::default(),
            first_contact: FirstContact::Go,
            born_closed: BornClosed::Create,
            in_flight: 4,
        }],
        instances: vec![InstanceSettings {
            key: InstanceKey::new("sn").unwrap(),
            url: DESK.into(),
            settle: SETTLE,
            in_flight: 2,
            overlap: Duration::from_secs(120),
            deep: Pass { back: Duration::from_secs(900), every: Duration::from_secs(300) },
            sweep_every: Duration::from_secs(86_400),
            own_user: String::new(),
        }],
        lease: Duration::from_secs(15),
        lease_margin: Duration::from_secs(5),
        holder: format!("simulation {life}"),
        seed: 7,
    }
}

impl Simulation {
    pub fn new(setting: Setting) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let time = Arc::new(Time::default());
        let mut sentinel = SentinelWorld::new(SentinelOptions {
            seed: setting.seed,
            tenant: TENANT.into(),
            client_id: "app".into(),
            client_secrets: vec![WorldSecret { value: "secret".into(), expires: None }],
            subscription: SUBSCRIPTION.into(),
            resource_group: "soc".into(),
            workspaces: vec![WORKSPACE.into()],
        });
        diptych::sandbox::seed_data::populate(
            &mut sentinel,
            &[WORKSPACE.to_owned()],
            setting.incidents,
            setting.seed,
            time.now(),
        )
        .unwrap();
        let desk_world = DeskWorld::new(DeskOptions {
            seed: setting.seed,
            user: USER.into(),
            password: "password".into(),
            ..DeskOptions::default()
        });
        let mut plan = FaultPlan::new(setting.faults.parse().unwrap(), Latency::default(), setting.seed);
        plan.hang = Duration::from_secs(3);
        plan.late = Duration::from_secs(6);
        let mut analysts = Analysts::new(setting.seed, setting.rate);
        for deed in [
            diptych::sandbox::analysts::Deed::Merge,
            diptych::sandbox::analysts::Deed::AutoClose,
            diptych::sandbox::analysts::Deed::AutoReopen,
        ] {
            analysts.set_weight(deed, 0);
        }
        let stage = Arc::new(Stage::new(sentinel, desk_world, plan, analysts, vec![WORKSPACE.into()]));
        let transport = Arc::new(WorldTransport {
            stage: stage.clone(),
            time: time.clone(),
            late: Default::default(),
            took: Default::default(),
        });
        let folder = tempfile::tempdir().unwrap();
        let store = runtime.block_on(Store::open_for_simulation(&folder.path().join("store.db"))).unwrap();
        let (source, desk) = clients(&transport, &time);
        let now = Now { utc: time.now(), mono: Duration::ZERO };
        let machine = machine(0, now);
        let mut sim = Self {
            runtime,
            stage,
            time,
            transport,
            source,
            desk,
            store,
            folder,
            machine,
            queue: BinaryHeap::new(),
            order: 0,
            life: 0,
            rng: fastrand::Rng::with_seed(setting.seed),
            lease_clock: Duration::ZERO,
            commits: 0,
            traced: std::env::var_os("DIPTYCH_TRACE").is_some(),
        };
        let effects = sim.machine.start(now);
        sim.take_up(effects);
        sim.plan_act();
        sim
    }

    fn now(&self) -> Now {
        Now { utc: self.time.now(), mono: self.time.since_start() }
    }

    fn push(&mut self, after: Duration, what: Happening) {
        self.order += 1;
        let at = self.time.since_start() + after;
        self.queue.push(Reverse(Due { at, order: self.order, life: self.life, what }));
    }

    fn take_up(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match &effect.what {
                Request::Timer(pause) => {
                    let pause = *pause;
                    self.push(pause, Happening::Done(effect.id, Reply::Timer));
                }
                Request::Store(_) => self.push(Duration::ZERO, Happening::Carry(effect)),
                _ => {
                    let way = Duration::from_millis(self.rng.u64(1..60));
                    self.push(way, Happening::Carry(effect));
                }
            }
        }
    }

    /// Every effect and reply on standard error with `DIPTYCH_TRACE=1`, for a seed that fails.
    fn trace(&self, way: &str, what: &str) {
        if self.traced {
            eprintln!("{:>9.3} {} {way} {what}", self.time.since_start().as_secs_f64(), self.life);
        }
    }

    fn plan_act(&mut self) {
        let now = self.time.now();
        if let Some(at) = self.stage.next_act(now) {
            self.push(at.since(now), Happening::Act);
        }
    }

    pub fn run_for(&mut self, span: Duration) {
        let until = self.time.since_start() + span;
        while self.queue.peek().is_some_and(|Reverse(d)| d.at <= until) {
            let Some(Reverse(due)) = self.queue.pop() else { break };
            self.time.set(due.at.max(self.time.since_start()));
            let lost = due.life != self.life;
            match due.what {
                Happening::Act => {
                    let now = self.time.now();
                    self.stage.play(now);
                    self.plan_act();
                }
                Happening::Late(late) => {
                    let now = self.time.now();
                    self.stage.commit(late.side, &late.request, now);
                }
                // What was on its way when the engine was killed still reaches the servers, but
                // nobody hears the answer; what was not sent yet never is.
                Happening::Carry(_) | Happening::Done(..) if lost => {}
                Happening::Carry(effect) => self.carry(effect),
                Happening::Done(id, reply) => {
                    let now = self.now();
                    let effects = self.machine.step(Event::Done(id, reply), now);
                    self.take_up(effects);
                }
            }
        }
        self.time.set(until);
    }

    fn carry(&mut self, effect: Effect) {
        self.trace("→", &format!("{:?}", effect.what));
        let reply = match effect.what {
            Request::Store(ask) => {
                let since = self.time.since_start();
                if since.saturating_sub(self.lease_clock) > Duration::from_millis(400) {
                    self.lease_clock = since;
                    self.runtime.block_on(self.store.set_simulated_clock(self.time.now())).unwrap();
                }
                self.commits += u64::from(matches!(ask, diptych::model::ledger::Ask::Commit(_)));
                Reply::Store(self.runtime.block_on(self.store.ask(ask)))
            }
            Request::Sentinel(_, call) => Reply::Sentinel(self.runtime.block_on(self.source.call(call))),
            Request::Desk(_, call) => Reply::Desk(self.runtime.block_on(self.desk.call(call))),
            Request::Timer(_) => Reply::Timer,
        };
        self.trace("←", &format!("{reply:?}"));
        let lates: Vec<Late> = std::mem::take(&mut *self.transport.late.lock().unwrap());
        for late in lates {
            let after = late.at.saturating_sub(self.time.since_start());
            self.push(after, Happening::Late(Box::new(late)));
        }
        let took = self.transport.take_time() + self.time.take_slept();
        let way = if matches!(reply, Reply::Store(_)) {
            Duration::from_micros(200)
        } else {
            took + Duration::from_millis(self.rng.u64(1..60))
        };
        self.push(way, Happening::Done(effect.id, reply));
    }

    /// Ends the engine as a power cut would, and starts another on the same store.
    pub fn kill(&mut self) {
        self.life += 1;
        self.run_for(Duration::from_secs(20));
        let now = self.now();
        self.machine = machine(self.life, now);
        let (source, desk) = clients(&self.transport, &self.time);
        (self.source, self.desk) = (source, desk);
        let effects = self.machine.start(now);
        self.take_up(effects);
        // Acts are planned in their life; a new one needs a new plan.
        self.plan_act();
    }

    /// From now on these faults.
    pub fn strike(&self, profile: &str) {
        self.stage.with_faults(|f| f.set_profile(profile.parse().unwrap()));
    }

    /// Transactions so far.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// The store is gone with the machine; a new one starts empty, under the same keys.
    pub fn lose_store(&mut self) {
        self.life += 1;
        self.run_for(Duration::from_secs(20));
        let path = self.folder.path().join("second.db");
        self.store = self.runtime.block_on(Store::open_for_simulation(&path)).unwrap();
        self.lease_clock = Duration::ZERO;
        let now = self.now();
        self.machine = machine(self.life, now);
        let effects = self.machine.start(now);
        self.take_up(effects);
    }

    /// No more faults, no more people.
    pub fn calm(&mut self) {
        self.stage.set_rate(0.0);
        self.stage.with_faults(|f| f.set_profile("none".parse().unwrap()));
    }

    pub fn worlds(&self) -> Worlds {
        Worlds {
            incidents: self.stage.with_sentinel(|s| s.facts(WORKSPACE)),
            records: self.stage.with_desk(|d| d.records("incident")),
            integration_user: USER.into(),
            key: "prod".into(),
        }
    }

    pub fn assert_in_step(&self, seed: u64) {
        let problems = check_in_step(&self.worlds());
        assert!(problems.is_empty(), "seed {seed}:\n{}", problems.join("\n"));
    }

    /// So many passes without a single write.
    pub fn assert_idle(&mut self, passes: u32) {
        let writes = |s: &Self| s.writes(Side::Sentinel) + s.writes(Side::ServiceNow);
        let before = writes(self);
        self.run_for(Duration::from_secs(11) * passes);
        assert_eq!(writes(self) - before, 0, "writes in idle passes");
    }

    /// Writes so far on a side.
    pub fn writes(&self, side: Side) -> u64 {
        self.stage.traffic().get(&side).map_or(0, |t| t.writes)
    }

    /// Somebody does something in Sentinel now.
    pub fn act_in_sentinel(
        &self,
        guid: &str,
        act: &diptych::sandbox::sentinel::IncidentAct,
        who: &diptych::sandbox::people::Person,
    ) {
        let now = self.time.now();
        self.stage.with_sentinel(|s| s.act(WORKSPACE, guid, act, who, now)).unwrap();
    }

    /// Somebody does something in ServiceNow now.
    pub fn act_in_servicenow(&self, sys_id: &str, act: &diptych::sandbox::servicenow::DeskAct, who: &str) {
        let now = self.time.now();
        self.stage.with_desk(|d| d.act("incident", sys_id, act, who, now)).unwrap();
    }

    /// The record of an incident.
    pub fn record_of(&self, guid: &str) -> diptych::sandbox::servicenow::RecordFacts {
        let id = format!("diptych:prod:{}", guid.to_lowercase());
        let records = self.worlds().records;
        records.into_iter().find(|r| r.fields.get("correlation_id") == Some(&id)).unwrap()
    }

    /// Requests so far on a side.
    pub fn requests(&self, side: Side) -> u64 {
        self.stage.traffic().get(&side).map_or(0, |t| t.requests)
    }
}

fn machine(life: u32, now: Now) -> Machine {
    let keys = MarkerKeys::new([b"simulation".to_vec()]);
    Machine::new(settings(life), keys, BTreeMap::new(), Mode::Run, now)
}

fn clients(
    transport: &Arc<WorldTransport>,
    time: &Arc<Time>,
) -> (Arc<dyn IncidentSource>, Arc<dyn RecordDesk>) {
    let transport: Arc<dyn Transport> = transport.clone();
    let clock: Arc<dyn Clock> = time.clone();
    let base = Base::parse(SENTINEL, false).unwrap();
    let entra = EntraSettings {
        authority: base.clone(),
        audience: base.clone(),
        tenant: TENANT.into(),
        client_id: "app".into(),
        scope: format!("{SENTINEL}/.default"),
    };
    let grant =
        EntraGrant::new(entra, vec![Secret::new("secret")], transport.clone(), clock.clone()).unwrap();
    let tokens = Arc::new(TokenCache::new(grant, clock.clone()));
    let gates = Arc::new(ArmGates::new(&ArmRates::off()));
    let key = WorkspaceKey::new("prod").unwrap();
    let arm = ArmSettings::new(base, key, SUBSCRIPTION, "soc", WORKSPACE);
    let source = ArmClient::new(arm, transport.clone(), clock.clone(), gates, tokens).unwrap();
    let base = Base::parse(DESK, false).unwrap();
    let login = DeskLogin::Basic { user: USER.into(), password: Secret::new("password") };
    let tokens = desk_tokens(&base, login, transport.clone(), clock.clone()).unwrap();
    let settings = DeskSettings::new(base, InstanceKey::new("sn").unwrap());
    let desk = DeskClient::new(settings, transport, clock, tokens).unwrap();
    (Arc::new(source), Arc::new(desk))
}
