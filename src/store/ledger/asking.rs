//! A click becomes a row, once.

use time::OffsetDateTime;

use super::Ledger;
use super::row::{read, storable};
use crate::domain::redeploy::{Before, Command, RedeployOptions};
use crate::domain::{AccessToken, OperationId, Redeploy, StackUid, UserId};
use crate::store::rows::ledger::NewRedeployRow;
use crate::store::seal::Purpose;
use crate::store::{StoreError, millis};

/// A form tells when it was made in whole seconds, and may have been made at the end of that second. Otherwise a form of
/// the second in which the program started would count as made before the start.
const LATEST_IN_A_SECOND_MS: i64 = 999;

/// How often a row that was in the way may be gone when it is looked at, before that is an error.
const TRIES: u32 = 16;

/// What is asked for. See [`Redeploy`] for the fields.
#[derive(Debug, Clone)]
pub struct NewRedeploy {
    /// From the form; unique.
    pub id: OperationId,
    /// What to do.
    pub command: Command,
    /// To which stack.
    pub stack: StackUid,
    /// Its name now.
    pub stack_name: String,
    /// Its environment now.
    pub environment: String,
    /// Who asks.
    pub asked_by: UserId,
    /// That person's name now.
    pub asked_by_name: String,
    /// Options and note.
    pub options: RedeployOptions,
    /// The stack as it is known now.
    pub before: Before,
    /// The asker's access token: the row keeps its own sealed copy until the end.
    pub token: AccessToken,
    /// What several redeploys that were asked for together have in common.
    pub batch: Option<OperationId>,
    /// When the page with its id was made. One of before this epoch may have been posted then, in a database that has
    /// been put back since: Cloud 66 is asked for it first.
    pub form_made_at: OffsetDateTime,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// It is a row now, and will be sent.
    New(Redeploy),
    /// A row of this id was there already, as it is returned: the same form was sent twice. Nothing was
    /// compared but the id; whether person and stack are the same is for the caller to see.
    Already(Redeploy),
    /// Nothing was written: this other row of the stack, whoever asked for it, is still unanswered.
    StackTaken(Redeploy),
}

impl Ledger {
    /// Writes down what is asked for, unless its id is known or its stack has an unanswered row. However many
    /// ask at once, with one id or on one stack, one gets [`Entered::New`].
    pub async fn request(&self, new: NewRedeploy) -> Result<Entered, StoreError> {
        let row = self.new_row(&new, self.now_ms().await?)?;
        for _ in 0..TRIES {
            if let Some(row) = self.rows.insert_redeploy(&row).await? {
                self.wake.notify_one();
                return read(row).map(Entered::New);
            }
            if let Some(row) = self.rows.redeploy(&row.id).await? {
                return read(row).map(Entered::Already);
            }
            if let Some(row) = self.rows.unanswered_of_stack(&row.stack).await? {
                return read(row).map(Entered::StackTaken);
            }
            // What was in the way was answered in this moment: the next try finds the stack free.
        }
        tracing::warn!(
            redeploy = row.id,
            "a redeploy could not be written down: other rows came and went"
        );
        Err(StoreError::Unavailable)
    }

    fn new_row(&self, new: &NewRedeploy, now_ms: i64) -> Result<NewRedeployRow, StoreError> {
        let id = new.id.to_string();
        let sealed_token = self
            .sealer
            .seal(Purpose::Token, &id, new.token.expose().as_bytes())?;
        Ok(NewRedeployRow {
            id,
            command: new.command.as_str(),
            stack: new.stack.to_string(),
            stack_name: storable(&new.stack_name),
            environment: storable(&new.environment),
            asked_by: new.asked_by.0,
            asked_by_name: storable(&new.asked_by_name),
            options: serde_json::to_string(&new.options).map_err(|_| StoreError::Broken)?,
            known_before: serde_json::to_string(&new.before).map_err(|_| StoreError::Broken)?,
            batch: new.batch.map(|batch| batch.to_string()),
            requested_at_ms: now_ms,
            form_made_at_ms: millis::from_time(new.form_made_at).saturating_add(LATEST_IN_A_SECOND_MS),
            sealed_token,
        })
    }
}
