//! An incident that gets no record of its own, because it belongs into the record of another one.

use crate::model::call::{DeskCall, DeskReply, SentinelCall, SentinelReply};
use crate::model::ledger::{Ask, Told};
use crate::model::view::Level;
use crate::model::{
    CommentOrigin, Delivery, Entry, FaultKind, Field, Group, IncidentId, Intent, IntentKind, Life, Link,
    LinkId, LinkState, Record, Role, Side, SysId,
};
use crate::sync::aggregation::{
    GUEST, JOINED, is_joined, joined_bases, joined_record, joined_text, refusal, said_before,
};
use crate::sync::conversation::{LINKED, own_entry};
use crate::sync::identity::{Correlation, read_correlation};
use crate::sync::markup::html_to_text;
use crate::sync::values::{is_closed, servicenow_value};
use crate::text::{Stamp, escape_line};

use super::adopt::adopt;
use super::confirm::Proof;
use super::ctx::{Halt, Ws};
use super::failure::link_failed;
use super::link_work::Next;
use super::observation::{get_record, take_record};
use super::ownership::{unverifiable, why_wrong};
use super::recovery::Recovery;
use super::turn::Turn;

/// Longer ago than anything that was said.
const ALWAYS: Stamp = Stamp(i64::MAX);

/// Joins the record of another incident, if there is one to join. `None` when this one gets its own.
pub(super) async fn join(
    ws: &Ws,
    state: &mut LinkState,
    earlier: &[LinkState],
) -> Result<Option<Next>, Halt> {
    if state.link.role == Role::Attached {
        // Others had its record before it was known again.
        let sys_id = state.link.sys_id.clone();
        if let Some(next) = come_back(ws, state, &sys_id).await? {
            return Ok(Some(next));
        }
        let link = Link { role: Role::Primary, ..state.link.clone() };
        ws.save(state, Turn { link: Some(link), ..Turn::default() }).await?;
        return Ok(Some(Next::Again));
    }
    let shares = !ws.settings().route.aggregate.by.is_empty() && !state.link.group.keys.is_empty();
    // One that may have been made already is the one.
    let begun = state.entries.iter().any(|e| e.origin == CommentOrigin::Sync && e.origin_id == LINKED);
    let Some(incident) = state.incident.clone().filter(|_| shares && !begun) else { return Ok(None) };
    // After a lost store it may have a record of its own, which others have joined, or which it was split off to.
    let asked = ws.steady();
    match super::create::look_for_record(ws, state, earlier).await {
        Ok(None) => {}
        Ok(Some(record)) => return take_own(ws, state, record, asked).await.map(Some),
        Err(error) if error.is_side_wide() => return Ok(Some(Next::Later)),
        Err(error) => return link_failed(ws, state, &error, None).await.map(Some),
    }
    if incident.comments_count > 0
        && let Some(next) = join_again(ws, state).await?
    {
        return Ok(Some(next));
    }
    let (instance, table) = (state.link.instance.clone(), state.link.table.clone());
    let ask = Ask::Joinable(ws.key.clone(), instance, table, state.link.group.keys.clone());
    let Told::Numbers(found) = ws.ask(ask).await? else { return Ok(None) };
    let refused = |host: &LinkState| ws.with_plan(|ctx| refusal(&incident, host, ctx)).is_some();
    for id in found.into_iter().filter(|id| *id != state.link.id) {
        let Some(host) = ws.load(id).await? else { continue };
        // Of two that are new, the first one gets the record.
        if host.link.life == Life::Creating && id > state.link.id || !host.link.frozen.is_empty() {
            continue;
        }
        if host.link.life == Life::Live && refused(&host) {
            continue;
        }
        let _its = super::siblings::lock(ws, &host.link).await;
        let Some(mut host) = ws.load(id).await? else { continue };
        match host.link.life {
            Life::Creating if host.link.frozen.is_empty() && host.link.error.is_empty() => {
                return Ok(Some(Next::Later));
            }
            Life::Live if host.link.role == Role::Primary => {}
            _ => continue,
        }
        if refused(&host) {
            continue;
        }
        match look(ws, &mut host).await? {
            Look::Open => {}
            Look::Not => continue,
            Look::Later => return Ok(Some(Next::Later)),
        }
        if refused(&host) {
            continue;
        }
        return enter(ws, state, &host, None).await.map(Some);
    }
    Ok(None)
}

/// Takes the record up that names this incident, or a place in it where others have it by now.
async fn take_own(ws: &Ws, state: &mut LinkState, record: Record, asked: Stamp) -> Result<Next, Halt> {
    if let Some(next) = come_back(ws, state, &record.sys_id).await? {
        return Ok(next);
    }
    let mut split = false;
    if state.incident.as_ref().is_some_and(|i| i.comments_count > 0) {
        if ws.is_down(Side::Sentinel) {
            return Ok(Next::Later);
        }
        match joined_comment(ws, &state.link.incident.clone()).await {
            Ok(found) => split = found.is_some(),
            Err(error) if error.is_side_wide() => return Ok(Next::Later),
            Err(error) if error.kind == FaultKind::NotFound => {}
            Err(error) => return link_failed(ws, state, &error, None).await,
        }
    }
    if split {
        // It was split off since: it joins nobody, and nobody joins it, from the very transaction on in which the
        // record is its own. Nobody could have joined it before that: it had none.
        state.link.group = Group::default();
    }
    adopt(ws, state, None, record, (asked, Proof::Reading)).await
}

/// Gives the incident that a record names its place beside those that have the record by now; `None` when nobody
/// has. They work under the lock of this very incident.
async fn come_back(ws: &Ws, state: &mut LinkState, sys_id: &SysId) -> Result<Option<Next>, Halt> {
    let Some(mut host) = lead_of(ws, &state.link, sys_id).await? else { return Ok(None) };
    match look(ws, &mut host).await? {
        Look::Open => enter(ws, state, &host, Some(Stamp(0))).await.map(Some),
        Look::Not | Look::Later => Ok(Some(Next::Later)),
    }
}

/// The link that stands for a record among those of others that are kept in step with it.
async fn lead_of(ws: &Ws, link: &Link, sys_id: &SysId) -> Result<Option<LinkState>, Halt> {
    let ids = vec![sys_id.clone()];
    let ask = Ask::ByRecord(ws.key.clone(), link.instance.clone(), link.table.clone(), ids);
    let Told::Links(all) = ws.ask(ask).await? else { return Ok(None) };
    let lives = |s: &LinkState| s.link.id != link.id && s.link.life == Life::Live && s.link.role.syncs();
    let shares = |s: &LinkState| !s.link.group.keys.is_empty();
    let found = all.into_iter().filter(|s| lives(s) && shares(s));
    Ok(found.min_by_key(|s| (s.link.role != Role::Primary, s.link.id)))
}

/// New links whose own records others have by now, because they took them over before the store was lost or since:
/// they come in beside them, as a record has one primary.
pub(super) async fn seat_new(ws: &Ws, links: &mut [Link]) -> Result<(), Halt> {
    let shares = |l: &Link| !l.group.keys.is_empty() && l.role == Role::Primary;
    let Some(first) = links.iter().find(|l| shares(l)) else { return Ok(()) };
    let place = (first.instance.clone(), first.table.clone());
    let ids = links.iter().filter(|l| shares(l)).map(|l| l.sys_id.clone()).collect();
    let Told::Links(all) = ws.ask(Ask::ByRecord(ws.key.clone(), place.0, place.1, ids)).await? else {
        return Ok(());
    };
    let holds = |l: &Link| l.role == Role::Primary && matches!(l.life, Life::Creating | Life::Live);
    for link in links.iter_mut().filter(|l| shares(l)) {
        if all.iter().any(|s| s.link.sys_id == link.sys_id && holds(&s.link)) {
            link.role = Role::Attached;
        }
    }
    Ok(())
}

/// What a look at a record says about joining it.
enum Look {
    Open,
    Not,
    Later,
}

/// Looks at the record of a host before anybody joins it: it may be gone, hidden, or somebody else's by now.
async fn look(ws: &Ws, host: &mut LinkState) -> Result<Look, Halt> {
    let asked = ws.steady();
    let record = match get_record(ws, host).await {
        Ok(record) => record,
        Err(error) if error.is_side_wide() => return Ok(Look::Later),
        Err(_) => return Ok(Look::Not),
    };
    if why_wrong(ws, host, &record).is_some() || unverifiable(ws, host, &record).is_some() {
        return Ok(Look::Not);
    }
    let version = record.mod_count;
    if host.record.as_ref().is_some_and(|known| known.mod_count != version)
        && take_record(ws, host, record, Turn { asked, ..Turn::default() }).await? == Next::Later
    {
        return Ok(Look::Later);
    }
    let taken = host.link.frozen.is_empty() && host.record.as_ref().is_some_and(|r| r.mod_count == version);
    if !taken {
        return Ok(Look::Not);
    }
    // A change of ours that is under way is settled first.
    let writes = |i: &Intent| matches!(i.kind, IntentKind::PatchRecord { .. } | IntentKind::AddNote { .. });
    let writes = host.open_intent().is_some_and(writes);
    Ok(if writes || super::siblings::waits(ws, host) { Look::Later } else { Look::Open })
}

/// The number of the incident that a record names.
fn number_of(host: &LinkState) -> i64 {
    host.incident.as_ref().map_or(0, |i| i.number)
}

/// Ties an incident to the record of its host. `joined` is since when, if it was so in an earlier life.
async fn enter(
    ws: &Ws,
    state: &mut LinkState,
    host: &LinkState,
    joined: Option<Stamp>,
) -> Result<Next, Halt> {
    let (Some(incident), Some(record)) = (state.incident.clone(), host.record.clone()) else {
        return Ok(Next::Later);
    };
    let mut link = Link {
        instance: host.link.instance.clone(),
        table: host.link.table.clone(),
        sys_id: record.sys_id.clone(),
        role: Role::Attached,
        life: Life::Live,
        failures: 0,
        error: String::new(),
        not_before: Stamp(0),
        pending: true,
        ..state.link.clone()
    };
    let named = host.link.group.host.as_ref().unwrap_or(&host.link.incident);
    let own = *named == link.incident;
    link.group.host = (!own).then(|| named.clone());
    let now = ws.steady();
    let mut bases = ws.with_plan(|ctx| joined_bases(&incident, &record, ctx, now));
    if joined.is_some() {
        let shape = &ws.settings().route.shape;
        let status = servicenow_value(&record, shape, Field::Status).unwrap_or_default();
        let table = &ws.settings().route.table;
        let open = ws.with_plan(|ctx| ctx.tables.is_closed_state(table, &status)) == Some(false);
        link.group.closed_alone = is_closed(&incident) && open;
        if !is_closed(&incident) && !open {
            // It was closed while nobody looked, or the other way round: a person decides.
            bases.retain(|b| b.field != Field::Status);
        }
    }
    let seen = LinkState { link: link.clone(), record: Some(record.clone()), ..state.clone() };
    let rows = match ws.read_journal(vec![record.sys_id.clone()], Stamp(0)).await {
        Ok(rows) => rows,
        Err(error) if error.is_side_wide() => return Ok(Next::Later),
        Err(error) => return link_failed(ws, state, &error, None).await,
    };
    let mut entries = said_before(ws.absorb_notes(&seen, &rows), joined.unwrap_or(ALWAYS));
    if !own {
        entries.extend(told(ws, &seen, &incident, &record, (number_of(host), joined.is_some())));
    }
    ws.recovered(if joined.is_some() { Recovery::JoinedAgain } else { Recovery::Joined });
    let number = escape_line(&record.number);
    let text = match joined {
        None => format!("joined {number}, which was made for incident {}", number_of(host)),
        Some(_) if own => format!("found again in {number}, which was made for it and has others by now"),
        Some(_) => format!("found again in {number}, which it had joined"),
    };
    let audit = ws.audit(state, "join", (Some(Side::ServiceNow), "record"), ("", &number), &text);
    let event = ws.event(Level::Change, Some(state.link.id), ws.subject(state), text);
    let mut wake: Vec<LinkId> = super::siblings::others(host);
    if host.link.id.0 > 0 {
        wake.push(host.link.id);
    }
    let (audit, events) = (vec![audit], vec![event]);
    let mut turn = Turn { link: Some(link), bases, entries, audit, events, wake, ..Turn::default() };
    if host.link.id.0 == 0 {
        // Nobody else here knows the record yet.
        turn.record = Some(record);
    }
    ws.save(state, turn).await?;
    // It has others beside it from now on.
    if let Some(fresh) = ws.load(state.link.id).await? {
        *state = fresh;
    }
    Ok(Next::Again)
}

/// What both sides are told of it: the record by a note, the incident by a comment that leads back to the record.
fn told(
    ws: &Ws,
    state: &LinkState,
    incident: &crate::model::Incident,
    record: &Record,
    (host, again): (i64, bool),
) -> Vec<Entry> {
    let now = ws.now().utc;
    let own = |id: &str, text: &str| {
        own_entry(state, CommentOrigin::Sync, id, "diptych", text, now, &ws.shared.keys)
    };
    let note = format!(
        "Microsoft Sentinel incident {} was added to this record: {}\n{}",
        incident.number,
        incident.title.line(),
        incident.url.line()
    );
    let text = joined_text(&incident.id, record, host, &ws.shared.keys);
    let (to_record, to_incident) =
        if again { (Delivery::None, Delivery::Delivered) } else { (Delivery::Waiting, Delivery::Waiting) };
    vec![
        Entry { to_servicenow: to_record, ..own(GUEST, &note) },
        Entry { to_servicenow: Delivery::None, to_sentinel: to_incident, ..own(JOINED, &text) },
    ]
}

/// Looks for the record that an incident joined in an earlier life of the store: a comment of ours tells.
async fn join_again(ws: &Ws, state: &mut LinkState) -> Result<Option<Next>, Halt> {
    if ws.is_down(Side::Sentinel) {
        return Ok(Some(Next::Later));
    }
    let id = state.link.incident.clone();
    let found = match joined_comment(ws, &id).await {
        Ok(found) => found,
        Err(error) if error.is_side_wide() => return Ok(Some(Next::Later)),
        Err(error) if error.kind == FaultKind::NotFound => return Ok(None),
        Err(error) => return link_failed(ws, state, &error, None).await.map(Some),
    };
    let Some((sys_id, since)) = found else { return Ok(None) };
    let call = DeskCall::Get { table: state.link.table.clone(), shape: ws.shape(), sys_id };
    let asked = ws.steady();
    let record = match ws.read_record_desk(call).await {
        Ok(answer) => match answer.value {
            DeskReply::Record(record) => *record,
            _ => return Ok(Some(Next::Later)),
        },
        Err(error) if error.is_side_wide() => return Ok(Some(Next::Later)),
        Err(error) if error.kind == FaultKind::NotFound => return Ok(None),
        Err(error) => return link_failed(ws, state, &error, None).await.map(Some),
    };
    let named = record.value(&ws.settings().route.shape.correlation_id).map(read_correlation);
    let Some(Correlation::Ours(key, named)) = named else { return Ok(None) };
    if key != ws.key.as_str() || named == id {
        return Ok(None);
    }
    let mut host = Link::new(
        ws.key.clone(),
        named,
        (state.link.instance.clone(), state.link.table.clone(), record.sys_id.clone()),
        ws.steady(),
    );
    host.life = Life::Live;
    host.group.keys.clone_from(&state.link.group.keys);
    let _its = super::siblings::lock(ws, &host).await;
    let ids = vec![host.incident.clone()];
    let Told::Links(known) = ws.ask(Ask::ByIncident(ws.key.clone(), ids)).await? else { return Ok(None) };
    if known.iter().any(|s| s.link.life == Life::Creating) {
        // Its record is taken up first, whatever is in its way.
        return Ok(Some(Next::Later));
    }
    let host = match lead_of(ws, &state.link, &record.sys_id).await? {
        Some(mut stored) => match look(ws, &mut stored).await? {
            Look::Open => stored,
            Look::Not => return Ok(None),
            Look::Later => return Ok(Some(Next::Later)),
        },
        None => {
            let incident = known.into_iter().find_map(|s| s.incident);
            LinkState { incident, record: Some(record), record_seen: asked, ..LinkState::new(host) }
        }
    };
    enter(ws, state, &host, Some(since)).await.map(Some)
}

/// The record that a comment of ours names, and since when.
async fn joined_comment(ws: &Ws, id: &IncidentId) -> Result<Option<(SysId, Stamp)>, crate::model::CallError> {
    let mut next = None;
    loop {
        let call = SentinelCall::Comments(id.clone(), next.take());
        let SentinelReply::Comments(page) = ws.read_sentinel(call).await?.value else { return Ok(None) };
        for comment in page.comments.iter().filter(|c| is_joined(id, &c.id)) {
            let text = html_to_text(comment.message.raw());
            if let Some(found) = joined_record(id, &text, &ws.shared.keys) {
                return Ok(Some((found, comment.created)));
            }
        }
        match page.next {
            Some(link) => next = Some(link),
            None => return Ok(None),
        }
    }
}
