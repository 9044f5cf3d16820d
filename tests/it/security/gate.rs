//! The way to Cloud 66 with a gate in it: an exchange is held at an exact point, for as long as a test wants.
//!
//! One connection carries one request: the gate asks Cloud 66 to close after its answer, and passes that on. So the
//! app closes, too, once it has read the whole answer, and the gate can tell.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};

/// How far an exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The app has a connection, and nothing of what it sent has been read.
    Connected,
    /// One byte has reached Cloud 66.
    FirstByte,
    /// Everything was sent, and nothing has reached Cloud 66.
    Asked,
    /// Cloud 66 has answered, and nothing of it has reached the app.
    Done,
    /// The head of the answer has reached the app.
    Head,
    /// The app has read the whole answer.
    Answered,
}

/// A way that leads to Cloud 66 and can be held.
pub struct Gate {
    pub url: String,
    pub address: SocketAddr,
    state: Arc<State>,
    running: Mutex<Option<AbortHandle>>,
}

struct State {
    to: Mutex<Option<SocketAddr>>,
    /// Where to hold which requests: the beginning of their first line, and a part of it.
    hold: Mutex<Option<(Point, &'static str, &'static str)>>,
    held: watch::Sender<bool>,
    go_on: Notify,
}

impl Gate {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Self {
            url: format!("http://{address}"),
            address,
            state: Arc::new(State {
                to: Mutex::default(),
                hold: Mutex::default(),
                held: watch::Sender::new(false),
                go_on: Notify::new(),
            }),
            running: Mutex::default(),
        };
        gate.run(listener);
        gate
    }

    /// Where it leads.
    pub fn lead_to(&self, url: &str) {
        let address = url.trim_start_matches("http://").parse().unwrap();
        *self.state.to.lock().unwrap() = Some(address);
    }

    /// Holds what comes to this point, of requests with this method and this in their address.
    pub fn hold(&self, point: Point, method: &'static str, part: &'static str) {
        self.state.held.send_replace(false);
        *self.state.hold.lock().unwrap() = Some((point, method, part));
    }

    /// Lets what is held go on to this point, and holds it there.
    pub fn hold_then(&self, point: Point) {
        let (_, method, part) = self.state.hold.lock().unwrap().unwrap();
        self.hold(point, method, part);
        self.state.go_on.notify_waiters();
    }

    /// Waits until something is held.
    pub async fn holds_something(&self) {
        self.state.held.subscribe().wait_for(|held| *held).await.unwrap();
    }

    /// Ends what is held, and holds nothing more.
    pub fn open(&self) {
        *self.state.hold.lock().unwrap() = None;
        self.state.go_on.notify_waiters();
    }

    /// Nobody listens any more, and what was under way ends.
    pub async fn close(&self) {
        self.running.lock().unwrap().take().unwrap().abort();
        while TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    /// Listens again.
    pub async fn reopen(&self) {
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.run(listener);
    }

    fn run(&self, listener: TcpListener) {
        let state = Arc::clone(&self.state);
        let task = tokio::spawn(async move {
            // Ends with the task, and so do the connections in it.
            let mut open = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                while open.try_join_next().is_some() {}
                let state = Arc::clone(&state);
                open.spawn(async move {
                    // A peer that has gone, or a wall: nothing to say to either.
                    let _ = state.carry(client).await;
                });
            }
        });
        *self.running.lock().unwrap() = Some(task.abort_handle());
    }
}

impl State {
    async fn carry(&self, mut client: TcpStream) -> std::io::Result<()> {
        self.pass(Point::Connected, b"").await;
        let mut request = vec![client.read_u8().await?];
        let to = *self.to.lock().unwrap();
        let mut server = TcpStream::connect(to.unwrap()).await?;
        if self.is_held(Point::FirstByte, &request) {
            server.write_all(&request).await?;
            self.pass(Point::FirstByte, &request).await;
            return Ok(());
        }
        while !is_whole(&request) {
            if client.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        self.pass(Point::Asked, &request).await;
        let line = request.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
        server.write_all(&request[..line]).await?;
        server.write_all(b"connection: close\r\n").await?;
        server.write_all(&request[line..]).await?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await?;
        self.pass(Point::Done, &request).await;
        let head = head_of(&answer).unwrap_or(answer.len());
        client.write_all(&answer[..head]).await?;
        self.pass(Point::Head, &request).await;
        client.write_all(&answer[head..]).await?;
        while client.read(&mut [0; 64]).await? > 0 {}
        self.pass(Point::Answered, &request).await;
        Ok(())
    }

    fn is_held(&self, point: Point, request: &[u8]) -> bool {
        let Some((at, method, part)) = *self.hold.lock().unwrap() else {
            return false;
        };
        let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line).into_owned();
        at == point
            && match point {
                // There is nothing to tell it by.
                Point::Connected => true,
                Point::FirstByte => method.starts_with(&line),
                _ => line.starts_with(method) && line.contains(part),
            }
    }

    async fn pass(&self, point: Point, request: &[u8]) {
        if self.is_held(point, request) {
            let go_on = self.go_on.notified();
            tokio::pin!(go_on);
            go_on.as_mut().enable();
            self.held.send_replace(true);
            go_on.await;
        }
    }
}

/// Where the head ends.
fn head_of(message: &[u8]) -> Option<usize> {
    message
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map(|at| at + 4)
}

/// Whether the request is there to its last byte. Neither the app nor a browser sends chunks.
fn is_whole(request: &[u8]) -> bool {
    let Some(head) = head_of(request) else {
        return false;
    };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse::<usize>().unwrap());
    request.len() >= head + length
}
