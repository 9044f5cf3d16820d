//! Requests that two parsers could read in two ways, other protocols, and nonsense: at most one answer, and
//! what hides behind a request never reaches a handler.

use axum::Router;
use stackdeck::web::server::Limits;
use tokio::io::AsyncWriteExt as _;

use super::{SHORT, Served, get_request, in_time, patient, serve, status};

const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A server on which a connection ends soon after its last answer.
fn impatient() -> Served {
    serve(
        Limits {
            idle: SHORT,
            head: SHORT * 10,
            body: SHORT * 10,
            ..patient()
        },
        Router::new(),
    )
}

/// Header lines and what follows them; [`HIDDEN`] (41 bytes) comes behind.
const TWO_MEANINGS: &[(&str, &str)] = &[
    (
        "CL and TE",
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE and CL",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5\r\naaaaa\r\n0\r\n\r\n",
    ),
    (
        "TE and the whole as CL",
        "Transfer-Encoding: chunked\r\nContent-Length: 56\r\n\r\n5\r\naaaaa\r\n0\r\n\r\n",
    ),
    (
        "two TEs",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    ),
    ("TE not chunked", "Transfer-Encoding: gzip\r\n\r\n"),
    (
        "TE chunked first",
        "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    ),
    ("xchunked", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    (
        "space before the colon",
        "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
    ("two CLs", "Content-Length: 0\r\nContent-Length: 41\r\n\r\n"),
    ("a list of CLs", "Content-Length: 0, 0\r\n\r\n"),
    ("CL with a sign", "Content-Length: +0\r\n\r\n"),
    ("negative CL", "Content-Length: -1\r\n\r\n"),
    ("CL in hexadecimal", "Content-Length: 0x0\r\n\r\n"),
    (
        "CL beyond 64 bits",
        "Content-Length: 18446744073709551616\r\n\r\n",
    ),
    ("empty CL", "Content-Length:\r\n\r\n"),
    ("folded line", "X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    ("bare CR", "X: a\rContent-Length: 0\r\n\r\n"),
    ("NUL", "X: a\0b\r\nContent-Length: 0\r\n\r\n"),
    ("no colon", "Content-Length\r\n\r\n"),
    ("space in a name", "Content Length: 0\r\n\r\n"),
    (
        "chunk size with a sign",
        "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    ),
    (
        "chunk size in another alphabet",
        "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    ),
    (
        "chunk size beyond 64 bits",
        "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n",
    ),
    (
        "chunk without its end",
        "Transfer-Encoding: chunked\r\n\r\n1\r\na0\r\n\r\n",
    ),
];

/// Case N10; the measurement M9.
#[tokio::test]
async fn requests_of_two_meanings_smuggle_nothing() {
    let served = impatient();
    for (what, rest) in TWO_MEANINGS {
        let answer = served
            .exchange(format!(
                "POST /open HTTP/1.1\r\nHost: localhost\r\n{rest}{HIDDEN}"
            ))
            .await;
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{what}: {answer}");
        assert!(
            matches!(status(&answer), None | Some(200 | 400)),
            "{what}: {answer}"
        );
        assert!(
            !served.seen.paths().iter().any(|path| path == "/hidden"),
            "{what}"
        );
    }
    let old = format!(
        "POST /open HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"
    );
    assert_eq!(status(&served.exchange(old).await), Some(400));
    assert!(!served.seen.paths().iter().any(|path| path == "/hidden"));

    // The same hidden request in the open is served: the rows above are not refused for want of a server.
    let open = format!("POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n{HIDDEN}");
    assert_eq!(served.exchange(open).await.matches("HTTP/1.1 200").count(), 2);
    assert!(served.seen.paths().iter().any(|path| path == "/hidden"));
}

/// Cases N08, N14.
#[tokio::test]
async fn other_protocols_and_nonsense_are_closed() {
    let served = impatient();
    let rows: [(&str, &[u8]); 9] = [
        (
            "HTTP/2 with prior knowledge",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        ),
        (
            "HTTP/2 in a request line",
            b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
        ),
        ("HTTP/0.9", b"GET /\r\n"),
        (
            "TLS",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello there, this is a handshake\r\n\r\n",
        ),
        ("SMTP", b"EHLO example.com\r\nMAIL FROM:<a@b>\r\n\r\n"),
        ("an empty method", b" / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        (
            "a NUL in the path",
            b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ),
        (
            "a space in the path",
            b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ),
        ("bytes", b"\x00\x01\x02\x03\xff\xfe\xfd\r\n\r\n"),
    ];
    for (what, bytes) in rows {
        let answer = served.exchange(bytes).await;
        assert!(matches!(status(&answer), None | Some(400)), "{what}: {answer}");
    }
    let upgrade = get_request(
        "/",
        "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    );
    assert_eq!(
        status(&served.exchange(upgrade).await),
        Some(200),
        "an offer of HTTP/2 is not taken up"
    );
    assert_eq!(served.seen.paths(), ["/"]);
}

/// Case N13.
#[tokio::test]
async fn unusual_methods_end_with_an_answer() {
    let routes = Router::new().route("/page", axum::routing::get(|| async {}));
    let served = serve(
        Limits {
            idle: SHORT,
            ..patient()
        },
        routes,
    );
    for (line, expected) in [
        ("TRACE /page", 405),
        ("BREW /page", 405),
        ("PUT /page", 405),
        ("CONNECT /page", 405),
    ] {
        let answer = served
            .exchange(format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .await;
        assert_eq!(status(&answer), Some(expected), "{line}: {answer}");
    }
    for line in ["CONNECT localhost:443", "OPTIONS *"] {
        let answer = served
            .exchange(format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .await;
        assert!(status(&answer).is_some(), "{line}");
    }
    served.assert_healthy().await;
}

/// Case N20.
#[tokio::test]
async fn a_thousand_requests_in_one_go_get_a_thousand_answers() {
    let served = impatient();
    let (mut read, mut write) = served.connect().await.stream.into_split();
    let requests: String = (0..1000)
        .map(|number| get_request(&format!("/{number}"), ""))
        .collect();
    let sender = tokio::spawn(async move { write.write_all(requests.as_bytes()).await.map(|()| write) });
    let mut answers = String::new();
    in_time(
        "a thousand answers",
        tokio::io::AsyncReadExt::read_to_string(&mut read, &mut answers),
    )
    .await
    .unwrap();

    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1000);
    assert_eq!(
        served.seen.paths(),
        (0..1000).map(|number| format!("/{number}")).collect::<Vec<_>>()
    );
    drop(sender.await.unwrap());
}

#[tokio::test]
async fn whoever_stops_sending_is_not_waited_for() {
    let served = serve(patient(), Router::new());
    for bytes in ["", "GET / HTTP/1.1\r\nHost: lo", &get_request("/", "")] {
        let mut client = served.connect().await;
        client.send(bytes).await;
        client.stream.shutdown().await.unwrap();
        client.rest().await;
    }
    served.assert_healthy().await;
}
