//! The words of Stackdeck: plain types and rules, no input or output, no `async`.
//!
//! * **Person**: somebody who signed in with Cloud 66; known by the ids of `/ping/auth`.
//! * **Account**: what a stack belongs to at Cloud 66; a person may be in several.
//! * **Stack**: one application in one environment, known by its uid.
//! * **Verdict**: the one group of words for a stack's state, made from its status and health.
//! * **Deployment**: one run of code onto a stack's servers, as Cloud 66 recorded it.
//! * **Service**: one of the containers that a Docker stack runs.
//! * **Action**: Cloud 66's record of something that was asked of it and ends later.
//! * **Redeploy**: what a person asked of a stack through this app; a row in our ledger.
//! * **Operation id**: the name of a redeploy, made before it is asked for; at Cloud 66 its `user_reference`.
//! * **Fleet**: all stacks that one person can reach, as they were known at one moment.
//! * **Grant**: an access token with the scopes that Cloud 66 gave it.
//!
//! Invariant: an id in one of these types has been parsed; nothing else may become part of a path.

pub mod action;
pub mod clock;
pub mod deployment;
pub mod fleet;
pub mod grant;
pub mod ids;
pub mod link;
pub mod person;
pub mod query;
pub mod random;
pub mod reason;
pub mod redeploy;
pub mod repository;
pub mod return_to;
pub mod service;
pub mod stack;
pub mod verdict;

pub use action::Action;
pub use clock::{Clock, ManualClock};
pub use deployment::{Deployment, Outcome};
pub use fleet::{Fleet, Version};
pub use grant::{AccessToken, Grant, Scopes};
pub use ids::{AccountId, ActionId, DeploymentId, OperationId, StackUid, UserId};
pub use link::WebLink;
pub use person::Person;
pub use query::StackQuery;
pub use random::Random;
pub use reason::Reason;
pub use redeploy::{Command, Redeploy, RedeployOptions, RedeployState};
pub use repository::Repository;
pub use return_to::ReturnTo;
pub use service::Service;
pub use stack::{Environment, Health, Stack, Status};
pub use verdict::{Icon, Pending, Tone, Verdict};
