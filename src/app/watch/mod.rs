//! What is remembered of Cloud 66: per access token, in memory only, bounded in number and in age; and kept true
//! for the pages that are open.
//!
//! * [`Watcher`]: one token's view. [`Snapshot`]: what it holds, with what changed when.
//! * `learning`: what others learnt. `viewers`: who looks at what. `pace`: how often may be asked. `plan`: what is due.
//! * [`keep`]: the task that asks for what is due, and the ledger for what moved.
//!
//! Invariants:
//! * Nothing crosses from one token to another: a [`Watcher`] is found by the token's hash and by nothing else.
//! * One watcher asks for one list at a time; whoever comes meanwhile waits for that answer.
//! * A snapshot says when its list was read. A failed attempt leaves the list and its age as they were and
//!   stands beside them as the problem.
//! * Whatever is asked for here is counted as watching, of which half of the hour is the most.

pub mod keep;
mod learning;
mod pace;
mod patience;
mod plan;
mod snapshot;
mod viewers;
mod watcher;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};
use tokio::sync::{MutexGuard, Notify};

use super::{App, SignedIn};
use crate::cloud66::Budget;
use crate::domain::{AccessToken, Clock, UserId};

pub use patience::Patience;
pub use snapshot::{Move, Snapshot};
pub use viewers::{Interest, Viewer};
pub use watcher::{Stale, Watcher};

/// How long a watcher is kept after somebody last looked.
const KEPT: Duration = Duration::minutes(30);

/// How many watchers are kept; the ones longest unseen go first.
const MOST: usize = 10_000;

/// All watchers, and each person's count of requests.
#[derive(Debug)]
pub struct Watchers {
    clock: Clock,
    by_token: Mutex<HashMap<TokenHash, Kept>>,
    budgets: Mutex<HashMap<UserId, Budget>>,
    wake: Notify,
    ledger_read: tokio::sync::Mutex<keep::LedgerRead>,
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
            wake: Notify::new(),
            ledger_read: tokio::sync::Mutex::default(),
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

    /// All watchers.
    pub(in crate::app) fn all(&self) -> Vec<Arc<Watcher>> {
        let by_token = self.by_token.lock().unwrap_or_else(PoisonError::into_inner);
        by_token.values().map(|kept| Arc::clone(&kept.watcher)).collect()
    }

    /// The watchers of one person, one for each token.
    pub(in crate::app) fn of_person(&self, person: UserId) -> Vec<Arc<Watcher>> {
        let mut all = self.all();
        all.retain(|watcher| watcher.person() == person);
        all
    }

    /// The watchers with an open page.
    fn attended(&self) -> Vec<Arc<Watcher>> {
        let by_token = self.by_token.lock().unwrap_or_else(PoisonError::into_inner);
        let all = by_token.values().map(|kept| &kept.watcher);
        all.filter(|watcher| watcher.viewers().any()).cloned().collect()
    }

    /// Lets the task look at once for what is due.
    pub(in crate::app) fn wake(&self) {
        self.wake.notify_one();
    }

    async fn woken(&self) {
        self.wake.notified().await;
    }

    async fn ledger_read(&self) -> MutexGuard<'_, keep::LedgerRead> {
        self.ledger_read.lock().await
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
                .filter(|(_, kept)| !kept.watcher.viewers().any())
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
        let now = self.clock.now();
        let mut by_token = self.by_token.lock().unwrap_or_else(PoisonError::into_inner);
        for kept in by_token.values_mut() {
            if kept.watcher.viewers().any() {
                kept.seen_at = now;
            } else {
                kept.watcher.plan().rest();
            }
        }
        by_token.retain(|_, kept| kept.seen_at > now - KEPT);
        drop(by_token);
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        budgets.retain(|_, budget| budget.usage().used > 0);
    }
}

impl App {
    /// What is remembered for this person's token.
    pub fn watcher(&self, who: &SignedIn) -> Arc<Watcher> {
        self.watchers().of(&who.grant.token, || {
            let budget = self.watchers().budget(who.person.id);
            let api = self.cloud66().api(&who.grant.token, &budget.for_watching());
            let id = u64::from_le_bytes(self.random().bytes());
            let cancelled = Arc::clone(self.cancelled());
            Watcher::new(
                id,
                who.person.id,
                (api, budget),
                self.clock().clone(),
                *self.patience(),
                cancelled,
            )
        })
    }
}
