//! P12: the audit tells of every write that was applied, and of none that never was.

use std::collections::{BTreeMap, BTreeSet};

use diptych::sandbox::side::Side;

use super::{Case, Found};
use crate::simulation::{Sent, token};
use crate::timeline::{Field, Pair, Who};

pub fn check(case: &Case<'_>, found: Found<'_>) {
    if case.e.audit.is_none() {
        return;
    }
    for pair in case.pairs.values().chain(case.shared.values().map(|s| &s.union)) {
        let told = told(case, &pair.guid);
        for (what, applied) in applied(case, pair).into_iter().filter(|(what, _)| is_judged(case, pair, what))
        {
            // What the store app made is taken over by a link; one that never entered gets none.
            if case.is_the_apps(pair) && what == ("servicenow", "record") {
                continue;
            }
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
        made_up(case, pair, found);
    }
}

/// True for writes that a pair is judged by: what any of its incidents wrote to a shared record, all of them did.
fn is_judged(case: &Case<'_>, pair: &Pair, what: &What) -> bool {
    let of_record = what.0 == "servicenow" && what.1 != "record";
    match case.shared_by(pair) {
        Some(_) => !of_record,
        None => of_record || !case.shared.contains_key(&pair.guid),
    }
}

/// Acts that the audit tells of a write, the calls that can have done it, and whether those go to the
/// record.
const WRITES: [(&[&str], &str, bool); 3] = [
    (&["patch_record", "add_note"], "update", true),
    (&["put_incident"], "put", false),
    (&["put_comment"], "comment", false),
];

/// Every write that the audit tells of left our sockets, and its answer leaves it possible that it was
/// applied.
fn made_up(case: &Case<'_>, pair: &Pair, found: Found<'_>) {
    if case.e.sent.is_empty() {
        return;
    }
    for (acts, operation, to_record) in WRITES {
        if case.shared.contains_key(&pair.guid) && !to_record {
            continue;
        }
        // What was seen without such an answer may be somebody else's, and the audit says so.
        let rows = case.book.get(&pair.guid).into_iter().flatten();
        let rows = rows.filter(|r| !r.draft.why.contains("no answer proves it"));
        let told = rows.filter(|r| acts.contains(&r.draft.act.as_str())).filter_map(|r| r.draft.intent);
        let told = told.collect::<BTreeSet<_>>().len();
        let here = |path: &str| match to_record {
            true => pair.records.iter().any(|(_, id)| path.ends_with(id)),
            false => path.to_lowercase().contains(&pair.guid),
        };
        let possible = |s: &&Sent| {
            // 409 may be the second answer to a request that was delivered twice.
            let refused = matches!(s.status, Some(202 | 400 | 401 | 403 | 404 | 429 | 503));
            s.writes && s.arrived && s.operation == operation && !refused && here(&s.path)
        };
        let sent = case.e.sent.iter().filter(possible).count();
        if told > sent {
            found(
                "P12",
                format!(
                    "incident {}: the audit tells of {told} writes ({operation}), {sent} went out",
                    pair.number
                ),
            );
        }
    }
}

type What = (&'static str, &'static str);

/// Writes of the sync that the servers applied.
fn applied(case: &Case<'_>, pair: &Pair) -> BTreeMap<What, u32> {
    let mut n: BTreeMap<What, u32> = BTreeMap::new();
    for step in pair.steps.iter().filter(|s| s.who == Who::Sync) {
        let side = side_word(step.side);
        // Closing words vanish when the status is no longer closed: nobody wrote that.
        let vanished = matches!(step.field, Field::Closure | Field::CloseNotes) && step.after.is_empty();
        if step.field != Field::Labels && !vanished {
            *n.entry((side, step.field.word())).or_default() += 1;
        }
    }
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    for word in pair.words.iter().filter(|w| w.who == Who::Sync) {
        let Some(_) = word.after.as_deref().and_then(token) else { continue };
        match word.side {
            // The same again is no other write; a comment that grew is.
            Side::Sentinel if !seen.insert((&word.id, word.after.as_deref().unwrap_or_default())) => {}
            Side::Sentinel => *n.entry(("sentinel", "comment")).or_default() += 1,
            Side::ServiceNow => *n.entry(("servicenow", "note")).or_default() += 1,
        }
    }
    n.insert(("servicenow", "record"), records(case, pair));
    n
}

/// Records of a pair that the sync made; where it made none, the one of the store app that it took over. Had
/// somebody taken the app's away before, it made one all the same (seed 9730780).
fn records(case: &Case<'_>, pair: &Pair) -> u32 {
    let app = case.e.worlds.dialect.took_over_from;
    let of_the_app = |id: &str| {
        let mut all = case.e.worlds.records.iter();
        app.is_some_and(|app| all.any(|r| r.sys_id == id && r.fields["sys_created_by"] == app))
    };
    let ours = pair.own_records().filter(|(_, id)| !of_the_app(id)).count();
    (if ours == 0 { pair.own_records().count() } else { ours }) as u32
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
    let mut known = BTreeSet::new();
    for row in case.book.get(guid).into_iter().flatten() {
        let side = if row.draft.side == "sentinel" { "sentinel" } else { "servicenow" };
        if matches!(row.draft.act.as_str(), "decide" | "overlap" | "freeze" | "gone") {
            continue;
        }
        if let Some(what) = words.iter().find(|w| **w == row.draft.what) {
            // However often it is told of, a write was one.
            if row.draft.intent.is_some_and(|intent| !known.insert((side, *what, intent))) {
                continue;
            }
            *n.entry((side, *what)).or_default() += 1;
        }
    }
    n
}
