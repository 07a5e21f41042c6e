//! The mass-change breaker: the same change for too many incidents within a while waits for a person.
//! Nothing of it is dropped, and all else goes on.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::ledger::{Ask, AuditDraft, Capability, Commit, Told};
use crate::model::view::{Level, SurgeView};
use crate::model::{LinkId, LinkState, Pair, Side};
use crate::mutant::{self, Mutant};
use crate::sync::plan::{Plan, plan};
use crate::sync::sighting::Pass;
use crate::sync::surge::{Surge, gap, hold_back, since_earlier_life, surges};
use crate::text::Stamp;

use super::ctx::{Halt, Ws};
use super::incident_pass::SENTINEL;
use super::link_work::may_send;
use super::recovery::Recovery;

/// Changes of one kind are counted over this long.
const WHILE: Duration = Duration::from_secs(120);
/// Links that are loaded at a time to count what they would do.
const AT_A_TIME: usize = 500;
/// Name of the fact that a kind of change waits.
const FACT: &str = "mass_change";

/// What a workspace knows of changes of the same kind.
#[derive(Default)]
pub(super) struct Surges {
    /// When each link was first about to be changed that way, by our monotonic clock: what waits for a
    /// server that is down is counted once. `None` for what came at some moment of a longer gap.
    seen: BTreeMap<(Surge, LinkId), Option<Duration>>,
    /// What waits for a person, and for how many links.
    held: BTreeMap<Surge, u32>,
    /// What a person let through, until it is over.
    open: BTreeSet<Surge>,
}

/// What has to outlive the process.
#[derive(Default, Serialize, Deserialize)]
struct Standing {
    held: Vec<SurgeView>,
    open: Vec<SurgeView>,
}

/// True for a moment that is counted still.
fn is_lately(at: Option<Duration>, now: Duration) -> bool {
    at.is_some_and(|at| now.saturating_sub(at) <= WHILE)
}

fn view(surge: &Surge, count: u32) -> SurgeView {
    SurgeView { field: Some(surge.field), side: surge.to, count }
}

fn surge(view: &SurgeView) -> Option<Surge> {
    Some(Surge { field: view.field?, to: view.side })
}

impl Surges {
    /// What waits, as people see it.
    pub fn views(&self) -> Vec<SurgeView> {
        self.held.iter().map(|(surge, count)| view(surge, *count)).collect()
    }

    /// Lets through what waits. True when anything did.
    pub fn let_through(&mut self) -> bool {
        let held = std::mem::take(&mut self.held);
        self.open.extend(held.keys());
        !held.is_empty()
    }

    /// Takes up what waited in an earlier life.
    fn take_up(&mut self, fact: &str) {
        let standing: Standing = serde_json::from_str(fact).unwrap_or_default();
        self.held = standing.held.iter().filter_map(|v| Some((surge(v)?, v.count))).collect();
        self.open = standing.open.iter().filter_map(surge).collect();
    }
}

/// The fact that these kinds of change wait, or were let through, as it is stored.
pub(super) fn fact(ws: &Ws) -> Capability {
    let standing = ws.memory(|m| Standing {
        held: m.surges.views(),
        open: m.surges.open.iter().map(|surge| view(surge, 0)).collect(),
    });
    ws.new_fact(ws.key.as_str(), FACT, serde_json::to_string(&standing).unwrap_or_default())
}

/// Loads what waited in an earlier life, once the workspace's facts are known.
pub(super) fn remember(ws: &Ws) {
    let stored = ws.fact(ws.key.as_str(), FACT).unwrap_or_default();
    ws.memory(|m| m.surges.take_up(&stored));
}

/// When both sides were last read to the end before this pass.
#[derive(Clone, Copy)]
pub(super) struct LastRead {
    /// By our steady clock, and how far that one had come by the servers' own; `None` before the first.
    at: Pair<Option<(Stamp, Stamp)>>,
    /// By the servers' own, in this life.
    passes: Pair<Pass>,
}

/// Notes when both sides were last read, before they are read again.
pub(super) fn last_read(ws: &Ws) -> LastRead {
    // A workspace that moved to another table keeps the cursor of the old one.
    let desk = ws.desk_cursor();
    let (reach, overlap) = (ws.settings().reach(), ws.instance().overlap);
    ws.memory(|m| {
        let at = |name: &str, back| m.cursors.get(name).map(|c| (c.moved, c.position.plus(back)));
        LastRead { at: Pair::new(at(SENTINEL, reach), at(&desk, overlap)), passes: m.passes }
    })
}

impl LastRead {
    /// How long nothing was read until this pass, which has read both sides by now.
    pub fn gap(self, ws: &Ws) -> Duration {
        let (steady, now) = (ws.steady(), ws.memory(|m| m.passes));
        let sides = [Side::Sentinel, Side::ServiceNow];
        let clock = |pass: &Pass| Some(pass.date?.plus(steady.since(pass.asked)));
        let servers = sides.into_iter().filter_map(|s| clock(now.of(s))).max();
        let ours = |s: Side| {
            let (moved, reached) = (*self.at.of(s))?;
            let ours = steady.since(moved);
            let earlier = *self.passes.of(s) == Pass::default();
            Some(if earlier { since_earlier_life(ours, reached, servers) } else { ours })
        };
        let longest = sides.into_iter().filter_map(ours).max().unwrap_or_default();
        gap(longest, sides.map(|s| (self.passes.of(s).date, now.of(s).date)))
    }
}

/// Counts what the links of a pass would do before any of it is done. More of one kind than the limit,
/// with what was done of it lately, waits from now on; what nobody would do any more waits no longer.
/// Where nothing was read for longer, as much more may have come together.
pub(super) async fn watch(ws: &Ws, dirty: &BTreeSet<LinkId>, gap: Duration) -> Result<(), Halt> {
    let most = ws.settings().mass_change;
    if most == 0 || mutant::is_on(Mutant::MassChangeFollowed) {
        return Ok(());
    }
    let limit = most.saturating_mul((gap.as_secs() / WHILE.as_secs()).max(1) as usize);
    let now = ws.now().mono;
    let quiet = ws.memory(|m| {
        m.surges.seen.retain(|(_, link), at| is_lately(*at, now) || dirty.contains(link));
        let few = dirty.len() + m.surges.seen.len() <= limit;
        m.surges.held.is_empty() && m.surges.open.is_empty() && few
    });
    // So few cannot be too many; but what came together in a longer while than is counted must not count
    // with what comes next.
    let after_gap = limit > most;
    if quiet && !after_gap {
        return Ok(());
    }
    let planned = count(ws, dirty).await?;
    let tripped = ws.memory(|m| m.surges.judge(&planned, (limit, after_gap), now));
    let waiting = ws.waiting();
    ws.summary(|s| s.waiting = waiting);
    match tripped.before == tripped.after && !tripped.over {
        true => Ok(()),
        false => tell(ws, limit, &tripped).await,
    }
}

/// The links that each kind of change would concern; of those that share a record, one.
async fn count(ws: &Ws, dirty: &BTreeSet<LinkId>) -> Result<BTreeMap<Surge, BTreeSet<LinkId>>, Halt> {
    let mut planned: BTreeMap<Surge, BTreeSet<LinkId>> = BTreeMap::new();
    let ids: Vec<LinkId> = dirty.iter().copied().collect();
    for some in ids.chunks(AT_A_TIME) {
        let Told::Links(states) = ws.ask(Ask::ById(some.to_vec())).await? else { continue };
        for state in states.iter().filter(|s| s.link.workspace == ws.key && may_send(ws, &s.link)) {
            let made = ws.with_plan(|ctx| plan(state, ctx, ws.steady()));
            for surge in surges(&made) {
                planned.entry(surge).or_default().insert(state.host());
            }
        }
    }
    Ok(planned)
}

/// What waited before and what waits now.
struct Tripped {
    before: BTreeMap<Surge, u32>,
    after: BTreeMap<Surge, u32>,
    /// Something that was let through is over.
    over: bool,
}

impl Surges {
    /// `after_gap` where nothing was read for so long that the limit was raised.
    fn judge(
        &mut self,
        planned: &BTreeMap<Surge, BTreeSet<LinkId>>,
        (limit, after_gap): (usize, bool),
        now: Duration,
    ) -> Tripped {
        let (before, open) = (self.held.clone(), self.open.clone());
        for (surge, links) in planned {
            let mut new = Vec::new();
            for link in links {
                if let Entry::Vacant(free) = self.seen.entry((*surge, *link)) {
                    new.push(*free.key());
                    free.insert(Some(now));
                }
            }
            let lately =
                |((s, _), at): &(&(Surge, LinkId), &Option<Duration>)| s == surge && is_lately(**at, now);
            let many = self.seen.iter().filter(lately).count() > limit;
            if after_gap && !many {
                self.seen.extend(new.into_iter().map(|key| (key, None)));
            }
            if !many {
                self.open.remove(surge);
            }
            if self.held.contains_key(surge) || many && !self.open.contains(surge) {
                self.held.insert(*surge, links.len() as u32);
            }
        }
        // Undone where it came from, or carried out by hand on both sides.
        self.held.retain(|surge, _| planned.contains_key(surge));
        self.open.retain(|surge| planned.contains_key(surge));
        Tripped { before, after: self.held.clone(), over: self.open != open }
    }
}

/// Puts on record what waits from now on, and what no longer.
async fn tell(ws: &Ws, limit: usize, tripped: &Tripped) -> Result<(), Halt> {
    let mut commit = Commit { capabilities: vec![fact(ws)], ..Commit::default() };
    let subject = ws.key.to_string();
    for (surge, count) in tripped.after.iter().filter(|(s, _)| !tripped.before.contains_key(s)) {
        ws.recovered(Recovery::MassChange);
        let why = format!(
            "{count} incidents would get another {surge} within {} minutes, more than {limit}",
            WHILE.as_secs() / 60
        );
        let text = format!(
            "{why}: they wait until somebody lets them through (sync let-through) or it is undone; all else goes on"
        );
        commit.events.push(ws.event(Level::Error, None, subject.clone(), text));
        commit.audit.push(AuditDraft {
            at: ws.now().utc,
            who: "sync".into(),
            act: "hold".into(),
            subject: subject.clone(),
            side: surge.to.word().into(),
            what: surge.field.word().into(),
            why,
            ..AuditDraft::default()
        });
    }
    for surge in tripped.before.keys().filter(|s| !tripped.after.contains_key(s)) {
        let text = format!("nobody would change {surge} any more: nothing of it waits");
        commit.events.push(ws.event(Level::Info, None, subject.clone(), text));
    }
    commit.workspace_view = Some(ws.workspace_view());
    ws.commit(commit).await?;
    Ok(())
}

impl Ws {
    /// Takes out of a plan what waits for a person. True when there was any of it.
    pub fn hold_surges(&self, planned: &mut Plan) -> bool {
        let held: BTreeSet<Surge> = self.memory(|m| m.surges.held.keys().copied().collect());
        !held.is_empty() && hold_back(planned, &held)
    }

    /// Counts a write that is under way.
    pub fn count_surges(&self, state: &LinkState, planned: &Plan) {
        let now = self.now().mono;
        self.memory(|m| {
            for surge in surges(planned) {
                m.surges.seen.entry((surge, state.host())).or_insert(Some(now));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Field;

    fn changes(from: i64, many: i64) -> BTreeMap<Surge, BTreeSet<LinkId>> {
        let surge = Surge { field: Field::Severity, to: Side::ServiceNow };
        BTreeMap::from([(surge, (from..from + many).map(LinkId).collect())])
    }

    #[test]
    fn what_came_together_in_a_long_gap_does_not_count_with_what_comes_next() {
        let second = Duration::from_secs;
        let mut surges = Surges::default();
        assert!(surges.judge(&changes(0, 300), (12_000, true), second(10)).after.is_empty());
        assert!(surges.judge(&changes(300, 40), (50, false), second(20)).after.is_empty());
        assert!(!surges.judge(&changes(340, 40), (50, false), second(30)).after.is_empty(), "a burst is one");
    }

    #[test]
    fn too_many_for_any_gap_wait() {
        let mut surges = Surges::default();
        assert!(!surges.judge(&changes(0, 300), (100, true), Duration::from_secs(10)).after.is_empty());
    }
}
