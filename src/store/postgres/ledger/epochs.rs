//! SQL of the table `epochs`, and of redeploys that may no longer be sent as they are.

use async_trait::async_trait;

use crate::domain::Clock;
use crate::store::postgres::Postgres;
use crate::store::rows::epochs::{Epochs, is_in_time};
use crate::store::{StoreError, millis};

/// How far our clock may be from the database's and still be taken for it: an answer is on its way for a moment.
const AGREE_MS: i64 = 5_000;

#[async_trait]
impl Epochs for Postgres {
    async fn now_ms(&self, clock: &Clock) -> Result<i64, StoreError> {
        let (now, steady) = (clock.now(), clock.steady());
        if let Some(ahead_ms) = self.ahead.known(now, steady) {
            return Ok(millis::from_time(now).saturating_add(ahead_ms));
        }
        let query = sqlx::query_as("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        let (database,): (i64,) = self.read(query).await?.pop().ok_or(StoreError::Broken)?;
        let database = database.saturating_add(millis::from_length(clock.moved()));
        let ahead_ms = database.saturating_sub(millis::from_time(clock.now()));
        let ahead_ms = if ahead_ms.abs() <= AGREE_MS { 0 } else { ahead_ms };
        self.ahead.learn(ahead_ms, now, steady);
        Ok(millis::from_time(clock.now()).saturating_add(ahead_ms))
    }

    async fn begin_epoch(&self, now_ms: i64) -> Result<bool, StoreError> {
        let place = self.place().await?;
        // Before the first epoch there is no place that this could be a copy of.
        let query = sqlx::query_as(
            "UPDATE epochs SET number = number + 1, began_at_ms = $2, place = $1, \
             whole_since = CASE WHEN place IN ('', $1) THEN whole_since ELSE number + 1 END \
             RETURNING number, whole_since",
        )
        .bind(place)
        .bind(now_ms);
        let epoch: Option<(i64, i64)> = self.write_returning(query).await?.pop();
        let (number, whole_since) = epoch.ok_or(StoreError::Broken)?;
        Ok(number == whole_since)
    }

    async fn set_aside(&self, now_ms: i64, late_ms: i64) -> Result<u64, StoreError> {
        let query = sqlx::query(concat!(
            "UPDATE redeploys AS waiting SET next_look_at_ms = $1, looks = 0 \
             WHERE state = 'requested' AND next_look_at_ms IS NULL \
             AND NOT (epoch = (SELECT number FROM epochs) AND ",
            is_in_time!("waiting", "$1", "$2"),
            ")"
        ))
        .bind(now_ms)
        .bind(late_ms);
        self.write(query).await
    }

    async fn let_be_sent(&self, id: &str, now_ms: i64, late_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(concat!(
            "UPDATE redeploys AS waiting SET next_look_at_ms = NULL, looks = 0, \
             epoch = (SELECT number FROM epochs) \
             WHERE id = $3 AND state = 'requested' AND next_look_at_ms IS NOT NULL \
             AND epoch >= (SELECT whole_since FROM epochs) AND ",
            is_in_time!("waiting", "$1", "$2")
        ))
        .bind(now_ms)
        .bind(late_ms)
        .bind(id);
        Ok(self.write(query).await? == 1)
    }

    async fn set_late(
        &self,
        id: &str,
        state: &'static str,
        reason: &'static str,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE redeploys SET state = $2, reason = $3, answered_at_ms = $4, finished_at_ms = $4, \
             next_look_at_ms = NULL, sealed_token = NULL \
             WHERE id = $1 AND state = 'requested' AND next_look_at_ms IS NOT NULL",
        )
        .bind(id)
        .bind(state)
        .bind(reason)
        .bind(now_ms);
        Ok(self.write(query).await? == 1)
    }
}
