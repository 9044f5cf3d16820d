//! SQL that reads redeploys for pages.

use async_trait::async_trait;

use crate::store::StoreError;
use crate::store::postgres::Postgres;
use crate::store::rows::ledger::{Reading, RedeployRow, redeploy_columns};

#[async_trait]
impl Reading for Postgres {
    async fn redeploy(&self, id: &str) -> Result<Option<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            redeploy_columns!(),
            " FROM redeploys WHERE id = $1 AND origin = $2"
        ))
        .bind(id)
        .bind(&self.origin);
        Ok(self.read(query).await?.pop())
    }

    async fn open_of_deployment(
        &self,
        stack: &str,
        deployment: i64,
    ) -> Result<Option<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            redeploy_columns!(),
            " FROM redeploys WHERE stack = $1 AND deployment = $2 AND origin = $3 AND finished_at_ms IS NULL"
        ))
        .bind(stack)
        .bind(deployment)
        .bind(&self.origin);
        Ok(self.read(query).await?.pop())
    }

    async fn unplaced_of_stack(&self, stack: &str) -> Result<Vec<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            redeploy_columns!(),
            " FROM redeploys WHERE stack = $1 AND origin = $2 AND state IN ('accepted', 'running') \
             AND deployment IS NULL AND sealed_token IS NOT NULL ORDER BY number LIMIT 8"
        ))
        .bind(stack)
        .bind(&self.origin);
        self.read(query).await
    }

    async fn of_person(
        &self,
        user_id: i64,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            redeploy_columns!(),
            " FROM redeploys WHERE asked_by = $1 AND origin = $4 \
             AND number < coalesce((SELECT number FROM redeploys WHERE id = $2), 9223372036854775807) \
             ORDER BY number DESC LIMIT $3"
        ))
        .bind(user_id)
        .bind(before)
        .bind(limit)
        .bind(&self.origin);
        self.read(query).await
    }

    async fn unended_of_person(&self, user_id: i64, since_ms: i64) -> Result<Vec<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            redeploy_columns!(),
            " FROM redeploys WHERE asked_by = $1 AND origin = $3 AND requested_at_ms >= $2 \
             AND (state IN ('unknown', 'accepted', 'running') \
             OR (state = 'requested' AND next_look_at_ms IS NOT NULL))"
        ))
        .bind(user_id)
        .bind(since_ms)
        .bind(&self.origin);
        self.read(query).await
    }

    async fn open_of_person(&self, user_id: i64) -> Result<Vec<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            redeploy_columns!(),
            " FROM redeploys WHERE asked_by = $1 AND origin = $2 AND finished_at_ms IS NULL \
             AND sealed_token IS NOT NULL ORDER BY number DESC"
        ))
        .bind(user_id)
        .bind(&self.origin);
        self.read(query).await
    }

    async fn open_stacks_of_person(&self, user_id: i64) -> Result<i64, StoreError> {
        let query = sqlx::query_as(
            "SELECT count(DISTINCT stack) FROM redeploys WHERE asked_by = $1 AND finished_at_ms IS NULL \
             AND sealed_token IS NOT NULL AND origin = $2",
        )
        .bind(user_id)
        .bind(&self.origin);
        Ok(self
            .read(query)
            .await?
            .pop()
            .map_or(0, |(stacks,): (i64,)| stacks))
    }

    async fn moving(&self, since_ms: i64, limit: i64) -> Result<Vec<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            redeploy_columns!(),
            " FROM redeploys WHERE origin = $3 \
             AND ((finished_at_ms IS NULL AND sealed_token IS NOT NULL) OR finished_at_ms > $1) ORDER BY number DESC LIMIT $2"
        ))
        .bind(since_ms)
        .bind(limit)
        .bind(&self.origin);
        self.read(query).await
    }

    async fn cancelled_since(&self, since_ms: i64, limit: i64) -> Result<Vec<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            redeploy_columns!(),
            " FROM redeploys WHERE finished_at_ms > $1 AND state = 'cancelled' AND deployment IS NOT NULL \
             ORDER BY number DESC LIMIT $2"
        ))
        .bind(since_ms)
        .bind(limit);
        self.read(query).await
    }

    async fn of_batch(&self, batch: &str) -> Result<Vec<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            redeploy_columns!(),
            " FROM redeploys WHERE batch = $1 AND origin = $2 ORDER BY number"
        ))
        .bind(batch)
        .bind(&self.origin);
        self.read(query).await
    }

    async fn unseen_ends(&self, user_id: i64, limit: i64) -> Result<Vec<RedeployRow>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            redeploy_columns!(),
            " FROM redeploys WHERE asked_by = $1 AND origin = $3 AND finished_at_ms IS NOT NULL AND seen_at_ms IS NULL \
             ORDER BY number DESC LIMIT $2"
        ))
        .bind(user_id)
        .bind(limit)
        .bind(&self.origin);
        self.read(query).await
    }

    async fn set_seen(&self, id: &str, now_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET seen_at_ms = $2 \
             WHERE id = $1 AND finished_at_ms IS NOT NULL AND seen_at_ms IS NULL",
        )
        .bind(id)
        .bind(now_ms);
        Ok(self.write(query).await? == 1)
    }
}
