//! Who is signed in: tower-sessions' store, over rows whose id is hashed and whose content is sealed.
//!
//! Invariants:
//! * A row is made by `create` alone, and always under an id that is drawn here: an id that a browser came
//!   with never becomes a session. `save` only replaces the content of a row that is there; a slow request
//!   that began before a sign-out cannot bring the session back.
//! * A session ends when it was not seen for the idle time, and at the latest its lifetime after it was made: the
//!   lifetime of the settings when it was made, or today's where that is shorter.
//!   Both are judged by the [`Clock`] when it is loaded; a session that has ended is not there, swept or not.
//!   The expiry that tower-sessions keeps in its record follows another clock, and decides nothing here.
//! * What does not open (another row's content, a secret that was taken away) counts as signed out.
//!
//! tower-sessions saves the whole record, and the last save wins: of two requests that change one session at
//! once, one loses its change. So keep in it what does not change after signing in.
//!
//! A session that was loaded stays in memory for two seconds (`session_cache`): signing out holds at once in
//! this process, and within two seconds in every other one.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};
use zeroize::Zeroizing;

use super::hash::{Hash, Kind, hash, hex};
use super::rows::Rows;
use super::rows::sessions::{Alive, SessionRow};
use super::seal::{Purpose, Sealer};
use super::session_cache::{Loaded, SessionCache};
use super::{StoreError, millis};
use crate::domain::{Clock, Random, UserId};

/// Where in the record the person's id is (a number); it becomes a column, to find all sessions of a person.
pub const USER_ID: &str = "user_id";
/// How many sessions a person may have; the oldest one goes when there would be more.
pub const MOST_PER_PERSON: u32 = 1_000;

/// Activity is written down once in so much time, so that reading pages does not mean writing rows.
const TOUCH_EVERY: Duration = Duration::from_mins(1);
/// How many rows one statement of the sweep deletes, so that nobody waits long behind it.
const SWEEP_BATCH: u32 = 100;
/// How often a new id is drawn before the generator is taken to be broken.
const DRAWS: u32 = 8;

/// When sessions end, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    idle: i64,
    lifetime: i64,
    touch_every: i64,
}

impl Limits {
    pub(crate) fn new(idle: Duration, lifetime: Duration) -> Self {
        Self {
            idle: millis::from_duration(idle),
            lifetime: millis::from_duration(lifetime),
            // Of a short idle time a quarter, or activity would be noted too late to matter.
            touch_every: millis::from_duration(TOUCH_EVERY.min(idle / 4)),
        }
    }
}

/// One of a person's sessions, as the person may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// A name for it that lets nobody in: the first 16 hex digits of its id's hash.
    pub handle: String,
    /// When the person signed in.
    pub created_at: OffsetDateTime,
    /// When it was last used, to the minute.
    pub last_seen_at: OffsetDateTime,
}

/// The sessions. Cheap to clone; all clones share one cache.
#[derive(Clone)]
pub struct Sessions {
    rows: Arc<dyn Rows>,
    sealer: Arc<Sealer>,
    cache: Arc<SessionCache>,
    clock: Clock,
    random: Random,
    limits: Limits,
    ended: Arc<Notify>,
}

impl Sessions {
    pub(crate) fn new(
        rows: Arc<dyn Rows>,
        sealer: Arc<Sealer>,
        clock: Clock,
        random: Random,
        limits: Limits,
    ) -> Self {
        Self {
            rows,
            sealer,
            cache: Arc::default(),
            clock,
            random,
            limits,
            ended: Arc::default(),
        }
    }

    /// Notes that the session was used now; writes at most once a minute. Nothing happens to a session that
    /// has ended.
    pub async fn touch(&self, id: &Id) -> Result<(), StoreError> {
        let (id_hash, alive) = (hash_of(id), self.alive());
        let seen_before_ms = alive.now_ms - self.limits.touch_every;
        if self
            .cache
            .last_seen(&id_hash, alive)
            .is_some_and(|at| at > seen_before_ms)
        {
            return Ok(());
        }
        if self.rows.touch_session(&id_hash, seen_before_ms, alive).await? {
            self.cache.saw(&id_hash, alive.now_ms);
        }
        Ok(())
    }

    /// Whether the session has not ended; for streams that outlive the request that loaded it. May be two
    /// seconds late for what another process did, as loading may.
    pub async fn is_alive(&self, id: &Id) -> Result<bool, StoreError> {
        let (id_hash, alive) = (hash_of(id), self.alive());
        if self.cache.last_seen(&id_hash, alive).is_some() {
            return Ok(true);
        }
        self.rows.session_is_alive(&id_hash, alive).await
    }

    /// Those of these sessions that have not ended, in one question; for the streams of many. Like
    /// [`Sessions::is_alive`], but what another process did is seen at once.
    pub async fn alive_among(&self, ids: &[Id]) -> Result<Vec<Id>, StoreError> {
        let hashes: Vec<Hash> = ids.iter().map(hash_of).collect();
        let alive: std::collections::HashSet<Vec<u8>> = self
            .rows
            .sessions_alive(&hashes, self.alive())
            .await?
            .into_iter()
            .collect();
        let is_alive = |(_, id_hash): &(&Id, &Hash)| alive.contains(&id_hash[..]);
        Ok(ids
            .iter()
            .zip(&hashes)
            .filter(is_alive)
            .map(|(id, _)| *id)
            .collect())
    }

    /// Notified when sessions were ended in this process, so that their streams end at once. A hint only: what
    /// another process ended, or time, is found by asking.
    pub fn ended(&self) -> Arc<Notify> {
        Arc::clone(&self.ended)
    }

    /// A person's sessions, the last used one first.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<SessionInfo>, StoreError> {
        let rows = self.rows.sessions_of(user.0, self.alive()).await?;
        let info = |row: super::rows::sessions::SessionSummaryRow| {
            Ok(SessionInfo {
                handle: handle(&row.id_hash),
                created_at: millis::to_time(row.created_at_ms)?,
                last_seen_at: millis::to_time(row.last_seen_at_ms)?,
            })
        };
        rows.into_iter().map(info).collect()
    }

    /// The handle under which [`Sessions::of_user`] lists this session.
    pub fn handle_of(&self, id: &Id) -> String {
        handle(&hash_of(id))
    }

    /// Ends one of a person's sessions, by its handle; false where that person has no such session.
    pub async fn end(&self, user: UserId, handle: &str) -> Result<bool, StoreError> {
        let Some(begins) = read_handle(handle) else {
            return Ok(false);
        };
        let ended = self.rows.delete_session_of(user.0, &begins).await;
        self.cache.forget_all();
        self.ended.notify_one();
        Ok(ended? > 0)
    }

    /// Ends all sessions of a person; answers how many there were.
    pub async fn end_all_of(&self, user: UserId) -> Result<u64, StoreError> {
        let ended = self.rows.delete_sessions_of(user.0).await;
        self.cache.forget_all();
        self.ended.notify_one();
        ended
    }

    /// Ends all sessions; answers how many there were.
    pub async fn end_all(&self) -> Result<u64, StoreError> {
        let ended = self.rows.delete_sessions().await;
        self.cache.forget_all();
        self.ended.notify_one();
        ended
    }

    /// Deletes the rows of sessions that have ended, a batch at a time, and what they have left in files;
    /// answers how many there were. To be called every few minutes.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        let alive = self.alive();
        self.cache.purge(alive.now_ms);
        let mut swept = 0;
        loop {
            let batch = self.rows.sweep_sessions(SWEEP_BATCH.into(), alive).await?;
            swept += batch;
            if batch < u64::from(SWEEP_BATCH) {
                break;
            }
        }
        self.rows.forget_deleted().await?;
        Ok(swept)
    }

    fn alive(&self) -> Alive {
        let now_ms = millis::from_time(self.clock.now());
        Alive {
            now_ms,
            idle_since_ms: now_ms.saturating_sub(self.limits.idle),
            made_since_ms: now_ms.saturating_sub(self.limits.lifetime),
        }
    }

    async fn insert(&self, record: &mut Record) -> Result<(), StoreError> {
        let now_ms = millis::from_time(self.clock.now());
        for _ in 0..DRAWS {
            // The id that the record came with is not looked at: it may be one that a browser chose.
            record.id = Id(self.random.u128().cast_signed());
            let id_hash = hash_of(&record.id);
            let row = SessionRow {
                id_hash: id_hash.to_vec(),
                user_id: user_of(record),
                created_at_ms: now_ms,
                last_seen_at_ms: now_ms,
                expires_at_ms: now_ms.saturating_add(self.limits.lifetime),
                sealed: self.seal(&id_hash, record)?,
            };
            if !self.rows.insert_session(&row).await? {
                continue;
            }
            if let Some(user) = row.user_id
                && self
                    .rows
                    .trim_sessions(user, MOST_PER_PERSON.into(), &id_hash)
                    .await?
                    > 0
            {
                tracing::info!(user, "a person's oldest session was ended: there were too many");
                self.cache.forget_all();
            }
            return Ok(());
        }
        tracing::error!("no free id for a session was drawn: the random number generator repeats itself");
        Err(StoreError::Unavailable)
    }

    async fn replace(&self, record: &Record) -> Result<(), StoreError> {
        let id_hash = hash_of(&record.id);
        let sealed = self.seal(&id_hash, record)?;
        let saved = self
            .rows
            .update_session(&id_hash, user_of(record), &sealed, self.alive())
            .await;
        self.cache.forget(&id_hash);
        if !saved? {
            tracing::info!(
                "a session ended while a request was under way; what the request changed is dropped"
            );
        }
        Ok(())
    }

    async fn find(&self, id: &Id) -> Result<Option<Loaded>, StoreError> {
        let (id_hash, alive) = (hash_of(id), self.alive());
        if let Some(loaded) = self.cache.get(&id_hash, alive) {
            return Ok(Some(loaded));
        }
        let began = self.cache.generation();
        let Some(row) = self.rows.session(&id_hash, alive).await? else {
            return Ok(None);
        };
        let Some(data) = self.open(&id_hash, &row.sealed) else {
            tracing::warn!(
                handle = handle(&id_hash),
                "the content of a session does not open, so it counts as signed out: its row was changed, or \
                 the secret that sealed it is no longer listed"
            );
            return Ok(None);
        };
        let expires_at_ms = row
            .expires_at_ms
            .min(row.created_at_ms.saturating_add(self.limits.lifetime));
        let loaded = Loaded {
            data,
            expires_at: millis::to_time(expires_at_ms)?,
            expires_at_ms,
            last_seen_at_ms: row.last_seen_at_ms,
            as_of_ms: alive.now_ms,
        };
        self.cache.keep(id_hash, loaded.clone(), began);
        Ok(Some(loaded))
    }

    async fn remove(&self, id: &Id) -> Result<(), StoreError> {
        let id_hash = hash_of(id);
        let deleted = self.rows.delete_session(&id_hash).await;
        self.cache.forget(&id_hash);
        self.ended.notify_one();
        deleted.map(drop)
    }

    fn seal(&self, id_hash: &Hash, record: &Record) -> Result<Vec<u8>, StoreError> {
        let plain = serde_json::to_vec(&record.data).map_err(|_| StoreError::Broken)?;
        self.sealer
            .seal(Purpose::Session, &hex(id_hash), &Zeroizing::new(plain))
    }

    fn open(&self, id_hash: &Hash, sealed: &[u8]) -> Option<HashMap<String, serde_json::Value>> {
        let plain = self.sealer.open(Purpose::Session, &hex(id_hash), sealed)?;
        serde_json::from_slice(&plain).ok()
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.insert(record).await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.replace(record).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let loaded = self.find(id).await.map_err(backend)?;
        Ok(loaded.map(|loaded| loaded.record(*id)))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.remove(id).await.map_err(backend)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

fn backend(error: StoreError) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

fn hash_of(id: &Id) -> Hash {
    hash(Kind::Session, &id.0.to_le_bytes())
}

fn user_of(record: &Record) -> Option<i64> {
    record.data.get(USER_ID).and_then(serde_json::Value::as_i64)
}

fn handle(id_hash: &[u8]) -> String {
    hex(id_hash.get(..8).unwrap_or_default())
}

fn read_handle(handle: &str) -> Option<[u8; 8]> {
    let shaped = handle.len() == 16
        && handle
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let number = shaped.then(|| u64::from_str_radix(handle, 16).ok()).flatten()?;
    Some(number.to_be_bytes())
}
