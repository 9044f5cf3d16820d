//! N01, N02, N03 at full size: five thousand silent, five thousand dribbling and a thousand slow bodies, with the
//! times and caps that are served, from many addresses, while healthy clients are measured. `bin/slow-clients`
//! runs it; the short version in `slow.rs` runs with every test.

#![expect(clippy::indexing_slicing, reason = "the places are named in this file")]

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use stackdeck::web::server::Limits;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::{Client, get_request, in_time, serve, status};

const SILENT: usize = 5_000;
const DRIBBLING: usize = 5_000;
const BODIES: usize = 1_000;

/// Names the server to the second process.
const SERVER: &str = "STACKDECK_TEST_CROWD";

/// What the second process says when all are connected.
const ALL_HERE: &str = "slow clients connected";

/// How often a slow client sends a byte.
const PACE: Duration = Duration::from_secs(1);

/// One of many machines: each has its own address, and no more connections than it may.
async fn connect(number: usize, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let machine = u8::try_from(number / 200).unwrap();
    let address = IpAddr::V4(Ipv4Addr::new(127, 0, 1, machine + 1));
    socket.bind(SocketAddr::new(address, 0)).unwrap();
    socket.connect(server).await.unwrap()
}

/// Keeps a connection in its way until it is closed; says how long that took, and what was answered.
async fn slow(kind: usize, stream: TcpStream) -> (usize, Duration, Option<u16>) {
    let began = Instant::now();
    let mut client = Client {
        stream,
        received: Vec::new(),
    };
    match kind {
        0 => {}
        1 => client.send("GET / HTTP/1.1\r\nHost: localhost\r\nX: ").await,
        _ => {
            client
                .send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15000\r\n\r\n")
                .await;
        }
    }
    let Client { stream, mut received } = client;
    let (mut read, mut write) = stream.into_split();
    let dribble = async move {
        if kind > 0 {
            while write.write_all(b"a").await.is_ok() {
                tokio::time::sleep(PACE).await;
            }
        }
        std::future::pending::<()>().await;
    };
    let closed = async {
        use tokio::io::AsyncReadExt as _;
        while !matches!(read.read_buf(&mut received).await, Ok(0) | Err(_)) {}
    };
    tokio::select! {
        () = dribble => {}
        () = closed => {}
    }
    (kind, began.elapsed(), status(&String::from_utf8_lossy(&received)))
}

fn at_share(sorted: &[Duration], share: usize) -> Duration {
    sorted[(sorted.len() - 1) * share / 100]
}

async fn measure(address: SocketAddr, requests: usize) -> Vec<Duration> {
    let mut times = Vec::with_capacity(requests);
    for _ in 0..requests {
        let began = Instant::now();
        let mut client = Client {
            stream: TcpStream::connect(address).await.unwrap(),
            received: Vec::new(),
        };
        client.send(get_request("/", "Connection: close\r\n")).await;
        assert_eq!(
            status(&client.rest().await),
            Some(200),
            "a healthy client was not served"
        );
        times.push(began.elapsed());
    }
    times.sort();
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute and 11,000 file descriptors in each of two processes; bin/slow-clients runs it"]
async fn eleven_thousand_slow_clients_are_cut_off_while_healthy_ones_are_served() {
    let served = serve(Limits::default(), Router::new());
    let alone = measure(served.address, 500).await;

    // In a process of its own, which has descriptors of its own.
    let mut crowd = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "crowd::the_crowd"])
        .env(SERVER, served.address.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(crowd.stdout.take().unwrap());
    let (tell, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let reading = std::thread::spawn(move || {
        for line in said.lines() {
            let _ = tell.send(line.unwrap());
        }
    });
    in_time("the crowd", async {
        while let Some(line) = lines.recv().await {
            if line.contains(ALL_HERE) {
                return;
            }
        }
        panic!("the crowd ended before it was there");
    })
    .await;
    let among = measure(served.address, 500).await;
    let mut passed = false;
    in_time("the end of the crowd", async {
        while let Some(line) = lines.recv().await {
            println!("{line}");
            passed |= line.contains("1 passed");
        }
    })
    .await;
    reading.join().unwrap();
    crowd.wait().unwrap();
    assert!(passed, "the crowd was not cut off as promised");
    served.assert_healthy().await;
    for (name, times) in [("alone", &alone), ("among them", &among)] {
        println!(
            "healthy, {name}: p50 {:?}, p99 {:?}",
            at_share(times, 50),
            at_share(times, 99)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the second process of the test above"]
async fn the_crowd() {
    #[expect(
        clippy::disallowed_methods,
        reason = "what the first process says to the second"
    )]
    let Ok(address) = std::env::var(SERVER) else {
        return;
    };
    let address = address.parse().unwrap();
    let mut crowd = JoinSet::new();
    let mut number = 0;
    for (kind, count) in [(0, SILENT), (1, DRIBBLING), (2, BODIES)] {
        for _ in 0..count {
            let stream = connect(number, address).await;
            crowd.spawn(slow(kind, stream));
            number += 1;
        }
    }
    println!("{ALL_HERE}: {}", crowd.len());
    let mut longest = [Duration::ZERO; 3];
    let mut answered = 0;
    while let Some(ended) = crowd.join_next().await {
        let (kind, took, status) = ended.unwrap();
        longest[kind] = longest[kind].max(took);
        match (kind, status) {
            (2, Some(408)) => answered += 1,
            (0 | 1, None) => {}
            (kind, other) => panic!("kind {kind} was answered {other:?}"),
        }
    }
    println!("all cut off; {answered} bodies were answered 408");
    println!(
        "longest: silent {:?}, dribbling {:?}, bodies {:?}",
        longest[0], longest[1], longest[2]
    );
    // The deadlines that the product promises, and what this machine may add.
    let limits = Limits::default();
    let promised = limits.head.max(limits.body) + limits.linger;
    assert!(longest.iter().all(|took| *took < promised * 2), "{longest:?}");
}
