//! SQL that follows a redeploy to its end, and tidies up after it.

use async_trait::async_trait;

use crate::store::StoreError;
use crate::store::rows::ledger::{Following, Learnt, RedeployRow, Turn, redeploy_columns};
use crate::store::sqlite::Sqlite;

#[async_trait]
impl Following for Sqlite {
    async fn take_due(
        &self,
        turn: &Turn,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<Vec<RedeployRow>, StoreError> {
        // SQLite binds no arrays; it reads one from JSON.
        let without = serde_json::to_string(&turn.without).map_err(|_| StoreError::Broken)?;
        let query = sqlx::query_as(concat!(
            "UPDATE redeploys SET next_look_at_ms = $3, answered_at_ms = min(answered_at_ms, $2) \
             WHERE number IN (SELECT number FROM \
             (SELECT number, next_look_at_ms, \
             row_number() OVER (PARTITION BY asked_by ORDER BY next_look_at_ms) AS turn FROM redeploys \
             WHERE state IN ('requested', 'unknown', 'accepted', 'running') \
             AND (next_look_at_ms <= $2 OR next_look_at_ms > $7) \
             AND origin = $6 AND asked_by NOT IN (SELECT value FROM json_each($5))) \
             WHERE turn <= $4 ORDER BY turn, next_look_at_ms LIMIT $1) RETURNING ",
            redeploy_columns!()
        ))
        .bind(turn.limit)
        .bind(now_ms)
        .bind(until_ms)
        .bind(turn.of_one_person)
        .bind(without)
        .bind(&self.origin)
        .bind(now_ms.saturating_add(turn.longest_wait_ms));
        self.write_returning(query).await
    }

    async fn set_found(&self, id: &str, action: Option<i64>, now_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET state = 'accepted', action = $2, answered_at_ms = $3, \
             next_look_at_ms = $3, looks = 0 WHERE id = $1 \
             AND (state = 'unknown' OR (state = 'requested' AND next_look_at_ms IS NOT NULL))",
        )
        .bind(id)
        .bind(action)
        .bind(now_ms);
        Ok(self.write(query).await? == 1)
    }

    async fn set_lost(&self, id: &str, reason: &'static str, now_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET state = 'lost', reason = $2, finished_at_ms = $3, sealed_token = NULL \
             WHERE id = $1 AND state = 'unknown'",
        )
        .bind(id)
        .bind(reason)
        .bind(now_ms);
        Ok(self.write(query).await? == 1)
    }

    async fn set_running(
        &self,
        id: &str,
        learnt: Learnt<'_>,
        next_look_at_ms: i64,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET state = 'running', deployment = coalesce($2, deployment), \
             git_hash = coalesce($3, git_hash), message = coalesce($4, message), looks = looks + 1, \
             next_look_at_ms = $5 WHERE id = $1 AND state IN ('accepted', 'running')",
        )
        .bind(id)
        .bind(learnt.deployment)
        .bind(learnt.git_hash)
        .bind(learnt.message)
        .bind(next_look_at_ms);
        Ok(self.write(query).await? == 1)
    }

    async fn set_ended(
        &self,
        id: &str,
        state: &'static str,
        learnt: Learnt<'_>,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET state = $2, deployment = coalesce($3, deployment), \
             git_hash = coalesce($4, git_hash), message = coalesce($5, message), reason = $7, \
             looks = looks + 1, finished_at_ms = $6, sealed_token = NULL WHERE id = $1 AND state IN ('accepted', 'running')",
        )
        .bind(id)
        .bind(state)
        .bind(learnt.deployment)
        .bind(learnt.git_hash)
        .bind(learnt.message)
        .bind(now_ms)
        .bind(learnt.reason);
        Ok(self.write(query).await? == 1)
    }

    async fn put_off_look(&self, id: &str, next_look_at_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET looks = looks + 1, next_look_at_ms = $2 \
             WHERE id = $1 AND next_look_at_ms IS NOT NULL AND state IN ('requested', 'unknown', 'accepted', 'running')",
        )
        .bind(id)
        .bind(next_look_at_ms);
        Ok(self.write(query).await? == 1)
    }

    async fn set_heard(&self, id: &str, took_ms: Option<i64>, now_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET heard_at_ms = $2, took_ms = coalesce($3, took_ms) \
             WHERE id = $1 AND finished_at_ms IS NULL",
        )
        .bind(id)
        .bind(now_ms)
        .bind(took_ms);
        Ok(self.write(query).await? == 1)
    }

    async fn set_missed(&self, id: &str, now_ms: i64) -> Result<bool, StoreError> {
        let query =
            sqlx::query("UPDATE redeploys SET missed_at_ms = $2 WHERE id = $1 AND finished_at_ms IS NULL")
                .bind(id)
                .bind(now_ms);
        Ok(self.write(query).await? == 1)
    }

    async fn set_action(&self, id: &str, action: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET action = $2 \
             WHERE id = $1 AND (action IS NULL OR action <> $2) AND state IN ('accepted', 'running')",
        )
        .bind(id)
        .bind(action);
        Ok(self.write(query).await? == 1)
    }

    async fn renew_token(&self, id: &str, sealed_token: &[u8], now_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET reason = CASE WHEN sealed_token IS NULL THEN NULL ELSE reason END, \
             sealed_token = $2, next_look_at_ms = $3 \
             WHERE id = $1 AND (state IN ('unknown', 'accepted', 'running') \
             OR (state = 'requested' AND next_look_at_ms IS NOT NULL))",
        )
        .bind(id)
        .bind(sealed_token)
        .bind(now_ms);
        Ok(self.write(query).await? == 1)
    }

    async fn stop_looking(&self, id: &str, reason: &'static str) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET reason = $2, sealed_token = NULL, next_look_at_ms = NULL \
             WHERE id = $1 AND state IN ('accepted', 'running')",
        )
        .bind(id)
        .bind(reason);
        Ok(self.write(query).await? == 1)
    }

    async fn note_cancel(&self, id: &str, now_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET cancel_requested_at_ms = $2 \
             WHERE id = $1 AND cancel_requested_at_ms IS NULL AND finished_at_ms IS NULL",
        )
        .bind(id)
        .bind(now_ms);
        Ok(self.write(query).await? == 1)
    }

    async fn erase_tokens(&self, asked_before_ms: i64) -> Result<u64, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET sealed_token = NULL \
             WHERE sealed_token IS NOT NULL AND requested_at_ms < $1 \
             AND state NOT IN ('requested', 'sending')",
        )
        .bind(asked_before_ms);
        self.write(query).await
    }

    async fn prune(&self, before_ms: i64, limit: i64) -> Result<u64, StoreError> {
        let query = sqlx::query(
            "DELETE FROM redeploys WHERE number IN (SELECT number FROM redeploys \
             WHERE finished_at_ms < $1 \
             OR (finished_at_ms IS NULL AND sealed_token IS NULL AND requested_at_ms < $1) LIMIT $2)",
        )
        .bind(before_ms)
        .bind(limit);
        self.write(query).await
    }
}
