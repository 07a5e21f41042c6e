//! What all procedures share: replies that came, effects to carry out, the queue in front of
//! each service, leases, lanes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use crate::mapping::Directory;
use crate::model::call::{DeskCall, SentinelCall};
use crate::model::settings::EngineSettings;
use crate::model::view::LaneView;
use crate::model::{CallError, DeskKey, FaultKind, InstanceKey, Side, TableName, WorkspaceKey};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

use super::recovery::Recovery;
use super::{Effect, EffectId, Now, Reply, Request, Summary};

/// Locks the board. A poisoned lock is taken all the same: nothing panics while holding it, and
/// its contents are replies and queues, never half a decision.
pub(super) fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Code of a write that was held back because our lease was about to end.
pub(super) const LEASE_ENDS: &str = "lease";

/// A reply that somebody waits for.
#[derive(Default)]
struct Slot {
    reply: Option<Reply>,
    waker: Option<Waker>,
}

/// A service behind a queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Door {
    /// A workspace.
    Sentinel(WorkspaceKey),
    /// An instance, whoever signs in: its limits are for all of them.
    Desk(InstanceKey),
}

/// Calls waiting in front of a service.
#[derive(Default)]
struct Queue {
    most: usize,
    in_flight: usize,
    waiting: VecDeque<(EffectId, Request, Option<WorkspaceKey>)>,
}

/// A lease that we hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldLease {
    pub epoch: i64,
    /// Nothing is sent at or after this moment of our monotonic clock (D34).
    pub send_until: Duration,
}

/// What all procedures share.
pub(super) struct Board {
    pub now: Now,
    /// A moment of the steady clock, and of the monotonic one when it was so.
    steady_from: (Stamp, Duration),
    next: u64,
    slots: BTreeMap<EffectId, Slot>,
    outbox: Vec<Effect>,
    queues: BTreeMap<Door, Queue>,
    in_flight: BTreeMap<EffectId, Door>,
    pub leases: BTreeMap<WorkspaceKey, HeldLease>,
    pub lanes: BTreeMap<(WorkspaceKey, Side), LaneView>,
    /// Who works there, as far as each of our users sees it.
    pub directories: BTreeMap<DeskKey, std::sync::Arc<Directory>>,
    pub own_users: BTreeMap<DeskKey, String>,
    pub locks: BTreeMap<String, LockState>,
    /// Tables on which a create of unknown outcome, without a key of ours, may still land, and until when.
    pub unsure_rows: BTreeMap<(InstanceKey, TableName), Duration>,
    /// Counts how often users were read anew.
    pub learnt: u64,
    woken: BTreeMap<WorkspaceKey, bool>,
    wakers: BTreeMap<WorkspaceKey, Waker>,
    pub stopping: bool,
    running: usize,
    pub summaries: BTreeMap<WorkspaceKey, Summary>,
    pub recoveries: BTreeMap<Recovery, u64>,
    chance: u64,
}

/// One named lock.
#[derive(Default)]
pub(super) struct LockState {
    pub taken: bool,
    pub waiting: Vec<Waker>,
}

impl Board {
    pub fn new(settings: EngineSettings, now: Now) -> Self {
        let mut queues = BTreeMap::new();
        for w in &settings.workspaces {
            let queue = Queue { most: w.in_flight.max(1), ..Queue::default() };
            queues.insert(Door::Sentinel(w.key.clone()), queue);
        }
        for i in &settings.instances {
            let queue = Queue { most: i.in_flight.max(1), ..Queue::default() };
            queues.insert(Door::Desk(i.key.clone()), queue);
        }
        let enabled: Vec<_> = settings.workspaces.iter().filter(|w| w.enabled).collect();
        let lanes = enabled
            .iter()
            .flat_map(|w| [Side::Sentinel, Side::ServiceNow].map(|s| (w.key.clone(), s)))
            .map(|(key, side)| ((key.clone(), side), LaneView::starting(key, side)))
            .collect();
        Self {
            now,
            steady_from: (now.utc, now.mono),
            next: 0,
            slots: BTreeMap::new(),
            outbox: Vec::new(),
            queues,
            in_flight: BTreeMap::new(),
            leases: BTreeMap::new(),
            lanes,
            directories: BTreeMap::new(),
            own_users: BTreeMap::new(),
            locks: BTreeMap::new(),
            unsure_rows: BTreeMap::new(),
            learnt: 0,
            woken: BTreeMap::new(),
            wakers: BTreeMap::new(),
            stopping: false,
            running: enabled.len(),
            summaries: BTreeMap::new(),
            recoveries: BTreeMap::new(),
            chance: settings.seed ^ 0x9e37_79b9_7f4a_7c15,
        }
    }

    pub fn set_now(&mut self, now: Now) {
        // The monotonic clock never goes back, whatever the caller says.
        self.now = Now { utc: now.utc, mono: now.mono.max(self.now.mono) };
    }

    /// The steady clock: the wall clock when we started, and the time since. Everything that is
    /// compared with each other, in this life or a later one, counts by it, because a wall clock
    /// that is put right would turn the order of things around.
    pub fn steady(&self) -> Stamp {
        self.steady_from.0.plus(self.now.mono.saturating_sub(self.steady_from.1))
    }

    /// Goes on from a moment that an earlier life has noted, if the wall clock was put back since.
    pub fn continue_from(&mut self, noted: Stamp) {
        if noted > self.steady() {
            self.steady_from = (noted, self.now.mono);
        }
    }

    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.outbox)
    }

    pub fn is_finished(&self) -> bool {
        self.running == 0
    }

    pub fn workspace_ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// A number from a fixed sequence, for jitter (splitmix64).
    pub fn chance(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Puts an effect on its way: at once, or behind the others in front of its service.
    /// `guard` names the workspace whose lease a write needs.
    pub fn request(&mut self, what: Request, guard: Option<WorkspaceKey>) -> EffectId {
        let id = EffectId(self.next);
        self.next += 1;
        self.slots.insert(id, Slot::default());
        let door = match &what {
            Request::Sentinel(w, _) => Some(Door::Sentinel(w.clone())),
            Request::Desk(desk, _) => Some(Door::Desk(desk.instance.clone())),
            Request::Store(_) | Request::Timer(_) => None,
        };
        match door {
            None => self.outbox.push(Effect { id, what }),
            Some(door) => {
                let waiting = &mut self.queues.entry(door.clone()).or_default().waiting;
                // A PATCH follows a look that is to be fresh (D26), so it goes before what only reads.
                let place = match &what {
                    Request::Desk(_, DeskCall::Patch { .. }) => {
                        waiting.iter().position(|(_, _, guard)| guard.is_none())
                    }
                    _ => None,
                };
                waiting.insert(place.unwrap_or(waiting.len()), (id, what, guard));
                self.release(&door);
            }
        }
        id
    }

    /// Lets calls through while there is room. A write whose lease is about to end is not sent.
    fn release(&mut self, door: &Door) {
        loop {
            let Some(queue) = self.queues.get_mut(door) else { return };
            if queue.in_flight >= queue.most.max(1) {
                return;
            }
            let Some((id, what, guard)) = queue.waiting.pop_front() else { return };
            if let Some(workspace) = guard {
                let may_send = self.leases.get(&workspace).is_some_and(|l| self.now.mono < l.send_until);
                if !may_send && !mutant::is_on(Mutant::LeaseIgnored) {
                    self.recovered(Recovery::HeldBackByLease);
                    self.answer(id, not_sent(&what));
                    continue;
                }
                self.count(&workspace, door, true);
            }
            if let Some(queue) = self.queues.get_mut(door) {
                queue.in_flight += 1;
            }
            self.in_flight.insert(id, door.clone());
            if let Request::Sentinel(workspace, call) = &what
                && !matches!(call, SentinelCall::Put(..) | SentinelCall::PutComment { .. })
            {
                let workspace = workspace.clone();
                self.count(&workspace, door, false);
            }
            self.outbox.push(Effect { id, what });
        }
    }

    fn count(&mut self, workspace: &WorkspaceKey, door: &Door, write: bool) {
        let side = match door {
            Door::Sentinel(_) => Side::Sentinel,
            Door::Desk(_) => Side::ServiceNow,
        };
        if let Some(lane) = self.lanes.get_mut(&(workspace.clone(), side)) {
            if write {
                lane.writes += 1;
            } else {
                lane.reads += 1;
            }
        }
    }

    /// Counts a way of getting over something.
    pub fn recovered(&mut self, way: Recovery) {
        *self.recoveries.entry(way).or_default() += 1;
    }

    /// Counts a read of an instance for a workspace.
    pub fn count_desk_read(&mut self, workspace: &WorkspaceKey) {
        if let Some(lane) = self.lanes.get_mut(&(workspace.clone(), Side::ServiceNow)) {
            lane.reads += 1;
        }
    }

    /// Calls waiting and under way in front of a service.
    pub fn load(&self, door: &Door) -> (u32, u32) {
        self.queues.get(door).map(|q| (q.waiting.len() as u32, q.in_flight as u32)).unwrap_or_default()
    }

    /// Takes the reply of an effect.
    pub fn deliver(&mut self, id: EffectId, reply: Reply) {
        if let Some(door) = self.in_flight.remove(&id) {
            if let Some(queue) = self.queues.get_mut(&door) {
                queue.in_flight = queue.in_flight.saturating_sub(1);
            }
            self.answer(id, reply);
            self.release(&door);
        } else {
            self.answer(id, reply);
        }
    }

    fn answer(&mut self, id: EffectId, reply: Reply) {
        // Nobody waits any more for a pause that a wake-up cut short.
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.reply = Some(reply);
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
    }

    /// The reply of an effect, if it came; otherwise whom to wake.
    pub fn poll_reply(&mut self, id: EffectId, waker: &Waker) -> Option<Reply> {
        let slot = self.slots.get_mut(&id)?;
        if let Some(reply) = slot.reply.take() {
            self.slots.remove(&id);
            return Some(reply);
        }
        slot.waker = Some(waker.clone());
        None
    }

    /// Nobody waits for this reply any more; what was not let through yet never will be.
    pub fn forget(&mut self, id: EffectId) {
        self.slots.remove(&id);
        for queue in self.queues.values_mut() {
            queue.waiting.retain(|(waiting, ..)| *waiting != id);
        }
    }

    pub fn wake_all(&mut self) {
        for (workspace, _) in self.lanes.keys() {
            self.woken.insert(workspace.clone(), true);
        }
        self.wake_waiters();
    }

    /// Wakes one workspace.
    pub fn wake(&mut self, workspace: &WorkspaceKey) {
        self.woken.insert(workspace.clone(), true);
        self.wake_waiters();
    }

    pub fn stop(&mut self) {
        self.stopping = true;
        self.wake_waiters();
    }

    pub fn wake_waiters(&mut self) {
        for waker in std::mem::take(&mut self.wakers).into_values() {
            waker.wake();
        }
    }

    /// True once after each wake-up of a workspace.
    pub fn take_wake(&mut self, workspace: &WorkspaceKey) -> bool {
        self.woken.remove(workspace).unwrap_or(false)
    }

    pub fn on_wake(&mut self, workspace: &WorkspaceKey, waker: &Waker) {
        self.wakers.insert(workspace.clone(), waker.clone());
    }
}

fn not_sent(what: &Request) -> Reply {
    let error = CallError::new(FaultKind::Guard, "our lease is about to end, so nothing was sent")
        .code(LEASE_ENDS)
        .hint("whoever holds the lease next carries on");
    match what {
        Request::Sentinel(..) => Reply::Sentinel(Err(error)),
        Request::Desk(..) => Reply::Desk(Err(error)),
        Request::Store(_) | Request::Timer(_) => Reply::Timer,
    }
}

/// True for a call that changes something.
pub(super) fn is_desk_write(call: &DeskCall) -> bool {
    matches!(call, DeskCall::Create { .. } | DeskCall::Patch { .. } | DeskCall::AddRow { .. })
}
