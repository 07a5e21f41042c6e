use super::*;
use crate::model::{InstanceKey, Link, SysId, TableName, WorkspaceKey};
use crate::sync::markup::comment_html;

fn keys() -> MarkerKeys {
    MarkerKeys::new([b"key".to_vec()])
}

fn state() -> LinkState {
    let record =
        (InstanceKey::new("sn").unwrap(), TableName::new("incident").unwrap(), SysId::new("a".repeat(32)));
    let incident = IncidentId::new("11111111-2222-3333-4444-555555555555");
    LinkState::new(Link::new(WorkspaceKey::new("prod").unwrap(), incident, record, Stamp(0)))
}

fn comment(id: &str, message: &str) -> Comment {
    Comment {
        id: id.into(),
        message: message.into(),
        author: "Noor".into(),
        created: Stamp(1),
        ..Comment::default()
    }
}

fn row(id: &str, by: &str, text: &str) -> JournalEntry {
    JournalEntry {
        sys_id: SysId::new(id),
        record: SysId::new("a".repeat(32)),
        element: "work_notes".into(),
        text: text.into(),
        created_on: Stamp(1),
        created_by: by.into(),
    }
}

fn store(state: &mut LinkState, changed: Vec<Entry>) {
    for entry in changed {
        state.entries.retain(|e| (e.origin, &e.origin_id) != (entry.origin, &entry.origin_id));
        state.entries.push(entry);
    }
}

#[test]
fn a_comment_is_taken_up_once_and_an_edit_adds_one_note() {
    let mut s = state();
    let found = absorb_comments(&s, &[comment("c1", "<p>look at <b>this</b></p>")], &keys());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].text.raw(), "look at this");
    assert_eq!(found[0].to_servicenow, Delivery::Waiting);
    store(&mut s, found);
    assert!(absorb_comments(&s, &[comment("c1", "<p>look at <b>this</b></p>")], &keys()).is_empty());
    let edited = absorb_comments(&s, &[comment("c1", "<p>look at that</p>")], &keys());
    assert_eq!(edited.len(), 1);
    assert!(edited[0].text.raw().starts_with("(edited)"));
    store(&mut s, edited);
    assert!(absorb_comments(&s, &[comment("c1", "<p>look at that</p>")], &keys()).is_empty());
}

#[test]
fn the_version_of_a_comment_of_ours_costs_no_read_and_a_later_one_does() {
    let seen = |etag: &str, second: i64| Incident {
        etag: etag.into(),
        modified: Stamp(second * 1_000_000),
        comments_count: 2,
        ..Incident::default()
    };
    let mut s = state();
    s.link.comments_seen = 2;
    s.incident = Some(Incident { commented: Some(Stamp(100_000_000)), ..seen("", 90) });
    assert!(!comments_moved(&s, &seen("ours", 100)));
    assert!(!comments_moved(&s, &seen("ours", 101)), "stamped a little later");
    assert!(!comments_moved(&s, &seen("lags", 90)));
    assert!(comments_moved(&s, &seen("an edit", 135)));
    s.incident = Some(seen("", 90));
    assert!(!comments_moved(&s, &seen("ours", 135)), "nobody said when");
    s.incident = Some(seen("ours", 100));
    assert!(comments_moved(&s, &seen("an edit", 101)));
}

#[test]
fn our_own_copies_never_come_back() {
    let mut s = state();
    let found =
        absorb_journal(&s, &[row("j1", "beth", "hello")], &["diptych".to_owned()], "work_notes", &keys());
    assert_eq!(found[0].to_sentinel, Delivery::Waiting);
    let id = found[0].sentinel_id.clone();
    store(&mut s, found);
    let echo = absorb_comments(&s, &[comment(&id, "<p>hello</p>")], &keys());
    assert_eq!(echo.len(), 1);
    assert_eq!(echo[0].to_sentinel, Delivery::Delivered);

    let mut s = state();
    let found = absorb_comments(&s, &[comment("c1", "hi")], &keys());
    store(&mut s, found);
    let note = note_text(&s.entries[0]);
    let echo =
        absorb_journal(&s, &[row("j2", "diptych", &note)], &["diptych".to_owned()], "work_notes", &keys());
    assert_eq!(echo.len(), 1);
    assert_eq!(echo[0].to_servicenow, Delivery::Delivered);
    assert_eq!(echo[0].journal_id, "j2");
}

#[test]
fn our_own_comment_that_was_read_first_after_a_lost_store_is_known_once_its_row_is() {
    let mut before = state();
    let note = row("j1", "beth", "hello");
    let known =
        absorb_journal(&before, std::slice::from_ref(&note), &["diptych".to_owned()], "work_notes", &keys());
    store(&mut before, known);
    let ours = comment(&before.entries[0].sentinel_id, &comment_html(&before.entries[0], "INC0010001"));

    let mut s = state();
    let taken = absorb_comments(&s, &[ours], &keys());
    store(&mut s, taken);
    assert_eq!(s.entries[0].to_servicenow, Delivery::Waiting, "nothing tells it from a person's yet");
    let found = absorb_journal(&s, &[note], &["diptych".to_owned()], "work_notes", &keys());
    let [copy, row] = &found[..] else { panic!("{found:#?}") };
    assert_eq!((copy.id, copy.to_servicenow), (s.entries[0].id, Delivery::None));
    assert_eq!((row.origin, row.to_sentinel), (CommentOrigin::ServiceNow, Delivery::Delivered));
}

#[test]
fn a_marker_in_somebody_elses_text_swallows_nothing() {
    let mut s = state();
    let found = absorb_comments(&s, &[comment("c1", "hi")], &keys());
    store(&mut s, found);
    let note = note_text(&s.entries[0]);
    let quoted =
        absorb_journal(&s, &[row("j3", "beth", &note)], &["diptych".to_owned()], "work_notes", &keys());
    assert_eq!(quoted[0].origin, CommentOrigin::ServiceNow, "a person's note is a person's note");
    assert_eq!(quoted[0].to_sentinel, Delivery::Waiting);
}

#[test]
fn our_user_without_a_marker_is_held_and_never_mirrored() {
    let s = state();
    let found = absorb_journal(
        &s,
        &[row("j4", "Diptych", "by hand")],
        &["diptych".to_owned()],
        "work_notes",
        &keys(),
    );
    assert_eq!(found[0].to_sentinel, Delivery::Held);
    assert!(!found[0].reason.is_empty());
}

#[test]
fn markup_survives_in_neither_system() {
    let mut s = state();
    let text = "[code]<script>alert(1)</script>[/code] [ CODE ] <b>x</b> & \"y\"";
    let found = absorb_journal(&s, &[row("j5", "beth", text)], &["d".to_owned()], "work_notes", &keys());
    store(&mut s, found);
    let html = comment_html(&s.entries[0], "INC0010001");
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;"), "{html}");
    let mut entry = s.entries[0].clone();
    entry.origin = CommentOrigin::Sentinel;
    let note = note_text(&entry).to_lowercase();
    assert!(!note.contains("[code]") && !note.contains("[/code]"), "{note}");
}

#[test]
fn long_and_hostile_texts_stay_within_limits_and_visible() {
    let mut s = state();
    let text = format!("\u{1b}[31m{}", "<&>".repeat(20_000));
    let found = absorb_journal(&s, &[row("j6", "beth", &text)], &["d".to_owned()], "work_notes", &keys());
    store(&mut s, found);
    let html = comment_html(&s.entries[0], "INC1");
    assert!(html.chars().count() <= 30_000, "{}", html.chars().count());
    assert!(html.contains("cut here") && !html.contains('\u{1b}'));
    assert!(
        marker::find(&note_text(&Entry {
            marker: keys().make(&s.link.incident, "x", "y"),
            ..s.entries[0].clone()
        }))
        .is_some()
    );
}

fn shown(by: &str, text: &str) -> JournalEntry {
    row("", by, text)
}

fn from_text(rows: Vec<JournalEntry>) -> Vec<JournalEntry> {
    let own = crate::sync::journal_text::Own { login: "diptych".into(), name: "Diptych Sync".into() };
    crate::sync::journal_text::keyed(rows, &own)
}

#[test]
fn what_was_read_from_the_table_is_known_again_in_a_text_and_back() {
    let mut s = state();
    let table = [row("j1", "beth", "same "), row("j2", "beth", "same\r\n"), row("j3", "beth", "other")];
    let found = absorb_journal(&s, &table, &["diptych".to_owned()], "work_notes", &keys());
    assert_eq!(found.len(), 3);
    store(&mut s, found);
    let text = || from_text(["same", "same", "other", "new"].map(|t| shown("Beth Anglin", t)).to_vec());
    let found = absorb_journal(&s, &text(), &["diptych".to_owned()], "work_notes", &keys());
    let waits = |e: &&Entry| e.to_sentinel == Delivery::Waiting && e.origin_id == e.journal_id;
    assert_eq!(found.iter().filter(waits).map(|e| e.text.raw()).collect::<Vec<_>>(), ["new"]);
    store(&mut s, found);
    assert!(
        absorb_journal(&s, &text(), &["diptych".to_owned()], "work_notes", &keys()).is_empty(),
        "known by now"
    );
    let renamed = from_text(["same", "same", "other", "new"].map(|t| shown("Beth Smith", t)).to_vec());
    let found = absorb_journal(&s, &renamed, &["diptych".to_owned()], "work_notes", &keys());
    assert!(found.iter().all(|e| e.origin_id != e.journal_id), "{found:#?}");
    store(&mut s, found);
    let [one, two, three] = table;
    let table = [one, two, three, row("j4", "beth", "new"), row("j5", "beth", "same")];
    let found = absorb_journal(&s, &table, &["diptych".to_owned()], "work_notes", &keys());
    let fresh: Vec<&str> = found.iter().filter(waits).map(|e| e.origin_id.as_str()).collect();
    assert_eq!(fresh, ["j5"], "a third time the same words");
}

#[test]
fn in_a_text_our_own_user_is_known_by_its_name() {
    let s = state();
    let rows =
        from_text(vec![shown("Diptych Sync", "by hand"), shown("System", "a rule"), shown("Ada", "hi")]);
    let found = absorb_journal(&s, &rows, &["diptych".to_owned()], "work_notes", &keys());
    let waits: Vec<Delivery> = found.iter().map(|e| e.to_sentinel).collect();
    assert_eq!(waits, [Delivery::Held, Delivery::None, Delivery::Waiting]);
}
