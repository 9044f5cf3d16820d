//! Bytes over a socket, where a client library would be too polite.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::TestApp;

/// Where the app listens.
pub fn address(app: &TestApp) -> SocketAddr {
    let port: u16 = app.url.rsplit(':').next().unwrap().parse().unwrap();
    ([127, 0, 0, 1], port).into()
}

/// What a browser would send as `Host`.
pub fn authority(app: &TestApp) -> String {
    app.url.trim_start_matches("http://").to_owned()
}

/// Sends bytes on a connection of their own, says that nothing more comes, and gives all that comes back.
pub async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may have closed before it has read all.
    let _ = stream.write_all(bytes.as_ref()).await;
    let _ = stream.shutdown().await;
    rest(stream).await
}

/// Everything until the server closes. The limit only keeps a broken server from hanging the suite.
pub async fn rest(mut stream: TcpStream) -> String {
    let mut received = Vec::new();
    let reading = async { while !matches!(stream.read_buf(&mut received).await, Ok(0) | Err(_)) {} };
    tokio::time::timeout(Duration::from_secs(60), reading)
        .await
        .unwrap_or_else(|_| panic!("the connection is never closed"));
    String::from_utf8_lossy(&received).into_owned()
}

/// The status of the first answer, if there is one.
pub fn status(answer: &str) -> Option<u16> {
    answer.get(9..12)?.parse().ok()
}
