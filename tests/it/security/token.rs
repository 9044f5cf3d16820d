//! T: the access token and the other secrets: where they may be, and that they are nowhere else (ASVS 5.0 V14.2,
//! V16.2.5, RFC 6750 section 5.3). Every secret is looked for in the forms in which it could stand somewhere.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use reqwest::StatusCode;

use super::cloud66;
use super::flow::{SESSION, SIGN_IN, answer_of, authorize_of, begin, open, query, rows};
use super::routes;
use crate::harness::{Ask, Browser, Case, Cases, TestApp, free_port, looks, until};

/// The ways to write a secret down: as it is, reversed, in hex, in base64 wherever it begins, percent-encoded.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    assert!(secret.len() >= 16, "too short to be looked for");
    let hex = secret
        .bytes()
        .fold(String::new(), |hex, byte| hex + format!("{byte:02x}").as_str());
    let mut forms = vec![
        secret.to_owned(),
        secret.chars().rev().collect(),
        hex.to_uppercase(),
        hex,
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
    ];
    for shift in 0..3 {
        // In the middle of other text base64 is cut in threes; the ends depend on the neighbours.
        let inner = &secret[shift..];
        let whole = &inner[..inner.len() / 3 * 3 - 3];
        forms.push(STANDARD_NO_PAD.encode(whole));
        forms.push(URL_SAFE_NO_PAD.encode(whole));
    }
    if let Ok(bytes) = URL_SAFE_NO_PAD.decode(secret) {
        // A secret that is base64 itself: its bytes, and their hex digits.
        forms.push(
            bytes
                .iter()
                .fold(String::new(), |hex, byte| hex + format!("{byte:02x}").as_str()),
        );
        let mut forms: Vec<Vec<u8>> = forms.into_iter().map(String::into_bytes).collect();
        forms.push(bytes);
        return forms;
    }
    forms.into_iter().map(String::into_bytes).collect()
}

pub(super) fn is_in(haystack: &[u8], needle: &[u8]) -> bool {
    latin(haystack).contains(&latin(needle))
}

/// Bytes as text, each a sign of its own: the standard library's search in text is many times as fast as one of ours.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Holds that none of the secrets is in the bytes, in any form.
pub(super) fn absent(case: &Case<'_>, place: &str, bytes: &[u8], secrets: &[(&str, String)]) {
    let text = latin(bytes);
    for (name, secret) in secrets {
        let found = forms(secret).iter().any(|form| text.contains(&latin(form)));
        case.check(!found, format!("{name} is in {place}"));
    }
}

fn files(app: &TestApp) -> Vec<u8> {
    let paths = app.database_files();
    paths
        .iter()
        .flat_map(|path| std::fs::read(path).unwrap())
        .collect()
}

#[test]
fn a_secret_is_found_in_each_of_its_forms() {
    let cases = Cases::of("token", "forms");
    let case = cases.case("T01");
    let secret = "marker-secret-0123456789";
    for written in [
        secret.to_owned(),
        STANDARD.encode(secret),
        STANDARD.encode(format!("x{secret}y")),
        STANDARD.encode(format!("xy{secret}")),
        "9876543210-terces-rekram".into(),
    ] {
        let text = format!("before {written} after");
        case.check(
            forms(secret).iter().any(|form| is_in(text.as_bytes(), form)),
            written,
        );
    }
    case.check(
        !forms(secret).iter().any(|form| is_in(b"nothing of it", form)),
        "and not elsewhere",
    );
}

#[tokio::test]
async fn the_database() {
    let cases = Cases::of("token", "database");
    let token = "marker-token-of-the-database-0123456789";
    let fake = cloud66::start(move |_, _| cloud66::token(token)).await;
    let app = TestApp::with()
        .setting("CLOUD66_URL", fake.url.as_str())
        .setting("CLOUD66_PKCE", "on")
        .start()
        .await;
    let case = cases.case("T01");
    let begun = begin(&app).send().await;
    let (state, login) = (
        query(&begun.location().parse().unwrap())["state"].clone(),
        begun.cookie_value(SIGN_IN).unwrap(),
    );
    let midway = files(&app);
    let page = Ask::get(format!(
        "{}/oauth/callback?code=marker-code-0123456789&state={state}",
        app.url
    ))
    .cookie(SIGN_IN, &login)
    .send()
    .await;
    let session = page.cookie_value(SESSION).unwrap();
    let verifier = cloud66::exchanges(&fake)[0]
        .form()
        .into_iter()
        .find(|(name, _)| name == "code_verifier")
        .unwrap()
        .1;
    let secrets = [
        ("the token", token.to_owned()),
        ("the session's id", session.clone()),
        ("the state", state),
        ("the browser's cookie", login),
        ("the verifier", verifier),
        ("the code", "marker-code-0123456789".into()),
        ("the client secret", app.sandbox.client_secret().to_owned()),
    ];
    absent(
        &case,
        "the database while a sign-in is under way",
        &midway,
        &secrets,
    );
    absent(&case, "the database", &files(&app), &secrets);
    case.same(rows(&app).await, (0, 1), "there is a session to be found");
    case.check(files(&app).len() > 20_000, "and the files are read");

    // T02: a sealed record in another row does not open.
    let case = cases.case("T02");
    let second = cloud66::sign_in(&app).await;
    app.sql(
        "UPDATE sessions SET sealed = (SELECT sealed FROM sessions ORDER BY created_at_ms, id_hash LIMIT 1)",
    )
    .await;
    app.clock.advance(time::Duration::seconds(5));
    let mut signed_in = 0;
    for id in [&session, &second] {
        let page = Ask::get(format!("{}/", app.url)).cookie(SESSION, id).send().await;
        case.same(page.status, StatusCode::OK, "a page, signed in or out");
        signed_in += usize::from(page.body.contains("/sign-out"));
    }
    case.same(signed_in, 1, "only in its own row it opens");
    // A byte less.
    app.sql("UPDATE sessions SET sealed = substr(sealed, 1, length(sealed) - 1)")
        .await;
    app.clock.advance(time::Duration::seconds(5));
    for id in [&session, &second] {
        let page = Ask::get(format!("{}/settings", app.url))
            .cookie(SESSION, id)
            .send()
            .await;
        case.same(
            page.status,
            StatusCode::SEE_OTHER,
            "a changed record is no session",
        );
    }
}

#[tokio::test]
async fn another_secret_opens_nothing() {
    let cases = Cases::of("token", "rotation");
    let mut app = TestApp::with().setting("CLOUD66_PKCE", "on").start().await;
    let case = cases.case("T03");
    let browser = app.signed_in().await;
    let old = "dGhlIHRlc3RzJyBvd24gc2VjcmV0LCBsb25nIGVub3VnaA==";
    let new = "YW5vdGhlciBzZWNyZXQgb2YgdGhlIHRlc3RzLCBhcyBsb25nIQ==";
    app.change("STACKDECK_SECRET", &format!("{new},{old}"));
    app.restart().await;
    case.check(
        browser.get("/").await.body.contains("/sign-out"),
        "a new secret in front: the old session opens",
    );
    app.change("STACKDECK_SECRET", new);
    app.restart().await;
    let page = browser.get("/").await;
    case.same(page.status, StatusCode::OK, "the old one taken away");
    case.check(!page.body.contains("/sign-out"), "nobody is signed in");
    browser.sign_in(&app.main_person()).await;
    case.check(
        browser.get("/").await.body.contains("/sign-out"),
        "and can sign in again",
    );
}

/// Follows every link of ours from every page, signed in and out, and reads all of it.
#[tokio::test]
async fn every_page() {
    let cases = Cases::of("token", "crawl");
    let app = TestApp::with()
        .sandbox(|options| {
            options.deploy_time = Duration::from_millis(200);
            options.stacks = Some(12);
        })
        .start()
        .await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let confirm = browser.get(&format!("/stacks/{uid}/redeploy")).await;
    browser.submit(&confirm, "Redeploy staging").await;
    let mut secrets = secrets_of(&app, &browser);
    let hooks = hooks(&app);
    secrets.extend(hooks.iter().map(|hook| ("a redeploy hook", hook.clone())));
    let case = cases.case("T05");
    case.check(!hooks.is_empty(), "there are hooks to be found");
    let mut seen = std::collections::BTreeSet::new();
    let mut to_see: Vec<String> = routes::all()
        .into_iter()
        .map(|(_, path)| path)
        .filter(|path| path != "/events")
        .collect();
    to_see.push("/".into());
    while let Some(path) = to_see.pop() {
        if !seen.insert(path.clone()) || seen.len() > 150 {
            continue;
        }
        app.clock.advance(time::Duration::seconds(2));
        let page = browser.get(&path).await;
        if page.url.as_str().starts_with(&app.url) {
            let headers: String = page
                .headers
                .iter()
                .filter(|(name, _)| *name != "set-cookie")
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect::<Vec<_>>()
                .join("\n");
            absent(
                &case,
                &path,
                format!("{headers}{}", page.body).as_bytes(),
                &secrets,
            );
            let links = scraper::Html::parse_document(&page.body);
            let selector = scraper::Selector::parse("a[href^='/']").unwrap();
            to_see.extend(
                links
                    .select(&selector)
                    .map(|link| link.attr("href").unwrap().to_owned()),
            );
        }
    }
    case.check(seen.len() >= 40, format!("{} pages", seen.len()));
    let case = cases.case("T12");
    let in_files = files(&app);
    absent(
        &cases.case("T01"),
        "the database after a redeploy",
        &in_files,
        &secrets,
    );
    for hook in &hooks {
        case.check(
            !is_in(&in_files, hook.as_bytes()),
            "a redeploy hook is in the database",
        );
    }

    let case = cases.case("T07");
    for entry in app.world().journal().entries() {
        absent(
            &case,
            &entry.path,
            format!("{}?{}", entry.path, entry.query).as_bytes(),
            &secrets,
        );
        case.check(!entry.query.contains("access_token"), "no token in an address");
    }

    let case = cases.case("T13");
    wait(
        &app,
        "SELECT count(*) FROM redeploys WHERE finished_at_ms IS NULL",
        0,
    )
    .await;
    case.same(
        app.number("SELECT count(*) FROM redeploys WHERE finished_at_ms IS NOT NULL")
            .await,
        1,
        "one has ended",
    );
    case.same(
        app.number("SELECT count(*) FROM redeploys WHERE sealed_token IS NOT NULL")
            .await,
        0,
        "and holds no token",
    );
    let case = cases.case("T14");
    let home = browser.get("/").await;
    browser.submit(&home, "Sign out").await;
    case.same(rows(&app).await, (0, 0), "after signing out");
    case.same(
        app.number("SELECT count(*) FROM redeploys WHERE sealed_token IS NOT NULL")
            .await,
        0,
        "no copy is left",
    );
}

fn secrets_of(app: &TestApp, browser: &Browser) -> Vec<(&'static str, String)> {
    let mut secrets: Vec<(&str, String)> = app
        .world()
        .tokens()
        .into_iter()
        .map(|token| ("a token", token.value))
        .collect();
    secrets.push(("the client secret", app.sandbox.client_secret().to_owned()));
    secrets.push(("the session's id", browser.cookie(SESSION).unwrap()));
    secrets
}

/// The secret part of each stack's hook.
fn hooks(app: &TestApp) -> Vec<String> {
    app.stacks()
        .into_iter()
        .flat_map(|stack| [stack.hook.0, stack.hook.1])
        .collect()
}

async fn wait(app: &TestApp, sql: &'static str, wanted: i64) {
    for () in looks() {
        if app.number(sql).await == wanted {
            return;
        }
        app.let_pass(time::Duration::seconds(5)).await;
    }
    panic!("never {wanted}: {sql}");
}

/// The program as it runs, with the most talkative log that there is, through a sign-in, a redeploy and every
/// kind of trouble; then its whole log is read.
#[tokio::test]
async fn the_log() {
    let cases = Cases::of("token", "log");
    let case = cases.case("T04");
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let url = format!("http://localhost:{port}");
    // Its sandbox, its browser's helpers and its journal are this app's; the program under test is the other one.
    let callback = format!("{url}/oauth/callback");
    let app = TestApp::with()
        .sandbox(|options| {
            options.deploy_time = Duration::from_millis(200);
            options.callbacks.push(callback);
        })
        .start()
        .await;
    let own_secret = "bWFya2VyLXNlY3JldC1vZi10aGUtbG9nLTAxMjM0NTY3ODk=";
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::File::create(&path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let log = folder.path().join("log");
    let settings = |command: &mut Command| {
        command
            .env_clear()
            .current_dir(folder.path())
            .env("STACKDECK_LOG", "trace")
            .env("STACKDECK_BIND", format!("127.0.0.1:{port}"))
            .env("STACKDECK_PUBLIC_URL", &url)
            .env("STACKDECK_SECRET_FILE", file("secret", own_secret))
            .env("CLOUD66_URL", app.sandbox.url())
            .env("CLOUD66_CLIENT_ID", app.sandbox.client_id())
            .env(
                "CLOUD66_CLIENT_SECRET_FILE",
                file("client-secret", app.sandbox.client_secret()),
            );
    };
    let mut serve = Command::new(env!("CARGO_BIN_EXE_stackdeck"));
    settings(serve.arg("serve"));
    let mut child = serve
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    for () in looks() {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let browser = Browser::new(&url);
    let authorize = authorize_of(&browser).await;
    let answer = answer_of(&browser, &authorize, &app.main_person()).await;
    let signed_in = open(&browser, &answer).await;
    case.check(signed_in.sees_other(), format!("signed in: {}", signed_in.text()));
    let mut secrets = secrets_of(&app, &browser);
    secrets.extend([
        ("the state", query(&answer)["state"].clone()),
        ("the code", query(&answer)["code"].clone()),
        ("the browser's cookie", browser.cookie(SIGN_IN).unwrap()),
        ("our own secret", own_secret.to_owned()),
    ]);
    secrets.extend(hooks(&app).into_iter().map(|hook| ("a redeploy hook", hook)));
    let uid = app.quiet_stack("staging");
    let confirm = browser.get(&format!("/stacks/{uid}/redeploy")).await;
    let form = confirm.form("Redeploy staging");
    secrets.push(("a form's token", form.get("csrf").to_owned()));
    let receipt = browser.send(form).await;
    for fault in [
        "api=html",
        "api=truncated",
        "api=status:500",
        "api=reset-before",
        "api=forbidden",
        "api=huge:3",
        "api=redirect",
        "token=html",
        "token=status:500",
        "token=truncated",
        "token=reset-after",
    ] {
        app.world().clear_faults();
        app.world().add_fault(fault.parse().unwrap());
        for path in [
            "/",
            "/no-such-page?code=marker-code-in-a-query-0123",
            &format!("/stacks/{uid}"),
            &format!("/stacks/{uid}/redeploy"),
        ] {
            browser.get(path).await;
        }
        let other = Browser::new(&url);
        let authorize = authorize_of(&other).await;
        let answer = answer_of(&other, &authorize, &app.main_person()).await;
        secrets.push(("another code", query(&answer)["code"].clone()));
        open(&other, &answer).await;
    }
    secrets.push(("a code in a query", "marker-code-in-a-query-0123".into()));
    app.world().clear_faults();
    // What is under way would be shown instead of a second one being sent.
    until(&browser, &receipt, &["Deployed"]).await;
    // T15: what an operator wants to know of is in it, with whom it was.
    let confirm = browser.get(&format!("/stacks/{uid}/redeploy")).await;
    let form = confirm.form("Redeploy staging");
    app.world()
        .add_fault("redeploy=forbidden;count=1".parse().unwrap());
    let before = app.world().journal().count("redeploy");
    browser.send_once(&form.clone().set("csrf", "AAAA")).await;
    browser.send_once(&form).await;
    let refused = async {
        app.world().wait_for("redeploy", before + 1).await;
        while !std::fs::read_to_string(&log)
            .unwrap()
            .contains("does not let this person deploy")
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), refused)
        .await
        .unwrap();
    app.world().revoke_all_tokens();
    browser.get("/").await;
    secrets.extend(
        app.world()
            .tokens()
            .into_iter()
            .map(|token| ("a token", token.value)),
    );
    let pid = child.id().to_string();
    case.check(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success(),
        "ended",
    );
    case.check(child.wait().unwrap().success(), "a clean end");
    let written = std::fs::read(&log).unwrap();
    case.check(
        written.len() > 100_000 && is_in(&written, b"TRACE"),
        format!("{} bytes at trace", written.len()),
    );
    absent(&case, "the log", &written, &secrets);
    let case = cases.case("T15");
    let written = String::from_utf8_lossy(&written);
    let person = format!("person={}", app.main_person_id().0);
    for (event, who) in [
        (" signed in", person.as_str()),
        ("a sign-in did not succeed", "error="),
        ("a form without a token of its session was refused", &person),
        ("Cloud 66 does not let this person deploy it", &person),
        ("Cloud 66 does not let this person deploy it", &uid),
    ] {
        let said = written
            .lines()
            .any(|line| line.contains(event) && line.contains(who));
        case.check(said, format!("{event} {who}"));
    }

    let case = cases.case("T08");
    let mut check = Command::new(env!("CARGO_BIN_EXE_stackdeck"));
    settings(check.arg("check"));
    let said = check.stdin(Stdio::null()).output().unwrap();
    let said = [said.stdout, said.stderr].concat();
    case.check(is_in(&said, b"CLOUD66_CLIENT_ID"), "the settings are printed");
    absent(&case, "what `check` prints", &said, &secrets);
}

#[test]
fn settings_are_silent() {
    use stackdeck::config::{Mode, Settings};
    let cases = Cases::of("token", "settings");
    let case = cases.case("T08");
    let secrets = [
        (
            "secret",
            "bWFya2VyLXNlY3JldC1vZi10aGUtbG9nLTAxMjM0NTY3ODk=".to_owned(),
        ),
        ("client secret", "marker-client-secret-0123".to_owned()),
        ("password", "marker-password-0123".to_owned()),
    ];
    let settings = Settings::read(
        |name| {
            Some(match name {
                "STACKDECK_SECRET" => secrets[0].1.clone(),
                "CLOUD66_CLIENT_ID" => "an-id".into(),
                "CLOUD66_CLIENT_SECRET" => secrets[1].1.clone(),
                "STACKDECK_DATABASE_URL" => format!("postgres://deck:{}@db.example/deck", secrets[2].1),
                _ => return None,
            })
        },
        Mode::Serve,
    )
    .unwrap();
    let described: String = settings
        .describe()
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("\n");
    for (what, text) in [
        ("Debug", format!("{settings:?}")),
        ("pretty Debug", format!("{settings:#?}")),
        ("the description", described),
    ] {
        case.check(text.contains("an-id"), format!("{what} says something"));
        absent(&case, what, text.as_bytes(), &secrets);
    }
    // A mistake does not repeat the value either.
    let wrong = Settings::read(
        |name| {
            (name == "STACKDECK_SECRET" || name == "STACKDECK_DATABASE_URL")
                .then(|| format!("marker-password-0123 {name}"))
        },
        Mode::Serve,
    )
    .unwrap_err();
    absent(
        &case,
        "the mistakes",
        format!("{wrong} {wrong:?}").as_bytes(),
        &secrets[2..],
    );
}

#[tokio::test]
async fn refused_tokens() {
    let cases = Cases::of("token", "refused");
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    browser.get("/").await;
    let case = cases.case("T09");
    app.world().revoke_all_tokens();
    app.clock.advance(time::Duration::minutes(10));
    let id = browser.cookie(SESSION).unwrap();
    // What was remembered may be shown once more while it is read again; then the session has ended.
    app.world().clear_journal();
    let uid = app.quiet_stack("staging");
    let page = browser.get(&format!("/stacks/{uid}")).await;
    case.same(page.status, StatusCode::UNAUTHORIZED, "the person is told");
    case.check(page.text().contains("Cloud 66 signed you out"), page.text());
    case.check(browser.cookie(SESSION).is_none(), "the cookie is removed");
    let refused = app
        .world()
        .journal()
        .entries()
        .iter()
        .filter(|entry| entry.status == Some(401))
        .count();
    case.check(
        (1..=9).contains(&refused),
        format!("{refused} requests, six of the first view's at a time, and no loop"),
    );
    case.same(rows(&app).await.1, 0, "the session is gone");
    let replay = Ask::get(format!("{}/settings", app.url))
        .cookie(SESSION, id)
        .send()
        .await;
    case.same(replay.status, StatusCode::SEE_OTHER, "for good");

    let case = cases.case("T11");
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let confirm = browser.get(&format!("/stacks/{uid}/redeploy")).await;
    app.world().add_fault("redeploy=forbidden".parse().unwrap());
    let receipt = browser.submit(&confirm, "Redeploy staging").await;
    wait(&app, "SELECT count(*) FROM redeploys WHERE state = 'refused'", 1).await;
    case.same(app.world().journal().count("redeploy"), 1, "asked once");
    let page = browser.get(receipt.url.path()).await;
    case.check(page.body.contains("/sign-out"), "the session is kept");
    case.check(
        page.text().contains("Your Cloud 66 role cannot deploy"),
        page.text(),
    );
}
