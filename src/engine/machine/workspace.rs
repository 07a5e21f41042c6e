//! A workspace's loop: take the lease, carry out orders, read both sides, work through what is
//! to be done, rest.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};

use crate::mapping::{TableSet, Tables};
use crate::model::ledger::{Ask, Commit, Cursor, StoreFault, Told};
use crate::model::settings::{FirstContact, StoreApp};
use crate::model::view::{LaneState, Level};
use crate::model::{CallError, LinkId, Side};

use super::Mode;
use super::board::lock;
use super::ctx::{Halt, Ws};
use super::lease::{ensure_lease, give_back, take_lease};
use super::link_work::work_link;
use super::recovery::Recovery;

/// Links that are worked on at the same time. Calls are limited separately, in front of each
/// service.
const LINKS_AT_ONCE: usize = 16;
/// Links whose work is committed before the lanes are published again.
const PUBLISH_EVERY: usize = 50;
/// Longest pause while the store takes nothing.
const STORE_REST: Duration = Duration::from_secs(60);
/// Name of the fact that a first-contact plan was accepted (D29).
pub(super) const ACCEPTED: &str = "first_contact";
/// Its value where no more was accepted than to look at what the store app does.
pub(super) const TO_WATCH: &str = "watch";

/// Runs one workspace until the machine stops, or once.
pub(super) async fn run(ws: Ws) {
    let (mut lost, mut failures) = (false, 0);
    loop {
        if ws.is_stopping() {
            break;
        }
        match take_lease(&ws).await {
            Ok(true) if std::mem::take(&mut lost) => ws.recovered(Recovery::LeaseRetaken),
            Ok(true) => {}
            Ok(false) if ws.shared.mode == Mode::Run => {
                ws.wait(ws.shared.settings.lease / 3).await;
                continue;
            }
            Ok(false) => {
                let why = ws.memory(|m| m.refused.clone());
                ws.summary(|s| s.refused = why);
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
        let passes = ws.memory(|m| m.passes_done);
        let ended = Box::pin(hold(&ws)).await;
        failures = if ws.memory(|m| m.passes_done) == passes { failures + 1 } else { 1 };
        match ended {
            Err(Halt::Store(StoreFault::LeaseLost)) if ws.shared.mode == Mode::Run => {
                lost = true;
                lock(&ws.shared.board).leases.remove(&ws.key);
            }
            Err(Halt::Store(_)) if ws.shared.mode == Mode::Run && !ws.is_stopping() => {
                // Disk full or busy: nothing was acknowledged, nothing is lost; try again.
                ws.recovered(Recovery::StoreRetried);
                // Each try reads both sides anew.
                ws.wait(ws.shared.backoff(failures, STORE_REST)).await;
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
        Box::pin(super::orders::obey(ws)).await?;
        // A plan writes nothing, so nothing holds it up.
        let paused = ws.is_paused() && ws.shared.mode != Mode::Plan;
        if paused && ws.shared.mode == Mode::Once {
            let why =
                "an operator paused it: nothing was read or written; it goes on after `diptych sync resume";
            ws.summary(|s| s.refused = format!("{why} {}`", ws.key));
            return Ok(());
        }
        if paused {
            ws.set_state(Side::Sentinel, LaneState::Paused);
            ws.set_state(Side::ServiceNow, LaneState::Paused);
            ws.publish_lanes().await?;
        } else {
            let started = ws.now().mono;
            let ok = Box::pin(pass(ws)).await?;
            ws.memory(|m| m.passes_done += 1);
            failures = if ok { 0 } else { failures + 1 };
            if ws.shared.mode != Mode::Run {
                if ws.shared.mode == Mode::Once {
                    ws.publish_lanes().await?;
                }
                return Ok(());
            }
            let heard = ws.memory(|m| m.heard.take());
            if heard.commands {
                lock(&ws.shared.board).wake(&ws.key);
            }
            if heard.at_once && !ws.is_stopping() {
                continue;
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
            if woken && Box::pin(super::orders::obey(ws)).await? {
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
    // The next pass comes when the first resting side may be asked again.
    let now = ws.now().mono;
    let rested = ws.memory(|m| m.down_until.values().filter(|until| **until > now).min().copied());
    match rested {
        Some(until) => until.saturating_sub(now).max(poll),
        None => ws.shared.backoff(failures, Duration::from_secs(300)).max(poll),
    }
}

/// One pass: ServiceNow is read before anything is written there (D15), then Sentinel, then
/// every link that has something to do is worked on. True when both sides could be read.
async fn pass(ws: &Ws) -> Result<bool, Halt> {
    if ws.shared.mode == Mode::Plan || waits_for_acceptance(ws) {
        return Box::pin(super::dry_run::dry_pass(ws)).await;
    }
    let (mut dirty, worked_through) =
        ws.memory(|m| (std::mem::take(&mut m.left_over), std::mem::take(&mut m.worked_through)));
    let last_read = super::surge::last_read(ws);
    refresh_mapping(ws).await?;
    let learnt = lock(&ws.shared.board).learnt;
    // Held values are looked at again after a new mapping version, after users were read anew,
    // and at the start: either may have happened while nobody was syncing.
    let again = ws.memory(|m| {
        let relearnt = std::mem::replace(&mut m.learnt, learnt) != learnt;
        m.held_due |= std::mem::replace(&mut m.held_again, false)
            || relearnt
            || !std::mem::replace(&mut m.passed, true);
        m.held_due
    });
    if again && let Told::Numbers(held) = ws.ask(Ask::HeldLinks(ws.key.clone())).await? {
        dirty.extend(held);
    }
    if !ws.memory(|m| m.asked_for_watched)
        && ws.settings().store_app != StoreApp::Watch
        && let Told::Numbers(watched) = ws.ask(Ask::WatchedLinks(ws.key.clone())).await?
    {
        dirty.extend(watched);
    }
    ws.set_state(Side::ServiceNow, LaneState::Reading);
    let desk = Box::pin(super::record_pass::read_desk_side(ws, &mut dirty)).await?;
    if super::orders::hear(ws).await? {
        keep_gap(ws, last_read.gap(ws));
        return Ok(break_off(ws, dirty));
    }
    ws.memory(|m| m.desk_was_read = matches!(desk, Reading::Done));
    ensure_lease(ws).await?;
    ws.set_state(Side::Sentinel, LaneState::Reading);
    let sentinel = Box::pin(super::incident_pass::read_sentinel_side(ws, &mut dirty)).await?;
    if super::orders::hear(ws).await? {
        keep_gap(ws, last_read.gap(ws));
        return Ok(break_off(ws, dirty));
    }
    let more = Box::pin(super::link_orders::carry_out(ws, &mut dirty)).await?;
    ws.memory(|m| m.heard.at_once |= more);
    let mut resting = BTreeSet::new();
    if let Told::Numbers(due) = ws.ask(Ask::Due(ws.key.clone(), ws.steady())).await? {
        let unmoved: BTreeSet<LinkId> = due.into_iter().filter(|id| !dirty.contains(id)).collect();
        if worked_through {
            resting = at_rest(ws, &unmoved).await?;
        }
        dirty.extend(unmoved);
    }
    super::evidence_work::choose_alerts(ws, &mut dirty).await?;
    super::related_work::choose_rows(ws, &mut dirty).await?;
    let gap = keep_gap(ws, last_read.gap(ws));
    super::surge::watch(ws, &dirty, gap).await?;
    super::write_rate::begin(ws, gap);
    // They are counted with what is to be done, by the breaker too, and nothing is done for them.
    ws.summary(|s| s.unfinished += resting.len() as u32);
    dirty.retain(|id| !resting.contains(id));
    if !dirty.is_empty() {
        ws.set_state(Side::Sentinel, LaneState::Writing);
        ws.set_state(Side::ServiceNow, LaneState::Writing);
        work(ws, dirty).await?;
    }
    if ws.is_paused() {
        return Ok(break_off(ws, BTreeSet::new()));
    }
    ws.memory(|m| {
        m.gap = Duration::ZERO;
        m.worked_through = true;
        m.asked_for_watched = true;
        m.held_due = false;
    });
    if ws.shared.mode == Mode::Once {
        // Records that were created just now have not been told of their alerts, and no pass follows.
        let mut told = BTreeSet::new();
        super::evidence_work::choose_alerts(ws, &mut told).await?;
        work(ws, told).await?;
    }
    for (side, reading) in [(Side::ServiceNow, &desk), (Side::Sentinel, &sentinel)] {
        match reading {
            Reading::Done => ws.set_state(side, LaneState::Idle),
            // It rests already; saying so again would make it rest for ever.
            Reading::Skipped => {}
            Reading::Failed(error) => {
                ws.recovered(Recovery::PassBrokenOff);
                ws.lane_failed(side, error);
            }
        }
    }
    let whole = matches!((&desk, &sentinel), (Reading::Done, Reading::Done));
    if whole {
        super::write_rate::end(ws).await?;
    }
    Ok(whole)
}

/// Links that only rest after a failure, of those of which nothing new was seen: until that is over there is
/// nothing to do for them and nothing to tell. To load each of them and publish it anew with every pass is what
/// kept the store and all watchers busy where every record was hidden for half an hour (seed 9831268).
async fn at_rest(ws: &Ws, unmoved: &BTreeSet<LinkId>) -> Result<BTreeSet<LinkId>, Halt> {
    if unmoved.is_empty() {
        return Ok(BTreeSet::new());
    }
    Ok(match ws.ask(Ask::Resting(ws.key.clone(), ws.steady())).await? {
        Told::Numbers(resting) => resting.into_iter().filter(|id| unmoved.contains(id)).collect(),
        _ => BTreeSet::new(),
    })
}

/// For how long nobody had read before what is worked on now: a pass that broke off leaves that to the next.
fn keep_gap(ws: &Ws, gap: Duration) -> Duration {
    ws.memory(|m| {
        m.gap = m.gap.max(gap);
        m.gap
    })
}

/// A pause ends a pass: what was read is kept, and its links are worked on by the next one.
fn break_off(ws: &Ws, dirty: BTreeSet<LinkId>) -> bool {
    ws.memory(|m| m.left_over.extend(dirty));
    if ws.shared.mode == Mode::Once {
        ws.summary(|s| s.refused = "it was paused meanwhile: resume it, and run this again".into());
    }
    true
}

/// What came of reading one side.
pub(super) enum Reading {
    /// It was read to the end.
    Done,
    /// It rests after a failure and was not asked.
    Skipped,
    /// It failed.
    Failed(CallError),
}

/// Works on links, some at the same time, lowest number first. Those that a pause leaves undone wait for
/// the next pass.
pub(super) async fn work(ws: &Ws, dirty: BTreeSet<LinkId>) -> Result<(), Halt> {
    let mut waiting = dirty;
    let mut running = FuturesUnordered::new();
    let mut under_way = BTreeSet::new();
    let mut finished = 0usize;
    let mut left = BTreeSet::new();
    loop {
        stir(ws, &mut waiting);
        while running.len() < LINKS_AT_ONCE && !ws.is_stopping() && !ws.is_paused() {
            // One that is worked on has its next turn afterwards.
            let Some(id) = waiting.iter().find(|id| !under_way.contains(*id)).copied() else { break };
            waiting.remove(&id);
            under_way.insert(id);
            let ws = ws.clone();
            running.push(async move { (id, Box::pin(work_link(ws, id)).await) });
        }
        let Some((id, outcome)) = running.next().await else { break };
        under_way.remove(&id);
        match outcome {
            Ok(true) => {}
            Ok(false) => ws.summary(|s| s.unfinished += 1),
            Err(Halt::Stopping) => {
                ws.summary(|s| s.unfinished += 1);
                left.insert(id);
            }
            Err(halt @ Halt::Store(_)) => return Err(halt),
        }
        finished += 1;
        ensure_lease(ws).await?;
        if finished.is_multiple_of(PUBLISH_EVERY) {
            ws.publish_lanes().await?;
        }
    }
    if ws.is_paused() {
        ws.summary(|s| s.unfinished += waiting.len() as u32);
        left.extend(waiting);
    }
    ws.memory(|m| m.left_over.extend(left));
    Ok(())
}

/// Adds the links that share a record with one that moved.
fn stir(ws: &Ws, waiting: &mut BTreeSet<LinkId>) {
    waiting.extend(ws.memory(|m| std::mem::take(&mut m.stirred)));
}

/// True while the first-contact plan of the workspace waits for a person (D29).
pub(super) fn waits_for_acceptance(ws: &Ws) -> bool {
    let settings = ws.settings();
    let accepted = match ws.fact(ws.key.as_str(), ACCEPTED).as_deref() {
        Some(TO_WATCH) => settings.store_app == StoreApp::Watch,
        Some(_) => true,
        None => false,
    };
    settings.first_contact == FirstContact::Plan && !accepted
}

/// Loads what a workspace knows from earlier runs.
async fn remember(ws: &Ws) -> Result<(), Halt> {
    if let Told::Memory(cursors, facts) = ws.ask(Ask::Memory(ws.key.clone())).await? {
        let moved = cursors.iter().map(|c| c.moved).max().unwrap_or_default();
        lock(&ws.shared.board).continue_from(moved);
        ws.memory(|m| {
            // Another process had the lease meanwhile: what was read last is not what we read (seed 9820852).
            let by_another = |c: &Cursor| m.cursors.get(&c.name).is_some_and(|ours| ours.moved < c.moved);
            if cursors.iter().any(by_another) {
                (m.passes, m.gap, m.rates) = Default::default();
            }
            // What that one observed and did not get to publish is not known here.
            m.worked_through = false;
            m.cursors = cursors.into_iter().map(|c| (c.name.clone(), c)).collect();
            m.capabilities = facts.into_iter().map(|f| ((f.owner.clone(), f.name.clone()), f)).collect();
            m.paused = m
                .capabilities
                .get(&(ws.key.as_str().to_owned(), "paused".to_owned()))
                .is_some_and(|f| f.value == "yes");
        });
        super::surge::remember(ws);
        super::write_rate::remember(ws);
    }
    refresh_mapping(ws).await?;
    Ok(())
}

/// Takes up a new mapping version, if there is one. It concerns new changes and held values
/// only (D24).
pub(super) async fn refresh_mapping(ws: &Ws) -> Result<(), Halt> {
    let Told::Mapping(found) = ws.ask(Ask::Mapping).await? else { return Ok(()) };
    let version = found.as_ref().map_or(0, |(version, _)| *version);
    let known = ws.memory(|m| (m.mapping_version, m.tables.rows().is_empty()));
    // A version never changes, so its body is read once and not with every pass.
    if known == (version, false) {
        return Ok(());
    }
    let set = match found {
        Some((_, body)) => match serde_json::from_str::<TableSet>(&body) {
            Ok(set) => set,
            Err(error) => {
                let text = format!("mapping version {version} cannot be read and is not used: {error}");
                return Err(Halt::Store(StoreFault::Broken(text)));
            }
        },
        None => TableSet::default_tables(),
    };
    ws.memory(|m| {
        m.held_again = true;
        m.mapping_version = version;
        m.tables = Arc::new(Tables::compile(&set));
    });
    if version > 0 && known.0 != version && !known.1 && ws.shared.mode != Mode::Plan {
        let text = format!("mapping version {version} is in use from now on");
        let event = ws.event(Level::Info, None, ws.key.to_string(), text);
        ws.commit(Commit { events: vec![event], ..Commit::default() }).await?;
    }
    Ok(())
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
