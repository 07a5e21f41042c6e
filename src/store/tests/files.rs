//! The file itself: killed, full, locked, too open, of another maker, copied,
//! damaged, or opened for reading only.

use std::fs;

use rusqlite::Connection;

use super::*;
use crate::store::sql;

async fn refusal(path: &std::path::Path, mode: Mode) -> String {
    Store::open(path, mode).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_store_that_was_killed_keeps_what_was_committed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&file(&dir), Mode::ReadWrite).await.unwrap();
    take(&store, "prod", "me").await.unwrap();
    let done = commit(&store, Commit { new_links: vec![link("prod", 1)], ..prod() }).await.unwrap();
    let mut open = store.inner.db.write().unwrap();
    open.run("UPDATE link SET frozen = 'half'", Vec::new()).unwrap();
    // The files as they lie at this moment are what a killed process leaves.
    let grave = tempfile::tempdir().unwrap();
    for end in ["", "-wal"] {
        let name = format!("diptych.db{end}");
        fs::copy(dir.path().join(&name), grave.path().join(&name)).unwrap();
    }
    let risen = Store::open(&file(&grave), Mode::ReadWrite).await.unwrap();
    let state = risen.link_state(done.links[0]).await.unwrap().unwrap();
    assert_eq!(state.link, Link { id: done.links[0], ..link("prod", 1) });
    risen.integrity().await.unwrap();
    drop(open);
    drop(store);
    let again = Store::open(&file(&dir), Mode::ReadWrite).await.unwrap();
    assert!(again.link_state(done.links[0]).await.unwrap().is_some());
}

#[tokio::test]
async fn read_only_reads_and_cannot_write() {
    let (dir, store, ids) = linked(1).await;
    let reader = Store::open(&file(&dir), Mode::ReadOnly).await.unwrap();
    assert!(reader.link_state(ids[0]).await.unwrap().is_some());
    says(&commit(&reader, prod()).await.unwrap_err(), "reading only");
    says(&reader.seed_mapping("{}", Stamp(1)).await.unwrap_err(), "reading only");
    // Not even behind the store's back.
    let tried = reader.rows("DELETE FROM link RETURNING id", Vec::new()).await;
    says(&tried.err().unwrap(), "readonly");
    store.close().await;
    reader.close().await;
    let alone = Store::open(&file(&dir), Mode::ReadOnly).await.unwrap();
    assert!(alone.link_state(ids[0]).await.unwrap().is_some());
}

#[tokio::test]
async fn a_missing_store_is_made_only_for_writing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/deep/odd name?x=%41&.db");
    assert!(refusal(&dir.path().join("no.db"), Mode::ReadOnly).await.contains("there is no store"));
    let store = Store::open(&path, Mode::ReadWrite).await.unwrap();
    store.seed_mapping("{}", Stamp(1)).await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |p: &std::path::Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        let files: Vec<_> =
            fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(files.len(), 3, "{files:?}");
        assert!(files.iter().all(|f| mode(f) == 0o600), "{files:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_others_could_read_or_swap_is_refused_with_its_cure() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (dir, store) = fresh().await;
    let path = file(&dir);
    store.close().await;
    let chmod = |p: &std::path::Path, mode| fs::set_permissions(p, fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o640, 0o604, 0o620] {
        chmod(&path, mode);
        let said = refusal(&path, Mode::ReadWrite).await;
        assert!(said.contains(&format!("chmod 600 {}", path.display())), "{said}");
    }
    chmod(&path, 0o600);
    let wal = dir.path().join("diptych.db-wal");
    fs::write(&wal, "").unwrap();
    chmod(&wal, 0o644);
    assert!(refusal(&path, Mode::ReadOnly).await.contains("diptych.db-wal"));
    fs::remove_file(&wal).unwrap();
    symlink("/dev/null", &wal).unwrap();
    assert!(refusal(&path, Mode::ReadWrite).await.contains("symlink"));
    fs::remove_file(&wal).unwrap();

    chmod(dir.path(), 0o770);
    assert!(refusal(&path, Mode::ReadWrite).await.contains("chmod 700"));
    chmod(dir.path(), 0o1777);
    assert!(Store::open(&path, Mode::ReadWrite).await.is_ok(), "sticky, like /tmp");
    chmod(dir.path(), 0o700);

    let alias = dir.path().join("alias.db");
    symlink(&path, &alias).unwrap();
    assert!(refusal(&alias, Mode::ReadWrite).await.contains("symlink"));
    let dangling = dir.path().join("dangling.db");
    symlink(dir.path().join("target.db"), &dangling).unwrap();
    assert!(refusal(&dangling, Mode::ReadWrite).await.contains("symlink"));
    assert!(!dir.path().join("target.db").exists());
    assert!(refusal(dir.path(), Mode::ReadWrite).await.contains("not a plain file"));
}

fn raw(path: &std::path::Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.busy_timeout(std::time::Duration::ZERO).unwrap();
    conn
}

#[tokio::test]
async fn stores_of_other_makers_are_refused_untouched() {
    let (dir, store) = fresh().await;
    store.close().await;
    raw(&file(&dir)).execute_batch("PRAGMA user_version = 9999").unwrap();
    for mode in [Mode::ReadWrite, Mode::ReadOnly] {
        let said = refusal(&file(&dir), mode).await;
        assert!(said.contains("newer version") && said.contains("9999"), "{said}");
    }
    raw(&file(&dir)).execute_batch("PRAGMA user_version = 9").unwrap();
    assert!(refusal(&file(&dir), Mode::ReadOnly).await.contains("older version"));

    let other = dir.path().join("other.db");
    crate::store::place::make_file(&other).unwrap();
    raw(&other).execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    assert!(refusal(&other, Mode::ReadWrite).await.contains("another program"));
    fs::write(&other, "this is no database at all, but long enough to look like one").unwrap();
    assert!(refusal(&other, Mode::ReadWrite).await.contains("damaged"));
}

#[tokio::test]
async fn a_store_that_kept_its_schema_in_a_table_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    crate::store::place::make_file(&file(&dir)).unwrap();
    let early = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY); INSERT INTO _sqlx_migrations VALUES (10)";
    raw(&file(&dir)).execute_batch(&crate::store::schema::MIGRATIONS[..10].concat()).unwrap();
    raw(&file(&dir)).execute_batch(early).unwrap();
    assert!(refusal(&file(&dir), Mode::ReadOnly).await.contains("older version"));
    let store = Store::open(&file(&dir), Mode::ReadWrite).await.unwrap();
    take(&store, "prod", "me").await.unwrap();
    let done = commit(&store, Commit { new_links: vec![link("prod", 1)], ..prod() }).await.unwrap();
    store.close().await;
    let again = Store::open(&file(&dir), Mode::ReadOnly).await.unwrap();
    assert!(again.link_state(done.links[0]).await.unwrap().is_some());
}

#[tokio::test]
async fn a_full_disk_and_a_held_lock_are_told_apart_and_change_nothing() {
    let (dir, store, ids) = linked(1).await;
    store.limit_growth(Some(0)).await.unwrap();
    let entries =
        (0..200).map(|n| Entry { text: "x".repeat(999).as_str().into(), ..entry(ids[0], &n.to_string()) });
    let big = Commit { entries: entries.collect(), ..prod() };
    let full = commit(&store, big.clone()).await.unwrap_err();
    assert!(matches!(full, StoreFault::Full(_)), "{full:?}");
    assert!(store.link_state(ids[0]).await.unwrap().unwrap().entries.is_empty());
    store.limit_growth(None).await.unwrap();
    commit(&store, big).await.unwrap();

    let held = store.inner.db.write().unwrap();
    let error = raw(&file(&dir)).execute("UPDATE lease SET ends = 0", []).unwrap_err();
    assert!(matches!(sql::fault(error), StoreFault::Busy(_)));
    drop(held);
    store.integrity().await.unwrap();
}

#[tokio::test]
async fn a_backup_is_a_store_and_never_overwrites() {
    let (dir, store, ids) = linked(1).await;
    let to = dir.path().join("copy.db");
    store.backup(&to).await.unwrap();
    let copy = Store::open(&to, Mode::ReadOnly).await.unwrap();
    assert!(copy.link_state(ids[0]).await.unwrap().is_some());
    assert!(store.backup(&to).await.is_err());
}

#[tokio::test]
async fn damage_is_found() {
    let (_dir, store, _) = linked(1).await;
    store.integrity().await.unwrap();
    let loose = "PRAGMA foreign_keys = OFF; DELETE FROM link; \
        INSERT INTO base SELECT 404, 'title', '', '', 0, 0, 0, 0, 0, 0, NULL, '', '', 0, 0, '[]', NULL";
    raw(store.path()).execute_batch(loose).unwrap();
    says(&store.integrity().await.unwrap_err(), "belong to no link");
}
