//! The ledger as pages read it. Rows are not filtered by who asks: that a person may see a redeploy is for
//! the caller to know.

use time::{Duration, OffsetDateTime};

use super::Ledger;
use super::row::{read_all, read_if_any};
use crate::domain::{DeploymentId, OperationId, Redeploy, StackUid, UserId};
use crate::store::{StoreError, millis};

/// How many ends are told of at once after being away.
const MOST_UNSEEN: u32 = 50;

/// How many cancelled deployments are told apart from failed ones.
const MOST_CANCELLED: u32 = 10_000;

/// How many redeploys may be under way at once for all of them to be seen on open pages.
const MOST_MOVING: u32 = 10_000;

impl Ledger {
    /// The redeploy of this id.
    pub async fn get(&self, id: OperationId) -> Result<Option<Redeploy>, StoreError> {
        read_if_any(self.rows.redeploy(&id.to_string()).await?)
    }

    /// The redeploy that became this deployment, whoever asked for it, while it is not at an end.
    pub async fn open_of_deployment(
        &self,
        uid: StackUid,
        deployment: DeploymentId,
    ) -> Result<Option<Redeploy>, StoreError> {
        read_if_any(
            self.rows
                .open_of_deployment(&uid.to_string(), deployment.0)
                .await?,
        )
    }

    /// The first redeploys of a stack that Cloud 66 has taken and of which it is not known yet which deployment they
    /// became, whoever asked for them, the oldest first.
    pub async fn unplaced_of_stack(&self, uid: StackUid) -> Result<Vec<Redeploy>, StoreError> {
        Ok(read_all(self.rows.unplaced_of_stack(&uid.to_string()).await?))
    }

    /// What a person has asked for, newest first; `before` pages on from the last one of the page before. One
    /// that is not there any more begins anew.
    pub async fn of_person(
        &self,
        user: UserId,
        limit: u32,
        before: Option<OperationId>,
    ) -> Result<Vec<Redeploy>, StoreError> {
        let before = before.map(|id| id.to_string());
        let rows = self
            .rows
            .of_person(user.0, before.as_deref(), limit.into())
            .await?;
        Ok(read_all(rows))
    }

    /// What a person has asked for, has not ended and is still followed ([`Ledger::stop_looking`]), newest
    /// first.
    pub async fn open_of_person(&self, user: UserId) -> Result<Vec<Redeploy>, StoreError> {
        Ok(read_all(self.rows.open_of_person(user.0).await?))
    }

    /// Of how many stacks a person has redeploys that have not ended and are still followed.
    pub async fn open_stacks_of_person(&self, user: UserId) -> Result<u32, StoreError> {
        let stacks = self.rows.open_stacks_of_person(user.0).await?;
        Ok(u32::try_from(stacks).unwrap_or(u32::MAX))
    }

    /// All people's redeploys that have not ended and are still followed, and those that ended after `since`:
    /// what may have moved, for the pages that are open. One question, however many people look.
    pub async fn moving(&self, since: OffsetDateTime) -> Result<Vec<Redeploy>, StoreError> {
        let rows = self
            .rows
            .moving(millis::from_time(since), MOST_MOVING.into())
            .await?;
        Ok(read_all(rows))
    }

    /// All people's redeploys that became a deployment which Cloud 66 was heard to have cancelled, after `since`.
    pub async fn cancelled_since(&self, since: OffsetDateTime) -> Result<Vec<Redeploy>, StoreError> {
        let rows = self
            .rows
            .cancelled_since(millis::from_time(since), MOST_CANCELLED.into())
            .await?;
        Ok(read_all(rows))
    }

    /// The same, for those that ended within this time, by the database's clock.
    pub async fn moving_within(&self, ended: Duration) -> Result<Vec<Redeploy>, StoreError> {
        let now = millis::to_time(self.now_ms().await?)?;
        self.moving(now - ended).await
    }

    /// The redeploys of one batch, in the order in which they were asked for.
    pub async fn of_batch(&self, batch: OperationId) -> Result<Vec<Redeploy>, StoreError> {
        Ok(read_all(self.rows.of_batch(&batch.to_string()).await?))
    }

    /// The last 50 redeploys of a person that ended and were not [`Ledger::seen`] since, newest first: "While
    /// you were away".
    pub async fn unseen_ends(&self, user: UserId) -> Result<Vec<Redeploy>, StoreError> {
        Ok(read_all(self.rows.unseen_ends(user.0, MOST_UNSEEN.into()).await?))
    }

    /// Notes that the person has seen how it ended. False where it has not ended, or was seen before.
    pub async fn seen(&self, id: OperationId) -> Result<bool, StoreError> {
        self.rows.set_seen(&id.to_string(), self.now_ms().await?).await
    }
}
