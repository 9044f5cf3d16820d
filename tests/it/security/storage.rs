//! D: the database fails. Nothing is sent without a row, pages say what is wrong, and what comes back works
//! again. What can be seen at the store itself is in `tests/store`.

use reqwest::StatusCode;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use super::redeploy::{quiet_stacks, row_form};
use super::tally::{Kind, note};
use crate::harness::TestApp;

/// The app's database seen, and spoilt, from outside.
pub struct Outside(SqlitePool);

impl Outside {
    pub fn of(app: &TestApp) -> Self {
        let file = app
            .database_files()
            .into_iter()
            .find(|path| path.extension().is_some_and(|extension| extension == "db"));
        Self::at(&file.unwrap())
    }

    pub fn at(file: &std::path::Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .busy_timeout(std::time::Duration::from_mins(2));
        Self(
            SqlitePoolOptions::new()
                .max_connections(1)
                .connect_lazy_with(options),
        )
    }

    pub async fn run(&self, sql: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
            .execute(&self.0)
            .await
            .unwrap();
    }

    pub async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()))
            .fetch_one(&self.0)
            .await
            .unwrap()
    }

    pub async fn text(&self, sql: &str) -> String {
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()))
            .fetch_one(&self.0)
            .await
            .unwrap()
    }

    /// Holds the write lock until it is given back.
    pub async fn lock(&self) -> sqlx::Transaction<'_, sqlx::Sqlite> {
        self.0.begin_with("BEGIN IMMEDIATE").await.unwrap()
    }
}

/// Makes every write fail, as on a full or read-only disk.
pub const READ_ONLY: &str = "\
    CREATE TRIGGER a1 BEFORE INSERT ON redeploys BEGIN SELECT RAISE(ABORT, 'read-only'); END;\
    CREATE TRIGGER a2 BEFORE UPDATE ON redeploys BEGIN SELECT RAISE(ABORT, 'read-only'); END;\
    CREATE TRIGGER b1 BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'read-only'); END;\
    CREATE TRIGGER b2 BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'read-only'); END;\
    CREATE TRIGGER b3 BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'read-only'); END;\
    CREATE TRIGGER c1 BEFORE INSERT ON sign_ins BEGIN SELECT RAISE(ABORT, 'read-only'); END;";

/// Takes that back.
const WRITABLE: &str = "DROP TRIGGER a1; DROP TRIGGER a2; DROP TRIGGER b1; DROP TRIGGER b2; DROP TRIGGER b3; \
                        DROP TRIGGER c1;";

/// D02: who is signed in still sees; nothing is sent; and it works again afterwards.
#[tokio::test]
async fn a_read_only_database_still_shows_the_stacks_and_sends_nothing() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let list = browser.get("/").await;
    let rows = list.texts("ul.stacks > li").len();
    let database = Outside::of(&app);
    database.run(READ_ONLY).await;
    // Past the minute in which activity need not be written down.
    app.clock.advance(time::Duration::minutes(2));

    let page = browser.get("/").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    assert_eq!(page.texts("ul.stacks > li").len(), rows);
    let refused = browser.send(row_form(&list, &quiet_stacks(&app)[0])).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.text().contains("Nothing was sent"), "{}", refused.text());
    let stranger = app.browser();
    let home = stranger.get("/").await;
    let begun = stranger.send(home.form("Sign in with Cloud 66")).await;
    assert_eq!(begun.status, StatusCode::SERVICE_UNAVAILABLE, "{}", begun.text());
    for page in [&refused, &begun] {
        assert!(
            !page.body.contains("read-only"),
            "what the database says is not the visitor's"
        );
    }
    assert_eq!(app.world().journal().count("redeploy"), 0);
    note(Kind::Fault, "D02");

    database.run(WRITABLE).await;
    let receipt = browser.send(row_form(&list, &quiet_stacks(&app)[0])).await;
    assert!(
        receipt.url.path().starts_with("/redeploys/"),
        "{}",
        receipt.text()
    );
    app.signed_in().await;
    note(Kind::Check, "D01");
}

/// D03: a lock that another program holds is waited for, then said; nothing is sent in its name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stays_locked_is_said_and_nothing_is_sent() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let list = browser.get("/").await;
    let database = Outside::of(&app);
    let lock = database.lock().await;
    let form = row_form(&list, &quiet_stacks(&app)[0]);
    let (refused, alive) = tokio::join!(browser.send(form.clone()), browser.get("/healthz"));
    assert_eq!(
        refused.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        refused.text()
    );
    assert_eq!(alive.status, StatusCode::OK);
    assert_eq!(app.world().journal().count("redeploy"), 0);
    note(Kind::Fault, "D03");
    lock.rollback().await.unwrap();
    let receipt = browser.send(form).await;
    assert!(
        receipt.url.path().starts_with("/redeploys/"),
        "{}",
        receipt.text()
    );
}

/// D05, the part that needs no PostgreSQL: a database that is gone makes the instance not ready, and not dead.
#[tokio::test]
async fn without_its_tables_the_app_says_so_and_lives() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let database = Outside::of(&app);
    database.run("ALTER TABLE sessions RENAME TO gone").await;
    app.clock.advance(time::Duration::minutes(2));
    assert_eq!(browser.get("/healthz").await.status, StatusCode::OK);
    let page = browser.get("/").await;
    assert!(
        page.status == StatusCode::SERVICE_UNAVAILABLE || page.text().contains("Sign in"),
        "{}: {}",
        page.status,
        page.text()
    );
    assert!(!page.body.contains("no such table"), "{}", page.body);
    database.run("ALTER TABLE gone RENAME TO sessions").await;
    let page = browser.get("/").await;
    assert!(!page.texts("ul.stacks > li").is_empty(), "{}", page.text());
    note(Kind::Fault, "D05");
}

/// D04: two hundred people write at once, and none is told that the database is busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_writers_at_once_are_all_served() {
    let app = TestApp::start().await;
    let browsers: Vec<_> = (0..200).map(|_| app.browser()).collect();
    let home = browsers[0].get("/").await;
    let form = home.form("Sign in with Cloud 66");
    let begun = futures_util::future::join_all(browsers.iter().map(|browser| browser.send_once(&form))).await;
    for page in begun {
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text());
        note(Kind::Check, "D04");
    }
}

/// D10: a backup restored beside another secret opens nothing, and says so to nobody but the person, as a
/// sign-in that has ended.
#[tokio::test]
async fn with_another_secret_old_sessions_are_signed_out() {
    let mut app = TestApp::start().await;
    let browser = app.signed_in().await;
    app.change(
        "STACKDECK_SECRET",
        "YW5vdGhlciBzZWNyZXQsIG5vdCB0aGUgb25lIGJlZm9yZSE=",
    );
    app.restart().await;
    let page = browser.get("/").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    assert!(page.text().contains("Sign in with Cloud 66"), "{}", page.text());
    browser.sign_in(&app.main_person()).await;
    note(Kind::Check, "D10");

    // D09: the old one beside it, and both are good.
    app.change(
        "STACKDECK_SECRET",
        "dGhlIHRlc3RzJyBvd24gc2VjcmV0LCBsb25nIGVub3VnaA==,YW5vdGhlciBzZWNyZXQsIG5vdCB0aGUgb25lIGJlZm9yZSE=",
    );
    app.restart().await;
    assert!(!browser.get("/").await.texts("ul.stacks > li").is_empty());
    note(Kind::Check, "D09");
}

/// D11: a hundred thousand ended sessions, and other rows, are swept in batches, and nobody waits for that: pages are right
/// and sign-ins are written meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_ended_rows_are_swept_beside_the_work() {
    const SESSIONS: i64 = 100_000;
    let mut app = TestApp::start().await;
    let browser = app.signed_in().await;
    let rows = browser.get("/").await.texts("ul.stacks > li").len();
    let database = Outside::of(&app);
    app.stop().await;
    database
        .run(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
             INSERT INTO sessions SELECT randomblob(32), 7, 1, 1, 1, randomblob(200), '' FROM n; \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
             INSERT INTO sign_ins (state_hash, browser_hash, expires_at_ms, return_to, scopes) \
             SELECT randomblob(32), randomblob(32), 1, '/', 'public' FROM n; \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
             INSERT INTO redeploys (id, command, stack, stack_name, environment, asked_by, asked_by_name, options, \
             known_before, state, requested_at_ms, not_before_ms, finished_at_ms) \
             SELECT hex(randomblob(16)), 'redeploy', hex(randomblob(16)), 's', 'staging', 7, 'Maya', '{}', '{}', \
             'succeeded', 1, 1, 1 FROM n",
        )
        .await;
    // The sweep is the first that a start does.
    app.restart().await;
    let left = "SELECT (SELECT count(*) FROM sessions WHERE expires_at_ms = 1) \
                + (SELECT count(*) FROM sign_ins WHERE expires_at_ms = 1) \
                + (SELECT count(*) FROM redeploys WHERE finished_at_ms = 1)";
    let mut between = std::collections::BTreeSet::new();
    loop {
        let page = browser.get("/").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text());
        assert_eq!(page.texts("ul.stacks > li").len(), rows);
        let newcomer = app.browser();
        let begun = newcomer
            .send_once(&newcomer.get("/").await.form("Sign in with Cloud 66"))
            .await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text());
        note(Kind::Check, "D11");
        let sessions = database
            .count("SELECT count(*) FROM sessions WHERE expires_at_ms = 1")
            .await;
        if 0 < sessions && sessions < SESSIONS {
            between.insert(sessions);
        }
        if database.count(left).await == 0 {
            break;
        }
    }
    assert!(
        between.len() > 1,
        "pages were served between batches: {between:?}"
    );
    assert_eq!(database.count("SELECT count(*) FROM sessions").await, 1);
}
