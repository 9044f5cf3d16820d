//! The threat model as tests: one file for each group of cases, each check under its case's number. The list of
//! all cases is docs/security-cases.md; tests/cases.rs keeps it true.

mod cloud66;
mod flow;
mod gate;
mod process;
mod raw;
pub mod relay;
mod routes;
mod tally;

mod authorization;
mod callback;
mod config;
mod cookies;
mod csrf;
mod events;
mod exchange;
mod headers;
mod host;
mod http;
mod in_chromium;
mod kills;
mod metrics;
mod on_postgres;
mod out_of_band;
mod own_loop;
mod panics;
mod proxies;
mod redeploy;
mod return_to;
mod sharing;
mod shutdown;
mod small_disk;
mod state;
mod stock;
mod storage;
mod text;
mod tightened;
mod token;
mod upstream;
