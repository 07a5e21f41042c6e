//! What watchers read: pages, addresses, happenings,
//! and being woken in time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::model::Side;
use crate::model::view::{EventView, LaneView, Level, WorkspaceView};
use crate::store::{due, load, members, published};

fn workspace(key: &str) -> WorkspaceView {
    WorkspaceView {
        workspace: ws(key),
        name: String::new(),
        instance: instance(),
        table: table(),
        poll: 0,
        paused: false,
        holder: String::new(),
        epoch: 1,
        mapping_version: 1,
        waiting_plan: None,
        surges: Vec::new(),
        section_hash: String::new(),
        at: Stamp(1),
    }
}

/// Reads page by page until nothing is left; gives the link numbers in the order seen.
async fn drain(store: &Store, after: &mut BTreeMap<WorkspaceKey, (i64, i64)>, limit: u32) -> Vec<i64> {
    let mut seen = Vec::new();
    loop {
        let batch = store.link_views(after, limit).await.unwrap();
        assert!(batch.rows.len() <= limit as usize);
        seen.extend(batch.rows.iter().map(|v| v.id.0));
        *after = batch.upto;
        if !batch.more {
            return seen;
        }
    }
}

#[tokio::test]
async fn watchers_resume_by_revision_and_miss_nothing() {
    let (_dir, store, ids) = linked(5).await;
    take(&store, "test", "me").await.unwrap();
    let views = ids.iter().zip(1..).map(|(id, n)| view(*id, "prod", n)).collect();
    let first = commit(&store, Commit { views, ..prod() }).await.unwrap();
    assert_eq!(first.revision, 5);
    let mut after = BTreeMap::new();
    assert_eq!(drain(&store, &mut after, 2).await, vec![1, 2, 3, 4, 5]);
    assert_eq!(after[&ws("prod")], (1, 5));

    let views = vec![view(ids[3], "prod", 4), view(ids[1], "prod", 2), view(ids[3], "prod", 4)];
    let lanes = vec![LaneView::starting(ws("prod"), Side::Sentinel)];
    let c = Commit { views, lanes, workspace_view: Some(workspace("prod")), ..prod() };
    assert_eq!(commit(&store, c).await.unwrap().revision, 9, "a link published twice counts once");
    assert_eq!(commit(&store, prod()).await.unwrap().revision, 9, "nothing published, nothing counted");
    assert_eq!(drain(&store, &mut after, 1).await, vec![2, 4]);

    let c = Commit {
        workspace: ws("test"),
        epoch: 1,
        new_links: vec![Link { sys_id: SysId::new("f"), ..link("test", 1) }],
        ..Commit::default()
    };
    let other = commit(&store, c).await.unwrap().links[0];
    let c =
        Commit { workspace: ws("test"), epoch: 1, views: vec![view(other, "test", 1)], ..Commit::default() };
    assert_eq!(commit(&store, c).await.unwrap().revision, 1, "each workspace counts for itself");
    assert_eq!(drain(&store, &mut after, 10).await, vec![other.0]);

    store.set_simulated_clock(Stamp(30_000_000)).await.unwrap();
    assert_eq!(take(&store, "prod", "you").await.unwrap().epoch, 2);
    commit(&store, Commit { epoch: 2, views: vec![view(ids[0], "prod", 1)], ..prod() }).await.unwrap();
    assert_eq!(drain(&store, &mut after, 10).await, vec![1]);
    assert_eq!(after[&ws("prod")], (2, 10), "a new epoch counts on");
    assert_eq!(store.lanes().await.unwrap().len(), 1);
    assert_eq!(store.workspaces().await.unwrap(), vec![workspace("prod")]);
}

#[tokio::test]
async fn things_are_found_by_every_address() {
    let (_dir, store, ids) = linked(2).await;
    let mut twin = view(ids[1], "prod", 2);
    twin.record_number = "INC0000001".into();
    let views = vec![view(ids[0], "prod", 1), twin];
    commit(&store, Commit { views, ..prod() }).await.unwrap();
    let guid = link("prod", 1).incident.as_str().to_uppercase();
    for (address, hits) in [
        (" inc0000001 ", vec![1, 2]),
        ("prod/2", vec![2]),
        ("test/2", vec![]),
        ("prod/x", vec![]),
        ("1", vec![1]),
        ("99999999999999999999", vec![]),
        (guid.as_str(), vec![1]),
        ("", vec![]),
    ] {
        let found: Vec<i64> = store.find(address).await.unwrap().iter().map(|v| v.id.0).collect();
        assert_eq!(found, hits, "{address:?}");
    }
}

#[tokio::test]
async fn happenings_are_read_from_a_number_and_pruned() {
    let (_dir, store, _) = linked(0).await;
    let event = |n: i64| EventView {
        at: Stamp(n),
        level: Level::Change,
        workspace: ws("prod"),
        link: None,
        subject: "prod/1".into(),
        text: "x".into(),
    };
    commit(&store, Commit { events: (1..=60).map(event).collect(), ..prod() }).await.unwrap();
    let at = |list: Vec<(i64, EventView)>| list.iter().map(|(_, e)| e.at.0).collect::<Vec<_>>();
    let newest = store.events(-1, 2).await.unwrap();
    let last = newest[1].0;
    assert_eq!(at(newest), vec![59, 60]);
    assert_eq!(at(store.events(last - 3, 2).await.unwrap()), vec![58, 59]);
    assert_eq!(store.prune_events(0).await.unwrap(), 60);
    commit(&store, Commit { events: vec![event(61)], ..prod() }).await.unwrap();
    assert_eq!(at(store.events(last, 9).await.unwrap()), vec![61], "numbers never come again");
}

async fn within_2s(what: impl Future<Output = ()>) -> bool {
    tokio::time::timeout(Duration::from_secs(2), what).await.is_ok()
}

#[tokio::test]
async fn a_watcher_sees_own_and_foreign_writes_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&file(&dir), Mode::ReadWrite).await.unwrap();
    let other = Store::open(&file(&dir), Mode::ReadWrite).await.unwrap();
    let mut watcher = store.watch().await;
    let quiet = tokio::time::timeout(Duration::from_millis(450), watcher.changed()).await;
    assert!(quiet.is_err(), "nothing was written");

    take(&other, "prod", "them").await.unwrap();
    take(&other, "test", "them").await.unwrap();
    assert!(within_2s(watcher.changed()).await, "a foreign write");

    // Given up again and again between two polls, it still gets there.
    take(&other, "third", "them").await.unwrap();
    let patient =
        async { while tokio::time::timeout(Duration::from_millis(20), watcher.changed()).await.is_err() {} };
    assert!(within_2s(patient).await, "a foreign write, impatiently");

    // One that practically never looks is still told of own writes.
    let mut told = store.watch_every(Duration::from_secs(3600)).await;
    let first_look = tokio::time::timeout(Duration::from_millis(50), told.changed()).await;
    assert!(first_look.is_err(), "nothing was written");
    take(&store, "own", "us").await.unwrap();
    take(&store, "own2", "us").await.unwrap();
    assert!(within_2s(told.changed()).await, "an own write");
    let quiet = tokio::time::timeout(Duration::from_millis(50), told.changed()).await;
    assert!(quiet.is_err(), "both writes were one change");
    assert!(within_2s(watcher.changed()).await, "an own write, by either way");
    drop(store);
    take(&other, "fourth", "them").await.unwrap();
    assert!(within_2s(watcher.changed()).await, "it outlives the store it came from");
}

#[tokio::test]
async fn the_frequent_reads_cost_what_they_find_and_not_what_there_is() {
    let (_dir, store) = fresh().await;
    let record = "sqlite_autoindex_record_1";
    let of_records = format!("{} ($3, $4)", members::OF_RECORDS);
    let small: [(&str, &[&str]); 9] = [
        (published::PAGE_SQL, &["published_link_revision (workspace=? AND (epoch,revision)>(?,?))"]),
        (
            due::DUE,
            &["intent_open", "entry_waiting", "link_creating", "link_pending", "link_failed", "PRIMARY KEY"],
        ),
        (due::RESTING, &["link_failed"]),
        (due::HELD, &["base_held", "PRIMARY KEY"]),
        (load::UNCORRELATED, &["link_uncorrelated", record]),
        (load::GONE, &["link_gone"]),
        (load::MERGED_AND_TOLD, &["link_merged", "sqlite_autoindex_entry_1"]),
        (members::JOINABLE, &["link_grouped", "sqlite_autoindex_incident_1"]),
        (&of_records, &["link_record", "sqlite_autoindex_incident_1"]),
    ];
    for (sql, indices) in small {
        let plan = store.inner.db.rows(&format!("EXPLAIN QUERY PLAN {sql}"), &[]).unwrap();
        let steps: Vec<String> = plan.iter().map(|r| r.text("detail").unwrap()).collect();
        let walks = steps.iter().filter(|s| s.starts_with("SCAN") || s.starts_with("SEARCH"));
        let astray: Vec<_> = walks.filter(|s| !indices.iter().any(|i| s.contains(i))).collect();
        assert!(astray.is_empty(), "{sql}: {steps:#?}");
    }
}
