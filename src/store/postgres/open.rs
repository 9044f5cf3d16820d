//! Opening a PostgreSQL database: connect once, find out whether a pooler is in between, migrate, and make the pool; or
//! say in words what stood in the way.
//!
//! Invariants:
//! * No connection is used on which a commit may be lost that was answered. `synchronous_commit` is asked for with each
//!   connection, or behind a pooler with each transaction, whatever the server, the database or the role have as their
//!   default. What the settings of the server make of it is for its operator ([`Weakness`]).
//! * Of the address nothing but host, port and database is ever told.

use std::io;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};

use super::ahead::Ahead;
use super::way::{Touch, Way};
use super::{Postgres, STATEMENT, place};
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
    pub(crate) async fn open(url: &str, origin: &str) -> Result<Self, OpenError> {
        let (options, way) = find_way(url).await?;
        let in_words = |error: sqlx::Error| words(&options, &error);
        for weakness in look(&options, way).await.map_err(in_words)? {
            tracing::warn!("{weakness}");
        }
        migrate(&options, way)
            .await
            .map_err(|error| migrations::error(error, in_words))?;
        let way = with_place(&options, way).await.map_err(in_words)?;
        Self::with(&options, way, origin).await.map_err(in_words)
    }

    /// Does all that opening would do, in a transaction that is taken back; then runs a statement in the way in which
    /// the app will. Gives what is worth knowing about the server.
    pub(crate) async fn rehearse(url: &str) -> Result<Vec<Weakness>, OpenError> {
        let (options, way) = find_way(url).await?;
        let in_words = |error: sqlx::Error| words(&options, &error);
        let weaknesses = look(&options, way).await.map_err(in_words)?;
        rehearse(&options, way)
            .await
            .map_err(|error| migrations::error(error, in_words))?;
        try_out(&options, way).await.map_err(in_words)?;
        Ok(weaknesses)
    }

    async fn with(options: &PgConnectOptions, way: Way, origin: &str) -> Result<Self, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE);
        let pool = match way {
            Way::Direct => {
                let limit = STATEMENT.as_millis().to_string();
                pool.after_connect(|connection, _| Box::pin(admit(connection)))
                    .connect_with(options.clone().options([("statement_timeout", limit)]))
            }
            // All of it goes with each statement.
            Way::Pooled { .. } => pool.connect_with(options.clone()),
        };
        Ok(Self {
            pool: pool.await?,
            way,
            origin: origin.to_owned(),
            ahead: Ahead::default(),
        })
    }
}

async fn try_out(options: &PgConnectOptions, way: Way) -> Result<(), sqlx::Error> {
    let mut connection = connect(options).await?;
    let query = sqlx::query_as::<_, (i64,)>("SELECT $1::bigint").bind(1_i64);
    way.fetch_all(&mut connection, query, Touch::Reads).await?;
    connection.close().await
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
    let durable = durable(options.clone());
    let way = match connect(&durable.clone().options([(MARK, "yes")])).await {
        Ok(mut connection) => {
            let mark = sqlx::raw_sql("SELECT coalesce(current_setting('stackdeck.direct', true), '')");
            let row = connection.fetch_one(mark).await;
            let is_there = row.and_then(|row| row.try_get::<String, _>(0));
            let closed = connection.close().await;
            let is_there = is_there.and_then(|mark| closed.map(|()| mark == "yes"));
            if is_there.map_err(|error| words(&options, &error))? {
                Way::Direct
            } else {
                POOLED
            }
        }
        Err(error) if code(&error).is_some_and(|code| REFUSED_PARAMETER.contains(&code.as_str())) => POOLED,
        Err(error) => return Err(words(&options, &error)),
    };
    Ok(match way {
        Way::Direct => (durable, way),
        Way::Pooled { .. } => (options, way),
    })
}

/// Before it is known how the server's place is asked for.
const POOLED: Way = Way::Pooled { place: None };

async fn with_place(options: &PgConnectOptions, way: Way) -> Result<Way, sqlx::Error> {
    if way == Way::Direct {
        return Ok(way);
    }
    let mut connection = connect(options).await?;
    let place = place::expression(&mut connection).await;
    connection.close().await?;
    Ok(Way::Pooled { place: Some(place?) })
}

/// Asks for connections on which an answered commit is on the disk, and on the synchronous standbys' disks where
/// there are some. It stands behind what the address may ask for, and so it counts.
fn durable(options: PgConnectOptions) -> PgConnectOptions {
    options.options([("synchronous_commit", "on")])
}

/// Takes a new connection into the pool: a durable one, on a database that is noticed where it is another than before.
/// A server that dies takes its connections with it, so whoever took its place is met here, before anything is sent on
/// the strength of its rows. A pooler's connections outlive its servers, so there each write looks by itself.
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

/// Refuses a connection that is not what was asked for.
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

/// Looks at what is in between, and at what the server makes of a commit.
async fn look(options: &PgConnectOptions, way: Way) -> Result<Vec<Weakness>, sqlx::Error> {
    let mut connection = connect(options).await?;
    if way == Way::Direct {
        refuse_unless_durable(&mut connection).await?;
    }
    // Without a statement of its own on the server: a pooler's connection is lent to others afterwards.
    let settings = connection
        .fetch_one(sqlx::raw_sql(
            "SELECT current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on', \
             current_setting('synchronous_standby_names') = '' AND EXISTS (SELECT 1 FROM pg_stat_replication)",
        ))
        .await?;
    connection.close().await?;
    let all = [
        (!settings.try_get::<bool, _>(0)?, Weakness::NoSync),
        (!settings.try_get::<bool, _>(1)?, Weakness::TornPages),
        (settings.try_get(2)?, Weakness::AsynchronousStandbys),
        (
            way != Way::Direct,
            Weakness::Pooled {
                place: place_of(options),
            },
        ),
    ];
    Ok(all
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, weakness)| weakness)
        .collect())
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
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
async fn take_steps(connection: &mut PgConnection, way: Way) -> Result<(), MigrateError> {
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

async fn forget_names(connection: &mut PgConnection, way: Way) -> Result<(), sqlx::Error> {
    match way {
        Way::Direct => Ok(()),
        Way::Pooled { .. } => connection
            .execute(sqlx::raw_sql("DEALLOCATE ALL"))
            .await
            .map(drop),
    }
}

fn place_of(options: &PgConnectOptions) -> String {
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
    let place = place_of(options);
    match (code(error).as_deref(), error) {
        (None, sqlx::Error::Protocol(why)) if why == NOT_DURABLE => OpenError::NotDurable { place },
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
