//! Bytes over a socket, where a client library would be too polite.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{PATIENCE, TestApp};

/// Where the app listens.
pub fn address(app: &TestApp) -> SocketAddr {
    let port: u16 = app.url.rsplit(':').next().unwrap().parse().unwrap();
    ([127, 0, 0, 1], port).into()
}

/// What a browser would send as `Host`.
pub fn authority(app: &TestApp) -> String {
    app.url.trim_start_matches("http://").to_owned()
}

/// How long a connection is listened to for a further answer, where it is kept alive: hidden requests would be
/// answered at once, and there is no fact to wait for that says "no more".
const QUIET: Duration = Duration::from_millis(400);

/// Sends bytes on a connection of their own, and gives all that comes back until the server closes or has been
/// quiet for a while after its first answer.
pub async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let bytes = bytes.as_ref().to_vec();
    let is_head = bytes.starts_with(b"HEAD ");
    // Beside the reading: the server answers while much is still being sent. It may also close before.
    let sending = tokio::spawn(async move {
        let _ = write.write_all(&bytes).await;
        write
    });
    let mut received = Vec::new();
    let mut more = true;
    while more {
        let wait = if is_whole(&received, is_head) {
            QUIET
        } else {
            PATIENCE
        };
        let next = tokio::time::timeout(wait, read.read_buf(&mut received)).await;
        more = !matches!(next, Ok(Ok(0) | Err(_)) | Err(_));
    }
    sending.abort();
    String::from_utf8_lossy(&received).into_owned()
}

/// Whether the first answer is there to its end, as far as it says where that is. On a busy machine it may come in
/// pieces, with pauses between them.
fn is_whole(received: &[u8], is_head: bool) -> bool {
    let text = String::from_utf8_lossy(received).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length: Option<usize> = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    match length {
        Some(length) if !is_head => received.len() >= head.len() + 4 + length,
        None if head.contains("transfer-encoding: chunked") && !is_head => body.contains("0\r\n\r\n"),
        _ => true,
    }
}

/// Everything until the server closes. The limit only keeps a broken server from hanging the suite.
pub async fn rest(mut stream: TcpStream) -> String {
    let mut received = Vec::new();
    let reading = async { while !matches!(stream.read_buf(&mut received).await, Ok(0) | Err(_)) {} };
    tokio::time::timeout(PATIENCE, reading)
        .await
        .unwrap_or_else(|_| panic!("the connection is never closed"));
    String::from_utf8_lossy(&received).into_owned()
}

/// The status of the first answer, if there is one.
pub fn status(answer: &str) -> Option<u16> {
    answer.get(9..12)?.parse().ok()
}
