//! A Cloud 66 in the box: a faithful, stateful stand-in for Cloud 66's OAuth and API, over real HTTP.
//!
//! It serves the demo, every test, and anybody who writes a Cloud 66 client; `docs/sandbox.md` is its
//! manual, and section numbers ("fact sheet 3.7") are those of the collected facts about Cloud 66 that it
//! follows. It shares nothing with the app: a wire type used by both would agree with itself.
//!
//! Read in this order:
//! - `options`, `clock`, `random`: what a sandbox is told, and where time and chance come from;
//! - `world`: people, stacks and what happens to them; `seed`: how a world is made;
//! - `http`, `operation`, `answer`: a request, what it asks for, who answers;
//! - `oauth`, `api`, `hook`, `pages`, `control`: the answers;
//! - `fault`, `journal`: what goes wrong on demand, and what was asked;
//! - `server`: all of it on the wire.
//!
//! An answer is a function of the world, the clock and the request. Only `server` waits.

mod options;
mod clock;
mod random;
mod world;
mod seed;
mod http;
mod operation;
mod answer;
mod oauth;
mod api;
mod hook;
mod pages;
mod control;
mod fault;
mod journal;
mod server;

pub use clock::Clock;
pub use fault::{Effect, Fault, FaultError, Foreign, Metadata, Shift, Target, When, WrongAction};
pub use journal::{Entry, Journal};
pub use options::{Options, Pkce, RateLimit, Refusal, Strictness, UnknownWord};
pub use server::{Sandbox, StartError};
pub use world::{
    Account, Action, Application, DeployType, Deployment, Finished, Health, Membership, Outcome, Person,
    Role, Scope, Service, Stack, Status, Token, Via, World,
};
