//! The threat model as tests: one file for each group of cases, each check under its case's number. The list of
//! all cases is docs/security-cases.md; tests/cases.rs keeps it true.

mod process;
mod raw;
mod relay;
mod tally;

mod config;
mod host;
mod http;
mod metrics;
mod panics;
mod proxies;
mod redeploy;
mod shutdown;
mod storage;
mod upstream;
