//! Whoever is slow is dropped, and nobody else notices.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use stackdeck::web::server::Limits;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{IN_TIME, NEVER, SHORT, get_request, in_time, patient, serve, status};

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";

/// Case N01; the measurements M6 and M7: stock servers keep it open for ever.
#[tokio::test]
async fn a_silent_connection_is_closed() {
    let served = serve(
        Limits {
            head: SHORT,
            ..patient()
        },
        Router::new(),
    );
    assert_eq!(served.connect().await.rest().await, "");
}

/// Case N02; the measurement M6.
#[tokio::test]
async fn a_head_that_never_ends_is_closed() {
    let served = serve(
        Limits {
            head: SHORT,
            ..patient()
        },
        Router::new(),
    );
    let mut half = served.connect().await;
    half.send(HEAD).await;
    assert_eq!(half.rest().await, "");

    let answer = served
        .connect()
        .await
        .dribble(b"GET / HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")
        .await;
    assert_eq!(answer, "");
    assert!(served.seen.paths().is_empty());
}

#[tokio::test]
async fn the_head_of_a_later_request_has_its_own_time() {
    let served = serve(
        Limits {
            head: IN_TIME,
            ..patient()
        },
        Router::new(),
    );
    let mut client = served.connect().await;
    client.send(get_request("/first", "")).await;
    client.receive("\r\n\r\n").await;
    client.received.clear();

    assert_eq!(client.dribble(HEAD).await, "");
    assert_eq!(served.seen.paths(), ["/first"]);
}

#[tokio::test]
async fn the_pause_between_requests_ends() {
    let served = serve(
        Limits {
            idle: SHORT,
            ..patient()
        },
        Router::new(),
    );
    let answer = served.exchange(get_request("/", "")).await;
    assert_eq!(status(&answer), Some(200));
    assert_eq!(
        answer.matches("HTTP/1.1").count(),
        1,
        "closed without another word: {answer}"
    );
}

#[tokio::test]
async fn the_pause_between_requests_may_be_longer_than_a_head() {
    let served = serve(
        Limits {
            head: IN_TIME,
            ..patient()
        },
        Router::new(),
    );
    let mut waiting = served.connect().await;
    waiting.send(get_request("/", "")).await;
    waiting.receive("\r\n\r\n").await;

    // A silent connection that begins now ends: the time for a head has passed.
    served.connect().await.rest().await;

    waiting.received.clear();
    waiting.send(get_request("/", "")).await;
    waiting.receive("HTTP/1.1 200").await;
}

/// Case N03; the measurement M8: a layer that starts anew with each byte never ends.
#[tokio::test]
async fn a_slow_body_is_answered_408_and_reaches_no_handler() {
    let served = serve(
        Limits {
            body: SHORT,
            ..patient()
        },
        Router::new(),
    );
    for head in [
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15000\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15000\r\nExpect: 100-continue\r\n\r\n",
    ] {
        let mut client = served.connect().await;
        client.send(head).await;
        let answer = client.dribble(b"a").await;
        let answer = answer
            .strip_prefix("HTTP/1.1 100 Continue\r\n\r\n")
            .unwrap_or(&answer);
        assert_eq!(status(answer), Some(408), "{answer}");
    }
    let mut chunks = served.connect().await;
    chunks
        .send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    assert_eq!(status(&chunks.dribble(b"1\r\na\r\n").await), Some(408));
    assert!(served.seen.paths().is_empty());
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_503() {
    let routes = Router::new().route("/stuck", get(std::future::pending::<()>));
    let served = serve(
        Limits {
            answer: SHORT,
            ..patient()
        },
        routes,
    );
    assert_eq!(
        status(&served.exchange(get_request("/stuck", "")).await),
        Some(503)
    );
}

/// A route whose answer never ends, and a receiver that hears when the server has given it up.
fn endless() -> (Router, mpsc::UnboundedReceiver<()>) {
    let (send, given_up) = mpsc::unbounded_channel();
    let answer = move || {
        let end = SaysWhenDropped(send.clone());
        async move {
            let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
            Body::from_stream(stream::repeat(()).map(move |()| {
                let _ = &end;
                Ok::<_, Infallible>(chunk.clone())
            }))
        }
    };
    (Router::new().route("/endless", get(answer)), given_up)
}

struct SaysWhenDropped(mpsc::UnboundedSender<()>);

impl Drop for SaysWhenDropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// Cases N04, N17.
#[tokio::test]
async fn a_peer_that_does_not_read_is_dropped() {
    let (routes, mut given_up) = endless();
    let served = serve(
        Limits {
            write: SHORT,
            ..patient()
        },
        routes,
    );
    let mut client = served.connect().await;
    client.send(get_request("/endless", "")).await;

    in_time("the end of an answer that nobody reads", given_up.recv())
        .await
        .unwrap();
    client.rest().await;
    served.assert_healthy().await;
}

/// Case N04.
#[tokio::test]
async fn a_peer_that_reads_in_drops_is_dropped() {
    let (routes, mut given_up) = endless();
    let served = serve(
        Limits {
            write: SHORT,
            ..patient()
        },
        routes,
    );
    let mut client = served.connect().await;
    client.send(get_request("/endless", "")).await;

    let reading = async {
        let mut byte = [0];
        while client.stream.read_exact(&mut byte).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        std::future::pending::<()>().await;
    };
    in_time("the end of an answer that is read in drops", async {
        tokio::select! {
            () = reading => {}
            end = given_up.recv() => end.unwrap(),
        }
    })
    .await;
}

#[tokio::test]
async fn an_event_stream_lives_on_as_long_as_it_is_read() {
    let (events, receiver) = mpsc::channel::<Result<&'static str, Infallible>>(1);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let stream = move || {
        let body = receiver
            .lock()
            .unwrap()
            .take()
            .map(ReceiverStream::new)
            .map(Body::from_stream);
        async move { body.unwrap_or_default() }
    };
    let limits = Limits {
        head: IN_TIME,
        write: IN_TIME,
        answer: IN_TIME,
        body: IN_TIME,
        ..patient()
    };
    let served = serve(limits, Router::new().route("/events", get(stream)));

    let mut client = served.connect().await;
    client.send(get_request("/events", "")).await;
    for event in ["data: one", "data: two", "data: three"] {
        events.send(Ok(event)).await.unwrap();
        client.receive(event).await;
        // A silent connection that begins now ends: each of the short times has passed.
        served.connect().await.rest().await;
    }
    drop(events);
    client.receive("\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn a_healthy_client_is_served_among_hundreds_of_slow_ones() {
    const EACH: usize = 80;
    let limits = Limits {
        head: IN_TIME,
        body: IN_TIME,
        idle: NEVER,
        per_address: 1000,
        ..Limits::default()
    };
    let served = serve(limits, Router::new());

    let mut slow = Vec::new();
    for _ in 0..EACH {
        let mut silent = served.connect().await;
        slow.push(tokio::spawn(async move { silent.rest().await }));
        slow.push(tokio::spawn(served.connect().await.dribble(HEAD)));
        let mut body = served.connect().await;
        body.send("POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15000\r\n\r\n")
            .await;
        slow.push(tokio::spawn(body.dribble(b"a")));
    }
    for _ in 0..50 {
        served.assert_healthy().await;
    }
    for client in slow {
        let answer = client.await.unwrap();
        assert!(matches!(status(&answer), None | Some(408)), "{answer}");
    }
    served.assert_healthy().await;
    assert!(
        served.seen.paths().iter().all(|path| path == "/"),
        "a slow one reached a handler"
    );
}
