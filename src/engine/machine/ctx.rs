//! How a procedure speaks: to its services, to the store, to time, to the other procedures.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::oneshot;

use crate::mapping::Directory;
use crate::model::call::{
    Answer, DeskCall, DeskOutcome, DeskReply, SentinelCall, SentinelOutcome, SentinelReply,
};
use crate::model::ledger::{Ask, Commit, Committed, StoreFault, Told};
use crate::model::settings::{EngineSettings, InstanceSettings, WorkspaceSettings};
use crate::model::{CallError, DeskKey, LinkState, RecordShape, Side, TableName, WorkspaceKey};
use crate::sync::PlanContext;
use crate::sync::custom::custom_fields;
use crate::sync::marker::MarkerKeys;
use crate::text::Stamp;

use super::board::{Board, is_desk_write, lock};
use super::desk_pass::DeskRequest;
use super::memory::Memory;
use super::{EffectId, Mode, Now, Reply, Request};

/// Why a procedure cannot go on.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Halt {
    /// The store could not.
    Store(StoreFault),
    /// We are stopping.
    Stopping,
}

impl From<StoreFault> for Halt {
    fn from(fault: StoreFault) -> Self {
        Self::Store(fault)
    }
}

/// What all procedures share and none changes, plus the doors to the desks' readers.
pub(super) struct Shared {
    pub settings: EngineSettings,
    pub keys: MarkerKeys,
    pub hashes: BTreeMap<WorkspaceKey, String>,
    pub mode: Mode,
    pub board: Arc<Mutex<Board>>,
    pub desk_requests: Mutex<BTreeMap<(DeskKey, TableName), DeskDoor>>,
}

/// Passes that workspaces asked a desk's reader for.
#[derive(Default)]
pub(super) struct DeskDoor {
    pub requests: Vec<DeskRequest>,
    pub waker: Option<std::task::Waker>,
}

impl Shared {
    pub fn new(
        settings: EngineSettings,
        keys: MarkerKeys,
        hashes: BTreeMap<WorkspaceKey, String>,
        mode: Mode,
        board: Arc<Mutex<Board>>,
    ) -> Arc<Self> {
        Arc::new(Self { settings, keys, hashes, mode, board, desk_requests: Mutex::default() })
    }

    /// Every (desk, table) that an enabled workspace's route names.
    pub fn desks(&self) -> BTreeSet<(DeskKey, TableName)> {
        self.settings
            .workspaces
            .iter()
            .filter(|w| w.enabled)
            .map(|w| (self.settings.desk(&w.route), w.route.table.clone()))
            .collect()
    }

    pub fn workspace(self: &Arc<Self>, key: &WorkspaceKey) -> Ws {
        Ws { shared: self.clone(), key: key.clone(), memory: Arc::new(Mutex::new(Memory::default())) }
    }

    pub fn now(&self) -> Now {
        lock(&self.board).now
    }

    fn reply(&self, what: Request, guard: Option<WorkspaceKey>) -> Waiting {
        let id = lock(&self.board).request(what, guard);
        Waiting { board: self.board.clone(), id }
    }

    /// Waits.
    pub async fn sleep(&self, pause: Duration) {
        self.reply(Request::Timer(pause), None).await;
    }

    /// One store call.
    pub async fn ask(&self, ask: Ask) -> Result<Told, StoreFault> {
        match self.reply(Request::Store(ask), None).await {
            Reply::Store(told) => told,
            _ => Err(StoreFault::Broken("a reply of another kind".into())),
        }
    }

    /// One exchange with a desk, as it is. `guard` names the workspace of a write.
    pub async fn desk(&self, desk: &DeskKey, call: DeskCall, guard: Option<&WorkspaceKey>) -> DeskOutcome {
        let guard = guard.filter(|_| is_desk_write(&call)).cloned();
        match self.reply(Request::Desk(desk.clone(), call), guard).await {
            Reply::Desk(outcome) => outcome,
            _ => Ok(Answer { value: DeskReply::Journal(Vec::new()), date: None, calls_left: None }),
        }
    }

    /// A pause that grows with the number of failures, with jitter of a quarter.
    pub fn backoff(&self, failures: u32, most: Duration) -> Duration {
        let base = Duration::from_secs(1 << failures.clamp(1, 10)).min(most);
        let chance = lock(&self.board).chance() % 1000;
        base.mul_f64(0.75 + 0.5 * chance as f64 / 1000.0)
    }
}

/// One workspace's procedure: its key, its settings, its memory.
#[derive(Clone)]
pub(super) struct Ws {
    pub shared: Arc<Shared>,
    pub key: WorkspaceKey,
    pub memory: Arc<Mutex<Memory>>,
}

impl Ws {
    /// Its settings. A workspace's procedure exists only for a key that is in the settings.
    pub fn settings(&self) -> &WorkspaceSettings {
        self.shared.settings.workspace(&self.key).unwrap_or(&self.shared.settings.workspaces[0])
    }

    /// Settings of its route's instance.
    pub fn instance(&self) -> &InstanceSettings {
        self.shared
            .settings
            .instance(&self.settings().route.instance)
            .unwrap_or(&self.shared.settings.instances[0])
    }

    /// Where its records are read and written.
    pub fn desk_key(&self) -> DeskKey {
        self.shared.settings.desk(&self.settings().route)
    }

    pub fn now(&self) -> Now {
        self.shared.now()
    }

    /// The steady clock, by which everything that is noted is compared.
    pub fn steady(&self) -> Stamp {
        lock(&self.shared.board).steady()
    }

    pub fn is_stopping(&self) -> bool {
        lock(&self.shared.board).stopping
    }

    /// Looks at the memory, or changes it.
    pub fn memory<T>(&self, look: impl FnOnce(&mut Memory) -> T) -> T {
        look(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub async fn ask(&self, ask: Ask) -> Result<Told, StoreFault> {
        let told = self.shared.ask(ask).await?;
        if let Told::Links(links) = &told {
            let noted = links.iter().map(LinkState::last_noted).max().unwrap_or_default();
            lock(&self.shared.board).continue_from(noted);
        }
        Ok(told)
    }

    /// One transaction of this workspace, fenced by its epoch.
    pub async fn commit(&self, mut commit: Commit) -> Result<Committed, StoreFault> {
        commit.workspace = self.key.clone();
        commit.epoch = self.memory(|m| m.epoch);
        match self.ask(Ask::Commit(Box::new(commit))).await? {
            Told::Committed(done) => Ok(done),
            _ => Err(StoreFault::Broken("a transaction gave back something else".into())),
        }
    }

    /// One exchange with Sentinel; a write is guarded by our lease.
    pub async fn sentinel(&self, call: SentinelCall) -> SentinelOutcome {
        let write = matches!(call, SentinelCall::Put(..) | SentinelCall::PutComment { .. });
        let guard = write.then(|| self.key.clone());
        let outcome = match self.shared.reply(Request::Sentinel(self.key.clone(), call), guard).await {
            Reply::Sentinel(outcome) => outcome,
            _ => Ok(Answer { value: SentinelReply::Alerts(Vec::new()), date: None, calls_left: None }),
        };
        self.note_outcome(Side::Sentinel, outcome.as_ref().map(|a| a.calls_left));
        outcome
    }

    /// One exchange with the route's instance; a write is guarded by our lease.
    pub async fn desk(&self, call: DeskCall) -> DeskOutcome {
        if !is_desk_write(&call) {
            lock(&self.shared.board).count_desk_read(&self.key);
        }
        // What is wrong with a table beside the records leaves those alone.
        let beside = matches!(call, DeskCall::Rows { .. } | DeskCall::AddRow { .. });
        let outcome = self.shared.desk(&self.desk_key(), call, Some(&self.key)).await;
        if beside && outcome.as_ref().is_err_and(super::related_lists::is_of_a_list) {
            return outcome;
        }
        self.note_outcome(Side::ServiceNow, outcome.as_ref().map(|a| a.calls_left));
        outcome
    }

    /// Waits until a moment, or until somebody wakes this workspace. True when woken.
    pub async fn wait(&self, pause: Duration) -> bool {
        let id = lock(&self.shared.board).request(Request::Timer(pause), None);
        WaitOrWake { board: self.shared.board.clone(), id, workspace: self.key.clone() }.await
    }

    /// Everything a plan needs, borrowed for as long as `use_it` takes.
    pub fn with_plan<T>(&self, use_it: impl FnOnce(&PlanContext<'_>) -> T) -> T {
        let tables = self.memory(|m| m.tables.clone());
        let directory = self.directory();
        use_it(&PlanContext { workspace: self.settings(), tables: &tables, directory: &directory })
    }

    /// What the columns of the route's table are called, those of custom fields among them.
    pub fn shape(&self) -> RecordShape {
        let custom = self.with_plan(|ctx| custom_fields(ctx).map(|f| f.column.clone()).collect());
        RecordShape { custom, ..self.settings().route.shape.clone() }
    }

    /// Users known of the route's desk.
    pub fn directory(&self) -> Arc<Directory> {
        lock(&self.shared.board).directories.get(&self.desk_key()).cloned().unwrap_or_default()
    }

    /// Login that we write with.
    pub fn own_user(&self) -> String {
        let desk = self.desk_key();
        let configured = self.instance().own_user_of(&desk);
        if !configured.is_empty() {
            return configured.to_owned();
        }
        lock(&self.shared.board).own_users.get(&desk).cloned().unwrap_or_default()
    }

    /// True for a name under which we write to the instance, which knows no difference of case in it: for
    /// this route, or for another one, as before the route got a domain.
    pub fn is_own_user(&self, name: &str) -> bool {
        self.own_users().iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Every login that we write to the instance with, as far as it is known; first the one of this route.
    pub fn own_users(&self) -> Vec<String> {
        let instance = self.instance();
        let mut all = vec![self.own_user(), instance.own_user.clone()];
        all.extend(instance.domain_users.iter().map(|u| u.own_user.clone()));
        let board = lock(&self.shared.board);
        let here = board.own_users.iter().filter(|(desk, _)| desk.instance == instance.key);
        all.extend(here.map(|(_, user)| user.clone()));
        all.retain(|user| !user.is_empty());
        all
    }

    /// True while calls to a side make no sense after a failure that concerns the whole side.
    pub fn is_down(&self, side: Side) -> bool {
        // Until we know under which name we write, our own notes would look like others'; and a
        // side that could not be read is not written over.
        if side == Side::ServiceNow && (self.own_user().is_empty() || !self.memory(|m| m.desk_was_read)) {
            return true;
        }
        self.is_resting(side)
    }

    /// True while a side rests after a failure.
    pub fn is_resting(&self, side: Side) -> bool {
        let now = self.now().mono;
        self.memory(|m| m.down_until.get(&side).is_some_and(|until| now < *until))
    }

    /// Asks the desk's reader for a pass and waits for its end.
    pub async fn desk_pass(&self, since: Stamp, sweep: bool) -> super::desk_pass::DeskOutcomeOfPass {
        let (sender, receiver) = oneshot::channel();
        let route = &self.settings().route;
        {
            let mut doors = self.shared.desk_requests.lock().unwrap_or_else(PoisonError::into_inner);
            let door = doors.entry((self.desk_key(), route.table.clone())).or_default();
            door.requests.push(DeskRequest {
                workspace: self.key.clone(),
                shape: self.shape(),
                since,
                sweep,
                sender,
            });
            if let Some(waker) = door.waker.take() {
                waker.wake();
            }
        }
        receiver.await.unwrap_or_else(|_| {
            Err(CallError::new(crate::model::FaultKind::Unavailable, "the reader of the instance ended"))
        })
    }

    /// Takes a named lock and gives it back when the guard goes.
    pub async fn lock(&self, name: String) -> LockGuard {
        TakeLock { board: self.shared.board.clone(), name: name.clone() }.await;
        LockGuard { board: self.shared.board.clone(), name }
    }
}

/// Waits for one reply.
struct Waiting {
    board: Arc<Mutex<Board>>,
    id: EffectId,
}

impl Future for Waiting {
    type Output = Reply;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        match lock(&self.board).poll_reply(self.id, cx.waker()) {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        lock(&self.board).forget(self.id);
    }
}

/// Waits for a timer or a wake-up, whichever comes first.
struct WaitOrWake {
    board: Arc<Mutex<Board>>,
    id: EffectId,
    workspace: WorkspaceKey,
}

impl Future for WaitOrWake {
    type Output = bool;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let mut board = lock(&self.board);
        if board.stopping || board.take_wake(&self.workspace) {
            board.forget(self.id);
            return Poll::Ready(true);
        }
        if board.poll_reply(self.id, cx.waker()).is_some() {
            return Poll::Ready(false);
        }
        board.on_wake(&self.workspace, cx.waker());
        Poll::Pending
    }
}

struct TakeLock {
    board: Arc<Mutex<Board>>,
    name: String,
}

impl Future for TakeLock {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut board = lock(&self.board);
        let state = board.locks.entry(self.name.clone()).or_default();
        if state.taken {
            state.waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        state.taken = true;
        Poll::Ready(())
    }
}

/// Holds a named lock.
pub(super) struct LockGuard {
    board: Arc<Mutex<Board>>,
    name: String,
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        let mut board = lock(&self.board);
        if let Some(state) = board.locks.get_mut(&self.name) {
            state.taken = false;
            for waker in state.waiting.drain(..) {
                waker.wake();
            }
        }
    }
}
