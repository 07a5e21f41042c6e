//! P5 and P4 where a table takes states only phase by phase: a phase on the way to the state that is wanted
//! never comes to Sentinel, and a record stops short of that state only where its process has no way back.

use diptych::model::ledger::AuditRow;
use diptych::model::{Base, LinkState};
use diptych::sandbox::side::Side;
use diptych::text::Stamp;

use super::updates::{NEARBY, on_record};
use super::{Case, Found};
use crate::simulation::Dialect;
use crate::timeline::{Field, Pair, Step, Who};
use crate::trick::Excuse;

pub fn check(case: &Case<'_>, found: Found<'_>) {
    if case.e.worlds.dialect.phases.is_empty() {
        return;
    }
    for pair in case.pairs.values() {
        comes_back(case, pair, found);
    }
}

/// True for a step of the sync that only leads to another one: no status of Sentinel stands for such a phase,
/// or the one at the time does not.
pub fn is_on_the_way(case: &Case<'_>, pair: &Pair, step: &Step) -> bool {
    let dialect = &case.e.worlds.dialect;
    let phases = if dialect.phases.is_empty() { dialect.order() } else { dialect.phases };
    let Some(at) = phases.iter().position(|p| *p == step.after) else { return false };
    let ours = step.field == Field::Status && step.side == Side::ServiceNow && step.who == Who::Sync;
    let between = ours && at > 0 && at + 1 < phases.len() && (at > 1 || was_closed(case, pair, step.at));
    between && (!dialect.phases.is_empty() || follows_kept(case, pair, step))
}

/// True for a step to the next phase where phases may be skipped, but an access rule had kept the state without
/// a word: nobody can tell that from a process that wants each of them, and the rule may be gone by the first
/// step (seed 9837063). The step is on record as one, and before it, but for other steps, the write that was kept.
fn follows_kept(case: &Case<'_>, pair: &Pair, step: &Step) -> bool {
    let place = |state: &str| case.e.worlds.dialect.order().iter().position(|p| *p == state);
    let next = place(&step.before).is_some_and(|at| place(&step.after) == Some(at + 1));
    let in_time = |r: &AuditRow| case.e.wrong_clock || r.draft.at.plus(NEARBY) >= step.at;
    let this = |r: &AuditRow| r.draft.before == step.before && r.draft.after == step.after && in_time(r);
    let of_the_state = |r: &&&AuditRow| {
        r.draft.act == "patch_record" && r.draft.side == "servicenow" && r.draft.what == Field::Status.word()
    };
    let mut walks = false;
    let mut rows = case.book.get(&pair.guid).into_iter().flatten().filter(of_the_state);
    let told = rows.any(|r| {
        let kept = r.draft.before == r.draft.after;
        walks = kept || walks && r.draft.why.starts_with("a step on the way to ");
        walks && this(r)
    });
    next && told && case.e.excuses.contains(&Excuse::DeniedFields)
}

/// True when the incident was closed at that moment, or so shortly before that a write was on its way.
fn was_closed(case: &Case<'_>, pair: &Pair, at: Stamp) -> bool {
    let steps: Vec<&Step> = pair.steps_of(Field::Status, Side::Sentinel).collect();
    let born = match steps.first() {
        Some(first) => first.before == "Closed",
        None => case
            .e
            .worlds
            .incidents
            .iter()
            .any(|i| i.guid.eq_ignore_ascii_case(&pair.guid) && i.status == "Closed"),
    };
    let until = |n: usize| steps.get(n).map_or(Stamp(i64::MAX), |s| s.at.plus(case.e.lands));
    let later =
        steps.iter().enumerate().any(|(n, s)| s.after == "Closed" && s.at <= at && at <= until(n + 1));
    later || born && at <= until(0)
}

/// No write of a status in Sentinel follows from a phase on the way that the record was at by then.
fn comes_back(case: &Case<'_>, pair: &Pair, found: Found<'_>) {
    for written in pair.steps_of(Field::Status, Side::Sentinel).filter(|s| s.who == Who::Sync) {
        let earlier = |s: &&Step| s.at <= written.at;
        let Some(last) = pair.steps_of(Field::Status, Side::ServiceNow).filter(earlier).last() else {
            continue;
        };
        // What somebody did in ServiceNow since the status was last theirs in Sentinel may be what crosses.
        let theirs = pair.steps_of(Field::Status, Side::Sentinel).filter(earlier);
        let since = theirs.filter(|s| s.who == Who::Other).map(|s| s.at).last().unwrap_or(Stamp(0));
        let acted = pair.steps.iter().any(|s| {
            s.side == Side::ServiceNow && s.who == Who::Other && s.at >= since && s.at <= written.at
        });
        let ruled = pair.ruled.iter().any(|at| *at <= written.at);
        if is_on_the_way(case, pair, last) && !acted && !ruled {
            let text = format!(
                "incident {}: its status became {:?} at {}, and all that moved was our own step to {:?}",
                pair.number, written.after, written.at, last.after
            );
            found("P5", text);
        }
    }
}

/// True when we went on to the next phase from one that an earlier write of ours was to set: of that one it is
/// on record that others moved the record around it, so nobody can tell whose the phase was (seed 9805381).
pub fn goes_on(case: &Case<'_>, pair: &Pair, theirs: &Step, ours: &Step) -> bool {
    let place = |state: &str| case.e.worlds.dialect.phases.iter().position(|p| *p == state);
    let next = place(&theirs.after).is_some_and(|at| place(&ours.after) == Some(at + 1));
    let of_a_record = (ours.field, ours.side) == (Field::Status, Side::ServiceNow);
    next && of_a_record && on_record(case, pair, "overlap", theirs)
}

/// True for a status that is held because the record kept its state without a word: an access rule does that
/// as a process does, and whoever reads states cannot tell the two apart (seed 9806119).
pub fn is_kept(base: &Base) -> bool {
    base.field.word() == "status" && base.held.contains("answered well but kept the state")
}

/// True for a link whose record has gone further than what its incident says, where there is no way back, and
/// that says so.
pub fn is_past(dialect: &Dialect, link: &LinkState) -> bool {
    let place = |state: &str| dialect.phases.iter().position(|p| *p == state);
    let (Some(incident), Some(record)) = (&link.incident, &link.record) else { return false };
    let wanted = match incident.status.as_str() {
        "New" => 0,
        "Active" => 1,
        _ => return false,
    };
    let state = record.value("state").unwrap_or_default();
    let further = place(state).is_some_and(|at| at > wanted);
    further && says(link, "its process goes forward only")
}

fn says(link: &LinkState, why: &str) -> bool {
    link.bases.iter().any(|b| b.field.word() == "status" && b.held.contains(why))
}
