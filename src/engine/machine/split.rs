//! An incident leaves a record that it shares, because a person ordered it: it gets a record of its own, and
//! joins no other one any more.

use crate::model::ledger::{Ask, Told};
use crate::model::{Command, CommentOrigin, Delivery, Entry, EntryId, Group, Link, LinkId, LinkState, Role};
use crate::sync::conversation::own_entry;
use crate::sync::identity::derived_sys_id;
use crate::sync::shared_comment::waits_for_room;
use crate::text::{Stamp, escape_line};

use super::ctx::{Halt, Ws};

/// In a transaction: the first of its own new links.
const NEW: LinkId = LinkId(-1);

/// Ends the link of a guest and begins a new one, in one transaction.
pub(super) async fn split_off(ws: &Ws, state: &mut LinkState, command: &Command) -> Result<(), Halt> {
    let ids = vec![state.link.incident.clone()];
    let Told::Links(all) = ws.ask(Ask::ByIncident(ws.key.clone(), ids)).await? else { return Ok(()) };
    let ordinal = all.iter().map(|s| s.link.ordinal + 1).max().unwrap_or(1);
    let host = ws.load(state.host()).await?;
    let who = escape_line(&command.who);
    let number = state.record.as_ref().map(|r| escape_line(&r.number)).unwrap_or_default();
    let mut text = format!("split off from {number} by {who}; it gets a record of its own");
    let said = carried(state);
    let waits = |e: &&Entry| e.to_sentinel == Delivery::Waiting || e.to_servicenow == Delivery::Waiting;
    match said.iter().filter(waits).count() {
        0 => {}
        1 => text.push_str("; 1 entry that waited goes with it"),
        n => text.push_str(&format!("; {n} entries that waited go with it")),
    }
    let mut turn = super::unlink::ended(ws, state, command);
    for row in &mut turn.audit {
        if row.act == "unlink" {
            row.act = "split".into();
            row.after = "split".into();
        }
    }
    for event in &mut turn.events {
        event.text.clone_from(&text);
    }
    for update in turn.commands.iter_mut().filter(|c| c.id == command.id) {
        update.result.clone_from(&text);
    }
    let link = anew(ws, state, ordinal);
    turn.said = said;
    turn.said.extend(host.filter(|h| h.link.id != state.link.id).map(|h| told(ws, &h, state, command)));
    turn.wake = super::siblings::others(state);
    turn.new_links = vec![link];
    ws.save(state, turn).await
}

/// The link by which the incident gets its own record. It has no keys: nobody joins it, and it joins nobody.
fn anew(ws: &Ws, state: &LinkState, ordinal: u32) -> Link {
    let route = &ws.settings().route;
    let (instance, table) = (route.instance.clone(), route.table.clone());
    let sys_id = derived_sys_id(&ws.key, &state.link.incident, &instance, &table, ordinal);
    let now = ws.now().utc;
    let mut link = Link::new(ws.key.clone(), state.link.incident.clone(), (instance, table, sys_id), now);
    link.ordinal = ordinal;
    link.role = Role::Primary;
    link.in_filter = state.link.in_filter;
    link.pending = true;
    link.group = Group::default();
    if let Some(incident) = &state.incident {
        link.unread = incident.comments_count > 0;
        link.evidence.unread = ws.asks_for_alerts(&link.evidence, incident);
    }
    link
}

/// What of ours stands in the incident from before: the new record is not told of it as if it were news. What waits
/// for the incident still goes there, and what was written in the console for a record goes to the new one.
fn carried(state: &LinkState) -> Vec<Entry> {
    let ours = |e: &&Entry| e.origin != CommentOrigin::Sentinel && !e.sentinel_id.is_empty();
    let kept = |e: &Entry| {
        // The same comment under the same id is one comment, whether or not it stands there by now.
        let to_sentinel = match e.to_sentinel {
            Delivery::Waiting | Delivery::Sending => Delivery::Waiting,
            Delivery::Held if waits_for_room(e) => Delivery::Held,
            Delivery::Delivered => Delivery::Delivered,
            _ => Delivery::None,
        };
        let unsaid = e.origin == CommentOrigin::Console && e.to_servicenow == Delivery::Waiting;
        let waits = unsaid || matches!(to_sentinel, Delivery::Waiting | Delivery::Held);
        Entry {
            id: EntryId(0),
            link: NEW,
            to_sentinel,
            to_servicenow: if unsaid { Delivery::Waiting } else { Delivery::None },
            marker: if unsaid { e.marker.clone() } else { String::new() },
            journal_id: String::new(),
            reason: match waits {
                true => e.reason.clone(),
                false => "said while the incident shared another record".into(),
            },
            ..e.clone()
        }
    };
    // What is said of every record by itself is said of the new one.
    let own = |e: &&Entry| e.origin != CommentOrigin::Sync || e.to_sentinel == Delivery::Delivered;
    state.entries.iter().filter(ours).filter(own).map(kept).collect()
}

/// What the record is told that the incident leaves.
fn told(ws: &Ws, host: &LinkState, state: &LinkState, command: &Command) -> Entry {
    let number = state.incident.as_ref().map_or(0, |i| i.number);
    let text = format!(
        "Microsoft Sentinel incident {number} was split off by {} and has a record of its own from now on.",
        escape_line(&command.who)
    );
    let (key, at): (String, Stamp) = (format!("split/{}", state.link.id), ws.now().utc);
    own_entry(host, CommentOrigin::Sync, &key, "diptych", &text, at, &ws.shared.keys)
}
