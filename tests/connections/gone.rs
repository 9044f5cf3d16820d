//! Clients that have sent everything and are gone before the server has read any of it: a tab that is closed with
//! the click. What they sent was sent, so it reaches its handler.

use std::time::Duration;

use axum::Router;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{in_time, patient, serve};

/// Case E07, where the end of the connection is in the socket beside the request.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_form_whose_sender_is_gone_reaches_its_handler() {
    const FORMS: usize = 1_000;
    let served = serve(patient(), Router::new());
    for number in 0..FORMS {
        let mut tab = TcpStream::connect(served.address).await.unwrap();
        let form = format!("POST /{number} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nop=42");
        tab.write_all(form.as_bytes()).await.unwrap();
    }
    in_time("a thousand forms at their handler", async {
        while served.seen.paths().len() < FORMS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
