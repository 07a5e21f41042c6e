//! Sends the open intent of a link and takes what comes of it.
//!
//! An intent was committed before it comes here (I1). Whatever happens to the call, the outcome
//! is committed too: confirmed, refused, to be planned anew, or unknown.

use crate::model::call::{
    DeskCall, DeskOutcome, DeskReply, DeskRow, SentinelCall, SentinelOutcome, SentinelReply,
};
use crate::model::ledger::IntentUpdate;
use crate::model::{
    CallError, Delivery, EntryId, FaultKind, Incident, Intent, IntentKind, IntentState, LinkState, Record,
    RecordWrite,
};
use crate::mutant::{self, Mutant};
use crate::sync::customer::COLUMN;
use crate::text::Stamp;

use super::confirm::Proof;
use super::ctx::{Halt, Ws};
use super::failure::{failed, unanswered};
use super::link_work::Next;
use super::recovery::Recovery;

/// What a send brought back.
pub(super) enum Came {
    Record(Box<Record>),
    Incident(Box<Incident>),
    /// When it was written, by Sentinel's clock.
    Comment(Stamp),
    Row(DeskRow),
    /// An answer to another question.
    Other,
}

/// Sends the open intent of a link, which must be in flight by the store's word.
pub(super) async fn send_open(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    let Some(intent) = state.open_intent().cloned() else { return Ok(Next::Again) };
    let outcome = Box::pin(exchange(ws, state, &intent.kind)).await;
    Box::pin(conclude(ws, state, intent, outcome)).await
}

/// The one exchange that a write is.
pub(super) async fn exchange(ws: &Ws, state: &LinkState, kind: &IntentKind) -> Result<Came, CallError> {
    let incident = state.link.incident.clone();
    match kind {
        IntentKind::CreateRecord { write, keyless, .. } => {
            of_desk(ws.desk(super::create::create_call(ws, state, write.clone(), *keyless)).await)
        }
        IntentKind::PatchRecord { write, .. } => of_desk(ws.desk(patch(ws, state, write.clone())).await),
        IntentKind::AddNote { text, customer, .. } => {
            let mut write = RecordWrite::default();
            let to_customer = *customer || mutant::is_on(Mutant::NotesToCustomers);
            let notes = ws.settings().route.shape.notes.as_str();
            let column = if to_customer { COLUMN } else { notes };
            write.values.insert(column.to_owned(), text.clone());
            of_desk(ws.desk(patch(ws, state, write)).await)
        }
        IntentKind::AddRow { table, sys_id, write, .. } => {
            let (table, sys_id, write) = (table.clone(), sys_id.clone(), write.clone());
            of_desk(ws.desk(DeskCall::AddRow { table, sys_id, write }).await)
        }
        IntentKind::PutIncident { write, .. } => {
            of_sentinel(ws.sentinel(SentinelCall::Put(incident, write.clone())).await)
        }
        IntentKind::PutComment { comment_id, message, .. } => {
            let (id, message) = (comment_id.clone(), message.clone());
            of_sentinel(ws.sentinel(SentinelCall::PutComment { incident, id, message }).await)
        }
    }
}

fn of_desk(outcome: DeskOutcome) -> Result<Came, CallError> {
    Ok(match outcome?.value {
        DeskReply::Record(record) => Came::Record(record),
        DeskReply::Rows(mut rows) if rows.len() == 1 => rows.pop().map_or(Came::Other, Came::Row),
        _ => Came::Other,
    })
}

fn of_sentinel(outcome: SentinelOutcome) -> Result<Came, CallError> {
    Ok(match outcome?.value {
        SentinelReply::Incident(incident) => Came::Incident(incident),
        SentinelReply::Comment(comment) => Came::Comment(comment.modified.max(comment.created)),
        _ => Came::Other,
    })
}

/// Takes what came of a send.
pub(super) async fn conclude(
    ws: &Ws,
    state: &mut LinkState,
    intent: Intent,
    outcome: Result<Came, CallError>,
) -> Result<Next, Halt> {
    let came = match outcome {
        Ok(came) => came,
        Err(error) if matches!(intent.kind, IntentKind::AddRow { .. }) => {
            return Box::pin(super::related_send::refused(ws, state, intent, error)).await;
        }
        Err(error) if error.kind == FaultKind::Duplicate => {
            ws.recovered(Recovery::CreateDuplicate);
            Box::pin(unanswered(ws, state, &intent, &error)).await?;
            return Ok(Next::Again);
        }
        Err(error) => {
            if matches!(intent.kind, IntentKind::CreateRecord { .. })
                && let Some(next) =
                    Box::pin(super::create::try_without_key(ws, state, &intent, &error)).await?
            {
                return Ok(next);
            }
            return Box::pin(failed(ws, state, intent, error)).await;
        }
    };
    match (&intent.kind, came) {
        (IntentKind::CreateRecord { .. }, Came::Record(record)) => {
            let asked = super::confirm::agreed_at(&intent);
            Box::pin(super::adopt::adopt(ws, state, Some(intent), *record, (asked, Proof::Answer))).await
        }
        (IntentKind::PatchRecord { .. }, Came::Record(record)) => {
            Box::pin(super::confirm::record_patched(ws, state, intent, *record, Proof::Answer)).await
        }
        (&IntentKind::AddNote { entry, .. }, Came::Record(record)) => {
            Box::pin(super::entry_work::note_added(ws, state, intent, entry, *record)).await
        }
        (IntentKind::PutIncident { .. }, Came::Incident(incident)) => {
            Box::pin(super::confirm::incident_put(ws, state, intent, *incident, Proof::Answer)).await
        }
        (IntentKind::AddRow { .. }, Came::Row(row)) => {
            Box::pin(super::related_send::added(ws, state, intent, row)).await
        }
        (&IntentKind::PutComment { entry, .. }, Came::Comment(at)) => {
            Box::pin(super::entry_work::comment_put(ws, state, intent, entry, at)).await
        }
        _ => {
            let error = CallError::new(FaultKind::Garbled, "an answer of another kind").unknown_outcome();
            Box::pin(failed(ws, state, intent, error)).await
        }
    }
}

fn patch(ws: &Ws, state: &LinkState, write: RecordWrite) -> DeskCall {
    DeskCall::Patch {
        table: state.link.table.clone(),
        shape: ws.shape(),
        sys_id: state.link.sys_id.clone(),
        write,
    }
}

/// The entry of an intent that was not applied, waiting again.
pub(super) fn back_to_waiting(state: &LinkState, kind: &IntentKind) -> Option<crate::model::Entry> {
    let (id, side) = entry_of(kind)?;
    let mut entry = state.entries.iter().find(|e| e.id == id)?.clone();
    if entry.delivery(side) != Delivery::Sending {
        return None;
    }
    entry.set_delivery(side, Delivery::Waiting);
    Some(entry)
}

/// The entry that an intent carries, and the side it goes to.
pub(super) fn entry_of(kind: &IntentKind) -> Option<(EntryId, crate::model::Side)> {
    match kind {
        IntentKind::PutComment { entry, .. } | IntentKind::AddNote { entry, .. } => {
            Some((*entry, kind.side()))
        }
        _ => None,
    }
}

impl Ws {
    /// A new intent, in flight from the moment it is committed.
    pub fn intent(
        &self,
        state: &LinkState,
        kind: IntentKind,
        command: Option<crate::model::CommandId>,
    ) -> Intent {
        let now = self.steady();
        Intent {
            id: crate::model::IntentId(0),
            link: state.link.id,
            kind,
            state: IntentState::InFlight,
            attempts: 1,
            created: now,
            sent: Some(now),
            command,
            outcome: String::new(),
        }
    }

    /// A change of an intent.
    pub fn update(&self, intent: &Intent, state: IntentState, outcome: String) -> IntentUpdate {
        IntentUpdate { id: intent.id, state, attempts: intent.attempts, sent: intent.sent, outcome }
    }
}
