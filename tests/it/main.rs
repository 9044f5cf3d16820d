//! The whole program over HTTP, as people use it. One binary; this list is its table of contents.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "tests end where they go wrong, and a table of cases reads best whole"
)]

mod harness;

mod activity;
mod away;
mod banners;
mod claims;
mod clocks;
mod commands;
mod confirm;
mod crash;
mod dialects;
mod elsewhere;
mod ends;
mod events;
mod heard;
mod inference;
mod late;
mod live;
mod offered;
mod options;
mod process;
mod queued;
mod receipts;
mod redeploy;
mod refusals;
mod security;
mod several;
mod sign_in;
mod stack_taken;
mod stacks;
