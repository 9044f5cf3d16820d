//! The dashboard from memory: how many pages a second, against a bare axum server that sends the same bytes.
//!
//! Both are asked by the same clients in turns, so that only their ratio counts.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use stackdeck::domain::Clock;
use stackdeck::sandbox::Options;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::stage::{Stage, percentile};

const CLIENTS: usize = 32;
const TURNS: usize = 5;
const TURN: Duration = Duration::from_secs(3);

pub(crate) async fn run() {
    let options = Options {
        stacks: Some(50),
        ..Options::default()
    };
    let stage = Stage::new(options, Clock::system()).await;
    let viewer = stage.viewer(1).await;
    stage.running.app.stacks(&viewer.who).await;
    stage.is_quiet().await;
    let host = stage.url.trim_start_matches("http://");
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\n\r\n",
        viewer.cookie
    );
    let page = Client::connect(&stage.address).await.page(&request).await;
    assert!(page.len() > 20_000, "a list: {} bytes", page.len());

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bare = listener.local_addr().unwrap().to_string();
    let body = axum::body::Bytes::from(page);
    let length = body.len();
    let router = Router::new().route("/", get(move || std::future::ready(body.clone())));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });

    let mut ratios = Vec::new();
    for turn in 1..=TURNS {
        let ours = pages_in(&stage.address, &request).await;
        let ceiling = pages_in(&bare, &request).await;
        let ratio = ours / ceiling;
        println!("  turn {turn}: {ours:.0} pages a second, bare {ceiling:.0}, {ratio:.2} of it");
        ratios.push(ratio);
    }
    println!(
        "50 stacks from memory, {length} bytes, {CLIENTS} clients: {:.2} of a bare server; goal 0.60",
        percentile(&mut ratios, 0.5)
    );
    serving.abort();
    stage.end().await;
}

/// How many pages a second these clients get together.
async fn pages_in(address: &str, request: &str) -> f64 {
    let clock = Clock::system();
    let until = clock.now() + TURN;
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (address, request, clock) = (address.to_owned(), request.to_owned(), clock.clone());
        clients.spawn(async move {
            let mut client = Client::connect(&address).await;
            let mut pages = 0_u32;
            while clock.now() < until {
                client.page(&request).await;
                pages += 1;
            }
            pages
        });
    }
    let pages: u32 = clients.join_all().await.into_iter().sum();
    f64::from(pages) / TURN.as_secs_f64()
}

/// A connection that is kept.
struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    async fn connect(address: &str) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            read: Vec::new(),
        }
    }

    /// Asks, and reads the whole answer; gives its body.
    async fn page(&mut self, request: &str) -> Vec<u8> {
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.read.clear();
        let head = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await;
        };
        let text = std::str::from_utf8(&self.read[..head]).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.parse::<usize>().unwrap())
        });
        let end = head + length.unwrap();
        while self.read.len() < end {
            self.more().await;
        }
        self.read.split_off(head)
    }

    async fn more(&mut self) {
        let count = self.stream.read_buf(&mut self.read).await.unwrap();
        assert!(count > 0, "cut off");
    }
}
