//! `stackdeck serve`: the app, against the real Cloud 66 or any other address.

use std::process::ExitCode;

use clap::ArgMatches;
use tokio::net::TcpListener;

use super::shutdown::Signals;
use super::start::{Surroundings, start};
use super::{cannot_start, ended_by_itself, mistaken, options, telemetry};
use crate::config::{self, Mode, Settings};
use crate::web::server::{self, Limits};

pub(super) async fn run(options: &ArgMatches) -> ExitCode {
    let signals = Signals::catch();
    let settings = match config::from_env(options::settings_given(options), Mode::Serve) {
        Ok(settings) => settings,
        Err(mistakes) => return mistaken(&mistakes),
    };
    if let Err(words) = telemetry::init(&settings.log, settings.log_format) {
        return cannot_start(&words.to_string());
    }
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let listener = match listen(&settings) {
        Ok(listener) => listener,
        Err(words) => return cannot_start(&words),
    };
    let running = match start(&settings, listener, Surroundings::default()).await {
        Ok(running) => running,
        Err(error) => return cannot_start(&error.to_string()),
    };
    tracing::info!(listening = %settings.bind, open = %settings.public_url, "ready");
    if settings.cloud66.client.is_none() {
        tracing::info!("not registered at Cloud 66 yet; the page to open says how");
    }
    match signals.until(running.stop_token(), running.ended()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ended_by_itself(error),
    }
}

pub(super) fn listen(settings: &Settings) -> Result<TcpListener, String> {
    let bind = settings.bind;
    server::listen(bind, &Limits::default()).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(
                "{bind} is taken by another program. Stop that one, or choose another address with --bind."
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("{bind} may not be listened on by this user. Choose a port above 1023 with --bind.")
        }
        _ => format!("{bind} cannot be listened on: {error}"),
    })
}
