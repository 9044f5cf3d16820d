//! The sandbox against its specification: each row of the fact sheet's tables that it must keep is a test
//! here that names its section. Everything goes over real HTTP, as any client would.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests end where they go wrong"
)]

mod support;
mod browser;
mod sign_in;
mod authorize;
mod token;
mod redeploy;
mod reading;
mod rights;
mod version_2;
mod developers;
mod worlds;
mod faults;
mod at_odds;
mod wire_faults;
mod control;
mod serving;
mod ruby;
