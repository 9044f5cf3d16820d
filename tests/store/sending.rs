//! A worker holds a row while its request goes out.

use std::collections::BTreeSet;
use std::time::Duration;

use stackdeck::domain::redeploy::RedeployState as S;
use stackdeck::domain::{ActionId, OperationId, Reason, Redeploy, UserId};
use stackdeck::store::{Entered, NewRedeploy, SENDS_OF_ONE_PERSON, Store};
use tokio::task::JoinSet;

use super::fixture::{LEASE, TOKEN, World, ask, claim, on_both, operation, redeploy_of};

on_both!(
    of_sixty_four_workers_one_gets_the_row,
    sixty_four_workers_get_a_row_each,
    the_longest_waiting_goes_first,
    a_worker_sends_a_few_of_one_person_and_then_somebody_elses,
    who_has_fewest_under_way_comes_next,
    an_accepted_redeploy_keeps_its_token_to_be_followed,
    a_refused_redeploy_has_ended,
    what_was_not_sent_is_sent_again_at_its_time,
    an_ended_lease_makes_it_unknown_and_never_sent_again,
    a_worker_that_comes_late_is_believed_only_when_it_was_accepted,
    an_earlier_attempt_counts_for_nothing,
    what_cannot_be_opened_is_not_sent,
    of_a_batch_one_is_sent_at_a_time,
    a_worker_that_ends_leaves_nothing_in_its_hands,
);

async fn state(store: &Store, id: OperationId) -> Redeploy {
    store.ledger().get(id).await.unwrap().unwrap()
}

async fn race(world: &World, workers: usize) -> Vec<OperationId> {
    let instances = [world.open().await, world.open().await];
    let mut race = JoinSet::new();
    for n in 0..workers {
        let ledger = instances[n % 2].ledger();
        race.spawn(async move {
            let claim = ledger.claim(&format!("worker {n}"), LEASE).await.unwrap();
            claim.map(|claim| claim.redeploy().id)
        });
    }
    race.join_all().await.into_iter().flatten().collect()
}

/// Case E05; the measurement M15.
async fn of_sixty_four_workers_one_gets_the_row(world: World) {
    let store = world.open().await;
    for n in 0..5 {
        ask(&store, n, operation(n)).await;
        assert_eq!(race(&world, 64).await, [operation(n)]);
    }
}

async fn sixty_four_workers_get_a_row_each(world: World) {
    let store = world.open().await;
    for n in 0..64 {
        ask(&store, n, operation(n)).await;
    }
    // PostgreSQL passes over a row that somebody else is just taking, so a second round may be needed.
    let mut claimed = Vec::new();
    while claimed.len() < 64 {
        let more = race(&world, 64).await;
        assert!(!more.is_empty());
        claimed.extend(more);
    }
    let all: BTreeSet<_> = claimed.iter().copied().collect();
    assert_eq!((claimed.len(), all.len()), (64, 64));
    assert_eq!(race(&world, 4).await, []);
    assert_eq!(world.number("SELECT max(attempts) FROM redeploys").await, 1);
}

async fn the_longest_waiting_goes_first(world: World) {
    let store = world.open().await;
    for n in [3, 1, 2] {
        ask(&store, n, operation(n)).await;
    }
    for n in [3, 1, 2] {
        let claim = store.ledger().claim("worker", LEASE).await.unwrap().unwrap();
        assert_eq!(claim.redeploy().id, operation(n));
    }
    assert!(store.ledger().claim("worker", LEASE).await.unwrap().is_none());
}

/// Writes down a redeploy of this person, of a stack of its own.
async fn ask_as(store: &Store, person: i64, n: u128) {
    let row = NewRedeploy {
        asked_by: UserId(person),
        ..redeploy_of(n, operation(n))
    };
    assert!(matches!(
        store.ledger().request(row).await.unwrap(),
        Entered::New(_)
    ));
}

/// Case E86.
async fn a_worker_sends_a_few_of_one_person_and_then_somebody_elses(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let share = u128::from(SENDS_OF_ONE_PERSON);
    for n in 0..share + 3 {
        ask_as(&store, 1, n).await;
    }
    ask_as(&store, 2, 100).await;
    let mut claims = Vec::new();
    while let Some(claim) = ledger.claim("worker", LEASE).await.unwrap() {
        claims.push(claim);
    }
    let ids: Vec<_> = claims.iter().map(|claim| claim.redeploy().id).collect();
    assert_eq!(ids.len() as u128, share + 1, "{ids:?}");
    assert_eq!(
        ids[1],
        operation(100),
        "who has none under way comes next: {ids:?}"
    );
    // Another worker has a share of its own: what a dead one holds is in nobody's way.
    assert!(ledger.claim("another", LEASE).await.unwrap().is_some());
    assert!(ledger.accepted(&claims[0], None, false, "").await.unwrap());
    let next = ledger.claim("worker", LEASE).await.unwrap().unwrap();
    assert_eq!(next.redeploy().asked_by, UserId(1), "an answer makes room");
    assert!(ledger.claim("worker", LEASE).await.unwrap().is_none());
}

async fn who_has_fewest_under_way_comes_next(world: World) {
    let store = world.open().await;
    for n in 0..3 {
        ask_as(&store, 1, n).await;
    }
    for n in 10..12 {
        ask_as(&store, 2, n).await;
    }
    ask_as(&store, 3, 20).await;
    let mut order = Vec::new();
    while let Some(claim) = store.ledger().claim("worker", LEASE).await.unwrap() {
        order.push(claim.redeploy().asked_by.0);
    }
    assert_eq!(order, [1, 2, 3, 1, 2, 1]);
}

async fn an_accepted_redeploy_keeps_its_token_to_be_followed(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let claim = claim(&store, 1, operation(1)).await;
    assert_eq!(claim.redeploy().state, S::Sending);
    assert_eq!(claim.redeploy().attempts, 1);
    assert_eq!(claim.redeploy().sent_at, Some(world.now()));
    assert_eq!(claim.token().expose(), TOKEN);
    assert!(!format!("{claim:?}").contains(TOKEN));
    assert!(ledger.still_held(&claim).await.unwrap());

    world.advance(Duration::from_secs(2));
    assert!(
        ledger
            .accepted(&claim, Some(ActionId(77)), true, "Queued\0")
            .await
            .unwrap()
    );
    assert!(!ledger.still_held(&claim).await.unwrap());
    let row = state(&store, operation(1)).await;
    assert_eq!(
        (row.state, row.action, row.queued),
        (S::Accepted, Some(ActionId(77)), true)
    );
    assert_eq!(row.message.as_deref(), Some("Queued"));
    assert_eq!((row.answered_at, row.finished_at), (Some(world.now()), None));
    assert!(ledger.token_of(operation(1)).await.unwrap().is_some());

    // What was said once is not taken back.
    assert!(!ledger.accepted(&claim, None, false, "").await.unwrap());
    assert!(!ledger.refused(&claim, Reason::Rejected, Some("")).await.unwrap());
    assert!(!ledger.unknown(&claim).await.unwrap());
    assert!(!ledger.not_sent(&claim, world.now()).await.unwrap());
    assert_eq!(state(&store, operation(1)).await, row);
}

async fn a_refused_redeploy_has_ended(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let claim = claim(&store, 1, operation(1)).await;
    assert!(
        ledger
            .refused(&claim, Reason::Rejected, Some("Your role\0 cannot deploy"))
            .await
            .unwrap()
    );
    let row = state(&store, operation(1)).await;
    assert_eq!(row.state, S::Refused);
    assert_eq!(row.message.as_deref(), Some("Your role cannot deploy"));
    assert_eq!(
        (row.answered_at, row.finished_at),
        (Some(world.now()), Some(world.now()))
    );
    assert!(ledger.token_of(operation(1)).await.unwrap().is_none());
    assert_eq!(
        world
            .number("SELECT count(*) FROM redeploys WHERE sealed_token IS NOT NULL")
            .await,
        0
    );
    assert!(!ledger.accepted(&claim, None, false, "").await.unwrap());
}

async fn what_was_not_sent_is_sent_again_at_its_time(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let first = claim(&store, 1, operation(1)).await;
    let again_at = world.now() + Duration::from_secs(5);
    assert!(ledger.not_sent(&first, again_at).await.unwrap());
    let row = state(&store, operation(1)).await;
    assert_eq!((row.state, row.sent_at, row.attempts), (S::Requested, None, 1));

    world.advance(Duration::from_millis(4_999));
    assert!(ledger.claim("worker", LEASE).await.unwrap().is_none());
    world.advance(Duration::from_millis(1));
    let second = ledger.claim("worker", LEASE).await.unwrap().unwrap();
    assert_eq!(second.redeploy().attempts, 2);
    assert!(ledger.accepted(&second, None, false, "").await.unwrap());
    assert_eq!(state(&store, operation(1)).await.message, None);
}

/// Cases Q03, E15.
async fn an_ended_lease_makes_it_unknown_and_never_sent_again(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let held = claim(&store, 1, operation(1)).await;
    world.advance(LEASE.checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!(ledger.expire_leases().await.unwrap(), 0);
    assert!(ledger.still_held(&held).await.unwrap());

    world.advance(Duration::from_millis(1));
    assert!(!ledger.still_held(&held).await.unwrap());
    assert_eq!(ledger.expire_leases().await.unwrap(), 1);
    assert_eq!(ledger.expire_leases().await.unwrap(), 0);
    let row = state(&store, operation(1)).await;
    assert_eq!(
        (row.state, row.answered_at, row.looks),
        (S::Unknown, Some(world.now()), 0)
    );
    world.advance(Duration::from_hours(24));
    assert!(ledger.claim("worker", LEASE).await.unwrap().is_none());
}

/// Case E18.
async fn a_worker_that_comes_late_is_believed_only_when_it_was_accepted(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    for n in [1, 2] {
        let late = claim(&store, n, operation(n)).await;
        world.advance(LEASE);
        ledger.expire_leases().await.unwrap();
        assert!(!ledger.refused(&late, Reason::Rejected, Some("no")).await.unwrap());
        assert!(!ledger.not_sent(&late, world.now()).await.unwrap());
        assert!(!ledger.unknown(&late).await.unwrap());
        assert_eq!(state(&store, operation(n)).await.state, S::Unknown);
        if n == 1 {
            assert!(
                ledger
                    .accepted(&late, Some(ActionId(5)), false, "")
                    .await
                    .unwrap()
            );
            let row = state(&store, operation(n)).await;
            assert_eq!((row.state, row.action), (S::Accepted, Some(ActionId(5))));
        } else {
            // Not after the end: it is never left.
            assert!(ledger.lost(operation(n), Reason::NoRecord).await.unwrap());
            assert!(
                !ledger
                    .accepted(&late, Some(ActionId(5)), false, "")
                    .await
                    .unwrap()
            );
            assert_eq!(state(&store, operation(n)).await.state, S::Lost);
        }
    }
}

async fn an_earlier_attempt_counts_for_nothing(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let first = claim(&store, 1, operation(1)).await;
    assert!(ledger.not_sent(&first, world.now()).await.unwrap());
    // The same worker's name, even: the attempt decides.
    let second = ledger.claim("worker", LEASE).await.unwrap().unwrap();
    assert!(!ledger.still_held(&first).await.unwrap());
    assert!(!ledger.accepted(&first, None, false, "").await.unwrap());
    assert!(
        !ledger
            .refused(&first, Reason::Rejected, Some("no"))
            .await
            .unwrap()
    );
    assert!(!ledger.unknown(&first).await.unwrap());
    assert!(!ledger.not_sent(&first, world.now()).await.unwrap());

    assert!(ledger.still_held(&second).await.unwrap());
    assert!(ledger.unknown(&second).await.unwrap());
    assert!(!ledger.accepted(&first, None, false, "").await.unwrap());
    assert_eq!(state(&store, operation(1)).await.state, S::Unknown);
}

async fn what_cannot_be_opened_is_not_sent(world: World) {
    let first = world.open_with(&[1]).await;
    ask(&first, 1, operation(1)).await;
    let later = world.open_with(&[2]).await;
    ask(&later, 2, operation(2)).await;
    let claim = later.ledger().claim("worker", LEASE).await.unwrap().unwrap();
    assert_eq!(claim.redeploy().id, operation(2));
    let row = state(&later, operation(1)).await;
    assert_eq!(row.state, S::Refused);
    assert_eq!(row.reason, Some(Reason::NoToken));
}

async fn of_a_batch_one_is_sent_at_a_time(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    for n in 1..=6 {
        let mut new = redeploy_of(n, operation(n));
        new.batch = Some(operation(77));
        ledger.request(new).await.unwrap();
    }
    ask(&store, 7, operation(7)).await;
    for n in 1..=6 {
        // However many try, one row of the batch is taken; the row beside it does not wait for them.
        let mut claimed = race(&world, 16).await;
        claimed.sort();
        let alone: &[OperationId] = if n == 1 {
            &[operation(1), operation(7)]
        } else {
            &[operation(n)]
        };
        assert_eq!(claimed, alone);
        let ended = match n {
            1 => world
                .sql("UPDATE redeploys SET state = 'unknown' WHERE state = 'sending' AND batch IS NOT NULL"),
            _ => world
                .sql("UPDATE redeploys SET state = 'accepted' WHERE state = 'sending' AND batch IS NOT NULL"),
        };
        ended.await;
    }
    assert_eq!(race(&world, 4).await, []);
    assert_eq!(world.number("SELECT max(attempts) FROM redeploys").await, 1);
}

async fn a_worker_that_ends_leaves_nothing_in_its_hands(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    for n in [1, 2] {
        ask(&store, n, operation(n)).await;
    }
    let mine = ledger.claim("mine", LEASE).await.unwrap().unwrap();
    let other = ledger.claim("other", LEASE).await.unwrap().unwrap();
    assert_eq!(ledger.give_up("mine").await.unwrap(), 1);
    assert_eq!(state(&store, mine.redeploy().id).await.state, S::Unknown);
    assert_eq!(state(&store, other.redeploy().id).await.state, S::Sending);
    assert!(
        ledger.claim("mine", LEASE).await.unwrap().is_none(),
        "never sent again"
    );
    let due = ledger.due(9, 9, &[]).await.unwrap();
    assert_eq!(due.len(), 1, "looked up at once");
    assert_eq!(ledger.give_up("mine").await.unwrap(), 0);
}
