//! No mass change unasked: the same field of more incidents than the limit is not written on one side
//! within ten minutes, as long as nobody let it through.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use diptych::sandbox::side::Side;
use diptych::text::Stamp;

use super::{Case, Found};
use crate::timeline::{Field, Who};

/// A little less than the engine counts over: what it counts is when it sends.
const WHILE: Duration = Duration::from_secs(540);

pub fn check(case: &Case<'_>, found: Found<'_>) {
    let Some((limit, asked)) = case.e.mass_change else { return };
    let mut writes: BTreeMap<(Field, Side), Vec<(Stamp, &str)>> = BTreeMap::new();
    for pair in case.pairs.values() {
        let counted = |f: Field| matches!(f, Field::Severity | Field::Status | Field::Owner);
        let ours = pair.steps.iter().filter(|s| s.who == Who::Sync && counted(s.field) && s.at < asked);
        for step in ours {
            writes.entry((step.field, step.side)).or_default().push((step.at, &pair.guid));
        }
    }
    for ((field, side), mut list) in writes {
        list.sort_unstable();
        for (i, (from, _)) in list.iter().enumerate() {
            let some = list[i..].iter().take_while(|(at, _)| at.since(*from) <= WHILE);
            let incidents: BTreeSet<&str> = some.map(|(_, guid)| *guid).collect();
            let allowed = allowed(case, limit, *from);
            if incidents.len() > allowed {
                let text = format!(
                    "{} of {} incidents was written in {side} within ten minutes of {from}, of {allowed} at most",
                    field.word(),
                    incidents.len()
                );
                return found("P3", text);
            }
        }
    }
}

/// What was written before a restart is not counted after it, and what changes between the count and the
/// write comes on top.
fn allowed(case: &Case<'_>, limit: usize, from: Stamp) -> usize {
    let meanwhile = case.e.sent.iter().filter(|s| s.at >= from && s.at.since(from) <= WHILE);
    let lives: BTreeSet<u32> = meanwhile.map(|s| s.life).collect();
    (limit + 2) * lives.len().max(1)
}
