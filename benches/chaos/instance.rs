//! The app process: what `stackdeck serve` does, with a clock that runs faster, and is moved on or set wrong when the
//! runner says so, and with time limits that are shorter by the same factor. Everything else is the program as it is served, from [`start`].

use std::io::BufRead as _;
use std::process::ExitCode;
use std::time::Duration;

use stackdeck::cli::start::{Surroundings, start};
use stackdeck::cloud66::Timeouts;
use stackdeck::config::{self, Mode};
use stackdeck::domain::{Clock, ManualClock, Random};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::Fallible;

/// The word by which the runner starts itself as an app process.
pub(crate) const WORD: &str = "instance";

/// How often a port is tried that the system has lent to somebody else since the last process let it go.
const BIND_TRIES: u32 = 100;

/// Serves until SIGTERM. The settings come from the environment, as in `serve`; `given` is the moment at which
/// the faster clock begins, in milliseconds since 1970, how fast it runs, and how many milliseconds it is ahead of that.
pub(crate) fn run(given: &[String]) -> ExitCode {
    match serve(given) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the app process could not run");
            ExitCode::FAILURE
        }
    }
}

fn serve(given: &[String]) -> Fallible<()> {
    let [start_ms, speed, ahead_ms] = given else {
        return Err("three arguments are needed".into());
    };
    let began = OffsetDateTime::from_unix_timestamp_nanos(start_ms.parse::<i128>()? * 1_000_000)?;
    let speed: u32 = speed.parse()?;
    let settings = config::from_env([], Mode::Serve).map_err(|mistakes| mistakes.to_string())?;
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&settings.log)?)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let clock = ManualClock::over(Clock::system().faster(began, speed));
    clock.advance(time::Duration::milliseconds(ahead_ms.parse()?));
    let ours = clock.clone();
    std::thread::spawn(move || obey_the_runner(&ours));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let surroundings = Surroundings {
            clock: clock.clock(),
            random: Random::system(),
            timeouts: faster(Timeouts::default(), speed),
            ..Surroundings::default()
        };
        let listener = bind(&settings.bind.to_string()).await?;
        let running = start(&settings, listener, surroundings).await?;
        let stop = running.stop_token();
        tokio::spawn(async move {
            terminate.recv().await;
            stop.cancel();
        });
        running.ended().await?;
        Ok(())
    })
}

/// Each line of standard input is `pass` or `jump` and a number of milliseconds: time passes for the whole world, or this
/// process's clock is set ahead or back. The runner holds the other end, so that this process ends when the runner does,
/// however that ends.
fn obey_the_runner(clock: &ManualClock) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match line.split_once(' ').map(|(word, millis)| (word, millis.parse())) {
            Some(("pass", Ok(millis))) => clock.advance(time::Duration::milliseconds(millis)),
            Some(("jump", Ok(millis))) => clock.jump(time::Duration::milliseconds(millis)),
            _ => tracing::error!(line, "the runner says what is not understood"),
        }
    }
    std::process::exit(1);
}

/// The app's own time limits, in the proportion in which time runs.
pub(crate) fn faster(timeouts: Timeouts, speed: u32) -> Timeouts {
    Timeouts {
        connect: timeouts.connect / speed,
        total: timeouts.total / speed,
        probe: timeouts.probe / speed,
        retry_pause: timeouts.retry_pause / speed,
    }
}

async fn bind(address: &str) -> Fallible<TcpListener> {
    let mut tries = 0;
    loop {
        tries += 1;
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) if tries == BIND_TRIES => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
