//! `stackdeck sessions end`: the operator's way to end sessions, of one person or of all, while the app runs or
//! not. A running app notices within two seconds, which is how long it trusts a session that it has loaded.

use std::process::ExitCode;

use clap::ArgMatches;

use super::start::store_options;
use super::{cannot_start, mistaken, options, say};
use crate::config::{self, DatabaseUrl, Mode};
use crate::domain::{Clock, Random, UserId};
use crate::store::Store;

pub(super) async fn run(given: &ArgMatches) -> ExitCode {
    // clap asks for a subcommand, and there is one.
    let given = given.subcommand_matches("end").unwrap_or(given);
    let settings = match config::from_env(options::settings_given(given), Mode::Check) {
        Ok(settings) => settings,
        Err(mistakes) => return mistaken(&mistakes),
    };
    let person = match options::parsed::<i64>(given, "user") {
        Ok(person) => person.map(UserId),
        Err(words) => return cannot_start(&words),
    };
    // A wrong folder would otherwise get a new, empty database.
    if let DatabaseUrl::Sqlite { path } = &settings.database
        && !path.exists()
    {
        return cannot_start(&format!(
            "there is no database {}, so no session either. Start this in the folder in which the app runs, or name \
             the database with --database-url-file",
            path.display()
        ));
    }
    let store = match Store::open(store_options(&settings), Clock::system(), Random::system()).await {
        Ok(store) => store,
        Err(error) => return cannot_start(&error.to_string()),
    };
    let ended = match person {
        Some(person) => store.sessions().end_all_of(person).await,
        None => store.sessions().end_all().await,
    };
    store.close().await;
    match ended {
        Ok(ended) => {
            say(&format!("Sessions ended: {ended}"));
            ExitCode::SUCCESS
        }
        Err(error) => cannot_start(&format!("nothing is known to have ended: {error}")),
    }
}
