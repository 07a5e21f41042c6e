//! One link's work: plan, commit one intent, send it, confirm it, plan again, until nothing is
//! left to do. At most one intent of a link is open at a time (I2).

use crate::model::call::{DeskCall, DeskReply, UserQuery};
use crate::model::ledger::{Ask, Told};
use crate::model::settings::StoreApp;
use crate::model::{
    CommentOrigin, Delivery, Entry, FaultKind, Field, IntentKind, IntentState, Life, LinkId, LinkState,
    RecordWrite, Role, Side,
};
use crate::mutant::{self, Mutant};
use crate::sync::closed_partner::{awaits_new_record, goes_on};
use crate::sync::closing::tells_of_a_close;
use crate::sync::conversation::own_entry;
use crate::sync::number_label;
use crate::sync::plan::{FLAPPING, Plan, plan};
use crate::sync::write::{incident_write, record_values};
use crate::text::Stamp;

use super::ctx::{Halt, Ws};
use super::entry_work::{begins_shared, has_waiting, next_entry, read_comments, read_comments_beside};
use super::freshness::{Looks, is_too_old_to_write, look, look_if_stale, look_whose, stood_still};
use super::recovery::Recovery;
use super::turn::Turn;

/// Turns that one link may take before others get theirs; more than any real link needs.
const MOST_TURNS: usize = 400;

/// What comes after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another turn.
    Again,
    /// Nothing left to do.
    Settled,
    /// Something is left, but not now.
    Later,
}

/// Works on a link. True when nothing is left to do.
pub(super) async fn work_link(ws: Ws, id: LinkId) -> Result<bool, Halt> {
    let Some(mut state) = ws.load(id).await? else { return Ok(true) };
    let mut held = super::siblings::lock_name(&ws, &state.link);
    let mut alone = super::siblings::lock(&ws, &state.link).await;
    if alone.is_some() {
        // Others may have worked on the record meanwhile.
        let Some(fresh) = ws.load(id).await? else { return Ok(true) };
        state = fresh;
    }
    #[cfg(feature = "mutants")]
    super::mutated::forget_walk(&ws, &mut state);
    let before = state.clone();
    let mut looks = Looks::default();
    for _ in 0..MOST_TURNS {
        if ws.is_stopping() || super::orders::hear(&ws).await? {
            return Err(Halt::Stopping);
        }
        let next = Box::pin(turn(&ws, &mut state, &mut looks)).await?;
        #[cfg(feature = "mutants")]
        super::mutated::keep_walk(&ws, &state);
        match next {
            Next::Again => {
                let name = super::siblings::lock_name(&ws, &state.link);
                if name != held {
                    // It joined others, and works in turn with them from now on.
                    drop(alone.take());
                    (held, alone) = (name, super::siblings::lock(&ws, &state.link).await);
                    let Some(fresh) = ws.load(id).await? else { return Ok(true) };
                    state = fresh;
                }
            }
            next => {
                ws.settle_commands(&mut state, next).await?;
                let pending = next == Next::Later;
                if state.link.pending != pending {
                    let link = crate::model::Link { pending, ..state.link.clone() };
                    ws.save(&mut state, Turn { link: Some(link), ..Turn::default() }).await?;
                } else if state == before {
                    // Nothing was committed, but what was observed is to be seen.
                    ws.save(&mut state, Turn::default()).await?;
                }
                return Ok(next == Next::Settled);
            }
        }
    }
    Ok(false)
}

/// True for a link that may be written; of another one, it is only found out what was sent before.
pub(super) fn may_send(ws: &Ws, link: &crate::model::Link) -> bool {
    let watches = ws.settings().store_app == StoreApp::Watch;
    link.role.syncs() && link.frozen.is_empty() && !watches
}

/// True for a link that is frozen with nothing under way: it waits for a person.
pub(super) fn waits_frozen(state: &LinkState) -> bool {
    let link = &state.link;
    !link.frozen.is_empty() && link.role.syncs() && link.life <= Life::Live && state.open_intent().is_none()
}

/// One turn of a piece of work.
async fn turn(ws: &Ws, state: &mut LinkState, looks: &mut Looks) -> Result<Next, Halt> {
    if state.link.not_before > ws.steady() {
        return Ok(Next::Later);
    }
    if let Some(next) = Box::pin(super::hand_over::stand_back(ws, state)).await? {
        return Ok(next);
    }
    if let Some(next) = Box::pin(super::merges::turn(ws, state, looks)).await? {
        return Ok(next);
    }
    if let Some(next) = Box::pin(super::siblings::turn(ws, state)).await? {
        return Ok(next);
    }
    if state.link.role == Role::Watched && state.link.life <= Life::Live && state.open_intent().is_none() {
        return Box::pin(super::hand_over::watch(ws, state)).await;
    }
    if let Some(next) = Box::pin(super::gone::carry_last_words(ws, state)).await? {
        return Ok(next);
    }
    if state.link.unread && waits_frozen(state) && !ws.is_down(Side::Sentinel) {
        // What was said is known before somebody edits it or deletes it, though it crosses only once a person
        // has tried again.
        return read_comments(ws, state).await;
    }
    let link = &state.link;
    // What was sent before an incident was merged, or a link frozen, may have been applied: that is
    // still found out.
    let sent = state.open_intent().is_some_and(|i| i.state != IntentState::Planned);
    if (!may_send(ws, link) && !sent)
        || matches!(link.life, Life::Gone | Life::Unlinked)
        || (mutant::is_on(Mutant::FilterLeaverDropped) && !link.in_filter)
    {
        ws.memory(|m| m.reread.remove(&link.id));
        let rests = link.life == Life::Gone;
        if !link.role.syncs() && !rests && !link.error.is_empty() {
            // What could not be done for it is not tried again. Whatever it is frozen for waits for a person:
            // its record may be somebody else's by now (seed 9701163).
            let link = crate::model::Link { error: String::new(), ..link.clone() };
            ws.save(state, Turn { link: Some(link), ..Turn::default() }).await?;
        }
        return Ok(Next::Settled);
    }
    let id = link.id;
    let deaf = ws.is_down(Side::ServiceNow) && !ws.is_down(Side::Sentinel);
    if link.unread && deaf {
        // Who knows whether the incident will still be there once its record can be asked or made.
        return Box::pin(read_comments_beside(ws, state)).await;
    }
    // What an earlier life had trouble with may be somebody else's by now.
    let doubted = !link.error.is_empty() && ws.memory(|m| m.doubted.insert(id));
    if doubted {
        ws.memory(|m| m.unsure.insert(id));
    }
    if link.life == Life::Live && (ws.memory(|m| m.unverified.contains(&id)) || doubted) {
        ws.memory(|m| m.unverified.insert(id));
        if ws.is_down(Side::ServiceNow) {
            return Ok(Next::Later);
        }
        return Box::pin(look_whose(ws, state, looks)).await;
    }
    if link.life == Life::Live && ws.memory(|m| m.unsure.contains(&id)) {
        return Box::pin(super::observation::look_at_incident(ws, state)).await;
    }
    if let Some(intent) = state.open_intent().cloned() {
        let unsent = intent.state == IntentState::Planned && intent.kind.side() == Side::ServiceNow;
        if unsent && super::siblings::others_sent(ws, state) {
            return Ok(Next::Later);
        }
        return Box::pin(super::recover::settle(ws, state, intent)).await;
    }
    if link.life == Life::Creating {
        return Box::pin(super::create::create(ws, state)).await;
    }
    if link.unread || ws.memory(|m| m.reread.contains(&id)) {
        return read_comments(ws, state).await;
    }
    if super::siblings::waits(ws, state) {
        return Ok(Next::Later);
    }
    let now = ws.steady();
    let mut planned = ws.with_plan(|ctx| plan(state, ctx, now));
    if let Err(broken) = guard(state, &planned) {
        return freeze(ws, state, broken).await;
    }
    if !planned.lookups.is_empty() {
        return look_up(ws, planned.lookups).await;
    }
    let waits = ws.hold_surges(&mut planned);
    if planned.goes_on {
        if let Some(why) = super::go_on::too_often(ws, state).await? {
            return freeze(ws, state, why).await;
        }
        ws.count_surges(state, &planned);
    }
    let next = match Box::pin(act(ws, state, planned, now, looks)).await? {
        // Everything that the old record has to say is said by then.
        Next::Settled if !waits && ws.with_plan(|ctx| goes_on(state, ctx)) => {
            return match look_if_stale(ws, state, looks).await? {
                Some(next) => Ok(next),
                None => Box::pin(super::go_on::go_on(ws, state)).await,
            };
        }
        Next::Settled => Box::pin(super::evidence_work::list_alerts(ws, state)).await?,
        next => next,
    };
    let next = match next {
        Next::Settled => Box::pin(super::related_work::add_rows(ws, state, looks)).await?,
        next => next,
    };
    Ok(if waits && next == Next::Settled { Next::Later } else { next })
}

/// Invariants that must hold before anything is sent (sync-engine B.9, D3). A broken one
/// freezes the link.
fn guard(state: &LinkState, planned: &Plan) -> Result<(), String> {
    if planned.writes_nothing() {
        return Ok(());
    }
    if state.intents.iter().any(|i| i.state.is_open()) {
        return Err("invariant I2 broken: a write was planned beside an open one".into());
    }
    if !planned.to_record.is_empty() && state.record.as_ref().is_none_or(|r| r.sys_id != state.link.sys_id) {
        return Err("invariant I6 broken: the record at hand is not the linked one".into());
    }
    if state.incident.as_ref().is_some_and(|i| i.id != state.link.incident) {
        return Err("invariant I6 broken: the incident at hand is not the linked one".into());
    }
    let conflicted = |field| {
        state.base(field).is_some_and(|b| {
            b.conflict.as_ref().is_some_and(|c| {
                c.taken.is_none()
                    && planned.bases.iter().all(|p| p.field != field)
                    && planned.to_incident.iter().chain(&planned.to_record).any(|t| t.field == field)
            })
        })
    };
    let written = planned.to_incident.iter().chain(&planned.to_record).map(|t| t.field);
    match written.into_iter().find(|f| conflicted(*f)) {
        Some(field) => Err(format!("invariant I9 broken: {field} is frozen by a conflict and was planned")),
        None => Ok(()),
    }
}

/// Freezes a link: it sends nothing until a person looks.
pub(super) async fn freeze(ws: &Ws, state: &mut LinkState, why: String) -> Result<Next, Halt> {
    freeze_with(ws, state, Turn::default(), why).await
}

/// Freezes a link in the same transaction as what else is known by then.
pub(super) async fn freeze_with(
    ws: &Ws,
    state: &mut LinkState,
    mut turn: Turn,
    why: String,
) -> Result<Next, Halt> {
    let mut link = turn.link.take().unwrap_or_else(|| state.link.clone());
    link.frozen.clone_from(&why);
    link.error.clear();
    link.not_before = Stamp(0);
    let event = ws.event(
        crate::model::view::Level::Error,
        Some(link.id),
        ws.subject(state),
        format!("frozen: {why}; nothing is sent for it until somebody runs retry"),
    );
    let audit = ws.audit_freeze(state, &why);
    // Whatever it is, the others of its record look at that before they write to it.
    ws.memory(|m| m.unverified.extend(super::siblings::others(state)));
    turn.link = Some(link);
    turn.events.push(event);
    turn.audit.push(audit);
    ws.save(state, turn).await?;
    Ok(Next::Settled)
}

/// What the plan says on the record, once each. What a close comes with is said together with it.
fn own_notes(
    ws: &Ws,
    state: &LinkState,
    planned: &Plan,
    kind: Option<&IntentKind>,
    now: Stamp,
) -> Vec<Entry> {
    let said =
        |key: &String| state.entries.iter().any(|e| e.origin == CommentOrigin::Sync && e.origin_id == *key);
    let closes = matches!(kind, Some(IntentKind::PatchRecord { targets, .. })
        if targets.iter().any(|t| t.field == Field::Status));
    let notes = planned.notes.iter().filter(|(key, _)| !said(key) && (closes || !tells_of_a_close(key)));
    notes
        .map(|(key, text)| own_entry(state, CommentOrigin::Sync, key, "diptych", text, now, &ws.shared.keys))
        .collect()
}

/// Commits what the plan decided together with the next intent, and sends that.
async fn act(
    ws: &Ws,
    state: &mut LinkState,
    mut planned: Plan,
    now: Stamp,
    looks: &mut Looks,
) -> Result<Next, Halt> {
    let label_alone = number_label::is_alone(&planned.to_incident);
    if state.link.failures > 0 && !label_alone {
        number_label::leave_out(&mut planned.to_incident);
    }
    let mut turn = Turn { bases: planned.bases.clone(), ..Turn::default() };
    for decision in &planned.decisions {
        ws.note_decision(state, &mut turn, decision);
    }
    if planned.bases.iter().any(|b| b.conflict.as_ref().is_some_and(|c| c.why == FLAPPING)) {
        ws.recovered(Recovery::Flapping);
    }
    let mut link = state.link.clone();
    // Who closed first is known once the close has arrived on the other side.
    let moves_status = planned.to_incident.iter().chain(&planned.to_record).any(|t| t.field == Field::Status);
    if let Some(closer) = planned.closer.filter(|_| !moves_status) {
        link.closer = closer;
    }
    if let Some(alone) = planned.closed_alone {
        link.group.closed_alone = alone;
    }
    let awaits = awaits_new_record(state, &planned);
    let up = |side: Side| !ws.is_down(side) && !ws.rate_waits(side);
    let (s_up, n_up) = (up(Side::Sentinel), up(Side::ServiceNow));
    let mut kind = None;
    if !planned.to_incident.is_empty() && !label_alone && s_up {
        if is_stale(ws, state) {
            return super::observation::refresh_incident(ws, state).await;
        }
        kind = put_incident(ws, state, &planned);
    } else if !planned.to_record.is_empty() && n_up {
        if is_too_old_to_write(ws, state, looks) {
            return look(ws, state, looks).await;
        }
        kind = patch_record(ws, state, &planned);
    }
    turn.entries.extend(own_notes(ws, state, &planned, kind.as_ref(), now));
    let new_entries = !turn.entries.is_empty();
    // Fields for a side that is down, or that a person is asked about first, hold up no words to the other.
    let fields_done = label_alone || planned.to_incident.is_empty() || !s_up;
    let record_done = planned.to_record.is_empty() || !n_up;
    if kind.is_none() && fields_done && record_done && !new_entries {
        let id = state.link.id;
        if s_up && begins_shared(state) && ws.memory(|m| m.shared_begun.insert(id)) {
            return read_comments(ws, state).await;
        }
        kind = next_entry(state, ws.settings().customer_word(), (s_up, n_up), awaits, &mut turn);
        if turn.entries.iter().any(|e| e.to_sentinel == Delivery::Held) {
            ws.recovered(Recovery::NoRoom);
        }
        // Whose record it is may have changed while others were waited for (I6).
        if matches!(kind, Some(IntentKind::AddNote { .. }))
            && let Some(next) = look_if_stale(ws, state, looks).await?
        {
            return Ok(next);
        }
    }
    if kind.is_none() && label_alone && s_up && planned.to_record.is_empty() && !new_entries {
        // Everything that people wait for went before it.
        if is_stale(ws, state) {
            return super::observation::refresh_incident(ws, state).await;
        }
        kind = put_incident(ws, state, &planned);
    }
    let unwritten = !planned.to_incident.is_empty() || !planned.to_record.is_empty();
    if kind.is_none() && !link.error.is_empty() && !unwritten {
        link.error.clear();
        link.failures = 0;
    }
    if link != state.link {
        turn.link = Some(link);
    }
    let Some(kind) = kind else {
        if !turn.is_empty() {
            ws.save(state, turn).await?;
        }
        let unwritten = !planned.to_incident.is_empty() || !planned.to_record.is_empty();
        let waiting = unwritten || has_waiting(state, awaits);
        return Ok(match (new_entries, waiting) {
            (true, _) => Next::Again,
            (false, true) => Next::Later,
            (false, false) => Next::Settled,
        });
    };
    if !ws.may_write(kind.side()).await? {
        // What else was decided is kept by the turn that finds the side waiting.
        return Ok(Next::Again);
    }
    turn.new_intent = Some(ws.intent(state, kind, None));
    ws.count_surges(state, &planned);
    #[cfg(feature = "mutants")]
    if let Some(next) = super::mutated::before_commit(ws, state, &mut turn).await? {
        return Ok(next);
    }
    ws.save(state, turn).await?;
    if let Some(intent) = state.open_intent().cloned().filter(|i| stood_still(ws, state, looks, &i.kind)) {
        super::recover::give_up(ws, state, &intent, "not sent: the process stood still; planned anew")
            .await?;
        return look(ws, state, looks).await;
    }
    super::send::send_open(ws, state).await
}

/// True when the incident is looked at before it is written: our own comment moved its version, and a PUT
/// needs the present one.
fn is_stale(ws: &Ws, state: &LinkState) -> bool {
    state.incident.as_ref().is_some_and(|i| i.etag.is_empty()) || super::gone::may_be_gone(ws, state)
}

fn put_incident(ws: &Ws, state: &LinkState, planned: &Plan) -> Option<IntentKind> {
    let incident = state.incident.as_ref()?;
    let targets = planned.to_incident.clone();
    let write = ws.with_plan(|ctx| incident_write(incident, state.record.as_ref(), &targets, ctx));
    Some(IntentKind::PutIncident { write: Box::new(write), targets })
}

fn patch_record(ws: &Ws, state: &LinkState, planned: &Plan) -> Option<IntentKind> {
    let record = state.record.as_ref()?;
    let targets = planned.to_record.clone();
    let values = ws.with_plan(|ctx| record_values(&targets, ctx));
    Some(IntentKind::PatchRecord { write: RecordWrite { values }, targets, mod_count: record.mod_count })
}

/// Looks users up and lets everybody know.
pub(super) async fn look_up(ws: &Ws, keys: Vec<crate::model::call::UserKey>) -> Result<Next, Halt> {
    if ws.is_down(Side::ServiceNow) {
        return Ok(Next::Later);
    }
    let instance = ws.settings().route.instance.clone();
    let users = match ws.read_record_desk(DeskCall::Users(UserQuery::Keys(keys.clone()))).await {
        Ok(answer) => match answer.value {
            DeskReply::Users(users) => users,
            _ => Vec::new(),
        },
        Err(error) if error.is_side_wide() && error.kind != FaultKind::Config => return Ok(Next::Later),
        // Our user may not read users: nobody is found, and the owner is held with that reason.
        Err(_) => Vec::new(),
    };
    if !users.is_empty() {
        ws.ask(Ask::SaveUsers(instance, users.clone())).await?;
    }
    let mut board = super::board::lock(&ws.shared.board);
    let directory = std::sync::Arc::make_mut(board.directories.entry(ws.desk_key()).or_default());
    directory.answer(&keys, users);
    Ok(Next::Again)
}

impl Ws {
    /// Loads a link with everything known about it.
    pub async fn load(&self, id: LinkId) -> Result<Option<LinkState>, Halt> {
        match self.ask(Ask::ById(vec![id])).await? {
            Told::Links(mut links) => Ok(links.pop().filter(|s| s.link.workspace == self.key)),
            _ => Ok(None),
        }
    }
}
