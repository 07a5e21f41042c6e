//! Status and the closing fields, which travel together: a close needs its classification, a
//! record's close needs its code and notes in the same write, and what a person wrote while
//! closing is never overwritten (D22).

use crate::model::settings::Policy;
use crate::model::{Field, Role, Side, Status};
use crate::mutant::{self, Mutant};

use super::closed_partner;
use super::cross::{Crossed, equivalent, to_sentinel, to_servicenow};
use super::decide::{Verdict, unreadable};
use super::plan::Draft;
use super::state_path::{self, Way};
use super::values::is_closed;

pub(super) const CLOSING: [Field; 2] = [Field::Closure, Field::CloseNotes];

/// What a note is about that says what a close of ours leaves as it is.
const CLOSED: &str = "close/";

/// Plans status, closure and close notes of a link.
pub(super) fn plan_status(draft: &mut Draft<'_>) {
    let verdict = draft.verdict(Field::Status);
    let verdict = super::aggregation::last_closed(draft, verdict);
    let verdict = state_path::unfinished(draft, verdict);
    if closed_partner::stays_closed(draft, &verdict) {
        return settle_closing(draft);
    }
    match verdict {
        Verdict::Write { to: Side::Sentinel, raw, .. }
            if draft.state.link.role == Role::Attached
                && Status::from_word(&raw) == Some(Status::Closed)
                && mutant::is_on(Mutant::GuestLeftOpen) => {}
        Verdict::Write { to: Side::ServiceNow, rule, .. }
            if is_closed(draft.incident) && mutant::is_on(Mutant::ReopenByMapping) =>
        {
            draft.write(Field::Status, Side::Sentinel, Status::Active.word().into(), rule);
        }
        Verdict::Write { to, raw, rule, tie } => {
            let way = match to {
                Side::ServiceNow => state_path::way_to(draft, &raw),
                Side::Sentinel => Way::Direct,
            };
            if let Some(why) = state_path::no_way(draft, &way, &raw) {
                return draft.hold(Field::Status, why);
            }
            let before = matches!(way, Way::Step(_)).then(|| draft.plan.clone());
            let go = match to {
                Side::ServiceNow if is_closed(draft.incident) => close_record(draft),
                Side::Sentinel if Status::from_word(&raw) == Some(Status::Closed) => close_incident(draft),
                _ => reopen(draft),
            };
            // A close that waits for its closing fields decides nothing yet, and says so once.
            match (go, way) {
                // What a close takes along goes with its last step.
                (Ok(_), Way::Step(step)) => {
                    draft.plan = before.unwrap_or_default();
                    draft.remember_seen(Field::Status, tie.then_some((to, rule.as_str())));
                    state_path::plan_step(draft, &step, &raw);
                }
                (Ok(closer), way) => {
                    draft.remember_seen(Field::Status, tie.then_some((to, rule.as_str())));
                    if to == Side::ServiceNow {
                        state_path::plan_target(draft, &way, &raw);
                    }
                    draft.write(Field::Status, to, raw, rule);
                    draft.plan.closer = closer;
                }
                (Err(why), _) => draft.hold(Field::Status, why),
            }
        }
        Verdict::Rebase { rule, detached } => {
            closed_partner::tell_of_close(draft);
            draft.rebase(Field::Status, &rule, detached || closed_partner::closed_anew(draft));
            settle_closing(draft);
        }
        Verdict::InStep => {
            draft.clear_stale_marks(Field::Status);
            settle_closing(draft);
        }
        Verdict::Held(why) => draft.hold(Field::Status, why),
        Verdict::Conflict { why } => draft.conflict(Field::Status, why),
        Verdict::Lookup(keys) => draft.plan.lookups.extend(keys),
        Verdict::Note { .. } | Verdict::Frozen => {}
    }
}

/// What becomes of the owner of the closing fields with a write of the status; the reason why
/// the write has to wait otherwise.
type Closing = Result<Option<Option<Side>>, String>;

/// A move that does not close: forward, on hold, or an explicit reopen. After a reopen nobody
/// owns the closing fields any more.
fn reopen(draft: &Draft<'_>) -> Closing {
    Ok(draft.state.link.closer.is_some().then_some(None))
}

/// The incident was closed: the record gets state, code and notes in one write, except for what
/// a person wrote there already.
fn close_record(draft: &mut Draft<'_>) -> Closing {
    wait_for_a_person(draft)?;
    let closure = draft.sentinel(Field::Closure);
    let comment = draft.sentinel(Field::CloseNotes);
    for field in flowing(draft) {
        // Unread is not empty: a person's words may stand there.
        if draft.servicenow(field).is_none() {
            let why = unreadable(field);
            draft.hold(field, why.clone());
            return Err(format!("the record cannot be closed: {why}"));
        }
    }
    let flowing = flowing(draft);
    let by_hand: Vec<Field> = flowing.iter().copied().filter(|f| written_by_hand(draft, *f)).collect();
    let ours = |field: Field| flowing.contains(&field) && !by_hand.contains(&field);
    let code = draft.servicenow(Field::Closure).unwrap_or_default();
    let says_it = !code.is_empty()
        && equivalent(draft.ctx, Field::Closure, &closure, &code, draft.incident) == Ok(true);
    if ours(Field::Closure) && says_it {
        draft.rebase(Field::Closure, "equal under the tables", false);
    } else if ours(Field::Closure) {
        match to_servicenow(draft.ctx, Field::Closure, &closure, draft.incident) {
            Crossed::Value { raw, rule } => {
                draft.remember_seen(Field::Closure, None);
                draft.write(Field::Closure, Side::ServiceNow, raw, rule);
            }
            Crossed::Held(why) => {
                draft.hold(Field::Closure, why.clone());
                return Err(format!("the record cannot be closed: {why}"));
            }
            Crossed::Lookup(keys) => draft.plan.lookups.extend(keys),
        }
    }
    if ours(Field::CloseNotes) {
        let notes = close_notes(&closure, &comment);
        draft.remember_seen(Field::CloseNotes, None);
        draft.write(Field::CloseNotes, Side::ServiceNow, notes, "closing comment as it is".into());
    }
    if !by_hand.is_empty() {
        let text = format!(
            "Closed in Microsoft Sentinel as {closure}. The closing fields written here stay as they are.\n{comment}"
        );
        // The same words again are told again after the next agreement.
        let agreed = draft.state.base(Field::Status).map_or(0, |b| b.agreed.0);
        draft.plan.notes.push((super::plan::note_key(&format!("{CLOSED}{agreed}"), &text), text));
    }
    Ok(Some(Some(Side::Sentinel)))
}

/// True for the key of a note that a close of ours comes with.
pub fn tells_of_a_close(key: &str) -> bool {
    key.starts_with(CLOSED)
}

/// The close notes of a record whose incident was closed: an instance takes no empty ones.
fn close_notes(closure: &str, comment: &str) -> String {
    match comment.trim().is_empty() {
        true => format!("Closed in Microsoft Sentinel as {closure}."),
        false => super::values::cut(comment, 4000),
    }
}

/// True when a person must decide about a field and nothing moved since (I9).
fn frozen(draft: &Draft<'_>, field: Field) -> bool {
    let conflict = draft.state.base(field).and_then(|b| b.conflict.as_ref());
    conflict.is_some_and(|c| {
        c.taken.is_none()
            && c.sentinel == draft.sentinel(field)
            && Some(&c.servicenow) == draft.servicenow(field).as_ref()
    })
}

/// A close takes its closing fields along, so it waits with them.
fn wait_for_a_person(draft: &Draft<'_>) -> Result<(), String> {
    match flowing(draft).into_iter().find(|f| frozen(draft, *f)) {
        Some(field) => Err(format!("the close waits for a decision about {}", field.label().to_lowercase())),
        None => Ok(()),
    }
}

/// The closing fields that are not switched off.
fn flowing(draft: &Draft<'_>) -> Vec<Field> {
    let policies = &draft.ctx.workspace.policies;
    CLOSING.into_iter().filter(|f| policies.of(*f) != Policy::Off).collect()
}

/// True when the record's closing field holds something that is not what both last agreed on.
fn written_by_hand(draft: &Draft<'_>, field: Field) -> bool {
    let now = draft.servicenow(field).unwrap_or_default();
    let replaced = mutant::is_on(Mutant::OverwriteClosing);
    !replaced && !now.is_empty() && draft.state.base(field).is_none_or(|b| b.servicenow != now)
}

/// The record was closed: the incident gets status, classification and comment in one write. The
/// classification even if it does not flow otherwise: Sentinel closes nothing without one.
fn close_incident(draft: &mut Draft<'_>) -> Closing {
    wait_for_a_person(draft)?;
    let Some(code) = draft.servicenow(Field::Closure) else {
        let why = unreadable(Field::Closure);
        draft.hold(Field::Closure, why.clone());
        return Err(format!("the incident cannot be closed: {why}"));
    };
    match to_sentinel(draft.ctx, Field::Closure, &code) {
        Crossed::Value { raw, rule } => {
            draft.remember_seen(Field::Closure, None);
            draft.write(Field::Closure, Side::Sentinel, raw, rule);
        }
        Crossed::Held(why) => {
            draft.hold(Field::Closure, why.clone());
            return Err(format!("the incident cannot be closed: {why}"));
        }
        Crossed::Lookup(keys) => draft.plan.lookups.extend(keys),
    }
    match draft.servicenow(Field::CloseNotes) {
        _ if !flowing(draft).contains(&Field::CloseNotes) => {}
        _ if mutant::is_on(Mutant::ClosingWordsForgotten) => {}
        Some(notes) => {
            draft.remember_seen(Field::CloseNotes, None);
            draft.write(Field::CloseNotes, Side::Sentinel, notes, "close notes as they are".into());
        }
        None => draft.hold(Field::CloseNotes, unreadable(Field::CloseNotes)),
    }
    Ok(Some(Some(Side::ServiceNow)))
}

/// Closing fields while the status needs no write: compared only when both sides are closed.
pub(super) fn settle_closing(draft: &mut Draft<'_>) {
    let record_closed = draft.servicenow(Field::Status).is_some_and(|state| {
        draft.ctx.tables.is_closed_state(&draft.ctx.workspace.route.table, &state) == Some(true)
    });
    let both = is_closed(draft.incident) && record_closed;
    let flowing = flowing(draft);
    for field in CLOSING {
        if both && flowing.contains(&field) {
            settle_closed_field(draft, field);
        } else {
            // An open pair keeps its base: it remembers what was agreed at the last close, so
            // that a person's early close notes are still known as theirs.
            draft.clear_stale_marks_if_held(field);
        }
    }
    if !both && draft.state.link.closer.is_some() && !is_closed(draft.incident) && !record_closed {
        draft.plan.closer = Some(None);
    }
}

fn settle_closed_field(draft: &mut Draft<'_>, field: Field) {
    let sentinel = draft.sentinel(field);
    let Some(servicenow) = draft.servicenow(field) else {
        return draft.hold(field, unreadable(field));
    };
    let Some(base) = draft.state.base(field) else {
        return draft.rebase(field, "both closed; each side keeps its own words", true);
    };
    if frozen(draft, field) {
        return;
    }
    let changed = (sentinel != base.sentinel, servicenow != base.servicenow);
    let detached = base.detached;
    if changed == (false, false) {
        return draft.clear_stale_marks(field);
    }
    if equivalent(draft.ctx, field, &sentinel, &servicenow, draft.incident) == Ok(true) {
        return draft.rebase(field, "equal under the tables", false);
    }
    // Who closed anew with other words, on either field, wrote both.
    let moved = draft.closing_moved();
    let changed = (changed.0 || moved.sentinel, changed.1 || moved.servicenow);
    let crossed = match (draft.state.link.closer, changed, detached) {
        (Some(Side::Sentinel), (true, false), false) if field == Field::CloseNotes => {
            let notes = close_notes(&draft.sentinel(Field::Closure), &sentinel);
            (Side::ServiceNow, Crossed::plain(notes, "closing comment as it is"))
        }
        (Some(Side::Sentinel), (true, false), false) => {
            (Side::ServiceNow, to_servicenow(draft.ctx, field, &sentinel, draft.incident))
        }
        (Some(Side::ServiceNow), (false, true), false) => {
            (Side::Sentinel, to_sentinel(draft.ctx, field, &servicenow))
        }
        _ => return draft.rebase(field, "both closed; each side keeps its own words", true),
    };
    match crossed {
        (Side::ServiceNow, Crossed::Value { raw, .. }) if raw == servicenow => {
            draft.rebase(field, "equal under the tables", false);
        }
        (to, Crossed::Value { raw, rule }) => {
            draft.remember_seen(field, None);
            draft.write(field, to, raw, format!("changed by the side that closed first; {rule}"));
        }
        (_, Crossed::Held(why)) => draft.hold(field, why),
        (_, Crossed::Lookup(keys)) => draft.plan.lookups.extend(keys),
    }
}

impl Draft<'_> {
    fn clear_stale_marks_if_held(&mut self, field: Field) {
        if self.state.base(field).is_some_and(|b| !b.held.is_empty() || b.conflict.is_some()) {
            self.clear_stale_marks(field);
        }
    }
}
