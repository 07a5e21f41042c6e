//! The audit chain: what was done to its rows shows, and where.
//! Each case meddles with the rows behind the store's back.

use std::collections::BTreeMap;

use super::*;
use crate::model::ledger::AuditDraft;
use crate::store::{ChainVerdict, Heads, read_heads};

fn draft(n: i64) -> AuditDraft {
    AuditDraft {
        at: Stamp(n),
        who: "sync".into(),
        act: "patch".into(),
        link: (n % 2 == 0).then_some(LinkId(n)),
        subject: "prod/1".into(),
        side: "servicenow".into(),
        what: "severity".into(),
        before: "3".into(),
        after: "1\nwhy:3:bad".into(),
        why: "latest".into(),
        intent: Some(IntentId(n)),
    }
}

/// A store whose chain `prod` has ten rows, written in several transactions.
async fn chained() -> (TempDir, Store) {
    let (dir, store, _) = linked(0).await;
    for part in [1..=1, 2..=2, 3..=10] {
        commit(&store, Commit { audit: part.map(draft).collect(), ..prod() }).await.unwrap();
    }
    (dir, store)
}

async fn verdict(store: &Store, heads: &Heads) -> ChainVerdict {
    let mut all = store.verify_audit(heads).await.unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[tokio::test]
async fn an_untouched_chain_verifies_as_far_as_the_outside_head_reaches() {
    let (_dir, store) = chained().await;
    let alone = verdict(&store, &Heads::new()).await;
    assert_eq!((alone.rows, alone.broken, alone.vouched), (10, None, None));
    let heads = store.audit_heads().await.unwrap();
    assert_eq!(alone.head.as_ref(), heads.get("prod"));
    assert_eq!(verdict(&store, &heads).await.vouched, Some(10));
    commit(&store, Commit { audit: vec![draft(11)], ..prod() }).await.unwrap();
    let later = verdict(&store, &heads).await;
    assert_eq!((later.rows, later.broken, later.vouched), (11, None, Some(10)));
    let rows = store.audit_rows("prod", 9, 1).await.unwrap();
    assert_eq!((rows[0].seq, &rows[0].draft), (10, &draft(10)));
    assert_eq!(store.audit_for_link(LinkId(4), 9).await.unwrap()[0].seq, 4);
}

#[tokio::test]
async fn every_changed_column_is_found_where_it_is() {
    for sql in [
        "UPDATE audit SET at = at + 1 WHERE seq = 5",
        "UPDATE audit SET who = 'ana' WHERE seq = 5",
        "UPDATE audit SET act = 'put' WHERE seq = 5",
        "UPDATE audit SET link = 1 WHERE seq = 5",
        "UPDATE audit SET subject = 'prod/2' WHERE seq = 5",
        "UPDATE audit SET side = '' WHERE seq = 5",
        "UPDATE audit SET what = 'title' WHERE seq = 5",
        "UPDATE audit SET value_before = '2' WHERE seq = 5",
        "UPDATE audit SET value_after = value_before WHERE seq = 5",
        "UPDATE audit SET why = '' WHERE seq = 5",
        "UPDATE audit SET intent = NULL WHERE seq = 5",
        "UPDATE audit SET prev = hash WHERE seq = 5",
        "UPDATE audit SET hash = prev WHERE seq = 5",
        "UPDATE audit SET value_before = value_after, value_after = value_before WHERE seq = 5",
        "UPDATE audit SET why = value_after, value_after = why WHERE seq = 5",
        "DELETE FROM audit WHERE seq = 5",
    ] {
        let (_dir, store) = chained().await;
        meddle(&store, sql).await;
        let found = verdict(&store, &Heads::new()).await.broken;
        assert_eq!(found.map(|(seq, _)| seq), Some(5), "{sql}");
    }
}

#[tokio::test]
async fn rows_taken_moved_added_or_given_to_another_chain_are_found() {
    for (sql, at) in [
        ("DELETE FROM audit WHERE seq = 1", 1),
        ("UPDATE audit SET seq = CASE seq WHEN 4 THEN -5 ELSE seq END", -5),
        (
            "INSERT INTO audit SELECT chain, 11, at, who, act, link, subject, side, what, value_before, \
          value_after, why, intent, prev, hash FROM audit WHERE seq = 10",
            11,
        ),
        (
            "INSERT INTO audit SELECT chain, 0, at, who, act, link, subject, side, what, value_before, \
          value_after, why, intent, prev, hash FROM audit WHERE seq = 1",
            0,
        ),
        ("UPDATE audit SET chain = 'test'", 1),
    ] {
        let (_dir, store) = chained().await;
        meddle(&store, sql).await;
        let found = verdict(&store, &Heads::new()).await.broken;
        assert_eq!(found.map(|(seq, _)| seq), Some(at), "{sql}");
    }
}

#[tokio::test]
async fn swapped_rows_are_found() {
    let (_dir, store) = chained().await;
    meddle(&store, "UPDATE audit SET seq = 99 WHERE seq = 4").await;
    meddle(&store, "UPDATE audit SET seq = 4 WHERE seq = 5").await;
    meddle(&store, "UPDATE audit SET seq = 5 WHERE seq = 99").await;
    assert_eq!(verdict(&store, &Heads::new()).await.broken.map(|(seq, _)| seq), Some(4));
}

#[tokio::test]
async fn a_cut_off_tail_shows_only_against_a_head_kept_outside() {
    let (_dir, store) = chained().await;
    let heads = store.audit_heads().await.unwrap();
    meddle(&store, "DELETE FROM audit WHERE seq > 7").await;
    let alone = verdict(&store, &Heads::new()).await;
    assert_eq!((alone.broken, alone.vouched), (None, None), "not checkable, and said so");
    let found = verdict(&store, &heads).await;
    assert_eq!((found.broken.unwrap().0, found.vouched), (8, None));
    // Grown again behind the cut, it is another history.
    commit(&store, Commit { audit: (20..24).map(draft).collect(), ..prod() }).await.unwrap();
    assert_eq!(verdict(&store, &Heads::new()).await.broken, None);
    assert_eq!(verdict(&store, &heads).await.broken.unwrap().0, 10);
    // A chain that is gone altogether is still missed.
    meddle(&store, "DELETE FROM audit").await;
    assert_eq!(verdict(&store, &heads).await.broken.unwrap().0, 1);
}

#[tokio::test]
async fn a_long_chain_is_verified_over_many_pages() {
    let (_dir, store, _) = linked(0).await;
    commit(&store, Commit { audit: (1..=1203).map(draft).collect(), ..prod() }).await.unwrap();
    assert_eq!(verdict(&store, &Heads::new()).await.rows, 1203);
    meddle(&store, "UPDATE audit SET who = 'x' WHERE seq = 1001").await;
    assert_eq!(verdict(&store, &Heads::new()).await.broken.unwrap().0, 1001);
}

#[tokio::test]
async fn the_head_file_is_private_replaced_whole_and_never_forgets() {
    let (dir, store) = chained().await;
    let path = store.heads_path();
    assert_eq!(path, store.heads_path());
    assert_eq!(read_heads(&path).unwrap(), BTreeMap::new());
    let first = store.write_heads(&path).await.unwrap();
    assert_eq!(read_heads(&path).unwrap(), first);
    commit(&store, Commit { audit: vec![draft(11)], ..prod() }).await.unwrap();
    let second = store.write_heads(&path).await.unwrap();
    assert_eq!((second["prod"].0, read_heads(&path).unwrap()), (11, second.clone()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!names.iter().any(|n| n.to_string_lossy().ends_with(".new")), "{names:?}");
    meddle(&store, "DELETE FROM audit WHERE seq > 9").await;
    says(&store.write_heads(&path).await.unwrap_err(), "lost or changed row 11");
    assert_eq!(read_heads(&path).unwrap(), second, "the evidence stays");
}
