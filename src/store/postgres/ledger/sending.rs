//! SQL of the worker that sends: who holds a redeploy, and what came of it.

use async_trait::async_trait;

use crate::store::StoreError;
use crate::store::postgres::Postgres;
use crate::store::rows::epochs::is_in_time;
use crate::store::rows::ledger::{Held, RedeployRow, Sending, redeploy_columns};

#[async_trait]
impl Sending for Postgres {
    async fn claim(
        &self,
        owner: &str,
        now_ms: i64,
        lease_until_ms: i64,
        late_ms: i64,
        share: i64,
    ) -> Result<Option<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            // MATERIALIZED: the row is chosen, and locked, once.
            "WITH under_way AS (SELECT asked_by AS person, count(*) AS sends FROM redeploys \
             WHERE state = 'sending' AND owner = $1 GROUP BY asked_by), \
             first AS MATERIALIZED (SELECT number AS chosen FROM redeploys AS waiting \
             LEFT JOIN under_way ON person = asked_by \
             WHERE state = 'requested' AND not_before_ms <= $2 AND coalesce(sends, 0) < $6 AND origin = $5 \
             AND next_look_at_ms IS NULL AND epoch = (SELECT number FROM epochs) AND ",
            is_in_time!("waiting", "$2", "$4"),
            " \
             AND NOT EXISTS (SELECT 1 FROM redeploys AS other \
             WHERE other.batch = waiting.batch AND (other.state = 'sending' \
             OR (other.state = 'requested' AND other.number < waiting.number))) \
             ORDER BY coalesce(sends, 0), number LIMIT 1 FOR UPDATE OF waiting SKIP LOCKED) \
             UPDATE redeploys SET state = 'sending', owner = $1, lease_until_ms = $3, sent_at_ms = $2, \
             attempts = attempts + 1 FROM first \
             WHERE state = 'requested' AND next_look_at_ms IS NULL AND number = chosen RETURNING ",
            redeploy_columns!()
        ))
        .bind(owner)
        .bind(now_ms)
        .bind(lease_until_ms)
        .bind(late_ms)
        .bind(&self.origin)
        .bind(share);
        // Should two workers ever choose two rows of one batch, the index lets the first one have its row, and
        // the second finds nothing this time.
        Ok(self.write_unless_taken(query).await?.pop())
    }

    async fn is_held(&self, held: Held<'_>, now_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query_as(
            "SELECT count(*) FROM redeploys WHERE id = $1 AND owner = $2 AND attempts = $3 \
             AND state = 'sending' AND lease_until_ms > $4",
        )
        .bind(held.id)
        .bind(held.owner)
        .bind(held.attempt)
        .bind(now_ms);
        Ok(self.read(query).await?.pop() == Some((1_i64,)))
    }

    async fn set_accepted(
        &self,
        held: Held<'_>,
        action: Option<i64>,
        queued: bool,
        message: Option<&str>,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET state = 'accepted', action = $4, queued = $5, message = $6, \
             answered_at_ms = $7, next_look_at_ms = $7, looks = 0, lease_until_ms = NULL \
             WHERE id = $1 AND owner = $2 AND attempts = $3 AND state IN ('sending', 'unknown')",
        )
        .bind(held.id)
        .bind(held.owner)
        .bind(held.attempt)
        .bind(action)
        .bind(queued)
        .bind(message)
        .bind(now_ms);
        Ok(self.write(query).await? == 1)
    }

    async fn set_refused(
        &self,
        held: Held<'_>,
        reason: &'static str,
        message: Option<&str>,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET state = 'refused', reason = $4, message = $5, answered_at_ms = $6, \
             finished_at_ms = $6, lease_until_ms = NULL, sealed_token = NULL \
             WHERE id = $1 AND owner = $2 AND attempts = $3 AND state = 'sending'",
        )
        .bind(held.id)
        .bind(held.owner)
        .bind(held.attempt)
        .bind(reason)
        .bind(message)
        .bind(now_ms);
        Ok(self.write(query).await? == 1)
    }

    async fn set_unknown(&self, held: Held<'_>, now_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET state = 'unknown', answered_at_ms = $4, next_look_at_ms = $4, looks = 0, \
             lease_until_ms = NULL \
             WHERE id = $1 AND owner = $2 AND attempts = $3 AND state = 'sending'",
        )
        .bind(held.id)
        .bind(held.owner)
        .bind(held.attempt)
        .bind(now_ms);
        Ok(self.write(query).await? == 1)
    }

    async fn set_requested(&self, held: Held<'_>, not_before_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET state = 'requested', not_before_ms = $4, owner = NULL, \
             lease_until_ms = NULL, sent_at_ms = NULL \
             WHERE id = $1 AND owner = $2 AND attempts = $3 AND state = 'sending'",
        )
        .bind(held.id)
        .bind(held.owner)
        .bind(held.attempt)
        .bind(not_before_ms);
        Ok(self.write(query).await? == 1)
    }

    async fn expired_leases(&self, now_ms: i64, longest_ms: i64) -> Result<Vec<String>, StoreError> {
        let query = sqlx::query_as(
            "SELECT id FROM redeploys WHERE state = 'sending' \
             AND (lease_until_ms <= $1 OR lease_until_ms > $1 + $2)",
        )
        .bind(now_ms)
        .bind(longest_ms);
        let rows: Vec<(String,)> = self.read(query).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    async fn expire_lease(&self, id: &str, now_ms: i64, longest_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET state = 'unknown', answered_at_ms = $1, next_look_at_ms = $1, looks = 0, \
             lease_until_ms = NULL WHERE id = $3 AND state = 'sending' \
             AND (lease_until_ms <= $1 OR lease_until_ms > $1 + $2)",
        )
        .bind(now_ms)
        .bind(longest_ms)
        .bind(id);
        Ok(self.write(query).await? == 1)
    }

    async fn give_up(&self, owner: &str, now_ms: i64) -> Result<u64, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET state = 'unknown', answered_at_ms = $2, next_look_at_ms = $2, looks = 0, \
             lease_until_ms = NULL WHERE state = 'sending' AND owner = $1",
        )
        .bind(owner)
        .bind(now_ms);
        self.write(query).await
    }
}
