//! The store, as its callers see it, and its tables as somebody sees them who reads the database: one suite,
//! run on SQLite always and on PostgreSQL where there is one.
//!
//! The PostgreSQL half is ignored in a plain `cargo test`; `bin/with-postgres cargo test --test store --
//! --include-ignored` starts a throw-away PostgreSQL for it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests end where they go wrong"
)]

mod store {
    mod asking;
    mod at_rest;
    mod durability;
    mod fixture;
    mod following;
    mod late;
    mod model;
    mod network;
    mod opening;
    mod origins;
    mod reading;
    mod sending;
    mod session_ends;
    mod sessions;
    mod sign_ins;
    mod upgrade;
}
