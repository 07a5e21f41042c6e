//! P7 where a workspace wants records left closed: what somebody closed in ServiceNow is never opened again
//! through us, it is told of each reopening at most once, and both differ only for a reason that somebody
//! gave.

use diptych::model::settings::ClosedPartner;
use diptych::model::{LinkState, Role};
use diptych::sandbox::side::Side;
use diptych::text::Stamp;

use super::updates::{crossed, on_record, unseen};
use super::{Case, Found};
use crate::timeline::{Field, GOES_ON, Pair, Step, Who};
use crate::trick::Excuse;

/// What a record is told when its incident was reopened.
const TOLD: &str = "was reopened. This record was closed here and stays closed.";

pub fn check(case: &Case<'_>, found: Found<'_>) {
    for pair in case.pairs.values() {
        let who = format!("incident {}", pair.number);
        if case.e.closed_partner == ClosedPartner::New {
            opened(case, pair, found);
            rests(case, pair, found);
            continue;
        }
        let told = notes(pair);
        if case.e.closed_partner != ClosedPartner::Comment {
            if told > 0 || case.links.get(&pair.guid).is_some_and(|l| differs_by_agreement(l)) {
                found("P7", format!("{who}: its record was left closed, which nobody asked for"));
            }
            continue;
        }
        opened(case, pair, found);
        let reopened = reopenings(case, pair);
        if told > reopened {
            found("P7", format!("{who} was reopened {reopened} times, and its record was told {told} times"));
        }
        apart(case, pair, told, found);
    }
}

/// True for a link whose status differs by agreement, as it says itself.
pub fn differs_by_agreement(link: &LinkState) -> bool {
    let says = |why: &str| why.contains("the record was closed in ServiceNow and stays closed");
    link.bases.iter().any(|b| b.field.word() == "status" && b.conflict.is_none() && says(&b.rule))
}

fn notes(pair: &Pair) -> usize {
    let ours = pair.words.iter().filter(|w| w.side == Side::ServiceNow && w.who == Who::Sync);
    ours.filter(|w| w.after.as_deref().is_some_and(|t| t.contains(TOLD))).count()
}

/// How often somebody reopened the incident.
pub fn reopenings(case: &Case<'_>, pair: &Pair) -> usize {
    reopened(case, pair).count()
}

/// When somebody reopened the incident.
fn reopened<'a>(case: &'a Case<'_>, pair: &'a Pair) -> impl Iterator<Item = Stamp> + 'a {
    let is_closed = |side, value: &str| case.e.worlds.dialect.is_closed(side, value);
    let opened =
        move |s: &&Step| s.who == Who::Other && is_closed(s.side, &s.before) && !is_closed(s.side, &s.after);
    pair.steps_of(Field::Status, Side::Sentinel).filter(opened).map(|s| s.at)
}

/// Every record before the last was closed in ServiceNow by somebody, was told once that the incident goes on, and
/// rests once the next one is there: nothing more is done to it. It is told again only where the incident was closed
/// and reopened again before that (seed 103).
fn rests(case: &Case<'_>, pair: &Pair, found: Found<'_>) {
    let who = format!("incident {}", pair.number);
    for step in pair.rested.iter().filter(|s| s.who == Who::Sync) {
        found("P7", format!("{who}: its old record was changed at {} to {:?}", step.at, step.after));
    }
    for two in pair.records.windows(2) {
        let [(since, old), (born, _)] = two else { continue };
        let often = reopened(case, pair).filter(|at| (*since..=*born).contains(at)).count();
        let told = pair.words.iter().filter(|w| {
            w.record == *old && w.who == Who::Sync && w.after.as_deref().is_some_and(|t| t.contains(GOES_ON))
        });
        let refused = case.e.excuses.contains(&Excuse::OrderToDesk);
        match told.filter(|w| w.at <= *born).count() {
            n if (1..=often.max(1)).contains(&n) => {}
            0 if refused => {}
            n => found("P7", format!("{who} goes on in a new record, and its old one was told {n} times")),
        }
        let closed = |value: &str| case.e.worlds.dialect.is_closed(Side::ServiceNow, value);
        // It was given up a little before: what is done to it since then changes nothing any more (seed 9858766).
        // When that was, a wrong clock does not tell; the new record comes within two passes.
        let rows = case.book.get(&pair.guid).into_iter().flatten().map(|r| &r.draft);
        let left =
            rows.filter(|r| r.act == "new_link" && (*since..=*born).contains(&r.at)).map(|r| r.at).max();
        let left = match (case.e.wrong_clock, left) {
            (true, _) => vec![born.minus(case.e.poll * 2), *born],
            (false, left) => vec![left.unwrap_or(*born)],
        };
        let closed_at = |at: &Stamp| {
            let ours = |s: &&Step| s.record == *old && s.at <= *at;
            let last = pair.steps_of(Field::Status, Side::ServiceNow).filter(ours).last();
            last.is_some_and(|s| closed(&s.after))
        };
        if !left.iter().any(closed_at) {
            found("P7", format!("{who} got a new record at {born} although its old one was open"));
        }
        let written = case.e.sent.iter().find(|s| s.writes && s.at > *born && s.path.ends_with(old.as_str()));
        if let Some(sent) = written {
            found(
                "P7",
                format!("{who} went on in a new record at {born}; its old one was written at {}", sent.at),
            );
        }
    }
}

/// No record that somebody closed becomes open through us.
fn opened(case: &Case<'_>, pair: &Pair, found: Found<'_>) {
    let steps: Vec<&Step> = pair.steps_of(Field::Status, Side::ServiceNow).collect();
    for two in steps.windows(2) {
        let [theirs, ours] = two else { continue };
        let closed = |value: &str| case.e.worlds.dialect.is_closed(Side::ServiceNow, value);
        let same = theirs.record == ours.record;
        if theirs.who == Who::Sync || ours.who != Who::Sync || !same || !closed(&theirs.after) {
            continue;
        }
        // A close of ours that met theirs on its way is on record, and passes for ours (D26).
        let met = on_record(case, pair, "overlap", theirs) || on_record(case, pair, "unproven", theirs);
        if !closed(&ours.after) && !met && !crossed(case, pair, theirs, ours) && !unseen(case, pair, theirs) {
            let text = format!(
                "incident {}: its record was closed in ServiceNow at {} and opened by the sync at {}",
                pair.number, theirs.at, ours.at
            );
            found("P7", text);
        }
    }
}

/// A pair that is open in Sentinel and closed in ServiceNow at the end was reopened in the one and closed in
/// the other by somebody, and its record was told.
fn apart(case: &Case<'_>, pair: &Pair, told: usize, found: Found<'_>) {
    let Some(link) = case.links.get(&pair.guid).filter(|l| differs_by_agreement(l)) else { return };
    // What rests or is frozen may have had no time to tell.
    let rests = link.link.role != Role::Primary || !link.link.frozen.is_empty() || pair.is_given_away();
    let who = format!("incident {}", pair.number);
    if told == 0 && !rests {
        found("P7", format!("{who}: its record stays closed, and was not told of the reopening"));
    }
    let by_hand = pair.steps.iter().any(|s| {
        s.side == Side::ServiceNow
            && s.who == Who::Other
            && match s.field {
                Field::Status => case.e.worlds.dialect.is_closed(s.side, &s.after),
                Field::Closure | Field::CloseNotes => !s.after.is_empty(),
                _ => false,
            }
    });
    // Nobody knows whose close it was where an answer was lost, and what is closed stays so.
    let rows = case.book.get(&pair.guid).into_iter().flatten();
    let mut lost = rows.filter(|r| r.draft.act == "unproven" && r.draft.what == Field::Status.word());
    if reopenings(case, pair) == 0 || !by_hand && lost.next().is_none() {
        found("P7", format!("{who}: its record was left closed, and nobody had closed it there"));
    }
}
