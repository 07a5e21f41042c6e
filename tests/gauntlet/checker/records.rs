//! P1 no duplicate, P2 no orphan, P10 no wrong target, P11 no delete.

use std::time::Duration;

use diptych::model::settings::ClosedPartner;
use diptych::sandbox::side::Side;
use diptych::sandbox::{sentinel, servicenow};
use diptych::text::Stamp;

use super::partner::reopenings;
use super::{Case, Found};
use crate::simulation::Sent;
use crate::timeline::{Field, Pair, Step, Who};

pub fn check(case: &Case<'_>, found: Found<'_>) {
    duplicates(case, found);
    targets(case, found);
    deletions(case, found);
}

/// What servers' clocks differ by.
const SKEW: Duration = Duration::from_secs(5);

/// Records never vanish, so counting the inserted ones covers every instant.
fn duplicates(case: &Case<'_>, found: Found<'_>) {
    for pair in case.pairs.values() {
        // One whose correlation id a person overwrote is lost to everybody.
        let known = pair.records.iter().filter(|(born, id)| {
            let overwritten = |s: &&Step| s.record == *id && s.who == Who::Other && s.at >= *born;
            !pair.steps_of(Field::Correlation, Side::ServiceNow).any(|s| overwritten(&s))
                && !was_never_shown(case, *born, id)
        });
        let known = known.count();
        // Each of those before the last stays closed; `partner` looks into that.
        let later = if case.e.closed_partner == ClosedPartner::New { reopenings(case, pair) } else { 0 };
        if known > 1 + later || known == 0 && pair.records.len() > 2 + later {
            found("P1", format!("incident {} got {} records", pair.number, pair.records.len()));
        }
        if pair.number == 0 {
            found("P1", format!("a record for {}, which is no incident", pair.guid));
        }
    }
    for incident in &case.e.worlds.incidents {
        let guid = incident.guid.to_lowercase();
        let first = case.pairs.get(&guid).and_then(|p| p.records.first());
        let deleted = case.pairs.get(&guid).is_some_and(|p| p.deleted.is_some());
        if let Some((born, _)) = first.filter(|_| !case.e.wrong_clock && !deleted)
            && born.plus(SKEW) < incident.created.plus(case.e.create_after)
        {
            found("P2", format!("incident {} got its record at {born} already", incident.number));
        }
        let has = case.pairs.get(&guid).is_some_and(|p| !p.records.is_empty());
        let merged = case.pairs.get(&guid).is_some_and(|p| p.merged.is_some());
        if !has && !merged && incident.labels.iter().any(|l| l == "snow") {
            found("P2", format!("incident {} matches the filter and has no record", incident.number));
        }
    }
}

/// True for a value that is also what our create asked for, whose answer nobody got: where the instance took another
/// one and a person chose ours before the record was found, nobody can tell that person from us (seed 9865555).
pub fn asked_at_create(case: &Case<'_>, pair: &Pair, theirs: &Step) -> bool {
    let asked = |values: &serde_json::Value| {
        let value = |column: &str| values[column].as_str().unwrap_or_default().to_owned();
        match theirs.field {
            Field::Severity => format!("{}/{}", value("impact"), value("urgency")),
            Field::Status => value("state"),
            Field::Owner => value("assigned_to"),
            _ => String::new(),
        }
    };
    let lost = |s: &&Sent| {
        let create = s.side == Some(Side::ServiceNow) && s.method == "POST" && s.at <= theirs.at;
        create && s.arrived && s.status.is_none_or(|status| status >= 500)
    };
    let ours = |s: &Sent| {
        let values = serde_json::from_slice::<serde_json::Value>(&s.body).unwrap_or_default();
        let marked = values["correlation_id"].as_str().is_some_and(|id| id.ends_with(&pair.guid));
        marked && asked(&values) == theirs.after
    };
    let rows = case.book.get(&pair.guid).into_iter().flatten();
    let found = rows.filter(|r| r.draft.act == "create_record").map(|r| r.draft.at);
    theirs.side == Side::ServiceNow
        && case.e.sent.iter().filter(lost).any(ours)
        && found.min().is_none_or(|at| at >= theirs.at)
}

/// True for a record that somebody deleted before a single sound read could show it, while the answer to its create
/// was lost or died with its reader: nobody can know of it (seed 9841986).
fn was_never_shown(case: &Case<'_>, born: Stamp, id: &str) -> bool {
    let Some(gone) = deleted(case, id) else { return false };
    let shows = |s: &&Sent| {
        s.side == Some(Side::ServiceNow)
            && !s.writes
            && (s.pass || s.path.ends_with(id))
            && s.at > born
            && s.at < gone
    };
    // Whoever died right after it took nothing up; and from whom it was hidden, saw nothing (seed 9868285).
    let desk = |s: &&Sent| s.side == Some(Side::ServiceNow);
    let acted_on =
        |read: &Sent| case.e.sent.iter().filter(desk).any(|s| s.life == read.life && s.at > read.at);
    let hidden = |at: Stamp| case.e.hidden.iter().any(|(hid, span)| hid == id && span.contains(&at));
    let sound = |s: &Sent| !s.struck && s.status == Some(200) && !hidden(s.at) && acted_on(s);
    !case.e.sent.iter().filter(shows).any(sound)
}

/// When somebody deleted a record.
pub fn deleted(case: &Case<'_>, id: &str) -> Option<Stamp> {
    let is_it = |c: &&servicenow::RecordChange| c.sys_id == id && c.field.is_empty() && c.after == "deleted";
    case.e.record_changes.iter().find(is_it).map(|c| c.at)
}

/// Every write goes to a record that is ours, and to an incident that has a record.
fn targets(case: &Case<'_>, found: Found<'_>) {
    let grace = case.e.poll * 2 + Duration::from_secs(60);
    for sent in case.e.sent.iter().filter(|s| s.writes) {
        let last = sent.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        match (sent.side, sent.operation) {
            (Some(Side::ServiceNow), "update") => {
                let owner = case.pairs.values().find(|p| p.own_records().any(|(_, id)| id == last));
                let Some(pair) = owner else {
                    found("P10", format!("a write to record {last}, which is not ours"));
                    continue;
                };
                // Whoever ties it by hand gives it back, whatever it says.
                let tied = |from: Stamp| {
                    let mut rows = case.book.get(&pair.guid).into_iter().flatten();
                    rows.any(|r| r.draft.act == "link" && (from..sent.at).contains(&r.draft.at))
                };
                let given_away = pair
                    .steps_of(Field::Correlation, Side::ServiceNow)
                    .find(|s| s.record == last && s.at.plus(grace) < sent.at && !tied(s.at));
                if let Some(step) = given_away {
                    let text = format!(
                        "a write to the record of incident {} although it says {:?} since {}",
                        pair.number, step.after, step.at
                    );
                    found("P10", text);
                }
            }
            (Some(Side::Sentinel), "put" | "comment") => {
                let mut parts = sent.path.split('/').skip_while(|p| !p.eq_ignore_ascii_case("incidents"));
                let guid = parts.nth(1).unwrap_or_default().to_lowercase();
                if case.pairs.get(&guid).is_none_or(|p| p.records.is_empty()) {
                    found("P10", format!("a write to incident {guid}, which has no record"));
                }
            }
            _ => {}
        }
    }
}

fn deletions(case: &Case<'_>, found: Found<'_>) {
    for sent in case.e.sent.iter().filter(|s| s.method == "DELETE") {
        found("P11", format!("DELETE {}", sent.path));
    }
    for c in &case.e.incident_changes {
        let ours = matches!(c.actor, sentinel::Actor::App(_));
        // A write makes a deleted incident anew where it was seen only lately; then that is said, loudly.
        // Should it be merged later its link is frozen no more, but that it was is on record.
        let rows = case.book.get(&c.guid.to_lowercase()).into_iter().flatten();
        let told = rows.filter(|r| r.draft.act == "freeze").any(|r| r.draft.why.contains("came back as"));
        if ours && c.field == "created" && !told {
            found("P10", format!("incident {} was made by the sync", c.number));
        }
        if ours && (c.field == "deleted" || c.field == "comment" && c.after.is_none()) {
            found("P11", format!("something of incident {} was deleted", c.number));
        }
    }
    for c in &case.e.record_changes {
        if c.actor == servicenow::Actor::Api && c.after == "deleted" && c.field.is_empty() {
            found("P11", format!("record {} was deleted", c.number));
        }
    }
}
