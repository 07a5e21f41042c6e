//! What analysts order for one link: taken up if what it showed is still so, and settled once its link is at rest.

use std::collections::BTreeSet;

use crate::model::ledger::{CommandUpdate, Commit};
use crate::model::view::Level;
use crate::model::{
    Command, CommandId, CommandState, CommentOrigin, IntentKind, IntentState, Life, LinkId, LinkState, Shown,
    Verb,
};
use crate::sync::act::{Opening, lookups, open, shown};
use crate::sync::conversation::UNVERIFIED;
use crate::text::Stamp;

use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::turn::Turn;

/// Takes up one command: what it showed must still be so (D33). True when its link has work.
pub(super) async fn take(ws: &Ws, command: &Command) -> Result<bool, Halt> {
    let Some(mut state) = ws.load(command.link).await? else {
        return refuse(ws, command, CommandState::Refused, "there is no such link in this workspace").await;
    };
    if !state.link.frozen.is_empty() && !matches!(command.verb, Verb::Retry | Verb::Unlink) {
        let why = format!("the link is frozen ({}); run retry first", state.link.frozen);
        return refuse(ws, command, CommandState::Refused, &why).await;
    }
    let stale = |state: &LinkState| {
        state.incident.as_ref().is_some_and(|i| i.etag.is_empty()) || super::gone::may_be_gone(ws, state)
    };
    let rests = state.link.not_before > ws.steady();
    // For an ended link nothing is read: its incident may go on in another one, which would be told nothing of
    // what this one is shown.
    let ended = state.link.life == Life::Unlinked;
    if stale(&state) && !ended && !rests && !ws.is_down(crate::model::Side::Sentinel) {
        // Our own comment moved its version, and the command needs the present one.
        super::observation::refresh_incident(ws, &mut state).await?;
    }
    // Of a link whose other side is gone nobody can settle what was sent; what was not sent yet need not be.
    let unsent = state.open_intent().is_some_and(|i| i.state == IntentState::Planned);
    let gives_up = command.verb == Verb::Unlink && (state.link.life == Life::Gone || unsent);
    if state.open_intent().is_some() && command.verb != Verb::Retry && !gives_up {
        // Its turn comes when the write under way is settled.
        return Ok(true);
    }
    // What follows from it may depend on a user that was not looked up yet.
    let needed = ws.with_plan(|ctx| open(&state, ctx, &command.verb).map(|o| lookups(&state, ctx, &o)));
    if let Ok(keys) = needed
        && !keys.is_empty()
        && super::link_work::look_up(ws, keys).await? == Next::Later
    {
        return Ok(false);
    }
    let made = ws.with_plan(|ctx| open(&state, ctx, &command.verb).map(|o| (shown(&state, ctx, &o), o)));
    let (now_shown, opening) = match made {
        Ok(found) => found,
        Err(why) => return refuse(ws, command, CommandState::Refused, &why).await,
    };
    // To try again wishes for no value, so it cannot be out of date.
    if command.verb != Verb::Retry && !same(&command.shown, &now_shown) {
        let why = "what it showed is no longer so; look again and repeat it if it is still wanted";
        return refuse(ws, command, CommandState::Stale, why).await;
    }
    if matches!(opening, Opening::Incident { .. }) && stale(&state) {
        // Written without a version it would undo what nobody has seen yet.
        return Ok(false);
    }
    if opening == Opening::Split {
        super::split::split_off(ws, &mut state, command).await?;
        return Ok(false);
    }
    if opening == Opening::Unlink {
        let turn = super::unlink::ended(ws, &state, command);
        ws.save(&mut state, turn).await?;
        return Ok(false);
    }
    let turn = opened(ws, &state, command, opening);
    ws.save(&mut state, turn).await?;
    ws.memory(|m| m.taken.entry(command.link).or_default().push(command.id));
    Ok(true)
}

/// The first step of a command, as one turn of its link.
fn opened(ws: &Ws, state: &LinkState, command: &Command, opening: Opening) -> Turn {
    let mut turn = Turn::default();
    let who = crate::text::escape_line(&command.who);
    turn.commands.push(CommandUpdate {
        id: command.id,
        state: CommandState::Taken,
        result: "under way".into(),
    });
    let mut row = ws.audit(state, command.verb.word(), (None, "command"), ("", ""), "ordered by a person");
    row.who.clone_from(&who);
    turn.audit.push(row);
    match opening {
        Opening::Incident { write, targets } => {
            let mut intent = ws.intent(state, IntentKind::PutIncident { write, targets }, Some(command.id));
            intent.state = IntentState::Planned;
            intent.attempts = 0;
            intent.sent = None;
            turn.new_intent = Some(intent);
        }
        Opening::Entry { text } => turn.entries.push(crate::sync::conversation::own_entry(
            state,
            CommentOrigin::Console,
            &command.id.to_string(),
            &command.who,
            &text,
            command.at,
            &ws.shared.keys,
        )),
        Opening::Base(base) => turn.bases.push(*base),
        Opening::Retry => retry(state, &mut turn, ws),
        // It has no second step, and is done in one turn.
        Opening::Unlink | Opening::Split => {}
    }
    if !matches!(command.verb, Verb::Retry) && turn.link.is_none() && state.link.not_before.0 > 0 {
        let mut link = state.link.clone();
        link.not_before = Stamp(0);
        turn.link = Some(link);
    }
    turn
}

/// Forgets failures, parked intents and held notes, so that everything is tried again.
fn retry(state: &LinkState, turn: &mut Turn, ws: &Ws) {
    use crate::model::Delivery;
    let mut link = state.link.clone();
    // Whatever froze it, its record is looked at before anything is sent (I6); and a column that may be read
    // since lately shows only then.
    ws.memory(|m| m.unverified.insert(link.id));
    let mut bases = state.bases.clone();
    if link.life == Life::Gone {
        turn.bases.extend(super::siblings::rejoined(ws, state));
        bases.retain(|old| turn.bases.iter().all(|b| b.field != old.field));
        bases.extend(turn.bases.iter().cloned());
        link.life = Life::Live;
        link.role = super::siblings::seat(state);
        ws.memory(|m| m.unsure.insert(link.id));
    }
    link.frozen.clear();
    link.error.clear();
    link.failures = 0;
    link.not_before = Stamp(0);
    link.unread = true;
    // What was observed while it was frozen waits still.
    link.pending = true;
    let link_is_new = link.life == Life::Creating;
    turn.link = Some(link);
    for intent in state.intents.iter().filter(|i| i.state == IntentState::Parked) {
        // What a create agreed on is known to no other one: whatever it made is looked for once more.
        let create = matches!(intent.kind, IntentKind::CreateRecord { .. }) && link_is_new;
        let next = if create { IntentState::Unknown } else { IntentState::Replanned };
        turn.intents.push(ws.update(intent, next, "tried again by a person".into()));
    }
    turn.bases.extend(crate::sync::number_label::tried_again(&bases));
    let state = &LinkState { bases, ..state.clone() };
    turn.bases.extend(crate::sync::state_path::tried_again(state));
    for entry in &state.entries {
        let mut again = entry.clone();
        // A note by our own user whose marker does not verify, or whose origin nobody knows any more, stays
        // held: sending it on is not a matter of trying again (D9).
        // In a process that has just begun nobody knows yet who that is: the reason tells (seed 9851653).
        let is_own = ws.is_own_user(entry.author.raw()) || entry.reason == UNVERIFIED;
        let foreign = entry.origin == CommentOrigin::ServiceNow && is_own;
        if again.to_sentinel == Delivery::Held && !foreign {
            again.to_sentinel = Delivery::Waiting;
        }
        if again.to_servicenow == Delivery::Held {
            again.to_servicenow = Delivery::Waiting;
        }
        if again != *entry {
            again.reason.clear();
            turn.entries.push(again);
        }
    }
}

/// Compares what was shown with what would be done now, whatever the order.
fn same(shown: &[Shown], now: &[Shown]) -> bool {
    let key = |s: &Shown| (s.side, s.what.clone(), s.from.clone(), s.to.clone());
    let a: BTreeSet<_> = shown.iter().map(key).collect();
    let b: BTreeSet<_> = now.iter().map(key).collect();
    a == b
}

async fn refuse(ws: &Ws, command: &Command, state: CommandState, why: &str) -> Result<bool, Halt> {
    let event = ws.event(
        Level::Warning,
        Some(command.link),
        ws.key.to_string(),
        format!("{} by {}: {why}", command.verb.word(), crate::text::escape_line(&command.who)),
    );
    let update = CommandUpdate { id: command.id, state, result: why.to_owned() };
    ws.commit(Commit { commands: vec![update], events: vec![event], ..Commit::default() }).await?;
    Ok(false)
}

impl Ws {
    /// Commands under way for a link by which nothing is done any more: refused, each.
    pub fn refuse_taken(&self, link: LinkId, why: &str) -> Vec<CommandUpdate> {
        let taken = self.memory(|m| m.taken.remove(&link)).unwrap_or_default();
        let refused =
            |id: CommandId| CommandUpdate { id, state: CommandState::Refused, result: why.to_owned() };
        taken.into_iter().map(refused).collect()
    }

    /// A command is not under way any more: it waits again, or was refused.
    pub fn put_back(&self, state: &LinkState, command: CommandId) {
        self.memory(|m| {
            if let Some(taken) = m.taken.get_mut(&state.link.id) {
                taken.retain(|id| *id != command);
            }
        });
    }

    /// Closes the commands of a link whose work came to rest.
    pub async fn settle_commands(&self, state: &mut LinkState, next: Next) -> Result<(), Halt> {
        let taken = self.memory(|m| m.taken.get(&state.link.id).cloned().unwrap_or_default());
        let waiting = state.open_intent().is_some() || next == Next::Later;
        if taken.is_empty() || waiting {
            return Ok(());
        }
        // What was observed and is planned by now does not wait any more.
        let mut at_rest = state.clone();
        at_rest.link.pending = false;
        let (step, why) = crate::sync::link_step(&at_rest);
        let result = match step {
            crate::model::view::Step::InStep => "done on both sides".to_owned(),
            _ if why.is_empty() => "done".to_owned(),
            _ => format!("done as far as possible; {why}"),
        };
        let commands = taken
            .into_iter()
            .map(|id| CommandUpdate { id, state: CommandState::Done, result: result.clone() })
            .collect();
        self.memory(|m| m.taken.remove(&state.link.id));
        self.save(state, Turn { commands, ..Turn::default() }).await
    }
}
