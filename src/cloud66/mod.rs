//! What does Cloud 66 speak? The client of its OAuth endpoints and of its API,
//! version 3 and the version 2 of 2013.
//!
//! * [`Client`] is made once from the settings; [`Client::api`] lends it to one person: a token and a budget.
//! * [`Api`] reads (stacks, deployments, actions, services) and [`Api::send`] sends one command, once.
//! * [`Oauth`] begins a sign-in and exchanges the authorization code for a token.
//! * [`Budget`] counts a person's requests of this hour.
//!
//! Invariants:
//! * `http` alone sends, and every request has a deadline, a cap on the answer, no redirects and no cookies.
//! * Only reads are ever repeated; what changes something is sent once, on a connection of its own.
//! * The access token is in the `Authorization` header and nowhere else; no error or log line holds a token,
//!   an address or a body.
//! * Times that leave this folder are by our clock, whatever Cloud 66's shows (`skew`).
//! * What Cloud 66 sends is read leniently: a row that makes no sense costs that row, never the list.
//! * `redeploy_hook`, a secret address in every stack, has no field to be read into.

pub mod api;
pub mod budget;
pub mod client;
mod counts;
pub mod error;
mod http;
pub mod oauth;
mod pages;
pub mod parsers;
pub mod record;
mod refusal;
mod reply;
pub mod send;
pub mod shared_reads;
mod skew;
mod version_2;
mod wire;
mod words;

pub use api::{Api, Listing};
pub use budget::{Allowance, Budget, Usage};
pub use client::{ApiVersion, Client, ClientError, ClientOptions, Reached, Timeouts};
pub use error::Error;
pub use oauth::{Begun, ExchangeError, Oauth, OauthOptions, PkceMode};
pub use record::Record;
pub use send::Answer;
pub use shared_reads::SharedReads;
