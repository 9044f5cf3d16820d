//! PostgreSQL over a network that fails: a proxy between the two that the test can cut or silence.

use std::time::Duration;

use secrecy::SecretString;
use stackdeck::store::{Database, Store, StoreError, StoreOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::fixture::{ANA, Place, World, operation, redeploy_of};

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    Works,
    /// Every byte disappears, and no connection is closed.
    Swallows,
}

/// A store that reaches PostgreSQL through a proxy, and what the proxy does.
async fn through_a_proxy(world: &World) -> (Store, watch::Sender<Network>) {
    let Place::Postgres { url } = &world.place else {
        panic!("needs PostgreSQL")
    };
    let mut url: url::Url = url.parse().unwrap();
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let (network, state) = watch::channel(Network::Works);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, server.clone(), state.clone()));
        }
    });
    let database = Database::Postgres {
        url: SecretString::from(url.as_str()),
    };
    let store = world
        .try_open(StoreOptions {
            database,
            ..world.options()
        })
        .await
        .unwrap();
    (store, network)
}

async fn carry(client: TcpStream, server: String, state: watch::Receiver<Network>) {
    let server = TcpStream::connect(server).await.unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::spawn(pump(from_client, to_server, state.clone()));
    pump(from_server, to_client, state).await;
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    state: watch::Receiver<Network>,
) {
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if *state.borrow() == Network::Works && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Answers when the store works; fails when it does not come back.
async fn works_again(store: &Store) {
    for _ in 0..20 {
        if store.ping().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the store did not come back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_network_that_swallows_everything_blocks_nobody_for_ever() {
    let world = World::postgres().await;
    let (store, network) = through_a_proxy(&world).await;
    store.ping().await.unwrap();
    network.send(Network::Swallows).unwrap();
    let limit = Duration::from_secs(30);
    let lost = tokio::time::timeout(limit, store.ledger().request(redeploy_of(1, operation(1)))).await;
    assert_eq!(lost.expect("it answered").unwrap_err(), StoreError::Unavailable);

    // More callers than the pool has places, dropped in the middle: they keep none of the places.
    for _ in 0..30 {
        let dropped = tokio::time::timeout(Duration::from_millis(20), store.sessions().of_user(ANA)).await;
        assert!(dropped.is_err());
    }
    network.send(Network::Works).unwrap();
    works_again(&store).await;
    store
        .ledger()
        .request(redeploy_of(1, operation(1)))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn connections_that_the_server_ends_are_replaced() {
    let world = World::postgres().await;
    let Place::Postgres { url } = &world.place else {
        panic!("needs PostgreSQL")
    };
    let database = Database::Postgres {
        url: SecretString::from(format!("{url}&application_name=to+be+ended")),
    };
    let store = world
        .try_open(StoreOptions {
            database,
            ..world.options()
        })
        .await
        .unwrap();
    let mut busy = tokio::task::JoinSet::new();
    for n in 0..8 {
        let store = store.clone();
        busy.spawn(async move {
            store
                .ledger()
                .request(redeploy_of(n, operation(n)))
                .await
                .map(drop)
        });
    }
    busy.join_all().await;
    let ended = world
        .numbers(
            "SELECT pg_terminate_backend(pid)::int::bigint FROM pg_stat_activity \
             WHERE application_name = 'to be ended' AND pid <> pg_backend_pid()",
        )
        .await;
    works_again(&store).await;
    store
        .ledger()
        .request(redeploy_of(9, operation(9)))
        .await
        .unwrap();
}
