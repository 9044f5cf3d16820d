//! The network between the app and Cloud 66: carries bytes, and can be taken away.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// Carries every connection to another address while it is up. Down, nobody listens and open connections end.
pub struct Relay {
    pub url: String,
    address: SocketAddr,
    to: Arc<Mutex<Option<SocketAddr>>>,
    running: Mutex<Option<AbortHandle>>,
}

impl Relay {
    /// An address that leads nowhere yet: to be named in settings before what it leads to has started.
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let relay = Self {
            url: format!("http://{address}"),
            address,
            to: Arc::default(),
            running: Mutex::default(),
        };
        relay.run(listener);
        relay
    }

    /// Where it leads.
    pub fn lead_to(&self, url: &str) {
        let address = url.trim_start_matches("http://").parse().unwrap();
        *self.to.lock().unwrap() = Some(address);
    }

    pub fn take_away(&self) {
        self.running.lock().unwrap().take().unwrap().abort();
    }

    pub async fn bring_back(&self) {
        let listener = loop {
            // The old listener goes when its task has been dropped.
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.run(listener);
    }

    /// Waits until nobody listens any more.
    pub async fn is_gone(&self) {
        while TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    fn run(&self, listener: TcpListener) {
        let to = Arc::clone(&self.to);
        let task = tokio::spawn(async move {
            // Ends with the task, and so do the connections in it.
            let mut open = JoinSet::new();
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                while open.try_join_next().is_some() {}
                let Some(to) = *to.lock().unwrap() else { continue };
                open.spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(to).await {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        *self.running.lock().unwrap() = Some(task.abort_handle());
    }
}
