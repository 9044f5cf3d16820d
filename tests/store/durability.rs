//! What was answered survives a power cut: each connection asks for it, whatever somebody else has set.

use stackdeck::store::{Store, Weakness};
use tokio::task::JoinSet;

use super::fixture::{LEASE, World, ask, operation};

/// Lets the database write down with which setting each row was committed.
async fn listen(world: &World) {
    world
        .sql(
            "CREATE TABLE heard (setting TEXT); \
             CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO heard VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$; \
             CREATE TRIGGER hear BEFORE INSERT OR UPDATE ON redeploys FOR EACH ROW EXECUTE FUNCTION hear()",
        )
        .await;
}

/// Case D61.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn each_connection_asks_for_durable_commits_whatever_the_address_or_the_database_say() {
    let world = World::postgres_with("&options[synchronous_commit]=off").await;
    let store = world.open().await;
    listen(&world).await;
    // More at once than one connection can serve.
    let mut at_once = JoinSet::new();
    for n in 1..=20 {
        let store = store.clone();
        at_once.spawn(async move { ask(&store, n, operation(n)).await });
    }
    at_once.join_all().await;
    // One worker sends a few of one person only.
    for worker in 0..20 {
        let claimed = store.ledger().claim(&format!("worker {worker}"), LEASE).await;
        assert!(claimed.unwrap().is_some());
    }
    assert!(world.number("SELECT count(*) FROM heard").await >= 40);
    assert_eq!(
        world
            .number("SELECT count(*) FROM heard WHERE setting <> 'on'")
            .await,
        0
    );
}

/// Case D62: the throw-away server of the tests does not sync, and that is said.
#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_server_that_does_not_sync_is_told_of() {
    let world = World::postgres().await;
    let weaknesses = Store::rehearse(world.options()).await.unwrap();
    assert_eq!(weaknesses, [Weakness::NoSync]);
    assert!(weaknesses[0].to_string().contains("fsync is off"));
}
