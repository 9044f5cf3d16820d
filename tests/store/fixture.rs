//! A database of its own for each test, a clock that the test moves, and the database seen from outside.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use stackdeck::domain::redeploy::{Before, Command, RedeployOptions};
use stackdeck::domain::{AccessToken, ManualClock, OperationId, Random, Redeploy, StackUid, UserId};
use stackdeck::store::{Database, Entered, NewRedeploy, OpenError, Store, StoreOptions};
use tempfile::TempDir;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// Makes one test of each function, for each database.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::store::fixture::World::sqlite()).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "needs PostgreSQL"]
                async fn $name() {
                    super::$name(crate::store::fixture::World::postgres().await).await;
                }
            )+
        }
    };
}
pub(crate) use on_both;

const FILE: &str = "stackdeck.db";
pub(crate) const IDLE: Duration = Duration::from_hours(12);
pub(crate) const LIFETIME: Duration = Duration::from_hours(7 * 24);
pub(crate) const LEASE: Duration = Duration::from_mins(1);
pub(crate) const ANA: UserId = UserId(7);
pub(crate) const BEN: UserId = UserId(8);
/// The Cloud 66 of every test, but for those with two.
pub(crate) const HERE: &str = "https://app.cloud66.example";
pub(crate) const TOKEN: &str = "marker-token-5d1f0f1b7c";

/// One test's surroundings.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) place: Place,
    outside: Outside,
}

/// Where the test's database is.
pub(crate) enum Place {
    Sqlite { folder: TempDir },
    Postgres { url: String },
}

/// The database without the store between; connected when it is first used.
enum Outside {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl World {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join(FILE))
            .busy_timeout(Duration::from_mins(2));
        let outside = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(options);
        Self::new(Place::Sqlite { folder }, Outside::Sqlite(outside))
    }

    /// A schema of its own in the database that `STACKDECK_TEST_POSTGRES_URL` names.
    pub(crate) async fn postgres() -> Self {
        Self::postgres_with("").await
    }

    /// The same, with more behind its address.
    pub(crate) async fn postgres_with(more: &str) -> Self {
        let schema = format!("test_{:032x}", Random::system().u128());
        let url = format!("{}?options[search_path]={schema}{more}", postgres_server());
        let outside = PgPoolOptions::new()
            .max_connections(1)
            .connect_lazy(&url)
            .unwrap();
        let world = Self::new(Place::Postgres { url }, Outside::Postgres(outside));
        world.sql(&format!("CREATE SCHEMA {schema}")).await;
        world
    }

    fn new(place: Place, outside: Outside) -> Self {
        let start = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        Self {
            clock: ManualClock::frozen_at(start),
            place,
            outside,
        }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.clock().now()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by.try_into().unwrap());
    }

    pub(crate) fn options(&self) -> StoreOptions {
        StoreOptions {
            database: match &self.place {
                Place::Sqlite { .. } => Database::Sqlite { path: self.file() },
                Place::Postgres { url } => Database::Postgres {
                    url: SecretString::from(url.as_str()),
                },
            },
            origin: HERE.into(),
            secrets: vec![secret(1)],
            idle: IDLE,
            lifetime: LIFETIME,
        }
    }

    /// One instance of the program. Each call is another one, on the same database.
    pub(crate) async fn open(&self) -> Store {
        self.try_open(self.options()).await.unwrap()
    }

    pub(crate) async fn open_with(&self, secrets: &[u8]) -> Store {
        let mut options = self.options();
        options.secrets = secrets.iter().map(|byte| secret(*byte)).collect();
        self.try_open(options).await.unwrap()
    }

    pub(crate) async fn try_open(&self, options: StoreOptions) -> Result<Store, OpenError> {
        Store::open(options, self.clock.clock(), Random::system()).await
    }

    pub(crate) fn file(&self) -> PathBuf {
        match &self.place {
            Place::Sqlite { folder } => folder.path().join(FILE),
            Place::Postgres { .. } => panic!("PostgreSQL has no file"),
        }
    }

    /// Runs statements behind the store's back.
    pub(crate) async fn sql(&self, sql: &str) {
        let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
        match &self.outside {
            Outside::Sqlite(pool) => statements.execute(pool).await.map(drop),
            Outside::Postgres(pool) => statements.execute(pool).await.map(drop),
        }
        .unwrap();
    }

    /// Takes the first steps of `migrations/`, up to `last`, as an earlier release did.
    pub(crate) async fn migrate_to(&self, last: i64) {
        let folder = match &self.place {
            Place::Sqlite { .. } => {
                let mut owners = fs::OpenOptions::new();
                owners
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(self.file())
                    .unwrap();
                "sqlite"
            }
            Place::Postgres { .. } => "postgres",
        };
        let migrator = Migrator::with_migrations(steps(folder, last));
        match &self.outside {
            Outside::Sqlite(pool) => migrator.run(pool).await,
            Outside::Postgres(pool) => migrator.run(pool).await,
        }
        .unwrap();
    }

    /// Whole numbers that a statement selects in its first column.
    pub(crate) async fn numbers(&self, sql: &str) -> Vec<i64> {
        let query = sqlx::AssertSqlSafe(sql.to_owned());
        match &self.outside {
            Outside::Sqlite(pool) => sqlx::query_scalar(query).fetch_all(pool).await,
            Outside::Postgres(pool) => sqlx::query_scalar(query).fetch_all(pool).await,
        }
        .unwrap()
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.numbers(sql).await[0]
    }

    /// Byte strings that a statement selects in its first column.
    pub(crate) async fn blobs(&self, sql: &str) -> Vec<Vec<u8>> {
        let query = sqlx::AssertSqlSafe(sql.to_owned());
        match &self.outside {
            Outside::Sqlite(pool) => sqlx::query_scalar(query).fetch_all(pool).await,
            Outside::Postgres(pool) => sqlx::query_scalar(query).fetch_all(pool).await,
        }
        .unwrap()
    }

    /// Inserts `count` rows by one statement; `{n}` in it is the row's number.
    pub(crate) async fn fill(&self, count: u32, insert: &str, values: &str) {
        let numbers = match &self.place {
            Place::Sqlite { .. } => format!(
                "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
                 WHERE n < {count}) \
                 SELECT {values} FROM numbers"
            ),
            Place::Postgres { .. } => {
                let values = values.replace("randomblob(32)", "sha256(convert_to(n::text, 'UTF8'))");
                let values = values.replace("x'00'", "'\\x00'::bytea");
                format!("SELECT {values} FROM generate_series(1, {count}) AS n")
            }
        };
        self.sql(&format!("{insert} {numbers}")).await;
    }
}

/// The steps of one database, from the files.
fn steps(folder: &str, last: i64) -> Vec<Migration> {
    let folder = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut steps: Vec<Migration> = fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let (version, description) = name.split_once('_').unwrap();
            let sql = sqlx::AssertSqlSafe(fs::read_to_string(&path).unwrap()).into_sql_str();
            let description = description.replace('_', " ").into();
            Migration::new(
                version.parse().unwrap(),
                description,
                MigrationType::Simple,
                sql,
                false,
            )
        })
        .filter(|step| step.version <= last)
        .collect();
    steps.sort_by_key(|step| step.version);
    steps
}

pub(crate) fn postgres_server() -> String {
    #[expect(clippy::disallowed_methods, reason = "the test's own setting")]
    std::env::var("STACKDECK_TEST_POSTGRES_URL")
        .expect("STACKDECK_TEST_POSTGRES_URL names the PostgreSQL to test on: run bin/with-postgres")
}

pub(crate) fn secret(byte: u8) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(vec![byte; 32])
}

pub(crate) fn operation(number: u128) -> OperationId {
    OperationId::from(number)
}

pub(crate) fn stack(number: u128) -> StackUid {
    StackUid::from(number)
}

pub(crate) fn redeploy_of(stack_number: u128, id: OperationId) -> NewRedeploy {
    NewRedeploy {
        id,
        command: Command::Redeploy,
        stack: stack(stack_number),
        stack_name: "checkout".into(),
        environment: "production".into(),
        asked_by: ANA,
        asked_by_name: "Ana".into(),
        options: RedeployOptions::default(),
        before: Before::default(),
        token: AccessToken::new(TOKEN.into()),
        batch: None,
        // After every start.
        form_made_at: OffsetDateTime::from_unix_timestamp(4_000_000_000).unwrap(),
    }
}

/// Asks for a redeploy that nothing stands in the way of.
pub(crate) async fn ask(store: &Store, stack_number: u128, id: OperationId) -> Redeploy {
    match store
        .ledger()
        .request(redeploy_of(stack_number, id))
        .await
        .unwrap()
    {
        Entered::New(redeploy) => redeploy,
        other => panic!("{other:?}"),
    }
}

/// Asks for a redeploy and claims it.
pub(crate) async fn claim(store: &Store, stack_number: u128, id: OperationId) -> stackdeck::store::Claim {
    ask(store, stack_number, id).await;
    let claim = store.ledger().claim("worker", LEASE).await.unwrap().unwrap();
    assert_eq!(claim.redeploy().id, id);
    claim
}
