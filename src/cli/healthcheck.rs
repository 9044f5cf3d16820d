//! `stackdeck healthcheck`: asks the instance on this machine whether it can serve; for images without a shell.
//!
//! It reads the address from where `serve` reads it (option, environment, `.env`). Where a public address is set, it asks
//! under that name as well, which an instance with another one refuses: a good answer is the right instance's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::ArgMatches;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{options, say};
use crate::config;
use crate::config::sources::Addresses;

const PATIENCE: Duration = Duration::from_secs(5);

/// A path that the guard of hosts stands before, unlike `/readyz`, and that costs nothing.
const GUARDED: &str = "/static/-";

pub(super) async fn run(given: &ArgMatches) -> ExitCode {
    let addresses = match config::sources::addresses(options::settings_given(given)) {
        Ok(addresses) => addresses,
        Err(mistakes) => return super::mistaken(&mistakes),
    };
    let bind = addresses.bind;
    match tokio::time::timeout(PATIENCE, ask_all(&addresses)).await {
        Ok(Ok(Health::Ready)) => {
            say("ready");
            ExitCode::SUCCESS
        }
        Ok(Ok(Health::NotReady(line))) => failed(&format!("not ready: {line}")),
        Ok(Ok(Health::Another)) => failed(&format!(
            "{bind} is another instance's: it does not answer for STACKDECK_PUBLIC_URL"
        )),
        Ok(Err(error)) => failed(&format!("{bind} cannot be reached: {error}")),
        Err(_) => failed(&format!(
            "{bind} did not answer within {} seconds",
            PATIENCE.as_secs()
        )),
    }
}

enum Health {
    Ready,
    /// The first line of its answer.
    NotReady(String),
    /// An instance with another public address.
    Another,
}

async fn ask_all(addresses: &Addresses) -> std::io::Result<Health> {
    let address = reachable(addresses.bind);
    let ready = ask(address, "/readyz", &format!("localhost:{}", address.port())).await?;
    if !ready.starts_with("HTTP/1.1 200") {
        return Ok(Health::NotReady(
            ready.lines().next().unwrap_or_default().to_owned(),
        ));
    }
    // Without a public address in the settings, it may have been given to `serve` alone.
    let Some(public_url) = &addresses.public_url else {
        return Ok(Health::Ready);
    };
    let origin = public_url.origin();
    let host = origin.split_once("//").map_or("", |(_, host)| host);
    let path = format!("{}{GUARDED}", public_url.path_prefix());
    let guarded = ask(address, &path, host).await?;
    Ok(if guarded.starts_with("HTTP/1.1 421") {
        Health::Another
    } else {
        Health::Ready
    })
}

fn failed(words: &str) -> ExitCode {
    say(words);
    ExitCode::FAILURE
}

/// An instance that listens on every address is asked on loopback.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

/// One plain request; a whole HTTP client would be more than a health check needs.
async fn ask(address: SocketAddr, path: &str, host: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0; 256];
    let mut filled = 0;
    while let Some(room) = head.get_mut(filled..).filter(|room| !room.is_empty()) {
        match stream.read(room).await? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(String::from_utf8_lossy(head.get(..filled).unwrap_or_default()).into_owned())
}
