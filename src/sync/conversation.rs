//! The conversation of a link: which entries are new, and which are ours.
//!
//! Every entry is mirrored exactly once. Entries are known by the key that their own system
//! gave them; copies of ours are known by a key that we chose (comment id) or made (marker).

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::model::{
    Comment, CommentOrigin, Delivery, Entry, EntryId, Incident, IncidentId, JournalEntry, LinkState, Role,
};
use crate::mutant::{self, Mutant};
use crate::text::{Stamp, UntrustedText};

use super::customer;
use super::hand_over::{BY_THE_APP, is_the_apps};
use super::identity::comment_id;
use super::journal_text::{is_verbatim, read_otherwise};
use super::marker::{self, MarkerKeys};
use super::markup::{customer_text, html_to_text, note_text};
use super::shared_comment::{held_in, is_shared};

/// Origin id of the first note of a record, which says where it comes from.
pub const LINKED: &str = "linked";
/// Reason of a journal row that turned out to be a copy of ours.
pub const KNOWN_AGAIN: &str = "a copy of ours, known again by its marker";
/// Reason of a journal row in the name of our own user that nothing shows to be ours (D9).
pub const UNVERIFIED: &str = "written by our own user without a marker that verifies";
/// Comments that an incident takes (sentinel-api 5.3).
pub const COMMENTS_PER_INCIDENT: usize = 100;

/// Entries that change when these comments are seen: new ones, edited ones, and copies of ours
/// that turn out to have arrived.
pub fn absorb_comments(state: &LinkState, comments: &[Comment], keys: &MarkerKeys) -> Vec<Entry> {
    let mut changed: Vec<Entry> = Vec::new();
    let incident = &state.link.incident;
    for comment in comments {
        let echo = mutant::is_on(Mutant::OwnCommentsEcho);
        if is_shared(incident, &comment.id) && !echo {
            changed.extend(held_in(state, &comment.id, comment.message.raw()));
            continue;
        }
        // From before the store was lost, or the incident was split off.
        let known = |e: &Entry| e.sentinel_id == comment.id;
        if super::aggregation::is_joined(incident, &comment.id) && !state.entries.iter().any(known) {
            continue;
        }
        let ours = state.entries.iter().find(|e| {
            !e.sentinel_id.is_empty() && e.origin != CommentOrigin::Sentinel && e.sentinel_id == comment.id
        });
        if let Some(entry) = ours.filter(|_| !echo) {
            if entry.to_sentinel != Delivery::Delivered {
                let mut entry = entry.clone();
                entry.to_sentinel = Delivery::Delivered;
                entry.reason.clear();
                changed.push(entry);
            }
            continue;
        }
        let text = html_to_text(comment.message.raw());
        let hash = short_hash(comment.message.raw());
        let known = state
            .entries
            .iter()
            .filter(|e| e.origin == CommentOrigin::Sentinel && original_id(&e.origin_id) == comment.id)
            .collect::<Vec<_>>();
        let Some(_first) = known.first() else {
            let mut entry = from_sentinel(state, comment, &comment.id, text, keys, incident);
            if is_the_apps(comment.message.raw()) {
                entry.reason = BY_THE_APP.to_owned();
            }
            if let Some(found) = orphan(state, CommentOrigin::Sentinel, &comment.id, keys) {
                entry.to_servicenow = Delivery::Delivered;
                entry.journal_id.clone_from(&found.journal_id);
                changed.push(recognised(found));
            }
            changed.push(entry);
            continue;
        };
        let edit_id = format!("{}#{hash}", comment.id);
        let seen = known.iter().any(|e| e.origin_id == edit_id || e.text.raw() == text);
        if !seen {
            let note = format!("(edited) {text}");
            let mut entry = from_sentinel(state, comment, &edit_id, note, keys, incident);
            entry.at = comment.modified.max(comment.created);
            changed.push(entry);
        }
    }
    changed
}

/// The row of the journal that carries our marker for this origin already, held because its
/// origin was not known when it was read: after a lost store the journal may come first.
fn orphan<'a>(
    state: &'a LinkState,
    origin: CommentOrigin,
    origin_id: &str,
    keys: &MarkerKeys,
) -> Option<&'a Entry> {
    state.entries.iter().find(|e| {
        e.origin == CommentOrigin::ServiceNow
            && !e.marker.is_empty()
            && keys.verifies(&e.marker, &state.link.incident, origin.word(), origin_id)
    })
}

/// The orphaned row, known from now on as our own.
fn recognised(orphan: &Entry) -> Entry {
    Entry { to_sentinel: Delivery::None, marker: String::new(), reason: KNOWN_AGAIN.into(), ..orphan.clone() }
}

fn from_sentinel(
    state: &LinkState,
    comment: &Comment,
    origin_id: &str,
    text: String,
    keys: &MarkerKeys,
    incident: &IncidentId,
) -> Entry {
    Entry {
        id: EntryId(0),
        link: state.link.id,
        origin: CommentOrigin::Sentinel,
        origin_id: origin_id.to_owned(),
        author: named(state, comment.author.raw()),
        at: comment.created,
        text: UntrustedText::new(text),
        sentinel_id: comment.id.clone(),
        to_sentinel: Delivery::None,
        marker: keys.make(incident, CommentOrigin::Sentinel.word(), origin_id),
        journal_id: String::new(),
        to_servicenow: Delivery::Waiting,
        reason: String::new(),
    }
}

/// Who wrote an entry; in a record of several incidents, in which of them.
fn named(state: &LinkState, author: &str) -> UntrustedText {
    let shared = state.is_shared() || state.link.role == Role::Attached;
    match state.incident.as_ref().filter(|_| shared) {
        Some(incident) => UntrustedText::new(format!("{author} (incident {})", incident.number)),
        None => UntrustedText::new(author),
    }
}

/// Id of the comment behind an entry's origin id, without the mark of an edit.
fn original_id(origin_id: &str) -> &str {
    origin_id.split('#').next().unwrap_or(origin_id)
}

/// Entries that change when these journal rows are seen. `own_users` are the logins we write
/// with: a row by one of them is ours if its marker is one of this link's, and held otherwise (D9).
pub fn absorb_journal(
    state: &LinkState,
    rows: &[JournalEntry],
    own_users: &[String],
    notes_element: &str,
    keys: &MarkerKeys,
) -> Vec<Entry> {
    let mut changed: Vec<Entry> = Vec::new();
    let incident = &state.link.incident;
    let read = |element: &str| element == notes_element || element == customer::COLUMN;
    for row in rows.iter().filter(|r| read(&r.element) && r.record == state.link.sys_id) {
        let key = row.sys_id.as_str();
        let is_own = !row.created_by.is_empty()
            && own_users.iter().any(|own| row.created_by.eq_ignore_ascii_case(own))
            && !mutant::is_on(Mutant::OwnNotesEcho);
        let believed = is_own || mutant::is_on(Mutant::MarkerWithoutAuthor);
        let marked = marker::find(row.text.raw());
        let found = marked.filter(|_| believed);
        if let Some(found) = marked
            && let Some(entry) = state.entries.iter().find(|e| {
                e.to_servicenow != Delivery::None
                    && (e.marker == found || keys.verifies(found, incident, e.origin.word(), &e.origin_id))
            })
            && (believed || says_ours(row, entry, notes_element))
        {
            if entry.to_servicenow != Delivery::Delivered || entry.journal_id.is_empty() {
                let mut entry = entry.clone();
                entry.to_servicenow = Delivery::Delivered;
                entry.journal_id = key.to_owned();
                entry.reason.clear();
                changed.push(entry);
            }
            continue;
        }
        if state.entries.iter().any(|e| e.origin == CommentOrigin::ServiceNow && e.origin_id == key)
            || state.entries.iter().any(|e| !e.journal_id.is_empty() && e.journal_id == key)
        {
            continue;
        }
        let text = customer::told(row, notes_element);
        if let Some(known) = read_otherwise(state, row, text.raw(), (rows, &changed)) {
            changed.push(Entry { journal_id: key.to_owned(), ..known.clone() });
            continue;
        }
        let mut entry = Entry { text, ..from_journal(state, row, is_own) };
        if let Some(found) = found {
            entry.marker = found.to_owned();
            let linked = keys.verifies(found, incident, CommentOrigin::Sync.word(), LINKED);
            if linked || super::evidence::is_listing(found, incident, keys) {
                entry = recognised(&entry);
            }
        }
        // A comment that was taken for somebody's is our own copy of this row, once its origin is known: after a
        // lost store the incident may come first.
        if let Some(copy) = state
            .entries
            .iter()
            .find(|e| e.origin == CommentOrigin::Sentinel && e.origin_id == entry.sentinel_id)
        {
            entry.to_sentinel = Delivery::Delivered;
            if matches!(copy.to_servicenow, Delivery::Waiting | Delivery::Held) {
                let copy = copy.clone();
                changed.push(Entry { to_servicenow: Delivery::None, reason: KNOWN_AGAIN.into(), ..copy });
            }
        }
        changed.push(entry);
    }
    changed
}

/// True for a row of a text that says one of our entries word for word.
fn says_ours(row: &JournalEntry, entry: &Entry, notes_element: &str) -> bool {
    match row.element == notes_element {
        true => is_verbatim(row, &note_text(entry)),
        // Whatever the first line was agreed to be.
        false => entry.text.raw().split_once('\n').is_some_and(|(_, said)| {
            let said = customer_text(entry, said.trim());
            is_verbatim(row, &said)
        }),
    }
}

fn from_journal(state: &LinkState, row: &JournalEntry, is_own: bool) -> Entry {
    let key = row.sys_id.as_str();
    let (to_sentinel, reason) = if is_own {
        (Delivery::Held, UNVERIFIED.to_owned())
    } else if row.created_by == "system" {
        (Delivery::None, "written by the instance itself".to_owned())
    } else {
        (Delivery::Waiting, String::new())
    };
    Entry {
        id: EntryId(0),
        link: state.link.id,
        origin: CommentOrigin::ServiceNow,
        origin_id: key.to_owned(),
        author: UntrustedText::new(row.created_by.clone()),
        at: row.created_on,
        text: row.text.clone(),
        sentinel_id: comment_id(&state.link.incident, CommentOrigin::ServiceNow.word(), key),
        to_sentinel,
        marker: String::new(),
        journal_id: key.to_owned(),
        to_servicenow: Delivery::None,
        reason,
    }
}

/// A new entry for both sides, written in the console or by the sync itself. `origin_id` makes
/// it unique: a command's number, or what the sync says.
pub fn own_entry(
    state: &LinkState,
    origin: CommentOrigin,
    origin_id: &str,
    author: &str,
    text: &str,
    at: Stamp,
    keys: &MarkerKeys,
) -> Entry {
    let incident = &state.link.incident;
    let both = origin == CommentOrigin::Console;
    Entry {
        id: EntryId(0),
        link: state.link.id,
        origin,
        origin_id: origin_id.to_owned(),
        author: if both { named(state, author) } else { UntrustedText::new(author) },
        at,
        text: UntrustedText::new(text),
        sentinel_id: comment_id(incident, origin.word(), origin_id),
        to_sentinel: if both { Delivery::Waiting } else { Delivery::None },
        marker: keys.make(incident, origin.word(), origin_id),
        journal_id: String::new(),
        to_servicenow: Delivery::Waiting,
        reason: String::new(),
    }
}

/// Sentinel stamps a comment and the incident that it moves at one moment; should it take two, they are no
/// further apart than this.
const ONE_MOMENT: Duration = Duration::from_secs(2);

/// True when an observation of the incident says that its comments are to be read: their number
/// is not what we know, or somebody moved its version while it has comments, any of which may
/// have been edited. A version that our own comment moved is marked by an empty one, and costs
/// no read, unless the incident was changed after that comment: what somebody edited then would be known by
/// the next full sweep only, and may be edited again by that time (seed 9834601).
pub fn comments_moved(state: &LinkState, now: &Incident) -> bool {
    if mutant::is_on(Mutant::CommentsByCountOnly) {
        return now.comments_count > state.link.comments_seen;
    }
    if now.comments_count != state.link.comments_seen {
        return true;
    }
    let moved = state.incident.as_ref().is_some_and(|i| match i.etag.as_str() {
        "" => i.commented.is_some_and(|at| now.modified > at.plus(ONE_MOMENT)),
        etag => etag != now.etag,
    });
    moved && now.comments_count > 0
}

fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
#[path = "conversation_tests.rs"]
mod tests;
