//! How it is wired and run: the command line, and the only module that sees all the others.
//!
//! * [`options`]: the command line itself, made from the table of settings.
//! * [`start`]: one instance, from settings to listening; `serve`, the demo and the tests all begin there.
//! * [`serve`], [`demo`], [`sandbox`], [`check`], [`healthcheck`], [`sessions`], [`gallery`]: one command a file.
//! * [`descriptors`]: as many open files as connections need. [`tasks`]: none of an instance's tasks ends unseen.
//!   [`shutdown`]: from a signal to a clean end. [`telemetry`]: logs, and [`log_lines`]: where they go.
//!
//! Invariant: what cannot be printed or logged ends nothing.

mod check;
mod demo;
mod descriptors;
mod gallery;
mod healthcheck;
mod log_lines;
mod options;
mod sandbox;
mod serve;
mod sessions;
mod shutdown;
pub mod start;
mod tasks;
mod telemetry;

use std::io::Write as _;
use std::process::ExitCode;

use crate::config::Mistakes;

/// Exit code where a setting is missing or wrong, or something that a setting names cannot be used.
const CANNOT_START: u8 = 2;

/// Runs the command that the arguments name, and gives the exit code: 0 for a clean end, 1 where a check
/// failed, 2 where it could not start.
pub fn run() -> ExitCode {
    let matches = options::command().get_matches();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cannot_start(&format!("No threads could be started: {error}")),
    };
    let code = runtime.block_on(async {
        match matches.subcommand() {
            Some(("serve", options)) => serve::run(options).await,
            Some(("demo", options)) => demo::run(options).await,
            Some(("sandbox", options)) => sandbox::run(options).await,
            Some(("check", options)) => check::run(options).await,
            Some(("gallery", options)) => gallery::run(options).await,
            Some(("healthcheck", options)) => healthcheck::run(options).await,
            Some(("sessions", options)) => sessions::run(options).await,
            // clap has answered everything else by itself.
            _ => ExitCode::from(CANNOT_START),
        }
    });
    telemetry::flush();
    code
}

/// Says why nothing was started.
fn cannot_start(words: &str) -> ExitCode {
    // After what was logged before it.
    telemetry::flush();
    let _ = writeln!(std::io::stderr(), "stackdeck: {words}");
    ExitCode::from(CANNOT_START)
}

/// Says that an instance did not run to the end that somebody asked for. Whoever watches over the process sees it by
/// the exit code, and can start it again.
fn ended_by_itself(error: tasks::EndedByItself) -> ExitCode {
    telemetry::flush();
    let _ = writeln!(std::io::stderr(), "stackdeck: ended, because {error}");
    ExitCode::FAILURE
}

/// Says every mistake in the settings, one a line.
fn mistaken(mistakes: &Mistakes) -> ExitCode {
    cannot_start(&format!("not started, because of its settings:\n{mistakes}"))
}

/// Prints a line for the person at the terminal. Where it cannot be printed (`| head -1`, a full disk), nobody reads
/// it, and what the command does goes on: its exit code tells how it ended.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
