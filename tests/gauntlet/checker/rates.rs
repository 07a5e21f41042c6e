//! No runaway unasked: no side gets more writes within a minute than the workspace allows, beyond what follows
//! from new records and what came together while a side was not read, as long as nobody let them through.

use std::collections::BTreeSet;
use std::time::Duration;

use diptych::sandbox::side::Side;
use diptych::text::Stamp;

use super::surges::{LOOKED_AT, longest_gap_within};
use super::{Case, Found};
use crate::simulation::Sent;

/// A little less than the engine counts over: what it counts is when it commits.
const WHILE: Duration = Duration::from_secs(50);
/// How long before that a record may have been made whose notes come only now.
const FOLLOWS: Duration = Duration::from_secs(120);
/// Writes that each new record brings with it.
const FOR_A_RECORD: usize = 10;
/// Links that are worked on at the same time: so many writes may have been counted before and be sent now.
const AT_ONCE: usize = 16;

pub fn check(case: &Case<'_>, found: Found<'_>) {
    let Some((limit, asked)) = case.e.write_rate.filter(|(limit, _)| *limit > 0) else { return };
    for side in Side::BOTH {
        let mut known: BTreeSet<(&str, &[u8])> = BTreeSet::new();
        let mut list: Vec<&Sent> = Vec::new();
        for sent in case.e.sent.iter().filter(|s| s.side == Some(side) && s.writes && s.at < asked) {
            let counted = matches!(sent.operation, "update" | "put" | "comment");
            // What is sent again is the same write.
            if counted && known.insert((&sent.path, &sent.body)) {
                list.push(sent);
            }
        }
        for (i, from) in list.iter().map(|s| s.at).enumerate() {
            let writes = list[i..].iter().take_while(|s| s.at.since(from) <= WHILE).count();
            if writes <= limit + AT_ONCE {
                continue;
            }
            let allowed = allowed(case, limit, from);
            if writes > allowed {
                let text =
                    format!("{side} got {writes} writes within a minute of {from}, of {allowed} at most");
                return found("P3", text);
            }
        }
    }
}

/// What was written before a restart is not counted after it.
fn allowed(case: &Case<'_>, limit: usize, from: Stamp) -> usize {
    let until = from.plus(WHILE);
    let gap = longest_gap_within(case, from, undisturbed_before(case, until));
    let between = |s: &&Sent, begin: Stamp| s.at >= begin && s.at <= until;
    let lives: BTreeSet<u32> = case.e.sent.iter().filter(|s| between(s, from)).map(|s| s.life).collect();
    let earlier = from.minus(FOLLOWS.max(case.e.poll * 2) + gap);
    let made = case.e.sent.iter().filter(|s| s.writes && s.operation == "insert" && between(s, earlier));
    let minutes = gap.as_secs() as usize / 60;
    (limit + AT_ONCE) * lives.len().max(1) + made.count() * FOR_A_RECORD + limit * minutes
}

/// How far back the last pass is in which no server refused or failed: what came together before that and
/// could not be written is still to be written.
fn undisturbed_before(case: &Case<'_>, until: Stamp) -> Duration {
    let failed = |s: &&Sent| s.status.is_none_or(|status| status == 429 || status >= 500);
    let mut failures: Vec<Stamp> = case.e.sent.iter().filter(failed).map(|s| s.at).collect();
    failures.sort();
    let mut back = LOOKED_AT;
    for at in failures.into_iter().rev().filter(|at| *at <= until) {
        if until.since(at) > back + case.e.poll {
            break;
        }
        back = back.max(until.since(at));
    }
    back + case.e.poll
}
