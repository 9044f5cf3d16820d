//! Opening a PostgreSQL database: connect once, find out whether a pooler is in between, migrate, and make the pool; or
//! say in words what stood in the way.
//!
//! Invariant: of the address nothing but host, port and database is ever told.

use std::io;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};

use super::way::Way;
use super::{Postgres, STATEMENT};
use crate::store::{OpenError, Weakness, migrations};

/// How long a caller waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(3);
/// How long the first connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How many connections one process has.
const CONNECTIONS: u32 = 10;

/// A setting of ours that PostgreSQL takes and that means nothing to it. A pooler that lends its connections out drops
/// it or refuses it; so whoever still has it after connecting speaks to PostgreSQL itself.
const MARK: &str = "stackdeck.direct";

/// The codes with which poolers refuse a parameter of the connection: PgBouncer's (`protocol_violation`) and Amazon's RDS
/// Proxy's (`feature_not_supported`).
const REFUSED_PARAMETER: [&str; 2] = ["08P01", "0A000"];

/// The lock under which one process at a time migrates; any number, always the same.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(6606660066)";

impl Postgres {
    /// Opens the database behind a `postgres://` address.
    pub(crate) async fn open(url: &str) -> Result<Self, OpenError> {
        let (options, way) = find_way(url).await?;
        if way == Way::Pooled {
            let place = place(&options);
            tracing::warn!("{}", Weakness::Pooled { place });
        }
        let in_words = |error: sqlx::Error| words(&options, &error);
        migrate(&options, way)
            .await
            .map_err(|error| migrations::error(error, in_words))?;
        Self::with(&options, way).await.map_err(in_words)
    }

    /// Does all that opening would do, in a transaction that is taken back; then runs a statement in the way in which
    /// the app will.
    pub(crate) async fn rehearse(url: &str) -> Result<Vec<Weakness>, OpenError> {
        let (options, way) = find_way(url).await?;
        let in_words = |error: sqlx::Error| words(&options, &error);
        rehearse(&options, way)
            .await
            .map_err(|error| migrations::error(error, in_words))?;
        let database = Self::with(&options, way).await.map_err(in_words)?;
        let tried = database.try_out().await;
        database.pool.close().await;
        tried.map_err(in_words)?;
        let place = place(&options);
        Ok(match way {
            Way::Direct => Vec::new(),
            Way::Pooled => vec![Weakness::Pooled { place }],
        })
    }

    async fn with(options: &PgConnectOptions, way: Way) -> Result<Self, sqlx::Error> {
        let options = match way {
            Way::Direct => options
                .clone()
                .options([("statement_timeout", STATEMENT.as_millis().to_string())]),
            // Goes with each statement.
            Way::Pooled => options.clone(),
        };
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_with(options)
            .await?;
        Ok(Self { pool, way })
    }

    async fn try_out(&self) -> Result<(), sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let query = sqlx::query_as::<_, (i64,)>("SELECT $1::bigint").bind(1_i64);
        self.way.fetch_all(&mut connection, query).await.map(drop)
    }
}

/// Reads the address, connects, and finds out whether a pooler is in between.
async fn find_way(url: &str) -> Result<(PgConnectOptions, Way), OpenError> {
    // The error of a wrong address is not told: it may quote it.
    let options: PgConnectOptions = url.parse().map_err(|_| OpenError::Address)?;
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("stackdeck"),
    };
    // No number with a fraction is ever read, and PgBouncer refuses the parameter.
    let options = options.disable_statement_logging().extra_float_digits(None);
    let way = match connect(&options.clone().options([(MARK, "yes")])).await {
        Ok(mut connection) => {
            let mark = sqlx::raw_sql("SELECT coalesce(current_setting('stackdeck.direct', true), '')");
            let row = connection.fetch_one(mark).await;
            let is_there = row.and_then(|row| row.try_get::<String, _>(0));
            let closed = connection.close().await;
            let is_there = is_there.and_then(|mark| closed.map(|()| mark == "yes"));
            if is_there.map_err(|error| words(&options, &error))? {
                Way::Direct
            } else {
                Way::Pooled
            }
        }
        Err(error) if code(&error).is_some_and(|code| REFUSED_PARAMETER.contains(&code.as_str())) => {
            Way::Pooled
        }
        Err(error) => return Err(words(&options, &error)),
    };
    Ok((options, way))
}

async fn connect(options: &PgConnectOptions) -> Result<sqlx::PgConnection, sqlx::Error> {
    let timed_out = |_| sqlx::Error::from(io::Error::from(io::ErrorKind::TimedOut));
    tokio::time::timeout(CONNECT, options.connect())
        .await
        .map_err(timed_out)?
}

/// Takes all steps, and takes them back.
async fn rehearse(options: &PgConnectOptions, way: Way) -> Result<(), MigrateError> {
    let mut connection = connect(options).await?;
    let mut transaction = connection.begin().await?;
    let taken = take_steps(&mut transaction, way).await;
    transaction.rollback().await?;
    connection.close().await?;
    taken
}

/// Takes all steps in one transaction, over a connection of its own and without a limit for a statement: it may have
/// to wait for another process that migrates. A kill in the middle leaves the database as it was.
async fn migrate(options: &PgConnectOptions, way: Way) -> Result<(), MigrateError> {
    let mut connection = connect(options).await?;
    let mut transaction = connection.begin().await?;
    take_steps(&mut transaction, way).await?;
    transaction.commit().await?;
    Ok(connection.close().await?)
}

/// The lock is the transaction's: one that is the session's, as sqlx's own is, would stay behind on a pooler's
/// connection. So would statements with a name, and the next one to use the name would fail.
async fn take_steps(connection: &mut sqlx::PgConnection, way: Way) -> Result<(), MigrateError> {
    connection.execute(sqlx::raw_sql(MIGRATION_LOCK)).await?;
    forget_names(connection, way).await?;
    let mut steps = migrations::postgres();
    steps.set_locking(false);
    let taken = steps.run_direct(None, connection, false).await;
    if taken.is_ok() {
        forget_names(connection, way).await?;
    }
    taken
}

async fn forget_names(connection: &mut sqlx::PgConnection, way: Way) -> Result<(), sqlx::Error> {
    match way {
        Way::Direct => Ok(()),
        Way::Pooled => connection
            .execute(sqlx::raw_sql("DEALLOCATE ALL"))
            .await
            .map(drop),
    }
}

fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?;
    error.code().map(std::borrow::Cow::into_owned)
}

/// PostgreSQL's error as ours, by its code (postgresql.org/docs/current/errcodes-appendix.html).
fn words(options: &PgConnectOptions, error: &sqlx::Error) -> OpenError {
    let place = place(options);
    match (code(error).as_deref(), error) {
        (Some("28P01" | "28000"), _) => OpenError::WrongPassword { place },
        (Some("42501"), _) => OpenError::MayNotCreate { place },
        (Some("3D000"), _) => OpenError::NoDatabase {
            place,
            name: options.get_database().unwrap_or("of the user's name").to_owned(),
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
        // PgBouncer has no code for this alone.
        (Some("08P01"), error) if error.to_string().contains("statement pooling") => {
            OpenError::PoolsStatements { place }
        }
        (_, error) => OpenError::Other(without_user(options, &error.to_string())),
    }
}

/// The database's words without the name of the user.
fn without_user(options: &PgConnectOptions, words: &str) -> String {
    match options.get_username() {
        "" => words.to_owned(),
        user => words.replace(&format!("\"{user}\""), "\"[redacted]\""),
    }
}
