//! What a run is told.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Presses Redeploy many times, breaks what can break meanwhile, and compares Cloud 66's record (the sandbox's)
/// with the ledger. Ends with 1 where they disagree.
#[derive(Debug, Clone, Parser)]
#[command(name = "chaos")]
pub(crate) struct Options {
    /// How many clicks get a receipt of their own before the run ends.
    #[arg(long, default_value_t = 300)]
    pub(crate) clicks: usize,
    /// How many people press at the same time, each signed in.
    #[arg(long, default_value_t = 16)]
    pub(crate) people: usize,
    /// How often an app process is killed (SIGKILL). A tenth as often it is asked to end (SIGTERM), and a
    /// tenth as often it is stopped past its lease (SIGSTOP, SIGCONT).
    #[arg(long, default_value_t = 12)]
    pub(crate) kills: usize,
    /// How many of each mishap there are: late starts, restores of an older copy of the database, jumps of a clock,
    /// slow accounts, spent quotas, dropped references, and deaths of PostgreSQL. By default a fifth of the kills.
    #[arg(long)]
    pub(crate) mishaps: Option<usize>,
    /// The same seed makes the same choices.
    #[arg(long, default_value_t = 66)]
    pub(crate) seed: u64,
    /// `sqlite`: one process; `postgres`: two processes on one database.
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    pub(crate) database: Database,
    /// How many times as fast time runs, for the app and for the sandbox.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) speed: u32,
    /// How many stacks there are.
    #[arg(long, default_value_t = 160)]
    pub(crate) stacks: usize,
    /// A file to which the table is written as well.
    #[arg(long)]
    pub(crate) report: Option<PathBuf>,
    /// A folder in which the logs of the app processes are kept; by default nothing is kept.
    #[arg(long)]
    pub(crate) logs: Option<PathBuf>,
    /// A program that takes `kill` and `start` and does that to the PostgreSQL server.
    #[arg(long, env = "STACKDECK_TEST_POSTGRES_CONTROL")]
    pub(crate) postgres_control: Option<PathBuf>,
    /// The PostgreSQL server on which a schema of the run's own is made, and which it sets to
    /// `synchronous_commit = off`.
    #[arg(long, env = "STACKDECK_TEST_POSTGRES_URL", hide_env_values = true)]
    pub(crate) postgres: Option<String>,
    /// Given by `cargo bench` to everything that it runs; means nothing here.
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}

/// Which database the app keeps its ledger in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    /// A file, and one app process.
    Sqlite,
    /// One database, and two app processes.
    Postgres,
}

impl Database {
    /// How many app processes share it.
    pub(crate) fn processes(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => 2,
        }
    }

    /// Its name and its processes, in the report.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite, one process",
            Self::Postgres => "PostgreSQL, two processes",
        }
    }
}
