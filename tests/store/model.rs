//! The ledger against the state machine of the domain: whatever is called in whatever order, by however many,
//! no row goes a way that the machine does not have.
//!
//! The judge sits in the database: a trigger, made from [`RedeployState::may_become`], that refuses every
//! other change of state. A statement of the store that tried one would fail, and so would the test.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use stackdeck::domain::redeploy::RedeployState as S;
use stackdeck::domain::{ActionId, OperationId, Reason};
use stackdeck::store::{Claim, Entered, Store, StoreError};
use tokio::task::JoinSet;

use super::fixture::{ANA, LEASE, Place, World, on_both, operation, redeploy_of};

on_both!(
    the_judge_refuses_what_the_machine_does_not_have,
    no_order_of_calls_goes_an_illegal_way,
    no_number_of_callers_at_once_goes_an_illegal_way,
);

const STACKS: u128 = 3;

/// Calls until the database can be had: on a busy machine a connection may not be free in time.
macro_rules! sure {
    ($call:expr) => {
        loop {
            match $call.await {
                Err(StoreError::Unavailable) => tokio::task::yield_now().await,
                answered => break answered.unwrap(),
            }
        }
    };
}

/// Puts the judge into the database.
async fn judge(world: &World) {
    let ways: Vec<String> = S::ALL
        .into_iter()
        .flat_map(|from| S::ALL.map(|to| (from, to)))
        .filter(|(from, to)| from == to && !from.is_end() || from.may_become(*to))
        .map(|(from, to)| format!("'{}>{}'", from.as_str(), to.as_str()))
        .collect();
    let legal = ways.join(", ");
    let trigger = match &world.place {
        Place::Sqlite { .. } => format!(
            "CREATE TRIGGER judge BEFORE UPDATE OF state ON redeploys \
             WHEN OLD.state || '>' || NEW.state NOT IN ({legal}) \
             BEGIN SELECT RAISE(ABORT, 'not a way of the state machine'); END"
        ),
        Place::Postgres { .. } => format!(
            "CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF OLD.state || '>' || NEW.state NOT IN ({legal}) THEN \
             RAISE EXCEPTION 'not a way of the state machine'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER judge BEFORE UPDATE OF state ON redeploys FOR EACH ROW EXECUTE FUNCTION judge()"
        ),
    };
    world.sql(&trigger).await;
}

/// What must hold at any time.
async fn check(world: &World) {
    let held_by_ends =
        "SELECT count(*) FROM redeploys WHERE finished_at_ms IS NOT NULL AND sealed_token IS NOT NULL";
    assert_eq!(world.number(held_by_ends).await, 0, "an end holds a token");
    let unanswered = world
        .numbers(
            "SELECT count(*) FROM redeploys \
             WHERE state IN ('requested', 'sending', 'unknown') GROUP BY stack",
        )
        .await;
    assert!(unanswered.iter().all(|count| *count == 1), "{unanswered:?}");
}

/// One call. Numbers choose among the ids, or the claims so far, old ones included.
#[derive(Debug, Clone, Copy)]
enum Call {
    Request { id: u8 },
    Claim,
    Accepted { claim: u8 },
    Refused { claim: u8 },
    Unknown { claim: u8 },
    NotSent { claim: u8 },
    ExpireLeases,
    Due,
    Found { id: u8 },
    Lost { id: u8 },
    LookAgain { id: u8 },
    Running { id: u8 },
    Ended { id: u8, state: usize },
    StopLooking { id: u8 },
    CancelRequested { id: u8 },
    ForgetTokens,
    Seen { id: u8 },
    LetTimePass,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let id = 0..12_u8;
    let claim = 0..8_u8;
    let call = prop_oneof![
        4 => id.clone().prop_map(|id| Call::Request { id }),
        4 => Just(Call::Claim),
        2 => claim.clone().prop_map(|claim| Call::Accepted { claim }),
        1 => claim.clone().prop_map(|claim| Call::Refused { claim }),
        2 => claim.clone().prop_map(|claim| Call::Unknown { claim }),
        2 => claim.prop_map(|claim| Call::NotSent { claim }),
        1 => Just(Call::ExpireLeases),
        1 => Just(Call::Due),
        1 => id.clone().prop_map(|id| Call::Found { id }),
        1 => id.clone().prop_map(|id| Call::Lost { id }),
        1 => id.clone().prop_map(|id| Call::LookAgain { id }),
        1 => id.clone().prop_map(|id| Call::Running { id }),
        2 => (id.clone(), 0..S::ALL.len()).prop_map(|(id, state)| Call::Ended { id, state }),
        1 => id.clone().prop_map(|id| Call::StopLooking { id }),
        1 => id.clone().prop_map(|id| Call::CancelRequested { id }),
        1 => Just(Call::ForgetTokens),
        1 => id.prop_map(|id| Call::Seen { id }),
        2 => Just(Call::LetTimePass),
    ];
    prop::collection::vec(call, 1..60)
}

/// Makes the call. What it answers is the model's business; that it does not fail is everybody's.
async fn make(
    call: Call,
    store: &Store,
    world: &World,
    claims: &mut Vec<Claim>,
    ids: u128,
) -> Option<OperationId> {
    let ledger = store.ledger();
    let now = world.now();
    let named = |id: u8| operation(ids + u128::from(id));
    let held = |claim: u8, claims: &[Claim]| {
        let at = usize::from(claim) % claims.len().max(1);
        (at < claims.len()).then_some(at)
    };
    match call {
        Call::Request { id } => {
            let stack = u128::from(id) % STACKS + ids;
            let entered = sure!(ledger.request(redeploy_of(stack, named(id))));
            return matches!(entered, Entered::New(_)).then(|| named(id));
        }
        Call::Claim => {
            if let Some(claim) = sure!(ledger.claim("worker", LEASE)) {
                let id = claim.redeploy().id;
                claims.push(claim);
                return Some(id);
            }
            return None;
        }
        Call::Accepted { claim } => {
            let claim = &claims[held(claim, claims)?];
            let done = sure!(ledger.accepted(claim, Some(ActionId(1)), false, ""));
            return done.then(|| claim.redeploy().id);
        }
        Call::Refused { claim } => {
            let claim = &claims[held(claim, claims)?];
            return sure!(ledger.refused(claim, Reason::Rejected, Some("no"))).then(|| claim.redeploy().id);
        }
        Call::Unknown { claim } => {
            let claim = &claims[held(claim, claims)?];
            return sure!(ledger.unknown(claim)).then(|| claim.redeploy().id);
        }
        Call::NotSent { claim } => {
            let claim = &claims[held(claim, claims)?];
            return sure!(ledger.not_sent(claim, now)).then(|| claim.redeploy().id);
        }
        Call::ExpireLeases => drop(sure!(ledger.expire_leases())),
        Call::Due => drop(sure!(ledger.due(2, 2, &[]))),
        Call::Found { id } => {
            return sure!(ledger.found(named(id), None)).then(|| named(id));
        }
        Call::Lost { id } => {
            return sure!(ledger.lost(named(id), Reason::NoRecord)).then(|| named(id));
        }
        Call::LookAgain { id } => drop(sure!(ledger.look_again(named(id), now))),
        Call::Running { id } => {
            return sure!(ledger.running(named(id), None, None, now)).then(|| named(id));
        }
        Call::Ended { id, state } => {
            let done = sure!(ledger.ended(named(id), S::ALL[state], None, None, None));
            return done.then(|| named(id));
        }
        Call::StopLooking { id } => drop(sure!(ledger.stop_looking(named(id), Reason::NoEndTold))),
        Call::CancelRequested { id } => drop(sure!(ledger.cancel_requested(named(id)))),
        Call::ForgetTokens => drop(sure!(ledger.forget_tokens(now - LEASE))),
        Call::Seen { id } => drop(sure!(ledger.seen(named(id)))),
        Call::LetTimePass => world.advance(LEASE / 2 + Duration::from_secs(1)),
    }
    None
}

async fn the_judge_refuses_what_the_machine_does_not_have(world: World) {
    let store = world.open().await;
    judge(&world).await;
    let claim = super::fixture::claim(&store, 1, operation(1)).await;
    assert!(store.ledger().unknown(&claim).await.unwrap());
    // As if the statement had forgotten a condition.
    let set = format!(
        "UPDATE redeploys SET state = 'sending' WHERE id = '{}'",
        operation(1)
    );
    let attempt = tokio::spawn(async move { world.sql(&set).await });
    assert!(attempt.await.is_err());
}

/// Cases E15, as far as the ledger goes.
async fn no_order_of_calls_goes_an_illegal_way(world: World) {
    let store = world.open().await;
    judge(&world).await;
    let runtime = tokio::runtime::Handle::current();
    let cases = tokio::task::spawn_blocking(move || {
        let mut runner = TestRunner::new(Config {
            cases: 100,
            failure_persistence: None,
            ..Config::default()
        });
        let case = std::cell::Cell::new(0_u128);
        runner.run(&calls(), |calls| {
            // Each case has ids and stacks of its own, so that cases need not clear the table.
            case.set(case.get() + 1_000);
            runtime.block_on(one_order(&calls, &store, &world, case.get()))
        })
    });
    cases.await.unwrap().unwrap();
}

/// Makes the calls one after the other and follows every row's state.
async fn one_order(calls: &[Call], store: &Store, world: &World, ids: u128) -> Result<(), TestCaseError> {
    // What an earlier case left to be sent would come between.
    world.sql("DELETE FROM redeploys").await;
    let ledger = store.ledger();
    let (mut claims, mut known) = (Vec::new(), BTreeMap::new());
    for call in calls {
        let changed = make(*call, store, world, &mut claims, ids).await;
        for now in ledger.of_person(ANA, 100, None).await.unwrap() {
            let id = now.id;
            let before = known.insert(id, now.clone());
            let (from, to) = (before.as_ref().map(|before| before.state), now.state);
            let legal = match from {
                None => to == S::Requested,
                Some(from) => from == to || from.may_become(to),
            };
            prop_assert!(legal, "{call:?} led from {from:?} to {to:?}");
            let sent_twice = from == Some(S::Sending) && matches!(call, Call::Claim) && changed == Some(id);
            prop_assert!(!sent_twice, "{call:?} claimed {id} again");
            prop_assert_eq!(to.is_end(), now.finished_at.is_some());
            if from.is_some_and(S::is_end) {
                prop_assert_eq!(before, Some(now), "an end was changed");
            } else if changed == Some(id) && !matches!(call, Call::Running { .. }) {
                prop_assert!(from != Some(to), "{call:?} said that it changed {id}");
            }
        }
    }
    check(world).await;
    Ok(())
}

async fn no_number_of_callers_at_once_goes_an_illegal_way(world: World) {
    let instances = [world.open().await, world.open().await];
    judge(&world).await;
    let world = std::sync::Arc::new(world);
    let mut callers = JoinSet::new();
    for n in 0..16 {
        let (store, world) = (instances[n % 2].clone(), world.clone());
        callers.spawn(async move {
            // The same calls in another order for each caller.
            let mut runner = TestRunner::new(Config::default());
            let mut claims = Vec::new();
            for _ in 0..6 {
                let calls = calls().new_tree(&mut runner).unwrap().current();
                for call in calls {
                    make(call, &store, &world, &mut claims, 0).await;
                }
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
        check(&world).await;
    }
    // Something happened: some rows came to an end.
    assert!(
        world
            .number("SELECT count(*) FROM redeploys WHERE finished_at_ms IS NOT NULL")
            .await
            > 0
    );
}
