//! Incidents that Defender merged into another one: both records are told, along chains of merges too. A
//! redirect is no close, so the merged one's record stays as it is (design, "a link graph").

use crate::model::call::{SentinelCall, SentinelReply};
use crate::model::ledger::{Ask, Commit, Told};
use crate::model::view::{EventView, Level};
use crate::model::{
    CallError, CommentOrigin, Delivery, Entry, FaultKind, Incident, Intent, IntentKind, IntentState, Life,
    Link, LinkState, Role, Side,
};
use crate::mutant::{self, Mutant};
use crate::sync::conversation::own_entry;
use crate::sync::merge::{Named, came_to, into_key, is_told, is_told_of, survivor, went_into, went_to};

use super::ctx::{Halt, LockGuard, Ws};
use super::entry_work::{hold_entries, next_entry, read_comments};
use super::failure::link_failed;
use super::freshness::{Looks, look_if_stale, look_whose};
use super::link_work::Next;
use super::recovery::Recovery;
use super::send::back_to_waiting;
use super::turn::Turn;

/// Longest chain of merges that is followed.
const LONGEST: usize = 20;

/// Why words toward a merged incident are held.
const NO_WAY: &str = "the incident was merged into another one";

/// What is to be done for a link whose incident was merged; `None` when there is nothing more.
pub(super) async fn turn(ws: &Ws, state: &mut LinkState, looks: &mut Looks) -> Result<Option<Next>, Halt> {
    if state.link.role != Role::Merged {
        return Ok(None);
    }
    match state.open_intent().cloned() {
        Some(intent) if intent.state == IntentState::Planned => {
            return forget(ws, state, &intent).await.map(Some);
        }
        Some(_) => return Ok(None),
        None => {}
    }
    if state.link.unread {
        // What was said before still goes to the record.
        return read_comments(ws, state).await.map(Some);
    }
    let waits = |side: Side| move |e: &Entry| e.delivery(side) == Delivery::Waiting;
    // Where the record was never made, words for it have nowhere to go. Where it is gone it may only be
    // hidden from our user: they wait until it is seen again, before whatever is said later (seed 9700102).
    // Those that a frozen link has for its record wait for the person who looks at it.
    let lost: Vec<Side> = [Side::Sentinel, Side::ServiceNow]
        .into_iter()
        .filter(|side| *side == Side::Sentinel || state.link.life == Life::Creating)
        .filter(|side| state.entries.iter().any(waits(*side)))
        .collect();
    if !lost.is_empty() {
        return hold_entries(ws, state, &lost, NO_WAY).await.map(Some);
    }
    if state.link.life != Life::Live || !state.link.frozen.is_empty() {
        return Ok(None);
    }
    if !is_told(state) && !mutant::is_on(Mutant::MergeUntold) {
        return tell(ws, state).await.map(Some);
    }
    if !state.entries.iter().any(waits(Side::ServiceNow)) {
        return Ok(None);
    }
    send_words(ws, state, looks).await.map(Some)
}

/// Makes a link one of a merged incident, and says so; `None` when it is nothing that is kept in step.
pub(super) fn becomes_merged(ws: &Ws, state: &LinkState, link: &mut Link) -> Option<EventView> {
    if !link.role.syncs() {
        return None;
    }
    link.role = Role::Merged;
    let text = "merged into another incident by Defender; nothing is written to it any more";
    Some(ws.event(Level::Warning, Some(link.id), ws.subject(state), text.into()))
}

/// Takes notice of a merge in the very transaction that shows it: a redirect also closes its incident, and
/// no plan may take that for a close.
pub(super) fn notice(ws: &Ws, state: &LinkState, turn: &mut Turn) {
    let mut link = turn.link.clone().unwrap_or_else(|| state.link.clone());
    if let Some(event) = becomes_merged(ws, state, &mut link) {
        turn.events.push(event);
        turn.link = Some(link);
    }
}

/// What somebody ordered before the merge, and was not sent yet, is written no more.
async fn forget(ws: &Ws, state: &mut LinkState, intent: &Intent) -> Result<Next, Halt> {
    let mut turn = Turn::default();
    super::gone::give_up(ws, state, intent, NO_WAY, &mut turn);
    turn.entries.extend(back_to_waiting(state, &intent.kind));
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// Sends the oldest words that wait for the record of a merged incident.
async fn send_words(ws: &Ws, state: &mut LinkState, looks: &mut Looks) -> Result<Next, Halt> {
    if ws.is_down(Side::ServiceNow) || ws.rate_waits(Side::ServiceNow) || super::siblings::waits(ws, state) {
        return Ok(Next::Later);
    }
    // What was lately seen to be nobody's surely is looked at whatever its age (I6).
    if ws.memory(|m| m.unverified.contains(&state.link.id)) {
        return look_whose(ws, state, looks).await;
    }
    if let Some(next) = look_if_stale(ws, state, looks).await? {
        return Ok(next);
    }
    let mut turn = Turn::default();
    let kind = next_entry(state, ws.settings().customer_word(), (false, true), false, &mut turn);
    let Some(kind @ IntentKind::AddNote { .. }) = kind else { return Ok(Next::Settled) };
    if !ws.may_write(Side::ServiceNow).await? {
        return Ok(Next::Later);
    }
    turn.new_intent = Some(ws.intent(state, kind, None));
    ws.save(state, turn).await?;
    super::send::send_open(ws, state).await
}

/// Tells both records of a merge: first the survivor's and those of earlier merges, then the one at hand,
/// which is how it is known to be done.
async fn tell(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    let into = match into(ws, state).await? {
        Into::Number(number) => number,
        Into::NotNow => return Ok(Next::Later),
        Into::Failed(error) => return link_failed(ws, state, &error, None).await,
    };
    // One merge after the other: what one of them tells, the next one passes on.
    let _turn = one_at_a_time(ws).await;
    // What came to this one since its work began stands in the store alone.
    let Some(fresh) = ws.load(state.link.id).await? else { return Ok(Next::Settled) };
    *state = fresh;
    let to = match into {
        Some(number) => match follow(ws, state, number).await? {
            Some(to) => Some(to),
            None => return Ok(Next::Later),
        },
        None => None,
    };
    ws.recovered(Recovery::MergeTold);
    let (key, text) = went_into(to.as_ref().map(|(named, _)| named));
    let mut others = Vec::new();
    if let (Some(me), Some((named, there))) = (Named::of(state), &to) {
        let before = earlier(ws, state).await?;
        let names: Vec<Named> = before.iter().filter_map(Named::of).collect();
        // One that was merged itself passes it on when its own merge is told; one that is gone may be there
        // again.
        if let Some(there) = there.as_ref().filter(|s| s.link.life <= Life::Gone) {
            let (key, text) = came_to(&me, &names);
            others.push(say(ws, there, &key, &text));
        }
        let (key, text) = went_into(Some(named));
        let told = before.iter().filter(|s| s.link.life <= Life::Gone);
        others.extend(told.map(|s| say(ws, s, &key, &text)));
    }
    if !others.is_empty() {
        ws.commit(Commit { entries: others, ..Commit::default() }).await?;
    }
    let entries = vec![say(ws, state, &key, &text)];
    ws.save(state, Turn { entries, ..Turn::default() }).await?;
    Ok(Next::Again)
}

/// Tells the record that an incident is about to get what went into it before its link was made (seed 2067).
pub(super) async fn tell_new(ws: &Ws, state: &mut LinkState) -> Result<(), Halt> {
    let _turn = one_at_a_time(ws).await;
    let before = earlier(ws, state).await?;
    // One that came by way of another was named with that one.
    let by_way = |s: &&LinkState| went_to(s).into_iter().any(|n| is_told_of(state, n));
    let names = before.iter().filter(|s| !by_way(s)).filter_map(Named::of);
    let names = names.filter(|named| !is_told_of(state, named.number));
    let told = names.map(|named| came_to(&named, &[]));
    let entries: Vec<Entry> = told.map(|(key, text)| say(ws, state, &key, &text)).collect();
    match entries.is_empty() {
        true => Ok(()),
        false => ws.save(state, Turn { entries, ..Turn::default() }).await,
    }
}

/// While it is held, nobody else tells of a merge in this workspace.
async fn one_at_a_time(ws: &Ws) -> LockGuard {
    ws.lock(format!("merges:{}", ws.key.as_str())).await
}

fn say(ws: &Ws, state: &LinkState, key: &str, text: &str) -> Entry {
    own_entry(state, CommentOrigin::Sync, key, "diptych", text, ws.now().utc, &ws.shared.keys)
}

/// What is known of where an incident went.
enum Into {
    /// The number of the one that it was merged into; `None` if nobody says.
    Number(Option<i64>),
    NotNow,
    Failed(CallError),
}

async fn into(ws: &Ws, state: &LinkState) -> Result<Into, Halt> {
    let number = |i: &Incident| i.merged_into.as_deref().and_then(|n| n.trim().parse().ok());
    let known = state.incident.as_ref().and_then(number);
    let asked = ws.memory(|m| m.merged_into.get(&state.link.id).copied());
    if let Some(known) = known.map(Some).or(asked) {
        return Ok(Into::Number(known));
    }
    if ws.is_down(Side::Sentinel) {
        return Ok(Into::NotNow);
    }
    let found = match ws.read_sentinel(SentinelCall::GetMerged(state.link.incident.clone())).await {
        Ok(answer) => match answer.value {
            SentinelReply::Incident(incident) => number(&incident),
            _ => None,
        },
        // The service knows no such version, or the incident is gone.
        Err(error) if matches!(error.kind, FaultKind::NotFound | FaultKind::Rejected) => None,
        Err(error) if error.is_side_wide() => return Ok(Into::NotNow),
        Err(error) => return Ok(Into::Failed(error)),
    };
    ws.memory(|m| m.merged_into.insert(state.link.id, found));
    Ok(Into::Number(found))
}

/// The incident at the end of the chain that begins with that number, and the last link on the way there.
/// `None` while it is not known yet, because a record is being made or another merge is still to be told.
async fn follow(
    ws: &Ws,
    state: &LinkState,
    mut number: i64,
) -> Result<Option<(Named, Option<LinkState>)>, Halt> {
    let mut last = None;
    for _ in 0..LONGEST {
        let Some(there) = by_number(ws, number).await?.filter(|s| s.link.id != state.link.id) else { break };
        let waits = there.link.frozen.is_empty() && there.link.error.is_empty();
        let next = match (there.link.role, there.link.life) {
            (Role::Merged, Life::Live) if !is_told(&there) && waits => return Ok(None),
            (Role::Primary, Life::Creating) if waits => return Ok(None),
            (Role::Merged, _) => survivor(&there).filter(|next| *next != number),
            _ => None,
        };
        let Some(next) = next else { return Ok(Named::of(&there).map(|named| (named, Some(there)))) };
        number = next;
        last = Some(there);
    }
    Ok(Some((Named { number, record: String::new() }, last)))
}

/// Links of all incidents that are known to have gone into this one, along their chains.
async fn earlier(ws: &Ws, state: &LinkState) -> Result<Vec<LinkState>, Halt> {
    let Some(incident) = &state.incident else { return Ok(Vec::new()) };
    match ws.ask(Ask::MergedAndTold(ws.key.clone(), into_key(incident.number))).await? {
        Told::Links(links) => Ok(links.into_iter().filter(|s| s.link.id != state.link.id).collect()),
        _ => Ok(Vec::new()),
    }
}

/// The link of an incident by its number.
async fn by_number(ws: &Ws, number: i64) -> Result<Option<LinkState>, Halt> {
    match ws.ask(Ask::ByNumber(ws.key.clone(), vec![number])).await? {
        // One that was ended gives way to one that was made since.
        Told::Links(links) => Ok(links.into_iter().min_by_key(|s| (s.link.life, s.link.id))),
        _ => Ok(None),
    }
}
