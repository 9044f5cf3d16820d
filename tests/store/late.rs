//! An old intention is not an order: what was not sent in time, or was asked for in another database, is asked for at
//! Cloud 66 before anything of it is sent.

use std::time::Duration;

use stackdeck::domain::redeploy::RedeployState as S;
use stackdeck::domain::{ActionId, OperationId, Reason};
use stackdeck::store::Store;

use super::fixture::{LEASE, World, ask, on_both, operation, redeploy_of};

on_both!(
    after_two_minutes_it_is_set_aside_and_not_sent,
    a_row_from_the_future_is_late_as_well,
    a_batch_that_goes_on_is_in_time_and_one_that_was_interrupted_is_not,
    after_a_start_what_waits_is_asked_for_and_then_sent,
    in_another_database_what_waits_is_not_sent_at_all,
    what_is_set_aside_ends_as_cloud_66_says,
    a_clock_that_is_set_takes_no_row_out_of_the_hands_of_its_task,
    a_lease_of_a_clock_that_was_set_back_ends,
    a_look_that_was_put_off_by_a_clock_that_was_set_back_is_due,
);

/// Just below and just above what is in time.
const IN_TIME: Duration = Duration::from_secs(119);
const LATE: Duration = Duration::from_secs(121);

async fn claimed(store: &Store) -> Option<OperationId> {
    let claim = store.ledger().claim("worker", LEASE).await.unwrap();
    claim.map(|claim| claim.redeploy().id)
}

async fn due(store: &Store) -> Vec<OperationId> {
    let mut due: Vec<_> = store
        .ledger()
        .due(100, 100, &[])
        .await
        .unwrap()
        .iter()
        .map(|due| due.redeploy.id)
        .collect();
    due.sort();
    due
}

async fn state(store: &Store, id: OperationId) -> S {
    store.ledger().get(id).await.unwrap().unwrap().state
}

/// Case E61.
async fn after_two_minutes_it_is_set_aside_and_not_sent(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    ask(&store, 1, operation(1)).await;
    ask(&store, 2, operation(2)).await;
    world.advance(IN_TIME);
    assert_eq!(ledger.set_aside().await.unwrap(), 0);
    assert_eq!(claimed(&store).await, Some(operation(1)));
    world.advance(LATE.checked_sub(IN_TIME).unwrap());
    // Whoever claims before anything was set aside gets nothing either.
    assert_eq!(claimed(&store).await, None);
    assert_eq!(ledger.set_aside().await.unwrap(), 1);
    assert_eq!(ledger.set_aside().await.unwrap(), 0);
    assert_eq!(claimed(&store).await, None);
    assert_eq!(due(&store).await, [operation(2)]);
    assert!(!ledger.let_be_sent(operation(2)).await.unwrap());
    assert!(ledger.too_late(operation(2)).await.unwrap());
    let row = ledger.get(operation(2)).await.unwrap().unwrap();
    assert_eq!((row.state, row.reason), (S::Refused, Some(Reason::TooLate)));
    assert_eq!((row.sent_at, row.attempts), (None, 0));
    assert!(ledger.token_of(operation(2)).await.unwrap().is_none());
}

/// Case E61: the clock was set back by a day since.
async fn a_row_from_the_future_is_late_as_well(world: World) {
    let store = world.open().await;
    ask(&store, 1, operation(1)).await;
    world
        .sql("UPDATE redeploys SET requested_at_ms = requested_at_ms + 86400000")
        .await;
    assert_eq!(claimed(&store).await, None);
    assert_eq!(store.ledger().set_aside().await.unwrap(), 1);
    assert_eq!(due(&store).await, [operation(1)]);
}

/// Case E62.
async fn a_batch_that_goes_on_is_in_time_and_one_that_was_interrupted_is_not(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    for n in 1..=20 {
        let mut new = redeploy_of(n, operation(n));
        new.batch = Some(operation(77));
        ledger.request(new).await.unwrap();
    }
    // Each takes a minute and a half: the tenth is sent after a quarter of an hour.
    for n in 1..=10 {
        assert_eq!(ledger.set_aside().await.unwrap(), 0);
        let claim = ledger.claim("worker", LEASE).await.unwrap().unwrap();
        assert_eq!(claim.redeploy().id, operation(n));
        world.advance(Duration::from_secs(50));
        assert!(
            ledger
                .accepted(&claim, Some(ActionId(5)), false, "")
                .await
                .unwrap()
        );
        world.advance(Duration::from_secs(40));
    }
    world.advance(Duration::from_mins(1));
    assert_eq!(claimed(&store).await, None);
    assert_eq!(ledger.set_aside().await.unwrap(), 10);
    for n in 11..=20 {
        assert!(!ledger.let_be_sent(operation(n)).await.unwrap());
    }
}

/// Case E63.
async fn after_a_start_what_waits_is_asked_for_and_then_sent(world: World) {
    let store = world.open().await;
    store.ledger().begin_epoch().await.unwrap();
    ask(&store, 1, operation(1)).await;
    store.close().await;
    let store = world.open().await;
    let ledger = store.ledger();
    ledger.begin_epoch().await.unwrap();
    assert_eq!(claimed(&store).await, None);
    assert_eq!(ledger.set_aside().await.unwrap(), 1);
    assert_eq!(due(&store).await, [operation(1)]);
    assert!(ledger.let_be_sent(operation(1)).await.unwrap());
    assert!(!ledger.let_be_sent(operation(1)).await.unwrap());
    assert_eq!(claimed(&store).await, Some(operation(1)));
    // What is asked for from now on is sent as it is, also by another instance that started before.
    ask(&store, 2, operation(2)).await;
    assert_eq!(ledger.set_aside().await.unwrap(), 0);
    assert_eq!(claimed(&world.open().await).await, Some(operation(2)));
}

/// Case D63.
async fn in_another_database_what_waits_is_not_sent_at_all(world: World) {
    let store = world.open().await;
    store.ledger().begin_epoch().await.unwrap();
    ask(&store, 1, operation(1)).await;
    store.close().await;
    // As in a copy: it says where it was made, and that is not here.
    world.sql("UPDATE epochs SET place = 'elsewhere'").await;
    let store = world.open().await;
    let ledger = store.ledger();
    ledger.begin_epoch().await.unwrap();
    assert_eq!(ledger.set_aside().await.unwrap(), 1);
    assert_eq!(due(&store).await, [operation(1)]);
    assert!(
        !ledger.let_be_sent(operation(1)).await.unwrap(),
        "although it is in time"
    );
    assert!(ledger.too_late(operation(1)).await.unwrap());
    // A start later it is the place that it is known by.
    ask(&store, 1, operation(2)).await;
    ledger.begin_epoch().await.unwrap();
    assert_eq!(ledger.set_aside().await.unwrap(), 1);
    assert!(ledger.let_be_sent(operation(2)).await.unwrap());
}

/// Case E61.
async fn what_is_set_aside_ends_as_cloud_66_says(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    for n in 1..=3 {
        ask(&store, n, operation(n)).await;
        assert!(!ledger.too_late(operation(n)).await.unwrap(), "not set aside");
        assert!(!ledger.found(operation(n), Some(ActionId(5))).await.unwrap());
    }
    world.advance(LATE);
    assert_eq!(ledger.set_aside().await.unwrap(), 3);
    assert!(ledger.found(operation(1), Some(ActionId(5))).await.unwrap());
    assert!(ledger.too_late(operation(2)).await.unwrap());
    assert!(ledger.too_late_and_not_known(operation(3)).await.unwrap());
    let states = [S::Accepted, S::Refused, S::Lost];
    for (n, expected) in (1..=3).zip(states) {
        assert_eq!(state(&store, operation(n)).await, expected);
        assert!(!ledger.too_late(operation(n)).await.unwrap());
    }
    assert_eq!(
        ledger.get(operation(1)).await.unwrap().unwrap().action,
        Some(ActionId(5))
    );
}

/// Case E64.
async fn a_clock_that_is_set_takes_no_row_out_of_the_hands_of_its_task(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    ask(&store, 1, operation(1)).await;
    let claim = ledger.claim("worker", LEASE).await.unwrap().unwrap();
    world.clock.jump(time::Duration::days(1));
    assert_eq!(ledger.expire_leases().await.unwrap(), 0);
    assert!(ledger.refused(&claim, Reason::Forbidden, None).await.unwrap());
    world.clock.jump(-time::Duration::days(1));

    // A task that ended without a word leaves its row to the lease.
    ask(&store, 2, operation(2)).await;
    drop(ledger.claim("worker", LEASE).await.unwrap().unwrap());
    world.advance(LEASE);
    assert_eq!(ledger.expire_leases().await.unwrap(), 1);
}

/// Case E64.
async fn a_lease_of_a_clock_that_was_set_back_ends(world: World) {
    let store = world.open().await;
    ask(&store, 1, operation(1)).await;
    drop(store.ledger().claim("worker", LEASE).await.unwrap().unwrap());
    world
        .sql("UPDATE redeploys SET lease_until_ms = lease_until_ms + 86400000")
        .await;
    assert_eq!(store.ledger().expire_leases().await.unwrap(), 1);
    assert_eq!(state(&store, operation(1)).await, S::Unknown);
}

/// Case E91.
async fn a_look_that_was_put_off_by_a_clock_that_was_set_back_is_due(world: World) {
    let store = world.open().await;
    ask(&store, 1, operation(1)).await;
    let claim = store.ledger().claim("worker", LEASE).await.unwrap().unwrap();
    assert!(store.ledger().unknown(&claim).await.unwrap());
    let two_years = "63072000000";
    world
        .sql(&format!(
            "UPDATE redeploys SET next_look_at_ms = next_look_at_ms + {two_years}, \
             answered_at_ms = answered_at_ms + {two_years}"
        ))
        .await;
    let due = store.ledger().due(100, 100, &[]).await.unwrap();
    let [due] = due.as_slice() else {
        panic!("{} rows are due", due.len());
    };
    // From now on, not from what that clock showed: else it would be looked up for two years.
    assert!(due.redeploy.answered_at.unwrap() <= due.now);
    assert!(
        store.ledger().due(100, 100, &[]).await.unwrap().is_empty(),
        "left alone now"
    );
}

/// Case E64: two instances on one database, one on a machine whose clock is ahead.
#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn an_instance_whose_clock_is_ahead_ends_no_lease_of_another() {
    let world = World::postgres().await;
    let store = world.open().await;
    ask(&store, 1, operation(1)).await;
    let claim = store.ledger().claim("worker", LEASE).await.unwrap().unwrap();
    let ahead = world.clock.of_another_machine();
    ahead.jump(time::Duration::seconds(90));
    let other = Store::open(
        world.options(),
        ahead.clock(),
        stackdeck::domain::Random::system(),
    )
    .await
    .unwrap();
    assert_eq!(other.ledger().expire_leases().await.unwrap(), 0);
    assert!(store.ledger().still_held(&claim).await.unwrap());
    assert!(
        store
            .ledger()
            .refused(&claim, Reason::Forbidden, None)
            .await
            .unwrap()
    );
    // What it writes down itself is by the same clock as everybody's.
    ask(&other, 2, operation(2)).await;
    assert_eq!(claimed(&store).await, Some(operation(2)));
    world.advance(LEASE + Duration::from_secs(1));
    assert_eq!(
        other.ledger().expire_leases().await.unwrap(),
        1,
        "time passes there as well"
    );
}

/// Case D63: a copy that is moved into the file's place is another file.
#[cfg(unix)]
#[tokio::test]
async fn a_backup_that_is_moved_into_place_is_noticed() {
    let world = World::sqlite();
    let store = world.open().await;
    store.ledger().begin_epoch().await.unwrap();
    ask(&store, 1, operation(1)).await;
    store.close().await;
    let backup = world.file().with_extension("backup");
    std::fs::copy(world.file(), &backup).unwrap();

    // The same file, started again.
    let store = world.open().await;
    store.ledger().begin_epoch().await.unwrap();
    store.ledger().set_aside().await.unwrap();
    assert!(store.ledger().let_be_sent(operation(1)).await.unwrap());
    assert_eq!(claimed(&store).await, Some(operation(1)));
    store.close().await;

    std::fs::rename(&backup, world.file()).unwrap();
    let store = world.open().await;
    store.ledger().begin_epoch().await.unwrap();
    assert_eq!(
        state(&store, operation(1)).await,
        S::Requested,
        "as if it had never been sent"
    );
    assert_eq!(store.ledger().set_aside().await.unwrap(), 1);
    assert!(!store.ledger().let_be_sent(operation(1)).await.unwrap());
}
