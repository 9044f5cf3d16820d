//! Opening a PostgreSQL database: connect once, migrate, and make the pool; or say in words what stood in the
//! way, without the password.
//!
//! Invariant: no connection is used on which a commit may be lost that was answered. `synchronous_commit` is
//! asked for with each connection, whatever the server, the database or the role have as their default, and a
//! connection on which something in between dropped it is refused. What the settings of the server make of it
//! is for its operator ([`Weakness`]).

use std::io;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

use super::ahead::Ahead;
use super::{Postgres, STATEMENT, place};
use crate::store::{OpenError, Weakness, migrations};

/// How long a caller waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(3);
/// How long the first connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How many connections one process has.
const CONNECTIONS: u32 = 10;

impl Postgres {
    /// Opens the database behind a `postgres://` address.
    pub(crate) async fn open(url: &str, origin: &str) -> Result<Self, OpenError> {
        // The error of a wrong address is not told: it may quote it.
        let options: PgConnectOptions = url.parse().map_err(|_| OpenError::Address)?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("stackdeck"),
        };
        let options = durable(options.disable_statement_logging());
        let in_words = |error: sqlx::Error| words(&options, &error);

        for weakness in look(&options).await? {
            tracing::warn!("{weakness}");
        }
        migrate(&options)
            .await
            .map_err(|error| migrations::error(error, in_words))?;
        let limit = STATEMENT.as_millis().to_string();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .after_connect(|connection, _| Box::pin(admit(connection)))
            .connect_with(options.clone().options([("statement_timeout", limit)]))
            .await
            .map_err(in_words)?;
        Ok(Self {
            pool,
            origin: origin.to_owned(),
            ahead: Ahead::default(),
        })
    }
}

impl Postgres {
    /// Does all that opening would do, in a transaction that is taken back. Gives what of the server's settings
    /// can lose what was written.
    pub(crate) async fn rehearse(url: &str) -> Result<Vec<Weakness>, OpenError> {
        let options: PgConnectOptions = url.parse().map_err(|_| OpenError::Address)?;
        let options = durable(options.disable_statement_logging());
        let weaknesses = look(&options).await?;
        rehearse(&options)
            .await
            .map_err(|error| migrations::error(error, |error| words(&options, &error)))?;
        Ok(weaknesses)
    }
}

/// Asks for connections on which an answered commit is on the disk, and on the synchronous standbys' disks where
/// there are some. It stands behind what the address may ask for, and so it counts.
fn durable(options: PgConnectOptions) -> PgConnectOptions {
    options.options([("synchronous_commit", "on")])
}

/// Takes a new connection into the pool: a durable one, on a database that is noticed where it is another than before.
/// A server that dies takes its connections with it, so whoever took its place is met here, before anything is sent on
/// the strength of its rows.
async fn admit(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    refuse_unless_durable(connection).await?;
    if place::note(connection).await? {
        tracing::warn!(
            "the database is another one than before, restored or failed over: whatever nobody has answered is asked of Cloud \
             66 before anything of it is sent"
        );
    }
    Ok(())
}

/// Refuses a connection that is not what was asked for: a pooler in between may drop what it does not know.
async fn refuse_unless_durable(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let commit: String = sqlx::query_scalar("SELECT current_setting('synchronous_commit')")
        .fetch_one(connection)
        .await?;
    if commit == "on" {
        return Ok(());
    }
    tracing::error!(
        synchronous_commit = commit,
        "a connection to PostgreSQL is refused: commits on it can be lost"
    );
    Err(sqlx::Error::Protocol(NOT_DURABLE.to_owned()))
}

/// What the pool says of a connection that is refused.
const NOT_DURABLE: &str = "synchronous_commit is not on";

/// Looks at what the server makes of a commit.
async fn look(options: &PgConnectOptions) -> Result<Vec<Weakness>, OpenError> {
    let in_words = |error: sqlx::Error| words(options, &error);
    let mut connection = connect(options).await.map_err(in_words)?;
    refuse_unless_durable(&mut connection).await.map_err(in_words)?;
    let (fsync, pages, standbys): (bool, bool, bool) = sqlx::query_as(
        "SELECT current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on', \
         current_setting('synchronous_standby_names') = '' AND EXISTS (SELECT 1 FROM pg_stat_replication)",
    )
    .fetch_one(&mut connection)
    .await
    .map_err(in_words)?;
    connection.close().await.map_err(in_words)?;
    let all = [
        (!fsync, Weakness::NoSync),
        (!pages, Weakness::TornPages),
        (standbys, Weakness::AsynchronousStandbys),
    ];
    Ok(all
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, weakness)| weakness)
        .collect())
}

/// Takes all steps, and takes them back.
async fn rehearse(options: &PgConnectOptions) -> Result<(), MigrateError> {
    let mut connection = connect(options).await?;
    let mut transaction = connection.begin().await?;
    migrations::postgres()
        .run_direct(None, &mut *transaction, false)
        .await?;
    transaction.rollback().await?;
    Ok(connection.close().await?)
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let timed_out = |_| sqlx::Error::from(io::Error::from(io::ErrorKind::TimedOut));
    tokio::time::timeout(CONNECT, options.connect())
        .await
        .map_err(timed_out)?
}

/// Takes all steps over a connection of its own, without a limit for a statement: it may have to wait for
/// another process that migrates. sqlx holds an advisory lock meanwhile, which ends with the connection.
async fn migrate(options: &PgConnectOptions) -> Result<(), MigrateError> {
    let mut connection = connect(options).await?;
    let migrated = migrations::postgres()
        .run_direct(None, &mut connection, false)
        .await;
    let closed = connection.close().await;
    migrated?;
    Ok(closed?)
}

/// PostgreSQL's error as ours, by its code (postgresql.org/docs/current/errcodes-appendix.html).
fn words(options: &PgConnectOptions, error: &sqlx::Error) -> OpenError {
    let place = match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let user = options.get_username().to_owned();
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    match (code.as_deref(), error) {
        (None, sqlx::Error::Protocol(why)) if why == NOT_DURABLE => OpenError::NotDurable { place },
        (Some("28P01" | "28000"), _) => OpenError::WrongPassword { place, user },
        (Some("42501"), _) => OpenError::MayNotCreate { place, user },
        (Some("3D000"), _) => OpenError::NoDatabase {
            place,
            name: options.get_database().unwrap_or(&user).to_owned(),
        },
        (None, sqlx::Error::Io(error)) => OpenError::Unreachable {
            place,
            why: error.to_string(),
        },
        (None, sqlx::Error::PoolTimedOut) => OpenError::Unreachable {
            place,
            why: "no answer".to_owned(),
        },
        (None, sqlx::Error::Tls(error)) => OpenError::Unreachable {
            place,
            why: format!("TLS: {error}"),
        },
        _ => OpenError::Other(error.to_string()),
    }
}
