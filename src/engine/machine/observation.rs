//! One link's incident or record looked at again, and what is taken of what it shows.

use std::time::Duration;

use crate::model::call::{DeskCall, DeskReply, SentinelCall, SentinelReply};
use crate::model::{CallError, Entry, FaultKind, Incident, LinkState, Record, Side};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

use super::ctx::{Halt, Ws};
use super::failure::{Read, read_failed};
use super::link_work::{Next, freeze_with};
use super::ownership::{unverifiable, wrong_record};
use super::recovery::Recovery;
use super::turn::Turn;

/// How far before an intent its journal entry is looked for, against skewed clocks.
pub(super) const LOOK_BACK: Duration = Duration::from_secs(900);

/// Reads the incident of a link.
pub(super) async fn get_incident(ws: &Ws, state: &LinkState) -> Result<Incident, CallError> {
    let call = SentinelCall::Get(state.link.incident.clone());
    match ws.read_sentinel(call).await?.value {
        SentinelReply::Incident(incident) if incident.id == state.link.incident => Ok(*incident),
        _ => Err(CallError::new(FaultKind::Garbled, "Sentinel answered with another incident")),
    }
}

/// What a turn takes of an incident that was asked for at `asked`.
pub(super) fn observed(ws: &Ws, state: &LinkState, incident: Incident, asked: Stamp) -> Turn {
    let mut link = state.link.clone();
    ws.notice_parts(&mut link, state, &incident);
    Turn { link: Some(link), incident: Some(incident), asked, ..Turn::default() }
}

/// Reads the incident again, once Sentinel can be asked.
pub(super) async fn look_at_incident(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    if ws.is_down(Side::Sentinel) { Ok(Next::Later) } else { refresh_incident(ws, state).await }
}

/// Reads the incident again after Sentinel said that a newer version exists.
pub(super) async fn refresh_incident(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    let asked = ws.steady();
    match get_incident(ws, state).await {
        Ok(incident) => {
            super::gone::seen(ws, state.link.id, Side::Sentinel);
            let mut turn = observed(ws, state, incident, asked);
            if let Some(link) = &mut turn.link {
                ws.read_well(link, Read::Incident);
            }
            ws.save(state, turn).await?;
            Ok(Next::Again)
        }
        Err(error) if error.is_side_wide() => Ok(Next::Later),
        Err(error) if error.kind == FaultKind::NotFound => {
            super::gone::missed(ws, state, Side::Sentinel, &error).await
        }
        Err(error) => read_failed(ws, state, &error, Read::Incident).await,
    }
}

/// Reads the record of a link.
pub(super) async fn get_record(ws: &Ws, state: &LinkState) -> Result<Record, CallError> {
    let call = DeskCall::Get {
        table: state.link.table.clone(),
        shape: ws.shape(),
        sys_id: state.link.sys_id.clone(),
    };
    match ws.read_record_desk(call).await?.value {
        DeskReply::Record(record) => Ok(*record),
        _ => Err(CallError::new(FaultKind::Garbled, "ServiceNow gave an answer of another kind")),
    }
}

/// Reads the record before it is written over, because what we know of it is not fresh.
pub(super) async fn refresh_record(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    look_at_record(ws, state).await.map(|(next, _)| next)
}

/// The same, and when the answer came that shows the record: its journal may take much longer.
pub(super) async fn look_at_record(ws: &Ws, state: &mut LinkState) -> Result<(Next, Option<Duration>), Halt> {
    ws.recovered(Recovery::RecordReread);
    let asked = ws.steady();
    let next = match get_record(ws, state).await {
        Ok(record) => {
            let answered = ws.now().mono;
            super::gone::seen(ws, state.link.id, Side::ServiceNow);
            let next = take_record(ws, state, record, Turn { asked, ..Turn::default() }).await?;
            return Ok((next, Some(answered)));
        }
        Err(error) if error.is_side_wide() => Next::Later,
        Err(error) if error.kind == FaultKind::NotFound => {
            super::gone::missed(ws, state, Side::ServiceNow, &error).await?
        }
        Err(error) => read_failed(ws, state, &error, Read::Record).await?,
    };
    Ok((next, None))
}

/// Takes an observation of the record; when its version moved without us, its journal is read
/// in the same breath, because a moved version is all that tells of new entries.
pub(super) async fn take_record(
    ws: &Ws,
    state: &mut LinkState,
    record: Record,
    mut turn: Turn,
) -> Result<Next, Halt> {
    if let Some(wrong) = wrong_record(ws, state, &record) {
        return freeze_with(ws, state, turn, wrong).await;
    }
    if let Some(error) = unverifiable(ws, state, &record) {
        // Whose record it is now nobody can tell: nothing of it is taken but that it moved, nothing is
        // sent to it (I6).
        ws.memory(|m| m.unverified.insert(state.link.id));
        if turn.is_empty() {
            turn.bases = ws.record_moves(state, &record);
        } else {
            // But what a write of ours was seen to do is no longer what it was before.
            turn.record = state.record.as_ref().map(|old| kept_version(ws, old, record));
        }
        if !turn.is_empty() {
            ws.save(state, turn).await?;
        }
        return read_failed(ws, state, &error, Read::Record).await;
    }
    let known = state.record.as_ref().map_or(-1, |r| r.mod_count);
    if record.mod_count != known {
        let since = state.record.as_ref().map_or(Stamp(0), |r| r.updated_on).minus(LOOK_BACK);
        match ws.read_journal(vec![state.link.sys_id.clone()], since).await {
            // What this turn changes in an entry is newer than what the journal shows.
            Ok(rows) => {
                let seen = ws.absorb_notes(state, &rows);
                turn.journal = rows;
                turn.entries.extend(merge_entries(&turn, seen));
            }
            Err(_) if mutant::is_on(Mutant::JournalSkipped) => {}
            Err(error) => {
                ws.recovered(Recovery::VersionNotTaken);
                // Its values are taken, its version is not: so the journal is read again, and no
                // plan is made from values that a confirmed write has replaced.
                turn.record = state.record.as_ref().map(|old| kept_version(ws, old, record));
                ws.save(state, turn).await?;
                return if error.is_side_wide() {
                    Ok(Next::Later)
                } else {
                    read_failed(ws, state, &error, Read::Record).await
                };
            }
        }
    }
    turn.record = Some(record);
    ws.read_well(turn.link.get_or_insert_with(|| state.link.clone()), Read::Record);
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// What a record shows now under the version that was known before, so that it is read again.
fn kept_version(ws: &Ws, old: &Record, now: Record) -> Record {
    let mut kept = Record { mod_count: old.mod_count, updated_on: old.updated_on, ..now };
    let correlation = &ws.settings().route.shape.correlation_id;
    if let Some(known) = old.value(correlation).filter(|_| kept.value(correlation).is_none()) {
        kept.values.insert(correlation.clone(), known.to_owned());
    }
    kept
}

fn merge_entries(turn: &Turn, seen: Vec<Entry>) -> Vec<Entry> {
    seen.into_iter().filter(|e| e.id.0 == 0 || !turn.entries.iter().any(|t| t.id == e.id)).collect()
}
