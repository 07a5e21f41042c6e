//! Unknown outcomes and stale observations: read what is really there, then plan anew.
//!
//! Rules (sync-engine B.8): an incident's PUT is guarded by its version, so reading it again is
//! enough; a comment's PUT is repeated under the same id; a record's PATCH sets absolute values,
//! so it is read until it shows them or its transaction can no longer land; a note is looked for
//! by its marker, and sent again only when it can no longer land.

use std::time::Duration;

use crate::model::call::{DeskCall, DeskReply, SentinelCall, SentinelReply};
use crate::model::ledger::CommandUpdate;
use crate::model::{
    CommandState, Delivery, FaultKind, Incident, Intent, IntentKind, IntentState, LinkState, Record, Side,
};
use crate::sync::conversation::comments_moved;
use crate::sync::values::{sentinel_value, servicenow_value};
use crate::text::Stamp;

use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::send::{back_to_waiting, link_failed, send_open};
use super::turn::Turn;

/// Times that an incident's PUT is sent again while its first one may still land.
const MOST_RESENDS: u32 = 8;
/// How far before an intent its journal entry is looked for, against skewed clocks.
const LOOK_BACK: Duration = Duration::from_secs(900);

/// Goes on with an intent that was found open.
pub(super) async fn settle(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    if ws.is_down(intent.kind.side()) {
        return Ok(Next::Later);
    }
    match (&intent.kind, intent.state) {
        // Given by a command and not sent yet.
        (_, IntentState::Planned) => {
            let now = ws.now().utc;
            let mut update = ws.update(&intent, IntentState::InFlight, String::new());
            update.attempts += 1;
            update.sent = Some(now);
            ws.save(state, Turn { intents: vec![update], ..Turn::default() }).await?;
            send_open(ws, state).await
        }
        (IntentKind::CreateRecord { .. }, _) => super::create::resolve(ws, state, intent).await,
        (IntentKind::PutIncident { .. }, _) => reread_incident(ws, state, intent).await,
        (IntentKind::PutComment { .. }, _) => {
            give_up(ws, state, &intent, "repeated under the same id").await?;
            Ok(Next::Again)
        }
        (IntentKind::PatchRecord { .. }, _) => reread_record(ws, state, intent).await,
        (IntentKind::AddNote { .. }, _) => look_for_note(ws, state, intent).await,
    }
}

/// When a write of unknown outcome can no longer land: settle after it was sent, or after we
/// took the lease over from whoever sent it (D8, D34).
pub(super) fn settled_at(ws: &Ws, intent: &Intent) -> Stamp {
    let sent = intent.sent.unwrap_or(intent.created);
    let taken = ws.memory(|m| m.taken_at);
    let from = if sent < taken { taken } else { sent };
    from.plus(ws.instance().settle)
}

/// Closes an intent in favour of a fresh plan.
async fn give_up(ws: &Ws, state: &mut LinkState, intent: &Intent, why: &str) -> Result<(), Halt> {
    let mut turn =
        Turn { intents: vec![ws.update(intent, IntentState::Replanned, why.into())], ..Turn::default() };
    turn.entries.extend(back_to_waiting(state, &intent.kind));
    ws.save(state, turn).await
}

async fn reread_incident(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    let incident = match get_incident(ws, state).await {
        Ok(incident) => incident,
        Err(error) if error.is_side_wide() => return Ok(Next::Later),
        Err(error) => return link_failed(ws, state, &error, None).await,
    };
    let IntentKind::PutIncident { write, targets } = &intent.kind else { return Ok(Next::Again) };
    let there = targets.iter().all(|t| sentinel_value(&incident, t.field) == t.sentinel);
    if there {
        return super::confirm::incident_put(ws, state, intent, incident).await;
    }
    if incident.etag == write.etag && ws.now().utc < settled_at(ws, &intent) && intent.attempts < MOST_RESENDS
    {
        // It may still land, under a version that still fits. Sent again it lands for certain,
        // or the other one did.
        let mut update = ws.update(&intent, IntentState::InFlight, String::new());
        update.attempts += 1;
        ws.save(state, Turn { intents: vec![update], ..Turn::default() }).await?;
        return send_open(ws, state).await;
    }
    let mut turn = observed(state, incident);
    turn.intents.push(ws.update(&intent, IntentState::Replanned, "not applied; planned anew".into()));
    if let Some(command) = intent.command {
        ws.put_back(state, command);
        turn.commands.push(CommandUpdate {
            id: command,
            state: CommandState::Pending,
            result: "the write did not arrive; it is looked at again".into(),
        });
        super::board::lock(&ws.shared.board).wake(&ws.key);
    }
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

async fn get_incident(ws: &Ws, state: &LinkState) -> Result<Incident, crate::model::CallError> {
    let call = SentinelCall::Get(state.link.incident.clone());
    match ws.read_sentinel(call).await?.value {
        SentinelReply::Incident(incident) if incident.id == state.link.incident => Ok(*incident),
        _ => Err(crate::model::CallError::new(FaultKind::Garbled, "Sentinel answered with another incident")),
    }
}

fn observed(state: &LinkState, incident: Incident) -> Turn {
    let mut link = state.link.clone();
    link.unread = link.unread || comments_moved(state, &incident);
    Turn { link: Some(link), incident: Some(incident), ..Turn::default() }
}

/// Reads the incident again after Sentinel said that a newer version exists.
pub(super) async fn refresh_incident(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    match get_incident(ws, state).await {
        Ok(incident) => {
            let turn = observed(state, incident);
            ws.save(state, turn).await?;
            Ok(Next::Again)
        }
        Err(error) if error.is_side_wide() => Ok(Next::Later),
        Err(error) => link_failed(ws, state, &error, None).await,
    }
}

async fn get_record(ws: &Ws, state: &LinkState) -> Result<Record, crate::model::CallError> {
    let call = DeskCall::Get {
        table: state.link.table.clone(),
        shape: ws.settings().route.shape.clone(),
        sys_id: state.link.sys_id.clone(),
    };
    match ws.read_record_desk(call).await?.value {
        DeskReply::Record(record) => Ok(*record),
        _ => {
            Err(crate::model::CallError::new(FaultKind::Garbled, "ServiceNow gave an answer of another kind"))
        }
    }
}

/// Reads the record before it is written over, because what we know of it is not fresh.
pub(super) async fn refresh_record(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    match get_record(ws, state).await {
        Ok(record) => take_record(ws, state, record, Turn::default()).await,
        Err(error) if error.is_side_wide() => Ok(Next::Later),
        Err(error) => link_failed(ws, state, &error, None).await,
    }
}

/// Takes an observation of the record; when its version moved without us, its journal is read
/// in the same breath, because a moved version is all that tells of new entries.
pub(super) async fn take_record(
    ws: &Ws,
    state: &mut LinkState,
    record: Record,
    mut turn: Turn,
) -> Result<Next, Halt> {
    if let Some(wrong) = super::confirm::wrong_record(ws, state, &record) {
        return super::link_work::freeze(ws, state, wrong).await;
    }
    let known = state.record.as_ref().map_or(-1, |r| r.mod_count);
    if record.mod_count != known {
        let since = state.record.as_ref().map_or(Stamp(0), |r| r.updated_on).minus(LOOK_BACK);
        match ws.read_journal(vec![state.link.sys_id.clone()], since).await {
            // What this turn changes in an entry is newer than what the journal shows.
            Ok(rows) => {
                let seen = ws.absorb_notes(state, &rows);
                turn.entries.extend(merge_entries(&turn, seen));
            }
            Err(error) => {
                // Its values are taken, its version is not: so the journal is read again, and no
                // plan is made from values that a confirmed write has replaced.
                turn.record = state.record.as_ref().map(|old| Record {
                    mod_count: old.mod_count,
                    updated_on: old.updated_on,
                    ..record
                });
                ws.save(state, turn).await?;
                return if error.is_side_wide() {
                    Ok(Next::Later)
                } else {
                    link_failed(ws, state, &error, None).await
                };
            }
        }
    }
    turn.record = Some(record);
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

fn merge_entries(turn: &Turn, seen: Vec<crate::model::Entry>) -> Vec<crate::model::Entry> {
    seen.into_iter().filter(|e| e.id.0 == 0 || !turn.entries.iter().any(|t| t.id == e.id)).collect()
}

async fn reread_record(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    let record = match get_record(ws, state).await {
        Ok(record) => record,
        Err(error) if error.is_side_wide() => return Ok(Next::Later),
        Err(error) => return link_failed(ws, state, &error, None).await,
    };
    let IntentKind::PatchRecord { targets, .. } = &intent.kind else { return Ok(Next::Again) };
    let shape = &ws.settings().route.shape;
    let there = targets
        .iter()
        .all(|t| servicenow_value(&record, shape, t.field).as_deref() == Some(t.servicenow.as_str()));
    if there {
        return super::confirm::record_patched(ws, state, intent, record).await;
    }
    if ws.now().utc < settled_at(ws, &intent) {
        // It may still land, and would land on what a person wrote meanwhile.
        return Ok(Next::Later);
    }
    let update = ws.update(&intent, IntentState::Replanned, "not applied; planned anew".into());
    take_record(ws, state, record, Turn { intents: vec![update], ..Turn::default() }).await
}

async fn look_for_note(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    let IntentKind::AddNote { entry, .. } = intent.kind else { return Ok(Next::Again) };
    // Asked before the journal is read: what the journal does not show then cannot come later.
    let settled = ws.now().utc >= settled_at(ws, &intent);
    let since = intent.created.minus(LOOK_BACK);
    let rows = match ws.read_journal(vec![state.link.sys_id.clone()], since).await {
        Ok(rows) => rows,
        Err(error) if error.is_side_wide() => return Ok(Next::Later),
        Err(error) => return link_failed(ws, state, &error, None).await,
    };
    let entries = ws.absorb_notes(state, &rows);
    let arrived = entries.iter().any(|e| e.id == entry && e.to_servicenow == Delivery::Delivered)
        || state.entries.iter().any(|e| e.id == entry && e.to_servicenow == Delivery::Delivered);
    let mut turn = Turn { entries, ..Turn::default() };
    if arrived {
        turn.intents.push(ws.update(&intent, IntentState::Confirmed, "found by its marker".into()));
        turn.audit.push(ws.audit(
            state,
            "add_note",
            (Some(Side::ServiceNow), "note"),
            ("", ""),
            "found by its marker",
        ));
        ws.summary(|s| s.writes += 1);
    } else if settled {
        turn.intents.push(ws.update(&intent, IntentState::Replanned, "did not arrive; sent again".into()));
        turn.entries.extend(back_to_waiting(state, &intent.kind));
    } else {
        if !turn.is_empty() {
            ws.save(state, turn).await?;
        }
        return Ok(Next::Later);
    }
    ws.save(state, turn).await?;
    Ok(Next::Again)
}
