//! Links that share a record: one of them works at a time, and what one of them moves is news for the others.
//! A write of ours is nobody's change for them.

use std::collections::BTreeSet;

use crate::model::ledger::{Ask, Commit, Told};
use crate::model::view::Level;
use crate::model::{
    Base, Beside, Entry, Field, Incident, Life, Link, LinkId, LinkState, Record, Role, SysId,
};
use crate::sync::aggregation::{host_bases, rejoined_bases, settled, settles, siblings_words, takes_over};
use crate::text::{Stamp, escape_line};

use super::ctx::{Halt, LockGuard, Ws};
use super::link_work::Next;
use super::recovery::Recovery;
use super::turn::Turn;

/// Name of the lock under which links of one record work one at a time; none for a record that is nobody else's.
pub(super) fn lock_name(ws: &Ws, link: &Link) -> Option<String> {
    // The incident that the record names: its key may still change, and its host may leave.
    let named = link.group.host.as_ref().unwrap_or(&link.incident);
    let shares = !link.group.keys.is_empty();
    shares.then(|| format!("shared:{}:{}", ws.key.as_str(), named.as_str()))
}

/// While it is held, no other link of the same record works.
pub(super) async fn lock(ws: &Ws, link: &Link) -> Option<LockGuard> {
    match lock_name(ws, link) {
        Some(name) => Some(ws.lock(name).await),
        None => None,
    }
}

/// The links of the others.
pub(super) fn others(state: &LinkState) -> Vec<LinkId> {
    state.members.iter().map(|m| m.link).collect()
}

/// What is to be done for a link because it shares its record; `None` when there is nothing more.
pub(super) async fn turn(ws: &Ws, state: &mut LinkState) -> Result<Option<Next>, Halt> {
    let link = &state.link;
    if link.group.keys.is_empty() || link.life != Life::Live || !link.role.syncs() {
        return Ok(None);
    }
    let entries = siblings_words(state, &state.entries, &ws.shared.keys);
    if !entries.is_empty() {
        ws.save(state, Turn { entries, ..Turn::default() }).await?;
        return Ok(Some(Next::Again));
    }
    if !takes_over(state) {
        return Ok(None);
    }
    take_over(ws, state).await.map(Some)
}

/// The host left, and this guest takes its place.
async fn take_over(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    ws.recovered(Recovery::HostReplaced);
    let number = state.record.as_ref().map(|r| escape_line(&r.number)).unwrap_or_default();
    let text = format!("{number} is kept in step with this incident from now on: the one before left it");
    let audit = ws.audit(state, "host", (None, "link"), ("attached", "primary"), &text);
    let event = ws.event(Level::Info, Some(state.link.id), ws.subject(state), text);
    let now = ws.steady();
    let bases = match (&state.incident, &state.record) {
        (Some(incident), Some(record)) => ws.with_plan(|ctx| host_bases(incident, record, ctx, now)),
        _ => Vec::new(),
    };
    let link = Link { role: Role::Primary, pending: true, ..state.link.clone() };
    ws.save(
        state,
        Turn { link: Some(link), bases, audit: vec![audit], events: vec![event], ..Turn::default() },
    )
    .await?;
    Ok(Next::Again)
}

/// True while a write of the record or a note on it is under way by another of its links: what it makes of the
/// record is not to be taken for somebody's change, and nothing overtakes it.
pub(super) fn waits(ws: &Ws, state: &LinkState) -> bool {
    let goes_on = |b: &Beside| !b.frozen && b.life <= Life::Live;
    state.beside.iter().any(|b| b.planned && goes_on(b)) || others_sent(ws, state)
}

/// True while one that was sent may still land, or nobody knows yet whether it did. One that rests finds that out
/// no more: then it is over once it can land no longer.
pub(super) fn others_sent(ws: &Ws, state: &LinkState) -> bool {
    let (now, settle) = (ws.steady(), ws.instance().settle);
    let open = |b: &Beside| b.sent.is_some_and(|at| b.life <= Life::Live || now.since(at) < settle);
    state.beside.iter().any(open)
}

/// What a turn of one link means for the others of its record.
#[derive(Default)]
pub(super) struct News {
    pub bases: Vec<(LinkId, Base)>,
    pub entries: Vec<Entry>,
    pub wake: Vec<LinkId>,
}

/// True when the record is not as it was known.
fn is_another(known: Option<&Record>, now: &Record) -> bool {
    known.is_none_or(|known| known.mod_count != now.mod_count || known.values != now.values)
}

/// True when a turn changes what the others' plans depend on.
fn concerns_others(state: &LinkState, turn: &Turn) -> bool {
    let base = |now: &Base| {
        let pair = |b: &Base| (b.sentinel.clone(), b.servicenow.clone());
        matches!(now.field, Field::Severity | Field::Status)
            && state.base(now.field).is_none_or(|b| pair(b) != pair(now))
    };
    let link = turn.link.as_ref().unwrap_or(&state.link);
    concerned(state, link, turn.incident.as_ref()) || turn.bases.iter().any(base)
}

/// The same of the link and of its incident.
pub(super) fn concerned(state: &LinkState, link: &Link, incident: Option<&Incident>) -> bool {
    let of = |l: &Link| (l.role, l.life, l.frozen.is_empty(), l.group.closed_alone);
    let shown = |i: &Incident| (i.severity.clone(), i.status.clone());
    of(link) != of(&state.link)
        || incident.is_some_and(|now| state.incident.as_ref().is_none_or(|i| shown(i) != shown(now)))
}

/// Gathers it.
pub(super) async fn news(ws: &Ws, state: &LinkState, turn: &Turn, asked: Stamp) -> Result<News, Halt> {
    let mut news = News { wake: turn.wake.clone(), ..News::default() };
    if !state.is_shared() {
        return Ok(news);
    }
    let moved = turn.record.as_ref().is_some_and(|record| is_another(state.record.as_ref(), record));
    // What we wrote may have been seen before it was known to be ours.
    if let Some(record) = turn.record.as_ref().or(state.record.as_ref())
        && (moved || !turn.settled.is_empty())
        && let Told::Links(all) = ws.ask(Ask::ById(others(state))).await?
    {
        let table = &ws.settings().route.table;
        let status = turn.settled.iter().find(|(field, ..)| *field == Field::Status);
        let closes = status.is_some_and(|(_, _, now)| {
            ws.with_plan(|ctx| ctx.tables.is_closed_state(table, now)) == Some(true)
        });
        for sibling in all.iter().filter(|s| s.link.life == Life::Live) {
            let mut bases = ws.record_moves(sibling, record);
            for (field, before, now) in &turn.settled {
                let known = bases.iter().find(|b| b.field == *field).or_else(|| sibling.base(*field));
                let Some(base) = known.filter(|b| settles(sibling, b, before, closes)) else {
                    keep_move(sibling, *field, &mut bases);
                    continue;
                };
                let base = settled(base, now, asked);
                bases.retain(|b| b.field != *field);
                bases.push(base);
            }
            let words = ws.absorb_notes(sibling, &turn.journal);
            if !words.is_empty() || bases.iter().any(|b| b.servicenow_seen.differs.is_some()) {
                news.wake.push(sibling.link.id);
            }
            news.bases.extend(bases.into_iter().map(|b| (sibling.link.id, b)));
            news.entries.extend(words);
        }
    }
    if concerns_others(state, turn) {
        news.wake.extend(others(state));
    }
    news.wake.sort_unstable();
    news.wake.dedup();
    Ok(news)
}

/// What the record shows of a field since a write of ours is no later change of somebody's than the one that a
/// sibling has still to take: that one keeps its place in time (seed 2571).
fn keep_move(sibling: &LinkState, field: Field, bases: &mut [Base]) {
    let moved = sibling.base(field).map(|b| b.servicenow_seen).filter(|seen| seen.differs.is_some());
    if let (Some(seen), Some(base)) = (moved, bases.iter_mut().find(|b| b.field == field)) {
        base.servicenow_seen = seen;
    }
}

/// The links of a record that rest with one of them, because the record is gone for all.
pub(super) async fn rest_too(ws: &Ws, state: &LinkState, why: &str, turn: &mut Turn) -> Result<(), Halt> {
    if !state.is_shared() {
        return Ok(());
    }
    let Told::Links(all) = ws.ask(Ask::ById(others(state))).await? else { return Ok(()) };
    for sibling in all.into_iter().filter(|s| s.link.life == Life::Live) {
        // What it wrote, and got no answer to, is as unknown from now on (seed 9844221).
        if let Some(intent) = sibling.open_intent() {
            super::gone::give_up(ws, &sibling, intent, why, turn);
        }
        turn.others.push(super::gone::at_rest(sibling.link, why));
    }
    Ok(())
}

/// The role of a link that lives on: another one may have taken its place meanwhile.
pub(super) fn seat(state: &LinkState) -> Role {
    if state.link.role == Role::Primary && state.beside.iter().any(Beside::holds) {
        Role::Attached
    } else {
        state.link.role
    }
}

/// What both sides of a link that lives on agree on, where others kept the record in step meanwhile.
pub(super) fn rejoined(ws: &Ws, state: &LinkState) -> Vec<Base> {
    let now = ws.steady();
    ws.with_plan(|ctx| rejoined_bases(state, ctx, now))
}

/// Of several that live on in one transaction, the first one has the place of the primary.
pub(super) fn seat_once(link: &mut Link, seated: &mut BTreeSet<SysId>) {
    if link.role == Role::Primary && !seated.insert(link.sys_id.clone()) {
        link.role = Role::Attached;
    }
}

impl Ws {
    /// Remembers which links have something to look at again in this very pass.
    pub fn stir(&self, commit: &Commit) {
        if !commit.wake.is_empty() {
            self.memory(|m| m.stirred.extend(commit.wake.iter().copied()));
        }
    }
}
