//! Sessions as they were loaded in the last two seconds, opened, so that a page that follows another does not
//! wait for the database.
//!
//! Invariants:
//! * Whatever this process saves or deletes is out of the cache before the call returns, so a sign-out here
//!   is seen at once. One that another process did is seen [`FRESH_MS`] later at most.
//! * A load that was under way while something was saved or deleted is not kept: it may hold what was true
//!   before. `generation` counts those changes.
//! * At most [`MOST`] sessions are held, and none for long after it stopped being fresh: they hold tokens.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};

use super::hash::Hash;
use super::rows::sessions::Alive;

/// For how many milliseconds a loaded session is taken for what the database holds.
const FRESH_MS: i64 = 2_000;
/// How many sessions are held at most; those beyond are loaded each time.
const MOST: usize = 10_000;

/// A session as it was loaded.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) data: HashMap<String, serde_json::Value>,
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) expires_at_ms: i64,
    pub(crate) last_seen_at_ms: i64,
    pub(crate) as_of_ms: i64,
}

impl Loaded {
    /// The record as tower-sessions wants it.
    pub(crate) fn record(self, id: Id) -> Record {
        Record {
            id,
            data: self.data,
            expiry_date: self.expires_at,
        }
    }

    fn is_fresh(&self, now_ms: i64) -> bool {
        // A clock that was set back makes the age negative: not fresh either.
        (0..FRESH_MS).contains(&(now_ms - self.as_of_ms))
    }

    fn is_alive(&self, alive: Alive) -> bool {
        self.expires_at_ms > alive.now_ms && self.last_seen_at_ms > alive.idle_since_ms
    }
}

/// What a load must show to be kept: nothing has changed since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(u64);

/// The sessions, behind a lock that is held for the length of a map operation.
#[derive(Default)]
pub(crate) struct SessionCache(Mutex<Held>);

#[derive(Default)]
struct Held {
    sessions: HashMap<Hash, Loaded>,
    generation: u64,
    purged_at_ms: i64,
}

impl SessionCache {
    /// To be asked for before a load, and given to [`SessionCache::keep`] after it.
    pub(crate) fn generation(&self) -> Generation {
        Generation(self.lock().generation)
    }

    /// The session, if it is fresh and alive.
    pub(crate) fn get(&self, id_hash: &Hash, alive: Alive) -> Option<Loaded> {
        self.lock().fresh(id_hash, alive).cloned()
    }

    /// When the session was last seen, if it is fresh and alive.
    pub(crate) fn last_seen(&self, id_hash: &Hash, alive: Alive) -> Option<i64> {
        self.lock()
            .fresh(id_hash, alive)
            .map(|loaded| loaded.last_seen_at_ms)
    }

    /// Keeps what was just loaded, unless something has changed since `began`.
    pub(crate) fn keep(&self, id_hash: Hash, loaded: Loaded, began: Generation) {
        let mut held = self.lock();
        if Generation(held.generation) != began {
            return;
        }
        let now_ms = loaded.as_of_ms;
        if !(0..FRESH_MS).contains(&(now_ms - held.purged_at_ms)) {
            held.purge(now_ms);
        }
        if held.sessions.len() < MOST {
            held.sessions.insert(id_hash, loaded);
        }
    }

    /// Notes activity of a session that is held.
    pub(crate) fn saw(&self, id_hash: &Hash, now_ms: i64) {
        if let Some(loaded) = self.lock().sessions.get_mut(id_hash) {
            loaded.last_seen_at_ms = now_ms;
        }
    }

    /// Forgets one session: to be called after the database has changed, before the caller is told.
    pub(crate) fn forget(&self, id_hash: &Hash) {
        let mut held = self.lock();
        held.generation += 1;
        held.sessions.remove(id_hash);
    }

    /// Forgets all of them: to be called like [`SessionCache::forget`].
    pub(crate) fn forget_all(&self) {
        let mut held = self.lock();
        held.generation += 1;
        held.sessions = HashMap::new();
    }

    /// Lets go of what is not fresh any more.
    pub(crate) fn purge(&self, now_ms: i64) {
        self.lock().purge(now_ms);
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // No code under the lock can leave the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn fresh(&self, id_hash: &Hash, alive: Alive) -> Option<&Loaded> {
        let loaded = self.sessions.get(id_hash)?;
        (loaded.is_fresh(alive.now_ms) && loaded.is_alive(alive)).then_some(loaded)
    }

    fn purge(&mut self, now_ms: i64) {
        self.sessions.retain(|_, loaded| loaded.is_fresh(now_ms));
        self.purged_at_ms = now_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Hash = [1; 32];

    fn loaded_at(as_of_ms: i64) -> Loaded {
        Loaded {
            data: HashMap::new(),
            expires_at: OffsetDateTime::UNIX_EPOCH,
            expires_at_ms: 100_000,
            last_seen_at_ms: 1_000,
            as_of_ms,
        }
    }

    fn at(now_ms: i64) -> Alive {
        Alive {
            now_ms,
            idle_since_ms: now_ms - 50_000,
            made_since_ms: now_ms - 100_000,
        }
    }

    #[test]
    fn a_session_is_held_for_two_seconds() {
        let cache = SessionCache::default();
        cache.keep(ID, loaded_at(10_000), cache.generation());
        assert!(cache.get(&ID, at(10_000)).is_some());
        assert!(cache.get(&ID, at(11_999)).is_some());
        assert!(cache.get(&ID, at(12_000)).is_none());
        assert!(cache.get(&ID, at(9_999)).is_none(), "the clock was set back");
    }

    #[test]
    fn a_load_that_a_sign_out_overtook_is_not_kept() {
        let cache = SessionCache::default();
        for forget in [SessionCache::forget_all, |cache: &SessionCache| cache.forget(&ID)] {
            let began = cache.generation();
            forget(&cache);
            cache.keep(ID, loaded_at(10_000), began);
            assert!(cache.get(&ID, at(10_000)).is_none());
        }
    }

    #[test]
    fn an_end_in_between_is_seen() {
        let cache = SessionCache::default();
        let mut loaded = loaded_at(10_000);
        loaded.expires_at_ms = 10_500;
        cache.keep(ID, loaded, cache.generation());
        assert!(cache.get(&ID, at(10_499)).is_some());
        assert!(cache.get(&ID, at(10_500)).is_none());
    }

    #[test]
    fn what_is_not_fresh_is_let_go_and_what_is_too_much_not_taken() {
        let cache = SessionCache::default();
        let id = |n: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_le_bytes());
            id
        };
        for n in 0..=MOST {
            cache.keep(id(n), loaded_at(10_000), cache.generation());
        }
        assert_eq!(cache.lock().sessions.len(), MOST);
        cache.keep(ID, loaded_at(12_000), cache.generation());
        assert_eq!(cache.lock().sessions.len(), 1);
    }
}
