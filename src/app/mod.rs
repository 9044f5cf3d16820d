//! What a person can do. One verb a file; nothing here knows of pages or of HTTP on our side.
//!
//! * [`sign_in`]: begin at Cloud 66, come back, know who it is.
//! * [`list_stacks`], [`show_stack`]: what the person can reach, with its age.
//! * [`options`]: what a redeploy may carry. [`redeploy`]: write down what was asked of a stack. [`send`]: the one place that sends it.
//!   [`cancel`]: ask Cloud 66 to stop one. [`follow`]: learn how it ended, and `outcome`: what Cloud 66 shows of it, and which deployment it
//!   became. [`worker`]: the task that does the last three.
//! * `polls`, `poll_times`: whose polls are under way, and how often. `waiting`: who waits for somebody else's answer.
//! * [`attend`]: an open page that is kept true. [`activity`]: what changed lately.
//! * `late`: what was not sent in time. `sweep`: what is deleted when it is old.
//! * `cancelled`: which deployments were stopped, from the ledger.
//! * [`away`]: what ended while the person was not looking.
//! * [`sessions`]: the person's sign-ins on other devices, and their end.
//! * [`watch`]: what is remembered of Cloud 66, per access token, in memory only.
//!
//! Invariant: everything is done as the signed-in person, with that person's own token; no data of one token
//! is ever shown to the holder of another.

pub mod activity;
pub mod attend;
pub mod away;
pub mod cancel;
mod cancelled;
pub mod error;
pub mod follow;
mod late;
pub mod list_stacks;
pub mod options;
mod outcome;
pub mod policy;
mod poll_times;
mod polls;
pub mod redeploy;
pub mod send;
pub mod sessions;
pub mod show_stack;
pub mod sign_in;
mod sweep;
mod waiting;
pub mod watch;
pub mod worker;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::cloud66::{Api, ApiVersion, Client, Oauth};
use crate::domain::{AccountId, Clock, Grant, Person, Random};
use crate::store::Store;

// What the web needs of the rooms below, so that it depends on this one alone.
pub use crate::cloud66::{Allowance, Error as Cloud66Error, Usage};
pub use crate::store::{SessionInfo, StoreError};

pub use error::Error;
pub use policy::Policy;
use watch::{Patience, Watchers};

/// What the verbs need, put together by the wiring.
pub struct Parts {
    /// The way to Cloud 66's API.
    pub cloud66: Client,
    /// The way to Cloud 66's sign-in; none while the application is not registered there.
    pub oauth: Option<Oauth>,
    /// What is remembered across restarts.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// How long a page waits for Cloud 66.
    pub patience: Patience,
    /// The operator's rules.
    pub policy: Policy,
    /// Cancelled when the program is asked to stop.
    pub stop: CancellationToken,
}

/// The verbs' common handle; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    parts: Parts,
    watchers: Watchers,
    told: away::Told,
    waiting: waiting::Waiting,
    cancelled: Arc<cancelled::Cancelled>,
}

/// Somebody who is signed in: who, and with which token. Holding one is the proof that a session was checked.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who it is.
    pub person: Person,
    /// The accounts that the person is known to belong to: the token's own and, where they had to be asked for at the
    /// sign-in, the others.
    pub accounts: Vec<AccountId>,
    /// The token to act with.
    pub grant: Grant,
}

impl App {
    /// Puts the parts together. Starts nothing; see [`worker`].
    pub fn new(parts: Parts) -> Self {
        let watchers = Watchers::new(parts.clock.clone());
        Self(Arc::new(Inner {
            parts,
            watchers,
            told: away::Told::default(),
            waiting: waiting::Waiting::default(),
            cancelled: Arc::default(),
        }))
    }

    /// The operator's rules.
    pub fn policy(&self) -> &Policy {
        &self.0.parts.policy
    }

    /// How long a page waits for Cloud 66.
    fn patience(&self) -> &Patience {
        &self.0.parts.patience
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.0.parts.clock
    }

    /// Randomness.
    pub fn random(&self) -> &Random {
        &self.0.parts.random
    }

    /// Cancelled when the program is asked to stop.
    pub fn stop(&self) -> &CancellationToken {
        &self.0.parts.stop
    }

    /// What is remembered across restarts.
    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// The way to Cloud 66.
    pub fn cloud66(&self) -> &Client {
        &self.0.parts.cloud66
    }

    /// Cloud 66's sign-in; none while the application is not registered there.
    pub fn oauth(&self) -> Option<&Oauth> {
        self.0.parts.oauth.as_ref()
    }

    /// What is remembered of Cloud 66.
    pub fn watchers(&self) -> &Watchers {
        &self.0.watchers
    }

    /// Who has been told of every end.
    pub(super) fn told(&self) -> &away::Told {
        &self.0.told
    }

    /// Who waits for the answer to whose request.
    pub(super) fn waiting(&self) -> &waiting::Waiting {
        &self.0.waiting
    }

    /// Which deployments are known to have been cancelled.
    fn cancelled(&self) -> &Arc<cancelled::Cancelled> {
        &self.0.cancelled
    }

    /// Whether Cloud 66 is spoken to in the dialect of 2013, which has no history and no actions.
    pub fn is_old_api(&self) -> bool {
        self.cloud66().version() == ApiVersion::V2
    }

    /// This person's requests to Cloud 66 in this hour.
    pub fn usage(&self, who: &SignedIn) -> Usage {
        self.watchers().budget(who.person.id).usage()
    }

    /// What may still be spent on keeping this person's pages true in this hour.
    pub fn allowance(&self, who: &SignedIn) -> Allowance {
        self.watchers().budget(who.person.id).allowance()
    }

    /// Whether this person's hour still pays for learning what became of redeploys.
    pub fn may_follow(&self, who: &SignedIn) -> bool {
        self.watchers().budget(who.person.id).may_follow()
    }

    /// Whether the database answers.
    pub async fn store_answers(&self) -> Result<(), StoreError> {
        self.store().ping().await
    }

    /// How many requests this process sent to Cloud 66, by what came back.
    pub fn cloud66_counts(&self) -> Vec<(&'static str, u64)> {
        self.cloud66().counts()
    }

    /// How many redeploys this process saw end, by the word of their end.
    pub fn redeploy_ends(&self) -> Vec<(&'static str, u64)> {
        self.store().ledger().ends()
    }

    /// Cloud 66 as this person sees it, counted against this person's hour.
    pub fn api(&self, who: &SignedIn) -> Api {
        self.cloud66()
            .api(&who.grant.token, &self.watchers().budget(who.person.id))
    }
}
