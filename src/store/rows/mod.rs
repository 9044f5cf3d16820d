//! The rows as both databases hold them, and what can be done with them: small traits, implemented once in
//! `sqlite/` and once in `postgres/`, in files of the same names that read side by side.
//!
//! Nothing here seals, hashes or knows the time; that is done one level up, once for both. Every method is
//! one SQL statement, so each is atomic by itself, needs no transaction and leaves nothing half done when the
//! caller is dropped in the middle of it.
//!
//! A database is opened for one Cloud 66, its origin. Each row is written for that one, and what is read or taken
//! are rows of that one alone: people, stacks and tokens of two Cloud 66s have nothing to do with each other. By an id
//! that was read before, a row is changed without asking for the origin again.

pub(crate) mod epochs;
pub(crate) mod ledger;
pub(crate) mod sessions;
pub(crate) mod sign_ins;

use async_trait::async_trait;

use super::StoreError;

/// A database, whatever it is.
pub(crate) trait Rows:
    Upkeep
    + sessions::SessionRows
    + sign_ins::SignInRows
    + epochs::Epochs
    + ledger::Asking
    + ledger::Sending
    + ledger::Following
    + ledger::Reading
    + 'static
{
}

impl<T> Rows for T where
    T: Upkeep
        + sessions::SessionRows
        + sign_ins::SignInRows
        + epochs::Epochs
        + ledger::Asking
        + ledger::Sending
        + ledger::Following
        + ledger::Reading
        + 'static
{
}

/// What a database needs apart from its rows.
#[async_trait]
pub(crate) trait Upkeep: Send + Sync {
    /// Whether it answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Takes over rows that name no origin, as versions before origins wrote them.
    async fn adopt_rows(&self) -> Result<(), StoreError>;

    /// When the newest row was written, by whoever wrote it, in milliseconds since 1970; none without rows.
    async fn newest_ms(&self) -> Result<Option<i64>, StoreError>;

    /// Lets go of what deleted rows have left in files, where the database can be told to.
    async fn forget_deleted(&self) -> Result<(), StoreError>;

    /// Ends all connections, after the statements that are under way.
    async fn close(&self);
}

/// Selects when somebody last used the database.
macro_rules! newest_row {
    () => {
        "SELECT max(at_ms) FROM (SELECT max(last_seen_at_ms) AS at_ms FROM sessions \
         UNION ALL SELECT max(requested_at_ms) FROM redeploys) AS newest"
    };
}
pub(crate) use newest_row;

/// Names the origin of the rows of one table that have none.
macro_rules! adopt_rows {
    ($table:literal) => {
        concat!("UPDATE ", $table, " SET origin = $1 WHERE origin = ''")
    };
}
pub(crate) use adopt_rows;
