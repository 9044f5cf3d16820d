//! Opening a PostgreSQL database: connect once, migrate, and make the pool; or say in words what stood in the
//! way, without the password.

use std::io;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{Postgres, STATEMENT};
use crate::store::{OpenError, migrations};

/// How long a caller waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(3);
/// How long the first connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How many connections one process has.
const CONNECTIONS: u32 = 10;

impl Postgres {
    /// Opens the database behind a `postgres://` address.
    pub(crate) async fn open(url: &str) -> Result<Self, OpenError> {
        // The error of a wrong address is not told: it may quote it.
        let options: PgConnectOptions = url.parse().map_err(|_| OpenError::Address)?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("stackdeck"),
        };
        let options = options.disable_statement_logging();
        let in_words = |error: sqlx::Error| words(&options, &error);

        migrate(&options)
            .await
            .map_err(|error| migrations::error(error, in_words))?;
        let limit = STATEMENT.as_millis().to_string();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_with(options.clone().options([("statement_timeout", limit)]))
            .await
            .map_err(in_words)?;
        Ok(Self { pool })
    }
}

impl Postgres {
    /// Does all that opening would do, in a transaction that is taken back.
    pub(crate) async fn rehearse(url: &str) -> Result<(), OpenError> {
        let options: PgConnectOptions = url.parse().map_err(|_| OpenError::Address)?;
        let options = options.disable_statement_logging();
        rehearse(&options)
            .await
            .map_err(|error| migrations::error(error, |error| words(&options, &error)))
    }
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

async fn connect(options: &PgConnectOptions) -> Result<sqlx::PgConnection, sqlx::Error> {
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
