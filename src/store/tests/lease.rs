//! Leases: one holder at a time, and no late writer gets through.
//! Time passes only where the test says so.

use super::*;

async fn renew(store: &Store, epoch: i64) -> Option<Lease> {
    let ask = Ask::RenewLease { workspace: ws("prod"), epoch, life_ms: 30_000 };
    match store.ask(ask).await.unwrap() {
        Told::Lease(lease) => lease,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lease_changes_hands_only_after_its_end_and_fences_the_late_writer() {
    let (dir, a) = fresh().await;
    let b = Store::open_for_simulation(&file(&dir)).await.unwrap();
    let first = take(&a, "prod", "a").await.unwrap();
    assert_eq!((first.epoch, first.ends, first.read_at), (1, Stamp(30_000_000), Stamp(0)));
    assert_eq!(take(&b, "prod", "b").await, None);

    a.set_simulated_clock(Stamp(10_000_000)).await.unwrap();
    assert_eq!(take(&a, "prod", "a").await.unwrap().epoch, 1, "still the same reign");
    assert_eq!(renew(&a, 1).await.unwrap().ends, Stamp(40_000_000));

    a.set_simulated_clock(Stamp(40_000_000)).await.unwrap();
    assert_eq!(renew(&a, 1).await, None, "it ended at this very moment");
    let second = take(&b, "prod", "b").await.unwrap();
    assert_eq!((second.holder.as_str(), second.epoch), ("b", 2));

    let late = Commit { new_links: vec![link("prod", 1)], ..prod() };
    assert_eq!(commit(&a, late.clone()).await, Err(StoreFault::LeaseLost));
    assert!(a.link_state(LinkId(1)).await.unwrap().is_none(), "rolled back");
    assert!(commit(&b, Commit { epoch: 2, ..late }).await.is_ok());
}

#[tokio::test]
async fn an_ended_or_released_lease_fences_even_its_last_holder() {
    let (_dir, store, _) = linked(1).await;
    store.set_simulated_clock(Stamp(30_000_000)).await.unwrap();
    assert_eq!(commit(&store, prod()).await, Err(StoreFault::LeaseLost));
    assert_eq!(take(&store, "prod", "me").await.unwrap().epoch, 2, "taken anew");
    store.ask(Ask::ReleaseLease { workspace: ws("prod"), epoch: 1 }).await.unwrap();
    assert!(commit(&store, Commit { epoch: 2, ..prod() }).await.is_ok(), "an old epoch releases nothing");
    store.ask(Ask::ReleaseLease { workspace: ws("prod"), epoch: 2 }).await.unwrap();
    assert_eq!(commit(&store, Commit { epoch: 2, ..prod() }).await, Err(StoreFault::LeaseLost));
    assert_eq!(take(&store, "prod", "you").await.unwrap().epoch, 3);
    assert_eq!(store.leases().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_lease_that_a_wrong_clock_made_too_long_is_taken_once_it_was_seen_idle() {
    let (dir, a) = fresh().await;
    let b = Store::open_for_simulation(&file(&dir)).await.unwrap();
    a.set_simulated_clock(Stamp(3_600_000_000)).await.unwrap();
    let first = take(&a, "prod", "a").await.unwrap();
    a.set_simulated_clock(Stamp(0)).await.unwrap();
    assert_eq!(take(&b, "prod", "b").await, None, "an hour to go, as it seems");
    let Told::Lease(Some(seen)) = b.ask(Ask::LeaseOf(ws("prod"))).await.unwrap() else { panic!() };
    assert_eq!((seen.epoch, seen.ends), (first.epoch, first.ends));
    renew(&a, 1).await.unwrap();
    assert_eq!(take_idle(&b, "prod", "b", Some((seen.epoch, seen.ends))).await, None, "it lives");
    let Told::Lease(Some(seen)) = b.ask(Ask::LeaseOf(ws("prod"))).await.unwrap() else { panic!() };
    assert_eq!(take_idle(&b, "prod", "b", Some((seen.epoch, seen.ends))).await.unwrap().epoch, 2);
}

#[tokio::test]
async fn of_many_who_reach_for_a_lease_at_once_one_gets_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let open = (0..4).map(|_| Store::open(&path, Mode::ReadWrite));
    let stores = futures::future::try_join_all(open).await.unwrap();
    let names = ["a", "b", "c", "d"];
    let takes = stores.iter().zip(names).map(|(s, n)| take(s, "prod", n));
    let won: Vec<Lease> = futures::future::join_all(takes).await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert!(won[0].read_at > Stamp::parse_rfc3339("2024-01-01T00:00:00Z").unwrap(), "a real clock");
    assert_eq!(won[0].ends.0 - won[0].read_at.0, 30_000_000);
}
