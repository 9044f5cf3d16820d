//! Logs: to standard error, as text for people or as one JSON object a line for machines.
//!
//! Invariant: a value that may be a secret (token, code, state, cookie, key, address with a query) is never a
//! field of a log line; whoever logs leaves it out. Nothing is filtered here.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use tracing_subscriber::EnvFilter;

use super::log_lines::LogLines;
use crate::config::LogFormat;

/// The process's log.
static LOG: OnceLock<LogLines> = OnceLock::new();

/// Why there are no logs, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub(super) enum TelemetryError {
    /// The filter cannot be parsed. A filter from the settings was parsed before.
    #[error("the log filter {0:?} cannot be understood")]
    Filter(String),
    /// Logs were set up before in this process.
    #[error("logs are set up already")]
    AlreadySetUp,
    /// The thread that writes could not be started.
    #[error("the thread that writes the log cannot be started: {0}")]
    Thread(std::io::Error),
}

/// Sets up the process's logs, once. Takes a filter such as `info,stackdeck::cloud66=debug`.
pub(super) fn init(filter: &str, format: LogFormat) -> Result<(), TelemetryError> {
    let filter = EnvFilter::builder()
        .parse(without_noise(filter))
        .map_err(|_| TelemetryError::Filter(filter.to_owned()))?;
    let lines = LogLines::write_to(std::io::stderr()).map_err(TelemetryError::Thread)?;
    let log = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || log.clone())
        .with_ansi(std::io::stderr().is_terminal())
        // It would report a line that cannot be written with `eprintln!`, which panics for the same reason.
        .log_internal_errors(false);
    let set_up = match format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    set_up.map_err(|_| TelemetryError::AlreadySetUp)?;
    let _ = LOG.set(lines);
    Ok(())
}

/// The filter without the warnings of a library that mean nothing here: tower-sessions calls every sign-in and every
/// cookie of a session that has ended suspicious. Somebody who asks for `debug` or `trace`, or names the library, gets
/// them.
fn without_noise(filter: &str) -> String {
    let level = filter
        .split(',')
        .map(str::trim)
        .find(|part| !part.contains(['=', '[']));
    let wants_all = level.is_some_and(|level| {
        ["debug", "trace"]
            .iter()
            .any(|wanted| level.eq_ignore_ascii_case(wanted))
    });
    if wants_all || filter.contains("tower_sessions") {
        filter.to_owned()
    } else {
        format!("tower_sessions=error,tower_sessions_core=error,{filter}")
    }
}

/// Waits until the log is written, for a bounded time. Called before the process ends.
pub(super) fn flush() {
    if let Some(lines) = LOG.get() {
        lines.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_set_up_once_and_a_wrong_filter_is_said() {
        let wrong = init("stackdeck=loud", LogFormat::Text).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "the log filter \"stackdeck=loud\" cannot be understood"
        );
        init("off", LogFormat::Json).unwrap();
        assert!(matches!(
            init("off", LogFormat::Text),
            Err(TelemetryError::AlreadySetUp)
        ));
    }
}
