//! The program as a process: commands, settings from the environment and from files, exit codes.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use reqwest::StatusCode;

use crate::harness::{Browser, free_port, looks};

/// The main person of the sandbox's default world.
const MAIN_PERSON: &str = "maya@harbourfinch.example";

fn stackdeck(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackdeck"));
    command
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A process that is ended when the test ends, however it ends.
struct Process {
    child: Child,
    // Kept between lines: a second reader would miss what this one has read ahead.
    output: BufReader<ChildStdout>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    fn start(command: &mut Command) -> Self {
        // Nobody reads its log, and a full pipe would stop it.
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// Reads what it prints until a line that `wanted` takes.
    fn line<T>(&mut self, mut wanted: impl FnMut(&str) -> Option<T>) -> T {
        let mut seen = String::new();
        for line in self.output.by_ref().lines() {
            let line = line.unwrap();
            if let Some(found) = wanted(&line) {
                return found;
            }
            seen.push_str(&line);
        }
        panic!("it ended: {seen}");
    }

    fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap()
    }
}

fn words(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test]
async fn the_demo_serves_and_ends_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Process::start(stackdeck(folder.path()).args([
        "demo",
        "--bind",
        "127.0.0.1:0",
        "--deploy-seconds",
        "0.2",
    ]));
    let address = demo.line(|line| {
        line.split_whitespace()
            .find(|word| word.starts_with("http://localhost"))
            .map(str::to_owned)
    });
    let browser = Browser::new(&address);
    let page = browser.sign_in(MAIN_PERSON).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("Demo"), "{}", page.text());
    assert!(demo.terminate().success());
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing is kept"
    );
}

#[tokio::test]
async fn serve_works_against_a_sandbox_in_another_process_with_secrets_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let callback = format!("http://localhost:{port}/oauth/callback");
    let mut sandbox = Process::start(stackdeck(folder.path()).args([
        "sandbox",
        "--bind",
        "127.0.0.1:0",
        "--deploy-seconds",
        "0.2",
        "--callback",
        &callback,
    ]));
    let mut setting = |name: &str| {
        let start = format!("{name}=");
        sandbox.line(|line| line.strip_prefix(&start).map(str::to_owned))
    };
    let url = setting("CLOUD66_URL");
    let id = setting("CLOUD66_CLIENT_ID");
    let secret = setting("CLOUD66_CLIENT_SECRET");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let mut command = stackdeck(folder.path());
    command
        .arg("serve")
        .env("STACKDECK_LOG", "warn")
        .env("STACKDECK_BIND", format!("127.0.0.1:{port}"))
        .env("STACKDECK_PUBLIC_URL", format!("http://localhost:{port}"))
        .env(
            "STACKDECK_SECRET_FILE",
            file("secret", "c29tZSBzZWNyZXQgb2YgYXQgbGVhc3QgMzIgYnl0ZXMhIQ==\n"),
        )
        .env("CLOUD66_URL", &url)
        .env("CLOUD66_CLIENT_ID", &id)
        .env(
            "CLOUD66_CLIENT_SECRET_FILE",
            file("client-secret", &format!("{secret}\n")),
        );
    let mut check = stackdeck(folder.path());
    check.arg("check").envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))),
    );
    let checked = check.output().unwrap();
    assert!(checked.status.success(), "{}", words(&checked));
    assert!(
        words(&checked).contains("Cloud 66 knows the client id and secret."),
        "{}",
        words(&checked)
    );
    assert!(words(&checked).contains(&callback));
    assert!(!words(&checked).contains(&secret));

    let mut serve = Process::start(&mut command);
    let mut ready = false;
    for () in looks() {
        let health = stackdeck(folder.path())
            .args(["healthcheck", "--bind", &format!("127.0.0.1:{port}")])
            .output()
            .unwrap();
        ready = health.status.success();
        if ready {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(ready, "the health check never passed");

    let browser = Browser::new(&format!("http://localhost:{port}"));
    let stacks = browser.sign_in(MAIN_PERSON).await;
    assert!(!stacks.texts("ul.stacks > li").is_empty());
    let found = browser.get("/?q=env%3Astaging+state%3Ahealthy").await;
    let confirm = browser
        .get(&found.attribute("ul.stacks a[href$='/redeploy']", "href").unwrap())
        .await;
    let receipt = browser.submit(&confirm, "Redeploy staging").await;
    let mut ended = false;
    for () in looks() {
        let page = browser.get(receipt.url.path()).await;
        ended = ["Succeeded", "Deployed"]
            .iter()
            .any(|word| page.text().contains(word));
        if ended {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(ended, "the redeploy landed");
    assert!(serve.terminate().success());
}

#[test]
fn every_mistake_is_said_at_once_with_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let output = stackdeck(folder.path())
        .arg("serve")
        .env("STACKDECK_PUBLIC_URL", "http://deploy.example.com")
        .env("CLOUD66_CLIENT_ID", "abc")
        .env("STACKDECK_CONFIRM", "perhaps")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let words = words(&output);
    for wanted in [
        "STACKDECK_SECRET is not set",
        "openssl rand -base64 32",
        "STACKDECK_PUBLIC_URL",
        "STACKDECK_CONFIRM",
        "CLOUD66_CLIENT_SECRET is not set",
    ] {
        assert!(words.contains(wanted), "{wanted} is not said:\n{words}");
    }
}

#[test]
fn a_database_that_cannot_be_written_says_so_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let output = stackdeck(folder.path())
        .arg("serve")
        .env("STACKDECK_BIND", "127.0.0.1:0")
        .env(
            "STACKDECK_SECRET",
            "c29tZSBzZWNyZXQgb2YgYXQgbGVhc3QgMzIgYnl0ZXMhIQ==",
        )
        .env("STACKDECK_DATABASE_URL", "sqlite:no/such/folder/stackdeck.db")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    assert!(words(&output).contains("no/such/folder"), "{}", words(&output));
}

#[test]
fn a_taken_port_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let output = stackdeck(folder.path())
        .args(["demo", "--bind", &taken.local_addr().unwrap().to_string()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        words(&output).contains("is taken by another program"),
        "{}",
        words(&output)
    );
}

/// C19: the operator ends sessions while the app runs, of one person or of everybody.
#[tokio::test]
async fn the_operator_ends_sessions() {
    let cases = crate::harness::Cases::of("cookies", "operator");
    let case = cases.case("C19");
    let app = crate::harness::TestApp::start().await;
    let (one, other) = (app.signed_in().await, app.browser());
    other.sign_in(&app.other_person()).await;
    let database = app
        .database_files()
        .into_iter()
        .find(|path| path.ends_with("stackdeck.db"));
    let database = format!("sqlite:{}", database.unwrap().display());
    let end = |arguments: &[&str]| {
        stackdeck(&std::env::temp_dir())
            .args(["sessions", "end"])
            .args(arguments)
            .env("STACKDECK_DATABASE_URL", &database)
            .env(
                "STACKDECK_SECRET",
                "dGhlIHRlc3RzJyBvd24gc2VjcmV0LCBsb25nIGVub3VnaA==",
            )
            .env("STACKDECK_PUBLIC_URL", &app.url)
            .env("CLOUD66_URL", app.sandbox.url())
            .output()
            .unwrap()
    };
    let who = app.world().person(&app.other_person()).unwrap().id.to_string();
    let signed_in = |page: &crate::harness::Page| page.body.contains("/sign-out");
    for wrong in [
        &[][..],
        &["--all", "--user", "1"],
        &["--user", "maya"],
        &["--user"],
    ] {
        let said = end(wrong);
        case.same(
            said.status.code(),
            Some(2),
            format!("{wrong:?}: {}", words(&said)),
        );
    }
    let nobody = end(&["--user", "999999"]);
    case.check(words(&nobody).contains("Sessions ended: 0"), words(&nobody));
    case.check(
        signed_in(&one.get("/").await) && signed_in(&other.get("/").await),
        "nothing has ended so far",
    );
    let said = end(&["--user", &who]);
    case.check(said.status.success(), words(&said));
    case.check(words(&said).contains("Sessions ended: 1"), words(&said));
    // The running app trusts what it has loaded for two seconds.
    app.clock.advance(time::Duration::seconds(3));
    case.check(!signed_in(&other.get("/").await), "that person's has ended");
    case.check(signed_in(&one.get("/").await), "nobody else's");
    let said = end(&["--all"]);
    case.check(words(&said).contains("Sessions ended: 1"), words(&said));
    app.clock.advance(time::Duration::seconds(3));
    case.check(!signed_in(&one.get("/").await), "everybody's");
}
