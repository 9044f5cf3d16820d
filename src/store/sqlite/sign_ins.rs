//! SQL of the table `sign_ins`.

use async_trait::async_trait;

use super::Sqlite;
use crate::store::StoreError;
use crate::store::hash::Hash;
use crate::store::rows::sign_ins::{SignInRow, SignInRows};

#[async_trait]
impl SignInRows for Sqlite {
    async fn insert_sign_in(&self, row: &SignInRow, most: i64, now_ms: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "INSERT INTO sign_ins \
             (state_hash, browser_hash, expires_at_ms, sealed_verifier, return_to, scopes, origin) \
             SELECT $1, $2, $3, $4, $5, $6, $9 \
             WHERE (SELECT count(*) FROM sign_ins WHERE expires_at_ms > $8) < $7",
        )
        .bind(&row.state_hash)
        .bind(&row.browser_hash)
        .bind(row.expires_at_ms)
        .bind(&row.sealed_verifier)
        .bind(&row.return_to)
        .bind(&row.scopes)
        .bind(most)
        .bind(now_ms)
        .bind(&self.origin);
        Ok(self.write(query).await? == 1)
    }

    async fn trim_sign_ins(&self, browser_hash: &Hash, keep: i64) -> Result<u64, StoreError> {
        let query = sqlx::query(
            "DELETE FROM sign_ins WHERE number IN (SELECT number FROM sign_ins \
             WHERE browser_hash = $1 ORDER BY number DESC LIMIT -1 OFFSET $2)",
        )
        .bind(&browser_hash[..])
        .bind(keep);
        self.write(query).await
    }

    async fn take_sign_in(
        &self,
        state_hash: &Hash,
        browser_hash: &Hash,
        now_ms: i64,
    ) -> Result<Option<SignInRow>, StoreError> {
        let query = sqlx::query_as(
            "DELETE FROM sign_ins WHERE state_hash = $1 AND browser_hash = $2 AND expires_at_ms > $3 AND origin = $4 \
             RETURNING state_hash, browser_hash, expires_at_ms, sealed_verifier, return_to, scopes",
        )
        .bind(&state_hash[..])
        .bind(&browser_hash[..])
        .bind(now_ms)
        .bind(&self.origin);
        Ok(self.write_returning(query).await?.pop())
    }

    async fn take_newest_sign_in(
        &self,
        browser_hash: &Hash,
        now_ms: i64,
    ) -> Result<Option<SignInRow>, StoreError> {
        let query = sqlx::query_as(
            "DELETE FROM sign_ins WHERE number = (SELECT number FROM sign_ins \
             WHERE browser_hash = $1 AND expires_at_ms > $2 AND origin = $3 ORDER BY number DESC LIMIT 1) \
             RETURNING state_hash, browser_hash, expires_at_ms, sealed_verifier, return_to, scopes",
        )
        .bind(&browser_hash[..])
        .bind(now_ms)
        .bind(&self.origin);
        Ok(self.write_returning(query).await?.pop())
    }

    async fn sweep_sign_ins(&self, limit: i64, now_ms: i64) -> Result<u64, StoreError> {
        let query = sqlx::query(
            "DELETE FROM sign_ins WHERE number IN (SELECT number FROM sign_ins \
             WHERE expires_at_ms <= $2 LIMIT $1)",
        )
        .bind(limit)
        .bind(now_ms);
        self.write(query).await
    }
}
