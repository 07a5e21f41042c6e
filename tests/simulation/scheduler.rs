//! The run: a queue of what happens when, and one thing at a time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use diptych::engine::machine::{Effect, EffectId, Event, Now, Recovery, Reply, Request};
use diptych::model::ledger::Ask;
use diptych::model::settings::{AlertNotes, ClosedPartner, CustomerComments, RelatedRows};
use diptych::sandbox::analysts::{Analysts, Deed};
use diptych::sandbox::faults::FaultPlan;
use diptych::sandbox::latency::Latency;
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::{IncidentAct, Secret as WorldSecret, SentinelOptions, SentinelWorld};
use diptych::sandbox::servicenow::{DeskOptions, DeskWorld};
use diptych::sandbox::stage::Stage;
use diptych::sandbox::wire::World;
use diptych::store::Store;
use diptych::text::Stamp;

use super::dialect::Dialect;
use super::process::Process;
use super::setting::{KEY, SUBSCRIPTION, Setting, TENANT, USER, WORKSPACE};
use super::store_app;
use super::time::Time;
use super::trace::Trace;
use super::upset::{Moment, Upsets};
use super::wire::{Late, WorldTransport};

#[expect(clippy::large_enum_variant, reason = "few exist at a time")]
pub(super) enum Happening {
    /// An effect reaches its service or the store.
    Carry(Effect),
    /// Its reply reaches the machine.
    Done(EffectId, Reply),
    /// Somebody of the sandbox's own analysts acts.
    Act,
    /// A request whose client gave up is committed.
    Late(Box<Late>),
    /// A process that was killed starts again.
    Restart,
}

pub(super) struct Due {
    at: Duration,
    order: u64,
    pub slot: usize,
    pub life: u32,
    pub what: Happening,
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

/// Effects of a run that has gone astray; the largest sound ones need a fifth of it.
const MOST_EFFECTS: u64 = 60_000;

/// One run.
pub struct Simulation {
    pub setting: Setting,
    pub stage: Arc<Stage>,
    /// How whoever syncs writes things down.
    pub dialect: Dialect,
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) time: Arc<Time>,
    pub(super) transport: Arc<WorldTransport>,
    pub(super) store: Store,
    pub(super) folder: tempfile::TempDir,
    /// Processes on this host; the first one is the main one, a second may come and go.
    pub(super) processes: [Option<Process>; 2],
    pub(super) lives: u32,
    pub(super) upsets: Upsets,
    /// Of processes that are dead.
    pub(super) recoveries: BTreeMap<Recovery, u64>,
    pub(super) rng: fastrand::Rng,
    pub(super) trace: Trace,
    pub(super) lease_clock: Option<Duration>,
    queue: BinaryHeap<Reverse<Due>>,
    order: u64,
    commits: u64,
    effects: u64,
}

/// Share of a lease that may pass before the store's clock is turned.
const CLOCK_STEP: u32 = 30;

impl Simulation {
    pub fn new(setting: Setting) -> Self {
        Self::with_trace(setting, false)
    }

    /// As [`Simulation::new`]; keeps the event log if `keep`.
    pub fn with_trace(setting: Setting, keep: bool) -> Self {
        let runtime = runtime();
        let time = Arc::new(Time::default());
        let stage = Arc::new(stage(&setting, &time));
        let before = (setting.made_before > 0).then_some(store_app::app().user_name);
        let alerts = setting.alerts == AlertNotes::Note;
        let open = |(name, value): &(&str, serde_json::Value)| *name == "sir_process" && value == "open";
        let ours = Dialect::ours(KEY).in_table(setting.table, !setting.switches.iter().any(open));
        let customers = setting.customer_comments != CustomerComments::Off;
        let goes_on = setting.closed_partner == ClosedPartner::New;
        let transport = Arc::new(WorldTransport::new(stage.clone(), time.clone(), setting.dated));
        let folder = folder();
        let store = open_store(&runtime, &folder, "store.db", setting.custom);
        let mut sim = Self {
            rng: fastrand::Rng::with_seed(setting.seed),
            setting,
            stage,
            dialect: Dialect { customers, alerts, goes_on, took_over_from: before, ..ours },
            runtime,
            time,
            transport,
            store,
            folder,
            processes: [None, None],
            lives: 0,
            upsets: Upsets::default(),
            recoveries: BTreeMap::new(),
            trace: Trace::new(keep),
            lease_clock: None,
            queue: BinaryHeap::new(),
            order: 0,
            commits: 0,
            effects: 0,
        };
        sim.start_process(0);
        sim.plan_act();
        sim
    }

    /// Starts a fresh process in a slot.
    pub(super) fn start_process(&mut self, slot: usize) {
        let now = self.now();
        let life = self.lives;
        self.lives += 1;
        let mut process = Process::new(&self.setting, life, now, &self.transport, &self.time);
        let effects = process.machine.start(now);
        self.trace.line(now.mono, life, || format!("process {slot} starts"));
        self.processes[slot] = Some(process);
        self.take_up(slot, effects);
    }

    pub(super) fn now(&self) -> Now {
        Now { utc: self.time.local(), mono: self.time.since_start() }
    }

    /// Virtual time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.time.since_start()
    }

    fn life(&self, slot: usize) -> u32 {
        self.processes[slot].as_ref().map_or(u32::MAX, |p| p.life)
    }

    pub(super) fn push(&mut self, slot: usize, after: Duration, what: Happening) {
        self.order += 1;
        let at = self.time.since_start() + after;
        let life = self.life(slot);
        self.queue.push(Reverse(Due { at, order: self.order, slot, life, what }));
    }

    fn take_up(&mut self, slot: usize, effects: Vec<Effect>) {
        for effect in effects {
            match &effect.what {
                Request::Timer(pause) => {
                    let pause = *pause;
                    self.push(slot, pause, Happening::Done(effect.id, Reply::Timer));
                }
                Request::Store(_) => self.push(slot, Duration::ZERO, Happening::Carry(effect)),
                _ => {
                    let way = Duration::from_millis(self.rng.u64(1..60));
                    self.push(slot, way, Happening::Carry(effect));
                }
            }
        }
    }

    fn plan_act(&mut self) {
        let now = self.time.world();
        if let Some(at) = self.stage.next_act(now) {
            self.push(0, at.since(now), Happening::Act);
        }
    }

    pub fn run_for(&mut self, span: Duration) {
        self.run_until(self.time.since_start() + span);
    }

    /// Lets everything happen that is due up to a moment.
    pub fn run_until(&mut self, until: Duration) {
        while self.queue.peek().is_some_and(|Reverse(d)| d.at <= until) && !self.ran_away() {
            let Some(Reverse(due)) = self.queue.pop() else { break };
            self.time.set(due.at.max(self.time.since_start()));
            self.happen(due);
        }
        self.time.set(until.max(self.time.since_start()));
    }

    fn happen(&mut self, due: Due) {
        let lost = due.life != self.life(due.slot);
        match due.what {
            Happening::Act => {
                let now = self.time.world();
                self.stage.play(now);
                self.plan_act();
            }
            Happening::Late(late) => {
                let now = self.time.world();
                self.trace.line(self.time.since_start(), due.life, || "a late commit".into());
                self.stage.commit(late.side, &late.request, now);
            }
            Happening::Restart if self.upsets.resting => {}
            Happening::Restart => self.restart(due.slot),
            Happening::Carry(effect) if lost => self.carry_orphan(effect),
            Happening::Done(..) if lost => {}
            Happening::Carry(effect) => self.carry(due.slot, effect),
            Happening::Done(id, reply) => {
                if let Some(rest) = self.still_paused(due.slot) {
                    self.push(due.slot, rest, Happening::Done(id, reply));
                    return;
                }
                let now = self.now();
                let Some(process) = &mut self.processes[due.slot] else { return };
                let effects = process.machine.step(Event::Done(id, reply), now);
                self.take_up(due.slot, effects);
            }
        }
    }

    fn carry(&mut self, slot: usize, effect: Effect) {
        self.effects += 1;
        let kill = self.upsets.count_down(slot);
        if kill == Some(false) {
            return self.kill_now(slot);
        }
        let at = self.time.since_start();
        let life = self.life(slot);
        self.trace.line(at, life, || format!("→ {:?}", effect.what));
        let moment = Moment::of(&effect.what);
        let reply = self.execute(slot, effect.what);
        self.trace.line(at, life, || format!("← {reply:?}"));
        self.take_late(slot);
        let took = self.transport.take_time() + self.time.take_slept();
        let way = if matches!(reply, Reply::Store(_)) {
            Duration::from_micros(200)
        } else {
            took + Duration::from_millis(self.rng.u64(1..60))
        };
        if kill == Some(true) {
            return self.kill_now(slot);
        }
        self.push(slot, way, Happening::Done(effect.id, reply));
        if let Some(moment) = moment {
            self.moment_came(slot, moment);
        }
    }

    pub(super) fn take_late(&mut self, slot: usize) {
        let lates: Vec<Late> = std::mem::take(&mut *self.transport.late.lock().unwrap());
        for late in lates {
            let after = late.at.saturating_sub(self.time.since_start());
            self.push(slot, after, Happening::Late(Box::new(late)));
        }
    }

    pub(super) fn execute(&mut self, slot: usize, what: Request) -> Reply {
        let Some(process) = &self.processes[slot] else { return Reply::Timer };
        match what {
            Request::Store(ask) => {
                self.commits += u64::from(matches!(ask, Ask::Commit(_)));
                self.turn_clock();
                Reply::Store(self.runtime.block_on(self.store.ask(ask)))
            }
            Request::Sentinel(_, call) => Reply::Sentinel(self.runtime.block_on(process.source.call(call))),
            Request::Desk(key, call) => Reply::Desk(self.runtime.block_on(process.desks[&key].call(call))),
            Request::Timer(_) => Reply::Timer,
        }
    }

    /// Turns the store's clock, by which leases are timed, to the local one.
    pub(super) fn turn_clock(&mut self) {
        let since = self.time.since_start();
        if self.lease_clock.is_some_and(|last| since.saturating_sub(last) <= self.setting.lease / CLOCK_STEP)
        {
            return;
        }
        // A full disk may refuse; then it is turned with the next call.
        if self.runtime.block_on(self.store.set_simulated_clock(self.time.local())).is_ok() {
            self.lease_clock = Some(since);
        }
    }

    /// Transactions so far.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// Effects carried out so far.
    pub fn effects(&self) -> u64 {
        self.effects
    }

    /// True when far more was done than any run of this size calls for: something goes in circles.
    pub fn ran_away(&self) -> bool {
        self.effects > MOST_EFFECTS
    }

    /// Lives of processes so far.
    pub fn lives(&self) -> u32 {
        self.lives
    }

    /// The event log, if it was kept.
    pub fn take_trace(&mut self) -> Vec<String> {
        self.trace.take()
    }
}

fn stage(setting: &Setting, time: &Time) -> Stage {
    let mut sentinel = SentinelWorld::new(SentinelOptions {
        seed: setting.seed,
        tenant: TENANT.into(),
        client_id: "app".into(),
        client_secrets: vec![WorldSecret { value: "secret".into(), expires: None }],
        subscription: SUBSCRIPTION.into(),
        resource_group: "soc".into(),
        workspaces: vec![WORKSPACE.into()],
    });
    if setting.throttle {
        sentinel.set_switch("throttle", &"floor".into()).unwrap();
    }
    let name = [WORKSPACE.to_owned()];
    diptych::sandbox::seed_data::populate(
        &mut sentinel,
        &name,
        setting.incidents,
        setting.seed,
        time.world(),
    )
    .unwrap();
    if setting.crowded > 0 {
        crowd(&mut sentinel, setting.crowded, time.world());
    }
    if setting.related_rows == RelatedRows::On {
        super::related::raise(&mut sentinel, time.world());
    }
    let mut desk = DeskWorld::new(DeskOptions {
        seed: setting.seed,
        user: USER.into(),
        password: "password".into(),
        ..DeskOptions::default()
    });
    if !setting.domain_user.is_empty() {
        desk.add_integration(setting.domain_user, "password");
    }
    if setting.custom {
        desk.set_switch("custom_fields", &super::custom::columns()).unwrap();
    }
    for (switch, value) in &setting.switches {
        desk.set_switch(switch, value).unwrap();
    }
    let waiting = sentinel.facts(WORKSPACE).into_iter();
    let waiting = waiting.filter(|i| i.status != "Closed" && i.labels.iter().any(|l| l == "snow"));
    for (n, incident) in waiting.take(setting.made_before).enumerate() {
        let sys_id = store_app::make(&mut desk, &incident, n, time.world());
        let missed = format!("missed by the app {:04X}-8{n:05}", setting.seed & 0xFFFF);
        let pair = (incident.guid.as_str(), sys_id.as_str());
        store_app::talk(&mut sentinel, &mut desk, pair, &missed, time.world());
    }
    let latency: Latency = setting.latency.parse().unwrap();
    let mut plan = FaultPlan::new(setting.faults.parse().unwrap(), latency, setting.seed);
    plan.hang = setting.hang;
    plan.late = setting.late;
    plan.transaction = setting.transaction;
    let mut analysts = Analysts::new(setting.seed, setting.rate);
    for deed in [Deed::Merge, Deed::AutoClose, Deed::AutoReopen] {
        analysts.set_weight(deed, 0);
    }
    Stage::new(sentinel, desk, plan, analysts, name.to_vec())
}

/// Gives one incident so many comments (the service takes 100).
fn crowd(sentinel: &mut SentinelWorld, comments: usize, now: Stamp) {
    let facts = sentinel.facts(WORKSPACE);
    let Some(incident) = facts.iter().find(|i| i.labels.iter().any(|l| l == "snow")) else { return };
    for n in incident.comments.len()..comments {
        let seen = IncidentAct::Comment(format!("seen, entry {n}"));
        sentinel.act(WORKSPACE, &incident.guid, &seen, &CAST[2], now).unwrap();
    }
}

/// A runtime without sockets: it waits for the store's thread by a futex then, which costs less than the
/// event poll.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// Where a run's store lies: in memory where the system has such a place, for no run needs its disk.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A store file of the newest schema, made once: migrating it anew for each run would cost more
/// than many a run.
fn template() -> &'static [u8] {
    static TEMPLATE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let runtime = runtime();
        let folder = folder();
        let path = folder.path().join("template.db");
        let copy = folder.path().join("copy.db");
        runtime.block_on(async {
            let store = Store::open_for_simulation(&path).await.unwrap();
            store.backup(&copy).await.unwrap();
            store.close().await;
        });
        std::fs::read(&copy).unwrap()
    })
}

/// An empty store; with rows for custom fields in its tables if `custom`.
pub(super) fn open_store(
    runtime: &tokio::runtime::Runtime,
    folder: &tempfile::TempDir,
    name: &str,
    custom: bool,
) -> Store {
    use std::os::unix::fs::OpenOptionsExt;
    let path = folder.path().join(name);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    std::io::Write::write_all(&mut file, template()).unwrap();
    drop(file);
    let store = runtime.block_on(Store::open_for_simulation(&path)).unwrap();
    if custom {
        let tables = super::custom::tables(false).to_json().unwrap();
        runtime.block_on(store.seed_mapping(&tables, Stamp(1))).unwrap();
    }
    store
}
