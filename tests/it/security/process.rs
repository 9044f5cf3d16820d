//! `stackdeck serve` as a process, with a sandbox in this one.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use stackdeck::sandbox::{Options, Sandbox};

use crate::harness::{free_port, looks};

/// 32 bytes that nobody else uses.
pub const SECRET: &str = "dGhlIHRlc3RzJyBvd24gc2VjcmV0LCBsb25nIGVub3VnaA==";

/// A started program; ended when it is dropped.
pub struct Served {
    pub sandbox: Sandbox,
    pub url: String,
    pub address: SocketAddr,
    pub folder: tempfile::TempDir,
    child: Child,
    settings: Vec<(String, String)>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The settings that a program needs to work with this sandbox on this port.
pub fn settings(sandbox: &Sandbox, port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("STACKDECK_BIND", format!("127.0.0.1:{port}")),
        ("STACKDECK_PUBLIC_URL", format!("http://localhost:{port}")),
        ("STACKDECK_SECRET", SECRET.to_owned()),
        ("CLOUD66_URL", sandbox.url().to_owned()),
        ("CLOUD66_CLIENT_ID", sandbox.client_id().to_owned()),
        ("CLOUD66_CLIENT_SECRET", sandbox.client_secret().to_owned()),
    ]
}

/// The program with these arguments, run by a shell that first does `before`, such as setting a limit.
pub fn stackdeck(before: &str, arguments: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_stackdeck");
    command
        .arg("-c")
        .arg(format!("{before}; exec {program} {arguments}"))
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

fn serve(before: &str, folder: &Path, settings: &[(String, String)]) -> Child {
    stackdeck(before, "serve", folder)
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn is_ready(address: SocketAddr) -> bool {
    let asked = super::raw::exchange(
        address,
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    super::raw::status(&asked.await) == Some(200)
}

/// `serve` for half a minute at most: what is expected to refuse must not hang the suite where it does not.
pub fn serve_for_a_while(folder: &Path) -> Command {
    let program = env!("CARGO_BIN_EXE_stackdeck");
    let mut bounded = Command::new("timeout");
    bounded
        .args(["30", program, "serve"])
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null());
    bounded
}

impl Served {
    /// Starts it after `before`, and waits until it serves.
    pub async fn start_in(before: &str) -> Self {
        Self::start_with(before, Options::default(), &[]).await
    }

    pub async fn start_with(before: &str, options: Options, more: &[(&str, &str)]) -> Self {
        let port = free_port();
        let url = format!("http://localhost:{port}");
        let sandbox = Sandbox::start(Options {
            callbacks: vec![format!("{url}/oauth/callback")],
            ..options
        })
        .await
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let settings: Vec<(String, String)> = settings(&sandbox, port)
            .into_iter()
            .chain(more)
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let mut served = Self {
            sandbox,
            url,
            address: ([127, 0, 0, 1], port).into(),
            child: serve(before, folder.path(), &settings),
            folder,
            settings,
        };
        served.until_ready().await;
        served
    }

    async fn until_ready(&mut self) {
        for () in looks() {
            // It listens before it is ready.
            if tokio::net::TcpStream::connect(self.address).await.is_ok() && is_ready(self.address).await {
                return;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "it ended at once");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it never listened");
    }

    /// Ends it in the middle of whatever it does, by SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts what has ended again: same folder, settings and address.
    pub async fn start_again(&mut self) {
        self.child = serve("true", self.folder.path(), &self.settings);
        self.until_ready().await;
    }

    /// The most memory that it has used, in kilobytes.
    pub fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for the end without a signal.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}
