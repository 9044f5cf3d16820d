//! The rows as both databases hold them, and what can be done with them: small traits, implemented once in
//! `sqlite/` and once in `postgres/`, in files of the same names that read side by side.
//!
//! Nothing here seals, hashes or knows the time; that is done one level up, once for both. Every method is
//! one SQL statement, so each is atomic by itself, needs no transaction and leaves nothing half done when the
//! caller is dropped in the middle of it.

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

    /// Lets go of what deleted rows have left in files, where the database can be told to.
    async fn forget_deleted(&self) -> Result<(), StoreError>;

    /// Ends all connections, after the statements that are under way.
    async fn close(&self);
}
