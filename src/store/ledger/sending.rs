//! A worker holds a row while its request goes out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::Ledger;
use super::epoch::IN_TIME_MS;
use super::row::{read, storable};
use crate::domain::{AccessToken, ActionId, Reason, Redeploy, RedeployState};
use crate::store::rows::ledger::Held;
use crate::store::{StoreError, millis};

/// A lease that has longer to go than this was given by a clock that has been set back since: it has ended.
const LONGEST_LEASE_MS: i64 = 10 * 60 * 1_000;

/// How many rows of one person a worker sends at a time. An account for which Cloud 66 answers slowly holds these until
/// the time limit of the requests, and no more: the other senders are free for everybody else.
pub const SENDS_OF_ONE_PERSON: u32 = 4;

/// The proof that a row is `sending` in this worker's hands, and that this is committed. The one thing that
/// may send a redeploy asks for it.
#[derive(Debug)]
pub struct Claim {
    redeploy: Redeploy,
    token: AccessToken,
    id: String,
    owner: String,
    attempt: i64,
    in_hand: InHand,
}

/// The rows that tasks of this process are sending, each with the end of its lease by the steady clock: setting the
/// machine's clock does not take a row out of the hands of its task.
#[derive(Debug, Clone, Default)]
pub(super) struct InHand(Arc<Mutex<HashMap<String, OffsetDateTime>>>);

impl InHand {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, OffsetDateTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self, id: &str, steady: OffsetDateTime) -> bool {
        self.lock().get(id).is_some_and(|until| steady < *until)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.in_hand.lock().remove(&self.id);
    }
}

impl Claim {
    /// What is to be sent.
    pub fn redeploy(&self) -> &Redeploy {
        &self.redeploy
    }

    /// In whose name.
    pub fn token(&self) -> &AccessToken {
        &self.token
    }

    fn held(&self) -> Held<'_> {
        Held {
            id: &self.id,
            owner: &self.owner,
            attempt: self.attempt,
        }
    }
}

impl Ledger {
    /// `requested` → `sending`: takes a row that may be sent now as it is (`epoch`), for `lease` from now: one of the
    /// person of whom this worker is sending fewest, and of those the one that waits longest. Of rows that were asked
    /// for together, one at a time is `sending`, and of one person [`SENDS_OF_ONE_PERSON`].
    /// `worker` is a name that no other worker has. None when there is nothing to send.
    ///
    /// A row whose token does not open can never be sent; it is refused here, and the next one taken.
    pub async fn claim(&self, worker: &str, lease: Duration) -> Result<Option<Claim>, StoreError> {
        loop {
            let now_ms = self.now_ms().await?;
            let until_ms = now_ms.saturating_add(millis::from_duration(lease));
            let claimed = self
                .rows
                .claim(worker, now_ms, until_ms, IN_TIME_MS, SENDS_OF_ONE_PERSON.into())
                .await?;
            let Some(row) = claimed else {
                return Ok(None);
            };
            let token = self.token_in(&row);
            let (id, attempt) = (row.id.clone(), row.attempts);
            let held = Held {
                id: &id,
                owner: worker,
                attempt,
            };
            let Some(token) = token else {
                let refused = self
                    .rows
                    .set_refused(held, Reason::NoToken.as_str(), None, self.now_ms().await?)
                    .await?;
                self.ends.add(RedeployState::Refused, refused);
                continue;
            };
            let redeploy = read(row)?;
            let until = self
                .clock
                .steady()
                .saturating_add(lease.try_into().unwrap_or(time::Duration::MAX));
            self.in_hand.lock().insert(id.clone(), until);
            return Ok(Some(Claim {
                redeploy,
                token,
                id,
                owner: worker.to_owned(),
                attempt,
                in_hand: self.in_hand.clone(),
            }));
        }
    }

    /// Whether the row is still `sending` in this worker's hands. To be asked right before the first byte: a
    /// worker that was paused past its lease finds out here.
    pub async fn still_held(&self, claim: &Claim) -> Result<bool, StoreError> {
        self.rows.is_held(claim.held(), self.now_ms().await?).await
    }

    /// `sending` → `accepted`: Cloud 66 said yes. Also from `unknown`, for an answer that comes after the
    /// lease has ended. False: the claim was lost, and the row has gone another way.
    pub async fn accepted(
        &self,
        claim: &Claim,
        action: Option<ActionId>,
        queued: bool,
        message: &str,
    ) -> Result<bool, StoreError> {
        let message = storable(message);
        let message = Some(message.as_str()).filter(|message| !message.is_empty());
        self.rows
            .set_accepted(
                claim.held(),
                action.map(|id| id.0),
                queued,
                message,
                self.now_ms().await?,
            )
            .await
    }

    /// `sending` → `refused`, an end: Cloud 66 said no, in the words of `message`, or nothing could be sent.
    /// False: the claim was lost.
    pub async fn refused(
        &self,
        claim: &Claim,
        reason: Reason,
        message: Option<&str>,
    ) -> Result<bool, StoreError> {
        let message = message.map(storable);
        let refused = self
            .rows
            .set_refused(
                claim.held(),
                reason.as_str(),
                message.as_deref(),
                self.now_ms().await?,
            )
            .await?;
        Ok(self.ends.add(RedeployState::Refused, refused))
    }

    /// `sending` → `unknown`: no answer that says yes or no. Due to be looked up at once. False: the claim
    /// was lost.
    pub async fn unknown(&self, claim: &Claim) -> Result<bool, StoreError> {
        self.rows.set_unknown(claim.held(), self.now_ms().await?).await
    }

    /// `sending` → `requested`, to be sent not before `again_at`: only with proof that no connection was
    /// made. False: the claim was lost.
    pub async fn not_sent(&self, claim: &Claim, again_at: OffsetDateTime) -> Result<bool, StoreError> {
        self.rows
            .set_requested(claim.held(), millis::from_time(again_at))
            .await
    }

    /// `sending` → `unknown` for every row that `worker` holds: it ends, and hears no answer any more. Answers
    /// how many.
    pub async fn give_up(&self, worker: &str) -> Result<u64, StoreError> {
        self.rows.give_up(worker, self.now_ms().await?).await
    }

    /// `sending` → `unknown` for every row whose lease has ended: its worker is gone, or too slow to tell. Rows of which
    /// it has ended only because the clock was set are left to their task. Answers how many. To be called at the start and every few seconds.
    pub async fn expire_leases(&self) -> Result<u64, StoreError> {
        let expired = self.expire(self.now_ms().await?).await?;
        if expired > 0 {
            tracing::warn!(
                expired,
                "redeploys were left while being sent; Cloud 66 is asked what became of them"
            );
        }
        Ok(expired)
    }

    async fn expire(&self, now_ms: i64) -> Result<u64, StoreError> {
        let mut expired = 0;
        for id in self.rows.expired_leases(now_ms, LONGEST_LEASE_MS).await? {
            if self.in_hand.holds(&id, self.clock.steady()) {
                continue;
            }
            expired += u64::from(self.rows.expire_lease(&id, now_ms, LONGEST_LEASE_MS).await?);
        }
        Ok(expired)
    }
}
