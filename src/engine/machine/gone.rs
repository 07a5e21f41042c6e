//! A record or an incident that is not there any more. Once that is sure enough its link rests: nothing is
//! made in its stead, and nothing is deleted on the other side (sync-engine B.7). What is seen again lives
//! on.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::call::SentinelCall;
use crate::model::ledger::{Ask, AuditDraft, CommandUpdate, Commit, Known, Told};
use crate::model::view::{EventView, Level};
use crate::model::{
    Base, CallError, CommandState, Delivery, FaultKind, Intent, IntentKind, IntentState, Life, Link, LinkId,
    LinkState, Record, Role, Side, SysId,
};
use crate::mutant::{self, Mutant};
use crate::text::{Stamp, escape_line};

use super::ctx::{Halt, Ws};
use super::entry_work::{begins_shared, hold_entries, next_entry, read_comments};
use super::failure::{Read, link_failed, read_failed};
use super::link_work::Next;
use super::observation::get_record;
use super::ownership::{unverifiable, wrong_record};
use super::recovery::Recovery;
use super::send::{back_to_waiting, conclude, entry_of, exchange};
use super::turn::Turn;

/// Between the first look that found nothing and the one that settles it.
const APART: Duration = Duration::from_secs(300);
/// The same where so many are missing at once that a right which was taken from us is likelier.
const MANY_APART: Duration = Duration::from_secs(24 * 3600);
/// As many, and more than this part of all, are too many to be missing at once.
const FEW: usize = 5;
const PART: usize = 50;
/// An incident that was seen this lately needs no look before it is written. A write would make a deleted
/// one anew (sentinel-api 2.1: PUT creates what is not there), and no list shows that one was deleted.
const SEEN_LATELY: Duration = Duration::from_secs(3600);
/// Records in one call.
const AT_A_TIME: usize = 200;

/// Times that the side which is left has to be looked for in vain before last words for it are held.
const TRIES: u32 = 3;
/// Why a link rests whose record is gone.
const RECORD: &str = "its record is not in ServiceNow any more, or our user may not see it";
/// Why a link rests whose incident is gone.
const INCIDENT: &str = "its incident is not in Sentinel any more";

/// True when so many of all are missing at once that they are hardly gone.
fn too_many(missing: usize, all: usize) -> bool {
    missing > FEW && missing * PART > all
}

/// True when the incident of a link is to be looked at before it is written.
pub(super) fn may_be_gone(ws: &Ws, state: &LinkState) -> bool {
    ws.steady().since(state.incident_seen) > SEEN_LATELY
}

/// A look at one side of a link found nothing there. It is looked for again; after a while, and with that
/// side read to the end in between, its link rests.
pub(super) async fn missed(
    ws: &Ws,
    state: &mut LinkState,
    side: Side,
    error: &CallError,
) -> Result<Next, Halt> {
    if state.link.role == Role::Merged && side == Side::Sentinel {
        return merged_and_gone(ws, state).await;
    }
    let lead = state.lead();
    if side == Side::ServiceNow && lead != state.link.id {
        // It is for one of them to find out, and not for one that waits for a person; the record counts once.
        ws.memory(|m| {
            m.unverified.insert(lead);
            m.stirred.insert(lead);
        });
        return read_failed(ws, state, error, Read::of(side)).await;
    }
    let (id, now) = (state.link.id, ws.steady());
    let first = ws.memory(|m| *m.missing.entry((id, side)).or_insert(now));
    let read = ws.memory(|m| m.passes.of(side).asked);
    let apart = if many_missing(ws, side).await? { MANY_APART } else { APART };
    if state.link.life != Life::Live || now.since(first) < apart || read <= first {
        let next = read_failed(ws, state, error, Read::of(side)).await?;
        // The look that settles it does not wait longer for what failed before for another reason.
        let soon = now.plus(APART);
        if first == now && state.link.not_before > soon {
            let link = Link { not_before: soon, ..state.link.clone() };
            ws.save(state, Turn { link: Some(link), ..Turn::default() }).await?;
        }
        return Ok(next);
    }
    ws.recovered(Recovery::TakenForGone);
    let (what, why, other) = match side {
        Side::ServiceNow => ("record", RECORD, "the incident stays as it is"),
        Side::Sentinel => ("incident", INCIDENT, "the record stays as it is"),
    };
    let mut turn = Turn::default();
    let number = state.record.as_ref().map(|r| escape_line(&r.number)).unwrap_or_default();
    turn.audit.push(ws.audit(state, "gone", (Some(side), what), (&number, ""), why));
    if let Some(intent) = state.open_intent() {
        give_up(ws, state, intent, why, &mut turn);
    }
    let text = format!("{why}: {other}, and nothing is made in its stead; retry looks for it again");
    turn.events.push(ws.event(Level::Warning, Some(id), ws.subject(state), text));
    let taken = super::hand_over::taken_without_incident(ws, state).filter(|_| side == Side::Sentinel);
    let role = if taken.is_some() { Role::Primary } else { state.link.role };
    if side == Side::ServiceNow {
        super::siblings::rest_too(ws, state, RECORD, &mut turn).await?;
    }
    turn.entries.extend(taken.into_iter().flatten());
    turn.link = Some(at_rest(Link { role, ..state.link.clone() }, why));
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// A link of which one side is gone. It has a turn still, in which its last words are carried over.
pub(super) fn at_rest(link: Link, why: &str) -> Link {
    Link {
        life: Life::Gone,
        frozen: why.to_owned(),
        error: String::new(),
        failures: 0,
        not_before: Stamp(0),
        pending: true,
        ..link
    }
}

/// A merged incident is gone, too. What is to be said of the merge its record is told all the same; a write of
/// which nobody knows whether it was applied before that stays unknown.
async fn merged_and_gone(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    let mut turn = Turn::default();
    for intent in state.intents.iter().filter(|i| i.state.is_open() && i.kind.side() == Side::Sentinel) {
        close_unknown(ws, state, intent, "the incident was merged, and is gone", &mut turn);
    }
    ws.memory(|m| m.unsure.remove(&state.link.id));
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// The side that is still there of a link that rests because the other one is gone.
fn left(link: &Link) -> Option<Side> {
    match link.frozen.as_str() {
        _ if link.life != Life::Gone => None,
        RECORD if link.role.syncs() || link.role == Role::Merged => Some(Side::Sentinel),
        INCIDENT if link.role.syncs() => Some(Side::ServiceNow),
        _ => None,
    }
}

/// What was said on a side before it was gone still goes to the other one: nobody could say it again. Once the
/// incident is merged nothing more of it is sent, but what was on its way there may have arrived: that is still
/// found out (seed 9831557). `None` when there is nothing of it left.
pub(super) async fn carry_last_words(ws: &Ws, state: &mut LinkState) -> Result<Option<Next>, Halt> {
    let Some(side) = left(&state.link).filter(|_| !mutant::is_on(Mutant::LastWordsForgotten)) else {
        return Ok(None);
    };
    let carries = |i: &&Intent| i.state.is_open() && entry_of(&i.kind).is_some_and(|(_, to)| to == side);
    let open = state.intents.iter().find(carries).cloned();
    let waits =
        state.link.role.syncs() && state.entries.iter().any(|e| e.delivery(side) == Delivery::Waiting);
    if open.is_none() && !waits {
        return Ok(None);
    }
    if ws.is_down(side) {
        return Ok(Some(Next::Later));
    }
    if let Some(intent) = open {
        // What failed before may have failed because that side is gone, too (seed 9711973).
        if state.link.failures >= TRIES
            && let Some(error) = not_there(ws, state, side).await
        {
            return keep_last_words(ws, state, side, &error).await.map(Some);
        }
        return super::recover::settle(ws, state, intent).await.map(Some);
    }
    if ws.rate_waits(side) || side == Side::ServiceNow && super::siblings::waits(ws, state) {
        return Ok(Some(Next::Later));
    }
    ws.recovered(Recovery::LastWords);
    send_last_words(ws, state, side).await.map(Some)
}

/// Why nothing of a link is found on a side; `None` when it is there, or nobody can tell.
async fn not_there(ws: &Ws, state: &LinkState, side: Side) -> Option<CallError> {
    let found = match side {
        Side::Sentinel => ws.read_sentinel(SentinelCall::Get(state.link.incident.clone())).await.map(|_| ()),
        Side::ServiceNow => get_record(ws, state).await.map(|_| ()),
    };
    found.err().filter(|error| error.kind == FaultKind::NotFound)
}

/// Both sides of a link are gone: its last words can go nowhere, and are kept for a person.
async fn keep_last_words(
    ws: &Ws,
    state: &mut LinkState,
    side: Side,
    error: &CallError,
) -> Result<Next, Halt> {
    let why = error.to_string();
    let mut turn = Turn::default();
    let carries = |i: &&Intent| i.state.is_open() && entry_of(&i.kind).is_some_and(|(_, to)| to == side);
    for intent in state.intents.iter().filter(carries) {
        close_unknown(ws, state, intent, &why, &mut turn);
    }
    turn.link = Some(Link { error: String::new(), failures: 0, not_before: Stamp(0), ..state.link.clone() });
    ws.save(state, turn).await?;
    hold_entries(ws, state, &[side], &why).await
}

/// Sends the oldest words that wait for `side`, of which nobody knows yet that it is there, too.
async fn send_last_words(ws: &Ws, state: &mut LinkState, side: Side) -> Result<Next, Halt> {
    let (to_incident, to_record) = (side == Side::Sentinel, side == Side::ServiceNow);
    if to_record {
        // A note goes to no record that was not seen to be ours (I6).
        let whose = match get_record(ws, state).await {
            Ok(record) => match wrong_record(ws, state, &record) {
                Some(why) => return hold_entries(ws, state, &[side], &why).await,
                None => unverifiable(ws, state, &record),
            },
            Err(error) if error.is_side_wide() => return Ok(Next::Later),
            Err(error) => Some(error),
        };
        match whose {
            None => {}
            Some(error) if state.link.failures < TRIES => {
                return link_failed(ws, state, &error, None).await;
            }
            Some(error) => return hold_entries(ws, state, &[side], &error.to_string()).await,
        }
    }
    let id = state.link.id;
    if to_incident && begins_shared(state) && ws.memory(|m| m.shared_begun.insert(id)) {
        return read_comments(ws, state).await;
    }
    let mut turn = Turn::default();
    let Some(kind) =
        next_entry(state, ws.settings().customer_word(), (to_incident, to_record), false, &mut turn)
    else {
        ws.save(state, turn).await?;
        return Ok(Next::Again);
    };
    if !ws.may_write(side).await? {
        return Ok(Next::Later);
    }
    // Beside it a write may be open to the side that is gone, so it is sent by itself.
    turn.new_intent = Some(ws.intent(state, kind, None));
    ws.save(state, turn).await?;
    let Some(intent) = state.intents.last().cloned() else { return Ok(Next::Again) };
    match exchange(ws, state, &intent.kind).await {
        Err(error) if error.kind == FaultKind::NotFound && !error.maybe_applied => {
            let intents = vec![ws.update(&intent, IntentState::Rejected, error.to_string())];
            let entries = back_to_waiting(state, &intent.kind).into_iter().collect();
            ws.save(state, Turn { intents, entries, ..Turn::default() }).await?;
            match state.link.failures < TRIES {
                true => link_failed(ws, state, &error, None).await,
                false => hold_entries(ws, state, &[side], &error.to_string()).await,
            }
        }
        outcome => conclude(ws, state, intent, outcome).await,
    }
}

/// Closes a write of which nobody can tell any more whether it was applied. A person who asked for it waits no
/// longer.
fn close_unknown(ws: &Ws, state: &LinkState, intent: &Intent, why: &str, turn: &mut Turn) {
    give_up(ws, state, intent, why, turn);
    if intent.state != IntentState::Planned {
        turn.intents.push(ws.update(intent, IntentState::Replanned, why.to_owned()));
    }
    turn.entries.extend(back_to_waiting(state, &intent.kind));
}

/// A write to what is gone. One that was not sent is refused; another one may have been applied, and stays
/// open: should its side be there again, it is settled then. A person who asked for it waits no longer.
pub(super) fn give_up(ws: &Ws, state: &LinkState, intent: &Intent, why: &str, turn: &mut Turn) {
    match intent.state {
        IntentState::Planned => turn.intents.push(ws.update(intent, IntentState::Rejected, why.to_owned())),
        _ => turn.audit.extend(unproven(ws, state, intent)),
    }
    if let Some(id) = intent.command {
        ws.put_back(state, id);
        turn.commands.push(CommandUpdate { id, state: CommandState::Refused, result: why.to_owned() });
    }
}

/// Audit rows of a write that may have been applied, and of which nobody can tell any more.
pub(super) fn unproven(ws: &Ws, state: &LinkState, intent: &Intent) -> Vec<AuditDraft> {
    let what = match &intent.kind {
        IntentKind::PatchRecord { targets, .. } | IntentKind::PutIncident { targets, .. } => {
            return targets.iter().map(|t| super::recover::unproven(ws, state, intent, t)).collect();
        }
        IntentKind::AddNote { .. } => "note",
        IntentKind::PutComment { .. } => "comment",
        IntentKind::CreateRecord { .. } => "record",
        IntentKind::AddRow { .. } => "row",
    };
    let why = "no answer came, and what it went to is gone: it may have been applied";
    let mut row = ws.audit(state, "unproven", (Some(intent.kind.side()), what), ("", ""), why);
    row.intent = Some(intent.id);
    vec![row]
}

/// True while too many links miss that side, as looks have found within a day.
async fn many_missing(ws: &Ws, side: Side) -> Result<bool, Halt> {
    let now = ws.steady();
    let (missing, all) = ws.memory(|m| {
        m.missing.retain(|_, first| now.since(*first) <= MANY_APART + APART);
        (m.missing.keys().filter(|(_, s)| *s == side).count(), m.live_records)
    });
    if missing <= FEW {
        ws.memory(|m| m.vanished.remove(&side));
        return Ok(false);
    }
    let all = match all {
        Some(all) => all,
        None => live_records(ws).await?.len(),
    };
    tell_if_many(ws, side, missing, all).await
}

/// Says once that too many are missing.
async fn tell_if_many(ws: &Ws, side: Side, missing: usize, all: usize) -> Result<bool, Halt> {
    if !too_many(missing, all) {
        ws.memory(|m| m.vanished.remove(&side));
        return Ok(false);
    }
    if ws.memory(|m| m.vanished.insert(side)) {
        ws.recovered(Recovery::MassVanish);
        let text = format!(
            "{missing} of {all} links find nothing in {side} all of a sudden: a right or a domain may have been \
             taken from our user. None is taken for gone before a day; what can be read goes on"
        );
        let event = ws.event(Level::Error, None, ws.key.to_string(), text);
        ws.commit(Commit { events: vec![event], ..Commit::default() }).await?;
    }
    Ok(true)
}

/// One side of a link was seen.
pub(super) fn seen(ws: &Ws, link: LinkId, side: Side) {
    ws.memory(|m| {
        m.missing.remove(&(link, side));
        if side == Side::Sentinel {
            m.unsure.remove(&link);
        }
    });
}

/// A link of which something is there again that it rested for, what is said of it, and what both sides agree on.
pub(super) fn revived(ws: &Ws, state: &mut LinkState, side: Side) -> Option<(Link, EventView, Vec<Base>)> {
    let why = if side == Side::ServiceNow { RECORD } else { INCIDENT };
    if state.link.life != Life::Gone || state.link.frozen != why {
        return None;
    }
    ws.recovered(Recovery::SeenAgain);
    seen(ws, state.link.id, side);
    let text = format!("is in {side} again, and kept in step from now on");
    let event = ws.event(Level::Info, Some(state.link.id), ws.subject(state), text);
    let bases = super::siblings::rejoined(ws, state);
    state.bases.retain(|old| bases.iter().all(|b| b.field != old.field));
    state.bases.extend(bases.iter().cloned());
    let role = super::siblings::seat(state);
    let link = Link { role, life: Life::Live, frozen: String::new(), pending: true, ..state.link.clone() };
    Some((link, event, bases))
}

/// Records that are looked for again although their links rest, in chunks to fetch: the newest, or all.
pub(super) async fn sought(ws: &Ws, all: bool) -> Result<Vec<Vec<SysId>>, Halt> {
    if mutant::is_on(Mutant::GoneForGood) {
        return Ok(Vec::new());
    }
    let route = &ws.settings().route;
    let most = if all { u32::MAX } else { AT_A_TIME as u32 };
    let record = (route.instance.clone(), route.table.clone());
    let ask = Ask::GoneRecords(ws.key.clone(), record.0, record.1, RECORD.to_owned(), most);
    let Told::Known(gone) = ws.ask(ask).await? else { return Ok(Vec::new()) };
    let ids: Vec<SysId> = gone.into_iter().map(|k| SysId::new(k.key)).filter(SysId::is_plain).collect();
    Ok(ids.chunks(AT_A_TIME).map(<[SysId]>::to_vec).collect())
}

/// Links whose record a sweep of all keys did not show are to be looked at, unless they are too many.
pub(super) async fn look_at_unlisted(
    ws: &Ws,
    listed: &BTreeSet<SysId>,
    dirty: &mut BTreeSet<LinkId>,
) -> Result<(), Halt> {
    let live = live_records(ws).await?;
    let missing = live.iter().filter(|known| !listed.contains(&SysId::new(&known.key)));
    let missing: Vec<LinkId> = missing.map(|known| known.link).collect();
    ws.memory(|m| m.live_records = Some(live.len()));
    if tell_if_many(ws, Side::ServiceNow, missing.len(), live.len()).await? {
        return Ok(());
    }
    ws.memory(|m| m.unverified.extend(missing.iter().copied()));
    dirty.extend(missing);
    Ok(())
}

/// Keys of the records of the route's links that are looked at when they are missing.
async fn live_records(ws: &Ws) -> Result<Vec<Known>, Halt> {
    let route = &ws.settings().route;
    let ask = Ask::LiveRecords(ws.key.clone(), route.instance.clone(), route.table.clone());
    match ws.ask(ask).await? {
        Told::Known(known) => Ok(known),
        _ => Ok(Vec::new()),
    }
}

/// The links of records that were found again live on, in hand and in the transaction.
pub(super) fn revive_found(ws: &Ws, states: &mut [LinkState], records: &[Record], commit: &mut Commit) {
    let mut seated = BTreeSet::new();
    for state in states.iter_mut().filter(|s| records.iter().any(|r| r.sys_id == s.link.sys_id)) {
        if let Some((mut link, event, bases)) = revived(ws, state, Side::ServiceNow) {
            super::siblings::seat_once(&mut link, &mut seated);
            commit.bases.extend(bases.into_iter().map(|b| (link.id, b)));
            state.link = link;
            commit.events.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::too_many;

    #[test]
    fn a_few_may_be_missing_and_a_part_may_not() {
        assert!(!too_many(5, 5) && !too_many(6, 300) && !too_many(20, 1000));
        assert!(too_many(6, 299) && too_many(6, 6) && too_many(21, 1000));
    }
}
