//! Whose record it is: what came back is the linked one still, or another one, or nobody can tell (I6).

use crate::model::ledger::AuditDraft;
use crate::model::view::{EventView, Level};
use crate::model::{CallError, FaultKind, Incident, Life, Link, LinkState, Record, SysId};
use crate::sync::hand_over::is_store_apps;
use crate::text::Stamp;

use super::ctx::Ws;
use super::recovery::Recovery;
use super::turn::Turn;

/// Why a record that came back is not the linked one (I6); `None` when it is.
pub(super) fn wrong_record(ws: &Ws, state: &LinkState, record: &Record) -> Option<String> {
    let wrong = why_wrong(ws, state, record)?;
    ws.recovered(Recovery::WrongRecordFrozen);
    Some(wrong)
}

/// Why it cannot be told whether a record is the linked one still: its correlation may not be read.
pub(super) fn unverifiable(ws: &Ws, state: &LinkState, record: &Record) -> Option<CallError> {
    let field = &ws.settings().route.shape.correlation_id;
    if record.value(field).is_some() {
        return None;
    }
    let why = format!(
        "instance {}: {field} of record {} cannot be read, so it cannot be told whether it is ours",
        state.link.instance,
        crate::text::escape_line(&record.number)
    );
    Some(CallError::new(FaultKind::Rejected, why).hint("let our user read that column"))
}

pub(super) fn why_wrong(ws: &Ws, state: &LinkState, record: &Record) -> Option<String> {
    if record.sys_id != state.link.sys_id {
        return Some(format!("ServiceNow answered with record {}", record.sys_id));
    }
    let known = state.record.as_ref()?;
    let field = &ws.settings().route.shape.correlation_id;
    let ours = crate::sync::identity::correlation_id(&ws.key, &state.link.incident);
    let (before, now) = (known.value(field), record.value(field));
    // Another form of the store app still names the same incident.
    let name = &ws.settings().name;
    let theirs = |id: &str| is_store_apps(id, name, &state.link.incident);
    let still = before.is_some_and(theirs) && now.is_some_and(theirs);
    // A shared one names the incident that it was made for.
    let hosts = state.link.group.host.as_ref().map(|h| crate::sync::identity::correlation_id(&ws.key, h));
    let named = now == Some(ours.as_str()) || hosts.is_some() && now == hosts.as_deref();
    // One that could not be read before has to be ours now.
    (now.is_some() && before != now && !named && !still).then(|| {
        format!(
            "the record's {field} was changed to {}, so it may belong to another incident now",
            crate::text::escape_line(now.unwrap_or_default())
        )
    })
}

/// Why an incident is another one than before under the same key: only a deleted one that was written to
/// comes back, under a new number and without its past (sentinel-api 2.1). `None` when it is not.
fn made_anew(state: &LinkState, now: &Incident) -> Option<String> {
    let known = state.incident.as_ref()?;
    (known.number != now.number).then(|| {
        format!("the incident was deleted while we wrote, and came back as {} without its past", now.number)
    })
}

/// Freezes a link whose incident is another one than before, and says so, whatever it was frozen for; `None`
/// when it is not, or when what is gone is not seen again by that.
pub(super) fn freeze_anew(
    ws: &Ws,
    state: &LinkState,
    link: &mut Link,
    now: &Incident,
) -> Option<(AuditDraft, EventView)> {
    let mut why = made_anew(state, now).filter(|_| link.life != Life::Gone)?;
    if !link.frozen.is_empty() {
        why.push_str(&format!(" (and before that: {})", link.frozen));
    }
    let text = format!("frozen: {why}; nothing is sent for it until somebody runs retry");
    let event = ws.event(Level::Error, Some(link.id), ws.subject(state), text);
    let audit = ws.audit_freeze(state, &why);
    link.frozen = why;
    link.error.clear();
    link.not_before = Stamp(0);
    Some((audit, event))
}

/// The same in the very transaction that shows it, whatever looked at the incident.
pub(super) fn notice_anew(ws: &Ws, state: &LinkState, turn: &mut Turn) {
    // On every save: nothing is copied for one that is the same as ever.
    let Some(now) = turn.incident.as_ref().filter(|now| made_anew(state, now).is_some()) else { return };
    let mut link = turn.link.clone().unwrap_or_else(|| state.link.clone());
    if let Some((audit, event)) = freeze_anew(ws, state, &mut link, now) {
        turn.audit.push(audit);
        turn.events.push(event);
        turn.link = Some(link);
    }
}

/// True for an id that the instance chose instead of ours.
pub(super) fn is_other_id(state: &LinkState, record: &Record) -> bool {
    record.sys_id != state.link.sys_id && record.sys_id != SysId::default()
}
