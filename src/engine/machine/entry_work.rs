//! One link's conversation: which entry goes next, which can go nowhere any more, and what people
//! have said in Sentinel since it was read; and what follows once an entry has arrived.

use crate::model::call::{SentinelCall, SentinelReply};
use crate::model::view::Level;
use crate::model::{
    CommentOrigin, Delivery, Entry, EntryId, FaultKind, Incident, Intent, IntentKind, Link, LinkState,
    Record, Role, Side,
};
use crate::mutant::{self, Mutant};
use crate::sync::conversation::absorb_comments;
use crate::sync::customer::words;
use crate::sync::identity::comment_id;
use crate::sync::markup::{customer_text, note_text};
use crate::sync::shared_comment::{NO_ROOM, Place, place, waits_for_room};
use crate::text::Stamp;

use super::confirm::{agreed_at, finish, moved_by_others};
use super::ctx::{Halt, Ws};
use super::failure::{Read, read_failed};
use super::link_work::{Next, freeze_with, waits_frozen};
use super::observation::take_record;
use super::ownership::wrong_record;
use super::recovery::Recovery;
use super::turn::Turn;

/// True while entries wait that can be sent. Where the incident goes on in a new record, what people said waits
/// for that one.
pub(super) fn has_waiting(state: &LinkState, awaits: bool) -> bool {
    state.entries.iter().any(|e| e.to_sentinel == Delivery::Waiting || goes_there(e, awaits))
}

/// True for an entry that waits for the record: for one that stays closed, only what we say ourselves.
fn goes_there(entry: &Entry, awaits: bool) -> bool {
    entry.to_servicenow == Delivery::Waiting && (!awaits || entry.origin == CommentOrigin::Sync)
}

/// True when the next comment begins one that entries share: it may be there from before a lost store,
/// so comments are read first.
pub(super) fn begins_shared(state: &LinkState) -> bool {
    let waits = |e: &&Entry| e.to_sentinel == Delivery::Waiting || waits_for_room(e);
    let mut order: Vec<&Entry> = state.entries.iter().filter(waits).collect();
    order.sort_by_key(|e| (e.at, e.id));
    let next = order.first().map(|e| place(state, e, comments_of(state)));
    matches!(next, Some(Place::Comment { begins: true, .. }))
}

/// How many comments an incident has, as far as we know.
fn comments_of(state: &LinkState) -> usize {
    let counted = state.incident.as_ref().map_or(0, |i| i.comments_count);
    counted.max(state.link.comments_seen) as usize
}

/// The next entry to carry over, oldest first, so that the order on either side is kept: what is held only
/// because there was no room goes before what came later, once there is some.
/// With `awaits` the words of people wait for a new record.
/// `word` is the first line that opens the way to a record's customer, if any does.
pub(super) fn next_entry(
    state: &LinkState,
    word: Option<&str>,
    (s_up, n_up): (bool, bool),
    awaits: bool,
    turn: &mut Turn,
) -> Option<IntentKind> {
    let mut order: Vec<&Entry> = state.entries.iter().collect();
    order.sort_by_key(|e| (e.at, e.id));
    if mutant::is_on(Mutant::NewestFirst) {
        order.reverse();
    }
    let comments = comments_of(state);
    let mut full = false;
    for entry in order {
        let held = waits_for_room(entry);
        if (entry.to_sentinel == Delivery::Waiting || held) && s_up {
            let mut sending = entry.clone();
            if mutant::is_on(Mutant::RandomCommentId) {
                sending.sentinel_id = comment_id(&state.link.incident, "again", &entry.sentinel_id);
            }
            // A shorter one that would still fit does not overtake it.
            let found = if full { Place::NoRoom } else { place(state, &sending, comments) };
            if let Place::Comment { id, message, .. } = found {
                sending.reason.clear();
                sending.to_sentinel = Delivery::Sending;
                sending.sentinel_id.clone_from(&id);
                turn.entries.push(sending);
                return Some(IntentKind::PutComment { entry: entry.id, comment_id: id, message });
            }
            full = true;
            if !held {
                sending.to_sentinel = Delivery::Held;
                sending.reason = NO_ROOM.into();
                turn.entries.push(sending);
                continue;
            }
        }
        // Words for both sides that have no room on one still go to the other.
        if goes_there(entry, awaits) && n_up {
            let mut sending = entry.clone();
            sending.to_servicenow = Delivery::Sending;
            turn.entries.push(sending);
            let told = words(entry, word).map(|said| customer_text(entry, said));
            return Some(IntentKind::AddNote {
                entry: entry.id,
                marker: entry.marker.clone(),
                customer: told.is_some(),
                text: told.unwrap_or_else(|| note_text(entry)),
            });
        }
    }
    None
}

/// What is said of so many entries that can go nowhere.
fn kept(entries: usize) -> String {
    match entries {
        1 => "1 note is kept for a person, because it cannot cross".to_owned(),
        n => format!("{n} notes are kept for a person, because they cannot cross"),
    }
}

/// Holds every entry that waits for one of these sides, because it can go there no more.
pub(super) async fn hold_entries(
    ws: &Ws,
    state: &mut LinkState,
    sides: &[Side],
    why: &str,
) -> Result<Next, Halt> {
    let mut turn = Turn::default();
    for entry in &state.entries {
        let mut held = entry.clone();
        for &side in sides {
            if held.delivery(side) == Delivery::Waiting {
                held.set_delivery(side, Delivery::Held);
                held.reason = why.to_owned();
            }
        }
        if held != *entry {
            turn.entries.push(held);
        }
    }
    if !turn.entries.is_empty() {
        let text = crate::text::escape_line(&format!("{}: {why}", kept(turn.entries.len())));
        turn.events.push(ws.event(Level::Warning, Some(state.link.id), ws.subject(state), text));
    }
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// Reads the incident's comments and takes up what is new.
pub(super) async fn read_comments(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    take_comments(ws, state, None).await
}

/// The same beside a comment of ours that may be under way, and is settled by itself.
pub(super) async fn read_comments_beside(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    let under_way = state.open_intent().and_then(|i| super::send::entry_of(&i.kind)).map(|(entry, _)| entry);
    take_comments(ws, state, under_way).await
}

async fn take_comments(ws: &Ws, state: &mut LinkState, under_way: Option<EntryId>) -> Result<Next, Halt> {
    if ws.is_down(Side::Sentinel) {
        return Ok(Next::Later);
    }
    let rests = waits_frozen(state);
    let mut comments = Vec::new();
    let mut next = None;
    loop {
        super::lease::ensure_lease(ws).await?;
        let call = SentinelCall::Comments(state.link.incident.clone(), next.take());
        match ws.read_sentinel(call).await {
            Ok(answer) => {
                let SentinelReply::Comments(page) = answer.value else { return Ok(Next::Later) };
                comments.extend(page.comments);
                match page.next {
                    Some(link) => next = Some(link),
                    None => break,
                }
            }
            Err(error) if error.is_side_wide() => return Ok(Next::Later),
            Err(error) if error.kind == FaultKind::NotFound && state.link.role == Role::Merged => {
                // Merged and then deleted: nobody looks at it again, so this is the last word on it.
                let link = Link { unread: false, ..state.link.clone() };
                let open = |i: &&Intent| i.state.is_open() && matches!(i.kind, IntentKind::PutComment { .. });
                let audit = state.intents.iter().filter(open);
                let audit = audit.flat_map(|i| super::gone::unproven(ws, state, i)).collect();
                ws.save(state, Turn { link: Some(link), audit, ..Turn::default() }).await?;
                return Ok(Next::Again);
            }
            // Whatever it is frozen for waits for a person, who has them read again.
            Err(_) if rests => return Ok(Next::Settled),
            Err(error) => return read_failed(ws, state, &error, Read::Comments).await,
        }
    }
    comments.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let mut entries = absorb_comments(state, &comments, &ws.shared.keys);
    entries.retain(|e| Some(e.id) != under_way);
    ws.count_known_again(&entries);
    let mut link = state.link.clone();
    ws.read_well(&mut link, Read::Comments);
    link.unread = false;
    // While the version is not known that they were read at, an edit after it would hide, too.
    link.comments_unsure = state.incident.as_ref().is_some_and(|i| i.etag.is_empty());
    // One that is settled by itself is counted then, unless others that share it were counted before.
    let counted =
        |id: &str| state.entries.iter().any(|e| e.sentinel_id == id && e.to_sentinel == Delivery::Delivered);
    let ours = state.entries.iter().find(|e| Some(e.id) == under_way).map(|e| e.sentinel_id.as_str());
    let ours = ours.filter(|id| !counted(id));
    link.comments_seen = comments.iter().filter(|c| Some(c.id.as_str()) != ours).count() as u32;
    let audit = super::recover::arrived(ws, state, &entries);
    ws.save(state, Turn { link: Some(link), entries, audit, ..Turn::default() }).await?;
    ws.memory(|m| m.reread.remove(&state.link.id));
    Ok(Next::Again)
}

/// A note was appended.
pub(super) async fn note_added(
    ws: &Ws,
    state: &mut LinkState,
    intent: Intent,
    entry: EntryId,
    record: Record,
) -> Result<Next, Halt> {
    let mut turn = Turn { asked: agreed_at(&intent), ..Turn::default() };
    deliver(ws, state, &mut turn, &intent, entry, Side::ServiceNow);
    finish(ws, state, &intent, &mut turn);
    if let Some(wrong) = wrong_record(ws, state, &record) {
        return freeze_with(ws, state, turn, wrong).await;
    }
    let known = state.record.as_ref().map_or(0, |r| r.mod_count);
    if moved_by_others(ws, known, &record) {
        return take_record(ws, state, record, turn).await;
    }
    turn.record = Some(record);
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// A comment was written, `at` by Sentinel's clock.
pub(super) async fn comment_put(
    ws: &Ws,
    state: &mut LinkState,
    intent: Intent,
    entry: EntryId,
    at: Stamp,
) -> Result<Next, Halt> {
    let mut turn = Turn { asked: state.incident_seen, ..Turn::default() };
    deliver(ws, state, &mut turn, &intent, entry, Side::Sentinel);
    finish(ws, state, &intent, &mut turn);
    // Sentinel counts our comment from now on, under a version that we do not know: neither must
    // look like somebody else's doing. When it was written tells that version from later ones.
    let IntentKind::PutComment { comment_id, .. } = &intent.kind else {
        return Ok(Next::Again);
    };
    let was_there = |e: &Entry| e.sentinel_id == *comment_id && e.to_sentinel == Delivery::Delivered;
    let grew = state.entries.iter().any(was_there);
    if grew {
        ws.recovered(Recovery::SharedComment);
    }
    let link = turn.link.get_or_insert_with(|| state.link.clone());
    link.comments_seen += u32::from(!grew);
    link.comments_unsure = true;
    let commented = Some(at).filter(|at| *at > Stamp(0));
    turn.incident =
        state.incident.clone().map(|incident| Incident { etag: String::new(), commented, ..incident });
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// Marks an entry as arrived.
pub(super) fn deliver(
    ws: &Ws,
    state: &LinkState,
    turn: &mut Turn,
    intent: &Intent,
    entry: EntryId,
    side: Side,
) {
    let Some(found) = state.entries.iter().find(|e| e.id == entry) else { return };
    let mut entry = found.clone();
    entry.set_delivery(side, Delivery::Delivered);
    entry.reason.clear();
    let text = crate::text::fit(&entry.text.line(), 60);
    let what = match side {
        Side::Sentinel => "comment",
        Side::ServiceNow => "note",
    };
    let to_customer = matches!(intent.kind, IntentKind::AddNote { customer: true, .. });
    let what_people = if to_customer { "customer comment" } else { what };
    let line = format!("{what_people} by {} → {side}: {text}", entry.author.line());
    turn.events.push(ws.event(Level::Change, Some(state.link.id), ws.subject(state), line));
    let seen = if to_customer { ", visible to the customer" } else { "" };
    let why = format!("written in {}{seen}", entry.origin.word());
    let mut row = ws.audit(state, intent.kind.word(), (Some(side), what), ("", &text), &why);
    row.intent = Some(intent.id);
    if !mutant::is_on(Mutant::NoAuditForNotes) {
        turn.audit.push(row);
    }
    turn.entries.push(entry);
    ws.lag_of(side, found.at);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{IncidentId, InstanceKey, JournalEntry, SysId, TableName, WorkspaceKey};
    use crate::sync::conversation::absorb_journal;
    use crate::sync::marker::MarkerKeys;

    /// A link with two notes for an incident that has so many comments.
    fn state(comments: u32) -> LinkState {
        let record = (
            InstanceKey::new("sn").unwrap(),
            TableName::new("incident").unwrap(),
            SysId::new("a".repeat(32)),
        );
        let incident = IncidentId::new("11111111-2222-3333-4444-555555555555");
        let mut state =
            LinkState::new(Link::new(WorkspaceKey::new("prod").unwrap(), incident, record, Stamp(0)));
        state.link.comments_seen = comments;
        let row = |n: i64| JournalEntry {
            sys_id: SysId::new(format!("j{n}")),
            record: SysId::new("a".repeat(32)),
            element: "work_notes".into(),
            text: format!("note {n}").as_str().into(),
            created_on: Stamp(n * 1_000_000),
            created_by: "noor".into(),
        };
        let keys = MarkerKeys::new([b"key".to_vec()]);
        state.entries = absorb_journal(&state, &[row(1), row(2)], &["sync".to_owned()], "work_notes", &keys);
        for (n, entry) in state.entries.iter_mut().enumerate() {
            assert_eq!((entry.origin, entry.to_sentinel), (CommentOrigin::ServiceNow, Delivery::Waiting));
            entry.id = EntryId(n as i64 + 1);
        }
        state
    }

    fn next(state: &LinkState) -> (Option<EntryId>, Vec<Entry>) {
        let mut turn = Turn::default();
        let kind = next_entry(state, None, (true, true), false, &mut turn);
        (kind.and_then(|k| super::super::send::entry_of(&k)).map(|(id, _)| id), turn.entries)
    }

    #[test]
    fn words_without_room_go_first_once_there_is_some() {
        let mut full = state(100);
        full.entries.truncate(1);
        let (sent, held) = next(&full);
        assert_eq!((sent, held[0].to_sentinel), (None, Delivery::Held));
        let mut later = state(100);
        later.entries[0] = held[0].clone();
        let (sent, changed) = next(&later);
        assert_eq!((sent, changed.len()), (None, 1), "the second is held, too, and the first as before");
        assert_eq!(changed[0].id, EntryId(2));
        later.link.comments_seen = 80;
        let (sent, changed) = next(&later);
        assert_eq!(sent, Some(EntryId(1)), "the older one goes first");
        assert_eq!((changed[0].to_sentinel, changed[0].reason.as_str()), (Delivery::Sending, ""));
    }

    #[test]
    fn words_for_both_sides_without_room_on_one_go_to_the_other() {
        let mut full = state(100);
        full.entries.truncate(1);
        full.entries[0].origin = CommentOrigin::Console;
        full.entries[0].to_servicenow = Delivery::Waiting;
        let (sent, held) = next(&full);
        assert_eq!(
            (sent, held[0].to_sentinel, held[0].to_servicenow),
            (None, Delivery::Held, Delivery::Waiting)
        );
        full.entries[0] = held[0].clone();
        let (sent, changed) = next(&full);
        assert_eq!((sent, changed.len()), (Some(EntryId(1)), 1));
        assert_eq!((changed[0].to_sentinel, changed[0].to_servicenow), (Delivery::Held, Delivery::Sending));
    }

    #[test]
    fn one_note_is_not_spoken_of_as_many() {
        assert!(kept(1).starts_with("1 note is kept") && kept(2).starts_with("2 notes are kept"));
    }

    #[test]
    fn what_is_held_for_another_reason_stops_nobody() {
        let mut state = state(10);
        state.entries[0].to_sentinel = Delivery::Held;
        state.entries[0].reason = "refused".into();
        assert_eq!(next(&state).0, Some(EntryId(2)));
    }
}
