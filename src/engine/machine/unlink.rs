//! The end of a link by a person: nothing crosses any more, nothing is deleted on either side, and its
//! incident gets no new record by itself.

use crate::model::ledger::CommandUpdate;
use crate::model::view::Level;
use crate::model::{
    Command, CommandState, CommentOrigin, Delivery, Entry, Evidence, Intent, IntentState, Life, Link,
    LinkState, Related, Side,
};
use crate::mutant::{self, Mutant};
use crate::text::{Stamp, escape_line};

use super::ctx::Ws;
use super::turn::Turn;

/// Why words do not cross that waited to.
const ENDED: &str = "the link was ended before all of it was sent";

/// The turn that ends a link. What was under way is settled by then, unless its side is gone; what waits is
/// sent no more.
pub(super) fn ended(ws: &Ws, state: &LinkState, command: &Command) -> Turn {
    let who = escape_line(&command.who);
    let number = state.record.as_ref().map(|r| escape_line(&r.number)).unwrap_or_default();
    let entries: Vec<Entry> = state.entries.iter().filter_map(unsent).collect();
    // Words of our own say nothing to anybody who would miss them.
    let words = entries.iter().filter(|e| e.origin != CommentOrigin::Sync).count();
    let mut text = format!("unlinked by {who}; nothing was deleted, and nothing crosses any more");
    if words > 0 {
        text.push_str(&format!("; {words} words that waited were not sent"));
    }
    let mut audit = ws.audit(state, "unlink", (None, "link"), (&number, "unlinked"), "ordered by a person");
    audit.who = who;
    let mut audit = vec![audit];
    let sent = |i: &&Intent| i.state.is_open() && i.state != IntentState::Planned;
    let open = state.intents.iter().filter(sent);
    audit.extend(open.flat_map(|i| super::gone::unproven(ws, state, i)));
    let left = |i: &&Intent| i.state.is_open() || i.state == IntentState::Parked;
    ws.memory(|m| {
        let id = state.link.id;
        m.unsure.remove(&id);
        m.unverified.remove(&id);
        m.reread.remove(&id);
        m.missing.retain(|(link, _), _| *link != id);
    });
    let mut commands = ws.refuse_taken(state.link.id, ENDED);
    commands.retain(|c| c.id != command.id);
    commands.push(CommandUpdate { id: command.id, state: CommandState::Done, result: text.clone() });
    Turn {
        link: Some(Link {
            life: if mutant::is_on(Mutant::UnlinkedStillWritten) { state.link.life } else { Life::Unlinked },
            frozen: String::new(),
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
        entries,
        intents: state
            .intents
            .iter()
            .filter(left)
            .map(|i| ws.update(i, IntentState::Replanned, ENDED.into()))
            .collect(),
        commands,
        audit,
        events: vec![ws.event(Level::Warning, Some(state.link.id), ws.subject(state), text)],
        ..Turn::default()
    }
}

/// An entry that waits for a side, as one that does so no longer.
fn unsent(entry: &Entry) -> Option<Entry> {
    let mut ended = entry.clone();
    for side in [Side::Sentinel, Side::ServiceNow] {
        if matches!(entry.delivery(side), Delivery::Waiting | Delivery::Sending) {
            ended.set_delivery(side, Delivery::None);
            ended.reason = ENDED.into();
        }
    }
    (ended != *entry).then_some(ended)
}
