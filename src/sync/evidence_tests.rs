use serde_json::{Map, Value, json};

use super::*;
use crate::model::{Delivery, Entry, EntryId, InstanceKey, Link, LinkId, SysId};
use crate::model::{TableName, WorkspaceKey};

fn state(counted: u32) -> LinkState {
    let record =
        (InstanceKey::new("sn").unwrap(), TableName::new("incident").unwrap(), SysId::new("a".repeat(32)));
    let incident = IncidentId::new("11111111-2222-3333-4444-555555555555");
    let mut link = Link::new(WorkspaceKey::new("prod").unwrap(), incident, record, Stamp(0));
    link.evidence.unread = true;
    let incident = Incident { alerts_count: counted, ..Incident::default() };
    LinkState { incident: Some(incident), ..LinkState::new(link) }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn alert(id: &str, name: &str) -> Alert {
    let properties = object(json!({
        "productName": "Microsoft Defender for Endpoint",
        "compromisedEntity": "dc01",
        "startTimeUtc": "2026-11-22T03:04:05.1234567Z",
    }));
    Alert { id: id.into(), name: name.into(), severity: "High".into(), properties }
}

fn entity(kind: &str, name: &str, properties: Value) -> Entity {
    Entity { id: "e-1".into(), kind: kind.into(), name: name.into(), properties: object(properties) }
}

fn entities(list: Vec<Entity>) -> Entities {
    let total = list.len() as u32;
    Entities { entities: list, total }
}

#[test]
fn an_alert_reads_as_one_line_with_its_id() {
    let (evidence, listing) = list(&state(1), &[alert("s-1", "Odd sign-in")], &entities(vec![]));
    let text = listing.unwrap().text;
    let line =
        "- High: Odd sign-in, Microsoft Defender for Endpoint, on dc01, 2026-11-22 03:04:05 UTC, id s-1";
    assert_eq!(text, format!("Seen in Microsoft Sentinel\nAlerts, 1 new:\n{line}"));
    assert!(!evidence.unread && evidence.alerts == 1);
}

#[test]
fn what_was_listed_is_never_listed_again() {
    let mut state = state(1);
    let host = entity("Host", "dc01", json!({}));
    let (evidence, _) = list(&state, &[alert("s-1", "One")], &entities(vec![host.clone()]));
    assert_eq!(evidence.listed.len(), 2);
    state.link.evidence = evidence;
    assert_eq!(list(&state, &[alert("s-1", "One, renamed")], &entities(vec![host.clone()])).1, None);
    let later = [alert("s-1", "One"), alert("s-2", "Two")];
    let text = list(&state, &later, &entities(vec![host])).1.unwrap().text;
    assert!(text.contains("s-2") && !text.contains("s-1") && !text.contains("Host"), "{text}");
}

#[test]
fn what_another_one_begins_with_is_told_all_the_same() {
    let mut state = state(1);
    let long = entities(vec![entity("Ip", "10.0.0.12", json!({}))]);
    let (evidence, listing) = list(&state, &[alert("s-12", "One")], &long);
    state.link.evidence = evidence;
    let note = crate::sync::conversation::own_entry(
        &state,
        CommentOrigin::Sync,
        "alerts@1",
        "diptych",
        &listing.unwrap().text,
        Stamp(1),
        &MarkerKeys::new([b"key".to_vec()]),
    );
    state.entries.push(note);
    let short = entities(vec![entity("Ip", "10.0.0.1", json!({}))]);
    let text = list(&state, &[alert("s-1", "Two")], &short).1.unwrap().text;
    assert!(text.contains("Ip: 10.0.0.1") && text.contains("id s-1"), "{text}");
}

#[test]
fn what_an_earlier_store_listed_is_known_from_its_note() {
    let mut state = state(1);
    state.entries.push(Entry {
        id: EntryId(1),
        link: LinkId(1),
        origin: CommentOrigin::ServiceNow,
        origin_id: "j-1".into(),
        author: "diptych.sync".into(),
        at: Stamp(1),
        text: format!("{HEAD}\nAlerts, 1 new:\n- High: One, id s-1").into(),
        sentinel_id: String::new(),
        to_sentinel: Delivery::Held,
        marker: String::new(),
        journal_id: "j-1".into(),
        to_servicenow: Delivery::None,
        reason: KNOWN_AGAIN.into(),
    });
    assert_eq!(list(&state, &[alert("s-1", "One")], &entities(vec![])).1, None);
    let more = list(&state, &[alert("s-2", "Two")], &entities(vec![])).1.unwrap();
    assert_eq!(more.key, "alerts@2", "no two notes share a marker");
    // What somebody else wrote proves nothing.
    state.entries[0].reason.clear();
    assert!(list(&state, &[alert("s-1", "One")], &entities(vec![])).1.is_some());
    // Of a shared record, what it was told by the host whose place this one took stands; what another one told as its
    // own does not.
    state.entries[0].reason = SIBLING.into();
    assert_eq!(list(&state, &[alert("s-1", "One")], &entities(vec![])).1, None);
    state.link.role = Role::Attached;
    assert!(list(&state, &[alert("s-1", "One")], &entities(vec![])).1.is_some());
    state.link.role = Role::Primary;
    state.entries[0].text = format!("{HEAD}\nof incident 3\nAlerts, 1 new:\n- High: One, id s-1").into();
    assert!(list(&state, &[alert("s-1", "One")], &entities(vec![])).1.is_some());
}

#[test]
fn the_marker_of_a_listing_is_known_again_without_a_store() {
    let keys = MarkerKeys::new([b"key".to_vec()]);
    let incident = IncidentId::new("11111111-2222-3333-4444-555555555555");
    let marker = |key: &str| keys.make(&incident, CommentOrigin::Sync.word(), key);
    assert!(is_listing(&marker("alerts@7"), &incident, &keys));
    assert!(!is_listing(&marker("title@7"), &incident, &keys));
    let other = IncidentId::new("99999999-2222-3333-4444-555555555555");
    assert!(!is_listing(&marker("alerts@7"), &other, &keys));
}

#[test]
fn entities_pass_through_whatever_their_kind() {
    let found = entities(vec![
        entity("Account", "", json!({"accountName": "noor", "upnSuffix": "x.example"})),
        entity("Martian", "", json!({"legs": 5})),
        entity("SecurityAlert", "the alert once more", json!({})),
        entity("Process", "", json!({"commandLine": "x".repeat(5000)})),
    ]);
    let text = list(&state(0), &[], &found).1.unwrap().text;
    assert!(text.contains("Entities, 3 new:\n- Account: noor@x.example\n- Martian: e-1\n"), "{text}");
    assert!(!text.contains("once more") && text.chars().count() < 500, "{text}");
}

#[test]
fn a_partial_list_says_so() {
    let mut found = entities(vec![entity("Ip", "203.0.113.5", json!({}))]);
    found.total = 45;
    let (evidence, listing) = list(&state(3), &[alert("s-1", "One")], &found);
    assert!(evidence.unread, "what did not come is read later");
    let text = listing.unwrap().text;
    assert!(text.contains("Sentinel counts 3 alerts and lists 1 of them."), "{text}");
    assert!(text.contains("Sentinel counts 45 entities and lists 1 of them."), "{text}");
}

#[test]
fn a_note_that_is_full_counts_what_it_leaves_out() {
    let many: Vec<Entity> = (0..500)
        .map(|i| entity("Url", &format!("https://{i}.example/{}", "a".repeat(200)), json!({})))
        .collect();
    let (evidence, listing) = list(&state(0), &[], &entities(many));
    let text = listing.unwrap().text;
    assert!(text.chars().count() < 25_000);
    assert!(text.contains("more, which this note has no room for"), "{text}");
    assert_eq!(evidence.listed.len(), 500);
}

#[test]
fn only_another_number_of_alerts_is_read() {
    let evidence = Evidence { alerts: 2, ..Evidence::default() };
    let incident = |count| Incident { alerts_count: count, ..Incident::default() };
    assert!(!alerts_moved(&evidence, &incident(2)));
    assert!(alerts_moved(&evidence, &incident(3)));
    assert!(alerts_moved(&evidence, &incident(1)));
}

#[test]
fn hostile_names_stay_on_their_line() {
    let text = list(&state(1), &[alert("s-1", "a\nb\u{1b}[31m\u{202e}c")], &entities(vec![])).1.unwrap().text;
    assert_eq!(text.lines().count(), 3);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
}
