//! How live the pages are, measured against the sandbox:
//!
//! * `first-view`: 300 stacks, 100 ms to Cloud 66 and back.
//! * `hour`: the requests that an hour of watching takes.
//! * `outcome`: from Cloud 66 having an outcome to the event on the wire.
//! * `streams`: 10,000 open event streams.
//! * `warm`: the dashboard from memory, against a bare server.
//!
//! `cargo bench --bench live` runs all, `cargo bench --bench live -- hour` one of them. Each prints what it found
//! and ends the program with an error where a goal is missed that does not depend on the machine.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark ends where it goes wrong, and prints"
)]

mod first_view;
mod hour;
mod outcome;
mod readers;
mod stage;
mod streams;
mod warm;

use std::future::Future;

fn main() {
    // Cargo adds `--bench`.
    let words: Vec<String> = stage::arguments()
        .into_iter()
        .filter(|word| !word.starts_with("--"))
        .collect();
    if let [first, address, cookies, path] = words.as_slice()
        && first == "readers"
    {
        return block_on(readers::run(address, cookies, path));
    }
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    if wanted("first-view") {
        block_on(first_view::run());
    }
    if wanted("hour") {
        block_on(hour::run());
    }
    if wanted("outcome") {
        block_on(outcome::run());
    }
    if wanted("streams") {
        block_on(streams::run());
    }
    if wanted("warm") {
        block_on(warm::run());
    }
}

fn block_on(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work);
}
