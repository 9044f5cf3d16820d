//! The rows in SQLite: one file, one process.
//!
//! * One connection writes, a few read. Each write is one statement, which takes SQLite's write lock when it
//!   begins, as `BEGIN IMMEDIATE` would: it waits for another program's lock instead of failing half-way.
//! * WAL with `synchronous = FULL`: what a method has answered survives a power cut. This costs a sync per
//!   write, and is why a redeploy's `sending` can be relied on.
//! * A statement with `RETURNING` is always read to its end (`fetch_all`): SQLite commits when the statement
//!   ends, so stopping after the first row would hide that the commit failed.
//! * `secure_delete` overwrites what is deleted; [`Upkeep::forget_deleted`] empties the journal that may
//!   still hold older copies of a page.

mod ledger;
mod open;
mod sessions;
mod sign_ins;

use async_trait::async_trait;
use sqlx::query::{Query, QueryAs};
use sqlx::sqlite::{SqliteArguments, SqlitePool, SqliteRow};
use sqlx::{FromRow, Sqlite as Db};

use super::StoreError;
use super::rows::{Upkeep, adopt_rows, newest_row};

/// A SQLite database that is open.
pub(crate) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    /// The Cloud 66 that rows are written for, and the only one whose rows are read.
    origin: String,
    /// What tells the file from a copy of it that was put in its place.
    place: String,
}

impl Sqlite {
    /// Runs a statement that changes rows; answers how many.
    async fn write(&self, query: Query<'_, Db, SqliteArguments>) -> Result<u64, StoreError> {
        Ok(query.execute(&self.writer).await?.rows_affected())
    }

    /// Runs a statement that changes rows and returns them.
    async fn write_returning<T>(
        &self,
        query: QueryAs<'_, Db, T, SqliteArguments>,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        Ok(query.fetch_all(&self.writer).await?)
    }

    /// Runs a statement that reads.
    async fn read<T>(&self, query: QueryAs<'_, Db, T, SqliteArguments>) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        Ok(query.fetch_all(&self.readers).await?)
    }
}

#[async_trait]
impl Upkeep for Sqlite {
    async fn ping(&self) -> Result<(), StoreError> {
        self.read::<(i64,)>(sqlx::query_as("SELECT 1")).await.map(drop)
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
        // Answers a row that says whether a reader was in the way; the next sweep tries again.
        self.write_returning::<(i64, i64, i64)>(sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)"))
            .await
            .map(drop)
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
