//! From a signal to a clean end.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// SIGTERM and Ctrl-C, caught from the moment in which this was made: one that comes while the program still starts
/// is not lost, and does not end it half-way.
pub(super) struct Signals {
    terminate: Option<Signal>,
    interrupt: Option<Signal>,
}

impl Signals {
    /// Catches them from now on. Where the system does not allow it, the program ends as it would have without.
    pub(super) fn catch() -> Self {
        Self {
            terminate: signal(SignalKind::terminate()).ok(),
            interrupt: signal(SignalKind::interrupt()).ok(),
        }
    }

    /// Cancels `stop` at the first one. A second one ends the process at once, for somebody who does not want to
    /// wait.
    pub(super) fn then_stop(mut self, stop: CancellationToken) {
        tokio::spawn(async move {
            self.next().await;
            tracing::info!("stopping; once more to stop at once");
            stop.cancel();
            self.next().await;
            std::process::exit(1);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            () = received(self.terminate.as_mut()) => {}
            () = received(self.interrupt.as_mut()) => {}
        }
    }
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
