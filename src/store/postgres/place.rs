//! What tells a PostgreSQL database from a copy of it that was restored, or took its place.
//!
//! * The number that `initdb` gave the cluster: another one where a dump was restored elsewhere.
//! * The timeline, which a server begins anew when it is promoted or recovered to a point in time.
//! * The numbers of the database and of the table: others where a dump was restored beside the old one or over it.
//!
//! A server that was stopped and started is the same. Not told apart: a data folder that was copied while the server
//! was stopped, and started in the old one's place; and rows that were copied into tables that were there.

use sqlx::postgres::PgConnection;

use super::Postgres;
use crate::store::StoreError;

const PLACE: &str = "SELECT concat_ws('/', (pg_control_system()).system_identifier, \
    left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), \
    (SELECT oid FROM pg_database WHERE datname = current_database()), 'redeploys'::regclass::oid)";

/// For a server that does not say so much: its start, with the same numbers. Then each start of it counts as another
/// database, which costs a question to Cloud 66 for each redeploy that waits.
const PLACE_OF_A_SILENT_SERVER: &str = "SELECT concat_ws('/', extract(epoch FROM pg_postmaster_start_time()), \
    (SELECT oid FROM pg_database WHERE datname = current_database()), 'redeploys'::regclass::oid)";

/// Where this connection leads.
async fn of(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    match sqlx::query_scalar(PLACE).fetch_one(&mut *connection).await {
        Err(sqlx::Error::Database(_)) => {
            sqlx::query_scalar(PLACE_OF_A_SILENT_SERVER)
                .fetch_one(connection)
                .await
        }
        place => place,
    }
}

/// Begins an epoch of its own where the database is another one than in the last epoch, and says whether it is.
pub(super) async fn note(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let place = of(connection).await?;
    let known: String = sqlx::query_scalar("SELECT place FROM epochs")
        .fetch_one(&mut *connection)
        .await?;
    if known.is_empty() || known == place {
        return Ok(false);
    }
    // Of several connections that are made at once, one begins it.
    let noted = sqlx::query(
        "UPDATE epochs SET number = number + 1, whole_since = number + 1, place = $1, \
         began_at_ms = floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint \
         WHERE place NOT IN ('', $1)",
    )
    .bind(place)
    .execute(connection)
    .await?;
    Ok(noted.rows_affected() > 0)
}

impl Postgres {
    /// Where the connections of the pool lead.
    pub(super) async fn place(&self) -> Result<String, StoreError> {
        let mut lent = self.lend().await?;
        let place = super::within(of(lent.connection()?)).await?;
        lent.give_back();
        Ok(place?)
    }
}
