//! The domain of a record, where the instance is separated into domains: that it moved to another one is
//! said once, and the sync goes on as long as our user sees the record (servicenow-api 8).

use crate::model::ledger::AuditDraft;
use crate::model::view::{EventView, Level};
use crate::model::{LinkState, Record, Side};
use crate::text::escape_line;

use super::ctx::Ws;

/// An instance without domains does not have the column.
use crate::model::settings::DOMAIN_COLUMN as COLUMN;

/// Keeps the domain that a record was last seen in while it may not be read, so that a move is noticed
/// however long that lasts.
pub(super) fn keep_domain(known: Option<&Record>, now: &mut Record) {
    let Some(domain) = known.and_then(|r| r.value(COLUMN)) else { return };
    now.values.entry(COLUMN.to_owned()).or_insert_with(|| domain.to_owned());
}

/// What there is to say of a linked record that shows another domain than when it was last seen.
pub(super) fn moved(ws: &Ws, state: &LinkState, now: &Record) -> Option<(AuditDraft, EventView)> {
    let (from, to) = (state.record.as_ref()?.value(COLUMN)?, now.value(COLUMN)?);
    if from == to {
        return None;
    }
    let why = format!(
        "the record was moved from domain {} to {}: check that it belongs there; it is kept in step as long as \
         our user sees it",
        worded(from),
        worded(to)
    );
    let what = (Some(Side::ServiceNow), COLUMN);
    let audit = ws.audit(state, "domain", what, (from, to), &why);
    Some((audit, ws.event(Level::Warning, Some(state.link.id), ws.subject(state), why)))
}

/// What there is to say of a record that was just created in another domain than the route names.
pub(super) fn misplaced(ws: &Ws, state: &LinkState, made: &Record) -> Option<(AuditDraft, EventView)> {
    let wanted = ws.settings().route.on_create.get(COLUMN)?;
    let found = made.value(COLUMN).filter(|found| found != wanted)?;
    let why = format!(
        "{} was created in domain {} and not in {}: our user may not set {COLUMN} there; let it, or name a \
         company of that domain in the route",
        escape_line(&made.number),
        worded(found),
        escape_line(wanted)
    );
    let what = (Some(Side::ServiceNow), COLUMN);
    let audit = ws.audit(state, "domain", what, (wanted, found), &why);
    Some((audit, ws.event(Level::Warning, Some(state.link.id), ws.subject(state), why)))
}

/// A domain in words.
fn worded(domain: &str) -> String {
    if domain.is_empty() { "(none)".to_owned() } else { escape_line(domain) }
}
