//! From a signal to a clean end.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::telemetry;

/// SIGTERM, Ctrl-C and SIGHUP (the terminal was closed), caught from the moment in which this was made: one that
/// comes while the program still starts is not lost, and does not end it half-way.
pub(super) struct Signals {
    terminate: Option<Signal>,
    interrupt: Option<Signal>,
    hang_up: Option<Signal>,
}

impl Signals {
    /// Catches them from now on. Where the system does not allow it, the program ends as it would have without.
    pub(super) fn catch() -> Self {
        Self {
            terminate: signal(SignalKind::terminate()).ok(),
            interrupt: signal(SignalKind::interrupt()).ok(),
            hang_up: (!hang_up_is_ignored())
                .then(|| signal(SignalKind::hangup()).ok())
                .flatten(),
        }
    }

    /// Waits for `ended`. The first signal cancels `stop`, by which `ended` has to end; a second one ends the process
    /// at once, for somebody who does not want to wait. This is awaited and not spawned, so that no panic elsewhere
    /// can leave a process that no signal ends.
    pub(super) async fn until<T>(mut self, stop: CancellationToken, ended: impl Future<Output = T>) -> T {
        let mut ended = std::pin::pin!(ended);
        tokio::select! {
            ended = &mut ended => return ended,
            () = self.next() => {}
        }
        tracing::info!("stopping; once more to stop at once");
        stop.cancel();
        tokio::select! {
            ended = ended => ended,
            () = self.next() => {
                telemetry::flush();
                std::process::exit(1)
            }
        }
    }

    async fn next(&mut self) {
        tokio::select! {
            () = received(self.terminate.as_mut()) => {}
            () = received(self.interrupt.as_mut()) => {}
            () = received(self.hang_up.as_mut()) => {}
        }
    }
}

/// Whether whoever started the program wants SIGHUP to be ignored, as `nohup` does. Asked of Linux's own list; where
/// there is none, nothing is known and the signal is caught.
fn hang_up_is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hang_up(&status))
}

fn ignores_hang_up(status: &str) -> bool {
    const SIGHUP_BIT: u64 = 1;
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & SIGHUP_BIT != 0)
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_ignored_signals_is_read() {
        for (status, ignores) in [
            ("Name:\tx\nSigIgn:\t0000000000001001\n", true),
            ("SigIgn:\t0000000000001000\n", false),
            ("", false),
        ] {
            assert_eq!(ignores_hang_up(status), ignores, "{status:?}");
        }
    }
}
