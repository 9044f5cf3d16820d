//! How much one request and one client may take.

use std::fmt::Write as _;

use axum::Router;
use stackdeck::web::server::Limits;

use super::{Client, NEVER, Served, get_request, in_time, patient, serve, serve_trusting, status};

fn post(length: usize) -> String {
    let body = "b".repeat(length);
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn chunked(length: usize) -> String {
    let mut text =
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_owned();
    for _ in 0..length / 1024 {
        let _ = write!(text, "400\r\n{}\r\n", "b".repeat(1024));
    }
    text + "0\r\n\r\n"
}

/// A request with this many header lines, `Host` and `Connection` among them.
fn with_headers(count: usize) -> String {
    let further = "X: v\r\n".repeat(count - 2);
    get_request("/", &format!("Connection: close\r\n{further}"))
}

fn with_path(length: usize) -> String {
    get_request(&format!("/{}", "p".repeat(length - 1)), "Connection: close\r\n")
}

/// Cases N05, N06, N07, N09; the measurement M9: stock takes 100 KB of headers.
#[tokio::test]
async fn each_part_of_a_request_has_a_largest_size() {
    // Whoever is still sending gets the answer too.
    let served = serve(
        Limits {
            linger: NEVER,
            ..patient()
        },
        Router::new(),
    );
    for (what, request, expected) in [
        ("64 headers", with_headers(64), 200),
        ("65 headers", with_headers(65), 431),
        ("101 headers", with_headers(101), 431),
        ("10,000 headers", with_headers(10_000), 431),
        (
            "a header of 12 KB",
            get_request(
                "/",
                &format!("Connection: close\r\nX: {}\r\n", "v".repeat(12_000)),
            ),
            200,
        ),
        (
            "a header of 17 KB",
            get_request("/", &format!("X: {}\r\n", "v".repeat(17_000))),
            431,
        ),
        (
            "a header of 1 MB",
            get_request("/", &format!("X: {}\r\n", "v".repeat(1_000_000))),
            431,
        ),
        ("an URL of 8 KB", with_path(8 * 1024), 200),
        ("an URL of 8 KB and a byte", with_path(8 * 1024 + 1), 414),
        ("an URL of 15 KB", with_path(15_000), 414),
        ("an URL of 70 KB", with_path(70_000), 431),
        ("a body of 16 KB", post(16 * 1024), 200),
        ("a body of 16 KB and a byte", post(16 * 1024 + 1), 413),
        ("a body of 17 KB", post(17 * 1024), 413),
        ("a body of 63 KB", post(63 * 1024), 413),
        ("a body of 3 MB", post(3 * 1024 * 1024), 413),
        ("a chunked body of 16 KB", chunked(16 * 1024), 200),
        ("a chunked body of 17 KB", chunked(17 * 1024), 413),
        ("a chunked body of 3 MB", chunked(3 * 1024 * 1024), 413),
    ] {
        let before = served.seen.paths().len();
        let answer = served.exchange(request).await;
        assert_eq!(status(&answer), Some(expected), "{what}: {answer}");
        let reached = served.seen.paths().len() - before;
        assert_eq!(reached, usize::from(expected == 200), "{what} reached a handler");
    }
    served.assert_healthy().await;
}

#[tokio::test]
async fn what_announces_too_much_is_refused_before_it_is_sent() {
    let served = serve(patient(), Router::new());
    // A length at the end of what 64 bits hold is refused by hyper, as a part of the head.
    for (length, expected) in [("70000", 413), ("18446744073709551614", 431)] {
        let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(status(&served.exchange(head).await), Some(expected), "{length}");
    }
}

#[tokio::test]
async fn who_is_refused_while_sending_is_not_reset() {
    use tokio::io::AsyncWriteExt as _;

    let served = serve(
        Limits {
            linger: NEVER,
            ..patient()
        },
        Router::new(),
    );
    let mut client = served.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        .await;
    assert_eq!(status(&client.rest().await), Some(413));

    // The server has said its last word, and goes on taking what was on its way.
    let body = "b".repeat(1_000_000);
    in_time("the end of sending", client.stream.write_all(body.as_bytes()))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let served = serve(patient(), Router::new());
    let mut client = served.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    let chunk = format!("400\r\n{}\r\n", "b".repeat(1024));
    in_time("the refusal of an endless body", async {
        use tokio::io::AsyncWriteExt as _;
        while client.stream.write_all(chunk.as_bytes()).await.is_ok() {}
    })
    .await;
    assert!(served.seen.paths().is_empty());
    served.assert_healthy().await;
}

#[tokio::test]
async fn a_body_that_is_shorter_than_announced_reaches_no_handler() {
    use tokio::io::AsyncWriteExt as _;

    let served = serve(patient(), Router::new());
    let mut client = served.connect().await;
    client
        .send("POST /lie HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfive!")
        .await;
    client.stream.shutdown().await.unwrap();
    let answer = client.rest().await;
    assert!(matches!(status(&answer), None | Some(400)), "{answer}");
    assert!(served.seen.paths().is_empty());
}

/// A connection that has been served and is still open.
async fn held(served: &Served) -> Client {
    let mut client = served.connect().await;
    client.send(get_request("/", "")).await;
    client.receive("HTTP/1.1 200").await;
    client
}

async fn assert_refused(served: &Served) {
    assert_eq!(
        served.exchange(get_request("/", "Connection: close\r\n")).await,
        "",
        "closed at once"
    );
}

/// Case N22.
#[tokio::test]
async fn one_address_has_no_more_than_its_share() {
    for limits in [
        Limits {
            per_address: 2,
            ..patient()
        },
        Limits {
            connections: 2,
            ..patient()
        },
    ] {
        let served = serve(limits, Router::new());
        let first = held(&served).await;
        let _second = held(&served).await;
        assert_refused(&served).await;

        drop(first);
        in_time("a place that was given back", async {
            while served
                .exchange(get_request("/", "Connection: close\r\n"))
                .await
                .is_empty()
            {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_trusted_proxy_brings_many_clients_and_says_who_they_are() {
    let limits = Limits {
        per_address: 1,
        ..patient()
    };
    let forwarded = get_request("/who", "Connection: close\r\nX-Forwarded-For: 192.0.2.7\r\n");

    let trusting = serve_trusting(limits, Router::new(), &["127.0.0.0/8".parse().unwrap()]);
    let _held = [
        held(&trusting).await,
        held(&trusting).await,
        held(&trusting).await,
    ];
    let answer = trusting.exchange(&forwarded).await;
    assert!(answer.ends_with("192.0.2.7"), "{answer}");

    let trusting_nobody = serve(limits, Router::new());
    let answer = trusting_nobody.exchange(&forwarded).await;
    assert!(answer.ends_with("127.0.0.1"), "{answer}");
}
