//! Links that share a record: one of them works at a time, and what one of them moves is news for the others.
//! A write of ours is nobody's change for them.

use crate::model::ledger::{Ask, Commit, Told};
use crate::model::view::Level;
use crate::model::{Base, Entry, Field, Life, Link, LinkId, LinkState, Record, Role};
use crate::sync::aggregation::{host_bases, settled, siblings_words, takes_over};
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

/// True while a change of the record is under way by another of its links: what it makes of the record is not to
/// be taken for somebody's change.
pub(super) fn waits(state: &LinkState) -> bool {
    state.members.iter().any(|m| m.writes && !m.frozen)
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
    let link = turn.link.as_ref().is_some_and(|now| {
        let of = |l: &Link| (l.role, l.life, l.frozen.is_empty(), l.group.closed_alone);
        of(now) != of(&state.link)
    });
    let incident = turn.incident.as_ref().is_some_and(|now| {
        state.incident.as_ref().is_none_or(|i| (&i.severity, &i.status) != (&now.severity, &now.status))
    });
    let base = |now: &Base| {
        let pair = |b: &Base| (b.sentinel.clone(), b.servicenow.clone());
        matches!(now.field, Field::Severity | Field::Status)
            && state.base(now.field).is_none_or(|b| pair(b) != pair(now))
    };
    link || incident || turn.bases.iter().any(base)
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
        for sibling in all.iter().filter(|s| s.link.life == Life::Live) {
            let mut bases = ws.record_moves(sibling, record);
            for (field, now) in &turn.settled {
                let known = bases.iter().find(|b| b.field == *field).or_else(|| sibling.base(*field));
                let Some(base) = known.map(|b| settled(b, now, asked)) else { continue };
                bases.retain(|b| b.field != *field);
                bases.push(base);
            }
            news.bases.extend(bases.into_iter().map(|b| (sibling.link.id, b)));
            news.entries.extend(ws.absorb_notes(sibling, &turn.journal));
        }
    }
    if moved || !turn.settled.is_empty() || concerns_others(state, turn) {
        news.wake.extend(others(state));
    }
    news.wake.sort_unstable();
    news.wake.dedup();
    Ok(news)
}

/// The links of a record that rest with one of them, because the record is gone for all.
pub(super) async fn rest_too(ws: &Ws, state: &LinkState, why: &str) -> Result<Vec<Link>, Halt> {
    if !state.is_shared() {
        return Ok(Vec::new());
    }
    let Told::Links(all) = ws.ask(Ask::ById(others(state))).await? else { return Ok(Vec::new()) };
    let rests = |s: LinkState| Link {
        life: Life::Gone,
        frozen: why.to_owned(),
        error: String::new(),
        failures: 0,
        not_before: Stamp(0),
        pending: true,
        ..s.link
    };
    Ok(all.into_iter().filter(|s| s.link.life == Life::Live).map(rests).collect())
}

/// The role of a link that lives on: another one may have taken its place meanwhile.
pub(super) fn seat(state: &LinkState) -> Role {
    let taken = state.members.iter().any(|m| m.role == Role::Primary);
    if state.link.role == Role::Primary && taken { Role::Attached } else { state.link.role }
}

impl Ws {
    /// Remembers which links have something to look at again in this very pass.
    pub fn stir(&self, commit: &Commit) {
        if !commit.wake.is_empty() {
            self.memory(|m| m.stirred.extend(commit.wake.iter().copied()));
        }
    }
}
