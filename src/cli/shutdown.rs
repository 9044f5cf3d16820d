//! From a signal to a clean end.

use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first SIGTERM or Ctrl-C. A second one ends the process at once, for somebody who does
/// not want to wait.
pub(super) fn on_signal(stop: CancellationToken) {
    tokio::spawn(async move {
        signal().await;
        tracing::info!("stopping; once more to stop at once");
        stop.cancel();
        signal().await;
        std::process::exit(1);
    });
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
