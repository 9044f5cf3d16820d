//! The network between a browser and the app: carries bytes, or swallows them and says nothing, as a network does that
//! was left (sleep, another network, a forgotten NAT entry).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Carries connections from a port of its own. It ends with the test's runtime.
pub struct Relay {
    pub port: u16,
    listener: Mutex<Option<TcpListener>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Whether connections that come now are swallowed as well.
    swallows_new: AtomicBool,
    open: Mutex<Vec<Arc<AtomicBool>>>,
}

impl Relay {
    /// Listens, and leads nowhere yet.
    pub async fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        Self {
            port: listener.local_addr().expect("its number").port(),
            listener: Mutex::new(Some(listener)),
            state: Arc::default(),
        }
    }

    /// Where it leads.
    pub fn lead_to(&self, to: SocketAddr) {
        let listener = self.listener.lock().expect("not poisoned").take();
        let (listener, state) = (listener.expect("leads one way"), self.state.clone());
        tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                let swallowed = Arc::new(AtomicBool::new(state.swallows_new.load(Ordering::Relaxed)));
                state.open.lock().expect("not poisoned").push(swallowed.clone());
                let Ok(to) = TcpStream::connect(to).await else {
                    continue;
                };
                let ((from_browser, to_browser), (from_app, to_app)) = (from.into_split(), to.into_split());
                tokio::spawn(carry(from_browser, to_app, swallowed.clone()));
                tokio::spawn(carry(from_app, to_browser, swallowed));
            }
        });
    }

    /// Swallows whatever comes on the connections that are open now, and keeps them open.
    pub fn swallow_open(&self) {
        for swallowed in self.state.open.lock().expect("not poisoned").iter() {
            swallowed.store(true, Ordering::Relaxed);
        }
    }

    /// Whether new connections are swallowed too.
    pub fn swallow_new(&self, swallow: bool) {
        self.state.swallows_new.store(swallow, Ordering::Relaxed);
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, swallowed: Arc<AtomicBool>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if !swallowed.load(Ordering::Relaxed) && to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
