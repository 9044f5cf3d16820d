//! Why the store could not be opened, and why it could not do something afterwards. The two have different
//! readers: an [`OpenError`] speaks to whoever starts the program and names the remedy; a [`StoreError`]
//! becomes a page's status, and its cause is logged here, once.
//!
//! Invariant: no text in this file holds a database password, a secret, or a value from a row.

use std::path::PathBuf;

use thiserror::Error;

/// Why the store could not be opened. `Display` is one sentence or two, with the remedy.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No secret was given, or one is shorter than 32 bytes.
    #[error("there is no secret of at least 32 bytes to seal with")]
    Secret,
    /// The folder that the SQLite file should be in is not there.
    #[error("the folder {} does not exist: create it, or choose another place", .0.display())]
    FolderMissing(PathBuf),
    /// The SQLite path names a folder.
    #[error("{} is a folder: name a file in it, such as {}", .0.display(), .0.join("stackdeck.db").display())]
    IsADirectory(PathBuf),
    /// The SQLite file, or the folder in which it keeps its journal, cannot be written.
    #[error("{} cannot be written: give the user that runs Stackdeck the right to write the file and its \
             folder, or choose another place for the database", .0.display())]
    NotWritable(PathBuf),
    /// Every user of the machine may read or write the SQLite file.
    #[error("every user of this machine may read or change {path}: run `chmod o-rwx {path}`", path = .0.display())]
    OpenToAll(PathBuf),
    /// The file is there and is something else.
    #[error("{} is not a SQLite database: choose another file", .0.display())]
    NotADatabase(PathBuf),
    /// Another process keeps the SQLite file locked.
    #[error("{} is locked by another program: end that program, and try again", .0.display())]
    Locked(PathBuf),
    /// The database has been migrated further than this program knows.
    #[error(
        "the database was last used by a newer Stackdeck (its migration {0} is unknown to this version): \
             run that version or a newer one, or restore a backup from before the upgrade"
    )]
    Newer(i64),
    /// A migration that has been applied reads differently in this program.
    #[error(
        "migration {0} of the database is not the one that this version of Stackdeck would have applied: \
             the database belongs to another build"
    )]
    Changed(i64),
    /// The PostgreSQL address cannot be read.
    #[error(
        "the address of the PostgreSQL database cannot be read: it looks like \
             postgres://user:password@host:5432/name"
    )]
    Address,
    /// Nothing answers there.
    #[error("PostgreSQL at {place} cannot be reached ({why}): check the address, and that it is running")]
    Unreachable {
        /// Host and port, or the socket's folder.
        place: String,
        /// The operating system's words.
        why: String,
    },
    /// PostgreSQL knows no such user, or the password is another.
    #[error("PostgreSQL at {place} does not let the user of the address in: check the user and the password")]
    WrongPassword {
        /// Host and port, or the socket's folder.
        place: String,
    },
    /// PostgreSQL has no database of that name.
    #[error("PostgreSQL at {place} has no database {name}: create it with `createdb {name}`")]
    NoDatabase {
        /// Host and port, or the socket's folder.
        place: String,
        /// The database's name.
        name: String,
    },
    /// The user may sign in but not create tables.
    #[error(
        "PostgreSQL at {place} does not let the user of the address create tables: run \
             `GRANT CREATE ON SCHEMA public TO` that user in its database"
    )]
    MayNotCreate {
        /// Host and port, or the socket's folder.
        place: String,
    },
    /// A pooler in between gives each statement another connection, so that a transaction cannot be made.
    #[error(
        "PostgreSQL at {place} is reached through a pooler that allows no transactions: set its pool_mode to \
             transaction or session"
    )]
    PoolsStatements {
        /// Host and port, or the socket's folder.
        place: String,
    },
    /// Its connections do not keep what they have committed.
    #[error(
        "PostgreSQL at {place} is reached through something that turns synchronous_commit off, so that it may \
             lose a redeploy that was sent: let the connection option through (in PgBouncer, take `options` out of \
             ignore_startup_parameters), or connect without a pooler"
    )]
    NotDurable {
        /// Host and port, or the socket's folder.
        place: String,
    },
    /// It opens, and its rows cannot be read; the database's words are in the log.
    #[error("the database was opened, and its rows cannot be read: look at the line above for the reason")]
    Unread,
    /// Everything else, in the database's words.
    #[error("the database cannot be opened: {0}")]
    Other(String),
}

/// What is worth knowing about a database that can be used all the same: who else can read it, what is in between, and
/// what a server's settings can lose although it has said that it is written. The program runs; what was lost is
/// noticed where it can be ([`super::ledger`]), and the operator is told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Weakness {
    /// `fsync` is off.
    #[error(
        "PostgreSQL's fsync is off: after a power cut a redeploy that was sent may be missing. Turn it on (docs/durability.md)."
    )]
    NoSync,
    /// `full_page_writes` is off.
    #[error(
        "PostgreSQL's full_page_writes is off: after a power cut the database may be damaged. Turn it on, unless the file \
             system never tears a page (docs/durability.md)."
    )]
    TornPages,
    /// There are standbys, and none is waited for.
    #[error(
        "PostgreSQL has standbys that commits do not wait for: after a failover the last redeploys may be missing. Set \
             synchronous_standby_names, or read docs/durability.md for what then happens."
    )]
    AsynchronousStandbys,
    /// Somebody else can read or change the SQLite file: the platform's group, or its owner. `whom` says who.
    #[error("{path} can be read or changed by {whom} too", path = .path.display())]
    Shared {
        /// The file.
        path: PathBuf,
        /// Who else, in words.
        whom: String,
    },
    /// A pooler such as PgBouncer is in between.
    #[error(
        "PostgreSQL at {place} is reached through a pooler such as PgBouncer: each statement is a transaction of its \
             own, which takes one or two more round trips"
    )]
    Pooled {
        /// Host and port, or the socket's folder.
        place: String,
    },
}

/// Why the store could not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// 503: the database is down, locked, read-only or full. Nothing is known of whether a write took place.
    #[error("the database is not available")]
    Unavailable,
    /// 503: as many sign-ins are under way as the store keeps.
    #[error("too many sign-ins are under way")]
    Full,
    /// 500: a row cannot be read: damaged, or written by something else.
    #[error("a row of the database cannot be read")]
    Broken,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::TypeNotFound { .. } => {
                tracing::error!(%error, "a row of the database cannot be read");
                Self::Broken
            }
            // Its words name the user of the address.
            sqlx::Error::Database(refused) if refused.code().is_some_and(|code| code.starts_with("28")) => {
                let code = refused.code().unwrap_or_default();
                tracing::warn!(%code, "the database does not let the user of its address in any more");
                Self::Unavailable
            }
            error => {
                tracing::warn!(%error, "the database is not available");
                Self::Unavailable
            }
        }
    }
}
