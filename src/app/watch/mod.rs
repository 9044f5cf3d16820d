//! What is remembered of Cloud 66: per access token, in memory only, bounded in number and in age.
//!
//! Invariants:
//! * Nothing crosses from one token to another: a [`Watcher`] is found by the token's hash and by nothing else.
//! * One watcher asks for one list at a time; whoever comes meanwhile waits for that answer.
//! * A snapshot says when its list was read. A failed attempt leaves the list and its age as they were and
//!   stands beside them as the problem.

mod watcher;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use super::{App, SignedIn};
use crate::cloud66::{self, Budget};
use crate::domain::{AccessToken, Clock, Fleet, StackUid, UserId};

pub use watcher::Watcher;

/// How long a watcher is kept after somebody last looked.
const KEPT: Duration = Duration::minutes(30);

/// How many watchers are kept; the ones longest unseen go first.
const MOST: usize = 10_000;

/// What one person could see at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The stacks.
    pub fleet: Fleet,
    /// When the list was read; none if it never was.
    pub listed_at: Option<OffsetDateTime>,
    /// Whether something was changed since, so that the next page reads the list first.
    pub outdated: bool,
    /// Why the last attempt to read it failed, and when.
    pub problem: Option<(cloud66::Error, OffsetDateTime)>,
    /// Stacks on which Cloud 66 refused this person a redeploy.
    pub refused: Vec<StackUid>,
    /// Cloud 66's own warning with the list, in its words.
    pub warning: Option<String>,
    /// Grows with every change, so that what was rendered from a snapshot can be told to be old.
    pub revision: u64,
}

/// All watchers, and each person's count of requests.
#[derive(Debug)]
pub struct Watchers {
    clock: Clock,
    by_token: Mutex<HashMap<TokenHash, Kept>>,
    budgets: Mutex<HashMap<UserId, Budget>>,
}

#[derive(Debug)]
struct Kept {
    watcher: Arc<Watcher>,
    seen_at: OffsetDateTime,
}

/// A token's SHA-256; the token itself is not used as a key, so that no map of tokens lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct TokenHash([u8; 32]);

impl TokenHash {
    fn of(token: &AccessToken) -> Self {
        Self(Sha256::digest(token.expose()).into())
    }
}

impl Watchers {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            by_token: Mutex::default(),
            budgets: Mutex::default(),
        }
    }

    /// This person's count of this hour's requests; one for all of the person's tokens, as Cloud 66 counts
    /// (fact sheet 5.3).
    pub fn budget(&self, person: UserId) -> Budget {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        budgets
            .entry(person)
            .or_insert_with(|| Budget::new(self.clock.clone()))
            .clone()
    }

    /// The watcher of this token, if somebody looked lately.
    pub fn known(&self, token: &AccessToken) -> Option<Arc<Watcher>> {
        let by_token = self.by_token.lock().unwrap_or_else(PoisonError::into_inner);
        by_token
            .get(&TokenHash::of(token))
            .map(|kept| Arc::clone(&kept.watcher))
    }

    /// Forgets what the holder of this token could see.
    pub fn forget(&self, token: &AccessToken) {
        self.by_token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&TokenHash::of(token));
    }

    fn of(&self, token: &AccessToken, make: impl FnOnce() -> Watcher) -> Arc<Watcher> {
        let now = self.clock.now();
        let mut by_token = self.by_token.lock().unwrap_or_else(PoisonError::into_inner);
        let key = TokenHash::of(token);
        if let Some(kept) = by_token.get_mut(&key) {
            kept.seen_at = now;
            return Arc::clone(&kept.watcher);
        }
        if by_token.len() >= MOST {
            let oldest = by_token
                .iter()
                .min_by_key(|(_, kept)| kept.seen_at)
                .map(|(key, _)| *key);
            oldest.map(|key| by_token.remove(&key));
        }
        let watcher = Arc::new(make());
        by_token.insert(
            key,
            Kept {
                watcher: Arc::clone(&watcher),
                seen_at: now,
            },
        );
        watcher
    }

    /// Drops what nobody has looked at for a while. Called by the worker now and then.
    pub fn sweep(&self) {
        let oldest = self.clock.now() - KEPT;
        let mut by_token = self.by_token.lock().unwrap_or_else(PoisonError::into_inner);
        by_token.retain(|_, kept| kept.seen_at > oldest);
        drop(by_token);
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        budgets.retain(|_, budget| budget.usage().used > 0);
    }
}

impl App {
    /// What is remembered for this person's token.
    pub fn watcher(&self, who: &SignedIn) -> Arc<Watcher> {
        self.watchers().of(&who.grant.token, || {
            Watcher::new(
                self.api(who),
                self.watchers().budget(who.person.id),
                self.clock().clone(),
            )
        })
    }
}
