//! Transactions: what they write comes back, what they must not do is refused,
//! and a refused one leaves nothing behind.

use super::*;
use crate::model::ledger::{AuditDraft, Capability, CommandUpdate, Cursor, IntentUpdate};
use crate::model::link::{Conflict, Seen};
use crate::model::state_walk::{Refused, Walk};
use crate::model::view::{EventView, Level};
use crate::model::{Base, CommandId, CommandState, Field, Incident, LinkState, OwnerRef, Side};

fn base() -> Base {
    Base {
        detached: true,
        conflict: Some(Conflict {
            sentinel: "High".into(),
            servicenow: "3".into(),
            since: Stamp(3),
            why: "both".into(),
            taken: Some(Side::Sentinel),
        }),
        sentinel_seen: Seen { same: Stamp(1), differs: Some(Stamp(2)), last: Stamp(1) },
        held: "no row".into(),
        walk: Some(Box::new(Walk {
            target: "3".into(),
            step: Some("16".into()),
            refused: Some(Refused { from: "10".into(), to: "3".into(), why: "aborted".into() }),
            steps: 1,
            under_way: true,
        })),
        rule: "latest".into(),
        ..Base::agreed(Field::Severity, "Low", "3", Stamp(4))
    }
}

#[tokio::test]
async fn a_whole_link_comes_back_as_it_was_written() {
    let (_dir, store, ids) = linked(2).await;
    let incident = Incident {
        id: link("prod", 1).incident,
        etag: "\"e1\"".into(),
        title: "bad\u{202e}title\u{0}".into(),
        owner: OwnerRef { upn: "ana@x.example".into(), ..OwnerRef::default() },
        ..Incident::default()
    };
    let stored = Link {
        id: ids[0],
        closer: Some(Side::ServiceNow),
        frozen: "I6".into(),
        error: "refused".into(),
        not_before: Stamp(99),
        failures: 3,
        in_filter: false,
        life: Life::Gone,
        ..link("prod", 1)
    };
    let title = Base::agreed(Field::Title, "t", "t", Stamp(9));
    let mut parked = intent(ids[0], "parked");
    parked.state = IntentState::Parked;
    let mut done = intent(ids[0], "done");
    done.state = IntentState::Confirmed;
    let c = Commit {
        links: vec![stored.clone()],
        incidents: vec![(incident.clone(), Stamp(11))],
        records: vec![(instance(), record(1, "diptych:prod"), Stamp(12))],
        bases: vec![(ids[0], base()), (ids[0], title.clone())],
        entries: vec![entry(ids[0], "c1"), Entry { at: Stamp(1), ..entry(ids[0], "c2") }],
        new_intents: vec![intent(ids[0], "open"), done, parked.clone()],
        ..prod()
    };
    let done = commit(&store, c).await.unwrap();
    let state = store.link_state(ids[0]).await.unwrap().unwrap();
    let wanted = LinkState {
        link: stored,
        incident: Some(incident),
        incident_seen: Stamp(11),
        record: Some(record(1, "diptych:prod")),
        record_seen: Stamp(12),
        bases: vec![title, base()],
        entries: vec![
            Entry { id: done.entries[1], at: Stamp(1), ..entry(ids[0], "c2") },
            Entry { id: done.entries[0], ..entry(ids[0], "c1") },
        ],
        intents: vec![
            Intent { id: done.intents[0], ..intent(ids[0], "open") },
            Intent { id: done.intents[2], ..parked },
        ],
        members: Vec::new(),
        beside: Vec::new(),
    };
    assert_eq!(state, wanted);
    let other = store.link_state(ids[1]).await.unwrap().unwrap();
    assert!(other.incident.is_none() && other.bases.is_empty());
}

#[tokio::test]
async fn life_never_goes_back_and_the_incident_never_changes() {
    let (_dir, store, ids) = linked(1).await;
    let back = Link { id: ids[0], life: Life::Creating, ..link("prod", 1) };
    says(&commit(&store, Commit { links: vec![back], ..prod() }).await.unwrap_err(), "I11");
    let other = Link { id: ids[0], incident: IncidentId::new("x"), ..link("prod", 1) };
    says(&commit(&store, Commit { links: vec![other], ..prod() }).await.unwrap_err(), "another incident");
}

#[tokio::test]
async fn a_transaction_touches_its_own_workspace_alone() {
    let (_dir, store, ids) = linked(1).await;
    take(&store, "test", "me").await.unwrap();
    let test = || Commit { workspace: ws("test"), epoch: 1, ..Commit::default() };
    let event = EventView {
        at: Stamp(1),
        level: Level::Info,
        workspace: ws("prod"),
        link: None,
        subject: String::new(),
        text: String::new(),
    };
    let cursor =
        Cursor { workspace: ws("prod"), name: "sentinel".into(), position: Stamp(1), moved: Stamp(1) };
    let update = IntentUpdate {
        id: IntentId(1),
        state: IntentState::InFlight,
        attempts: 1,
        sent: None,
        outcome: String::new(),
    };
    commit(&store, Commit { new_intents: vec![intent(ids[0], "x")], ..prod() }).await.unwrap();
    let answer = CommandUpdate { id: CommandId(1), state: CommandState::Done, result: String::new() };
    let attempts = [
        Commit { links: vec![Link { id: ids[0], ..link("test", 1) }], ..test() },
        Commit { links: vec![Link { id: ids[0], ..link("prod", 1) }], ..test() },
        Commit { new_links: vec![link("prod", 2)], ..test() },
        Commit { bases: vec![(ids[0], base())], ..test() },
        Commit { entries: vec![entry(ids[0], "c")], ..test() },
        Commit { new_intents: vec![intent(ids[0], "x")], ..test() },
        Commit { intents: vec![update], ..test() },
        Commit { commands: vec![answer], ..test() },
        Commit { controls_done: vec![1], ..test() },
        Commit { cursors: vec![cursor], ..test() },
        Commit { views: vec![view(ids[0], "prod", 1)], ..test() },
        Commit { views: vec![view(ids[0], "test", 1)], ..test() },
        Commit { events: vec![event], ..test() },
    ];
    for c in attempts {
        let shown = format!("{c:?}");
        assert!(matches!(commit(&store, c).await, Err(StoreFault::Broken(_))), "{shown}");
    }
}

#[tokio::test]
async fn a_record_has_one_primary_and_can_pass_to_another_in_one_transaction() {
    let (_dir, store, ids) = linked(1).await;
    let second = Link { sys_id: link("prod", 1).sys_id, ..link("prod", 2) };
    let refused = commit(&store, Commit { new_links: vec![second.clone()], ..prod() }).await;
    says(&refused.unwrap_err(), "UNIQUE");
    let attached = Link { role: Role::Attached, ..second.clone() };
    let b = commit(&store, Commit { new_links: vec![attached], ..prod() }).await.unwrap().links[0];
    let links = vec![Link { id: b, ..second }, Link { id: ids[0], role: Role::Merged, ..link("prod", 1) }];
    commit(&store, Commit { links, ..prod() }).await.unwrap();
    assert_eq!(store.link_state(b).await.unwrap().unwrap().link.role, Role::Primary);
}

#[tokio::test]
async fn a_new_entry_that_is_known_changes_nothing() {
    let (_dir, store, ids) = linked(1).await;
    let first = commit(&store, Commit { entries: vec![entry(ids[0], "c1")], ..prod() }).await.unwrap();
    let again = Entry { to_servicenow: Delivery::Waiting, text: "edited".into(), ..entry(ids[0], "c1") };
    let entries = vec![entry(ids[0], "c2"), again.clone()];
    let second = commit(&store, Commit { entries, ..prod() }).await.unwrap();
    assert_eq!(second.entries[1], first.entries[0]);
    let kept = store.link_state(ids[0]).await.unwrap().unwrap().entries;
    assert_eq!(kept[0], Entry { id: first.entries[0], ..entry(ids[0], "c1") });
    // By its number it does change.
    let changed = Entry { id: first.entries[0], ..again };
    commit(&store, Commit { entries: vec![changed.clone()], ..prod() }).await.unwrap();
    assert_eq!(store.link_state(ids[0]).await.unwrap().unwrap().entries[0], changed);
    let unknown = Entry { id: EntryId(77), ..entry(ids[0], "c3") };
    says(&commit(&store, Commit { entries: vec![unknown], ..prod() }).await.unwrap_err(), "no entry 77");
}

#[tokio::test]
async fn the_body_of_an_intent_never_changes() {
    let (_dir, store, ids) = linked(1).await;
    let done = commit(&store, Commit { new_intents: vec![intent(ids[0], "x")], ..prod() }).await.unwrap();
    let id = done.intents[0];
    let same = Intent { id, ..intent(ids[0], "x") };
    let again = commit(&store, Commit { new_intents: vec![same], ..prod() }).await.unwrap();
    assert_eq!(again.intents, vec![id]);
    let other = Intent { id, ..intent(ids[0], "y") };
    let refused = commit(&store, Commit { new_intents: vec![other], ..prod() }).await;
    says(&refused.unwrap_err(), "I5");
    meddle(&store, "UPDATE intent SET body = replace(body, 'x', 'z')").await;
    says(&store.link_state(ids[0]).await.unwrap_err(), "was changed after it was committed");
}

#[tokio::test]
async fn a_settled_intent_stays_settled() {
    let (_dir, store, ids) = linked(1).await;
    let new_intents = vec![intent(ids[0], "x"), intent(ids[0], "y")];
    let done = commit(&store, Commit { new_intents, ..prod() }).await.unwrap();
    let to = |id, state| IntentUpdate { id, state, attempts: 1, sent: Some(Stamp(8)), outcome: "201".into() };
    let update = |u| Commit { intents: vec![u], ..prod() };
    commit(&store, update(to(done.intents[0], IntentState::InFlight))).await.unwrap();
    let open = store.link_state(ids[0]).await.unwrap().unwrap().intents.remove(0);
    assert_eq!((open.state, open.attempts, open.sent), (IntentState::InFlight, 1, Some(Stamp(8))));
    commit(&store, update(to(done.intents[0], IntentState::Confirmed))).await.unwrap();
    commit(&store, update(to(done.intents[0], IntentState::Confirmed))).await.unwrap();
    let refused = commit(&store, update(to(done.intents[0], IntentState::Unknown))).await;
    says(&refused.unwrap_err(), "settled");
    let left = store.link_state(ids[0]).await.unwrap().unwrap().intents;
    assert_eq!(left.iter().map(|i| i.id).collect::<Vec<_>>(), vec![done.intents[1]]);
}

#[tokio::test]
async fn negative_numbers_stand_for_what_the_same_transaction_makes() {
    let (_dir, store) = fresh().await;
    take(&store, "prod", "me").await.unwrap();
    let mut note = intent(LinkId(-2), "x");
    note.kind =
        IntentKind::AddNote { entry: EntryId(-1), marker: "m".into(), customer: false, text: "x".into() };
    let draft = AuditDraft { link: Some(LinkId(-2)), intent: Some(IntentId(-1)), ..AuditDraft::default() };
    let c = Commit {
        new_links: vec![link("prod", 1), link("prod", 2)],
        bases: vec![(LinkId(-1), base())],
        entries: vec![entry(LinkId(-2), "c")],
        new_intents: vec![note],
        audit: vec![draft],
        views: vec![view(LinkId(-2), "prod", 2)],
        ..prod()
    };
    let done = commit(&store, c).await.unwrap();
    let state = store.link_state(done.links[1]).await.unwrap().unwrap();
    assert_eq!(state.entries[0].link, done.links[1]);
    assert!(matches!(&state.intents[0].kind, IntentKind::AddNote { entry, .. } if *entry == done.entries[0]));
    let row = store.audit_rows("prod", 0, 9).await.unwrap().remove(0);
    assert_eq!((row.draft.link, row.draft.intent), (Some(done.links[1]), Some(done.intents[0])));
    assert_eq!(store.find("INC0000002").await.unwrap()[0].id, done.links[1]);
    let lost = Commit { bases: vec![(LinkId(-1), base())], ..prod() };
    says(&commit(&store, lost).await.unwrap_err(), "no new link");
}

#[tokio::test]
async fn a_failing_transaction_leaves_nothing_behind() {
    let (_dir, store, ids) = linked(1).await;
    let fact = Capability { owner: "acme".into(), name: "n".into(), value: "v".into(), at: Stamp(1) };
    let c = Commit {
        new_links: vec![link("prod", 2)],
        entries: vec![entry(ids[0], "c")],
        capabilities: vec![fact],
        audit: vec![AuditDraft::default()],
        controls_done: vec![404],
        ..prod()
    };
    assert!(commit(&store, c).await.is_err());
    assert!(store.link_state(LinkId(2)).await.unwrap().is_none());
    assert!(store.link_state(ids[0]).await.unwrap().unwrap().entries.is_empty());
    assert!(store.audit_chains().await.unwrap().is_empty());
    let Told::Memory(_, facts) = store.ask(Ask::Memory(ws("prod"))).await.unwrap() else { panic!() };
    assert!(facts.is_empty());
}
