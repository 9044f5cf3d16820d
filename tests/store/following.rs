//! A redeploy is followed to its end, and tidied up after.

use std::time::Duration;

use stackdeck::domain::redeploy::RedeployState as S;
use stackdeck::domain::{AccessToken, ActionId, DeploymentId, OperationId, Reason, Redeploy, UserId};
use stackdeck::store::{LOOK_LEASE, NewRedeploy, Store};
use tokio::task::JoinSet;

use super::fixture::{ANA, BEN, LEASE, TOKEN, World, ask, claim, on_both, operation, redeploy_of};

on_both!(
    an_unknown_redeploy_is_found_or_lost,
    a_redeploy_runs_to_each_of_its_ends_and_its_token_goes,
    an_inferred_end_keeps_on_what_it_rests,
    an_action_is_named_and_a_wrong_one_replaced,
    what_cloud_66_stops_speaking_of_keeps_its_state,
    looks_are_taken_by_one_and_put_off,
    of_many_followers_each_look_goes_to_one,
    of_each_person_a_few_are_due_at_a_time,
    cancelling_is_noted_once,
    a_token_does_not_outlive_its_purpose,
    old_ends_are_pruned_and_nothing_else,
    another_sign_in_takes_the_following_over,
    it_is_known_when_cloud_66_was_heard_and_when_it_was_not,
    cancelled_deployments_are_read_by_when_they_ended,
);

async fn row(store: &Store, id: OperationId) -> Redeploy {
    store.ledger().get(id).await.unwrap().unwrap()
}

async fn accepted(store: &Store, n: u128) -> OperationId {
    let claim = claim(store, n, operation(n)).await;
    assert!(
        store
            .ledger()
            .accepted(&claim, Some(ActionId(1)), false, "On its way")
            .await
            .unwrap()
    );
    operation(n)
}

async fn unknown(store: &Store, n: u128) -> OperationId {
    let claim = claim(store, n, operation(n)).await;
    assert!(store.ledger().unknown(&claim).await.unwrap());
    operation(n)
}

async fn an_unknown_redeploy_is_found_or_lost(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let (one, other) = (unknown(&store, 1).await, unknown(&store, 2).await);
    world.advance(Duration::from_secs(9));

    assert!(ledger.found(one, Some(ActionId(9))).await.unwrap());
    assert!(!ledger.found(one, None).await.unwrap());
    assert!(!ledger.lost(one, Reason::NoRecord).await.unwrap());
    let found = row(&store, one).await;
    assert_eq!((found.state, found.action), (S::Accepted, Some(ActionId(9))));
    assert_eq!(found.answered_at, Some(world.now()));

    assert!(ledger.lost(other, Reason::NoRecord).await.unwrap());
    assert!(!ledger.found(other, Some(ActionId(9))).await.unwrap());
    let lost = row(&store, other).await;
    assert_eq!((lost.state, lost.finished_at), (S::Lost, Some(world.now())));
    assert_eq!(lost.reason, Some(Reason::NoRecord));
    assert!(ledger.token_of(other).await.unwrap().is_none());
    assert_eq!(ledger.token_of(one).await.unwrap().unwrap().expose(), TOKEN);
}

async fn a_redeploy_runs_to_each_of_its_ends_and_its_token_goes(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    for (n, end) in [(1, S::Succeeded), (2, S::Failed), (3, S::Cancelled)] {
        let id = accepted(&store, n).await;
        let at = world.now();
        assert!(ledger.running(id, None, Some("4c1d9ab"), at).await.unwrap());
        assert!(ledger.running(id, Some(DeploymentId(5)), None, at).await.unwrap());
        let running = row(&store, id).await;
        assert_eq!((running.state, running.looks), (S::Running, 2));
        assert_eq!(running.deployment, Some(DeploymentId(5)));
        assert_eq!(running.git_hash.as_deref(), Some("4c1d9ab"));

        // Only its own ends.
        for not_an_end in [
            S::Requested,
            S::Sending,
            S::Accepted,
            S::Unknown,
            S::Running,
            S::Refused,
            S::Lost,
        ] {
            assert!(!ledger.ended(id, not_an_end, None, None, None).await.unwrap());
        }
        assert!(
            ledger
                .ended(id, end, Some("the words"), None, Some("5d2e0bc"))
                .await
                .unwrap()
        );
        let ended = row(&store, id).await;
        assert_eq!((ended.state, ended.finished_at), (end, Some(world.now())));
        assert_eq!(
            (ended.deployment, ended.git_hash.as_deref()),
            (Some(DeploymentId(5)), Some("5d2e0bc"))
        );
        assert_eq!(ended.message.as_deref(), Some("the words"));
        assert!(ledger.token_of(id).await.unwrap().is_none());

        assert!(!ledger.running(id, None, None, at).await.unwrap());
        assert!(!ledger.ended(id, S::Failed, None, None, None).await.unwrap());
        assert!(!ledger.look_again(id, at).await.unwrap());
        assert_eq!(row(&store, id).await, ended);
    }
    // Straight from accepted, keeping the words there were.
    let id = accepted(&store, 4).await;
    assert!(ledger.ended(id, S::Succeeded, None, None, None).await.unwrap());
    assert_eq!(row(&store, id).await.message.as_deref(), Some("On its way"));
    assert_eq!(
        world
            .number("SELECT count(*) FROM redeploys WHERE sealed_token IS NOT NULL")
            .await,
        0
    );
}

async fn an_inferred_end_keeps_on_what_it_rests(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let id = accepted(&store, 1).await;
    let reason = Reason::OnlyDeployment;
    assert!(!ledger.inferred(id, S::Lost, reason, None, None).await.unwrap());
    let deployment = Some(DeploymentId(5));
    assert!(
        ledger
            .inferred(id, S::Succeeded, reason, deployment, Some("4c1d9ab"))
            .await
            .unwrap()
    );
    let ended = row(&store, id).await;
    assert_eq!((ended.state, ended.reason), (S::Succeeded, Some(reason)));
    assert_eq!(
        (ended.deployment, ended.finished_at),
        (deployment, Some(world.now()))
    );
    assert!(ledger.token_of(id).await.unwrap().is_none());
    assert!(
        !ledger.inferred(id, S::Failed, reason, None, None).await.unwrap(),
        "an end is never left"
    );

    let told = accepted(&store, 2).await;
    assert!(ledger.ended(told, S::Succeeded, None, None, None).await.unwrap());
    assert_eq!(row(&store, told).await.reason, None);
}

async fn an_action_is_named_and_a_wrong_one_replaced(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let id = accepted(&store, 1).await;
    assert_eq!(row(&store, id).await.action, Some(ActionId(1)));
    assert!(
        !ledger.named(id, ActionId(1)).await.unwrap(),
        "it is named already"
    );
    assert!(ledger.named(id, ActionId(7)).await.unwrap());
    assert_eq!(row(&store, id).await.action, Some(ActionId(7)));
    assert!(ledger.ended(id, S::Succeeded, None, None, None).await.unwrap());
    assert!(
        !ledger.named(id, ActionId(8)).await.unwrap(),
        "at an end nothing changes"
    );
}

async fn what_cloud_66_stops_speaking_of_keeps_its_state(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let (followed, running) = (accepted(&store, 1).await, accepted(&store, 2).await);
    ledger.running(running, None, None, world.now()).await.unwrap();
    for (id, state) in [(followed, S::Accepted), (running, S::Running)] {
        assert!(ledger.stop_looking(id, Reason::NoEndTold).await.unwrap());
        let row = row(&store, id).await;
        assert_eq!((row.state, row.finished_at), (state, None));
        assert_eq!(row.reason, Some(Reason::NoEndTold));
        assert!(ledger.token_of(id).await.unwrap().is_none());
    }
    world.advance(Duration::from_hours(24));
    assert!(ledger.due(10, 10, &[]).await.unwrap().is_empty());
    assert_eq!(ledger.open_of_person(ANA).await.unwrap(), []);

    // Only what Cloud 66 has accepted: the others have ways of their own.
    let unknown = unknown(&store, 3).await;
    ask(&store, 4, operation(4)).await;
    for id in [unknown, operation(4)] {
        assert!(!ledger.stop_looking(id, Reason::NoEndTold).await.unwrap());
        assert!(ledger.token_of(id).await.unwrap().is_some());
    }
}

async fn looks_are_taken_by_one_and_put_off(world: World) {
    let (here, elsewhere) = (world.open().await, world.open().await);
    let one = unknown(&here, 1).await;
    let two = accepted(&here, 2).await;
    ask(&here, 3, operation(3)).await;
    let ids = async |store: &Store, limit| {
        let due = store.ledger().due(limit, limit, &[]).await.unwrap();
        let mut ids: Vec<_> = due.iter().map(|due| due.redeploy.id).collect();
        ids.sort();
        ids
    };

    let due = here.ledger().due(1, 1, &[]).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].token.as_ref().unwrap().expose(), TOKEN);
    assert_eq!(ids(&elsewhere, 10).await.len(), 1);
    assert_eq!(ids(&here, 10).await, []);

    // Whoever took it and never came back is replaced.
    world.advance(LOOK_LEASE.unsigned_abs());
    assert_eq!(ids(&elsewhere, 10).await, [one, two]);

    assert!(
        here.ledger()
            .look_again(one, world.now() + Duration::from_secs(7))
            .await
            .unwrap()
    );
    assert_eq!(row(&here, one).await.looks, 1);
    world.advance(Duration::from_secs(7));
    assert_eq!(ids(&here, 10).await, [one]);

    // Being found begins a new count.
    assert!(here.ledger().found(one, None).await.unwrap());
    assert_eq!(row(&here, one).await.looks, 0);
    assert_eq!(ids(&here, 10).await, [one]);
}

/// Case E86.
async fn of_each_person_a_few_are_due_at_a_time(world: World) {
    let store = world.open().await;
    for n in 0..4 {
        accepted(&store, n).await;
    }
    let row = NewRedeploy {
        asked_by: BEN,
        ..redeploy_of(10, operation(10))
    };
    store.ledger().request(row).await.unwrap();
    let claim = store.ledger().claim("worker", LEASE).await.unwrap().unwrap();
    store.ledger().accepted(&claim, None, false, "").await.unwrap();
    let due = async |of_one: usize, without: &[UserId]| {
        let due = store.ledger().due(10, of_one, without).await.unwrap();
        due.iter().map(|due| due.redeploy.asked_by).collect::<Vec<_>>()
    };
    let mut first = due(2, &[]).await;
    first.sort_by_key(|person| *person != ANA);
    assert_eq!(
        first,
        [ANA, ANA, BEN],
        "two of Ana, although hers have waited longer"
    );
    assert_eq!(due(2, &[ANA]).await, [], "nobody is left without Ana");
    assert_eq!(due(9, &[]).await, [ANA, ANA]);
}

async fn of_many_followers_each_look_goes_to_one(world: World) {
    let instances = [world.open().await, world.open().await];
    for n in 0..40 {
        accepted(&instances[0], n).await;
    }
    let mut race = JoinSet::new();
    for n in 0..32 {
        let ledger = instances[n % 2].ledger();
        race.spawn(async move { ledger.due(5, 5, &[]).await.unwrap() });
    }
    let mut taken: Vec<_> = race
        .join_all()
        .await
        .into_iter()
        .flatten()
        .map(|due| due.redeploy.id)
        .collect();
    taken.extend(
        instances[0]
            .ledger()
            .due(100, 100, &[])
            .await
            .unwrap()
            .iter()
            .map(|due| due.redeploy.id),
    );
    taken.sort();
    assert_eq!(taken, (0..40).map(operation).collect::<Vec<_>>());
}

async fn cancelling_is_noted_once(world: World) {
    let store = world.open().await;
    let id = accepted(&store, 1).await;
    let first = world.now();
    assert!(store.ledger().cancel_requested(id).await.unwrap());
    world.advance(Duration::from_secs(3));
    assert!(!store.ledger().cancel_requested(id).await.unwrap());
    assert_eq!(row(&store, id).await.cancel_requested_at, Some(first));
    assert_eq!(row(&store, id).await.state, S::Accepted);

    let ended = accepted(&store, 2).await;
    store
        .ledger()
        .ended(ended, S::Failed, None, None, None)
        .await
        .unwrap();
    assert!(!store.ledger().cancel_requested(ended).await.unwrap());
}

async fn a_token_does_not_outlive_its_purpose(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let (one, two) = (unknown(&store, 1).await, accepted(&store, 2).await);
    let held = claim(&store, 3, operation(3)).await;
    ask(&store, 4, operation(4)).await;
    world.advance(Duration::from_hours(24));
    ask(&store, 5, operation(5)).await;

    assert_eq!(ledger.forget_tokens(world.now()).await.unwrap(), 2);
    assert_eq!(ledger.forget_tokens(world.now()).await.unwrap(), 0);
    for (id, state) in [(one, S::Unknown), (two, S::Accepted)] {
        assert_eq!(row(&store, id).await.state, state);
        assert!(ledger.token_of(id).await.unwrap().is_none());
    }
    // Cloud 66 is still to be asked for one that is too late to be sent.
    assert_eq!(row(&store, operation(4)).await.state, S::Requested);
    assert!(ledger.token_of(operation(4)).await.unwrap().is_some());
    // One whose request may be on its way is left to its lease.
    assert_eq!(held.redeploy().id, operation(3));
    assert!(ledger.token_of(operation(3)).await.unwrap().is_some());
    assert!(ledger.token_of(operation(5)).await.unwrap().is_some());
    assert_eq!(ledger.expire_leases().await.unwrap(), 1);
    assert_eq!(ledger.forget_tokens(world.now()).await.unwrap(), 1);
    assert!(
        ledger
            .due(10, 10, &[])
            .await
            .unwrap()
            .iter()
            .all(|due| due.token.is_none())
    );
    let claim = ledger.claim("worker", LEASE).await.unwrap().unwrap();
    assert_eq!(claim.redeploy().id, operation(5));
}

async fn old_ends_are_pruned_and_nothing_else(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let old = accepted(&store, 1).await;
    let ends_late = accepted(&store, 2).await;
    let followed = accepted(&store, 3).await;
    ledger.ended(old, S::Succeeded, None, None, None).await.unwrap();
    let (state, ended_ms) = ("'failed'", world.now().unix_timestamp() * 1_000);
    let insert = "INSERT INTO redeploys \
                  (id, command, stack, stack_name, environment, asked_by, asked_by_name, \
                  options, known_before, state, requested_at_ms, not_before_ms, finished_at_ms)";
    let values =
        format!("'x' || n, 'redeploy', 's', 's', 'e', 9, 'n', '{{}}', '{{}}', {state}, 0, 0, {ended_ms}");
    world.fill(1_200, insert, &values).await;

    world.advance(Duration::from_hours(90 * 24));
    ledger
        .ended(ends_late, S::Succeeded, None, None, None)
        .await
        .unwrap();
    assert_eq!(ledger.prune(world.now()).await.unwrap(), 1_201);
    assert_eq!(ledger.prune(world.now()).await.unwrap(), 0);
    assert_eq!(ledger.get(old).await.unwrap(), None);
    assert!(ledger.get(ends_late).await.unwrap().is_some());
    assert!(ledger.get(followed).await.unwrap().is_some());

    // Without a token nothing can be learnt of it any more, so it goes as well.
    ledger.forget_tokens(world.now()).await.unwrap();
    assert_eq!(ledger.prune(world.now()).await.unwrap(), 1);
    assert_eq!(ledger.get(followed).await.unwrap(), None);
    assert_eq!(ledger.of_person(ANA, 10, None).await.unwrap().len(), 1);
}

async fn another_sign_in_takes_the_following_over(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let begun = world.now();
    let unknown = claim(&store, 1, operation(1)).await;
    ledger.unknown(&unknown).await.unwrap();
    let given_up = claim(&store, 2, operation(2)).await;
    ledger.accepted(&given_up, None, false, "").await.unwrap();
    ledger
        .stop_looking(operation(2), Reason::NoEndTold)
        .await
        .unwrap();
    let ended = claim(&store, 3, operation(3)).await;
    ledger
        .refused(&ended, Reason::Rejected, Some("no"))
        .await
        .unwrap();
    ask(&store, 4, operation(4)).await;

    let new = AccessToken::new("another-token".to_owned());
    assert_eq!(ledger.renew_tokens(BEN, &new, begun).await.unwrap(), 0);
    assert_eq!(
        ledger
            .renew_tokens(ANA, &new, begun + time::Duration::seconds(1))
            .await
            .unwrap(),
        0,
        "asked for too long ago"
    );
    assert_eq!(ledger.renew_tokens(ANA, &new, begun).await.unwrap(), 2);
    let token = async |n| {
        let token = ledger.token_of(operation(n)).await.unwrap();
        token.map(|token| token.expose().to_owned())
    };
    assert_eq!(token(1).await.as_deref(), Some("another-token"));
    assert_eq!(token(2).await.as_deref(), Some("another-token"));
    assert_eq!(token(3).await, None, "an end holds no token");
    assert_eq!(
        token(4).await.as_deref(),
        Some(TOKEN),
        "it is sent as it was asked for"
    );
    let mut due: Vec<_> = ledger
        .due(9, 9, &[])
        .await
        .unwrap()
        .iter()
        .map(|due| due.redeploy.id)
        .collect();
    due.sort();
    assert_eq!(due, [operation(1), operation(2)]);
    let row = ledger.get(operation(2)).await.unwrap().unwrap();
    assert_eq!(row.reason, None, "it is followed again");
}

async fn it_is_known_when_cloud_66_was_heard_and_when_it_was_not(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    let id = accepted(&store, 1).await;
    let first = row(&store, id).await;
    assert!(first.is_followed() && !first.is_silent());
    assert_eq!(first.last_heard_at(), first.answered_at);

    world.advance(Duration::from_secs(5));
    assert!(ledger.missed(id).await.unwrap());
    let missed = row(&store, id).await;
    assert!(missed.is_silent());
    assert_eq!(missed.last_heard_at(), first.answered_at);

    world.advance(Duration::from_secs(5));
    let took = time::Duration::seconds(25);
    assert!(ledger.heard(id, Some(took)).await.unwrap());
    let heard = row(&store, id).await;
    assert!(!heard.is_silent());
    assert_eq!(heard.last_heard_at(), Some(world.now()));
    assert!(ledger.heard(id, None).await.unwrap());
    assert_eq!(row(&store, id).await.took, Some(took), "what is known stays");

    assert!(ledger.ended(id, S::Succeeded, None, None, None).await.unwrap());
    assert!(!ledger.heard(id, None).await.unwrap(), "an end is left as it is");
    assert!(!ledger.missed(id).await.unwrap());
    let ended = row(&store, id).await;
    assert!(!ended.is_followed() && !ended.is_silent());
    assert_eq!(ended.took, Some(took));

    let unanswered = unknown(&store, 2).await;
    assert_eq!(
        row(&store, unanswered).await.last_heard_at(),
        None,
        "nobody answered"
    );
}

async fn cancelled_deployments_are_read_by_when_they_ended(world: World) {
    let store = world.open().await;
    let ledger = store.ledger();
    for (n, end) in [
        (1, S::Cancelled),
        (2, S::Failed),
        (3, S::Cancelled),
        (4, S::Cancelled),
    ] {
        let id = accepted(&store, n).await;
        world.advance(Duration::from_secs(10));
        let deployment = (n != 3).then_some(DeploymentId(i64::try_from(n).unwrap()));
        assert!(ledger.ended(id, end, None, deployment, None).await.unwrap());
    }
    let read = async |since| -> Vec<i64> {
        let rows = ledger.cancelled_since(since).await.unwrap();
        rows.iter().map(|row| row.deployment.unwrap().0).collect()
    };
    assert_eq!(read(time::OffsetDateTime::UNIX_EPOCH).await, [4, 1]);
    assert_eq!(read(world.now() - time::Duration::seconds(5)).await, [4]);
    assert_eq!(read(world.now()).await, Vec::<i64>::new());
}
