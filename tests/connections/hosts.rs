//! Only our own names are answered, and nothing of a foreign one comes back.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use stackdeck::config::PublicUrl;
use stackdeck::domain::{Clock, ManualClock};
use stackdeck::web::server::{HostGuard, Limits, Server, host_guard, listen};
use time::Duration;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

use super::{Client, SHORT, patient, status};

/// A server for `https://deck.example.com/deck`, guarded. The path prefix is taken off before the guard.
fn guarded() -> SocketAddr {
    guarded_by(Clock::system())
}

fn guarded_by(clock: Clock) -> SocketAddr {
    let limits = Limits {
        idle: SHORT,
        ..patient()
    };
    let listener = listen("127.0.0.1:0".parse().unwrap(), &limits).unwrap();
    let address = listener.local_addr().unwrap();
    let hosts = PublicUrl::parse("https://deck.example.com/deck")
        .unwrap()
        .allowed_hosts(address.port());
    let router = Router::new()
        .route("/deck", get(|| async { "ours" }))
        .route("/healthz", get(|| async { "ours" }))
        .route("/readyz", get(|| async { "ours" }))
        .layer(from_fn_with_state(HostGuard::new(hosts, clock), host_guard));
    tokio::spawn(Server::new(router, limits, Vec::new()).serve(listener, CancellationToken::new()));
    address
}

/// Cases P01, N12; the measurement M9: stock answers 200 to no Host, two, or a foreign one.
#[tokio::test]
async fn each_host_is_checked_before_any_handler() {
    let address = guarded();
    let port = address.port();
    for (request, expected) in [
        ("GET /deck HTTP/1.1\r\nHost: deck.example.com".to_owned(), 200),
        ("GET /deck HTTP/1.1\r\nHost: DECK.EXAMPLE.COM:443".to_owned(), 200),
        (format!("GET /deck HTTP/1.1\r\nHost: localhost:{port}"), 200),
        (format!("GET /deck HTTP/1.1\r\nHost: 127.0.0.1:{port}"), 200),
        (format!("GET /deck HTTP/1.1\r\nHost: [::1]:{port}"), 200),
        (
            "GET https://deck.example.com/deck HTTP/1.1\r\nHost: deck.example.com".to_owned(),
            200,
        ),
        ("GET /deck HTTP/1.1\r\nHost: evil.example".to_owned(), 421),
        ("GET /deck HTTP/1.1\r\nHost: deck.example.com:80".to_owned(), 421),
        (
            "GET /deck HTTP/1.1\r\nHost: deck.example.com.evil.example".to_owned(),
            421,
        ),
        (
            "GET /deck HTTP/1.1\r\nHost: evil.example/../@deck.example.com".to_owned(),
            421,
        ),
        (
            "GET /deck HTTP/1.1\r\nHost: evil@deck.example.com".to_owned(),
            421,
        ),
        (
            "GET /deck HTTP/1.1\r\nHost: deck.example.com, evil.example".to_owned(),
            421,
        ),
        ("GET /deck HTTP/1.1\r\nHost: localhost".to_owned(), 421),
        ("GET /deck HTTP/1.1\r\nHost:".to_owned(), 421),
        ("GET /deck HTTP/1.1\r\nHost: \u{fc}\u{fc}".to_owned(), 421),
        (
            "GET http://evil.example/deck HTTP/1.1\r\nHost: deck.example.com".to_owned(),
            421,
        ),
        (
            "GET https://deck.example.com/deck HTTP/1.1\r\nHost: evil.example".to_owned(),
            421,
        ),
        (
            "GET https://evil@deck.example.com/deck HTTP/1.1\r\nHost: deck.example.com".to_owned(),
            421,
        ),
        (
            "CONNECT evil.example:443 HTTP/1.1\r\nHost: deck.example.com".to_owned(),
            421,
        ),
        ("GET /missing HTTP/1.1\r\nHost: evil.example".to_owned(), 421),
        (
            "GET /deck/healthz/x HTTP/1.1\r\nHost: evil.example".to_owned(),
            421,
        ),
        (
            "GET /deck?/healthz HTTP/1.1\r\nHost: evil.example".to_owned(),
            421,
        ),
        ("GET //healthz HTTP/1.1\r\nHost: evil.example".to_owned(), 421),
        ("GET /deck HTTP/1.1\r\nX: evil.example".to_owned(), 400),
        ("GET /deck HTTP/1.0\r\nX: evil.example".to_owned(), 400),
        (
            "GET /deck HTTP/1.1\r\nHost: deck.example.com\r\nHost: deck.example.com".to_owned(),
            400,
        ),
        (
            "GET /deck HTTP/1.1\r\nHost: deck.example.com\r\nHost: evil.example".to_owned(),
            400,
        ),
        (
            "GET /deck HTTP/1.1\r\nX-Forwarded-Host: deck.example.com\r\nHost: evil.example".to_owned(),
            421,
        ),
        ("GET /healthz HTTP/1.1\r\nHost: evil.example".to_owned(), 200),
        ("GET /readyz HTTP/1.1\r\nHost: 10.1.2.3".to_owned(), 200),
        ("GET /healthz HTTP/1.0\r\nX: evil.example".to_owned(), 200),
    ] {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut client = Client {
            stream,
            received: Vec::new(),
        };
        client.send(format!("{request}\r\n\r\n")).await;
        let answer = client.rest().await;
        let answer = answer.replacen("HTTP/1.0 ", "HTTP/1.1 ", 1);
        assert_eq!(status(&answer), Some(expected), "{request}: {answer}");
        assert!(!answer.contains("evil"), "{request}: {answer}");
        assert_eq!(answer.ends_with("ours"), expected == 200, "{request}: {answer}");
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Case P52: the log has both names, once a minute and bounded, whatever is asked for.
#[tokio::test]
async fn a_foreign_host_is_logged_with_ours_once_a_minute() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let clock = ManualClock::over(Clock::system());
    let address = guarded_by(clock.clock());
    let long = "a".repeat(4_000);
    for (host, later) in [
        ("deck.internal:8066", Duration::ZERO),
        ("evil.example", Duration::seconds(30)),
        (long.as_str(), Duration::seconds(31)),
        ("w\u{fc}rzburg\u{1b}[31m.example", Duration::seconds(61)),
    ] {
        clock.advance(later);
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut client = Client {
            stream,
            received: Vec::new(),
        };
        client
            .send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await;
        client.rest().await;
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("another host"))
        .collect();
    assert!(lines[0].contains("deck.internal:8066"), "{text}");
    assert!(lines[0].contains("https://deck.example.com/deck"), "{text}");
    assert!(!text.contains("evil.example"), "{text}");
    assert!(
        lines[1].contains(&long[..100]) && !lines[1].contains(&long[..101]),
        "{text}"
    );
    assert!(lines.iter().all(|line| !line.contains('\u{1b}')), "{text}");
}
