//! Opening the database, and saying what stands in the way.

use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use stackdeck::store::{Database, OpenError, Store, StoreError, StoreOptions, Weakness};
use tokio::task::JoinSet;
use tower_sessions::SessionStore as _;

use super::fixture::{ANA, World, on_both, operation, postgres_server, redeploy_of};
use super::sessions::signed_in;

on_both!(
    what_was_written_is_there_after_a_restart,
    many_that_start_at_once_migrate_once,
    a_database_that_knows_a_later_step_is_left_alone,
    a_database_of_another_build_is_left_alone,
    without_a_secret_nothing_opens,
    a_database_that_fails_is_not_available,
);

async fn what_was_written_is_there_after_a_restart(world: World) {
    let store = world.open().await;
    let id = signed_in(&store, ANA.0).await.id;
    store.ping().await.unwrap();
    store.close().await;
    assert_eq!(store.ping().await, Err(StoreError::Unavailable));

    let store = world.open().await;
    assert!(store.sessions().load(&id).await.unwrap().is_some());
}

/// Case D08.
async fn many_that_start_at_once_migrate_once(world: World) {
    let world = std::sync::Arc::new(world);
    let mut instances = JoinSet::new();
    for n in 0..8 {
        let world = world.clone();
        instances.spawn(async move { signed_in(&world.open().await, n).await.id });
    }
    let ids = instances.join_all().await;
    let store = world.open().await;
    for id in ids {
        assert!(store.sessions().load(&id).await.unwrap().is_some());
    }
    let steps = world.number("SELECT count(*) FROM _sqlx_migrations").await;
    let each = world
        .number("SELECT count(DISTINCT version) FROM _sqlx_migrations")
        .await;
    assert_eq!(steps, each, "each step was taken once");
}

/// Case D08.
async fn a_database_that_knows_a_later_step_is_left_alone(world: World) {
    world.open().await.close().await;
    world
        .sql(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 999, 'from the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
    let error = world.try_open(world.options()).await.unwrap_err();
    assert!(matches!(error, OpenError::Newer(999)), "{error}");
    assert!(error.to_string().contains("newer Stackdeck"), "{error}");
}

async fn a_database_of_another_build_is_left_alone(world: World) {
    world.open().await.close().await;
    let other = match world.place {
        super::fixture::Place::Sqlite { .. } => "x'00'",
        super::fixture::Place::Postgres { .. } => "'\\x00'",
    };
    world
        .sql(&format!("UPDATE _sqlx_migrations SET checksum = {other}"))
        .await;
    let error = world.try_open(world.options()).await.unwrap_err();
    assert!(matches!(error, OpenError::Changed(1)), "{error}");
}

async fn without_a_secret_nothing_opens(world: World) {
    let mut options = world.options();
    options.secrets.clear();
    assert!(matches!(
        world.try_open(options).await.unwrap_err(),
        OpenError::Secret
    ));
}

async fn a_database_that_fails_is_not_available(world: World) {
    let store = world.open().await;
    let id = signed_in(&store, ANA.0).await.id;
    for table in ["sessions", "sign_ins", "redeploys"] {
        world
            .sql(&format!("ALTER TABLE {table} RENAME TO gone_{table}"))
            .await;
    }
    let refused = store.ledger().request(redeploy_of(1, operation(1))).await;
    assert_eq!(refused.unwrap_err(), StoreError::Unavailable);
    assert_eq!(
        store.sessions().end_all_of(ANA).await,
        Err(StoreError::Unavailable)
    );
    // What the page may be told says nothing of tables or statements.
    let error = store.sessions().load(&id).await.unwrap_err();
    assert_eq!(error.to_string(), "the database is not available");
    // Readiness is about the database answering.
    store.ping().await.unwrap();
}

/// What opening this file ends in.
async fn refusal(path: &Path) -> OpenError {
    let world = World::sqlite();
    let database = Database::Sqlite {
        path: path.to_owned(),
    };
    world
        .try_open(StoreOptions {
            database,
            ..world.options()
        })
        .await
        .unwrap_err()
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_and_its_journals_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::sqlite();
    let store = world.open().await;
    signed_in(&store, 1).await;
    for ending in ["", "-wal", "-shm"] {
        let file = format!("{}{ending}", world.file().display());
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

/// Case G04.
#[cfg(unix)]
#[tokio::test]
async fn a_file_that_everybody_may_read_or_write_is_refused_with_the_remedy() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::sqlite();
    world.open().await.close().await;
    for mode in [0o604, 0o602, 0o644, 0o664, 0o646] {
        std::fs::set_permissions(world.file(), std::fs::Permissions::from_mode(mode)).unwrap();
        let error = world.try_open(world.options()).await.unwrap_err().to_string();
        // Which leaves a group or an owner that shares the file as it is.
        assert!(
            error.contains(&format!("chmod o-rwx {}", world.file().display())),
            "{mode:o}: {error}"
        );
    }
    std::fs::set_permissions(world.file(), std::fs::Permissions::from_mode(0o600)).unwrap();
    world.open().await;
}

/// Case G40: Kubernetes' fsGroup gives a volume's files to a group, between the first start and the second.
#[cfg(unix)]
#[tokio::test]
async fn a_file_that_a_group_shares_is_used_and_its_journals_are_shared_too() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let world = World::sqlite();
    world.open().await.close().await;
    let file = world.file().display().to_string();
    for (given, warned) in [(0o660, true), (0o640, true), (0o620, true), (0o600, false)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(given)).unwrap();
        let known = Store::rehearse(world.options()).await.unwrap();
        assert_eq!(
            matches!(&known[..], [Weakness::Shared { whom, .. }] if whom.starts_with("its group (")),
            warned,
            "{given:o}: {known:?}"
        );
        let store = world.open().await;
        signed_in(&store, 1).await;
        for ending in ["", "-wal", "-shm"] {
            assert_eq!(mode(&format!("{file}{ending}")), given, "{ending}");
        }
        store.close().await;
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_a_database_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let missing = refusal(&folder.path().join("not/there.db")).await;
    assert!(matches!(&missing, OpenError::FolderMissing(path) if *path == folder.path().join("not")));
    assert!(missing.to_string().contains("create it"), "{missing}");

    let is_folder = refusal(folder.path()).await;
    assert!(matches!(is_folder, OpenError::IsADirectory(_)), "{is_folder}");

    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "these are notes, and no database").unwrap();
    let below_a_file = refusal(&text.join("stackdeck.db")).await;
    assert!(
        matches!(below_a_file, OpenError::FolderMissing(_)),
        "{below_a_file}"
    );
    make_private(&text);
    let not_a_database = refusal(&text).await;
    assert!(
        matches!(not_a_database, OpenError::NotADatabase(_)),
        "{not_a_database}"
    );
    assert_eq!(std::fs::read(&text).unwrap(), b"these are notes, and no database");

    // It begins like one, and goes on as something else.
    let damaged = folder.path().join("damaged.db");
    std::fs::write(
        &damaged,
        [b"SQLite format 3\0".as_slice(), &[0xff; 4096]].concat(),
    )
    .unwrap();
    make_private(&damaged);
    let damaged = refusal(&damaged).await;
    assert!(matches!(damaged, OpenError::NotADatabase(_)), "{damaged}");
}

/// Linux has a place where not even root may make files.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named_with_the_remedy() {
    let error = refusal(Path::new("/sys/kernel/stackdeck.db")).await;
    assert!(matches!(error, OpenError::NotWritable(_)), "{error}");
    assert!(error.to_string().contains("the right to write"), "{error}");
}

/// A write waits for another program's lock, instead of failing.
/// Case D03.
#[tokio::test]
async fn a_locked_file_is_waited_for() {
    let world = World::sqlite();
    let store = world.open().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.file());
    let mut other = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let lock = sqlx::Connection::begin_with(&mut other, "BEGIN IMMEDIATE")
        .await
        .unwrap();
    let waiting = tokio::spawn(async move { signed_in(&store, 1).await });
    // Whether it waits yet is not to be seen from here; it must not have failed either way.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    lock.rollback().await.unwrap();
    waiting.await.unwrap();
}

/// Waited for, but not for ever.
#[tokio::test]
async fn a_file_that_another_program_keeps_locked_is_named() {
    let world = World::sqlite();
    world.open().await.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.file());
    let mut other = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let lock = sqlx::Connection::begin_with(&mut other, "BEGIN IMMEDIATE")
        .await
        .unwrap();
    let error = world.try_open(world.options()).await.unwrap_err();
    assert!(matches!(error, OpenError::Locked(_)), "{error}");
    lock.rollback().await.unwrap();
    world.open().await;
}

/// With a step each in a transaction of its own, two programs both see that it is to be taken, and one fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_two_starts_interleave_the_second_waits_for_the_first() {
    for _ in 0..25 {
        let world = World::sqlite();
        let starts = [(); 4].map(|()| world.open());
        futures_util::future::join_all(starts).await;
    }
}

#[tokio::test]
async fn a_database_in_memory_serves_many_at_once_and_is_its_own() {
    let world = World::sqlite();
    let options = || StoreOptions {
        database: Database::SqliteInMemory,
        ..world.options()
    };
    let store = world.try_open(options()).await.unwrap();
    let mut people = JoinSet::new();
    for n in 0..100 {
        let store = store.clone();
        people.spawn(async move {
            let id = signed_in(&store, n).await.id;
            store.sessions().load(&id).await.unwrap().is_some()
        });
    }
    assert!(people.join_all().await.into_iter().all(|signed_in| signed_in));
    assert_eq!(store.sessions().sweep().await.unwrap(), 0);
    assert_eq!(store.sessions().end_all().await.unwrap(), 100);
    let another = world.try_open(options()).await.unwrap();
    assert_eq!(another.sessions().end_all().await.unwrap(), 0);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn what_stands_in_the_way_of_postgres_is_said_without_the_password() {
    let server: url::Url = postgres_server().parse().unwrap();
    let world = World::sqlite();
    let refusal = async |url: &str| {
        let database = Database::Postgres {
            url: SecretString::from(url),
        };
        let error = world
            .try_open(StoreOptions {
                database,
                ..world.options()
            })
            .await
            .unwrap_err();
        assert!(
            !error.to_string().contains("hunter2") && !format!("{error:?}").contains("hunter2"),
            "{error}"
        );
        error
    };

    let mut url = server.clone();
    url.set_password(Some("hunter2")).unwrap();
    let error = refusal(url.as_str()).await;
    assert!(matches!(&error, OpenError::WrongPassword { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("postgres\""), "{error:?}");

    let mut url = server.clone();
    url.set_path("/not_there");
    let error = refusal(url.as_str()).await;
    assert!(
        matches!(&error, OpenError::NoDatabase { name, .. } if name == "not_there"),
        "{error:?}"
    );

    // A port that was free a moment ago.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = refusal(&format!("postgres://me:hunter2@127.0.0.1:{port}/db")).await;
    assert!(matches!(&error, OpenError::Unreachable { .. }), "{error:?}");
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );

    for url in [
        "postgres://me:hunter2@host:port/db",
        "hunter2",
        "postgres://me:hunter2@",
    ] {
        let error = refusal(url).await;
        assert!(!matches!(&error, OpenError::Other(_)), "{url}: {error:?}");
    }
}

#[cfg(unix)]
fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn make_private(_: &Path) {}
