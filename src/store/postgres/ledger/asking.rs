//! SQL that writes a redeploy down.

use async_trait::async_trait;

use crate::store::StoreError;
use crate::store::postgres::Postgres;
use crate::store::rows::ledger::{Asking, NewRedeployRow, RedeployRow, redeploy_columns};

#[async_trait]
impl Asking for Postgres {
    async fn insert_redeploy(&self, row: &NewRedeployRow) -> Result<Option<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            "INSERT INTO redeploys (id, command, stack, stack_name, environment, asked_by, asked_by_name, \
             options, known_before, batch, state, requested_at_ms, not_before_ms, sealed_token, origin, epoch, next_look_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'requested', $11, $11, $12, $13, \
             (SELECT number FROM epochs), \
             CASE WHEN $14 < (SELECT began_at_ms FROM epochs) THEN $11 END) \
             ON CONFLICT DO NOTHING RETURNING ",
            redeploy_columns!()
        ))
        .bind(&row.id)
        .bind(row.command)
        .bind(&row.stack)
        .bind(&row.stack_name)
        .bind(&row.environment)
        .bind(row.asked_by)
        .bind(&row.asked_by_name)
        .bind(&row.options)
        .bind(&row.known_before)
        .bind(&row.batch)
        .bind(row.requested_at_ms)
        .bind(&row.sealed_token)
        .bind(&self.origin)
        .bind(row.form_made_at_ms);
        Ok(self.write_returning(query).await?.pop())
    }

    async fn unanswered_of_stack(&self, stack: &str) -> Result<Option<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            redeploy_columns!(),
            " FROM redeploys WHERE stack = $1 AND origin = $2 AND state IN ('requested', 'sending', 'unknown')"
        ))
        .bind(stack)
        .bind(&self.origin);
        Ok(self.read(query).await?.pop())
    }
}
