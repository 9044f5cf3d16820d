//! A click becomes a row, once.

use std::collections::BTreeMap;

use stackdeck::domain::redeploy::{Before, Command, RedeployOptions, RedeployState};
use stackdeck::domain::{AccessToken, DeploymentId, Reason};
use stackdeck::store::{Entered, NewRedeploy, StoreError};
use tokio::task::JoinSet;

use super::fixture::{ANA, BEN, TOKEN, World, ask, on_both, operation, redeploy_of, stack};

on_both!(
    what_was_asked_for_comes_back,
    of_five_hundred_with_one_id_one_is_new,
    of_five_hundred_on_one_stack_one_is_new,
    a_stack_is_free_again_once_there_is_an_answer,
    a_request_wakes_the_worker,
    a_row_that_cannot_be_read_hides_no_other,
);

async fn what_was_asked_for_comes_back(world: World) {
    let ledger = world.open().await.ledger();
    let new = NewRedeploy {
        id: operation(3),
        command: Command::ClearCaches,
        stack: stack(5),
        // PostgreSQL has no place for a NUL; it is dropped, the rest stays.
        stack_name: "ché\0ckout".into(),
        environment: "stag\0ing".into(),
        asked_by: BEN,
        asked_by_name: "B\0en".into(),
        options: RedeployOptions {
            git_ref: Some("main".into()),
            services: vec!["web:1".into(), "worker".into()],
            deployment_profile: Some("blue".into()),
            note: Some("first\0second\n'); --".into()),
        },
        before: Before {
            newest_deployment: Some(DeploymentId(5120)),
            live_hash: Some("4c1d9ab".into()),
            branch: Some("main".into()),
            git: Some("git@example.com:a/b.git".into()),
            usual_seconds: Some(400),
        },
        token: AccessToken::new(TOKEN.into()),
        batch: None,
        form_made_at: time::OffsetDateTime::UNIX_EPOCH,
    };
    let Entered::New(entered) = ledger.request(new.clone()).await.unwrap() else {
        panic!("not new");
    };
    assert_eq!(ledger.get(new.id).await.unwrap(), Some(entered.clone()));
    assert_eq!(entered.stack_name, "chéckout");
    assert_eq!(entered.environment, "staging");
    assert_eq!(entered.asked_by_name, "Ben");
    assert_eq!(
        (entered.id, entered.command, entered.stack),
        (new.id, new.command, new.stack)
    );
    assert_eq!(
        (entered.asked_by, &entered.options, &entered.before),
        (BEN, &new.options, &new.before)
    );
    assert_eq!(entered.state, RedeployState::Requested);
    assert_eq!((entered.requested_at, entered.sent_at), (world.now(), None));
    assert_eq!((entered.attempts, entered.looks, entered.queued), (0, 0, false));

    let token = ledger.token_of(new.id).await.unwrap().unwrap();
    assert_eq!(token.expose(), TOKEN);
    assert_eq!(ledger.get(operation(4)).await.unwrap(), None);
}

/// Asks from two instances at once, and counts the answers by their kind.
async fn five_hundred(world: &World, ask: impl Fn(u128) -> NewRedeploy) -> BTreeMap<&'static str, u32> {
    let instances = [world.open().await, world.open().await];
    let mut clicks = JoinSet::new();
    for n in 0..500 {
        let (ledger, new) = (instances[n % 2].ledger(), ask(n as u128));
        clicks.spawn(async move {
            let (id, stack) = (new.id, new.stack);
            let mut entered = ledger.request(new.clone()).await;
            // A busy machine may find no connection in time; the person would press again.
            while entered == Err(StoreError::Unavailable) {
                entered = ledger.request(new.clone()).await;
            }
            match entered.unwrap() {
                Entered::New(redeploy) => {
                    assert_eq!(redeploy.id, id);
                    "new"
                }
                Entered::Already(redeploy) => {
                    assert_eq!(redeploy.id, id);
                    "already"
                }
                Entered::StackTaken(redeploy) => {
                    assert_eq!(redeploy.stack, stack);
                    assert_ne!(redeploy.id, id);
                    "taken"
                }
            }
        });
    }
    let mut counts = BTreeMap::new();
    for kind in clicks.join_all().await {
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

/// Case E05; the measurement M15: one winner.
async fn of_five_hundred_with_one_id_one_is_new(world: World) {
    let counts = five_hundred(&world, |_| redeploy_of(1, operation(1))).await;
    assert_eq!(counts, BTreeMap::from([("new", 1), ("already", 499)]));
    assert_eq!(world.number("SELECT count(*) FROM redeploys").await, 1);
}

/// Case E02; the measurement M15.
async fn of_five_hundred_on_one_stack_one_is_new(world: World) {
    let counts = five_hundred(&world, |n| redeploy_of(1, operation(n))).await;
    assert_eq!(counts, BTreeMap::from([("new", 1), ("taken", 499)]));
    assert_eq!(world.number("SELECT count(*) FROM redeploys").await, 1);
}

async fn a_stack_is_free_again_once_there_is_an_answer(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    for (n, answered) in [(1, true), (2, false)] {
        let claim = super::fixture::claim(&store, 1, operation(n)).await;
        let taken = ledger.request(redeploy_of(1, operation(99))).await.unwrap();
        assert!(matches!(taken, Entered::StackTaken(redeploy) if redeploy.id == operation(n)));
        // Another stack is another matter, and another person gets the same answer.
        ask(&store, 100 + n, operation(100 + n)).await;
        let mut by_ben = redeploy_of(1, operation(98));
        by_ben.asked_by = BEN;
        let taken = ledger.request(by_ben).await.unwrap();
        assert!(matches!(taken, Entered::StackTaken(redeploy) if redeploy.asked_by == ANA));

        if answered {
            assert!(ledger.accepted(&claim, None, true, "").await.unwrap());
        } else {
            assert!(
                ledger
                    .refused(&claim, Reason::Rejected, Some("Forbidden"))
                    .await
                    .unwrap()
            );
        }
        let other = ledger
            .claim("worker", super::fixture::LEASE)
            .await
            .unwrap()
            .unwrap();
        assert!(ledger.refused(&other, Reason::Rejected, Some("")).await.unwrap());
    }
    // The ids of ended rows stay taken: a form that is sent again years later changes nothing.
    for n in [1, 2] {
        let again = ledger.request(redeploy_of(1, operation(n))).await.unwrap();
        assert!(matches!(again, Entered::Already(redeploy) if redeploy.id == operation(n)));
    }
    ask(&store, 1, operation(3)).await;
}

async fn a_request_wakes_the_worker(world: World) {
    let store = world.open().await;
    let wake = store.ledger().wake();
    let woken = wake.notified();
    ask(&store, 1, operation(1)).await;
    woken.await;
}

async fn a_row_that_cannot_be_read_hides_no_other(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    ask(&store, 1, operation(1)).await;
    ask(&store, 2, operation(2)).await;
    let broken = operation(1);
    world
        .sql(&format!(
            "UPDATE redeploys SET options = '{{' WHERE id = '{broken}'"
        ))
        .await;
    assert_eq!(ledger.get(broken).await, Err(StoreError::Broken));
    let readable = ledger.open_of_person(ANA).await.unwrap();
    assert_eq!(
        readable.iter().map(|redeploy| redeploy.id).collect::<Vec<_>>(),
        [operation(2)]
    );
}
