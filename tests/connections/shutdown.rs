//! The end of the process: what can end ends, what does not is cut off, and it is never waited for without
//! end.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use stackdeck::web::server::Limits;
use tokio::net::TcpStream;
use tokio::sync::{Notify, OnceCell};
use tokio_util::sync::CancellationToken;

use super::{NEVER, SHORT, get_request, in_time, patient, serve, status};

/// An event stream that says something at once and then nothing until `end` is cancelled, and a farewell
/// then.
fn events(end: CancellationToken) -> Body {
    let first = stream::once(async { Ok::<_, std::convert::Infallible>("data: hello\n\n") });
    let last = stream::once(async move {
        end.cancelled().await;
        Ok("retry: 1000\n\n")
    });
    Body::from_stream(first.chain(last))
}

/// Case Q01; the measurement M16: stock graceful shutdown never ends with an open stream.
#[tokio::test]
async fn an_open_stream_that_follows_the_token_ends_cleanly() {
    let token = Arc::new(OnceCell::<CancellationToken>::new());
    let handed = Arc::clone(&token);
    let stream = move || {
        let body = events(handed.get().cloned().unwrap_or_default());
        async { body }
    };
    let served = serve(
        Limits {
            drain: NEVER,
            ..patient()
        },
        Router::new().route("/events", get(stream)),
    );
    token.set(served.shutdown.clone()).unwrap();

    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = served.connect().await;
        client.send(get_request("/events", "")).await;
        client.receive("data: hello").await;
        clients.push(client);
    }
    served.shutdown.cancel();
    in_time("the end of the server", served.ended).await.unwrap();
    for mut client in clients {
        let answer = client.rest().await;
        assert!(
            answer.contains("retry: 1000") && answer.ends_with("\r\n0\r\n\r\n"),
            "{answer}"
        );
    }
}

/// Case Q01; the measurement M16.
#[tokio::test]
async fn an_open_stream_that_ignores_the_token_is_cut_off() {
    let stream = || async { events(CancellationToken::new()) };
    let served = serve(
        Limits {
            drain: SHORT,
            ..patient()
        },
        Router::new().route("/events", get(stream)),
    );
    let mut client = served.connect().await;
    client.send(get_request("/events", "")).await;
    client.receive("data: hello").await;

    served.shutdown.cancel();
    in_time("the end of the server", served.ended).await.unwrap();
    assert!(
        !client.rest().await.ends_with("\r\n0\r\n\r\n"),
        "it was cut off, not ended"
    );
}

/// Case Q05.
#[tokio::test]
async fn a_request_under_way_is_finished_and_no_other_is_taken() {
    let begun = Arc::new(Notify::new());
    let finish = Arc::new(Notify::new());
    let handler = {
        let (begun, finish) = (Arc::clone(&begun), Arc::clone(&finish));
        move || async move {
            begun.notify_one();
            finish.notified().await;
            "finished"
        }
    };
    let served = serve(
        Limits {
            drain: NEVER,
            ..patient()
        },
        Router::new().route("/slow", get(handler)),
    );
    let mut client = served.connect().await;
    client.send(get_request("/slow", "")).await;
    in_time("the handler", begun.notified()).await;

    served.shutdown.cancel();
    in_time("the end of the listener", async {
        while TcpStream::connect(served.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    finish.notify_one();
    // The connection is kept alive no longer.
    let answer = client.rest().await;
    assert_eq!(status(&answer), Some(200));
    assert!(answer.ends_with("finished"), "{answer}");
    in_time("the end of the server", served.ended).await.unwrap();
}

#[tokio::test]
async fn waiting_connections_are_closed_at_once() {
    let served = serve(
        Limits {
            drain: NEVER,
            ..patient()
        },
        Router::new(),
    );
    let mut idle = served.connect().await;
    idle.send(get_request("/", "")).await;
    idle.receive("HTTP/1.1 200").await;
    let mut silent = served.connect().await;
    // The server has taken the silent one in, for it takes them in order.
    served.assert_healthy().await;

    served.shutdown.cancel();
    in_time("the end of the server", served.ended).await.unwrap();
    idle.rest().await;
    silent.rest().await;
}

#[tokio::test]
async fn half_a_request_does_not_delay_the_end_for_long() {
    let served = serve(
        Limits {
            head: NEVER,
            drain: SHORT,
            ..patient()
        },
        Router::new(),
    );
    let mut client = served.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: local").await;
    served.assert_healthy().await;
    served.shutdown.cancel();
    in_time("the end of the server", served.ended).await.unwrap();
    assert_eq!(client.rest().await, "");
}
