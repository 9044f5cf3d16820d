//! Two Cloud 66s on one database have nothing to do with each other.

use stackdeck::store::{Store, StoreOptions};
use tower_sessions::SessionStore as _;

use super::fixture::{ANA, LEASE, World, ask, on_both, operation};
use super::sessions::signed_in;

on_both!(
    another_cloud66_sees_nobody_and_sends_nothing,
    rows_of_before_origins_belong_to_the_one_that_is_configured,
);

const ELSEWHERE: &str = "https://cloud66.elsewhere.example";

async fn elsewhere(world: &World) -> Store {
    let options = StoreOptions {
        origin: ELSEWHERE.into(),
        ..world.options()
    };
    world.try_open(options).await.unwrap()
}

/// Case T61.
async fn another_cloud66_sees_nobody_and_sends_nothing(world: World) {
    let here = world.open().await;
    let session = signed_in(&here, ANA.0).await.id;
    ask(&here, 1, operation(1)).await;
    ask(&here, 2, operation(2)).await;
    let claim = here.ledger().claim("worker", LEASE).await.unwrap().unwrap();
    here.ledger().unknown(&claim).await.unwrap();

    let there = elsewhere(&world).await;
    assert!(there.sessions().load(&session).await.unwrap().is_none());
    assert!(there.sessions().of_user(ANA).await.unwrap().is_empty());
    assert_eq!(there.sessions().end_all_of(ANA).await.unwrap(), 0);
    let ledger = there.ledger();
    assert!(ledger.claim("worker", LEASE).await.unwrap().is_none());
    assert!(ledger.due(10, 10, &[]).await.unwrap().is_empty());
    assert!(ledger.get(operation(1)).await.unwrap().is_none());
    assert!(ledger.of_person(ANA, 10, None).await.unwrap().is_empty());
    assert!(ledger.open_of_person(ANA).await.unwrap().is_empty());
    assert!(ledger.moving(world.now()).await.unwrap().is_empty());
    // A stack of the same number is another one.
    ask(&there, 1, operation(3)).await;
    assert_eq!(there.ledger().of_person(ANA, 10, None).await.unwrap().len(), 1);

    // Back again, all is there.
    let here = world.open().await;
    assert!(here.sessions().load(&session).await.unwrap().is_some());
    assert_eq!(here.ledger().of_person(ANA, 10, None).await.unwrap().len(), 2);
    assert_eq!(here.ledger().due(10, 10, &[]).await.unwrap().len(), 1);
    let claim = here.ledger().claim("worker", LEASE).await.unwrap().unwrap();
    assert_eq!(claim.redeploy().id, operation(2));
}

/// Case T62.
async fn rows_of_before_origins_belong_to_the_one_that_is_configured(world: World) {
    let here = world.open().await;
    let session = signed_in(&here, ANA.0).await.id;
    ask(&here, 1, operation(1)).await;
    here.close().await;
    for table in ["sessions", "sign_ins", "redeploys"] {
        world.sql(&format!("UPDATE {table} SET origin = ''")).await;
    }
    let here = world.open().await;
    assert!(here.sessions().load(&session).await.unwrap().is_some());
    assert_eq!(here.ledger().of_person(ANA, 10, None).await.unwrap().len(), 1);
    let there = elsewhere(&world).await;
    assert!(there.sessions().load(&session).await.unwrap().is_none());
    assert!(there.ledger().of_person(ANA, 10, None).await.unwrap().is_empty());
}
