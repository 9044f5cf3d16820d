//! `stackdeck gallery`: every page in every state, for people who work on the looks. In development builds only,
//! and on loopback only.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::ArgMatches;
use tokio_util::sync::CancellationToken;

use super::shutdown::Signals;
use super::{cannot_start, options, say};
use crate::web::gallery;
use crate::web::server::{Limits, Server, listen};

pub(super) async fn run(given: &ArgMatches) -> ExitCode {
    match serve(given).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => cannot_start(&words),
    }
}

async fn serve(given: &ArgMatches) -> Result<(), String> {
    let signals = Signals::catch();
    let bind: SocketAddr = options::parsed(given, "bind")?.ok_or_else(|| "--bind is missing".to_owned())?;
    if !bind.ip().is_loopback() {
        return Err(format!(
            "--bind {bind} lets other machines in; the gallery is for this one"
        ));
    }
    let limits = Limits::default();
    let cannot_listen = |error| format!("{bind} cannot be listened on: {error}");
    let listener = listen(bind, &limits).map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    say(&format!("The gallery is ready. Open http://{address}"));
    let stop = CancellationToken::new();
    let server = Server::new(gallery::router(), limits, Vec::new());
    signals.until(stop.clone(), server.serve(listener, stop)).await;
    Ok(())
}
