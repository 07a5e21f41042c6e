//! What people ordered: commands of analysts, controls of operators.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::ledger::{Ask, Capability, CommandUpdate, Commit, Told};
use crate::model::settings::StoreApp;
use crate::model::view::Level;
use crate::model::{
    Command, CommandId, CommandState, CommentOrigin, Control, ControlVerb, IntentKind, IntentState, Life,
    LinkId, LinkState, Shown, Verb,
};
use crate::sync::act::{Opening, lookups, open, shown};
use crate::text::Stamp;

use super::Mode;
use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::turn::Turn;
use super::workspace::{ACCEPTED, TO_WATCH};

/// Longest that a pass goes on before it hears again what operators order.
const HEAR_EVERY: Duration = Duration::from_secs(1);

/// What was ordered in the course of a pass, for its end.
#[derive(Default)]
pub(super) struct Heard {
    /// When it was last listened for.
    at: Duration,
    /// A pass should start at once.
    pub at_once: bool,
    /// Commands wait.
    pub commands: bool,
}

impl Heard {
    /// What is to be done about it now.
    pub fn take(&mut self) -> Self {
        std::mem::replace(self, Self { at: self.at, ..Self::default() })
    }
}

/// Hears what operators order in the course of a pass, which may take an hour: a pause has to stop it.
/// Commands wait for its end. True when it is to stop.
pub(super) async fn hear(ws: &Ws) -> Result<bool, Halt> {
    let now = ws.now().mono;
    let woken = super::board::lock(&ws.shared.board).take_wake(&ws.key);
    let due = ws.memory(|m| {
        let due = woken || now.saturating_sub(m.heard.at) >= HEAR_EVERY;
        m.heard.at = if due { now } else { m.heard.at };
        due
    });
    if due && ws.shared.mode != Mode::Plan {
        // Many links listen, and each order is carried out once.
        let _turn = ws.lock(format!("orders:{}", ws.key)).await;
        if let Told::Orders(commands, controls, links) = ws.ask(Ask::Orders(ws.key.clone())).await? {
            let pending = !links.is_empty() || commands.iter().any(|c| c.state == CommandState::Pending);
            let at_once = control(ws, &controls).await?;
            ws.memory(|m| {
                m.heard.commands |= pending;
                m.heard.at_once |= at_once;
            });
        }
    }
    Ok(ws.is_paused())
}

/// Carries out what was ordered. True when a pass should start at once.
pub(super) async fn obey(ws: &Ws) -> Result<bool, Halt> {
    if ws.shared.mode == Mode::Plan {
        return Ok(false);
    }
    let Told::Orders(commands, controls, links) = ws.ask(Ask::Orders(ws.key.clone())).await? else {
        return Ok(false);
    };
    let now = ws.now().mono;
    ws.memory(|m| m.heard.at = now);
    let at_once = control(ws, &controls).await?;
    if ws.is_paused() {
        return Ok(at_once);
    }
    ws.memory(|m| m.link_orders = links);
    let mut dirty: BTreeSet<LinkId> = BTreeSet::new();
    let more = Box::pin(super::link_orders::carry_out(ws, &mut dirty)).await?;
    for command in &commands {
        match command.state {
            CommandState::Taken => {
                let known = ws.memory(|m| {
                    let taken = m.taken.entry(command.link).or_default();
                    let known = taken.contains(&command.id);
                    if !known {
                        taken.push(command.id);
                    }
                    known
                });
                if !known {
                    dirty.insert(command.link);
                }
            }
            CommandState::Pending if Box::pin(take(ws, command)).await? => {
                dirty.insert(command.link);
            }
            _ => {}
        }
    }
    if !dirty.is_empty() {
        super::workspace::refresh_mapping(ws).await?;
        super::workspace::work(ws, dirty).await?;
        ws.publish_lanes().await?;
    }
    let heard = ws.memory(|m| m.heard.take());
    Ok(at_once || heard.at_once || more)
}

async fn control(ws: &Ws, controls: &[Control]) -> Result<bool, Halt> {
    if controls.is_empty() {
        return Ok(false);
    }
    let mut commit = Commit::default();
    let mut at_once = false;
    for order in controls {
        let fact = |name: &str, value: &str| Capability {
            owner: ws.key.as_str().to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
            at: order.at,
        };
        let text = match order.verb {
            ControlVerb::Pause => {
                ws.memory(|m| m.paused = true);
                commit.capabilities.push(fact("paused", "yes"));
                at_once = true;
                "paused"
            }
            ControlVerb::Resume => {
                ws.memory(|m| m.paused = false);
                commit.capabilities.push(fact("paused", "no"));
                at_once = true;
                "resumed"
            }
            ControlVerb::SyncNow => {
                at_once = true;
                "a pass was asked for"
            }
            ControlVerb::LetThrough => {
                let (many, fast) = ws.memory(|m| {
                    let rates = [m.rates.sentinel.let_through(), m.rates.servicenow.let_through()];
                    (m.surges.let_through(), rates.contains(&true))
                });
                commit.capabilities.push(super::surge::fact(ws));
                commit.capabilities.push(super::write_rate::fact(ws));
                at_once = true;
                match (many, fast) {
                    (true, false) => "a mass change was let through",
                    (true, true) => "a mass change and many writes at once were let through",
                    (false, true) => "many writes at once were let through",
                    (false, false) => "nothing waited to be let through",
                }
            }
            ControlVerb::AcceptPlan => {
                // Whoever let us watch is asked again before anything is written.
                let watches = ws.settings().store_app == StoreApp::Watch;
                let accepted = fact(ACCEPTED, if watches { TO_WATCH } else { "accepted" });
                ws.memory(|m| {
                    m.waiting_plan = None;
                    m.capabilities.insert((accepted.owner.clone(), accepted.name.clone()), accepted.clone())
                });
                commit.capabilities.push(accepted);
                at_once = true;
                "the first-contact plan was accepted"
            }
        };
        let who = crate::text::escape_line(&order.who);
        commit.events.push(ws.event(Level::Info, None, ws.key.to_string(), format!("{text} by {who}")));
        commit.audit.push(crate::model::ledger::AuditDraft {
            at: ws.now().utc,
            who,
            act: order.verb.word().into(),
            subject: ws.key.to_string(),
            why: "ordered".into(),
            ..Default::default()
        });
        commit.controls_done.push(order.id);
    }
    if at_once {
        // Somebody wants it now: pauses after failures are over.
        ws.memory(|m| m.down_until.clear());
    }
    ws.commit(commit).await?;
    Ok(at_once)
}

/// Takes up one command: what it showed must still be so (D33). True when its link has work.
async fn take(ws: &Ws, command: &Command) -> Result<bool, Halt> {
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
    if stale(&state) && !rests && !ws.is_down(crate::model::Side::Sentinel) {
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
        Opening::Unlink => {}
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
    if link.life == Life::Gone {
        link.life = Life::Live;
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
    turn.bases.extend(crate::sync::number_label::tried_again(&state.bases));
    turn.bases.extend(crate::sync::state_path::tried_again(state));
    for entry in &state.entries {
        let mut again = entry.clone();
        // A note by our own user whose marker does not verify, or whose origin nobody knows any more, stays
        // held: sending it on is not a matter of trying again (D9).
        let foreign = entry.origin == CommentOrigin::ServiceNow && ws.is_own_user(entry.author.raw());
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
    /// True while an operator has it paused.
    pub fn is_paused(&self) -> bool {
        self.memory(|m| m.paused)
    }

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
        if taken.is_empty() || (waiting && state.link.error.is_empty()) {
            return Ok(());
        }
        if waiting {
            return Ok(());
        }
        let (step, why) = crate::sync::link_step(state);
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
