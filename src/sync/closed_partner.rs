//! A record that was closed in ServiceNow while its incident is reopened in Sentinel, where the workspace
//! wants such a record left closed: one note tells it of the reopening, and from then on the two differ by
//! agreement. The base holds that difference, so that nothing is written for it by itself. Where the incident
//! is to go on in a new record, the base says so, too, until the engine has tied that one to it.

use crate::model::settings::ClosedPartner;
use crate::model::{Base, Field, Life, LinkState, Shown, Side, Status};
use crate::mutant::{self, Mutant};

use super::PlanContext;
use super::decide::Verdict;
use super::plan::{Draft, Plan, note_key};
use super::values::{is_closed, servicenow_value};

/// Why the two differ, for people.
pub(super) const STAYS: &str =
    "reopened in Sentinel; the record was closed in ServiceNow and stays closed, as closed_partner says";
/// Why the two differ until the incident goes on in a new record, for people.
const GOES_ON: &str = "reopened in Sentinel; the record was closed in ServiceNow and stays closed, and the incident goes on in a new record";
/// What a note about a reopening begins its key with.
const REOPENED: &str = "reopened/";

/// Settles the status of a pair whose record stays closed. False where the ordinary verdict holds.
pub(super) fn stays_closed(draft: &mut Draft<'_>, verdict: &Verdict) -> bool {
    let waits = matches!(verdict, Verdict::Frozen | Verdict::Lookup(_));
    let Some(base) = draft.state.base(Field::Status).cloned().filter(|_| asked_for(draft) && !waits) else {
        return false;
    };
    let Some(state) = draft.servicenow(Field::Status).filter(|s| closed(draft, s)) else { return false };
    if is_closed(draft.incident) {
        return false;
    }
    if differs_by_agreement(draft, &base) {
        // Neither a move between open states nor one between closed ones opens or closes anything.
        if base.sentinel == draft.sentinel(Field::Status) && base.servicenow == state {
            draft.clear_stale_marks(Field::Status);
        } else {
            draft.rebase(Field::Status, &base.rule, true);
        }
        return true;
    }
    let opens = matches!(verdict, Verdict::Write { to: Side::ServiceNow, .. });
    // What a person decided about this very record (a base of nothing) is done as they wished.
    let reopened = Status::from_word(&base.sentinel) == Some(Status::Closed);
    let left_to_us = mutant::is_on(Mutant::ClosedPartnerReopened);
    if !opens || !reopened || !closed_there(draft, &base, &state) || left_to_us {
        return false;
    }
    let anew = draft.ctx.workspace.closed_partner == ClosedPartner::New;
    let why = if anew { GOES_ON } else { STAYS };
    draft.rebase(Field::Status, why, true);
    draft.decided(Field::Status, why, false);
    draft.plan.goes_on = anew;
    // A reopening ends what the first closer owned (D22).
    draft.plan.closer = draft.state.link.closer.is_some().then_some(None);
    if !mutant::is_on(Mutant::ReopeningUntold) {
        let what = match anew {
            true => "This record stays closed; the incident goes on in a new record.",
            false => "This record was closed here and stays closed.",
        };
        let text = format!("Microsoft Sentinel incident {} was reopened. {what}", draft.incident.number);
        // One note for each agreement that a reopening ended: it begins another.
        let about = format!("{REOPENED}{}", base.agreed.0);
        draft.plan.notes.push((note_key(&about, &text), text));
    }
    true
}

/// Tells a record that was left closed that its incident is closed again: its own closing words stay, so
/// that nothing else would show it.
pub(super) fn tell_of_close(draft: &mut Draft<'_>) {
    let Some(base) = draft.state.base(Field::Status) else { return };
    let still = draft.servicenow(Field::Status).is_some_and(|s| closed(draft, &s));
    if !asked_for(draft) || !still || !is_closed(draft.incident) || !differs_by_agreement(draft, base) {
        return;
    }
    let mut text = format!(
        "Closed again in Microsoft Sentinel as {}. The closing fields written here stay as they are.",
        draft.sentinel(Field::Closure)
    );
    let comment = draft.sentinel(Field::CloseNotes);
    if !comment.trim().is_empty() {
        text.push('\n');
        text.push_str(&comment);
    }
    let about = format!("closed/{}", base.agreed.0);
    draft.plan.notes.push((note_key(&about, &text), text));
}

/// True for a closed pair whose record was closed in ServiceNow itself since both last agreed: by somebody
/// while ours was still to come, or by a job that closes for good what was resolved. That close is
/// ServiceNow's own, whoever closed first.
pub(super) fn closed_anew(draft: &Draft<'_>) -> bool {
    let Some(base) = draft.state.base(Field::Status) else { return false };
    let moved = draft.servicenow(Field::Status).is_some_and(|s| s != base.servicenow && closed(draft, &s));
    asked_for(draft) && moved && is_closed(draft.incident)
}

/// What a reopening would do besides, for people who look at it before: the note that a plan would write, and
/// the new record.
pub fn shown(plan: &Plan) -> Vec<Shown> {
    let line = |what: &str, to: &str| Shown {
        side: Side::ServiceNow,
        what: what.into(),
        from: String::new(),
        to: to.to_owned(),
    };
    let note = plan.notes.iter().find(|(key, _)| tells_of_reopening(key));
    let mut all: Vec<Shown> = note.map(|(_, text)| line("note", text)).into_iter().collect();
    if plan.goes_on {
        all.push(line("record", "a new record, in which the incident goes on"));
    }
    all
}

/// True for the key of a note that tells of a reopening.
pub(super) fn tells_of_reopening(key: &str) -> bool {
    key.starts_with(REOPENED)
}

/// True for a pair that is open in Sentinel and closed in ServiceNow by agreement.
pub(super) fn is_apart(base: &Base) -> bool {
    base.field == Field::Status && base.detached && (base.rule == STAYS || base.rule == GOES_ON)
}

/// Leaves nothing for the record of a pair whose incident goes on in a new one, but what tells of that: the new
/// one begins with what Sentinel shows by then.
pub(super) fn leave_to_the_new_one(draft: &mut Draft<'_>) {
    if draft.planned_base(Field::Status).is_some_and(|b| says_new(&b)) {
        draft.plan.to_record.clear();
        draft.plan.notes.retain(|(key, _)| tells_of_reopening(key));
    }
}

/// True for a link whose words for ServiceNow wait for the new record, once a plan is carried out.
pub fn awaits_new_record(state: &LinkState, plan: &Plan) -> bool {
    let planned = plan.bases.iter().find(|b| b.field == Field::Status);
    planned.or_else(|| state.base(Field::Status)).is_some_and(says_new)
}

/// True for a pair whose incident is to go on in a new record, and that stands as it did when that was decided.
pub fn goes_on(state: &LinkState, ctx: &PlanContext<'_>) -> bool {
    let (Some(base), Some(incident), Some(record)) =
        (state.base(Field::Status), &state.incident, &state.record)
    else {
        return false;
    };
    let shape = &ctx.workspace.route.shape;
    says_new(base)
        && base.conflict.is_none()
        && base.held.is_empty()
        && base.sentinel == ctx.sentinel_value(incident, Field::Status)
        && servicenow_value(record, shape, Field::Status).as_ref() == Some(&base.servicenow)
}

/// True for a link that ended because its incident went on in a new record.
pub fn went_on(state: &LinkState) -> bool {
    state.link.life == Life::Unlinked && state.base(Field::Status).is_some_and(says_new)
}

fn says_new(base: &Base) -> bool {
    base.detached && base.rule == GOES_ON
}

fn asked_for(draft: &Draft<'_>) -> bool {
    draft.ctx.workspace.closed_partner != ClosedPartner::Reopen
}

fn closed(draft: &Draft<'_>, state: &str) -> bool {
    draft.ctx.tables.is_closed_state(&draft.ctx.workspace.route.table, state) == Some(true)
}

fn differs_by_agreement(draft: &Draft<'_>, base: &Base) -> bool {
    let open = Status::from_word(&base.sentinel).is_some_and(|s| s != Status::Closed);
    base.detached && open && closed(draft, &base.servicenow)
}

/// True when what stands in the record is a close of ServiceNow's own, and not the one that we wrote after
/// Sentinel's.
fn closed_there(draft: &Draft<'_>, base: &Base, state: &str) -> bool {
    draft.state.link.closer != Some(Side::Sentinel)
        || base.detached
        || base.servicenow != state
        || draft.closing_moved().servicenow
}
