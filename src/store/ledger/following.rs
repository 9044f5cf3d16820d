//! What Cloud 66 says afterwards, until the end; and tidying up.

use time::{Duration, OffsetDateTime};

use super::Ledger;
use super::row::{read, storable};
use crate::domain::{
    AccessToken, ActionId, DeploymentId, OperationId, Reason, Redeploy, RedeployState, UserId,
};
use crate::store::rows::ledger::{Learnt, RedeployRow, Turn};
use crate::store::seal::Purpose;
use crate::store::{StoreError, millis};

/// For how long a row that was taken by [`Ledger::due`] is left alone by everybody else: longer than a
/// request to Cloud 66 may take.
pub const LOOK_LEASE: Duration = Duration::seconds(30);

/// No look is put off for longer than this: one that is was put off by a clock that has been set back since. It is due
/// at once; and what was answered later than now was answered by that clock, so its time begins now.
const LONGEST_WAIT: Duration = Duration::hours(3);

/// How many rows one statement of [`Ledger::prune`] deletes.
const PRUNE_BATCH: u32 = 100;

/// A redeploy of which Cloud 66 is to be asked.
#[derive(Debug, Clone)]
pub struct Due {
    /// In `unknown`, `accepted` or `running`; or in `requested`, where Cloud 66 is to be asked before it is sent.
    pub redeploy: Redeploy,
    /// In whose name to ask. None where the copy was erased ([`Ledger::forget_tokens`]) or does not open:
    /// nothing more can be learnt of this redeploy.
    pub token: Option<AccessToken>,
    /// What time it is for the database: the times of the row, and of the next look, are by that.
    pub now: OffsetDateTime,
}

impl Ledger {
    /// Redeploys whose next look has come: `of_one_person` of each person at most, and none of those `without` whom
    /// it is to be; each person's longest waiting first. Each is left alone by everybody else for [`LOOK_LEASE`]; within
    /// it, one of the methods below says what was seen, or when to look again.
    pub async fn due(
        &self,
        limit: usize,
        of_one_person: usize,
        without: &[UserId],
    ) -> Result<Vec<Due>, StoreError> {
        let now_ms = self.now_ms().await?;
        let until_ms = now_ms + millis::of(LOOK_LEASE);
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let turn = Turn {
            limit: number(limit),
            of_one_person: number(of_one_person),
            without: without.iter().map(|person| person.0).collect(),
            longest_wait_ms: millis::of(LONGEST_WAIT),
        };
        let rows = self.rows.take_due(&turn, now_ms, until_ms).await?;
        Ok(self.with_tokens(rows, now_ms))
    }

    /// The rows that can be read, each with its token.
    fn with_tokens(&self, rows: Vec<RedeployRow>, now_ms: i64) -> Vec<Due> {
        let now = millis::to_time(now_ms).unwrap_or_else(|_| self.clock.now());
        let due = rows.into_iter().filter_map(|row| {
            let token = self.token_in(&row);
            let redeploy = read(row).ok()?;
            Some(Due { redeploy, token, now })
        });
        due.collect()
    }

    /// `unknown` → `accepted`: Cloud 66 has a record of it. False: it was not `unknown` any more.
    pub async fn found(&self, id: OperationId, action: Option<ActionId>) -> Result<bool, StoreError> {
        let action = action.map(|id| id.0);
        self.rows
            .set_found(&id.to_string(), action, self.now_ms().await?)
            .await
    }

    /// `unknown` → `lost`, an end: Cloud 66 has no record of it, or cannot be asked. False: it was not `unknown` any more.
    pub async fn lost(&self, id: OperationId, reason: Reason) -> Result<bool, StoreError> {
        let lost = self
            .rows
            .set_lost(&id.to_string(), reason.as_str(), self.now_ms().await?)
            .await?;
        Ok(self.ends.add(RedeployState::Lost, lost))
    }

    /// Nothing new: counts the look, and sets the time of the next. False at an end.
    pub async fn look_again(&self, id: OperationId, at: OffsetDateTime) -> Result<bool, StoreError> {
        self.rows
            .put_off_look(&id.to_string(), millis::from_time(at))
            .await
    }

    /// Cloud 66 answered a question about it; `took` says how long it ran by Cloud 66's own times, where its answer
    /// did. Said before the end is written, so that nobody sees an end without it. False at an end.
    pub async fn heard(&self, id: OperationId, took: Option<Duration>) -> Result<bool, StoreError> {
        let took_ms = took.map(millis::of);
        self.rows
            .set_heard(&id.to_string(), took_ms, self.now_ms().await?)
            .await
    }

    /// A question about it stayed without an answer, or could not be asked. False at an end.
    pub async fn missed(&self, id: OperationId) -> Result<bool, StoreError> {
        self.rows.set_missed(&id.to_string(), self.now_ms().await?).await
    }

    /// Makes a look due now. Counts one. False at an end.
    pub async fn look_now(&self, id: OperationId) -> Result<bool, StoreError> {
        let now_ms = self.now_ms().await?;
        self.rows.put_off_look(&id.to_string(), now_ms).await
    }

    /// `accepted` → `running`, or more is known of one that is `running`. What is none stays as it was.
    /// Counts the look. False from every other state.
    pub async fn running(
        &self,
        id: OperationId,
        deployment: Option<DeploymentId>,
        git_hash: Option<&str>,
        next_look_at: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let git_hash = git_hash.map(storable);
        let learnt = Learnt {
            deployment: deployment.map(|id| id.0),
            git_hash: git_hash.as_deref(),
            message: None,
            reason: None,
        };
        self.rows
            .set_running(&id.to_string(), learnt, millis::from_time(next_look_at))
            .await
    }

    /// `accepted` | `running` → `state`, an end: `succeeded`, `failed`, `cancelled` or `ended`. What is none stays as
    /// it was. False from every other state, and for every other `state`.
    pub async fn ended(
        &self,
        id: OperationId,
        state: RedeployState,
        message: Option<&str>,
        deployment: Option<DeploymentId>,
        git_hash: Option<&str>,
    ) -> Result<bool, StoreError> {
        let (message, git_hash) = (message.map(storable), git_hash.map(storable));
        let learnt = Learnt {
            deployment: deployment.map(|id| id.0),
            git_hash: git_hash.as_deref(),
            message: message.as_deref(),
            reason: None,
        };
        self.end(id, state, learnt).await
    }

    /// The same for an end that Cloud 66 did not tell of this very redeploy; `reason` says on what it rests.
    pub async fn inferred(
        &self,
        id: OperationId,
        state: RedeployState,
        reason: Reason,
        deployment: Option<DeploymentId>,
        git_hash: Option<&str>,
    ) -> Result<bool, StoreError> {
        let git_hash = git_hash.map(storable);
        let learnt = Learnt {
            deployment: deployment.map(|id| id.0),
            git_hash: git_hash.as_deref(),
            message: None,
            reason: Some(reason.as_str()),
        };
        self.end(id, state, learnt).await
    }

    async fn end(
        &self,
        id: OperationId,
        state: RedeployState,
        learnt: Learnt<'_>,
    ) -> Result<bool, StoreError> {
        if !RedeployState::Running.may_become(state) {
            return Ok(false);
        }
        let ended = self
            .rows
            .set_ended(&id.to_string(), state.as_str(), learnt, self.now_ms().await?)
            .await?;
        Ok(self.ends.add(state, ended))
    }

    /// Names the action to follow of one that is `accepted` or `running`, in place of another one that turned out not
    /// to be its own. False where it is named already, and otherwise.
    pub async fn named(&self, id: OperationId, action: ActionId) -> Result<bool, StoreError> {
        self.rows.set_action(&id.to_string(), action.0).await
    }

    /// Gives a person's redeploys that have not ended another access token to be followed with, those also
    /// whose own was erased, as long as they were asked for since. Answers how many.
    pub async fn renew_tokens(
        &self,
        user: UserId,
        token: &AccessToken,
        asked_since: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let since_ms = millis::from_time(asked_since);
        let mut renewed = 0;
        for row in self.rows.unended_of_person(user.0, since_ms).await? {
            let sealed = self
                .sealer
                .seal(Purpose::Token, &row.id, token.expose().as_bytes())?;
            renewed += u64::from(
                self.rows
                    .renew_token(&row.id, &sealed, self.now_ms().await?)
                    .await?,
            );
        }
        Ok(renewed)
    }

    /// Stops following an accepted redeploy of which Cloud 66 will say no more. Its state stays the last one
    /// that Cloud 66 confirmed; `reason` says why nothing more is known, and the token is erased. False from
    /// every other state.
    pub async fn stop_looking(&self, id: OperationId, reason: Reason) -> Result<bool, StoreError> {
        self.rows.stop_looking(&id.to_string(), reason.as_str()).await
    }

    /// Notes that the person asked to cancel it. False where that was noted before, or at an end.
    pub async fn cancel_requested(&self, id: OperationId) -> Result<bool, StoreError> {
        self.rows.note_cancel(&id.to_string(), self.now_ms().await?).await
    }

    /// The redeploy's own copy of the access token: until its end.
    pub async fn token_of(&self, id: OperationId) -> Result<Option<AccessToken>, StoreError> {
        let row = self.rows.redeploy(&id.to_string()).await?;
        Ok(row.and_then(|row| self.token_in(&row)))
    }

    /// Erases the tokens of redeploys that were asked for before and have not ended, so that no copy outlives
    /// its purpose. One that is not sent yet keeps its own: Cloud 66 is still to be asked for it, which ends it.
    /// Answers how many rows.
    pub async fn forget_tokens(&self, asked_before: OffsetDateTime) -> Result<u64, StoreError> {
        let erased = self.rows.erase_tokens(millis::from_time(asked_before)).await?;
        if erased > 0 {
            tracing::warn!(erased, "redeploys took so long that their tokens were erased");
        }
        Ok(erased)
    }

    /// Deletes redeploys that ended before, a batch at a time, and those of which nothing more can be learnt
    /// that were asked for before. Answers how many.
    pub async fn prune(&self, older_than: OffsetDateTime) -> Result<u64, StoreError> {
        let before_ms = millis::from_time(older_than);
        let mut pruned = 0;
        loop {
            let batch = self.rows.prune(before_ms, PRUNE_BATCH.into()).await?;
            pruned += batch;
            if batch < u64::from(PRUNE_BATCH) {
                break;
            }
        }
        self.rows.forget_deleted().await?;
        Ok(pruned)
    }
}
