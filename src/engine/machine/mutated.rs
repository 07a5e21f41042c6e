//! Mistakes that take more than a condition: what the machine would do if it made them. Built
//! for tests alone.

use crate::model::call::{SentinelCall, SentinelReply};
use crate::model::intent::Target;
use crate::model::{Base, CallError, Intent, IntentKind, LinkState};
use crate::mutant::{self, Mutant};
use crate::sync::state_path::is_step;
use crate::text::Stamp;

use super::confirm::{Proof, finish, incident_put};
use super::ctx::{Halt, Ws};
use super::entry_work::deliver;
use super::failure::release;
use super::link_work::Next;
use super::observation::get_incident;
use super::send::{conclude, entry_of, exchange};
use super::turn::Turn;

/// What is done too early: bases that move with the intent, or a write that is sent first and
/// committed afterwards. Gives what comes next if the turn was committed.
pub(super) async fn before_commit(
    ws: &Ws,
    state: &mut LinkState,
    turn: &mut Turn,
) -> Result<Option<Next>, Halt> {
    let Some(intent) = turn.new_intent.clone() else { return Ok(None) };
    if mutant::is_on(Mutant::BaseAtIntent) {
        turn.bases.extend(hoped_for(&intent.kind, ws.now().utc));
    }
    if !mutant::is_on(Mutant::SendBeforeCommit) {
        return Ok(None);
    }
    let outcome = exchange(ws, state, &intent.kind).await;
    ws.save(state, std::mem::take(turn)).await?;
    let Some(intent) = state.open_intent().cloned() else { return Ok(Some(Next::Again)) };
    conclude(ws, state, intent, outcome).await.map(Some)
}

/// The bases that a write leads to if it is carried out to the letter.
fn hoped_for(kind: &IntentKind, at: Stamp) -> Vec<Base> {
    let (IntentKind::PatchRecord { targets, .. } | IntentKind::PutIncident { targets, .. }) = kind else {
        return Vec::new();
    };
    targets.iter().map(|t| Base::agreed(t.field, t.sentinel.clone(), t.servicenow.clone(), at)).collect()
}

/// True for an outcome that nobody knows and that is taken for success. A create has nothing to
/// go on with, and a command's own targets are no pairs.
pub(super) fn takes_for_done(intent: &Intent, error: &CallError) -> bool {
    let hasty = mutant::is_on(Mutant::UnknownIsDone)
        || mutant::is_on(Mutant::AcceptAccepted) && error.status == Some(202);
    hasty && intent.command.is_none() && !matches!(intent.kind, IntentKind::CreateRecord { .. })
}

/// Takes a write for done.
pub(super) async fn assume_done(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    let mut turn = Turn { bases: hoped_for(&intent.kind, ws.now().utc), ..Turn::default() };
    if let Some((entry, side)) = entry_of(&intent.kind) {
        deliver(ws, state, &mut turn, &intent, entry, side);
    }
    finish(ws, state, &intent, &mut turn);
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// Keeps in memory that a link's record is on its way through phases.
pub(super) fn keep_walk(ws: &Ws, state: &LinkState) {
    if mutant::is_on(Mutant::WalkForgotten) && state.bases.iter().any(|b| b.walk.is_some()) {
        ws.memory(|m| m.walks.insert(state.link.id));
    }
}

/// Takes where a record got for where it was to get, if it was on its way in an earlier life.
pub(super) fn forget_walk(ws: &Ws, state: &mut LinkState) {
    let known = ws.memory(|m| m.walks.contains(&state.link.id));
    let Some(status) = state.incident.as_ref().map(|i| i.status.clone()) else { return };
    if known || !mutant::is_on(Mutant::WalkForgotten) {
        return;
    }
    for base in state.bases.iter_mut().filter(|b| b.walk.as_ref().is_some_and(|w| w.under_way)) {
        base.walk = None;
        base.sentinel.clone_from(&status);
    }
}

/// The base after a step on the way, as after any edit in ServiceNow: Sentinel has not followed yet.
pub(super) fn as_edited(state: &LinkState, target: &Target) -> Option<Base> {
    let status = state.incident.as_ref().map(|i| i.status.clone())?;
    let base = state.base(target.field).filter(|_| mutant::is_on(Mutant::StepEchoed))?;
    is_step(Some(base), target).then(|| Base {
        sentinel: status,
        servicenow: target.before.clone(),
        walk: None,
        ..base.clone()
    })
}

/// Puts a write that failed on record as if it had been applied.
pub(super) async fn tell_of_failed(ws: &Ws, state: &mut LinkState, intent: &Intent) -> Result<(), Halt> {
    if !mutant::is_on(Mutant::AuditOfFailed) {
        return Ok(());
    }
    let mut row =
        ws.audit(state, intent.kind.word(), (Some(intent.kind.side()), "severity"), ("", ""), "sent");
    row.intent = Some(intent.id);
    ws.save(state, Turn { audit: vec![row], ..Turn::default() }).await
}

/// Sends the same body again under the version that is there now.
pub(super) async fn overwrite(
    ws: &Ws,
    state: &mut LinkState,
    intent: Intent,
    error: CallError,
) -> Result<Next, Halt> {
    if let (IntentKind::PutIncident { write, .. }, Ok(fresh)) = (&intent.kind, get_incident(ws, state).await)
    {
        let mut write = write.clone();
        write.etag = fresh.etag;
        let call = SentinelCall::Put(state.link.incident.clone(), write);
        if let Ok(SentinelReply::Incident(incident)) = ws.sentinel(call).await.map(|a| a.value) {
            return incident_put(ws, state, intent, *incident, Proof::Answer).await;
        }
    }
    release(ws, state, &intent, &error).await?;
    Ok(Next::Later)
}
