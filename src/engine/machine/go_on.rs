//! An incident that goes on in a new record, because its old one was closed in ServiceNow and stays so: the old
//! link ends and the new one begins in one transaction, and what was said already is not said again.

use std::time::Duration;

use crate::model::ledger::{Ask, AuditDraft, Told};
use crate::model::view::Level;
use crate::model::{
    CallError, CommentOrigin, Delivery, Entry, EntryId, Evidence, Intent, IntentState, Life, Link, LinkId,
    LinkState, Record, Related, Role, SysId,
};
use crate::mutant::{self, Mutant};
use crate::sync::identity::derived_sys_id;
use crate::sync::shared_comment::waits_for_room;
use crate::text::{Stamp, escape_line};

use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::recovery::Recovery;
use super::turn::Turn;

/// In a transaction: its own new link.
const NEW: LinkId = LinkId(-1);
/// New records for one incident within a day, beyond which a person is asked.
const MOST_A_DAY: usize = 3;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Ordinals among which the one of a record that was found is looked for.
const ORDINALS: u32 = 64;
/// Why words do not go to the old record that waited to.
const GOES_ON: &str = "the incident goes on in a new record, which is told this";

/// Other links of an incident, ended ones too, the latest last.
pub(super) async fn other_links(ws: &Ws, state: &LinkState) -> Result<Vec<LinkState>, Halt> {
    let ask = Ask::ByIncident(ws.key.clone(), vec![state.link.incident.clone()]);
    let Told::Links(mut links) = ws.ask(ask).await? else { return Ok(Vec::new()) };
    links.retain(|s| s.link.id != state.link.id);
    links.sort_by_key(|s| s.link.ordinal);
    Ok(links)
}

/// True for a record that an earlier link is about, or that is older than the one before: such a one carries the
/// incident's correlation id still, and is none that a create of this link can have made.
pub(super) fn is_earlier(others: &[LinkState], record: &Record) -> bool {
    if mutant::is_on(Mutant::NewRecordAdoptsOld) {
        return false;
    }
    let told = |s: &LinkState| s.record.as_ref().is_some_and(|r| record.age_order() <= r.age_order());
    others.iter().any(|s| s.link.sys_id == record.sys_id) || others.last().is_some_and(told)
}

/// Why an incident gets no further record before a person has had a look.
pub(super) async fn too_often(ws: &Ws, state: &LinkState) -> Result<Option<String>, Halt> {
    let (now, others) = (ws.now().utc, other_links(ws, state).await?);
    let all = others.iter().map(|s| &s.link).chain([&state.link]);
    let lately = all.filter(|l| l.ordinal > 0 && now.since(l.created) < DAY).count();
    // Who runs retry lets the next one through.
    let asked = ws.memory(|m| !m.often_closed.insert(state.link.id));
    if lately < MOST_A_DAY || asked {
        ws.memory(|m| m.often_closed.remove(&state.link.id));
        return Ok(None);
    }
    Ok(Some(format!(
        "closed in ServiceNow and reopened in Sentinel time and again: it got {lately} new records within a day, and gets the next one once somebody runs retry"
    )))
}

/// Ends a link whose record stays closed, and begins the next one.
pub(super) async fn go_on(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    let Some(incident) = state.incident.clone() else { return Ok(Next::Later) };
    let others = other_links(ws, state).await?;
    if others.iter().any(|s| s.link.life != Life::Unlinked) {
        let why = "another link of its incident lives: it gets no new record beside that one".to_owned();
        return super::link_work::freeze(ws, state, why).await;
    }
    let ordinal =
        others.iter().map(|s| s.link.ordinal).chain([state.link.ordinal]).max().map_or(0, |o| o + 1);
    let number = state.record.as_ref().map(|r| escape_line(&r.number)).unwrap_or_default();
    let route = &ws.settings().route;
    let sys_id = derived_sys_id(&ws.key, &state.link.incident, &route.instance, &route.table, ordinal);
    let record = (route.instance.clone(), route.table.clone(), sys_id);
    let mut next = Link {
        id: LinkId(0),
        ordinal,
        role: Role::Primary,
        in_filter: state.link.in_filter,
        comments_seen: state.link.comments_seen,
        comments_unsure: state.link.comments_unsure,
        unread: state.link.unread,
        pending: true,
        ..Link::new(ws.key.clone(), state.link.incident.clone(), record, ws.now().utc)
    };
    next.evidence.unread = ws.asks_for_alerts(&next.evidence, &incident);
    let carried: Vec<Entry> = state.entries.iter().filter_map(|e| carried(e, &number)).collect();
    let why = format!("{number} was closed in ServiceNow and its incident reopened; closed_partner is new");
    let text = format!("{number} stays closed, and the incident goes on in a new record");
    let ended = ws.audit(state, "end_link", (None, "link"), (&number, "unlinked"), &why);
    let begun = AuditDraft {
        link: Some(NEW),
        ..ws.audit(state, "new_link", (None, "link"), (&number, "a new record"), &why)
    };
    let left = |i: &&Intent| i.state.is_open() || i.state == IntentState::Parked;
    let ends = |i: &Intent| ws.update(i, IntentState::Replanned, GOES_ON.into());
    let turn = Turn {
        link: Some(Link {
            life: Life::Unlinked,
            error: String::new(),
            failures: 0,
            not_before: Stamp(0),
            unread: false,
            comments_unsure: false,
            pending: false,
            evidence: Evidence { unread: false, ..state.link.evidence.clone() },
            related: Related::default(),
            ..state.link.clone()
        }),
        entries: state.entries.iter().filter_map(left_behind).collect(),
        intents: state.intents.iter().filter(left).map(ends).collect(),
        commands: ws.refuse_taken(state.link.id, "the incident goes on in a new record: repeat it there"),
        audit: vec![ended, begun],
        events: vec![ws.event(Level::Change, Some(state.link.id), ws.subject(state), text)],
        new_links: vec![next],
        said: carried,
        ..Turn::default()
    };
    ws.recovered(Recovery::NewRecord);
    ws.memory(|m| {
        let id = state.link.id;
        m.unsure.remove(&id);
        m.unverified.remove(&id);
        m.reread.remove(&id);
        m.missing.retain(|(link, _), _| *link != id);
    });
    ws.save(state, turn).await?;
    Ok(Next::Settled)
}

/// True for words that ServiceNow was not told yet.
fn is_untold(entry: &Entry) -> bool {
    let waits = matches!(entry.to_servicenow, Delivery::Waiting | Delivery::Sending | Delivery::Held);
    waits && entry.origin != CommentOrigin::Sync
}

/// An entry as the new link is to know it: of what stands in Sentinel, that it does; and what ServiceNow was not
/// told, waits for the new record.
fn carried(entry: &Entry, number: &str) -> Option<Entry> {
    let stands = entry.origin == CommentOrigin::Sentinel
        || matches!(entry.to_sentinel, Delivery::Delivered | Delivery::Sending)
        || waits_for_room(entry);
    if entry.origin == CommentOrigin::Sync || !(stands || is_untold(entry)) {
        return None;
    }
    let (to_servicenow, reason) = match is_untold(entry) {
        true => (Delivery::Waiting, String::new()),
        false => (Delivery::None, format!("told in {number}")),
    };
    let reason = if waits_for_room(entry) { entry.reason.clone() } else { reason };
    Some(Entry { id: EntryId(0), link: NEW, to_servicenow, reason, ..entry.clone() })
}

/// An entry that the new link takes over, as one that waits here no longer.
fn left_behind(entry: &Entry) -> Option<Entry> {
    let mut left = entry.clone();
    if is_untold(entry) {
        left.set_delivery(crate::model::Side::ServiceNow, Delivery::None);
        left.reason = GOES_ON.into();
    }
    if waits_for_room(entry) {
        left.set_delivery(crate::model::Side::Sentinel, Delivery::None);
        left.reason = GOES_ON.into();
    }
    (left != *entry).then_some(left)
}

/// Records of an incident that rest since a later one was made, and of which the store knows nothing any more: what
/// was said there is not said again. None where it does, or where no such ones are made.
pub(super) async fn earlier_records(
    ws: &Ws,
    state: &LinkState,
    record: &Record,
) -> Result<Result<Vec<SysId>, CallError>, Halt> {
    if !super::create::makes_new_ones(ws) || !other_links(ws, state).await?.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let found = super::create::correlated(ws, state).await;
    Ok(found.map(|mut all| {
        all.retain(|r| !super::create::made_by_others(ws, r) && r.age_order() < record.age_order());
        all.sort_by_key(Record::age_order);
        all.into_iter().map(|r| r.sys_id).collect()
    }))
}

/// The ordinal that led to the key of a record which was found: after a lost store it may be a later one, and the
/// next record must not be made under it. Of a key that the instance chose, the link's own.
pub(super) fn ordinal_of(ws: &Ws, link: &Link, record: &Record) -> u32 {
    let derived =
        |o: &u32| derived_sys_id(&ws.key, &link.incident, &link.instance, &link.table, *o) == record.sys_id;
    (link.ordinal..ORDINALS).find(derived).unwrap_or(link.ordinal)
}
