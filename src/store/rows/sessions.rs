//! Rows of the table `sessions`. All times are milliseconds since 1970.

use async_trait::async_trait;

use crate::store::StoreError;
use crate::store::hash::Hash;

/// One session.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct SessionRow {
    pub(crate) id_hash: Vec<u8>,
    pub(crate) user_id: Option<i64>,
    pub(crate) created_at_ms: i64,
    pub(crate) last_seen_at_ms: i64,
    pub(crate) expires_at_ms: i64,
    pub(crate) sealed: Vec<u8>,
}

/// One session without its content.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct SessionSummaryRow {
    pub(crate) id_hash: Vec<u8>,
    pub(crate) created_at_ms: i64,
    pub(crate) last_seen_at_ms: i64,
}

/// What makes a session alive: it expires after `now_ms`, was last seen after `idle_since_ms` and made after
/// `made_since_ms`. Its own end was written when it was made; the last of the three is what the settings allow today,
/// so that a shorter lifetime ends sessions that began under a longer one. A session that is not alive counts as not
/// there, before the sweep as after it.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_field_names,
    reason = "a time of the database carries its unit in its name"
)]
pub(crate) struct Alive {
    pub(crate) now_ms: i64,
    pub(crate) idle_since_ms: i64,
    pub(crate) made_since_ms: i64,
}

#[async_trait]
pub(crate) trait SessionRows: Send + Sync {
    /// Adds the row; false where the id is taken already.
    async fn insert_session(&self, row: &SessionRow) -> Result<bool, StoreError>;

    /// Deletes a person's oldest sessions beyond the newest `keep`, never the one just made.
    async fn trim_sessions(&self, user_id: i64, keep: i64, just_made: &Hash) -> Result<u64, StoreError>;

    /// Replaces the content of a session that is alive; false where there is none. Never adds a row.
    async fn update_session(
        &self,
        id_hash: &Hash,
        user_id: Option<i64>,
        sealed: &[u8],
        alive: Alive,
    ) -> Result<bool, StoreError>;

    /// The session, if it is alive.
    async fn session(&self, id_hash: &Hash, alive: Alive) -> Result<Option<SessionRow>, StoreError>;

    /// Whether the session is alive.
    async fn session_is_alive(&self, id_hash: &Hash, alive: Alive) -> Result<bool, StoreError>;

    /// The hashes of those of these sessions that are alive.
    async fn sessions_alive(&self, id_hashes: &[Hash], alive: Alive) -> Result<Vec<Vec<u8>>, StoreError>;

    /// Notes activity now, unless some was noted after `seen_before_ms`, or the session is not alive.
    async fn touch_session(
        &self,
        id_hash: &Hash,
        seen_before_ms: i64,
        alive: Alive,
    ) -> Result<bool, StoreError>;

    /// A person's sessions that are alive, the last one seen first.
    async fn sessions_of(&self, user_id: i64, alive: Alive) -> Result<Vec<SessionSummaryRow>, StoreError>;

    /// Deletes one session.
    async fn delete_session(&self, id_hash: &Hash) -> Result<u64, StoreError>;

    /// Deletes the sessions of that person whose id's hash begins with these eight bytes.
    async fn delete_session_of(&self, user_id: i64, begins: &[u8; 8]) -> Result<u64, StoreError>;

    /// Deletes all sessions of a person.
    async fn delete_sessions_of(&self, user_id: i64) -> Result<u64, StoreError>;

    /// Deletes all sessions.
    async fn delete_sessions(&self) -> Result<u64, StoreError>;

    /// Deletes at most `limit` sessions that are not alive.
    async fn sweep_sessions(&self, limit: i64, alive: Alive) -> Result<u64, StoreError>;
}
