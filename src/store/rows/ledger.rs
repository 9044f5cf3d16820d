//! Rows of the table `redeploys`. All times are milliseconds since 1970.
//!
//! Four traits, as the ledger has four parts: asking, sending, following, reading. A method that changes a
//! state answers whether it did; its statement names the states that the row may come from, and an end erases
//! the token in the same statement.

use async_trait::async_trait;

use crate::store::StoreError;

/// One redeploy.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct RedeployRow {
    pub(crate) id: String,
    pub(crate) command: String,
    pub(crate) stack: String,
    pub(crate) stack_name: String,
    pub(crate) environment: String,
    pub(crate) asked_by: i64,
    pub(crate) asked_by_name: String,
    pub(crate) options: String,
    pub(crate) known_before: String,
    pub(crate) state: String,
    pub(crate) requested_at_ms: i64,
    pub(crate) attempts: i64,
    pub(crate) sent_at_ms: Option<i64>,
    pub(crate) answered_at_ms: Option<i64>,
    pub(crate) queued: bool,
    pub(crate) action: Option<i64>,
    pub(crate) looks: i64,
    pub(crate) deployment: Option<i64>,
    pub(crate) git_hash: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) cancel_requested_at_ms: Option<i64>,
    pub(crate) finished_at_ms: Option<i64>,
    pub(crate) heard_at_ms: Option<i64>,
    pub(crate) missed_at_ms: Option<i64>,
    pub(crate) took_ms: Option<i64>,
    pub(crate) sealed_token: Option<Vec<u8>>,
}

/// The columns of [`RedeployRow`].
macro_rules! redeploy_columns {
    () => {
        "id, command, stack, stack_name, environment, asked_by, asked_by_name, options, known_before, state, \
         requested_at_ms, attempts, sent_at_ms, answered_at_ms, queued, action, looks, deployment, git_hash, \
         reason, message, cancel_requested_at_ms, finished_at_ms, heard_at_ms, missed_at_ms, took_ms, sealed_token"
    };
}
pub(crate) use redeploy_columns;

/// A redeploy that is to be added, in state `requested`.
#[derive(Debug)]
pub(crate) struct NewRedeployRow {
    pub(crate) id: String,
    pub(crate) command: &'static str,
    pub(crate) stack: String,
    pub(crate) stack_name: String,
    pub(crate) environment: String,
    pub(crate) asked_by: i64,
    pub(crate) asked_by_name: String,
    pub(crate) options: String,
    pub(crate) known_before: String,
    pub(crate) batch: Option<String>,
    pub(crate) requested_at_ms: i64,
    pub(crate) form_made_at_ms: i64,
    pub(crate) sealed_token: Vec<u8>,
}

/// What a worker must say for its answer to count: which row, in whose hands, at which attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held<'a> {
    pub(crate) id: &'a str,
    pub(crate) owner: &'a str,
    pub(crate) attempt: i64,
}

/// What is learnt while a redeploy runs or when it ends; what is none leaves the column as it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Learnt<'a> {
    pub(crate) deployment: Option<i64>,
    pub(crate) git_hash: Option<&'a str>,
    pub(crate) message: Option<&'a str>,
    /// Why it ended so; at an end, none erases it.
    pub(crate) reason: Option<&'static str>,
}

/// How many rows are taken, and whose.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    /// In all.
    pub(crate) limit: i64,
    /// Of each person.
    pub(crate) of_one_person: i64,
    /// Of these persons none.
    pub(crate) without: Vec<i64>,
    /// No look is put off for longer: one that is is due.
    pub(crate) longest_wait_ms: i64,
}

#[async_trait]
pub(crate) trait Asking: Send + Sync {
    /// Adds the row, set aside where its form was made before this epoch, unless its id is taken or its stack has an unanswered row; none then.
    async fn insert_redeploy(&self, row: &NewRedeployRow) -> Result<Option<RedeployRow>, StoreError>;

    /// The stack's row in `requested`, `sending` or `unknown`.
    async fn unanswered_of_stack(&self, stack: &str) -> Result<Option<RedeployRow>, StoreError>;
}

#[async_trait]
pub(crate) trait Sending: Send + Sync {
    /// `requested` → `sending`: a row whose time has come, that is of this epoch and in time, for one worker alone. Of a
    /// batch only the first one that waits, and none while another is `sending`. Of a person none while `share` of their
    /// rows are `sending` in these hands; whoever has fewest there comes first, then whoever waits longest.
    async fn claim(
        &self,
        owner: &str,
        now_ms: i64,
        lease_until_ms: i64,
        late_ms: i64,
        share: i64,
    ) -> Result<Option<RedeployRow>, StoreError>;

    /// Whether the row is `sending` in these hands, under a lease that has not ended.
    async fn is_held(&self, held: Held<'_>, now_ms: i64) -> Result<bool, StoreError>;

    /// `sending` | `unknown` → `accepted`.
    async fn set_accepted(
        &self,
        held: Held<'_>,
        action: Option<i64>,
        queued: bool,
        message: Option<&str>,
        now_ms: i64,
    ) -> Result<bool, StoreError>;

    /// `sending` → `refused`.
    async fn set_refused(
        &self,
        held: Held<'_>,
        reason: &'static str,
        message: Option<&str>,
        now_ms: i64,
    ) -> Result<bool, StoreError>;

    /// `sending` → `unknown`.
    async fn set_unknown(&self, held: Held<'_>, now_ms: i64) -> Result<bool, StoreError>;

    /// `sending` → `requested`.
    async fn set_requested(&self, held: Held<'_>, not_before_ms: i64) -> Result<bool, StoreError>;

    /// The rows in `sending` whose lease has ended, or has longer to go than any lease lasts.
    async fn expired_leases(&self, now_ms: i64, longest_ms: i64) -> Result<Vec<String>, StoreError>;

    /// `sending` → `unknown`, for one of those.
    async fn expire_lease(&self, id: &str, now_ms: i64, longest_ms: i64) -> Result<bool, StoreError>;

    /// `sending` → `unknown`, for every row in these hands.
    async fn give_up(&self, owner: &str, now_ms: i64) -> Result<u64, StoreError>;
}

#[async_trait]
pub(crate) trait Following: Send + Sync {
    /// Rows in `unknown`, `accepted` or `running`, or set aside in `requested`, whose next look has come, as many as
    /// `turn` says; it is put off to `until_ms`, so that nobody else gets them before. What was answered later
    /// than now is from now on answered now.
    async fn take_due(&self, turn: &Turn, now_ms: i64, until_ms: i64)
    -> Result<Vec<RedeployRow>, StoreError>;

    /// `unknown`, or set aside in `requested`, → `accepted`.
    async fn set_found(&self, id: &str, action: Option<i64>, now_ms: i64) -> Result<bool, StoreError>;

    /// `unknown` → `lost`.
    async fn set_lost(&self, id: &str, reason: &'static str, now_ms: i64) -> Result<bool, StoreError>;

    /// `accepted` | `running` → `running`.
    async fn set_running(
        &self,
        id: &str,
        learnt: Learnt<'_>,
        next_look_at_ms: i64,
    ) -> Result<bool, StoreError>;

    /// `accepted` | `running` → `succeeded`, `failed`, `cancelled` or `ended`, as `state` says.
    async fn set_ended(
        &self,
        id: &str,
        state: &'static str,
        learnt: Learnt<'_>,
        now_ms: i64,
    ) -> Result<bool, StoreError>;

    /// Counts a look and sets the time of the next one; no change of state.
    async fn put_off_look(&self, id: &str, next_look_at_ms: i64) -> Result<bool, StoreError>;

    /// Notes that Cloud 66 answered a question about a row that has not ended, and how long it took where that is known;
    /// no change of state.
    async fn set_heard(&self, id: &str, took_ms: Option<i64>, now_ms: i64) -> Result<bool, StoreError>;

    /// Notes that a question about a row that has not ended stayed without an answer; no change of state.
    async fn set_missed(&self, id: &str, now_ms: i64) -> Result<bool, StoreError>;

    /// Names the action of a row in `accepted` or `running` that has none; no change of state.
    async fn set_action(&self, id: &str, action: i64) -> Result<bool, StoreError>;

    /// Puts another token into a row in `unknown`, `accepted` or `running`, and makes it due; where its own
    /// was erased, the reason for that goes. No change of state.
    async fn renew_token(&self, id: &str, sealed_token: &[u8], now_ms: i64) -> Result<bool, StoreError>;

    /// Erases the token of a row in `accepted` or `running` and looks no more; no change of state.
    async fn stop_looking(&self, id: &str, reason: &'static str) -> Result<bool, StoreError>;

    /// Notes that the person asked to cancel, the first time; no change of state.
    async fn note_cancel(&self, id: &str, now_ms: i64) -> Result<bool, StoreError>;

    /// Erases the token of every row that was asked for before; no change of state.
    async fn erase_tokens(&self, asked_before_ms: i64) -> Result<u64, StoreError>;

    /// Deletes at most `limit` rows: ends that came before, and rows without a token, of which nothing more
    /// can be learnt, that were asked for before.
    async fn prune(&self, before_ms: i64, limit: i64) -> Result<u64, StoreError>;
}

#[async_trait]
pub(crate) trait Reading: Send + Sync {
    /// The row of this id.
    async fn redeploy(&self, id: &str) -> Result<Option<RedeployRow>, StoreError>;

    /// The row of a deployment of this stack, if it is not at an end.
    async fn open_of_deployment(
        &self,
        stack: &str,
        deployment: i64,
    ) -> Result<Option<RedeployRow>, StoreError>;

    /// The first rows of a stack in `accepted` or `running` of which it is not known which deployment they became,
    /// the oldest first.
    async fn unplaced_of_stack(&self, stack: &str) -> Result<Vec<RedeployRow>, StoreError>;

    /// A person's rows, newest first; those that were asked for before the row `before`, where there is one.
    async fn of_person(
        &self,
        user_id: i64,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<RedeployRow>, StoreError>;

    /// A person's rows in `unknown`, `accepted` or `running` that were asked for since, whether or not they
    /// are still followed.
    async fn unended_of_person(&self, user_id: i64, since_ms: i64) -> Result<Vec<RedeployRow>, StoreError>;

    /// A person's rows that are not at an end and are still followed, newest first.
    async fn open_of_person(&self, user_id: i64) -> Result<Vec<RedeployRow>, StoreError>;

    /// How many stacks a person's rows are of that are not at an end and are still followed.
    async fn open_stacks_of_person(&self, user_id: i64) -> Result<i64, StoreError>;

    /// Rows that have not ended and are still followed, and rows that ended after `since_ms`, newest first.
    async fn moving(&self, since_ms: i64, limit: i64) -> Result<Vec<RedeployRow>, StoreError>;

    /// The first rows that were called cancelled after `since_ms` and became a deployment, newest first.
    async fn cancelled_since(&self, since_ms: i64, limit: i64) -> Result<Vec<RedeployRow>, StoreError>;

    /// The rows of one batch, in the order in which they were asked for.
    async fn of_batch(&self, batch: &str) -> Result<Vec<RedeployRow>, StoreError>;

    /// A person's rows whose end nobody has looked at, newest first.
    async fn unseen_ends(&self, user_id: i64, limit: i64) -> Result<Vec<RedeployRow>, StoreError>;

    /// Notes that the person has seen the end, if there is one.
    async fn set_seen(&self, id: &str, now_ms: i64) -> Result<bool, StoreError>;
}
