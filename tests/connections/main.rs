//! The connection layer over raw TCP: slow, silent, huge and lying clients, and the healthy ones beside them.
//!
//! Deadlines are small settings here. A test waits for the fact that a connection was closed or answered, and
//! never measures how long that took; [`in_time`] only keeps a broken server from hanging the suite.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod capacity;
mod crowd;
mod descriptors;
mod endless;
mod gone;
mod hosts;
mod parsing;
mod shutdown;
mod slow;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get};
use ipnet::IpNet;
use stackdeck::web::server::{Limits, Server, answer_within, listen, short_url, whole_body};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(200);
/// Short enough to wait for, and long enough for a client that does what it should in time, also on a machine that is
/// busy.
const IN_TIME: Duration = Duration::from_secs(3);
/// So long that no test could wait for it: a test that passes with it was not waiting for it.
const NEVER: Duration = Duration::from_hours(1);

/// A running server and what its handlers saw.
struct Served {
    address: SocketAddr,
    shutdown: CancellationToken,
    ended: JoinHandle<()>,
    seen: Seen,
}

/// The paths of all requests that reached a handler, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Limits of which none is reached, for a test to change the one that it is about. Only the last moments of a
/// connection are short: tests keep their ends of connections open.
fn patient() -> Limits {
    Limits {
        head: NEVER,
        idle: NEVER,
        write: NEVER,
        body: NEVER,
        answer: NEVER,
        linger: SHORT,
        ..Limits::default()
    }
}

/// Serves `routes`, and for every other path an echo of the request's body, behind the guards.
fn serve(limits: Limits, routes: Router) -> Served {
    serve_trusting(limits, routes, &[])
}

fn serve_trusting(limits: Limits, routes: Router, trusted: &[IpNet]) -> Served {
    let seen = Seen::default();
    let router = routes
        .route("/who", get(who))
        .fallback(any(|body: Bytes| async move { body }))
        .layer(from_fn_with_state(seen.clone(), note))
        .layer(from_fn_with_state(limits, whole_body))
        .layer(from_fn_with_state(limits, answer_within))
        .layer(from_fn_with_state(limits, short_url));
    let listener = listen("127.0.0.1:0".parse().unwrap(), &limits).unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let server = Server::new(router, limits, trusted.to_vec());
    let ended = tokio::spawn(server.serve(listener, shutdown.clone()));
    Served {
        address,
        shutdown,
        ended,
        seen,
    }
}

async fn note(State(seen): State<Seen>, request: Request, next: Next) -> Response {
    seen.0.lock().unwrap().push(request.uri().path().to_owned());
    next.run(request).await
}

async fn who(axum::Extension(client): axum::Extension<stackdeck::web::server::ClientAddr>) -> String {
    client.0.to_string()
}

impl Served {
    async fn connect(&self) -> Client {
        Client {
            stream: TcpStream::connect(self.address).await.unwrap(),
            received: Vec::new(),
        }
    }

    /// Sends bytes over a connection of their own and returns all that comes back until its end.
    async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client.rest().await
    }

    /// That the server still does its work.
    async fn assert_healthy(&self) {
        let answer = self.exchange(get_request("/", "Connection: close\r\n")).await;
        assert_eq!(status(&answer), Some(200), "{answer}");
    }
}

/// One end of a raw connection.
struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// Sends what can be sent; the server may have closed before it has read all.
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Receives until `text` has come.
    async fn receive(&mut self, text: &str) {
        in_time(text, async {
            while !self.text().contains(text) {
                let count = self.stream.read_buf(&mut self.received).await.unwrap();
                assert!(count > 0, "closed before {text:?} came: {:?}", self.text());
            }
        })
        .await;
    }

    /// Receives until the server closes, with or without a reset, and returns all that came since the
    /// beginning.
    async fn rest(&mut self) -> String {
        in_time("the end of the connection", async {
            while !matches!(self.stream.read_buf(&mut self.received).await, Ok(0) | Err(_)) {}
        })
        .await;
        self.text()
    }

    /// Sends `bytes` one by one, over and over, until the server closes; returns what it said.
    async fn dribble(mut self, bytes: &[u8]) -> String {
        in_time("the end of a dribbling connection", async {
            for byte in bytes.iter().cycle() {
                if self.stream.write_all(&[*byte]).await.is_err() {
                    while !matches!(self.stream.read_buf(&mut self.received).await, Ok(0) | Err(_)) {}
                    break;
                }
                let pause = tokio::time::sleep(Duration::from_millis(5));
                tokio::select! {
                    () = pause => {}
                    read = self.stream.read_buf(&mut self.received) => {
                        if matches!(read, Ok(0) | Err(_)) {
                            break;
                        }
                    }
                }
            }
        })
        .await;
        self.text()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

/// Waits for a fact, for as long as the slowest machine could need.
async fn in_time<T>(what: &str, fact: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(5), fact)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A GET with a `Host` and further header lines.
fn get_request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

/// The status of the first answer, if there is one.
fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}
