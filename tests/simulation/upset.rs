//! What befalls our own processes and their store: kills, pauses, a full disk, a wrong clock, a
//! second process, a lost store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use diptych::engine::machine::{Effect, Request};
use diptych::model::call::{DeskCall, SentinelCall};
use diptych::model::ledger::Ask;
use diptych::sandbox::side::Side;
use diptych::sentinel::IncidentSource;

use super::process::{Desks, holder};
use super::scheduler::{Happening, Simulation, open_store};

/// Where a process is killed: at the n-th effect from now, before it is carried out or after it
/// was applied and before its reply is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boundary {
    /// Effects that are still carried out whole.
    pub effects: u32,
    /// The next one is applied before the end.
    pub applied: bool,
}

/// What a process carries when a pause begins that waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// A commit with an intent.
    Intent,
    /// A look at one record.
    Look,
}

impl Moment {
    pub(super) fn of(what: &Request) -> Option<Self> {
        match what {
            Request::Store(Ask::Commit(commit)) if !commit.new_intents.is_empty() => Some(Self::Intent),
            Request::Desk(_, DeskCall::Get { .. }) => Some(Self::Look),
            _ => None,
        }
    }
}

/// Upsets that wait for their moment.
#[derive(Default)]
pub struct Upsets {
    /// One after the other: the next one counts from the restart after the one before.
    kills_to_come: [VecDeque<(Boundary, Duration)>; 2],
    paused_until: [Duration; 2],
    pause_at: Option<(usize, Moment, Duration)>,
    pub kills: u32,
    /// Pauses that came.
    pub pauses: u32,
    /// Nothing of ours starts.
    pub resting: bool,
    /// Clients of the process that died last, for what it had on its way.
    last: Option<Clients>,
}

type Clients = (Arc<dyn IncidentSource>, Desks);

impl Upsets {
    /// Counts an effect of a process; tells when it is the one at which it dies, and whether it
    /// is applied.
    pub fn count_down(&mut self, slot: usize) -> Option<bool> {
        let (boundary, _) = self.kills_to_come[slot].front_mut()?;
        if boundary.effects == 0 {
            return Some(boundary.applied);
        }
        boundary.effects -= 1;
        None
    }
}

impl Simulation {
    /// Kills a process at a boundary of its effects; it starts again `down` later. Several wait
    /// for one another.
    pub fn kill_at(&mut self, slot: usize, boundary: Boundary, down: Duration) {
        self.upsets.kills_to_come[slot].push_back((boundary, down));
    }

    pub(super) fn kill_now(&mut self, slot: usize) {
        let Some((_, down)) = self.upsets.kills_to_come[slot].pop_front() else { return };
        self.upsets.kills += 1;
        let (at, life) = (self.time.since_start(), self.lives);
        self.trace.line(at, life, || format!("process {slot} is killed"));
        self.bury(slot);
        if slot == 0 {
            self.push(slot, down, Happening::Restart);
        }
    }

    fn bury(&mut self, slot: usize) {
        if let Some(process) = self.processes[slot].take() {
            self.remember_recoveries(&process);
            self.upsets.last = Some((process.source, process.desks));
        }
    }

    /// Ends the main process as a power cut would, and starts another on the same store 20 s later.
    pub fn kill(&mut self) {
        self.bury(0);
        self.upsets.kills += 1;
        self.run_for(Duration::from_secs(20));
        self.restart(0);
    }

    pub(super) fn restart(&mut self, slot: usize) {
        if self.processes[slot].is_some() {
            return;
        }
        // A process that starts frees the leases of dead ones of its own host, if it can tell.
        if self.rng.bool() {
            self.free_dead_leases();
        }
        self.start_process(slot);
    }

    fn free_dead_leases(&mut self) {
        self.turn_clock();
        let leases = self.runtime.block_on(self.store.leases()).unwrap_or_default();
        let living: Vec<String> = self.processes.iter().flatten().map(|p| holder(p.life)).collect();
        for lease in leases.into_iter().filter(|l| l.ends.0 != 0 && !living.contains(&l.holder)) {
            let ask = Ask::ReleaseLease { workspace: lease.workspace, epoch: lease.epoch };
            // On a full disk the lease ends by itself.
            let _ = self.runtime.block_on(self.store.ask(ask));
        }
    }

    /// A second process starts on the same store, and leaves by a kill a while later.
    /// False when there is one already.
    pub fn start_second(&mut self, effects: u32) -> bool {
        let free = self.processes[1].is_none();
        if free {
            self.start_process(1);
            self.kill_at(1, Boundary { effects, applied: true }, Duration::ZERO);
        }
        free
    }

    /// True while that process lives.
    pub fn has_second(&self) -> bool {
        self.processes[1].is_some()
    }

    /// A process hears nothing for a while, as on a machine that was suspended.
    pub fn pause(&mut self, slot: usize, span: Duration) {
        // Virtual time counts whole microseconds.
        let span = Duration::from_micros(span.as_micros() as u64);
        self.upsets.paused_until[slot] = self.time.since_start() + span;
        self.upsets.pauses += u32::from(self.processes[slot].is_some());
    }

    /// The same, from the moment on when its next intent is committed.
    pub fn pause_at_write(&mut self, slot: usize, span: Duration) {
        self.upsets.pause_at = Some((slot, Moment::Intent, span));
    }

    /// The same, from the moment on when a record that it looks at is shown to it.
    pub fn pause_at_look(&mut self, slot: usize, span: Duration) {
        self.upsets.pause_at = Some((slot, Moment::Look, span));
    }

    /// Pauses a process that carried such an effect.
    pub(super) fn moment_came(&mut self, slot: usize, moment: Moment) {
        let is_it = |at: &mut (usize, Moment, Duration)| (at.0, at.1) == (slot, moment);
        if let Some((_, _, span)) = self.upsets.pause_at.take_if(is_it) {
            self.pause(slot, span);
        }
    }

    pub(super) fn still_paused(&self, slot: usize) -> Option<Duration> {
        let until = self.upsets.paused_until[slot];
        // Time goes by microseconds: a smaller rest would never be over.
        until.checked_sub(self.time.since_start()).filter(|rest| rest.as_micros() > 0)
    }

    /// What a dead process had handed to its sockets may still reach the servers; nobody hears
    /// the answer.
    pub(super) fn carry_orphan(&mut self, effect: Effect) {
        let Some((source, desks)) = &self.upsets.last else { return };
        if self.rng.bool() {
            return;
        }
        let at = self.time.since_start();
        match effect.what {
            Request::Sentinel(_, call)
                if matches!(call, SentinelCall::Put(..) | SentinelCall::PutComment { .. }) =>
            {
                self.trace.line(at, self.lives, || format!("orphan → {call:?}"));
                let _ = self.runtime.block_on(source.call(call));
            }
            Request::Desk(key, call)
                if matches!(
                    call,
                    DeskCall::Create { .. } | DeskCall::Patch { .. } | DeskCall::AddRow { .. }
                ) =>
            {
                self.trace.line(at, self.lives, || format!("orphan → {call:?}"));
                let _ = self.runtime.block_on(desks[&key].call(call));
            }
            Request::Sentinel(..) | Request::Desk(..) | Request::Store(_) | Request::Timer(_) => return,
        }
        self.take_late(0);
        self.transport.take_time();
        self.time.take_slept();
    }

    /// Nothing reaches a side for a while.
    pub fn cut_off(&mut self, side: Side, span: Duration) {
        let until = self.time.since_start() + span;
        self.transport.unreachable.lock().unwrap().insert(side, until);
    }

    /// The disk is full from now on, or has room again.
    pub fn fill_disk(&mut self, full: bool) {
        let pages = full.then_some(0);
        self.runtime.block_on(self.store.limit_growth(pages)).unwrap();
    }

    /// The local wall clock is so many seconds ahead of the servers' from now on.
    pub fn put_clock_ahead(&mut self, seconds: i64) {
        self.time.put_ahead(seconds);
        self.lease_clock = None;
    }

    /// The store is gone with the process; a new one starts empty, under the same keys.
    pub fn lose_store(&mut self) {
        self.bury(0);
        self.run_for(Duration::from_secs(20));
        self.store = open_store(&self.runtime, &self.folder, "second.db", self.setting.custom);
        self.lease_clock = None;
        self.start_process(0);
    }

    /// One living main process and no other, nothing pending against it, a right clock.
    pub fn spare_process(&mut self) {
        self.upsets.kills_to_come = Default::default();
        self.upsets.paused_until = [Duration::ZERO; 2];
        self.upsets.pause_at = None;
        self.bury(1);
        self.put_clock_ahead(0);
        self.restart(0);
    }

    /// Nothing of ours runs for so long.
    pub fn rest_for(&mut self, span: Duration) {
        self.bury(0);
        self.upsets.resting = true;
        self.run_for(span);
        self.upsets.resting = false;
        self.restart(0);
    }

    /// Pauses of living processes so far.
    pub fn pauses(&self) -> u32 {
        self.upsets.pauses
    }

    /// Processes killed so far.
    pub fn kills(&self) -> u32 {
        self.upsets.kills
    }
}
