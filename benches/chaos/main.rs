//! Redeploy with proof, under everything that can go wrong: many people press at once, Cloud 66 cuts connections and
//! keeps silent, and the app's processes are killed in the middle of it. At the end Cloud 66's own record (the
//! sandbox's world) is compared with the ledger.
//!
//! * `options`: what a run is told. `dice`: choices that a seed repeats.
//! * `instance`: the app process, which is this program again; `processes`: its lives and deaths.
//! * `browser`, `person`: people, and the ways in which they press.
//! * `faults`, `killer`, `mishaps`: what goes wrong. `copies`: copies of the database, put back later.
//! * `books`: the facts, read where they are; `told`: what each receipt says; `judge`: what is wrong with them;
//!   `report`: the table.
//!
//! Run it with `cargo bench --bench chaos -- --help`; what it proves is in `docs/proof.md`.

mod books;
mod browser;
mod copies;
mod dice;
mod faults;
mod instance;
mod judge;
mod killer;
mod mishaps;
mod options;
mod person;
mod processes;
mod report;
mod run;
mod told;

use std::process::ExitCode;

use clap::Parser as _;

use options::Options;

/// Whatever went wrong with the run itself, in words.
type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((word, given)) = arguments.split_first()
        && word == instance::WORD
    {
        return instance::run(given);
    }
    let options = Options::parse();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run::run(&options)));
    match outcome {
        Ok(outcome) => outcome.tell(),
        Err(error) => {
            complain(&format!("The run could not be made: {error}"));
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn say(words: &str) {
    println!("{words}");
}

#[expect(clippy::print_stderr, reason = "a program without a log")]
fn complain(words: &str) {
    eprintln!("{words}");
}
