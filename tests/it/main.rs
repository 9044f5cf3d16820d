//! The whole program over HTTP, as people use it. One binary; this list is its table of contents.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    clippy::indexing_slicing,
    reason = "tests end where they go wrong"
)]

mod harness;

mod activity;
mod banners;
mod dialects;
mod events;
mod live;
mod process;
mod redeploy;
mod secrets;
mod sign_in;
mod stacks;
