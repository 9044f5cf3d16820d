//! The sandbox on the wire: binding, accepting, serving and stopping.
//!
//! The accept loop is its own because faults must reach the connection: a reset is a real TCP RST, silence
//! holds the connection open. Stopping ends every connection at once, a silent one too.

mod below;
mod exchange;
mod line;

use super::oauth::redirect_uri;
use super::options::Options;
use super::world::World;
use exchange::exchange;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use line::Line;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// A client has this long to send the head of a request.
const HEADER_TIME: Duration = Duration::from_secs(30);

/// A pause after an accept that failed, for example for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running sandbox. It ends when it is stopped or dropped.
pub struct Sandbox {
    world: World,
    address: SocketAddr,
    tasks: TaskTracker,
    end: DropGuard,
}

/// Why a sandbox cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there.
    #[error("{0} is already in use: stop the program that listens there, or choose another address")]
    AddressTaken(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Bind(SocketAddr, #[source] io::Error),
    /// A callback URL that no application could register.
    #[error("the callback URL \"{given}\" {fault}")]
    Callback {
        /// What was given.
        given: String,
        /// What is wrong about it.
        fault: &'static str,
    },
    /// The operating system gives no randomness.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
}

impl Sandbox {
    /// Binds, makes the world and serves it in the background.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        for callback in &options.callbacks {
            if let Some(fault) = redirect_uri::fault_of(callback) {
                return Err(StartError::Callback {
                    given: callback.clone(),
                    fault,
                });
            }
        }
        let wanted = options.bind;
        let listener = TcpListener::bind(wanted)
            .await
            .map_err(|error| match error.kind() {
                io::ErrorKind::AddrInUse => StartError::AddressTaken(wanted),
                _ => StartError::Bind(wanted, error),
            })?;
        let address = listener
            .local_addr()
            .map_err(|error| StartError::Bind(wanted, error))?;
        let base = match &options.api_base {
            Some(base) => base.trim_end_matches('/').to_owned(),
            None => format!("http://{}", reachable(address)),
        };
        let world = World::new(options, base).ok_or(StartError::NoRandomness)?;
        let end = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(accept(listener, world.clone(), tasks.clone(), end.clone()));
        Ok(Self {
            world,
            address,
            tasks,
            end: end.drop_guard(),
        })
    }

    /// The origin for clients, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.world.settings().base
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Application Id of the ready application.
    pub fn client_id(&self) -> &str {
        &self.world.settings().client_id
    }

    /// Secret of the ready application.
    pub fn client_secret(&self) -> &str {
        &self.world.settings().client_secret
    }

    /// The world, to look at and to change.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Ends every connection and waits until nothing runs any more.
    pub async fn stop(self) {
        self.end.disarm().cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The address by which this machine reaches a listener that may be bound to all of its addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn accept(listener: TcpListener, world: World, tasks: TaskTracker, end: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let world = world.clone();
                let end = end.clone();
                tasks.spawn(async move {
                    tokio::select! {
                        () = end.cancelled() => {}
                        () = serve(stream, world) => {}
                    }
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve(stream: TcpStream, world: World) {
    // Answers are small and whole; waiting to fill packets would only delay them.
    let _ = stream.set_nodelay(true);
    let (line, ending) = Line::new(stream);
    let service = service_fn(move |request| exchange(world.clone(), ending.clone(), request));
    // A connection that breaks is the client's affair, or a fault's purpose.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(line), service)
        .await;
}
