//! How a statement reaches PostgreSQL: over a connection that is ours alone, or through a pooler such as PgBouncer.
//!
//! A pooler in its transaction mode may give each transaction another connection of the server. What belongs to a
//! connection (a prepared statement, a setting) is then not there for the next statement, or is somebody else's. So
//! each statement goes in a transaction of its own, which stays on one connection, unnamed, with its settings beside
//! it. That costs one or two round trips more and is as good in session mode, so the modes need not be told apart.

use sqlx::postgres::{PgArguments, PgConnection, PgQueryResult, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::{Connection as _, FromRow, Postgres as Db, Transaction};

use super::{STATEMENT, place};

/// The way to PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A connection is a session of the server.
    Direct,
    /// Something lends its own connections out. They may lead to another server from one statement to the next, so each
    /// write notes where it is; see `place`. None until it is known how this server is asked.
    Pooled {
        /// The expression that says where a connection leads.
        place: Option<&'static str>,
    },
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    /// It reads, also where nothing can be written.
    Reads,
    /// It changes rows.
    Writes,
}

impl Way {
    pub(super) async fn execute(
        self,
        connection: &mut PgConnection,
        query: Query<'_, Db, PgArguments>,
    ) -> Result<PgQueryResult, sqlx::Error> {
        let Self::Pooled { place } = self else {
            return query.execute(connection).await;
        };
        let mut transaction = begin(connection, place).await?;
        let done = query.persistent(false).execute(&mut *transaction).await;
        end(transaction, done).await
    }

    pub(super) async fn fetch_all<T>(
        self,
        connection: &mut PgConnection,
        query: QueryAs<'_, Db, T, PgArguments>,
        touch: Touch,
    ) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let Self::Pooled { place } = self else {
            return query.fetch_all(connection).await;
        };
        let place = place.filter(|_| touch == Touch::Writes);
        let mut transaction = begin(connection, place).await?;
        let rows = query.persistent(false).fetch_all(&mut *transaction).await;
        end(transaction, rows).await
    }
}

/// Begins a transaction with the settings that a connection of our own has from its start, and with a look at where it
/// leads where a place is given; all in one message.
async fn begin<'c>(
    connection: &'c mut PgConnection,
    place: Option<&str>,
) -> Result<Transaction<'c, Db>, sqlx::Error> {
    let limit = STATEMENT.as_millis();
    let note = place.map(place::note_statement).unwrap_or_default();
    let begin =
        format!("BEGIN; SET LOCAL statement_timeout = {limit}; SET LOCAL synchronous_commit = on; {note}");
    connection.begin_with(sqlx::AssertSqlSafe(begin)).await
}

/// Ends it with the server before the connection is lent to anybody else. The commit's own failure is the statement's.
async fn end<T>(transaction: Transaction<'_, Db>, done: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
    match done {
        Ok(done) => transaction.commit().await.map(|()| done),
        Err(error) => {
            transaction.rollback().await?;
            Err(error)
        }
    }
}
