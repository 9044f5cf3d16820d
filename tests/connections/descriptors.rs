//! A process that has run out of file descriptors serves again once it has some. The limit can be set for a
//! whole process only, so the test runs itself again in a small one.
#![cfg(unix)]

use std::fs::File;
use std::process::Command;

use axum::Router;
use tokio::net::TcpSocket;

use super::{Client, get_request, patient, serve, status};

/// Where the second process runs [`with_few_descriptors`].
const INNER: &str = "descriptors::with_few_descriptors";

/// Case N18.
#[test]
fn a_server_without_file_descriptors_recovers() {
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 64 && exec \"$0\" --exact --ignored --nocapture \"$1\"",
        ])
        .arg(std::env::current_exe().unwrap())
        .arg(INNER)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{errors}"
    );
    assert!(
        text.contains("ran out"),
        "the limit was not reached, so nothing was tested: {text}"
    );
}

#[tokio::test]
#[ignore = "takes every file descriptor of its process; the test above runs it in one of its own"]
async fn with_few_descriptors() {
    let served = serve(patient(), Router::new());
    served.assert_healthy().await;
    // The client's own descriptor, before there is none.
    let socket = TcpSocket::new_v4().unwrap();

    let mut taken = Vec::new();
    while taken.len() < 4096 {
        match File::open("/dev/null") {
            Ok(file) => taken.push(file),
            Err(error) => {
                println!("ran out: {error}");
                break;
            }
        }
    }
    // The kernel answers the connection; the server cannot accept it.
    let mut client = Client {
        stream: socket.connect(served.address).await.unwrap(),
        received: Vec::new(),
    };
    client.send(get_request("/", "Connection: close\r\n")).await;
    // Meet the server in its pause at least once: it has nothing else to do than to try.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.text(), "");

    drop(taken);
    assert_eq!(status(&client.rest().await), Some(200));
    served.assert_healthy().await;
}
