//! The whole app on a PostgreSQL that is stopped under it, and that is searched for secrets. `bin/with-postgres`
//! brings the server and says how to stop and start it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::StatusCode;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use super::flow::{SESSION, SIGN_IN, answer_of, authorize_of, callback_of, open, query};
use super::redeploy::{quiet_stacks, row_form};
use super::tally::{Kind, note};
use super::token::{absent, is_in};
use crate::harness::{Browser, Cases, Form, Page, TestApp};
use stackdeck::domain::RedeployState;

/// The server of `bin/with-postgres`.
struct Server {
    url: String,
    control: PathBuf,
}

impl Server {
    #[expect(
        clippy::disallowed_methods,
        reason = "bin/with-postgres says where it is in this way only"
    )]
    fn named() -> Self {
        let named = |name| std::env::var(name).unwrap_or_else(|_| panic!("bin/with-postgres sets {name}"));
        Self {
            url: named("STACKDECK_TEST_POSTGRES_URL"),
            control: named("STACKDECK_TEST_POSTGRES_CONTROL").into(),
        }
    }

    /// An app on a database of its own, and that database's address.
    async fn app(&self, database: &str) -> (TestApp, String) {
        let mut server = PgConnection::connect(&self.url).await.unwrap();
        let create = format!("CREATE DATABASE {database}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(create))
            .execute(&mut server)
            .await
            .unwrap();
        let (server, _) = self.url.rsplit_once('/').unwrap();
        let url = format!("{server}/{database}");
        let app = TestApp::with()
            .setting("STACKDECK_DATABASE_URL", &url)
            .setting("CLOUD66_PKCE", "on")
            .sandbox(|options| {
                options.deploy_time = Duration::from_millis(300);
                options.stacks = Some(100);
            })
            .start()
            .await;
        (app, url)
    }

    async fn order(&self, word: &'static str) {
        let mut command = Command::new(&self.control);
        // What it starts outlives it, and would hold its pipes.
        command
            .arg(word)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let done = tokio::task::spawn_blocking(move || command.status().unwrap());
        assert!(done.await.unwrap().success(), "{word}");
    }

    /// Everything in a database, as `pg_dump` writes it down.
    fn dump(&self, database: &str) -> Vec<u8> {
        let dumped = Command::new(&self.control)
            .args(["dump", database])
            .output()
            .unwrap();
        assert!(
            dumped.status.success(),
            "{}",
            String::from_utf8_lossy(&dumped.stderr)
        );
        dumped.stdout
    }

    /// Its write-ahead log, and what it logs for people.
    fn logs(&self) -> Vec<u8> {
        let data = self.control.with_file_name("data");
        let mut all = std::fs::read(data.join("log")).unwrap();
        append_files(&data.join("pg_wal"), &mut all);
        all
    }
}

fn append_files(folder: &Path, all: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            append_files(&path, all);
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
}

/// How the clicks of somebody who does not stop were answered.
#[derive(Default)]
struct Clicks {
    taken: AtomicUsize,
    refused: AtomicUsize,
    enough: AtomicBool,
}

/// Presses at one stack after the other. Gives the receipts, and the forms that were refused.
async fn press_on(
    browser: Arc<Browser>,
    list: Page,
    stacks: Vec<String>,
    clicks: Arc<Clicks>,
) -> (Vec<String>, Vec<Form>) {
    let (mut receipts, mut refused) = (Vec::new(), Vec::new());
    for uid in stacks {
        if clicks.enough.load(Ordering::SeqCst) {
            break;
        }
        let form = row_form(&list, &uid);
        let answer = browser.send_once(&form).await;
        if answer.status == StatusCode::SEE_OTHER {
            receipts.push(location(&answer).to_owned());
            clicks.taken.fetch_add(1, Ordering::SeqCst);
        } else {
            assert_is_told(&answer);
            refused.push(form);
            clicks.refused.fetch_add(1, Ordering::SeqCst);
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    (receipts, refused)
}

async fn more_than(count: &AtomicUsize, number: usize) {
    while count.load(Ordering::SeqCst) <= number {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn location(page: &Page) -> &str {
    page.headers["location"].to_str().unwrap()
}

fn assert_is_told(page: &Page) {
    assert_eq!(
        page.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}: {}",
        page.url,
        page.text()
    );
    let words = page.text();
    assert!(
        words.contains("The app’s own database does not answer"),
        "{words}"
    );
    assert!(words.contains("Nothing was sent to Cloud 66"), "{words}");
    assert_eq!(page.headers["retry-after"], "5", "{}", page.url);
}

/// D05: the server stops while people click, and starts again. Nothing is sent twice, nobody is signed out, a sign-in
/// that was under way finishes, and nobody restarts the app.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a PostgreSQL that it may stop: bin/with-postgres"]
async fn the_database_stops_while_people_click() {
    let server = Server::named();
    let (app, _) = server.app("outage").await;
    let browser = Arc::new(app.signed_in().await);
    let other = app.signed_in().await;
    let newcomer = app.browser();
    let callback = callback_of(&app, &newcomer).await;
    let exchanged = app.world().journal().count("token");
    let list = browser.get("/").await;
    let rows = list.texts("ul.stacks > li").len();
    let mut stacks = quiet_stacks(&app);

    // One is at Cloud 66 when the database goes, and its answer cannot be written down before it is back.
    app.world().add_fault("redeploy=delay:2;count=1".parse().unwrap());
    let slow = browser.send_once(&row_form(&list, &stacks.remove(0))).await;
    let clicks = Arc::new(Clicks::default());
    let pressing = tokio::spawn(press_on(
        Arc::clone(&browser),
        list.clone(),
        stacks.clone(),
        Arc::clone(&clicks),
    ));
    more_than(&clicks.taken, 5).await;
    server.order("stop").await;
    more_than(&clicks.refused, 0).await;
    // What was loaded is trusted for two seconds.
    app.clock.advance(time::Duration::seconds(3));

    assert_eq!(browser.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(
        browser.get("/readyz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    let stranger = app.browser();
    let home = stranger.get("/").await;
    assert_eq!(
        home.status,
        StatusCode::OK,
        "the page of somebody unknown needs no database"
    );
    let sign_in = home.form("Sign in with Cloud 66");
    let paths = ["/", "/settings", "/activity", location(&slow)];
    // At once: each waits for a connection for three seconds.
    let told = tokio::time::timeout(Duration::from_mins(1), async {
        tokio::join!(
            join_all(paths.map(|path| other.get(path))),
            stranger.send_once(&sign_in),
            open(&newcomer, &callback),
        )
    });
    let (mut told, begun, ended) = told.await.unwrap();
    told.extend([begun, ended]);
    for page in &told {
        assert_is_told(page);
        note(Kind::Fault, "D05");
    }
    assert_eq!(
        app.world().journal().count("token"),
        exchanged,
        "the code is unused"
    );
    more_than(&clicks.refused, 2).await;

    server.order("start").await;
    while browser.get("/readyz").await.status != StatusCode::OK {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = clicks.taken.load(Ordering::SeqCst);
    more_than(&clicks.taken, before + 4).await;
    clicks.enough.store(true, Ordering::SeqCst);
    let (mut receipts, refused) = pressing.await.unwrap();
    receipts.push(location(&slow).to_owned());

    // Nobody is signed out, and who was about to sign in is let in.
    for browser in [&*browser, &other] {
        assert_eq!(browser.get("/").await.texts("ul.stacks > li").len(), rows);
        note(Kind::Check, "D05");
    }
    assert_eq!(open(&newcomer, &callback).await.status, StatusCode::SEE_OTHER);
    assert_eq!(newcomer.get("/").await.texts("ul.stacks > li").len(), rows);
    assert_eq!(app.world().journal().count("token"), exchanged + 1);

    // What was refused is pressed again, by the same forms.
    for form in &refused {
        let again = browser.send_once(form).await;
        assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.text());
        receipts.push(location(&again).to_owned());
    }
    let mut all = 0;
    for receipt in &receipts {
        let id = receipt.rsplit('/').next().unwrap();
        let mut state = RedeployState::Requested;
        while !state.is_end() {
            // Slowly enough that no lease ends of what is really on its way.
            app.let_pass(time::Duration::seconds(1)).await;
            state = app
                .ledger()
                .get(id.parse().unwrap())
                .await
                .unwrap()
                .unwrap()
                .state;
        }
        let journal = app.world().journal();
        let sent = journal
            .of("redeploy")
            .filter(|entry| entry.user_reference.as_deref() == Some(id));
        // Claimed in the very moment in which the server stopped, it is not sent, and said to be unknown over there.
        let carried_out = match state {
            RedeployState::Succeeded => 1,
            RedeployState::Lost => 0,
            other => panic!("{receipt}: {other:?}"),
        };
        assert_eq!(sent.count(), carried_out, "{receipt}");
        all += carried_out;
        note(Kind::Check, "D05");
    }
    assert_eq!(app.world().journal().count("redeploy"), all);
    assert!(all > 10, "{all} of {}", receipts.len());
}

/// T01 on PostgreSQL: neither a dump nor the server's own files hold a secret, in any form.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, and its files: bin/with-postgres"]
async fn a_dump_holds_no_secret() {
    let cases = Cases::of("on_postgres", "dump");
    let case = cases.case("T01");
    let server = Server::named();
    let (app, database) = server.app("searched").await;
    let browser = app.signed_in().await;
    // A sign-in under way, with its state and its verifier.
    let newcomer = app.browser();
    let authorize = authorize_of(&newcomer).await;
    let state = query(&authorize)["state"].clone();
    let code = query(&answer_of(&newcomer, &authorize, &app.main_person()).await)["code"].clone();
    // A redeploy under way, which carries the token.
    app.world().add_fault("redeploy=no-answer-after".parse().unwrap());
    let list = browser.get("/").await;
    let stack = quiet_stacks(&app).remove(0);
    browser.send_once(&row_form(&list, &stack)).await;
    app.world().wait_for("redeploy", 1).await;

    let secrets = [
        ("the token", app.world().tokens()[0].value.clone()),
        ("the session's id", browser.cookie(SESSION).unwrap()),
        ("the state", state),
        ("the browser's cookie", newcomer.cookie(SIGN_IN).unwrap()),
        ("the code", code),
        ("the client secret", app.sandbox.client_secret().to_owned()),
    ];
    let (dump, logs) = (server.dump(&database), server.logs());
    for table in ["sessions", "sign_ins", "redeploys"] {
        let rows = format!("COPY public.{table} ");
        case.check(
            String::from_utf8_lossy(&dump).contains(&rows),
            format!("{table} is dumped"),
        );
    }
    case.check(
        String::from_utf8_lossy(&dump).contains("\tsending\t"),
        "with what is under way",
    );
    case.check(
        is_in(&logs, stack.as_bytes()),
        "and the server's files are read: the stack's uid is in the write-ahead log",
    );
    absent(&case, "the dump", &dump, &secrets);
    absent(&case, "the server's log and write-ahead log", &logs, &secrets);
}
