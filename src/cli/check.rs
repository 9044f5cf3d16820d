//! `stackdeck check`: reads the settings, tries what they name, and says what to mend. Starts nothing, changes
//! nothing, and asks
//! Cloud 66 three harmless questions: whether it is there, what time it is, and whether it knows our client id.

use std::process::ExitCode;

use clap::ArgMatches;

use super::start::{client, oauth, store_options};
use super::{mistaken, options, say};
use crate::cloud66::{Client, ExchangeError, Timeouts};
use crate::config::{self, Mode, Redirect, Settings};
use crate::domain::{Clock, Scopes};
use crate::store::Store;

/// How far our clock and Cloud 66's may differ before ages on pages are wrong enough to mention.
const CLOCK_TOLERANCE: time::Duration = time::Duration::minutes(1);

/// An authorization code that nobody issued: a server that knows our id and secret refuses the code, and one that
/// does not refuses them.
const MADE_UP_CODE: &str = "stackdeck-check";

pub(super) async fn run(given: &ArgMatches) -> ExitCode {
    let settings = match config::from_env(options::settings_given(given), Mode::Check) {
        Ok(settings) => settings,
        Err(mistakes) => {
            let _ = mistaken(&mistakes);
            return ExitCode::FAILURE;
        }
    };
    for (name, value) in settings.describe() {
        say(&format!("    {name}={value}"));
    }
    let mut report = Report { failed: false };
    for warning in &settings.warnings {
        report.warn(warning);
    }
    database(&settings, &mut report).await;
    cloud66(&settings, &mut report).await;
    callback(&settings, &mut report);
    if report.failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

struct Report {
    failed: bool,
}

impl Report {
    #[expect(clippy::unused_self, reason = "reads beside its sisters")]
    fn good(&self, words: &str) {
        say(&format!("ok    {words}"));
    }

    #[expect(clippy::unused_self, reason = "reads beside its sisters")]
    fn warn(&self, words: &str) {
        say(&format!("note  {words}"));
    }

    fn bad(&mut self, words: &str) {
        say(&format!("MEND  {words}"));
        self.failed = true;
    }
}

async fn database(settings: &Settings, report: &mut Report) {
    match Store::rehearse(store_options(settings)).await {
        Ok(weaknesses) => {
            report.good(&format!(
                "The database {} can be read and written.",
                settings.database
            ));
            for weakness in weaknesses {
                report.warn(&weakness.to_string());
            }
        }
        Err(error) => report.bad(&error.to_string()),
    }
}

async fn cloud66(settings: &Settings, report: &mut Report) {
    let url = settings.cloud66.url.as_str();
    let client = match client(settings, Timeouts::default(), Clock::system()) {
        Ok(client) => client,
        Err(error) => return report.bad(&error.to_string()),
    };
    match client.reachable().await {
        Ok(reached) => {
            report.good(&format!("Cloud 66 answers at {url}"));
            clock(reached.ahead, report);
        }
        Err(_) => {
            return report.bad(&format!(
                "Cloud 66 does not answer at {url} Check CLOUD66_URL, the network and its status page."
            ));
        }
    }
    credentials(settings, &client, report).await;
}

fn clock(ahead: Option<time::Duration>, report: &mut Report) {
    let Some(apart) = ahead.map(time::Duration::abs) else {
        return;
    };
    if apart > CLOCK_TOLERANCE {
        let seconds = apart.whole_seconds();
        report.bad(&format!(
            "This machine's clock and Cloud 66's are {seconds} seconds apart. Set up time synchronisation."
        ));
    } else {
        report.good("The clock agrees with Cloud 66's.");
    }
}

async fn credentials(settings: &Settings, client: &Client, report: &mut Report) {
    let oauth = match oauth(settings, client) {
        Ok(Some(oauth)) => oauth,
        Ok(None) => {
            return report.warn(
                "CLOUD66_CLIENT_ID and CLOUD66_CLIENT_SECRET are not set: only the setup page will be shown.",
            );
        }
        Err(error) => return report.bad(&error.to_string()),
    };
    match oauth.exchange(MADE_UP_CODE, None, &Scopes::parse("public")).await {
        Err(ExchangeError::Refused { .. }) | Ok(_) => report.good("Cloud 66 knows the client id and secret."),
        Err(ExchangeError::WrongClient) => report.bad(
            "Cloud 66 does not know CLOUD66_CLIENT_ID with CLOUD66_CLIENT_SECRET. Copy both again from Cloud 66 → Account → Apps → Developers.",
        ),
        Err(ExchangeError::Down | ExchangeError::Unreadable) => {
            report.bad("Cloud 66's token endpoint gives no readable answer, so nobody could sign in. Try again later.");
        }
    }
}

fn callback(settings: &Settings, report: &mut Report) {
    match settings.cloud66.redirect {
        Redirect::Callback => {
            report.warn(&format!(
                "The callback to register at Cloud 66, exactly: {}",
                settings.public_url.callback()
            ));
        }
        Redirect::OutOfBand => report.warn(&format!(
            "The callback to register at Cloud 66, exactly: {}",
            crate::web::state::OUT_OF_BAND
        )),
    }
}
