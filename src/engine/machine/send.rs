//! Sends the open intent of a link and takes what comes of it.
//!
//! An intent was committed before it comes here (I1). Whatever happens to the call, the outcome
//! is committed too: confirmed, refused, to be planned anew, or unknown.

use std::time::Duration;

use crate::model::call::{DeskCall, DeskReply, SentinelCall, SentinelReply};
use crate::model::ledger::{CommandUpdate, IntentUpdate};
use crate::model::view::Level;
use crate::model::{
    CallError, CommandState, Delivery, EntryId, FaultKind, Intent, IntentKind, IntentState, LinkState,
    RecordWrite, Retry,
};

use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::turn::Turn;

/// Times an intent is sent before it is parked for a person (I8).
const MOST_ATTEMPTS: u32 = 8;
/// Longest pause after failures of one link.
const LONGEST: Duration = Duration::from_secs(900);

/// Sends the open intent of a link, which must be in flight by the store's word.
pub(super) async fn send_open(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    let Some(intent) = state.open_intent().cloned() else { return Ok(Next::Again) };
    match intent.kind.clone() {
        IntentKind::CreateRecord { write, .. } => super::create::send_create(ws, state, intent, write).await,
        IntentKind::PatchRecord { write, .. } => match ws.desk(patch(ws, state, write)).await {
            Ok(answer) => match answer.value {
                DeskReply::Record(record) => super::confirm::record_patched(ws, state, intent, *record).await,
                _ => unknown(ws, state, intent, "an answer of another kind").await,
            },
            Err(error) => failed(ws, state, intent, error).await,
        },
        IntentKind::AddNote { entry, text, .. } => {
            let mut write = RecordWrite::default();
            write.values.insert(ws.settings().route.shape.notes.clone(), text);
            match ws.desk(patch(ws, state, write)).await {
                Ok(answer) => match answer.value {
                    DeskReply::Record(record) => {
                        super::confirm::note_added(ws, state, intent, entry, *record).await
                    }
                    _ => unknown(ws, state, intent, "an answer of another kind").await,
                },
                Err(error) => failed(ws, state, intent, error).await,
            }
        }
        IntentKind::PutIncident { write, .. } => {
            let call = SentinelCall::Put(state.link.incident.clone(), write);
            match ws.sentinel(call).await {
                Ok(answer) => match answer.value {
                    SentinelReply::Incident(incident) => {
                        super::confirm::incident_put(ws, state, intent, *incident).await
                    }
                    _ => unknown(ws, state, intent, "an answer of another kind").await,
                },
                Err(error) => failed(ws, state, intent, error).await,
            }
        }
        IntentKind::PutComment { entry, comment_id, message } => {
            let call =
                SentinelCall::PutComment { incident: state.link.incident.clone(), id: comment_id, message };
            match ws.sentinel(call).await {
                Ok(_) => super::confirm::comment_put(ws, state, intent, entry).await,
                Err(error) => failed(ws, state, intent, error).await,
            }
        }
    }
}

fn patch(ws: &Ws, state: &LinkState, write: RecordWrite) -> DeskCall {
    DeskCall::Patch {
        table: state.link.table.clone(),
        shape: ws.settings().route.shape.clone(),
        sys_id: state.link.sys_id.clone(),
        write,
    }
}

async fn unknown(ws: &Ws, state: &mut LinkState, intent: Intent, why: &str) -> Result<Next, Halt> {
    let error = CallError::new(FaultKind::Garbled, why).unknown_outcome();
    failed(ws, state, intent, error).await
}

/// Takes a failed send.
pub(super) async fn failed(
    ws: &Ws,
    state: &mut LinkState,
    intent: Intent,
    error: CallError,
) -> Result<Next, Halt> {
    if error.maybe_applied {
        let update = ws.update(&intent, IntentState::Unknown, error.to_string());
        ws.save(state, Turn { intents: vec![update], ..Turn::default() }).await?;
        let side = intent.kind.side();
        return Ok(if ws.is_down(side) { Next::Later } else { Next::Again });
    }
    match error.kind {
        FaultKind::Guard if error.code.as_deref() == Some(super::board::LEASE_ENDS) => {
            release(ws, state, &intent, &error).await?;
            Err(Halt::Stopping)
        }
        FaultKind::Conflict => {
            release(ws, state, &intent, &error).await?;
            super::recover::refresh_incident(ws, state).await
        }
        _ if error.is_side_wide() => {
            release(ws, state, &intent, &error).await?;
            Ok(Next::Later)
        }
        _ => link_failed(ws, state, &error, Some(intent)).await,
    }
}

/// Gives an intent up in favour of a fresh plan: it was surely not applied.
pub(super) async fn release(
    ws: &Ws,
    state: &mut LinkState,
    intent: &Intent,
    error: &CallError,
) -> Result<(), Halt> {
    let mut turn = Turn {
        intents: vec![ws.update(intent, IntentState::Replanned, error.to_string())],
        ..Turn::default()
    };
    turn.entries.extend(back_to_waiting(state, &intent.kind));
    if let Some(command) = intent.command {
        ws.put_back(state, command);
        turn.commands.push(CommandUpdate {
            id: command,
            state: CommandState::Pending,
            result: format!("not written yet: {error}"),
        });
        super::board::lock(&ws.shared.board).wake(&ws.key);
    }
    ws.save(state, turn).await
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

/// One link's own failure: shown, and tried again after a growing pause.
pub(super) async fn link_failed(
    ws: &Ws,
    state: &mut LinkState,
    error: &CallError,
    intent: Option<Intent>,
) -> Result<Next, Halt> {
    let mut link = state.link.clone();
    link.failures = link.failures.saturating_add(1);
    let pause = match error.retry {
        Retry::After(wait) => wait,
        _ => ws.shared.backoff(link.failures + 2, LONGEST),
    };
    link.not_before = ws.now().utc.plus(pause);
    let mut turn = Turn::default();
    let mut ends = "it is tried again".to_owned();
    if let Some(intent) = intent {
        let parked = link.failures >= MOST_ATTEMPTS;
        let new = if parked { IntentState::Parked } else { IntentState::Rejected };
        turn.intents.push(ws.update(&intent, new, error.to_string()));
        if parked {
            ends = "given up after several tries; run retry once the cause is gone".into();
            link.frozen = format!("refused {} times: {error}", link.failures);
        }
        match (intent.command, held_entry(state, &intent.kind, error)) {
            (Some(command), _) => {
                ws.put_back(state, command);
                turn.commands.push(CommandUpdate {
                    id: command,
                    state: CommandState::Refused,
                    result: error.to_string(),
                });
                link.not_before = state.link.not_before;
                ends = "the command was refused and nothing was changed".into();
            }
            (None, Some(entry)) => {
                turn.entries.push(entry);
                link.not_before = state.link.not_before;
                ends = "the note is held; run retry once the cause is gone".into();
            }
            (None, None) => turn.entries.extend(back_to_waiting(state, &intent.kind)),
        }
    }
    link.error = error.to_string();
    let when = if link.not_before > ws.now().utc {
        format!(", next try in {}", crate::text::format_span(pause))
    } else {
        String::new()
    };
    turn.events.push(ws.event(
        Level::Error,
        Some(link.id),
        ws.subject(state),
        format!("{error}; {ends}{when}"),
    ));
    turn.link = Some(link);
    ws.save(state, turn).await?;
    Ok(if state.link.not_before > ws.now().utc { Next::Later } else { Next::Again })
}

/// An entry that its server refused is held with the reason, so that it cannot block the others.
fn held_entry(state: &LinkState, kind: &IntentKind, error: &CallError) -> Option<crate::model::Entry> {
    if error.kind != FaultKind::Rejected {
        return None;
    }
    let (id, side) = entry_of(kind)?;
    let mut entry = state.entries.iter().find(|e| e.id == id)?.clone();
    entry.set_delivery(side, Delivery::Held);
    entry.reason = error.to_string();
    Some(entry)
}

impl Ws {
    /// A new intent, in flight from the moment it is committed.
    pub fn intent(
        &self,
        state: &LinkState,
        kind: IntentKind,
        command: Option<crate::model::CommandId>,
    ) -> Intent {
        let now = self.now().utc;
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
