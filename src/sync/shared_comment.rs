//! Where an incident is nearly full: what is still to be said shares one comment, which grows (D27).
//!
//! An incident takes a hundred comments (sentinel-api 5.3). The last of them are kept for people in
//! Sentinel; each write of a shared comment says everything again that it said before.

use crate::model::{Delivery, Entry, IncidentId, LinkState};
use crate::mutant::{self, Mutant};

use super::conversation::COMMENTS_PER_INCIDENT;
use super::identity::comment_id;
use super::markup::{COMMENT_MAX, comment_html};

/// From so many comments on, words share one.
const SHARED_FROM: usize = 95;
/// Shared comments of one incident at most; each holds some hundred notes.
const MOST: u32 = 8;
const HEAD: &str = "<p><i>Further notes, together in one comment because an incident takes 100.</i></p>";

/// Why words are held for which there is no room, until there is some.
pub const NO_ROOM: &str = "the incident has 100 comments already, the most that Sentinel takes";

/// True for an entry that goes to Sentinel as soon as there is room for it.
pub fn waits_for_room(entry: &Entry) -> bool {
    entry.to_sentinel == Delivery::Held && entry.reason == NO_ROOM
}

/// Where an entry goes in Sentinel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into that comment, which then says this.
    Comment {
        /// Id of the comment.
        id: String,
        /// HTML-safe message.
        message: String,
        /// True for the first words of a shared comment: it may be there from before a lost store.
        begins: bool,
    },
    /// Nowhere: there are as many comments as an incident takes.
    NoRoom,
}

/// Id of a shared comment of an incident.
fn shared_id(incident: &IncidentId, ordinal: u32) -> String {
    comment_id(incident, "shared", &ordinal.to_string())
}

/// True for the id of a comment of ours that entries share.
pub fn is_shared(incident: &IncidentId, id: &str) -> bool {
    (0..MOST).any(|n| shared_id(incident, n) == id)
}

/// Where an entry goes in an incident that has so many comments. Once there is a shared comment, all
/// that follows goes there, so that the order is kept.
pub fn place(state: &LinkState, entry: &Entry, comments: usize) -> Place {
    let incident = &state.link.incident;
    let number = state.record.as_ref().map(|r| r.number.as_str()).unwrap_or_default();
    let members = |id: &str| -> Vec<&Entry> {
        let there =
            |e: &&Entry| e.sentinel_id == id && e.to_sentinel == Delivery::Delivered && e.id != entry.id;
        state.entries.iter().filter(there).collect()
    };
    let begun = (0..MOST).rev().map(|n| (n, members(&shared_id(incident, n)))).find(|(_, m)| !m.is_empty());
    let next = match begun {
        None if comments < SHARED_FROM => {
            let (id, message) = (entry.sentinel_id.clone(), comment_html(entry, number));
            return Place::Comment { id, message, begins: false };
        }
        None => 0,
        Some((ordinal, mut all)) => {
            if mutant::is_on(Mutant::SharedNewestOnly) {
                all.clear();
            }
            all.push(entry);
            let message = shared_html(all, number);
            if message.chars().count() <= COMMENT_MAX {
                return Place::Comment { id: shared_id(incident, ordinal), message, begins: false };
            }
            ordinal + 1
        }
    };
    if comments >= COMMENTS_PER_INCIDENT || next >= MOST {
        return Place::NoRoom;
    }
    let message = shared_html(vec![entry], number);
    Place::Comment { id: shared_id(incident, next), message, begins: true }
}

fn shared_html(mut entries: Vec<&Entry>, number: &str) -> String {
    entries.sort_by_key(|e| (e.at, e.id));
    let parts: Vec<String> = entries.into_iter().map(|e| comment_html(e, number)).collect();
    format!("{HEAD}{}", parts.join("<hr>"))
}

/// Entries that a shared comment turns out to hold, delivered by it: those that were on their way there,
/// and after a lost store all that it says. Of equal ones as many as there are in it.
pub fn held_in(state: &LinkState, id: &str, message: &str) -> Vec<Entry> {
    let number = state.record.as_ref().map(|r| r.number.as_str()).unwrap_or_default();
    let there = |e: &Entry| e.sentinel_id == id && e.to_sentinel == Delivery::Delivered;
    let mut found: Vec<Entry> = Vec::new();
    let missing = |e: &&Entry| !matches!(e.to_sentinel, Delivery::None | Delivery::Delivered);
    for entry in state.entries.iter().filter(missing) {
        let said = comment_html(entry, number);
        let known = state.entries.iter().filter(|e| there(e)).chain(&found);
        let same = known.filter(|e| comment_html(e, number) == said).count();
        if message.matches(&said).count() > same {
            let delivered = Entry { to_sentinel: Delivery::Delivered, ..entry.clone() };
            found.push(Entry { sentinel_id: id.to_owned(), reason: String::new(), ..delivered });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Comment, CommentOrigin, EntryId, InstanceKey, JournalEntry, Link, SysId, TableName, WorkspaceKey,
    };
    use crate::sync::conversation::{absorb_comments, absorb_journal};
    use crate::sync::marker::MarkerKeys;
    use crate::text::Stamp;

    fn keys() -> MarkerKeys {
        MarkerKeys::new([b"key".to_vec()])
    }

    /// A link with these notes waiting for Sentinel.
    fn state(notes: &[String]) -> LinkState {
        let record = (
            InstanceKey::new("sn").unwrap(),
            TableName::new("incident").unwrap(),
            SysId::new("a".repeat(32)),
        );
        let incident = IncidentId::new("11111111-2222-3333-4444-555555555555");
        let mut state =
            LinkState::new(Link::new(WorkspaceKey::new("prod").unwrap(), incident, record, Stamp(0)));
        let row = |(n, text): (usize, &String)| JournalEntry {
            sys_id: SysId::new(format!("j{n}")),
            record: SysId::new("a".repeat(32)),
            element: "work_notes".into(),
            text: text.clone().into(),
            created_on: Stamp(n as i64 * 1_000_000),
            created_by: "beth".into(),
        };
        let rows: Vec<JournalEntry> = notes.iter().enumerate().map(row).collect();
        state.entries = absorb_journal(&state, &rows, &["diptych".to_owned()], "work_notes", &keys());
        for (n, entry) in (1..).zip(&mut state.entries) {
            entry.id = EntryId(n);
        }
        state
    }

    /// Delivers every entry, beginning at so many comments; the comments by id, in the order in which
    /// they were made.
    fn deliver(state: &mut LinkState, mut comments: usize) -> Vec<(String, String)> {
        let mut written: Vec<(String, String)> = Vec::new();
        for n in 0..state.entries.len() {
            let Place::Comment { id, message, .. } = place(state, &state.entries[n], comments) else {
                continue;
            };
            assert!(message.chars().count() <= 30_000);
            state.entries[n].sentinel_id.clone_from(&id);
            state.entries[n].to_sentinel = Delivery::Delivered;
            match written.iter_mut().find(|(known, _)| *known == id) {
                Some((_, said)) => *said = message,
                None => {
                    comments += 1;
                    written.push((id, message));
                }
            }
        }
        written
    }

    #[test]
    fn the_last_comments_are_left_to_people_and_nothing_is_lost() {
        let notes: Vec<String> = (0..40).map(|n| format!("note {n:02}")).collect();
        let mut s = state(&notes);
        let written = deliver(&mut s, 90);
        assert_eq!(written.len(), 6, "five of their own and a shared one");
        for note in &notes {
            assert_eq!(written.iter().filter(|(_, m)| m.contains(note.as_str())).count(), 1, "{note}");
        }
        let shared = &written[5].1;
        assert!(shared.find("note 05").unwrap() < shared.find("note 39").unwrap());
    }

    #[test]
    fn a_full_one_is_followed_by_another_as_long_as_there_is_room() {
        let notes: Vec<String> = (0..30).map(|n| format!("{n:02}{}", "x".repeat(9_000))).collect();
        let mut s = state(&notes);
        let written = deliver(&mut s, 97);
        assert_eq!(written.len(), 3);
        let held = s.entries.iter().filter(|e| e.to_sentinel == Delivery::Waiting).count();
        assert_eq!(held, 30 - 9, "three of that size fit into one");
        assert_eq!(place(&state(&notes[..1]), &state(&notes[..1]).entries[0], 100), Place::NoRoom);
    }

    #[test]
    fn it_is_never_taken_for_somebodys_and_shows_who_is_in_it() {
        let mut s = state(&["one".to_owned(), "two".to_owned()]);
        let Place::Comment { id, message, begins: true } = place(&s, &s.entries[0], 95) else {
            panic!("no room")
        };
        for entry in &mut s.entries {
            entry.sentinel_id.clone_from(&id);
            entry.to_sentinel = Delivery::Sending;
        }
        let read = Comment { id, message: message.into(), author: "app".into(), ..Comment::default() };
        let found = absorb_comments(&s, std::slice::from_ref(&read), &keys());
        let arrived: Vec<&str> = found.iter().map(|e| e.text.raw()).collect();
        assert_eq!(arrived, ["one"], "the other one is not in it");
        let lost = state(&[]);
        let again = absorb_comments(&lost, std::slice::from_ref(&read), &keys());
        assert!(again.is_empty(), "even when the store was lost");
        let found = absorb_comments(&state(&["one".to_owned(), "two".to_owned()]), &[read], &keys());
        let arrived: Vec<(&str, bool)> =
            found.iter().map(|e| (e.text.raw(), is_shared(&s.link.incident, &e.sentinel_id))).collect();
        assert_eq!(arrived, [("one", true)], "and what it holds is known again");
        assert!(s.entries.iter().all(|e| e.origin == CommentOrigin::ServiceNow));
    }
}
