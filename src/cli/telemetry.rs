//! Logs: to standard error, as text for people or as one JSON object a line for machines.
//!
//! Invariant: a value that may be a secret (token, code, state, cookie, key, address with a query) is never a
//! field of a log line; whoever logs leaves it out. Nothing is filtered here.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Why there are no logs, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub(super) enum TelemetryError {
    /// The filter cannot be parsed. A filter from the settings was parsed before.
    #[error("the log filter {0:?} cannot be understood")]
    Filter(String),
    /// Logs were set up before in this process.
    #[error("logs are set up already")]
    AlreadySetUp,
}

/// Sets up the process's logs, once. Takes a filter such as `info,stackdeck::cloud66=debug`.
pub(super) fn init(filter: &str, format: LogFormat) -> Result<(), TelemetryError> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|_| TelemetryError::Filter(filter.to_owned()))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let set_up = match format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    set_up.map_err(|_| TelemetryError::AlreadySetUp)
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
