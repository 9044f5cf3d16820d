//! `stackdeck demo`: the app and the sandbox in one process and at one port, on loopback. Nothing to configure, nothing kept, and
//! nothing outside this machine is ever asked.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ArgMatches;

use super::shutdown::Signals;
use super::start::{Surroundings, start};
use super::{cannot_start, ended_by_itself, mistaken, options, say, serve, telemetry};
use crate::config::{self, Mode};
use crate::domain::Random;
use crate::sandbox::{Options, Pkce, Sandbox, Strictness};
use crate::web::one_port::OnePort;

/// The path below which the stand-in's pages are.
const CLOUD66: &str = "/cloud66";

pub(super) async fn run(given: &ArgMatches) -> ExitCode {
    match demo(given).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => code,
    }
}

async fn demo(given: &ArgMatches) -> Result<(), ExitCode> {
    let signals = Signals::catch();
    let bind = match options::text(given, "bind") {
        Some(bind) => bind.to_owned(),
        // Where an image or a service says where to listen.
        None => config::sources::addresses([])
            .map_err(|mistakes| mistaken(&mistakes))?
            .bind
            .to_string(),
    };
    let bind = with_port(&bind);
    let port = bind.rsplit_once(':').map_or("8066", |(_, port)| port).to_owned();
    let callback = format!("http://localhost:{port}/oauth/callback");
    let sandbox_options = sandbox_options(given, callback).map_err(|words| cannot_start(&words))?;
    let sandbox = Sandbox::start(sandbox_options)
        .await
        .map_err(|error| cannot_start(&error.to_string()))?;
    let settings = config::from_env(made_up(&sandbox, &bind, &port), Mode::Demo).map_err(|m| mistaken(&m))?;
    telemetry::init(&settings.log, settings.log_format).map_err(|error| cannot_start(&error.to_string()))?;
    let listener = serve::listen(&settings).map_err(|words| cannot_start(&words))?;
    let sandbox = Arc::new(sandbox);
    let pages = sandbox.clone();
    let one_port = OnePort::new(CLOUD66, sandbox.url(), move |request| {
        let pages = pages.clone();
        async move {
            let (head, body) = request.into_parts();
            pages
                .answer_below(CLOUD66, head.method, &head.uri, head.headers, &body)
                .await
        }
    });
    let surroundings = Surroundings {
        demo: true,
        one_port: Some(one_port),
        ..Surroundings::default()
    };
    let running = start(&settings, listener, surroundings)
        .await
        .map_err(|error| cannot_start(&error.to_string()))?;
    say(&format!(
        "Stackdeck's demo is ready. Open {}",
        settings.public_url
    ));
    say(&format!(
        "Its Cloud 66 is a stand-in: {}",
        settings.public_url.join(CLOUD66)
    ));
    say("Nothing is kept. Ctrl-C ends it.");
    let ended = signals.until(running.stop_token(), running.ended()).await;
    ended.map_err(ended_by_itself)
}

/// The address with a free port in place of port 0: the callback has to be known before anything listens.
fn with_port(bind: &str) -> String {
    let free = bind
        .ends_with(":0")
        .then(|| std::net::TcpListener::bind(bind).ok()?.local_addr().ok());
    free.flatten()
        .map_or_else(|| bind.to_owned(), |address| address.to_string())
}

fn sandbox_options(given: &ArgMatches, callback: String) -> Result<Options, String> {
    Ok(Options {
        seed: options::parsed(given, "seed")?.unwrap_or(66),
        stacks: options::parsed(given, "stacks")?,
        deploy_time: super::sandbox::deploy_time(given)?,
        strictness: Strictness::Doorkeeper,
        pkce: Pkce::On,
        callbacks: vec![callback],
        faults: super::sandbox::faults(given)?,
        ..Options::default()
    })
}

/// The settings that the demo makes up. They win over the environment, so that a demo started in the folder of a
/// real installation stays a demo.
fn made_up(sandbox: &Sandbox, bind: &str, port: &str) -> HashMap<String, String> {
    let secret = STANDARD.encode(Random::system().bytes::<32>());
    [
        ("STACKDECK_PUBLIC_URL", format!("http://localhost:{port}")),
        ("STACKDECK_BIND", bind.to_owned()),
        ("STACKDECK_SECRET", secret),
        ("STACKDECK_DATABASE_URL", "sqlite::memory:".to_owned()),
        ("CLOUD66_URL", sandbox.url().to_owned()),
        ("CLOUD66_CLIENT_ID", sandbox.client_id().to_owned()),
        ("CLOUD66_CLIENT_SECRET", sandbox.client_secret().to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
