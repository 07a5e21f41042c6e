//! Records that Microsoft's store app made: watched while it works, taken up once it is switched off.

use crate::model::call::{DeskCall, DeskReply, RecordQuery};
use crate::model::settings::{BornClosed, StoreApp};
use crate::model::view::Level;
use crate::model::{
    Base, CallError, CommentOrigin, Delivery, Entry, Incident, IntentState, Life, Link, LinkState, Record,
    Role, Side,
};
use crate::sync::conversation::LINKED;
use crate::sync::hand_over::{is_store_apps, makers, said_before, store_app_ids, unnamed};
use crate::sync::plan::plan;
use crate::sync::values::is_closed;
use crate::text::{Stamp, escape_line};

use super::ctx::{Halt, Ws};
use super::entry_work::{has_waiting, read_comments};
use super::failure::link_failed;
use super::link_work::{Next, look_up};
use super::recovery::Recovery;
use super::turn::Turn;

/// Looks for the record that the store app made for an incident, and takes it up as one that is watched.
/// `None` when there is none.
pub(super) async fn find(ws: &Ws, state: &mut LinkState) -> Result<Option<Next>, Halt> {
    if ws.is_down(Side::ServiceNow) {
        return Ok(Some(Next::Later));
    }
    let found = match look(ws, state).await {
        Ok(found) => found,
        Err(error) if error.is_side_wide() => return Ok(Some(Next::Later)),
        Err(error) => return link_failed(ws, state, &error, None).await.map(Some),
    };
    let others = found.len().saturating_sub(1);
    let oldest = found.into_iter().min_by_key(Record::age_order);
    let Some(record) = oldest else { return Ok(None) };
    ws.recovered(Recovery::TakenOver);
    let number = escape_line(&record.number);
    let link = Link {
        sys_id: record.sys_id.clone(),
        life: Life::Live,
        role: Role::Watched,
        unread: true,
        pending: true,
        failures: 0,
        error: String::new(),
        not_before: Stamp(0),
        ..state.link.clone()
    };
    // A create of ours that was refused has left its first note: this record needs none.
    let given_up = |e: &&Entry| e.origin == CommentOrigin::Sync && e.origin_id == LINKED;
    let entries = state.entries.iter().filter(given_up);
    let entries = entries.map(|e| Entry { to_servicenow: Delivery::None, ..e.clone() }).collect();
    let mut text = format!("found {number}, which the store app made for this incident; it is watched");
    if others > 0 {
        text.push_str(&format!(", being the oldest of {}", others + 1));
    }
    let level = if others > 0 { Level::Warning } else { Level::Change };
    let audit = ws.audit(state, "watch", (Some(Side::ServiceNow), "record"), ("", &number), &text);
    let event = ws.event(level, Some(state.link.id), ws.subject(state), text);
    let (audit, events) = (vec![audit], vec![event]);
    let turn = Turn { link: Some(link), entries, audit, events, ..Turn::default() };
    super::adopt::adopt_with_journal(ws, state, record, turn).await.map(Some)
}

/// Records of the store app for an incident; every row was checked.
async fn look(ws: &Ws, state: &LinkState) -> Result<Vec<Record>, CallError> {
    let (settings, incident) = (ws.settings(), &state.link.incident);
    let call = DeskCall::Records {
        table: state.link.table.clone(),
        shape: ws.shape(),
        query: RecordQuery::Correlation(store_app_ids(&settings.name, incident)),
    };
    let DeskReply::Page(page) = ws.read_record_desk(call).await?.value else { return Ok(Vec::new()) };
    let correlation = &settings.route.shape.correlation_id;
    let theirs =
        |r: &Record| r.value(correlation).is_some_and(|c| is_store_apps(c, &settings.name, incident));
    Ok(page.records.into_iter().filter(theirs).collect())
}

/// One turn of a link that is watched.
pub(super) async fn watch(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    let mode = ws.settings().store_app;
    let id = state.link.id;
    if state.link.life == Life::Live && ws.memory(|m| m.unsure.contains(&id)) {
        return super::observation::look_at_incident(ws, state).await;
    }
    if state.link.life == Life::Creating {
        if mode != StoreApp::Watch {
            let closed = state.incident.as_ref().is_some_and(is_closed);
            if closed && ws.settings().born_closed == BornClosed::Skip {
                // Closed before it was ours.
                return Ok(Next::Settled);
            }
            // Nothing was found as long as it was looked for: it may be made now.
            let link = Link { role: role_of(state), ..state.link.clone() };
            ws.save(state, Turn { link: Some(link), ..Turn::default() }).await?;
            return Ok(Next::Again);
        }
        return Ok(find(ws, state).await?.unwrap_or(Next::Settled));
    }
    if state.link.unread {
        return read_comments(ws, state).await;
    }
    match mode {
        StoreApp::Adopt => take_over(ws, state).await,
        StoreApp::Watch | StoreApp::Ignore => Ok(Next::Settled),
    }
}

/// One turn of any other link while the store app works: nothing at all is written in the workspace. A record
/// that the app made and that was taken up before is served by the app again, so it is watched like the
/// others; one of ours waits until the app is switched off. `None` where something is still to be found out.
pub(super) async fn stand_back(ws: &Ws, state: &mut LinkState) -> Result<Option<Next>, Halt> {
    let link = &state.link;
    if ws.settings().store_app != StoreApp::Watch || link.role == Role::Watched {
        return Ok(None);
    }
    // What was sent before may have been applied.
    if state.open_intent().is_some_and(|i| i.state != IntentState::Planned) {
        return Ok(None);
    }
    let ours = link.role == Role::Primary && link.life <= Life::Live && link.frozen.is_empty();
    if ours && state.open_intent().is_none() && (link.life == Life::Creating || is_served(ws, state)) {
        let text = "watched from now on: the store app works, so nothing is written for it".to_owned();
        let audit = vec![ws.audit(state, "watch", (None, "link"), ("", ""), &text)];
        let events = vec![ws.event(Level::Change, Some(link.id), ws.subject(state), text)];
        let why = "the store app serves this record, and store_app is \"watch\": it was not sent";
        let commands = ws.refuse_taken(link.id, why);
        let ordered = |e: &&Entry| e.origin == CommentOrigin::Console && !commands.is_empty();
        let entries = state.entries.iter().filter(ordered).filter_map(|e| kept_back(e, why)).collect();
        let link = Link { role: Role::Watched, ..link.clone() };
        ws.save(state, Turn { link: Some(link), audit, events, commands, entries, ..Turn::default() })
            .await?;
        return Ok(Some(Next::Again));
    }
    if ours && link.unread && !ws.is_down(Side::Sentinel) {
        // What is said is known before somebody edits it or deletes it.
        return read_comments(ws, state).await.map(Some);
    }
    let idle = match ours {
        true => {
            let made = ws.with_plan(|ctx| plan(state, ctx, ws.steady()));
            let (decided, asks) = (made.bases.is_empty() && made.notes.is_empty(), !made.lookups.is_empty());
            made.writes_nothing() && decided && !asks && !has_waiting(state, false)
        }
        false => !link.pending,
    };
    let waits = state.open_intent().is_some() || !idle;
    Ok(Some(if waits { Next::Later } else { Next::Settled }))
}

/// Words of a command that is refused, as ones that go nowhere by themselves.
fn kept_back(entry: &Entry, why: &str) -> Option<Entry> {
    let mut kept = entry.clone();
    for side in [Side::Sentinel, Side::ServiceNow] {
        if kept.delivery(side) == Delivery::Waiting {
            kept.set_delivery(side, Delivery::Held);
            kept.reason = why.to_owned();
        }
    }
    (kept != *entry).then_some(kept)
}

/// True for a link to a record that the store app made, by what it carries.
fn is_served(ws: &Ws, state: &LinkState) -> bool {
    let (settings, incident) = (ws.settings(), &state.link.incident);
    let carried = state.record.as_ref().and_then(|r| r.value(&settings.route.shape.correlation_id));
    carried.is_some_and(|c| is_store_apps(c, &settings.name, incident))
}

/// What a link means that is watched no longer.
fn role_of(state: &LinkState) -> Role {
    if state.incident.as_ref().is_some_and(Incident::is_merged) { Role::Merged } else { Role::Primary }
}

/// The link becomes ours. What both sides say at this moment is read first: the store app may have
/// carried something over since it was last looked at.
async fn take_over(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    let id = state.link.id;
    if ws.is_down(Side::ServiceNow) || ws.is_down(Side::Sentinel) {
        return Ok(Next::Later);
    }
    // Its notes may name it otherwise than its record does (seed 9834587).
    if let Some(key) = unnamed(state, &ws.directory()) {
        return look_up(ws, vec![key]).await;
    }
    if !ws.memory(|m| m.taking_over.contains(&id)) {
        let link = Link { unread: true, ..state.link.clone() };
        ws.save(state, Turn { link: Some(link), ..Turn::default() }).await?;
        let next = super::observation::refresh_record(ws, state).await?;
        if next == Next::Again {
            ws.memory(|m| m.taking_over.insert(id));
        }
        return Ok(next);
    }
    ws.memory(|m| m.taking_over.remove(&id));
    let entries = said_before(state, &makers(state, &ws.directory()));
    let text = format!(
        "taken over from the store app; {} of {} entries are on both sides already",
        entries.len(),
        state.entries.len()
    );
    let audit = ws.audit(state, "take_over", (None, "link"), ("", ""), &text);
    let event = ws.event(Level::Change, Some(id), ws.subject(state), text);
    let link = Link { role: role_of(state), pending: true, ..state.link.clone() };
    let mut bases = wording(ws, state);
    if let Some(record) = &state.record {
        bases.extend(super::adopt::custom_of_found(ws, state, record, ws.steady()));
    }
    let (audit, events) = (vec![audit], vec![event]);
    ws.save(state, Turn { link: Some(link), bases, entries, audit, events, ..Turn::default() }).await?;
    Ok(Next::Again)
}

/// What is on both sides already of a link that was to be taken over, now that its incident is gone: the rest
/// of its words still goes to the record. `None` for any other link.
pub(super) fn taken_without_incident(ws: &Ws, state: &LinkState) -> Option<Vec<Entry>> {
    let waits = state.link.role == Role::Watched && ws.settings().store_app == StoreApp::Adopt;
    state.record.as_ref().filter(|_| waits)?;
    Some(said_before(state, &makers(state, &ws.directory())))
}

/// Bases of title and description, which stay as the store app words them.
fn wording(ws: &Ws, state: &LinkState) -> Vec<Base> {
    let (Some(incident), Some(record)) = (&state.incident, &state.record) else { return Vec::new() };
    ws.with_plan(|ctx| crate::sync::tie::wording(incident, record, ctx, ws.steady()))
}
