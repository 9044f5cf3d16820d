//! SQL of the table `sessions`.

use async_trait::async_trait;

use super::Sqlite;
use crate::store::StoreError;
use crate::store::hash::{Hash, hex};
use crate::store::rows::sessions::{Alive, SessionRow, SessionRows, SessionSummaryRow};

#[async_trait]
impl SessionRows for Sqlite {
    async fn insert_session(&self, row: &SessionRow) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "INSERT INTO sessions (id_hash, user_id, created_at_ms, last_seen_at_ms, expires_at_ms, sealed, origin) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(&row.id_hash)
        .bind(row.user_id)
        .bind(row.created_at_ms)
        .bind(row.last_seen_at_ms)
        .bind(row.expires_at_ms)
        .bind(&row.sealed)
        .bind(&self.origin);
        Ok(self.write(query).await? == 1)
    }

    async fn trim_sessions(&self, user_id: i64, keep: i64, just_made: &Hash) -> Result<u64, StoreError> {
        let query = sqlx::query(
            "DELETE FROM sessions WHERE id_hash <> $3 AND id_hash IN (SELECT id_hash FROM sessions \
             WHERE user_id = $1 AND origin = $4 ORDER BY created_at_ms DESC, id_hash LIMIT -1 OFFSET $2)",
        )
        .bind(user_id)
        .bind(keep)
        .bind(&just_made[..])
        .bind(&self.origin);
        self.write(query).await
    }

    async fn update_session(
        &self,
        id_hash: &Hash,
        user_id: Option<i64>,
        sealed: &[u8],
        alive: Alive,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE sessions SET user_id = $2, sealed = $3 \
             WHERE id_hash = $1 AND expires_at_ms > $4 AND last_seen_at_ms > $5 AND created_at_ms > $6 AND origin = $7",
        )
        .bind(&id_hash[..])
        .bind(user_id)
        .bind(sealed)
        .bind(alive.now_ms)
        .bind(alive.idle_since_ms)
        .bind(alive.made_since_ms)
        .bind(&self.origin);
        Ok(self.write(query).await? == 1)
    }

    async fn session(&self, id_hash: &Hash, alive: Alive) -> Result<Option<SessionRow>, StoreError> {
        let query = sqlx::query_as(
            "SELECT id_hash, user_id, created_at_ms, last_seen_at_ms, expires_at_ms, sealed FROM sessions \
             WHERE id_hash = $1 AND expires_at_ms > $2 AND last_seen_at_ms > $3 AND created_at_ms > $4 AND origin = $5",
        )
        .bind(&id_hash[..])
        .bind(alive.now_ms)
        .bind(alive.idle_since_ms)
        .bind(alive.made_since_ms)
        .bind(&self.origin);
        Ok(self.read(query).await?.pop())
    }

    async fn session_is_alive(&self, id_hash: &Hash, alive: Alive) -> Result<bool, StoreError> {
        let query = sqlx::query_as(
            "SELECT count(*) FROM sessions \
             WHERE id_hash = $1 AND expires_at_ms > $2 AND last_seen_at_ms > $3 AND created_at_ms > $4 AND origin = $5",
        )
        .bind(&id_hash[..])
        .bind(alive.now_ms)
        .bind(alive.idle_since_ms)
        .bind(alive.made_since_ms)
        .bind(&self.origin);
        Ok(self.read(query).await?.pop() == Some((1_i64,)))
    }

    async fn sessions_alive(&self, id_hashes: &[Hash], alive: Alive) -> Result<Vec<Vec<u8>>, StoreError> {
        // SQLite binds no arrays; it reads one from JSON.
        let hashes: Vec<String> = id_hashes.iter().map(|id_hash| hex(id_hash)).collect();
        let hashes = serde_json::to_string(&hashes).map_err(|_| StoreError::Broken)?;
        let query = sqlx::query_as(
            "SELECT id_hash FROM sessions WHERE id_hash IN (SELECT unhex(value) FROM json_each($1)) \
             AND expires_at_ms > $2 AND last_seen_at_ms > $3 AND created_at_ms > $4 AND origin = $5",
        )
        .bind(hashes)
        .bind(alive.now_ms)
        .bind(alive.idle_since_ms)
        .bind(alive.made_since_ms)
        .bind(&self.origin);
        let rows: Vec<(Vec<u8>,)> = self.read(query).await?;
        Ok(rows.into_iter().map(|(id_hash,)| id_hash).collect())
    }

    async fn touch_session(
        &self,
        id_hash: &Hash,
        seen_before_ms: i64,
        alive: Alive,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE sessions SET last_seen_at_ms = $3 WHERE id_hash = $1 AND last_seen_at_ms <= $2 \
             AND expires_at_ms > $3 AND last_seen_at_ms > $4 AND created_at_ms > $5 AND origin = $6",
        )
        .bind(&id_hash[..])
        .bind(seen_before_ms)
        .bind(alive.now_ms)
        .bind(alive.idle_since_ms)
        .bind(alive.made_since_ms)
        .bind(&self.origin);
        Ok(self.write(query).await? == 1)
    }

    async fn sessions_of(&self, user_id: i64, alive: Alive) -> Result<Vec<SessionSummaryRow>, StoreError> {
        let query = sqlx::query_as(
            "SELECT id_hash, created_at_ms, last_seen_at_ms FROM sessions \
             WHERE user_id = $1 AND expires_at_ms > $2 AND last_seen_at_ms > $3 AND created_at_ms > $4 AND origin = $5 \
             ORDER BY last_seen_at_ms DESC, created_at_ms DESC, id_hash",
        )
        .bind(user_id)
        .bind(alive.now_ms)
        .bind(alive.idle_since_ms)
        .bind(alive.made_since_ms)
        .bind(&self.origin);
        self.read(query).await
    }

    async fn delete_session(&self, id_hash: &Hash) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM sessions WHERE id_hash = $1").bind(&id_hash[..]);
        self.write(query).await
    }

    async fn delete_session_of(&self, user_id: i64, begins: &[u8; 8]) -> Result<u64, StoreError> {
        let query = sqlx::query(
            "DELETE FROM sessions WHERE user_id = $1 AND substr(id_hash, 1, 8) = $2 AND origin = $3",
        )
        .bind(user_id)
        .bind(&begins[..])
        .bind(&self.origin);
        self.write(query).await
    }

    async fn delete_sessions_of(&self, user_id: i64) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND origin = $2")
            .bind(user_id)
            .bind(&self.origin);
        self.write(query).await
    }

    async fn delete_sessions(&self) -> Result<u64, StoreError> {
        self.write(sqlx::query("DELETE FROM sessions")).await
    }

    async fn sweep_sessions(&self, limit: i64, alive: Alive) -> Result<u64, StoreError> {
        let query = sqlx::query(
            "DELETE FROM sessions WHERE id_hash IN (SELECT id_hash FROM sessions \
             WHERE expires_at_ms <= $2 OR last_seen_at_ms <= $3 OR created_at_ms <= $4 LIMIT $1)",
        )
        .bind(limit)
        .bind(alive.now_ms)
        .bind(alive.idle_since_ms)
        .bind(alive.made_since_ms);
        self.write(query).await
    }
}
