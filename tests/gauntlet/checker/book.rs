//! P12: the audit tells of every write that was applied.

use std::collections::BTreeMap;

use diptych::sandbox::side::Side;

use super::{Case, Found};
use crate::simulation::token;
use crate::timeline::{Field, Pair, Who};

pub fn check(case: &Case<'_>, found: Found<'_>) {
    if case.e.audit.is_none() {
        return;
    }
    for pair in case.pairs.values() {
        let told = told(case, &pair.guid);
        for (what, applied) in applied(pair) {
            let rows = told.get(&what).copied().unwrap_or(0);
            if rows < applied {
                found(
                    "P12",
                    format!(
                        "incident {}: {} {} was applied {applied} times and is in the audit {rows} times",
                        pair.number, what.0, what.1
                    ),
                );
            }
        }
    }
}

type What = (&'static str, &'static str);

/// Writes of the sync that the servers applied.
fn applied(pair: &Pair) -> BTreeMap<What, u32> {
    let mut n: BTreeMap<What, u32> = BTreeMap::new();
    for step in pair.steps.iter().filter(|s| s.who == Who::Sync) {
        let side = side_word(step.side);
        // Closing words vanish when the status is no longer closed: nobody wrote that.
        let vanished = matches!(step.field, Field::Closure | Field::CloseNotes) && step.after.is_empty();
        if step.field != Field::Labels && !vanished {
            *n.entry((side, step.field.word())).or_default() += 1;
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for word in pair.words.iter().filter(|w| w.who == Who::Sync) {
        let Some(_) = word.after.as_deref().and_then(token) else { continue };
        match word.side {
            Side::Sentinel if seen.contains(&word.id.as_str()) => {}
            Side::Sentinel => {
                seen.push(&word.id);
                *n.entry(("sentinel", "comment")).or_default() += 1;
            }
            Side::ServiceNow => *n.entry(("servicenow", "note")).or_default() += 1,
        }
    }
    n.insert(("servicenow", "record"), pair.records.len() as u32);
    n
}

fn side_word(side: Side) -> &'static str {
    match side {
        Side::Sentinel => "sentinel",
        Side::ServiceNow => "servicenow",
    }
}

/// Writes that the audit tells of.
fn told(case: &Case<'_>, guid: &str) -> BTreeMap<What, u32> {
    let mut n: BTreeMap<What, u32> = BTreeMap::new();
    let words = [
        "severity",
        "status",
        "owner",
        "title",
        "description",
        "closure",
        "close_notes",
        "comment",
        "note",
        "record",
    ];
    for row in case.book.get(guid).into_iter().flatten() {
        let side = if row.draft.side == "sentinel" { "sentinel" } else { "servicenow" };
        if matches!(row.draft.act.as_str(), "decide" | "overlap" | "freeze") {
            continue;
        }
        if let Some(what) = words.iter().find(|w| **w == row.draft.what) {
            *n.entry((side, *what)).or_default() += 1;
        }
    }
    n
}
