//! Opening a SQLite file: look at it first, so that what is wrong can be said in words with a remedy; then
//! connect, migrate, and hand out the pools.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _};

use super::Sqlite;
use crate::store::{OpenError, migrations};

/// How long a statement waits for another program's lock.
const BUSY: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection; longer than [`BUSY`], so that the one in front may end first.
const ACQUIRE: Duration = Duration::from_secs(10);
/// How many connections read.
const READERS: u32 = 4;
/// What a journal file is cut to after its content has moved into the database, in bytes.
const JOURNAL_LIMIT: &str = "4194304";

impl Sqlite {
    /// Opens the file, or makes it, readable by its owner only.
    pub(crate) async fn open(path: &Path, origin: &str) -> Result<Self, OpenError> {
        prepare(path)?;
        let options = options()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let in_words = |error: sqlx::Error| words(path, &error);

        // The writer comes first: it is the one that makes the journal and migrates.
        let writer = tokio::time::timeout(BUSY, connect_writer(path, &options))
            .await
            .map_err(|_| OpenError::Locked(path.to_owned()))??;
        migrate(&writer)
            .await
            .map_err(|error| migrations::error(error, in_words))?;
        let readers = pool(READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(in_words)?;
        Ok(Self {
            writer,
            readers,
            origin: origin.to_owned(),
            place: place_of(path),
        })
    }

    /// Does all that opening would do, in a transaction that is taken back: the file is then as it was, or not
    /// there.
    pub(crate) async fn rehearse(path: &Path) -> Result<(), OpenError> {
        let was_there = path.exists();
        prepare(path)?;
        let in_words = |error: sqlx::Error| words(path, &error);
        let rehearsed = rehearse(path)
            .await
            .map_err(|error| migrations::error(error, in_words));
        if !was_there {
            std::fs::remove_file(path).map_err(|error| file_words(path, &error))?;
        }
        rehearsed
    }

    /// A database in memory, gone when it is closed. One connection does everything: each connection to a
    /// database in memory would have its own.
    pub(crate) async fn open_in_memory(origin: &str) -> Result<Self, OpenError> {
        let other = |error: sqlx::Error| OpenError::Other(error.to_string());
        let writer = pool(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options().in_memory(true))
            .await
            .map_err(other)?;
        migrate(&writer)
            .await
            .map_err(|error| migrations::error(error, other))?;
        Ok(Self {
            readers: writer.clone(),
            writer,
            origin: origin.to_owned(),
            place: "memory".to_owned(),
        })
    }
}

/// Connects the writer, which turns a new file to WAL. SQLite does not wait for a lock while it does that,
/// but says at once that the file is busy: two programs that start at once on a new file meet here.
async fn connect_writer(path: &Path, options: &SqliteConnectOptions) -> Result<SqlitePool, OpenError> {
    loop {
        let error = match pool(1).connect_with(options.clone()).await {
            Ok(writer) => return Ok(writer),
            Err(error) => words(path, &error),
        };
        if !matches!(error, OpenError::Locked(_)) {
            return Err(error);
        }
        tokio::time::sleep(BUSY / 100).await;
    }
}

/// Which file it is, by its number and the moment in which it was made: another one where a copy was moved or unpacked
/// into its place, and the same where one was written over it.
#[cfg(unix)]
fn place_of(path: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(file) = path.metadata() else {
        return "file".to_owned();
    };
    let made = file.created().ok();
    let made = made.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    format!("{}/{}", file.ino(), made.unwrap_or_default().as_nanos())
}

#[cfg(not(unix))]
fn place_of(_: &Path) -> String {
    "file".to_owned()
}

fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .pragma("secure_delete", "ON")
        .pragma("journal_size_limit", JOURNAL_LIMIT)
        .disable_statement_logging()
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
}

/// Takes all steps in one transaction that begins with the write lock, so that of two programs that start at
/// once the second one waits and then finds everything done. A kill in the middle leaves the database as it
/// was.
async fn migrate(writer: &SqlitePool) -> Result<(), sqlx::migrate::MigrateError> {
    let mut connection = writer.acquire().await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    migrations::sqlite()
        .run_direct(None, &mut *transaction, false)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Takes all steps, and takes them back.
async fn rehearse(path: &Path) -> Result<(), sqlx::migrate::MigrateError> {
    let mut connection = options().filename(path).connect().await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let steps = migrations::sqlite();
    steps.run_direct(None, &mut *transaction, false).await?;
    transaction.rollback().await?;
    Ok(connection.close().await?)
}

/// Makes the file if there is none; otherwise looks whether it is one that can be used, and is private.
fn prepare(path: &Path) -> Result<(), OpenError> {
    match private(OpenOptions::new().write(true).create_new(true)).open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(file_words(path, &error)),
    }
    if path.is_dir() {
        return Err(OpenError::IsADirectory(path.to_owned()));
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| file_words(path, &error))?;
    if read_by_others(&file).map_err(|error| file_words(path, &error))? {
        return Err(OpenError::ReadableByOthers(path.to_owned()));
    }
    if of_another_user(&file).map_err(|error| file_words(path, &error))? {
        return Err(OpenError::OfAnotherUser(path.to_owned()));
    }
    // The first bytes of every SQLite file; one that is still empty is a new one.
    let mut begin = Vec::new();
    file.by_ref()
        .take(16)
        .read_to_end(&mut begin)
        .map_err(|error| file_words(path, &error))?;
    if !begin.is_empty() && begin != b"SQLite format 3\0" {
        return Err(OpenError::NotADatabase(path.to_owned()));
    }
    Ok(())
}

/// New files are for their owner alone; SQLite gives its journal files the same mode.
#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Whether the file's mode lets its group or everybody read or write it.
#[cfg(unix)]
fn read_by_others(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn read_by_others(_: &File) -> io::Result<bool> {
    Ok(false)
}

/// Whether the file is neither ours nor root's: its owner could read and change it whatever its mode.
#[cfg(unix)]
fn of_another_user(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = file.metadata()?.uid();
    Ok(owner != 0 && owner != rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn of_another_user(_: &File) -> io::Result<bool> {
    Ok(false)
}

fn file_words(path: &Path, error: &io::Error) -> OpenError {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            OpenError::FolderMissing(folder.unwrap_or(path).to_owned())
        }
        ErrorKind::IsADirectory => OpenError::IsADirectory(path.to_owned()),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            OpenError::NotWritable(path.to_owned())
        }
        _ => OpenError::Other(format!("{}: {error}", path.display())),
    }
}

/// SQLite's error as ours, by its primary result code (sqlite.org/rescode.html).
fn words(path: &Path, error: &sqlx::Error) -> OpenError {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    let primary = code
        .and_then(|code| code.parse::<i32>().ok())
        .map(|code| code & 0xff);
    let path = path.to_owned();
    match primary {
        Some(5 | 6) => OpenError::Locked(path),           // BUSY, LOCKED
        Some(3 | 8 | 14) => OpenError::NotWritable(path), // PERM, READONLY, CANTOPEN
        Some(11 | 26) => OpenError::NotADatabase(path),   // CORRUPT, NOTADB
        _ => OpenError::Other(error.to_string()),
    }
}
