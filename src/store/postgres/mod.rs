//! The rows in PostgreSQL: several processes behind one address.
//!
//! * Each write is one statement under `READ COMMITTED`; what must hold between processes is a unique index
//!   or the condition of an `UPDATE`. Where one of many rows is chosen, `FOR UPDATE SKIP LOCKED` lets
//!   everybody choose another one.
//! * Nothing waits for ever: 3 seconds for a connection, 5 for a statement on the server, 6 for its answer on
//!   this side, where a network may swallow everything without saying so.
//! * A connection whose statement did not come to its end (time-out, or a caller that was dropped) is thrown
//!   away. The pool would ask it whether it still lives, and over a network that swallows everything each
//!   such question would keep a place of the pool for minutes.

mod ahead;
mod ledger;
mod open;
mod place;
mod sessions;
mod sign_ins;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgPool, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::{FromRow, Postgres as Db};

use super::StoreError;
use super::rows::{Upkeep, adopt_rows, newest_row};

/// How long a statement may take on the server.
const STATEMENT: Duration = Duration::from_secs(5);
/// How long its answer is waited for.
const ANSWER: Duration = Duration::from_secs(6);

/// A PostgreSQL database that is open.
pub(crate) struct Postgres {
    pool: PgPool,
    /// The Cloud 66 that rows are written for, and the only one whose rows are read.
    origin: String,
    ahead: ahead::Ahead,
}

impl Postgres {
    /// Runs a statement that changes rows; answers how many.
    async fn write(&self, query: Query<'_, Db, PgArguments>) -> Result<u64, StoreError> {
        let mut lent = self.lend().await?;
        let done = within(query.execute(lent.connection()?)).await?;
        lent.give_back();
        Ok(done?.rows_affected())
    }

    /// Runs a statement that changes rows and returns them.
    async fn write_returning<T>(&self, query: QueryAs<'_, Db, T, PgArguments>) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        self.read(query).await
    }

    /// The same, where a unique index may say that somebody was faster: then no row is changed.
    async fn write_unless_taken<T>(
        &self,
        query: QueryAs<'_, Db, T, PgArguments>,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        match self.rows_of(query).await? {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(Vec::new()),
            rows => Ok(rows?),
        }
    }

    /// Runs a statement that reads.
    async fn read<T>(&self, query: QueryAs<'_, Db, T, PgArguments>) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        Ok(self.rows_of(query).await??)
    }

    /// What the database answers to a statement, be it an error.
    async fn rows_of<T>(
        &self,
        query: QueryAs<'_, Db, T, PgArguments>,
    ) -> Result<Result<Vec<T>, sqlx::Error>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut lent = self.lend().await?;
        let rows = within(query.fetch_all(lent.connection()?)).await?;
        lent.give_back();
        Ok(rows)
    }

    async fn lend(&self) -> Result<Lent, StoreError> {
        Ok(Lent(Some(self.pool.acquire().await?)))
    }
}

#[async_trait]
impl Upkeep for Postgres {
    async fn ping(&self) -> Result<(), StoreError> {
        self.read::<(i32,)>(sqlx::query_as("SELECT 1")).await.map(drop)
    }

    async fn adopt_rows(&self) -> Result<(), StoreError> {
        for statement in [
            adopt_rows!("sessions"),
            adopt_rows!("sign_ins"),
            adopt_rows!("redeploys"),
        ] {
            self.write(sqlx::query(statement).bind(&self.origin)).await?;
        }
        Ok(())
    }

    async fn newest_ms(&self) -> Result<Option<i64>, StoreError> {
        let rows: Vec<(Option<i64>,)> = self.read(sqlx::query_as(newest_row!())).await?;
        Ok(rows.into_iter().next().and_then(|(at,)| at))
    }

    async fn forget_deleted(&self) -> Result<(), StoreError> {
        // Autovacuum does this in its own time.
        Ok(())
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

/// What the statement answers, be it an error; or that no answer came.
async fn within<T>(statement: impl Future<Output = T>) -> Result<T, StoreError> {
    tokio::time::timeout(ANSWER, statement).await.map_err(|_| {
        tracing::warn!(seconds = ANSWER.as_secs(), "the database did not answer in time");
        StoreError::Unavailable
    })
}

/// A connection that is thrown away unless it is given back.
struct Lent(Option<PoolConnection<Db>>);

impl Lent {
    fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        // None only after `give_back`, which takes `self`.
        self.0.as_deref_mut().ok_or(StoreError::Unavailable)
    }

    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}
