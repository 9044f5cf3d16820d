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
    /// The SQLite file may be read by other users of the machine.
    #[error("other users of this machine may read {path}: run `chmod 600 {path}`", path = .0.display())]
    ReadableByOthers(PathBuf),
    /// The SQLite file belongs to somebody who is neither the user that runs the program nor root.
    #[error("{path} belongs to another user of this machine: run `chown $(id -un) {path}`", path = .0.display())]
    OfAnotherUser(PathBuf),
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
    #[error("PostgreSQL at {place} does not let {user} in: check the user and the password")]
    WrongPassword {
        /// Host and port, or the socket's folder.
        place: String,
        /// The user's name.
        user: String,
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
        "PostgreSQL at {place} does not let {user} create tables: run \
             `GRANT CREATE ON SCHEMA public TO {user}` in that database"
    )]
    MayNotCreate {
        /// Host and port, or the socket's folder.
        place: String,
        /// The user's name.
        user: String,
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
            _ => {
                tracing::warn!(%error, "the database is not available");
                Self::Unavailable
            }
        }
    }
}

/// What a database server's settings can lose although it has said that it is written. The program runs all the
/// same: what was lost is noticed where it can be ([`super::ledger`]), and the operator is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
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
}
