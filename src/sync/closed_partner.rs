//! A record that was closed in ServiceNow while its incident is reopened in Sentinel, where the workspace
//! wants such a record left closed: one note tells it of the reopening, and from then on the two differ by
//! agreement. The base holds that difference, so that nothing is written for it by itself.

use crate::model::settings::ClosedPartner;
use crate::model::{Base, Field, Shown, Side, Status};
use crate::mutant::{self, Mutant};

use super::decide::Verdict;
use super::plan::{Draft, Plan, note_key};
use super::values::is_closed;

/// Why the two differ, for people.
pub(super) const STAYS: &str =
    "reopened in Sentinel; the record was closed in ServiceNow and stays closed, as closed_partner says";
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
    draft.rebase(Field::Status, STAYS, true);
    draft.decided(Field::Status, STAYS, false);
    // A reopening ends what the first closer owned (D22).
    draft.plan.closer = draft.state.link.closer.is_some().then_some(None);
    if !mutant::is_on(Mutant::ReopeningUntold) {
        let text = format!(
            "Microsoft Sentinel incident {} was reopened. This record was closed here and stays closed.",
            draft.incident.number
        );
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

/// The note about a reopening that a plan would write, for people who look at it before.
pub fn shown_note(plan: &Plan) -> Option<Shown> {
    let (_, text) = plan.notes.iter().find(|(key, _)| key.starts_with(REOPENED))?;
    Some(Shown { side: Side::ServiceNow, what: "note".into(), from: String::new(), to: text.clone() })
}

/// True for a pair that is open in Sentinel and closed in ServiceNow by agreement.
pub(super) fn is_apart(base: &Base) -> bool {
    base.field == Field::Status && base.detached && base.rule == STAYS
}

fn asked_for(draft: &Draft<'_>) -> bool {
    draft.ctx.workspace.closed_partner == ClosedPartner::Comment
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
