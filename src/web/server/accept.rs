//! The accept loop: takes connections in while there is room, and ends them in bounded time.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{self, Serving};
use super::limits::Limits;
use super::slots::{NoSlot, Slots};

/// How many connections the kernel holds for us until we accept them.
const BACKLOG: u32 = 1024;

/// How long to wait when a connection cannot be accepted for want of file descriptors or memory: at first,
/// and at most. Trying again at once would only burn the processor, for the connection stays in the queue.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Listens on an address with the buffers of `limits`, which accepted connections inherit.
pub fn listen(bind: SocketAddr, limits: &Limits) -> io::Result<TcpListener> {
    let socket = if bind.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A restart must not wait until the kernel has forgotten the old connections.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(limits.send_buffer)?;
    socket.bind(bind)?;
    socket.listen(BACKLOG)
}

/// A router, and the limits under which it is served.
pub struct Server {
    router: Router,
    limits: Limits,
    trusted: Arc<[IpNet]>,
}

impl Server {
    /// Takes the router, the limits, and the networks of trusted proxies.
    pub fn new(router: Router, limits: Limits, trusted_proxies: Vec<IpNet>) -> Self {
        Self {
            router,
            limits,
            trusted: trusted_proxies.into(),
        }
    }

    /// Serves until `shutdown` is cancelled; then takes no more connections or requests, and returns when the
    /// open ones have ended or [`Limits::drain`] is over, whichever is first. Event streams have to end by
    /// the same token: an answer that does not is cut off.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) {
        let slots = Slots::new(
            self.limits.connections,
            self.limits.per_address,
            Arc::clone(&self.trusted),
        );
        let cut = CancellationToken::new();
        let tasks = TaskTracker::new();
        let serving = Serving {
            router: self.router,
            limits: self.limits,
            trusted: self.trusted,
            unnamed_proxy: Arc::default(),
            shutdown: shutdown.clone(),
            cut: cut.clone(),
        };

        let mut refusals = Refusals::default();
        let take_in = |socket: TcpStream, peer: IpAddr| match slots.take(peer) {
            Ok(slot) => {
                let serving = serving.clone();
                let streams = tasks.clone();
                tasks.spawn(async move {
                    if let Some(endless) = connection::serve(serving, socket, peer).await {
                        // In a task of its own, which is a fraction of this one's size.
                        streams.spawn(async move {
                            endless.run().await;
                            drop(slot);
                        });
                    }
                });
            }
            // The socket is dropped, and so closed.
            Err(why) => refusals.note(why),
        };
        accept_until(&shutdown, || listener.accept(), tokio::time::sleep, take_in).await;
        drop(listener);

        tasks.close();
        if tokio::time::timeout(self.limits.drain, tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(connections = tasks.len(), "cut off what did not end in time");
            cut.cancel();
            tasks.wait().await;
        }
    }
}

/// Hands each accepted connection on, until `shutdown`. `wait` lets a pause pass.
async fn accept_until<Accepted, Waited>(
    shutdown: &CancellationToken,
    mut accept: impl FnMut() -> Accepted,
    mut wait: impl FnMut(Duration) -> Waited,
    mut take_in: impl FnMut(TcpStream, IpAddr),
) where
    Accepted: Future<Output = io::Result<(TcpStream, SocketAddr)>>,
    Waited: Future<Output = ()>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let accepted = tokio::select! {
            accepted = accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok((socket, peer)) => {
                pause = FIRST_PAUSE;
                take_in(socket, peer.ip());
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                if pause == FIRST_PAUSE {
                    tracing::error!(%error, "no connection can be accepted; trying again");
                }
                tokio::select! {
                    () = wait(pause) => {}
                    () = shutdown.cancelled() => return,
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// The peer was gone before it was accepted; the next one need not wait.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

/// Connections that were refused, logged ever more rarely: under attack the log must not become the attack.
#[derive(Default)]
struct Refusals {
    full: u64,
    one_address: u64,
}

impl Refusals {
    fn note(&mut self, why: NoSlot) {
        let (count, words) = match why {
            NoSlot::Full => (&mut self.full, "refused connections: all places are taken"),
            NoSlot::TooManyFromThere => (
                &mut self.one_address,
                "refused connections: too many from one address; if that is your proxy, set \
                 STACKDECK_TRUSTED_PROXIES",
            ),
        };
        *count += 1;
        if count.is_power_of_two() {
            tracing::warn!(refused = *count, "{words}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[tokio::test]
    async fn what_cannot_be_accepted_is_tried_again_ever_more_slowly() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let shutdown = CancellationToken::new();
        let tries = Cell::new(0);
        let waited = RefCell::new(Vec::new());

        let accept = || {
            let number = tries.get();
            tries.set(number + 1);
            let failure = match number {
                // A peer that was gone again: the next one follows at once.
                0 => Some(io::ErrorKind::ConnectionAborted),
                1..=10 => Some(io::ErrorKind::OutOfMemory),
                _ => None,
            };
            let listener = &listener;
            async move {
                match failure {
                    Some(kind) => Err(io::Error::from(kind)),
                    None => listener.accept().await,
                }
            }
        };
        let wait = |pause: Duration| {
            waited.borrow_mut().push(pause.as_millis());
            std::future::ready(())
        };
        let mut taken_in = 0;
        accept_until(&shutdown, accept, wait, |_, _| {
            taken_in += 1;
            shutdown.cancel();
        })
        .await;

        assert_eq!(taken_in, 1);
        assert_eq!(
            *waited.borrow(),
            [10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000]
        );
    }

    #[tokio::test]
    async fn a_pause_does_not_delay_the_end() {
        let shutdown = CancellationToken::new();
        let accept = || std::future::ready(Err(io::Error::from(io::ErrorKind::OutOfMemory)));
        let wait = |_| {
            shutdown.cancel();
            std::future::pending()
        };
        accept_until(&shutdown, accept, wait, |_, _| {}).await;
    }
}
