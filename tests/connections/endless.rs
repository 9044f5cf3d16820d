//! Answers without an end, which the server writes itself: they are whole HTTP answers, and their connections
//! have the limits of all others.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use axum::routing::get;
use futures_util::stream;
use stackdeck::web::server::{Endless, Limits};
use tokio::sync::Notify;

use super::{SHORT, get_request, in_time, patient, serve, status};

/// An endless answer of these parts; `gone` is told when nobody reads it any more.
fn endless(parts: impl Iterator<Item = Bytes> + Send + 'static, stays: bool, gone: Arc<Notify>) -> Response {
    struct Tell(Arc<Notify>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let tell = Tell(gone);
    let body = stream::unfold((parts, tell), move |(mut parts, tell)| async move {
        match parts.next() {
            Some(part) => Some((Ok::<_, Infallible>(part), (parts, tell))),
            None if stays => std::future::pending().await,
            None => None,
        }
    });
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert("x-kept", "yes".parse().unwrap());
    response.extensions_mut().insert(Endless);
    response
}

fn route(
    parts: impl Fn() -> Vec<Bytes> + Clone + Send + Sync + 'static,
    stays: bool,
    gone: &Arc<Notify>,
) -> Router {
    let gone = Arc::clone(gone);
    let answer = move || {
        let response = endless(parts().into_iter(), stays, Arc::clone(&gone));
        async { response }
    };
    Router::new().route("/endless", get(answer))
}

fn some_parts() -> Vec<Bytes> {
    vec![Bytes::from_static(b"one\n"), Bytes::from_static(b"two\n")]
}

#[tokio::test]
async fn it_has_a_head_comes_as_it_is_and_ends_with_the_connection() {
    let gone = Arc::default();
    let served = serve(patient(), route(some_parts, false, &gone));
    let answer = served.exchange(get_request("/endless", "")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(status(&answer), Some(200));
    assert!(
        head.contains("x-kept: yes") && head.contains("connection: close"),
        "{head}"
    );
    assert!(
        !head.contains("transfer-encoding") && !head.contains("content-length"),
        "{head}"
    );
    assert_eq!(body, "one\ntwo\n");
}

#[tokio::test]
async fn it_may_follow_another_answer_on_the_same_connection() {
    let gone = Arc::default();
    let served = serve(patient(), route(some_parts, false, &gone));
    let mut client = served.connect().await;
    client.send(get_request("/who", "")).await;
    client.receive("127.0.0.1").await;
    client.send(get_request("/endless", "")).await;
    assert!(client.rest().await.ends_with("one\ntwo\n"));
}

#[tokio::test]
async fn what_the_peer_sends_meanwhile_is_ignored_and_its_going_is_noticed() {
    let gone: Arc<Notify> = Arc::default();
    let served = serve(patient(), route(some_parts, true, &gone));
    let mut client = served.connect().await;
    client.send(get_request("/endless", "")).await;
    client.receive("two").await;
    client.send(get_request("/who", "")).await;
    served.assert_healthy().await;
    assert_eq!(
        served.seen.paths().iter().filter(|path| *path == "/who").count(),
        0
    );
    drop(client);
    in_time("the end of the answer", gone.notified()).await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_let_go() {
    let gone: Arc<Notify> = Arc::default();
    let much = || vec![Bytes::from(vec![b'x'; 64 * 1024]); 4096];
    let limits = Limits {
        write: SHORT,
        ..patient()
    };
    let served = serve(limits, route(much, true, &gone));
    let mut client = served.connect().await;
    client.send(get_request("/endless", "")).await;
    in_time("the end of the answer", gone.notified()).await;
    served.assert_healthy().await;
}

#[tokio::test]
async fn what_does_not_end_with_the_process_is_cut_off() {
    let gone: Arc<Notify> = Arc::default();
    let limits = Limits {
        drain: SHORT,
        ..patient()
    };
    let served = serve(limits, route(some_parts, true, &gone));
    let mut client = served.connect().await;
    client.send(get_request("/endless", "")).await;
    client.receive("two").await;
    served.shutdown.cancel();
    in_time("the end of the server", served.ended).await.unwrap();
    assert!(client.rest().await.ends_with("two\n"));
}

#[tokio::test]
async fn a_head_request_for_it_is_answered_like_any_other() {
    let gone = Arc::default();
    let served = serve(patient(), route(some_parts, false, &gone));
    let mut client = served.connect().await;
    client
        .send(
            "HEAD /endless HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned()
                + &get_request("/who", "Connection: close\r\n"),
        )
        .await;
    let answers = client.rest().await;
    assert!(
        answers.contains("x-kept: yes") && answers.ends_with("127.0.0.1"),
        "{answers}"
    );
    assert!(!answers.contains("one\n"));
}
