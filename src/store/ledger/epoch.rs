//! An old intention is not an order: which rows in `requested` may be sent as they are.
//!
//! A row in `requested` says that nothing was sent, as far as this database knows. That is as true as the database is
//! the latest one: in a backup that was restored, and on a server that took the place of one that died, a row may say so
//! although it was sent. And the person who asked ten hours ago may not want it any more.
//!
//! * Each start of a worker begins an epoch, and so does each new place of the database ([`Ledger::begin_epoch`]).
//!   Each row keeps the epoch in which it was asked for.
//! * A row is sent as it is ([`Ledger::claim`]) only in its own epoch and within [`IN_TIME`]. The rows of a batch are
//!   sent one after another, so there the time begins anew with each that was sent: a batch of a hundred that goes
//!   on is in time, and one that was interrupted for longer than [`IN_TIME`] is not.
//! * Every other row is set aside ([`Ledger::set_aside`]): Cloud 66 is asked whether it has its reference, as for one
//!   in `unknown`. Found, it is `accepted`. Not found, it may be sent after all where it is still in time and the
//!   database is the one that it was asked in ([`Ledger::let_be_sent`]), as after a short restart; otherwise it ends as
//!   `refused`. Where nobody can be asked, it ends as `lost`.
//!
//! Times are the database's, so that two instances with different clocks agree.

use time::Duration;

use super::Ledger;
use crate::domain::{OperationId, Reason, RedeployState};
use crate::store::{StoreError, millis};

/// For how long what was asked for is sent without another question. Whoever waits longer looks at the stack, or has
/// gone home.
pub const IN_TIME: Duration = Duration::minutes(2);

/// [`IN_TIME`] as the database counts.
pub(super) const IN_TIME_MS: i64 = millis::of(IN_TIME);

impl Ledger {
    /// Begins an epoch: to be called by whoever is about to send, before anything is claimed.
    pub async fn begin_epoch(&self) -> Result<(), StoreError> {
        if self.rows.begin_epoch(self.now_ms().await?).await? {
            tracing::warn!(
                "the database is another one than before, restored or copied: whatever nobody has answered is asked of \
                 Cloud 66 before anything of it is sent"
            );
        }
        Ok(())
    }

    /// Sets aside each row that may not be sent as it is, so that it is [`due`](Ledger::due) at once. Answers how many.
    /// To be called before claiming.
    pub async fn set_aside(&self) -> Result<u64, StoreError> {
        let aside = self.rows.set_aside(self.now_ms().await?, IN_TIME_MS).await?;
        if aside > 0 {
            tracing::warn!(
                aside,
                "redeploys were asked for before this start, or too long ago; Cloud 66 is asked for each before \
                 anything is sent"
            );
        }
        Ok(aside)
    }

    /// Lets a row that was set aside, and of which Cloud 66 has no record, be sent. False where it is too late for that,
    /// or another database than this one may have had it sent.
    pub async fn let_be_sent(&self, id: OperationId) -> Result<bool, StoreError> {
        let now_ms = self.now_ms().await?;
        let may = self.rows.let_be_sent(&id.to_string(), now_ms, IN_TIME_MS).await?;
        if may {
            self.wake.notify_one();
        }
        Ok(may)
    }

    /// `requested` → `refused`, an end, for a row that was set aside: Cloud 66 has no record of it, and it is too late
    /// to send it. False: it was not set aside, or is not `requested` any more.
    pub async fn too_late(&self, id: OperationId) -> Result<bool, StoreError> {
        self.set_late(id, RedeployState::Refused, Reason::TooLate).await
    }

    /// `requested` → `lost`, an end, for a row that was set aside: it is not sent, and nobody can say whether another
    /// database had it sent before. False as for [`Ledger::too_late`].
    pub async fn too_late_and_not_known(&self, id: OperationId) -> Result<bool, StoreError> {
        self.set_late(id, RedeployState::Lost, Reason::TooLateNotAsked)
            .await
    }

    async fn set_late(
        &self,
        id: OperationId,
        state: RedeployState,
        reason: Reason,
    ) -> Result<bool, StoreError> {
        let now_ms = self.now_ms().await?;
        let ended = self
            .rows
            .set_late(&id.to_string(), state.as_str(), reason.as_str(), now_ms)
            .await?;
        Ok(self.ends.add(state, ended))
    }
}
