//! What becomes of a write that failed, and of its link: tried again after a growing pause, read again, held,
//! or left for a person.

use std::time::Duration;

use crate::model::ledger::CommandUpdate;
use crate::model::view::Level;
use crate::model::{
    CallError, CommandState, Delivery, FaultKind, Intent, IntentKind, IntentState, Link, LinkId, LinkState,
    Retry, Side,
};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::recovery::Recovery;
use super::send::{back_to_waiting, entry_of};
use super::turn::Turn;

/// Times an intent is sent before it is parked for a person (I8).
pub(super) const MOST_ATTEMPTS: u32 = 8;
/// Failures that reads alone may put on a link: the rest of its tries is for writes, whose outcome only a person
/// can tell in the end. Which ones were reads is not known any more after a restart (seed 9802738).
const MOST_READS: u32 = MOST_ATTEMPTS / 2;
/// Refused versions in a row that are read again at once.
const MOST_CONFLICTS: u32 = 3;
/// Longest pause after failures of one link.
const LONGEST: Duration = Duration::from_secs(900);

/// Takes a failed send.
pub(super) async fn failed(
    ws: &Ws,
    state: &mut LinkState,
    intent: Intent,
    error: CallError,
) -> Result<Next, Halt> {
    #[cfg(feature = "mutants")]
    super::mutated::tell_of_failed(ws, state, &intent).await?;
    #[cfg(feature = "mutants")]
    if error.maybe_applied && super::mutated::takes_for_done(&intent, &error) {
        return super::mutated::assume_done(ws, state, intent).await;
    }
    if error.maybe_applied {
        // The wait until it can no longer land begins anew.
        ws.memory(|m| m.looked_into.remove(&intent.id));
        unanswered(ws, state, &intent, &error).await?;
        let side = intent.kind.side();
        return Ok(if ws.is_down(side) { Next::Later } else { Next::Again });
    }
    match error.kind {
        FaultKind::Guard if error.code.as_deref() == Some(super::board::LEASE_ENDS) => {
            release(ws, state, &intent, &error).await?;
            Err(Halt::Stopping)
        }
        #[cfg(feature = "mutants")]
        FaultKind::Conflict if mutant::is_on(Mutant::BlindConflictRetry) => {
            super::mutated::overwrite(ws, state, intent, error).await
        }
        FaultKind::Conflict => {
            ws.recovered(Recovery::ConflictReplanned);
            // A request that was delivered twice conflicts with itself: it may be there.
            if let Some(next) = super::recover::prove_put(ws, state, &intent).await? {
                return Ok(next);
            }
            release(ws, state, &intent, &error).await?;
            // Somebody else writes now and then; a server that never takes our version is
            // another matter.
            if state.link.failures >= MOST_CONFLICTS {
                return link_failed(ws, state, &error, None).await;
            }
            let link = Link { failures: state.link.failures + 1, ..state.link.clone() };
            ws.save(state, Turn { link: Some(link), ..Turn::default() }).await?;
            super::observation::refresh_incident(ws, state).await
        }
        _ if error.is_side_wide() => {
            ws.recovered(Recovery::IntentReleased);
            release(ws, state, &intent, &error).await?;
            Ok(Next::Later)
        }
        _ => match super::state_walk::refused(ws, state, &intent, &error).await? {
            Some(next) => Ok(next),
            None => link_failed(ws, state, &error, Some(intent)).await,
        },
    }
}

/// A write of which nobody knows whether it was applied. It is looked into at once; after several in
/// a row the link waits longer each time, and in the end for a person (I8).
pub(super) async fn unanswered(
    ws: &Ws,
    state: &mut LinkState,
    intent: &Intent,
    error: &CallError,
) -> Result<(), Halt> {
    let update = ws.update(intent, IntentState::Unknown, error.to_string());
    let mut link = state.link.clone();
    link.failures = link.failures.saturating_add(1);
    let mut turn = Turn { intents: vec![update], ..Turn::default() };
    if link.failures > 3 && !mutant::is_on(Mutant::RetryForever) {
        link.not_before = ws.steady().plus(ws.shared.backoff(link.failures, LONGEST));
        link.error = error.to_string();
    }
    if link.failures >= MOST_ATTEMPTS && link.frozen.is_empty() && !mutant::is_on(Mutant::RetryForever) {
        ws.recovered(Recovery::Parked);
        link.frozen = format!("unanswered {} times: {error}", link.failures);
        let why = format!("{error}; given up after several tries; run retry once the cause is gone");
        turn.events.push(ws.event(Level::Error, Some(link.id), ws.subject(state), why));
        turn.audit.push(ws.audit_freeze(state, &link.frozen));
    }
    turn.link = Some(link);
    ws.save(state, turn).await
}

/// Gives an intent up in favour of a fresh plan: it was surely not applied.
pub(super) async fn release(
    ws: &Ws,
    state: &mut LinkState,
    intent: &Intent,
    error: &CallError,
) -> Result<(), Halt> {
    let open = super::recover::may_have_landed(intent);
    let next = if open { IntentState::Unknown } else { IntentState::Replanned };
    let mut turn = Turn { intents: vec![ws.update(intent, next, error.to_string())], ..Turn::default() };
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

/// What of a link is read by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Read {
    Incident,
    Comments,
    Record,
}

impl Read {
    /// What a look at one side reads.
    pub fn of(side: Side) -> Self {
        match side {
            Side::Sentinel => Self::Incident,
            Side::ServiceNow => Self::Record,
        }
    }
}

/// Failures of a read in a row: how many of them the link's own count holds, and all of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReadFailures {
    counted: u32,
    all: u32,
}

/// Something of a link could not be read: a failure of the link, until it can be.
pub(super) async fn read_failed(
    ws: &Ws,
    state: &mut LinkState,
    error: &CallError,
    read: Read,
) -> Result<Next, Halt> {
    let id = state.link.id;
    let counts = state.link.failures < MOST_READS;
    let unread = ws.memory(|m| {
        let failures = m.read_failures.entry((id, read)).or_default();
        failures.counted += u32::from(counts);
        failures.all += 1;
        failures.all
    });
    let failures = state.link.failures + u32::from(counts);
    rest(ws, state, error, None, (failures, failures.max(unread))).await
}

impl Ws {
    /// Something of a link was read: that it could not be before is over, and only what else failed still
    /// counts and makes it rest.
    pub fn read_well(&self, link: &mut Link, read: Read) {
        let Some(failures) = self.memory(|m| m.read_failures.remove(&(link.id, read))) else { return };
        link.failures = link.failures.saturating_sub(failures.counted);
        if link.failures == 0 {
            link.error.clear();
            link.not_before = Stamp(0);
        }
    }

    /// A link has no failure any more, for whatever reason.
    pub fn forget_read_failures(&self, link: LinkId) {
        self.memory(|m| {
            for read in [Read::Incident, Read::Comments, Read::Record] {
                m.read_failures.remove(&(link, read));
            }
        });
    }
}

/// One link's own failure: shown, and tried again after a growing pause.
pub(super) async fn link_failed(
    ws: &Ws,
    state: &mut LinkState,
    error: &CallError,
    intent: Option<Intent>,
) -> Result<Next, Halt> {
    let failures = state.link.failures.saturating_add(1);
    rest(ws, state, error, intent, (failures, failures)).await
}

/// Lets a link rest that failed for the `failures`-th time, as long as after `in_a_row` of them.
async fn rest(
    ws: &Ws,
    state: &mut LinkState,
    error: &CallError,
    intent: Option<Intent>,
    (failures, in_a_row): (u32, u32),
) -> Result<Next, Halt> {
    if error.kind == FaultKind::NotFound {
        // Hidden from us a record may become anybody's, and a write may make an incident anew: both are
        // looked at before anything else is done.
        ws.memory(|m| (m.unverified.insert(state.link.id), m.unsure.insert(state.link.id)));
    }
    let mut link = Link { failures, ..state.link.clone() };
    let pause = match error.retry {
        _ if mutant::is_on(Mutant::RetryForever) => Duration::ZERO,
        Retry::After(wait) => wait,
        _ => ws.shared.backoff(in_a_row.saturating_add(2), LONGEST),
    };
    link.not_before = ws.steady().plus(pause);
    let mut turn = Turn::default();
    let mut ends = "it is tried again".to_owned();
    if let Some(intent) = intent {
        // What rests for another reason goes on resting for it.
        let parked =
            link.failures >= MOST_ATTEMPTS && link.frozen.is_empty() && !mutant::is_on(Mutant::RetryForever);
        let held = held_entry(state, &intent.kind, error);
        let label = refused_label(&intent.kind, error, ws.steady());
        let new = match parked {
            true => IntentState::Parked,
            // An entry that is refused is held; should it be there all the same, reading shows it.
            false if held.is_none() && super::recover::may_have_landed(&intent) => IntentState::Unknown,
            false => IntentState::Rejected,
        };
        turn.intents.push(ws.update(&intent, new, error.to_string()));
        if parked {
            ws.recovered(Recovery::Parked);
            ends = "given up after several tries; run retry once the cause is gone".into();
            link.frozen = format!("refused {} times: {error}", link.failures);
            turn.audit.push(ws.audit_freeze(state, &link.frozen));
        }
        match (intent.command, held) {
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
                ws.recovered(Recovery::EntryHeld);
                turn.entries.push(entry);
                link.not_before = state.link.not_before;
                ends = "the note is held; run retry once the cause is gone".into();
            }
            (None, None) => turn.entries.extend(back_to_waiting(state, &intent.kind)),
        }
        if let Some(base) = label {
            turn.bases.push(base);
            link.not_before = state.link.not_before;
            ends = "the label is not written; run retry once the cause is gone".into();
        }
    }
    link.error = error.to_string();
    let when = if link.not_before > ws.steady() {
        ws.recovered(Recovery::LinkPaused);
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
    Ok(if state.link.not_before > ws.steady() { Next::Later } else { Next::Again })
}

/// The base of a label that Sentinel refused by itself: it is given up, so that the link goes on.
fn refused_label(kind: &IntentKind, error: &CallError, at: crate::text::Stamp) -> Option<crate::model::Base> {
    let IntentKind::PutIncident { targets, .. } = kind else { return None };
    let gives_up = error.kind == FaultKind::Rejected && !mutant::is_on(Mutant::RetryForever);
    crate::sync::number_label::given_up(targets, at).filter(|_| gives_up)
}

/// An entry that its server refused is held with the reason, so that it cannot block the others.
fn held_entry(state: &LinkState, kind: &IntentKind, error: &CallError) -> Option<crate::model::Entry> {
    if error.kind != FaultKind::Rejected || mutant::is_on(Mutant::RetryForever) {
        return None;
    }
    let (id, side) = entry_of(kind)?;
    let mut entry = state.entries.iter().find(|e| e.id == id)?.clone();
    entry.set_delivery(side, Delivery::Held);
    entry.reason = error.to_string();
    Some(entry)
}
