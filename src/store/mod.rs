//! What the app remembers: sessions, sign-ins under way, and the ledger of redeploys. Nothing else: Cloud 66
//! is the source of truth for the rest.
//!
//! * [`Store::open`] opens SQLite (one process) or PostgreSQL (several), and migrates it.
//! * [`sessions`]: who is signed in; [`sign_ins`]: who is about to be; [`ledger`]: redeploy with proof.
//! * `rows` says what a database can do with rows; `sqlite` and `postgres` do it, in files of the same names.
//!
//! Invariants:
//! * An id that would let its holder in is stored as a hash; a token, a verifier and a session's content are
//!   sealed. Somebody who reads the database can act as nobody.
//! * Every method of `rows` is one SQL statement, and a change of state names the states that it may come
//!   from.
//! * Times come from the [`Clock`] and are whole milliseconds since 1970 in the database.
//! * sqlx, the sealing crates and tower-sessions' store trait are used in this folder only.

mod error;
mod hash;
pub mod ledger;
mod migrations;
mod millis;
mod postgres;
mod rows;
mod seal;
mod session_cache;
pub mod sessions;
pub mod sign_ins;
mod sqlite;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use zeroize::Zeroizing;

pub use error::{OpenError, StoreError, Weakness};
pub use ledger::{Claim, Due, Entered, LOOK_LEASE, Ledger, NewRedeploy, SENDS_OF_ONE_PERSON};
pub use sessions::{SessionInfo, Sessions};
pub use sign_ins::{SignIn, SignIns};
pub use tower_sessions::session::Id as SessionId;

use crate::domain::{Clock, Random};
use postgres::Postgres;
use rows::Rows;
use seal::Sealer;
use sqlite::Sqlite;

/// Where the rows are.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file, made if it is missing; for one process.
    Sqlite {
        /// The file. SQLite keeps two more beside it, `-wal` and `-shm`.
        path: PathBuf,
    },
    /// In memory, gone at the end; for the demo and tests.
    SqliteInMemory,
    /// A PostgreSQL database, which several processes may share.
    Postgres {
        /// `postgres://user:password@host:port/name`, with libpq's parameters (`sslmode`, `sslrootcert`, …).
        url: SecretString,
    },
}

/// What the store needs to know. Not `Debug`: it holds the secrets.
#[derive(Clone)]
pub struct StoreOptions {
    /// Where the rows are.
    pub database: Database,
    /// The Cloud 66 whose people, stacks and tokens the rows are about, such as `https://app.cloud66.com`. Rows of
    /// another one stay where they are and are not seen.
    pub origin: String,
    /// Secrets of at least 32 bytes: the first one seals, all of them open.
    pub secrets: Vec<Zeroizing<Vec<u8>>>,
    /// How long a session lives after it was last seen.
    pub idle: Duration,
    /// How long a session lives at most.
    pub lifetime: Duration,
}

/// The store, open. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    rows: Arc<dyn Rows>,
    sessions: Sessions,
    sign_ins: SignIns,
    ledger: Ledger,
    newest_before_start: Option<OffsetDateTime>,
}

impl Store {
    /// Opens the database, makes or migrates its tables, and refuses one that a newer program has migrated.
    pub async fn open(options: StoreOptions, clock: Clock, random: Random) -> Result<Self, OpenError> {
        let sealer = Arc::new(Sealer::new(&options.secrets, random.clone(), &options.origin)?);
        let rows: Arc<dyn Rows> = match &options.database {
            Database::Sqlite { path } => Arc::new(Sqlite::open(path, &options.origin).await?),
            Database::SqliteInMemory => Arc::new(Sqlite::open_in_memory(&options.origin).await?),
            Database::Postgres { url } => {
                Arc::new(Postgres::open(url.expose_secret(), &options.origin).await?)
            }
        };
        rows.adopt_rows().await.map_err(|_| OpenError::Unread)?;
        let newest_ms = rows.newest_ms().await.map_err(|_| OpenError::Unread)?;
        let limits = sessions::Limits::new(options.idle, options.lifetime);
        Ok(Self {
            sessions: Sessions::new(rows.clone(), sealer.clone(), clock.clone(), random, limits),
            sign_ins: SignIns::new(rows.clone(), sealer.clone(), clock.clone()),
            ledger: Ledger::new(rows.clone(), sealer, clock),
            newest_before_start: millis::to_time_if_any(newest_ms).ok().flatten(),
            rows,
        })
    }

    /// Does all that [`open`](Self::open) would do, and takes it back: nothing is made and nothing migrated. For
    /// a look at the settings beside an instance that runs. Gives what of the server's settings can lose what was
    /// written.
    pub async fn rehearse(options: StoreOptions) -> Result<Vec<Weakness>, OpenError> {
        Sealer::new(&options.secrets, Random::system(), &options.origin)?;
        match &options.database {
            Database::Sqlite { path } => Sqlite::rehearse(path).await.map(|()| Vec::new()),
            Database::SqliteInMemory => Ok(Vec::new()),
            Database::Postgres { url } => Postgres::rehearse(url.expose_secret()).await,
        }
    }

    /// Who is signed in.
    pub fn sessions(&self) -> Sessions {
        self.sessions.clone()
    }

    /// Who is about to be.
    pub fn sign_ins(&self) -> SignIns {
        self.sign_ins.clone()
    }

    /// What was asked of stacks.
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    /// When somebody last used the database before this process opened it; none where nobody ever did.
    pub fn newest_before_start(&self) -> Option<OffsetDateTime> {
        self.newest_before_start
    }

    /// Whether the database answers; within seconds also where the network swallows everything.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.rows.ping().await
    }

    /// Ends all connections; what is under way ends first, what comes later fails.
    pub async fn close(&self) {
        self.rows.close().await;
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}
