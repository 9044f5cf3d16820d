//! `stackdeck sandbox`: the stand-in for Cloud 66 alone.

use std::process::ExitCode;
use std::time::Duration;

use clap::ArgMatches;
use tokio_util::sync::CancellationToken;

use super::shutdown::Signals;
use super::{cannot_start, options, say, telemetry};
use crate::config::LogFormat;
use crate::sandbox::{Fault, Options, Sandbox};

pub(super) async fn run(given: &ArgMatches) -> ExitCode {
    let signals = Signals::catch();
    let options = match read(given) {
        Ok(options) => options,
        Err(words) => return cannot_start(&words),
    };
    if let Err(error) = telemetry::init("info", LogFormat::Text) {
        return cannot_start(&error.to_string());
    }
    let sandbox = match Sandbox::start(options).await {
        Ok(sandbox) => sandbox,
        Err(error) => return cannot_start(&error.to_string()),
    };
    // Plain lines, so that they can be pasted into a .env file or read by a script.
    say(&format!("CLOUD66_URL={}", sandbox.url()));
    say(&format!("CLOUD66_CLIENT_ID={}", sandbox.client_id()));
    say(&format!("CLOUD66_CLIENT_SECRET={}", sandbox.client_secret()));
    let stop = CancellationToken::new();
    signals.until(stop.clone(), stop.cancelled()).await;
    sandbox.stop().await;
    ExitCode::SUCCESS
}

fn read(given: &ArgMatches) -> Result<Options, String> {
    let defaults = Options::default();
    let bind: std::net::SocketAddr = options::parsed(given, "bind")?.unwrap_or(defaults.bind);
    if !bind.ip().is_loopback() && !given.get_flag("open-to-network") {
        return Err(format!(
            "--bind {bind} lets other machines in, and anybody who can reach the sandbox is everybody in there. \
             Say --open-to-network if that is wanted."
        ));
    }
    Ok(Options {
        bind,
        seed: options::parsed(given, "seed")?.unwrap_or(defaults.seed),
        stacks: options::parsed(given, "stacks")?,
        deploy_time: deploy_time(given)?,
        strictness: options::parsed(given, "strictness")?.unwrap_or(defaults.strictness),
        pkce: options::parsed(given, "pkce")?.unwrap_or(defaults.pkce),
        client_id: options::text(given, "client-id").map(str::to_owned),
        client_secret: options::text(given, "client-secret").map(str::to_owned),
        callbacks: options::texts(given, "callback"),
        faults: faults(given)?,
        control: given.get_flag("control"),
        api_base: options::text(given, "api-base").map(str::to_owned),
        clock: defaults.clock,
    })
}

/// `--deploy-seconds`, which may have a fraction.
pub(super) fn deploy_time(given: &ArgMatches) -> Result<Duration, String> {
    let seconds: f64 = options::parsed(given, "deploy-seconds")?.unwrap_or(30.0);
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err(format!(
            "--deploy-seconds is {seconds}: write a number from 0 to 86400"
        ));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// The faults that were asked for.
pub(super) fn faults(given: &ArgMatches) -> Result<Vec<Fault>, String> {
    options::texts(given, "fault")
        .iter()
        .map(|text| text.parse().map_err(|error| format!("--fault {text:?}: {error}")))
        .collect()
}
