//! Between rows and the domain's [`Redeploy`].

use crate::domain::redeploy::{Before, Command, RedeployOptions, RedeployState};
use crate::domain::{ActionId, DeploymentId, Reason, Redeploy, UserId};
use crate::store::rows::ledger::RedeployRow;
use crate::store::{StoreError, millis};

/// Reads a row. A row that cannot be read is logged here, by its id.
pub(super) fn read(row: RedeployRow) -> Result<Redeploy, StoreError> {
    let id = row.id.clone();
    parse(row).ok_or_else(|| {
        tracing::error!(redeploy = id, "a redeploy in the database cannot be read");
        StoreError::Broken
    })
}

/// Reads one row, if there is one.
pub(super) fn read_if_any(row: Option<RedeployRow>) -> Result<Option<Redeploy>, StoreError> {
    row.map(read).transpose()
}

/// Reads many rows. One that cannot be read is left out, so that it does not hide all others.
pub(super) fn read_all(rows: Vec<RedeployRow>) -> Vec<Redeploy> {
    rows.into_iter().filter_map(|row| read(row).ok()).collect()
}

/// Text as both databases can keep it: PostgreSQL has no place for the character NUL.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "")
}

fn parse(row: RedeployRow) -> Option<Redeploy> {
    let time = |millis: Option<i64>| millis::to_time_if_any(millis).ok();
    Some(Redeploy {
        id: row.id.parse().ok()?,
        command: Command::parse(&row.command)?,
        stack: row.stack.parse().ok()?,
        stack_name: row.stack_name,
        environment: row.environment,
        asked_by: UserId(row.asked_by),
        asked_by_name: row.asked_by_name,
        options: serde_json::from_str::<RedeployOptions>(&row.options).ok()?,
        before: serde_json::from_str::<Before>(&row.known_before).ok()?,
        state: RedeployState::parse(&row.state)?,
        requested_at: millis::to_time(row.requested_at_ms).ok()?,
        sent_at: time(row.sent_at_ms)?,
        answered_at: time(row.answered_at_ms)?,
        finished_at: time(row.finished_at_ms)?,
        queued: row.queued,
        action: row.action.map(ActionId),
        deployment: row.deployment.map(DeploymentId),
        git_hash: row.git_hash,
        reason: row.reason.as_deref().and_then(Reason::parse),
        message: row.message,
        attempts: u32::try_from(row.attempts).ok()?,
        looks: u32::try_from(row.looks).ok()?,
        heard_at: time(row.heard_at_ms)?,
        missed_at: time(row.missed_at_ms)?,
        took: row.took_ms.map(time::Duration::milliseconds),
        followed: row.sealed_token.is_some(),
        cancel_requested_at: time(row.cancel_requested_at_ms)?,
    })
}
