//! `stackdeck healthcheck`: asks the instance on this machine whether it can serve; for images without a shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::ArgMatches;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{options, say};
use crate::config;

const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(given: &ArgMatches) -> ExitCode {
    let bind = match options::parsed::<SocketAddr>(given, "bind") {
        Ok(Some(bind)) => bind,
        Ok(None) => config::sources::bind_from_env(),
        Err(words) => return super::cannot_start(&words),
    };
    match tokio::time::timeout(PATIENCE, ask(reachable(bind))).await {
        Ok(Ok(head)) if head.starts_with("HTTP/1.1 200") => {
            say("ready");
            ExitCode::SUCCESS
        }
        Ok(Ok(head)) => failed(&format!("not ready: {}", head.lines().next().unwrap_or_default())),
        Ok(Err(error)) => failed(&format!("{bind} cannot be reached: {error}")),
        Err(_) => failed(&format!(
            "{bind} did not answer within {} seconds",
            PATIENCE.as_secs()
        )),
    }
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
async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET /readyz HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n",
        address.port()
    );
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
