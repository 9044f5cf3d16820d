//! The readers of event streams: a process of their own. Says `open N` when all streams are open, then for each
//! line with a moment how long after it the last reader had its event.

use std::io::BufRead as _;

use stackdeck::domain::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

pub(crate) async fn run(address: &str, cookies: &str, path: &str) {
    let (path, each) = path.rsplit_once('&').unwrap();
    let each: usize = each.parse().unwrap();
    let cookies = std::fs::read_to_string(cookies).unwrap();
    let (sender, mut events) = mpsc::unbounded_channel();
    let mut streams = 0;
    for cookie in cookies.lines() {
        for _ in 0..each {
            let port = address.rsplit(':').next().unwrap();
            let head = format!(
                "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookie}\r\nAccept: text/event-stream\r\n\r\n"
            );
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut first = [0; 12];
            stream.read_exact(&mut first).await.unwrap();
            assert_eq!(&first, b"HTTP/1.1 200", "a stream is open");
            streams += 1;
            tokio::spawn(read(stream, sender.clone()));
        }
    }
    // Each stream begins with how fresh the page is.
    for _ in 0..streams {
        events.recv().await.unwrap();
    }
    println!("open {streams}");
    let (lines_in, mut lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = lines_in.send(line);
        }
    });
    while let Some(line) = lines.recv().await {
        let since: i128 = line.parse().unwrap();
        let mut last = 0;
        for _ in 0..streams {
            last = last.max(events.recv().await.unwrap());
        }
        let ms = u32::try_from((last - since) / 1_000_000).unwrap();
        println!("all {streams} had it {ms} ms");
    }
}

/// Tells the moment at which each event of a stream ended. Little is done with each: the readers have the same
/// processors as what they measure.
async fn read(mut stream: TcpStream, sender: mpsc::UnboundedSender<i128>) {
    let clock = Clock::system();
    let mut buffer = [0; 4096];
    let mut tail = Vec::new();
    loop {
        let Ok(count @ 1..) = stream.read(&mut buffer).await else {
            return;
        };
        tail.extend_from_slice(&buffer[..count]);
        if tail.ends_with(b"\n\n") {
            for _ in std::str::from_utf8(&tail).unwrap().matches("event: rows\n") {
                let _ = sender.send(clock.now().unix_timestamp_nanos());
            }
            tail.clear();
        }
    }
}
