//! A record's state that is refused, or silently kept, on a table that goes through its states one by one:
//! what is known of the way goes into the base, and the next plan takes the next step.

use crate::model::intent::Target;
use crate::model::view::Level;
use crate::model::{
    Base, CallError, FaultKind, Field, Intent, IntentKind, IntentState, LinkState, Record, Side,
};
use crate::sync::cross::equivalent;
use crate::sync::state_path::{self, Shown};
use crate::sync::values::servicenow_value;
use crate::text::Stamp;

use super::confirm::agreed_at;
use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::turn::Turn;

/// Code of a refusal because of fields that are missing: no matter of the state.
const FIELDS_MISSING: &str = "data-policy";

/// Takes a refused PATCH for a state that its process does not let a record go to at once. `None` for any
/// other failure.
pub(super) async fn refused(
    ws: &Ws,
    state: &mut LinkState,
    intent: &Intent,
    error: &CallError,
) -> Result<Option<Next>, Halt> {
    let IntentKind::PatchRecord { targets, .. } = &intent.kind else { return Ok(None) };
    let says_state = error.kind == FaultKind::Rejected && error.code.as_deref() != Some(FIELDS_MISSING);
    if !says_state || super::recover::may_have_landed(intent) {
        return Ok(None);
    }
    let path = &ws.settings().route.state_path;
    let Some(base) = state_path::refused(path, state.base(Field::Status), targets, &error.message) else {
        return Ok(None);
    };
    let states = targets.iter().find(|t| t.field == Field::Status).map(|t| {
        [&t.before, &t.servicenow].map(|raw| ws.readable(state, Field::Status, Side::ServiceNow, raw))
    });
    let [from, to] = states.unwrap_or_default().map(|s| crate::text::escape_line(&s));
    let text = format!("the state was not taken from {from} to {to}: {error}; another way is looked for");
    let turn = Turn {
        intents: vec![ws.update(intent, IntentState::Rejected, error.to_string())],
        bases: vec![base],
        events: vec![ws.event(Level::Info, Some(state.link.id), ws.subject(state), text)],
        ..Turn::default()
    };
    ws.save(state, turn).await?;
    Ok(Some(Next::Again))
}

/// The base of a status that was written, if nothing was agreed by it: a step on the way, or one that did not
/// stick.
pub(super) fn answered(
    ws: &Ws,
    state: &LinkState,
    intent: &Intent,
    target: &Target,
    (record, by_another): (&Record, bool),
) -> Option<Base> {
    #[cfg(feature = "mutants")]
    if let Some(base) = super::mutated::as_edited(state, target) {
        return Some(base);
    }
    let route = &ws.settings().route;
    let now = servicenow_value(record, &route.shape, target.field)?;
    // The one version since is somebody else's: it was they who took the step, and ours never came or found
    // nothing to change.
    let IntentKind::PatchRecord { mod_count, .. } = &intent.kind else { return None };
    let base = state.base(Field::Status).filter(|b| state_path::is_step(Some(b), target));
    let theirs = by_another && record.mod_count == mod_count + 1 && now == target.servicenow;
    if let Some(base) = base.filter(|_| theirs) {
        return Some(state_path::left(base));
    }
    let means = |sentinel: &str| {
        let incident = state.incident.as_ref();
        incident.is_some_and(|i| {
            ws.with_plan(|ctx| equivalent(ctx, Field::Status, sentinel, &now, i)) == Ok(true)
        })
    };
    let agrees = target.field == Field::Status && means(&target.sentinel);
    let shown = Shown { now: &now, at: agreed_at(intent), by_another, agrees };
    state_path::answered(&route.state_path, state.base(Field::Status), target, shown)
}

/// The same for a step that is seen to have arrived, without an answer that says so.
pub(super) fn arrived(ws: &Ws, state: &LinkState, target: &Target, at: Stamp) -> Option<Base> {
    let base = state.base(Field::Status);
    let shown = Shown { now: &target.servicenow, at, by_another: false, agrees: false };
    let path = &ws.settings().route.state_path;
    state_path::answered(path, base, target, shown).filter(|_| state_path::is_step(base, target))
}
