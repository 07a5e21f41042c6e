//! No mass change unasked: the same field of more incidents than the limit is not written on one side
//! within two minutes, as long as nobody let it through.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use diptych::sandbox::side::Side;
use diptych::text::Stamp;

use super::phases::is_on_the_way;
use super::{Case, Found};
use crate::simulation::Sent;
use crate::timeline::{Field, Pair, Step, Who};

/// A little less than the engine counts over: what it counts is when it sends.
const WHILE: Duration = Duration::from_secs(100);
/// How far back a pause may have been whose changes are carried over only now.
pub const LOOKED_AT: Duration = Duration::from_secs(1800);
/// Where a side was not read for longer than this, as much more may come together.
const PAUSE: Duration = Duration::from_secs(120);

pub fn check(case: &Case<'_>, found: Found<'_>) {
    let Some((limit, asked)) = case.e.mass_change else { return };
    let mut writes: BTreeMap<(Field, Side), Vec<(Stamp, &str)>> = BTreeMap::new();
    for pair in case.pairs.values() {
        let counted = |f: Field| matches!(f, Field::Severity | Field::Status | Field::Owner);
        let ours = pair.steps.iter().filter(|s| s.who == Who::Sync && counted(s.field) && s.at < asked);
        let ours = ours.filter(|s| !is_on_the_way(case, pair, s));
        for step in ours.filter(|s| !ends_a_create(case, pair, s)) {
            // A record that several incidents share is one, also where all of them follow it (seed 9868038).
            let shared = pair.records.iter().rfind(|(since, _)| *since <= step.at).map(|(_, id)| id);
            let key = if step.record.is_empty() { shared.unwrap_or(&pair.guid) } else { &step.record };
            writes.entry((step.field, step.side)).or_default().push((step.at, key));
        }
    }
    for ((field, side), mut list) in writes {
        list.sort_unstable();
        for (i, (from, _)) in list.iter().enumerate() {
            let some = list[i..].iter().take_while(|(at, _)| at.since(*from) <= WHILE);
            let incidents: BTreeSet<&str> = some.map(|(_, guid)| *guid).collect();
            if incidents.len() <= limit {
                continue;
            }
            let allowed = allowed(case, limit, *from);
            if incidents.len() > allowed {
                let text = format!(
                    "{} of {} incidents was written in {side} within two minutes of {from}, of {allowed} at most",
                    field.word(),
                    incidents.len()
                );
                return found("P3", text);
            }
        }
    }
}

/// True for the close of a record that was made for an incident that was closed already: records are
/// made open, and this is the rest of it.
fn ends_a_create(case: &Case<'_>, pair: &Pair, step: &Step) -> bool {
    let Some((born, _)) = pair.records.iter().find(|(_, id)| *id == step.record) else { return false };
    let before = pair.steps_of(Field::Status, Side::Sentinel).take_while(|s| s.at <= *born);
    let mut steps = pair.steps_of(Field::Status, Side::ServiceNow).filter(|s| s.record == step.record);
    let first = steps.find(|s| !is_on_the_way(case, pair, s));
    before.last().is_some_and(|s| s.after == "Closed") && first.is_some_and(|s| std::ptr::eq(s, step))
}

/// What was written before a restart is not counted after it, and what changes between the count and the
/// write comes on top.
fn allowed(case: &Case<'_>, limit: usize, from: Stamp) -> usize {
    let meanwhile = case.e.sent.iter().filter(|s| s.at >= from && s.at.since(from) <= WHILE);
    let lives: BTreeSet<u32> = meanwhile.map(|s| s.life).collect();
    let gap = longest_gap(case, from).as_secs() / PAUSE.as_secs();
    (limit + 2) * lives.len().max(1) * (1 + gap as usize)
}

/// Longest time around a moment for which one of the sides was not read.
pub fn longest_gap(case: &Case<'_>, from: Stamp) -> Duration {
    longest_gap_within(case, from, LOOKED_AT)
}

/// The same, as far back as that.
pub fn longest_gap_within(case: &Case<'_>, from: Stamp, looked_at: Duration) -> Duration {
    let until = from.plus(WHILE);
    let asked: Vec<&Sent> = case.e.sent.iter().filter(|s| s.operation != "token").collect();
    let gap = |side: Side| {
        let of_pass = |s: &&Sent| s.side == Some(side) && s.pass;
        // A body that broke off has the status of a whole one (seed 9822483).
        let pass = |s: &&Sent| of_pass(s) && s.status == Some(200) && !s.struck;
        let soon = |at: Stamp, later: Stamp| later >= at && later.since(at) < case.e.poll / 2;
        // The last one of a life may not have been kept: it is read once more by the next.
        let lasts: BTreeMap<u32, Stamp> = case.e.sent.iter().filter(pass).map(|s| (s.life, s.at)).collect();
        let last_life = lasts.keys().next_back().copied();
        let broken_off = |s: &&Sent| lasts.get(&s.life).is_some_and(|at| soon(s.at, *at));
        // Nor was one whose journals were refused: Sentinel's turn came next, so that nobody had read the texts
        // instead and nothing of what moved was taken (seed 9830696).
        let refused = |s: &Sent| s.path.ends_with("/sys_journal_field") && s.status == Some(403);
        let turns = asked.windows(2).filter(|w| w[1].side == Some(Side::Sentinel) && w[1].pass);
        let unread = turns.map(|w| w[0]).filter(|s| s.side == Some(side) && refused(s)).map(|s| s.at);
        // Nor was one of which a page failed.
        let failed: Vec<Stamp> =
            case.e.sent.iter().filter(|s| of_pass(s) && !pass(s)).map(|s| s.at).chain(unread).collect();
        let failed = |s: &&Sent| failed.iter().any(|at| soon(s.at, *at));
        // Nor was what found the disk full, whole as it was (seed 9825712).
        let unstored = |s: &&Sent| case.e.disk_full.iter().any(|span| span.contains(&s.at));
        let kept = |s: &&Sent| !failed(s) && !unstored(s) && (Some(s.life) == last_life || !broken_off(s));
        let read = |s: &&Sent| pass(s) && kept(s) && s.at <= until;
        let mut last = case.e.sent.first().map_or(from, |s| s.at);
        let mut longest = Duration::ZERO;
        for at in case.e.sent.iter().filter(read).map(|s| s.at).chain([until]) {
            if until.since(at) <= looked_at {
                longest = longest.max(at.since(last));
            }
            last = at;
        }
        longest
    };
    // Where no server tells the time, our own clock may tell of a pause that never was (seed 9867879).
    Side::BOTH.into_iter().map(gap).max().unwrap_or_default() + case.e.clock_pause
}
