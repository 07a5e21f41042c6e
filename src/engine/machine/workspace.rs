//! A workspace's loop: take the lease, carry out orders, read both sides, work through what is
//! to be done, rest.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};

use crate::mapping::{TableSet, Tables};
use crate::model::ledger::{Ask, Commit, Lease, StoreFault, Told};
use crate::model::settings::FirstContact;
use crate::model::view::{LaneState, Level};
use crate::model::{CallError, LinkId, Side};

use super::Mode;
use super::board::{HeldLease, lock};
use super::ctx::{Halt, Ws};
use super::link_work::work_link;

/// Links that are worked on at the same time. Calls are limited separately, in front of each
/// service.
const LINKS_AT_ONCE: usize = 16;
/// Links whose work is committed before the lanes are published again.
const PUBLISH_EVERY: usize = 50;
/// Name of the fact that a first-contact plan was accepted (D29).
pub(super) const ACCEPTED: &str = "first_contact";

/// Runs one workspace until the machine stops, or once.
pub(super) async fn run(ws: Ws) {
    loop {
        if ws.is_stopping() {
            break;
        }
        match take_lease(&ws).await {
            Ok(true) => {}
            Ok(false) if ws.shared.mode == Mode::Run => {
                ws.wait(ws.shared.settings.lease / 3).await;
                continue;
            }
            Ok(false) => {
                ws.summary(|s| {
                    s.refused =
                        "another process syncs this workspace, or did so on another config section and \
                                 never gave its lease back"
                            .into();
                });
                break;
            }
            Err(fault) => {
                if ws.shared.mode != Mode::Run {
                    ws.summary(|s| s.refused = fault.to_string());
                    break;
                }
                ws.wait(Duration::from_secs(5)).await;
                continue;
            }
        }
        let ended = hold(&ws).await;
        match ended {
            Err(Halt::Store(StoreFault::LeaseLost)) if ws.shared.mode == Mode::Run => {
                lock(&ws.shared.board).leases.remove(&ws.key);
            }
            Err(Halt::Store(_)) if ws.shared.mode == Mode::Run && !ws.is_stopping() => {
                // Disk full or busy: nothing was acknowledged, nothing is lost; try again.
                ws.wait(Duration::from_secs(5)).await;
            }
            Err(Halt::Store(fault)) => {
                ws.summary(|s| s.refused = fault.to_string());
                break;
            }
            _ => break,
        }
    }
    give_back(&ws).await;
    let mut board = lock(&ws.shared.board);
    board.workspace_ended();
}

/// Everything that is done while the lease is ours.
async fn hold(ws: &Ws) -> Result<(), Halt> {
    remember(ws).await?;
    let mut failures = 0;
    loop {
        ensure_lease(ws).await?;
        super::orders::obey(ws).await?;
        let paused = ws.memory(|m| m.paused);
        if paused {
            ws.set_state(Side::Sentinel, LaneState::Paused);
            ws.set_state(Side::ServiceNow, LaneState::Paused);
            ws.publish_lanes().await?;
        } else {
            let started = ws.now().mono;
            let ok = pass(ws).await?;
            failures = if ok { 0 } else { failures + 1 };
            if ws.shared.mode != Mode::Run {
                if ws.shared.mode == Mode::Once {
                    ws.publish_lanes().await?;
                }
                return Ok(());
            }
            let spent = ws.now().mono.saturating_sub(started);
            let pause = rest(ws, ok, failures, spent);
            ws.plan_next_pass(pause);
            ws.publish_lanes().await?;
        }
        if ws.is_stopping() {
            return Ok(());
        }
        let until = ws.now().mono + if paused { ws.settings().poll } else { ws.next_pause() };
        // Orders are looked at whenever something wakes us; the lease is renewed meanwhile.
        while !ws.is_stopping() {
            let left = until.saturating_sub(ws.now().mono);
            if left.is_zero() {
                break;
            }
            let woken = ws.wait(left.min(ws.shared.settings.lease / 3)).await;
            ensure_lease(ws).await?;
            if woken && super::orders::obey(ws).await? {
                break;
            }
        }
        if ws.is_stopping() {
            return Ok(());
        }
    }
}

/// How long to rest after a pass.
fn rest(ws: &Ws, ok: bool, failures: u32, spent: Duration) -> Duration {
    let poll = ws.settings().poll;
    if ok {
        return poll.saturating_sub(spent).max(poll / 10);
    }
    ws.shared.backoff(failures, Duration::from_secs(300)).max(poll)
}

/// One pass: ServiceNow is read before anything is written there (D15), then Sentinel, then
/// every link that has something to do is worked on. True when both sides could be read.
async fn pass(ws: &Ws) -> Result<bool, Halt> {
    if ws.shared.mode == Mode::Plan || waits_for_acceptance(ws) {
        return super::dry_run::dry_pass(ws).await;
    }
    let mut dirty: BTreeSet<LinkId> = BTreeSet::new();
    let mapping_moved = refresh_mapping(ws).await?;
    // A version may have been applied while nobody was syncing.
    let first = !ws.memory(|m| std::mem::replace(&mut m.passed, true));
    if (mapping_moved || first)
        && let Told::Numbers(held) = ws.ask(Ask::HeldLinks(ws.key.clone())).await?
    {
        dirty.extend(held);
    }
    ws.set_state(Side::ServiceNow, LaneState::Reading);
    let desk = super::record_pass::read_desk_side(ws, &mut dirty).await?;
    ws.memory(|m| m.desk_was_read = desk.is_ok());
    ensure_lease(ws).await?;
    ws.set_state(Side::Sentinel, LaneState::Reading);
    let sentinel = super::incident_pass::read_sentinel_side(ws, &mut dirty).await?;
    if let Told::Numbers(due) = ws.ask(Ask::Due(ws.key.clone(), ws.now().utc)).await? {
        dirty.extend(due);
    }
    if !dirty.is_empty() {
        ws.set_state(Side::Sentinel, LaneState::Writing);
        ws.set_state(Side::ServiceNow, LaneState::Writing);
        work(ws, dirty).await?;
    }
    for (side, outcome) in [(Side::ServiceNow, &desk), (Side::Sentinel, &sentinel)] {
        match outcome {
            Ok(()) => ws.set_state(side, LaneState::Idle),
            Err(error) => ws.lane_failed(side, error),
        }
    }
    Ok(desk.is_ok() && sentinel.is_ok())
}

/// Works on links, some at the same time, lowest number first.
pub(super) async fn work(ws: &Ws, dirty: BTreeSet<LinkId>) -> Result<(), Halt> {
    let mut waiting = dirty.into_iter();
    let mut running = FuturesUnordered::new();
    let mut finished = 0usize;
    loop {
        while running.len() < LINKS_AT_ONCE && !ws.is_stopping() {
            let Some(id) = waiting.next() else { break };
            running.push(work_link(ws.clone(), id));
        }
        let Some(outcome) = running.next().await else { return Ok(()) };
        match outcome {
            Ok(true) => {}
            Ok(false) => ws.summary(|s| s.unfinished += 1),
            Err(Halt::Stopping) => ws.summary(|s| s.unfinished += 1),
            Err(halt @ Halt::Store(_)) => return Err(halt),
        }
        finished += 1;
        ensure_lease(ws).await?;
        if finished.is_multiple_of(PUBLISH_EVERY) {
            ws.publish_lanes().await?;
        }
    }
}

/// True while the first-contact plan of the workspace waits for a person (D29).
pub(super) fn waits_for_acceptance(ws: &Ws) -> bool {
    ws.settings().first_contact == FirstContact::Plan
        && !ws.memory(|m| m.capabilities.contains_key(&(ws.key.as_str().to_owned(), ACCEPTED.to_owned())))
}

async fn take_lease(ws: &Ws) -> Result<bool, StoreFault> {
    if ws.shared.mode == Mode::Plan {
        return Ok(true);
    }
    let life = ws.shared.settings.lease;
    let asked = ws.now();
    let ask = Ask::TakeLease {
        workspace: ws.key.clone(),
        holder: ws.shared.settings.holder.clone(),
        life_ms: life.as_millis() as i64,
        section_hash: ws.shared.hashes.get(&ws.key).cloned().unwrap_or_default(),
    };
    let Told::Lease(Some(lease)) = ws.ask(ask).await? else { return Ok(false) };
    keep(ws, &lease, asked.mono);
    ws.memory(|m| {
        m.epoch = lease.epoch;
        m.taken_at = asked.utc;
    });
    Ok(true)
}

/// Notes until when we may send: counted from before the question was asked, so that our clock
/// never outlives the database's.
fn keep(ws: &Ws, lease: &Lease, asked: Duration) {
    let life = Duration::from_micros(lease.ends.0.saturating_sub(lease.read_at.0).max(0) as u64);
    let send_until = asked + life.saturating_sub(ws.shared.settings.lease_margin);
    lock(&ws.shared.board).leases.insert(ws.key.clone(), HeldLease { epoch: lease.epoch, send_until });
}

/// Renews the lease when a third of it is used up.
pub(super) async fn ensure_lease(ws: &Ws) -> Result<(), Halt> {
    if ws.shared.mode == Mode::Plan {
        return Ok(());
    }
    let life = ws.shared.settings.lease;
    let held = lock(&ws.shared.board).leases.get(&ws.key).copied();
    let Some(held) = held else { return Err(Halt::Store(StoreFault::LeaseLost)) };
    let now = ws.now().mono;
    let margin = ws.shared.settings.lease_margin;
    if held.send_until.saturating_sub(now) + margin > life * 2 / 3 {
        return Ok(());
    }
    let ask =
        Ask::RenewLease { workspace: ws.key.clone(), epoch: held.epoch, life_ms: life.as_millis() as i64 };
    match ws.ask(ask).await? {
        Told::Lease(Some(lease)) => {
            keep(ws, &lease, now);
            Ok(())
        }
        _ => Err(Halt::Store(StoreFault::LeaseLost)),
    }
}

async fn give_back(ws: &Ws) {
    let held = lock(&ws.shared.board).leases.remove(&ws.key);
    if let Some(held) = held {
        let ask = Ask::ReleaseLease { workspace: ws.key.clone(), epoch: held.epoch };
        // If this fails the lease ends by itself.
        let _ = ws.ask(ask).await;
    }
}

/// Loads what a workspace knows from earlier runs.
async fn remember(ws: &Ws) -> Result<(), Halt> {
    if let Told::Memory(cursors, facts) = ws.ask(Ask::Memory(ws.key.clone())).await? {
        ws.memory(|m| {
            m.cursors = cursors.into_iter().map(|c| (c.name.clone(), c)).collect();
            m.capabilities = facts.into_iter().map(|f| ((f.owner.clone(), f.name.clone()), f)).collect();
            m.paused = m
                .capabilities
                .get(&(ws.key.as_str().to_owned(), "paused".to_owned()))
                .is_some_and(|f| f.value == "yes");
        });
    }
    refresh_mapping(ws).await?;
    Ok(())
}

/// Takes up a new mapping version, if there is one. It concerns new changes and held values
/// only (D24).
pub(super) async fn refresh_mapping(ws: &Ws) -> Result<bool, Halt> {
    let Told::Mapping(found) = ws.ask(Ask::Mapping).await? else { return Ok(false) };
    let (version, set) = match found {
        Some((version, body)) => match serde_json::from_str::<TableSet>(&body) {
            Ok(set) => (version, set),
            Err(error) => {
                let text = format!("mapping version {version} cannot be read and is not used: {error}");
                return Err(Halt::Store(StoreFault::Broken(text)));
            }
        },
        None => (0, TableSet::default_tables()),
    };
    let known = ws.memory(|m| (m.mapping_version, m.tables.rows().is_empty()));
    if known == (version, false) {
        return Ok(false);
    }
    ws.memory(|m| {
        m.mapping_version = version;
        m.tables = Arc::new(Tables::compile(&set));
    });
    if version > 0 && known.0 != version && !known.1 && ws.shared.mode != Mode::Plan {
        let text = format!("mapping version {version} is in use from now on");
        let event = ws.event(Level::Info, None, ws.key.to_string(), text);
        ws.commit(Commit { events: vec![event], ..Commit::default() }).await?;
    }
    Ok(true)
}

impl Ws {
    /// Adds to what this workspace has to say at the end.
    pub fn summary(&self, change: impl FnOnce(&mut super::Summary)) {
        change(lock(&self.shared.board).summaries.entry(self.key.clone()).or_default());
    }

    /// Notes a side's failure.
    pub fn lane_failed(&self, side: Side, error: &CallError) {
        self.summary(|s| {
            if !s.failures.contains(error) {
                s.failures.push(error.clone());
            }
        });
        self.fail_lane(side, error);
    }
}
