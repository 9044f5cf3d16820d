//! The connection layer: who may hold a connection, for how long, and how much of it.
//!
//! hyper's HTTP/1 protocol under an accept loop of our own, because `axum::serve` sets no deadline for
//! headers and has no cap on connections, and hyper-util's `auto` builder lets silent connections stay for
//! ever. HTTP/2 is not spoken: it has attacks of its own, and a proxy in front speaks it to browsers.
//!
//! Invariants:
//! * Each state of a connection has a limit in [`Limits`]: the head of a request, the pause between requests,
//!   a peer that does not read, a body, an answer, and the end of the process.
//! * One address (an IPv6 /64 counts as one) cannot use up the connections of all.
//! * A request that changes something runs to its end, also where its client has left.
//! * The name by which we are called is checked against the settings before any handler runs.
//!
//! What is left to the router's owner: to put [`host_guard`], [`short_url`], [`answer_within`] and
//! [`whole_body`], in this order from the outside, around its routes. They answer with a bare status; the
//! pages for it are made where all pages are made.
//!
//! Known and accepted: a request line longer than [`Limits::buffer`] is answered 431 instead of 414, and what
//! cannot be parsed at all is answered 400 without a page, both by hyper.

mod accept;
mod client_addr;
mod connection;
mod deadlines;
mod endless;
mod guards;
mod limits;
mod slots;

pub use accept::{Server, listen};
pub use client_addr::ClientAddr;
pub use endless::Endless;
pub use guards::{HostGuard, answer_within, host_guard, short_url, whole_body};
pub use limits::Limits;
pub use slots::household;
