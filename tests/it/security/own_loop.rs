//! N23: `stackdeck serve` takes connections in by our own loop. Each limit alone is tested in `tests/connections`
//! and each refusal in [`super::http`]; here the program itself is asked what the stock loop would answer otherwise.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::process::Served;
use super::raw::{exchange, rest, status};
use super::tally::{Kind, note};

/// How many connections one address may have.
const PER_ADDRESS: usize = 256;

/// A request with so many header lines.
fn with_headers(count: usize) -> String {
    format!(
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n",
        "X: v\r\n".repeat(count - 2)
    )
}

/// hyper's own loop takes a hundred header lines, speaks HTTP/2, sets no end to a head and no bound to an address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_takes_connections_in_by_its_own_loop() {
    let served = Served::start_in("true").await;

    // The stock loop would still have both of them open when the test ends.
    let silent = TcpStream::connect(served.address).await.unwrap();
    let mut dribbling = TcpStream::connect(served.address).await.unwrap();
    dribbling
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ")
        .await
        .unwrap();
    let cut_off = tokio::spawn(async move { tokio::join!(rest(silent), rest(dribbling)) });

    let taken = exchange(served.address, with_headers(64)).await;
    assert_eq!(status(&taken), Some(200), "{taken}");
    note(Kind::Check, "N23");
    let refused = exchange(served.address, with_headers(65)).await;
    assert_eq!(status(&refused), Some(431), "{refused}");
    note(Kind::BadInput, "N23");

    let preface = exchange(
        served.address,
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    )
    .await;
    assert!(
        preface.is_empty() || status(&preface) == Some(400),
        "it speaks HTTP/2: {preface:?}"
    );
    note(Kind::BadInput, "N23");

    assert_eq!(
        cut_off.await.unwrap(),
        (String::new(), String::new()),
        "cut off without a word"
    );
    note(Kind::Fault, "N23");

    // One address has no more than its share, and gets it back.
    let mut held = Vec::new();
    for _ in 0..PER_ADDRESS {
        held.push(TcpStream::connect(served.address).await.unwrap());
    }
    let beyond = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(rest(beyond).await, "", "one more is closed at once");
    note(Kind::Fault, "N23");
    drop(held);
    while status(&exchange(served.address, with_headers(2)).await) != Some(200) {
        tokio::task::yield_now().await;
    }
}
