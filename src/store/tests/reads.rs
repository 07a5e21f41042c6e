//! What the engine's machine asks for: links by key, known versions,
//! what is due, what is remembered.

use super::*;
use crate::model::ledger::{Capability, Cursor, Known};
use crate::model::{Base, Choice, Field, Incident, User};

async fn numbers(store: &Store, ask: Ask) -> Vec<LinkId> {
    match store.ask(ask).await.unwrap() {
        Told::Numbers(n) => n,
        other => panic!("{other:?}"),
    }
}

async fn known(store: &Store, ask: Ask) -> Vec<Known> {
    match store.ask(ask).await.unwrap() {
        Told::Known(k) => k,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn links_are_found_by_key_over_many_chunks() {
    let (_dir, store, ids) = linked(230).await;
    take(&store, "test", "me").await.unwrap();
    let foreign = Link { sys_id: SysId::new("f"), ..link("test", 1) };
    let test = Commit { workspace: ws("test"), epoch: 1, new_links: vec![foreign], ..Commit::default() };
    commit(&store, test).await.unwrap();
    let incidents: Vec<IncidentId> = (1..=230).rev().map(|n| link("prod", n).incident).collect();
    let Told::Links(found) = store.ask(Ask::ByIncident(ws("prod"), incidents)).await.unwrap() else {
        panic!()
    };
    assert_eq!(found.iter().map(|s| s.link.id).collect::<Vec<_>>(), ids);
    let keys = vec![link("prod", 7).sys_id, link("prod", 7).sys_id, SysId::new("none"), SysId::new("f")];
    let ask = Ask::ByRecord(ws("prod"), instance(), table(), keys);
    let Told::Links(found) = store.ask(ask).await.unwrap() else { panic!() };
    assert_eq!(found.iter().map(|s| s.link.id).collect::<Vec<_>>(), vec![ids[6]]);
    let Told::Links(none) = store.ask(Ask::ById(vec![])).await.unwrap() else { panic!() };
    assert!(none.is_empty());
}

#[tokio::test]
async fn known_versions_are_those_of_the_last_observation() {
    let (_dir, store, ids) = linked(2).await;
    let incident =
        |etag: &str| Incident { id: link("prod", 1).incident, etag: etag.into(), ..Incident::default() };
    let c = Commit {
        incidents: vec![(incident("e1"), Stamp(1)), (incident("e2"), Stamp(2))],
        records: vec![(instance(), record(2, "diptych:prod"), Stamp(1))],
        ..prod()
    };
    commit(&store, c).await.unwrap();
    let all = vec![link("prod", 1).incident, link("prod", 2).incident];
    let found = known(&store, Ask::KnownIncidents(ws("prod"), all)).await;
    let key = link("prod", 1).incident.as_str().to_owned();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].link, found[0].key.as_str(), found[0].version.as_str()),
        (ids[0], key.as_str(), "e2")
    );
    let all = vec![link("prod", 1).sys_id, link("prod", 2).sys_id];
    let found = known(&store, Ask::KnownRecords(ws("prod"), instance(), table(), all)).await;
    let key = link("prod", 2).sys_id.as_str().to_owned();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].link, found[0].key.as_str(), found[0].version.as_str()),
        (ids[1], key.as_str(), "2")
    );
}

#[tokio::test]
async fn a_link_is_uncorrelated_until_its_record_carries_its_workspace() {
    let (_dir, store, ids) = linked(3).await;
    let ask = || Ask::Uncorrelated(ws("prod"), instance(), table());
    assert_eq!(known(&store, ask()).await.len(), 3, "nothing was observed yet");
    let seen = |r: Record| (instance(), r, Stamp(1));
    let mut renamed = record(3, "");
    renamed.values.remove("correlation_display");
    renamed.values.insert("u_group".into(), "diptych:prod".into());
    let records = vec![seen(record(1, "diptych:prod")), seen(record(2, "Azure Sentinel")), seen(renamed)];
    commit(&store, Commit { records, ..prod() }).await.unwrap();
    let left = known(&store, ask()).await;
    assert_eq!(left.iter().map(|k| (k.link, k.version.as_str())).collect::<Vec<_>>(), vec![(ids[1], "2")]);
    let records = vec![seen(record(1, "diptych:test")), seen(record(2, "diptych:prod"))];
    commit(&store, Commit { records, ..prod() }).await.unwrap();
    assert_eq!(known(&store, ask()).await[0].link, ids[0], "it goes both ways");
    let gone = Link { id: ids[0], life: Life::Gone, ..link("prod", 1) };
    commit(&store, Commit { links: vec![gone], ..prod() }).await.unwrap();
    assert!(known(&store, ask()).await.is_empty());
}

#[tokio::test]
async fn due_is_what_has_something_to_do_at_this_moment() {
    let (_dir, store, ids) = linked(7).await;
    let at = |n: usize| Link { id: ids[n], ..link("prod", n as u32 + 1) };
    let parked = Intent { state: IntentState::Parked, ..intent(ids[6], "x") };
    let waiting = Entry { to_servicenow: Delivery::Waiting, ..entry(ids[1], "c") };
    let c = Commit {
        links: vec![
            Link { error: "e".into(), not_before: Stamp(100), ..at(2) },
            Link { error: "e".into(), not_before: Stamp(101), ..at(3) },
            Link { life: Life::Unlinked, ..at(4) },
        ],
        new_links: vec![Link { life: Life::Creating, ..link("prod", 8) }],
        new_intents: vec![intent(ids[0], "x"), parked],
        entries: vec![
            waiting.clone(),
            Entry { link: ids[4], ..waiting },
            Entry { to_sentinel: Delivery::Held, ..entry(ids[5], "c") },
        ],
        ..prod()
    };
    let new = commit(&store, c).await.unwrap().links[0];
    let due = numbers(&store, Ask::Due(ws("prod"), Stamp(100))).await;
    assert_eq!(due, vec![ids[0], ids[1], ids[2], new]);
    assert!(numbers(&store, Ask::Due(ws("test"), Stamp(100))).await.is_empty());
    assert_eq!(numbers(&store, Ask::Resting(ws("prod"), Stamp(100))).await, vec![ids[3]]);
    assert!(numbers(&store, Ask::Resting(ws("test"), Stamp(100))).await.is_empty());
}

#[tokio::test]
async fn held_links_are_those_with_a_held_value() {
    let (_dir, store, ids) = linked(2).await;
    let held = |why: &str| Base { held: why.into(), ..Base::agreed(Field::Severity, "a", "b", Stamp(1)) };
    let bases = vec![(ids[0], held("")), (ids[1], held("no row"))];
    commit(&store, Commit { bases, ..prod() }).await.unwrap();
    assert_eq!(numbers(&store, Ask::HeldLinks(ws("prod"))).await, vec![ids[1]]);
    commit(&store, Commit { bases: vec![(ids[1], held(""))], ..prod() }).await.unwrap();
    assert!(numbers(&store, Ask::HeldLinks(ws("prod"))).await.is_empty());
}

#[tokio::test]
async fn cursors_and_facts_are_remembered() {
    let (_dir, store, _) = linked(0).await;
    let cursor = |name: &str, at| Cursor {
        workspace: ws("prod"),
        name: name.into(),
        position: Stamp(at),
        moved: Stamp(1),
    };
    let fact = |value: &str| Capability {
        owner: "acme".into(),
        name: "client_sys_id:incident".into(),
        value: value.into(),
        at: Stamp(1),
    };
    let c = Commit {
        cursors: vec![cursor("sentinel", 1), cursor("sentinel", 2), cursor("sentinel:deep", 3)],
        capabilities: vec![fact("honoured")],
        ..prod()
    };
    commit(&store, c).await.unwrap();
    commit(&store, Commit { capabilities: vec![fact("ignored")], ..prod() }).await.unwrap();
    let Told::Memory(cursors, facts) = store.ask(Ask::Memory(ws("prod"))).await.unwrap() else { panic!() };
    assert_eq!(cursors, vec![cursor("sentinel", 2), cursor("sentinel:deep", 3)]);
    assert_eq!(facts, vec![fact("ignored")]);
}

#[tokio::test]
async fn users_are_merged_and_choices_replaced() {
    let (_dir, store) = fresh().await;
    let user = |n: u32, name: &str| User {
        sys_id: SysId::new(format!("{n:032x}")),
        user_name: name.into(),
        name: name.into(),
        email: String::new(),
        active: n != 2,
    };
    let many: Vec<User> = (0..120).map(|n| user(n, "old")).collect();
    store.ask(Ask::SaveUsers(instance(), many)).await.unwrap();
    store.ask(Ask::SaveUsers(instance(), vec![user(2, "x"), user(2, "new")])).await.unwrap();
    let users = store.users(&instance()).await.unwrap();
    assert_eq!((users.len(), &users[2], &users[3]), (120, &user(2, "new"), &user(3, "old")));
    let choice = |value: &str| Choice { element: "state".into(), value: value.into(), ..Choice::default() };
    for list in [vec!["1", "2", "6"], vec!["7", "1"]] {
        let list: Vec<Choice> = list.into_iter().map(choice).collect();
        store.ask(Ask::SaveChoices(instance(), table(), list.clone())).await.unwrap();
        assert_eq!(store.choices(&instance(), &table()).await.unwrap(), list);
    }
}
