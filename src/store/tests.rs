//! The store's promises, each tried on a real file.

mod audit;
mod commit;
mod files;
mod lease;
mod people;
mod published;
mod reads;

use std::path::PathBuf;

use tempfile::TempDir;

use super::{Mode, Store};
use crate::model::ledger::{Ask, Commit, Committed, Lease, StoreFault, Told};
use crate::model::view::LinkView;
use crate::model::{
    CommentOrigin, Delivery, Entry, EntryId, IncidentId, InstanceKey, Intent, IntentId, IntentKind,
    IntentState, Life, Link, LinkId, Record, Role, SysId, TableName, WorkspaceKey,
};
use crate::text::Stamp;

/// A folder and a store in it whose leases run on a clock that the test moves.
async fn fresh() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_for_simulation(&file(&dir)).await.unwrap();
    (dir, store)
}

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("diptych.db")
}

fn ws(key: &str) -> WorkspaceKey {
    WorkspaceKey::new(key).unwrap()
}

fn instance() -> InstanceKey {
    InstanceKey::new("acme").unwrap()
}

fn table() -> TableName {
    TableName::new("incident").unwrap()
}

async fn take(store: &Store, key: &str, holder: &str) -> Option<Lease> {
    take_idle(store, key, holder, None).await
}

async fn take_idle(store: &Store, key: &str, holder: &str, idle: Option<(i64, Stamp)>) -> Option<Lease> {
    let ask = Ask::TakeLease {
        workspace: ws(key),
        holder: holder.into(),
        life_ms: 30_000,
        section_hash: "abc".into(),
        idle,
    };
    match store.ask(ask).await.unwrap() {
        Told::Lease(lease) => lease,
        other => panic!("{other:?}"),
    }
}

async fn commit(store: &Store, c: Commit) -> Result<Committed, StoreFault> {
    match store.ask(Ask::Commit(Box::new(c))).await? {
        Told::Committed(done) => Ok(done),
        other => panic!("{other:?}"),
    }
}

/// An empty transaction of `prod` at the first epoch.
fn prod() -> Commit {
    Commit { workspace: ws("prod"), epoch: 1, ..Commit::default() }
}

fn link(key: &str, n: u32) -> Link {
    Link {
        life: Life::Live,
        ..Link::new(
            ws(key),
            IncidentId::new(&format!("0000000{n}-aaaa-bbbb-cccc-ddddeeeeffff")),
            (instance(), table(), SysId::new(format!("{n:032x}"))),
            Stamp(1),
        )
    }
}

fn record(n: u32, group: &str) -> Record {
    let values = [("correlation_display", group), ("short_description", "A title")];
    Record {
        table: table(),
        sys_id: SysId::new(format!("{n:032x}")),
        number: format!("INC{n:07}"),
        mod_count: i64::from(n),
        values: values.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..Record::default()
    }
}

fn entry(link: LinkId, origin_id: &str) -> Entry {
    Entry {
        id: EntryId(0),
        link,
        origin: CommentOrigin::Sentinel,
        origin_id: origin_id.into(),
        author: "ana\u{1b}[31m".into(),
        at: Stamp(5),
        text: "two\nlines".into(),
        sentinel_id: "s".into(),
        to_sentinel: Delivery::None,
        marker: "[ref:x]".into(),
        journal_id: String::new(),
        to_servicenow: Delivery::Delivered,
        reason: String::new(),
    }
}

fn intent(link: LinkId, text: &str) -> Intent {
    Intent {
        id: IntentId(0),
        link,
        kind: IntentKind::AddNote {
            entry: EntryId(1),
            marker: "m".into(),
            customer: false,
            text: text.into(),
        },
        state: IntentState::Planned,
        attempts: 0,
        created: Stamp(7),
        sent: None,
        command: None,
        outcome: String::new(),
    }
}

fn view(id: LinkId, key: &str, n: u32) -> LinkView {
    LinkView {
        id,
        workspace: ws(key),
        incident: link(key, n).incident,
        incident_number: i64::from(n),
        record_number: format!("INC{n:07}"),
        title: format!("link {n}").as_str().into(),
        ..LinkView::default()
    }
}

/// A store with the lease of `prod` and `n` live links in it.
async fn linked(n: u32) -> (TempDir, Store, Vec<LinkId>) {
    let (dir, store) = fresh().await;
    assert_eq!(take(&store, "prod", "me").await.unwrap().epoch, 1);
    let new_links = (1..=n).map(|n| link("prod", n)).collect();
    let done = commit(&store, Commit { new_links, ..prod() }).await.unwrap();
    (dir, store, done.links)
}

/// Runs SQL behind the store's back.
async fn meddle(store: &Store, sql: &'static str) {
    store.write(move |tx| tx.run(sql, Vec::new())).await.unwrap();
}

fn says(fault: &StoreFault, words: &str) {
    assert!(fault.to_string().contains(words), "{fault}");
}
