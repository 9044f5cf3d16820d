//! Rows of the table `sign_ins`. All times are milliseconds since 1970.

use async_trait::async_trait;

use crate::store::StoreError;
use crate::store::hash::Hash;

/// One sign-in under way.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct SignInRow {
    pub(crate) state_hash: Vec<u8>,
    pub(crate) browser_hash: Vec<u8>,
    pub(crate) expires_at_ms: i64,
    pub(crate) sealed_verifier: Option<Vec<u8>>,
    pub(crate) return_to: String,
    pub(crate) scopes: String,
}

#[async_trait]
pub(crate) trait SignInRows: Send + Sync {
    /// Adds the row, unless `most` rows or more have not expired at `now_ms`; false then.
    async fn insert_sign_in(&self, row: &SignInRow, most: i64, now_ms: i64) -> Result<bool, StoreError>;

    /// Deletes all of a browser's rows but the newest `keep`.
    async fn trim_sign_ins(&self, browser_hash: &Hash, keep: i64) -> Result<u64, StoreError>;

    /// Takes out the row of this state and browser, if it has not expired. Of all who ask, one gets it.
    async fn take_sign_in(
        &self,
        state_hash: &Hash,
        browser_hash: &Hash,
        now_ms: i64,
    ) -> Result<Option<SignInRow>, StoreError>;

    /// Takes out this browser's newest row, if it has not expired. Of all who ask, one gets it.
    async fn take_newest_sign_in(
        &self,
        browser_hash: &Hash,
        now_ms: i64,
    ) -> Result<Option<SignInRow>, StoreError>;

    /// Deletes at most `limit` rows that have expired.
    async fn sweep_sign_ins(&self, limit: i64, now_ms: i64) -> Result<u64, StoreError>;
}
