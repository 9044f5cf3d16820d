//! The ledger as pages read it.

use std::time::Duration;

use stackdeck::domain::redeploy::RedeployState as S;
use stackdeck::domain::{DeploymentId, OperationId, Reason, Redeploy};
use stackdeck::store::Entered;

use super::fixture::{ANA, BEN, World, claim, on_both, operation, redeploy_of, stack};

on_both!(
    a_person_reads_page_by_page,
    what_is_open_is_found,
    the_redeploys_of_a_batch,
    ends_are_new_until_seen,
    what_may_have_moved_is_found_for_all_people_at_once
);

fn ids(redeploys: &[Redeploy]) -> Vec<OperationId> {
    redeploys.iter().map(|redeploy| redeploy.id).collect()
}

async fn a_person_reads_page_by_page(world: World) {
    let ledger = world.open().await.ledger();
    for n in 1..=5 {
        assert!(matches!(
            ledger.request(redeploy_of(n, operation(n))).await.unwrap(),
            Entered::New(_)
        ));
        world.advance(Duration::from_secs(1));
    }
    let mut of_ben = redeploy_of(6, operation(6));
    of_ben.asked_by = BEN;
    ledger.request(of_ben).await.unwrap();

    let first = ledger.of_person(ANA, 2, None).await.unwrap();
    assert_eq!(ids(&first), [operation(5), operation(4)]);
    let next = ledger.of_person(ANA, 9, Some(first[1].id)).await.unwrap();
    assert_eq!(ids(&next), [operation(3), operation(2), operation(1)]);
    assert_eq!(
        ids(&ledger.of_person(BEN, 9, None).await.unwrap()),
        [operation(6)]
    );
}

async fn what_is_open_is_found(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let of = async |deployment| {
        let found = ledger
            .open_of_deployment(stack(1), DeploymentId(deployment))
            .await;
        found.unwrap().map(|redeploy| redeploy.id)
    };
    assert_eq!(of(9).await, None);

    let first = claim(&store, 1, operation(1)).await;
    ledger.accepted(&first, None, false, "").await.unwrap();
    let next_look = world.now();
    ledger
        .running(operation(1), Some(DeploymentId(9)), None, next_look)
        .await
        .unwrap();
    let second = claim(&store, 1, operation(2)).await;
    assert_eq!(of(9).await, Some(operation(1)), "not the newest, but its own");
    assert_eq!(of(10).await, None);
    assert_eq!(
        ids(&ledger.open_of_person(ANA).await.unwrap()),
        [operation(2), operation(1)]
    );
    assert_eq!(ledger.open_of_person(BEN).await.unwrap(), []);

    ledger
        .refused(&second, Reason::Rejected, Some("busy"))
        .await
        .unwrap();
    ledger
        .ended(operation(1), S::Succeeded, None, None, None)
        .await
        .unwrap();
    assert_eq!(of(9).await, None);
    assert_eq!(ledger.open_of_person(ANA).await.unwrap(), []);
}

async fn the_redeploys_of_a_batch(world: World) {
    let ledger = world.open().await.ledger();
    for n in [3, 1, 2] {
        let mut new = redeploy_of(n, operation(n));
        new.batch = Some(operation(77));
        ledger.request(new).await.unwrap();
    }
    ledger.request(redeploy_of(4, operation(4))).await.unwrap();
    let batch = ledger.of_batch(operation(77)).await.unwrap();
    assert_eq!(ids(&batch), [operation(3), operation(1), operation(2)]);
    assert_eq!(ledger.of_batch(operation(78)).await.unwrap(), []);
}

async fn ends_are_new_until_seen(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    for n in [1, 2, 3] {
        let claim = claim(&store, n, operation(n)).await;
        if n != 3 {
            ledger
                .refused(&claim, Reason::Rejected, Some("no"))
                .await
                .unwrap();
        }
    }
    assert!(!ledger.seen(operation(3)).await.unwrap());
    assert_eq!(
        ids(&ledger.unseen_ends(ANA).await.unwrap()),
        [operation(2), operation(1)]
    );
    assert!(ledger.seen(operation(2)).await.unwrap());
    assert!(!ledger.seen(operation(2)).await.unwrap());
    assert_eq!(ids(&ledger.unseen_ends(ANA).await.unwrap()), [operation(1)]);
    assert_eq!(ledger.unseen_ends(BEN).await.unwrap(), []);
}

async fn what_may_have_moved_is_found_for_all_people_at_once(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let moving = async |since| ids(&ledger.moving(since).await.unwrap());
    let early = claim(&store, 1, operation(1)).await;
    ledger
        .refused(&early, Reason::Rejected, Some("no"))
        .await
        .unwrap();
    world.advance(Duration::from_mins(1));
    let since = world.now();
    world.advance(Duration::from_secs(1));
    let ends = claim(&store, 2, operation(2)).await;
    let follows = claim(&store, 3, operation(3)).await;
    ledger.accepted(&follows, None, false, "").await.unwrap();
    let mut of_ben = redeploy_of(4, operation(4));
    of_ben.asked_by = BEN;
    ledger.request(of_ben).await.unwrap();
    assert_eq!(moving(since).await, [operation(4), operation(3), operation(2)]);

    ledger.refused(&ends, Reason::Rejected, Some("no")).await.unwrap();
    ledger
        .stop_looking(operation(3), Reason::NoEndTold)
        .await
        .unwrap();
    assert_eq!(
        moving(since).await,
        [operation(4), operation(2)],
        "what ended just now is still told, what nobody follows is not"
    );
    assert_eq!(moving(world.now()).await, [operation(4)]);
}
