//! P4 convergence, P5 quiescence, P13 liveness: once all is calm, both sides agree, nothing is
//! written any more, and nothing hangs.

use diptych::model::ledger::AuditRow;
use diptych::model::{Life, Role};

use super::{Case, Found, counted, is_first_contact, is_flapping};
use crate::run::QUIET;
use crate::timeline::{Field, Pair, is_person};
use crate::trick::Excuse;

pub fn check(case: &Case<'_>, found: Found<'_>) {
    let e = case.e;
    for discord in counted(e) {
        found("P4", discord.text);
    }
    let Some(quiet) = &e.quiet else {
        found("P13", "long after all was calm something was still to be done".to_owned());
        return stuck(case, found);
    };
    for sent in e.sent.iter().filter(|s| quiet.contains(&s.at) && s.writes) {
        found("P5", format!("{} {} within {QUIET} quiet passes", sent.method, sent.path));
    }
    stuck(case, found);
}

/// Fields that may go to and fro.
const FLAPS: [Field; 3] = [Field::Severity, Field::Status, Field::Owner];

/// What hangs must have a reason that somebody gave it.
fn stuck(case: &Case<'_>, found: Found<'_>) {
    let e = case.e;
    for (guid, state) in &case.links {
        let who = format!("incident {}", case.pairs.get(guid).map_or(0, |p| p.number));
        let deleted = case.pairs.get(guid).is_some_and(|p| p.deleted.is_some());
        let rests = deleted && (state.link.life == Life::Gone || state.link.frozen.contains("came back as"));
        let given_away = case.pairs.get(guid).is_some_and(Pair::is_given_away) || rests;
        // Of one that is planned no more, a field still says why it was held last (seed 9808947).
        let frozen = given_away && !state.link.frozen.is_empty();
        let unplanned = frozen || state.link.role == Role::Merged;
        if state.link.life == Life::Gone && !deleted {
            found("P13", format!("{who} was taken for gone and is there: {}", state.link.frozen));
        }
        if !state.link.frozen.is_empty() && !given_away {
            found("P13", format!("{who} is frozen: {}", state.link.frozen));
        }
        // What is deleted and written to afterwards is not taken for gone at once.
        let missing = deleted && state.link.error.starts_with("not found");
        if state.link.frozen.is_empty() && !state.link.error.is_empty() && !missing {
            found("P13", format!("{who} has an error still: {}", state.link.error));
        }
        for intent in state.intents.iter().filter(|i| i.state.is_open()) {
            if state.link.frozen.is_empty() {
                found("P13", format!("{who} has an open {}: {}", intent.kind.word(), intent.outcome));
            }
        }
        // An ended link does nothing any more, whatever it was about.
        for base in state.bases.iter().filter(|_| state.link.life != Life::Unlinked) {
            let conflict = base.conflict.as_ref().filter(|c| c.taken.is_none());
            // A record that appeared after its create was given up may have been changed by then; nobody
            // knows what that create wrote (D20).
            let given_up = |r: &&AuditRow| r.draft.act == "unproven" && r.draft.what == "record";
            // And nobody knows what both sides of one that was taken over had agreed on (D20).
            let taken_over = |r: &&AuditRow| matches!(r.draft.act.as_str(), "take_over" | "link");
            let late = |r: &&AuditRow| given_up(r) || taken_over(r);
            let found_late = conflict.is_some_and(is_first_contact)
                && case.book.get(guid).is_some_and(|rows| rows.iter().any(late));
            let flapping = conflict.is_some_and(|c| {
                let pair = case.pairs.get(guid);
                is_flapping(c)
                    && pair.is_some_and(|p| {
                        FLAPS.iter().any(|f| f.word() == base.field.word() && super::updates::flapped(p, *f))
                    })
            });
            if let Some(conflict) = conflict.filter(|_| !found_late && !flapping)
                && !e.excuses.contains(&Excuse::DeniedFields)
                && !(e.excuses.contains(&Excuse::Severity) && base.field.word() == "severity")
                && !given_away
            {
                found("P13", format!("{who}: {} waits for a person: {}", base.field, conflict.why));
            }
            let past = base.field.word() == "status" && super::phases::is_past(&e.worlds.dialect, state);
            let kept = e.excuses.contains(&Excuse::DeniedFields) && super::phases::is_kept(base);
            if !base.held.is_empty() && !past && !kept && !unplanned && !unmappable(case, guid) {
                found("P13", format!("{who}: {} is held: {}", base.field, base.held));
            }
        }
        for entry in &state.entries {
            if !is_person(entry.author.raw()) && entry.reason.contains("without a marker") {
                found("P13", format!("{who}: one of our own notes is not known again"));
            }
        }
    }
}

/// An owner who left cannot be assigned.
fn unmappable(case: &Case<'_>, guid: &str) -> bool {
    let gone = diptych::sandbox::people::CAST.iter().filter(|p| !p.active);
    let names: Vec<&str> = gone.flat_map(|p| [p.upn, p.sys_id]).collect();
    case.pairs.get(guid).is_some_and(|p| p.steps.iter().any(|s| names.contains(&s.after.as_str())))
        || case.e.worlds.incidents.iter().any(|i| {
            i.guid.eq_ignore_ascii_case(guid) && i.owner_upn.as_deref().is_some_and(|u| names.contains(&u))
        })
}
