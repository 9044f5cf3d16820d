//! The one row of the table `epochs`, and rows of `redeploys` that may no longer be sent as they are. What this is
//! for stands in `store/ledger/epoch.rs`.

use async_trait::async_trait;

use crate::domain::Clock;
use crate::store::StoreError;

/// Whether the redeploy that `$row` names was asked for, or the last one of its batch was sent, no longer than `$late`
/// milliseconds before `$now`. A row from the future is as late as an old one: the clock was set.
macro_rules! is_in_time {
    ($row:literal, $now:literal, $late:literal) => {
        concat!(
            $now,
            " - coalesce((SELECT max(sent.sent_at_ms) FROM redeploys AS sent WHERE sent.batch = ",
            $row,
            ".batch AND sent.sent_at_ms > ",
            $row,
            ".requested_at_ms), ",
            $row,
            ".requested_at_ms) BETWEEN -",
            $late,
            " AND ",
            $late
        )
    };
}
pub(crate) use is_in_time;

#[async_trait]
pub(crate) trait Epochs: Send + Sync {
    /// What time it is for the database, in milliseconds since 1970, so that all who use it agree.
    async fn now_ms(&self, clock: &Clock) -> Result<i64, StoreError>;

    /// Begins an epoch. Whether the database is another one than in the last epoch: restored, copied, failed over.
    async fn begin_epoch(&self, now_ms: i64) -> Result<bool, StoreError>;

    /// Gives a look to each row in `requested` that has none and may not be sent as it is: one of an earlier epoch, or
    /// one that is not in time. No change of state.
    async fn set_aside(&self, now_ms: i64, late_ms: i64) -> Result<u64, StoreError>;

    /// Lets a row that was set aside be sent after all, in this epoch: it is in time, and the database has been the same
    /// one since it was asked for. No change of state.
    async fn let_be_sent(&self, id: &str, now_ms: i64, late_ms: i64) -> Result<bool, StoreError>;

    /// `requested` → `state`, which is `refused` or `lost`, for a row that was set aside.
    async fn set_late(
        &self,
        id: &str,
        state: &'static str,
        reason: &'static str,
        now_ms: i64,
    ) -> Result<bool, StoreError>;
}
