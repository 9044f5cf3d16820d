//! The app and its commands on a PostgreSQL that is reached through PgBouncer, in each of its modes. `bin/with-postgres`
//! brings the server; PgBouncer is Debian's.

use std::process::{Child, Command, Output, Stdio};

use futures_util::future::join_all;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use stackdeck::sandbox::{Options, Sandbox};

use super::process::{Served, settings, stackdeck};
use super::tally::{Kind, note};
use crate::harness::{Browser, free_port};

/// The main person of the sandbox's default world.
const MAIN_PERSON: &str = "maya@harbourfinch.example";

/// A PgBouncer in front of a database of its own; ended when the test ends.
struct Pooler {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pooler {
    /// Few connections for many clients, so that they change hands all the time.
    async fn start(name: &str, mode: &str, ignored_parameters: &str) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "bin/with-postgres says where it is in this way only"
        )]
        let server = std::env::var("STACKDECK_TEST_POSTGRES_URL").unwrap();
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::raw_sql(create).execute(&mut connection).await.unwrap();
        let server: url::Url = server.parse().unwrap();
        let port = free_port();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n\
             {name} = host={host} port={server_port} user={user} password={password}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = any\n\
             pool_mode = {mode}\n\
             default_pool_size = {size}\n\
             ignore_startup_parameters = {ignored_parameters}\n",
            host = server.host_str().unwrap(),
            server_port = server.port().unwrap(),
            user = server.username(),
            password = server.password().unwrap(),
            size = if mode == "session" { 40 } else { 3 },
        );
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        // PgBouncer does not run as root.
        let root = rustix::process::geteuid().is_root();
        let mut command = if root {
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid",
                "65534",
                "--regid",
                "65534",
                "--clear-groups",
                "pgbouncer",
            ]);
            command
        } else {
            Command::new("pgbouncer")
        };
        let mut child = command
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(child.try_wait().unwrap().is_none(), "PgBouncer ended");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Self {
            child,
            url: format!("postgres://deckuser:hunter2@127.0.0.1:{port}/{name}"),
            _folder: folder,
        }
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + String::from_utf8_lossy(&output.stderr).as_ref()
}

async fn check(url: &str) -> Output {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = stackdeck("true", "check", folder.path());
    command
        .envs(settings(&sandbox, free_port()))
        .env("STACKDECK_DATABASE_URL", url);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    sandbox.stop().await;
    output
}

/// D40: in session and in transaction mode, whatever it does with the connection's parameters: `check` finds it good,
/// `serve` starts, again too, many people sign in at once, and a redeploy lands.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and PgBouncer"]
async fn pooled_connections_work_in_session_and_in_transaction_mode() {
    for (number, (mode, ignored)) in [
        ("transaction", ""),
        ("transaction", "options,extra_float_digits"),
        ("session", ""),
        ("session", "options,extra_float_digits"),
    ]
    .into_iter()
    .enumerate()
    {
        let pooler = Pooler::start(&format!("pooled_{number}"), mode, ignored).await;
        // Before there are tables, and again after.
        for _ in 0..3 {
            let output = check(&pooler.url).await;
            let said = words(&output);
            assert!(output.status.success(), "{mode} {ignored}: {said}");
            assert!(
                said.contains("is reached through a pooler such as PgBouncer"),
                "{said}"
            );
            assert!(!said.contains("hunter2") && !said.contains("deckuser"), "{said}");
            note(Kind::Check, "D40");
        }
        let options = Options {
            deploy_time: std::time::Duration::from_millis(200),
            ..Options::default()
        };
        let mut served =
            Served::start_with("true", options, &[("STACKDECK_DATABASE_URL", &pooler.url)]).await;
        let browsers: Vec<Browser> = (0..12).map(|_| Browser::new(&served.url)).collect();
        let pages = join_all(browsers.iter().map(|browser| browser.sign_in(MAIN_PERSON))).await;
        for page in pages {
            assert_eq!(page.status, 200, "{mode} {ignored}: {}", page.text());
            assert!(
                page.body.contains("/sign-out"),
                "{mode} {ignored}: {}",
                page.text()
            );
            note(Kind::Check, "D40");
        }
        let browser = &browsers[0];
        let found = browser.get("/?q=env%3Astaging+state%3Ahealthy").await;
        let path = found.attribute("ul.stacks a[href$='/redeploy']", "href").unwrap();
        let receipt = browser
            .submit(&browser.get(&path).await, "Redeploy staging")
            .await;
        assert_eq!(receipt.status, 200, "{mode} {ignored}: {}", receipt.text());
        loop {
            let pages = join_all(browsers.iter().map(|browser| browser.get(receipt.url.path()))).await;
            assert!(pages.iter().all(|page| page.status == 200), "{mode} {ignored}");
            if pages[0].text().contains("Deployed") || pages[0].text().contains("Succeeded") {
                break;
            }
        }
        assert_eq!(served.sandbox.world().journal().count("redeploy"), 1);
        assert!(served.terminate().success());
        // Its second start finds everything done, on connections that its first one has used.
        served.start_again().await;
        assert_eq!(browser.get(receipt.url.path()).await.status, 200);
        assert!(served.terminate().success());
        note(Kind::Check, "D40");
    }
}

/// D40: a mode in which nothing can hold is refused, with what to change.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and PgBouncer"]
async fn pooled_statements_are_refused_with_the_remedy() {
    let pooler = Pooler::start("pooled_statements", "statement", "").await;
    let output = check(&pooler.url).await;
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert!(
        words(&output).contains("set its pool_mode to transaction or session"),
        "{}",
        words(&output)
    );
    note(Kind::Check, "D40");
}

/// G42: whatever PostgreSQL says of a user whom it does not let in, the user and the password are not repeated.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn pooled_or_not_nothing_of_the_address_but_host_and_database_is_told() {
    #[expect(
        clippy::disallowed_methods,
        reason = "bin/with-postgres says where it is in this way only"
    )]
    let server = std::env::var("STACKDECK_TEST_POSTGRES_URL").expect("bin/with-postgres sets it");
    let server: url::Url = server.parse().unwrap();
    let place = format!("{}:{}", server.host_str().unwrap(), server.port().unwrap());
    for (url, named) in [
        (
            format!("postgres://deckuser:hunter2@{place}/postgres"),
            place.as_str(),
        ),
        (
            format!("postgres://deckuser:hunter2@{place}/nowhere"),
            place.as_str(),
        ),
        (
            format!("postgres://{place}/postgres?user=deckuser&password=hunter2&application_name=deckname"),
            place.as_str(),
        ),
        (
            "postgres://deckuser:hunter2@127.0.0.1:9/deck".to_owned(),
            "127.0.0.1:9",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        for arguments in ["check", "serve", "sessions end --all"] {
            let mut command = stackdeck("true", arguments, folder.path());
            command
                .envs(settings(&sandbox, free_port()))
                .env("STACKDECK_LOG", "trace")
                .env("STACKDECK_DATABASE_URL", &url);
            let output = tokio::task::spawn_blocking(move || command.output().unwrap())
                .await
                .unwrap();
            let said = words(&output);
            assert!(!output.status.success(), "{arguments}: {said}");
            assert!(said.contains(named), "{arguments}: {said}");
            for secret in ["hunter2", "deckuser", "deckname"] {
                assert!(!said.contains(secret), "{arguments}: {secret} is told: {said}");
            }
            note(Kind::Check, "G42");
        }
        sandbox.stop().await;
    }
}
