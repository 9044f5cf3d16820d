//! PostgreSQL over a network that fails: a proxy between the two that the test can cut or silence.

use std::time::Duration;

use secrecy::SecretString;
use stackdeck::store::{Database, Store, StoreError, StoreOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::fixture::{ANA, Place, World, operation, redeploy_of};

/// What the network swallows without closing a connection: each piece that the store sends and that has this
/// text in it. An empty text is in every piece.
type Swallows = Option<&'static str>;

/// A store that reaches PostgreSQL through a proxy, and what the proxy swallows.
async fn through_a_proxy(world: &World) -> (Store, watch::Sender<Swallows>) {
    let Place::Postgres { url } = &world.place else {
        panic!("needs PostgreSQL")
    };
    let mut url: url::Url = url.parse().unwrap();
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let (network, swallows) = watch::channel(None);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, server.clone(), swallows.clone()));
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

async fn carry(client: TcpStream, server: String, swallows: watch::Receiver<Swallows>) {
    let server = TcpStream::connect(server).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        let piece = String::from_utf8_lossy(&buffer[..read]);
        let swallowed = swallows.borrow().is_some_and(|text| piece.contains(text));
        if !swallowed && to_server.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Answers when the store works; fails when it does not come back.
async fn works_again(store: &Store) {
    let works = async {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, works)
        .await
        .expect("the store comes back");
}

/// Longer than any caller should wait: for a connection and for an answer.
const LIMIT: Duration = Duration::from_mins(5);

/// Cases D05, D07.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_network_that_swallows_everything_blocks_nobody_for_ever() {
    let world = World::postgres().await;
    let (store, network) = through_a_proxy(&world).await;
    store.ping().await.unwrap();
    network.send(Some("")).unwrap();
    let lost = tokio::time::timeout(LIMIT, store.ping()).await;
    assert_eq!(lost.expect("it answered"), Err(StoreError::Unavailable));
    network.send(None).unwrap();
    works_again(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_statement_that_is_swallowed_blocks_nobody_for_ever() {
    let world = World::postgres().await;
    let (store, network) = through_a_proxy(&world).await;
    network.send(Some("INSERT INTO redeploys")).unwrap();
    let lost = tokio::time::timeout(LIMIT, store.ledger().request(redeploy_of(1, operation(1)))).await;
    assert_eq!(lost.expect("it answered").unwrap_err(), StoreError::Unavailable);
    network.send(None).unwrap();
    store
        .ledger()
        .request(redeploy_of(1, operation(1)))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn callers_that_are_dropped_keep_no_place_of_the_pool() {
    let world = World::postgres().await;
    let (store, network) = through_a_proxy(&world).await;
    network.send(Some("FROM sessions")).unwrap();
    // More than the pool has places.
    for _ in 0..12 {
        // It is never answered, however long is waited.
        let dropped = tokio::time::timeout(Duration::from_millis(500), store.sessions().of_user(ANA)).await;
        assert!(dropped.is_err());
    }
    // Only that statement is swallowed; everybody else is served.
    store
        .ledger()
        .request(redeploy_of(1, operation(1)))
        .await
        .unwrap();
}

/// Case D06.
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
    let _ended = world
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
