//! A: who may see and do what (ASVS 5.0 V8), and that nothing of a browser becomes a path at Cloud 66.

use reqwest::{Method, StatusCode};
use time::Duration;

use super::flow::SESSION;
use super::routes;
use crate::harness::{Ask, Browser, Cases, PATIENCE, TestApp, looks};

/// A stack that the main person sees and the other one does not.
fn hidden_stack(app: &TestApp) -> String {
    let visible = app.world().visible_to(&app.other_person());
    let stacks = app.stacks().into_iter();
    let mut hidden = stacks.filter(|stack| visible.iter().all(|other| other.uid != stack.uid));
    hidden
        .find(|stack| stack.status.0 == 1 && stack.environment == "staging" && stack.framework != "docker")
        .unwrap()
        .uid
}

async fn two_people(app: &TestApp) -> (Browser, Browser) {
    let (main, other) = (app.signed_in().await, app.browser());
    other.sign_in(&app.other_person()).await;
    (main, other)
}

/// The status of a request whose target goes out as it stands. A client that knows of URLs would tidy it up first.
async fn raw(app: &TestApp, method: &str, target: &str, session: &str, body: &str) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let host = app.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\ncookie: {SESSION}={session}\r\nsec-fetch-site: same-origin\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let head = String::from_utf8_lossy(&answer);
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// A page without what differs each time: its request's id and its form tokens.
fn without_random(page: &crate::harness::Page) -> String {
    page.text()
        .split(" Request ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn somebody_elses_stack() {
    let cases = Cases::of("authorization", "stacks");
    let app = TestApp::start().await;
    let (_, other) = two_people(&app).await;
    let uid = hidden_stack(&app);
    let case = cases.case("A01");
    let home = other.get("/").await;
    let op = home.attribute("input[name=op]", "value").unwrap_or_default();
    let csrf = home.form("Sign out").get("csrf").to_owned();
    let session = other.cookie(SESSION).unwrap();
    let made_up = "0123456789abcdef0123456789abcdef";
    for path in [
        "",
        "/redeploy",
        "/actions/restart",
        "/actions/maintenance-on",
        "/deployments/1/cancel",
    ] {
        let (theirs, nobodys) = (
            other.get(&format!("/stacks/{uid}{path}")).await,
            other.get(&format!("/stacks/{made_up}{path}")).await,
        );
        case.same(theirs.status, StatusCode::NOT_FOUND, format!("GET {path}"));
        case.same(
            without_random(&theirs),
            without_random(&nobodys),
            "the same words as for one that does not exist",
        );
    }
    for path in [
        "/redeploy",
        "/actions/restart",
        "/actions/clear-caches",
        "/actions/maintenance-off",
        "/deployments/1/cancel",
    ] {
        for operation in [op.as_str(), "", "AAAA"] {
            let page = Ask::form(
                format!("{}/stacks/{uid}{path}", app.url),
                &[("csrf", &csrf), ("op", operation), ("queue_ok", "yes")],
            )
            .cookie(SESSION, &session)
            .send()
            .await;
            case.check(
                page.status.is_client_error(),
                format!("POST {path}: {}", page.status),
            );
        }
    }
    let batch = Ask::form(
        format!("{}/redeploys/new", app.url),
        &[
            ("csrf", &csrf),
            ("op", &op),
            ("uid", &uid),
            ("production_ok", "yes"),
        ],
    );
    let page = batch.cookie(SESSION, &session).send().await;
    case.check(
        !page.body.contains(&uid),
        format!("several at once: {}", page.status),
    );
    let name = app.world().stack(&uid).unwrap().name;
    case.check(!home.body.contains(&uid), "it is not on the list");
    let search = other.get(&format!("/search?q={}", name.replace(' ', "+"))).await;
    case.check(!search.body.contains(&uid), "nor found");
    case.same(
        app.number("SELECT count(*) FROM redeploys").await,
        0,
        "nothing is written down",
    );
    for operation in ["redeploy", "run-action", "cancel", "restart", "maintenance-mode"] {
        case.same(app.world().journal().count(operation), 0, operation);
    }
}

#[tokio::test]
async fn somebody_elses_receipt() {
    let cases = Cases::of("authorization", "receipts");
    let app = TestApp::start().await;
    let (main, other) = two_people(&app).await;
    let case = cases.case("A02");
    let uid = app.quiet_stack("staging");
    let confirm = main.get(&format!("/stacks/{uid}/redeploy")).await;
    let receipt = main.submit(&confirm, "Redeploy staging").await;
    case.same(receipt.status, StatusCode::OK, "the receipt of the one who asked");
    let path = receipt.url.path().to_owned();
    let theirs = other.get(&path).await;
    let nobodys = other.get("/redeploys/0123456789abcdef0123456789abcdef").await;
    case.same(theirs.status, StatusCode::NOT_FOUND, "for somebody else");
    case.same(
        without_random(&theirs),
        without_random(&nobodys),
        "the same words as for one that does not exist",
    );
    let list = other.get("/redeploys").await;
    case.check(!list.body.contains(&path), "not on the other's list");
    let batch = other
        .get("/redeploys/batches/0123456789abcdef0123456789abcdef")
        .await;
    case.same(
        batch.status,
        StatusCode::NOT_FOUND,
        "nor a batch that nobody asked for",
    );
    for odd in [
        "x",
        "..",
        "%2e%2e",
        "0123456789ABCDEF0123456789ABCDEF",
        "0123456789abcdef0123456789abcde",
        "1%27%20OR%201=1",
    ] {
        case.input();
        let status = raw(
            &app,
            "GET",
            &format!("/redeploys/{odd}"),
            &main.cookie(SESSION).unwrap(),
            "",
        )
        .await;
        case.same(status, 404, odd);
    }
}

#[tokio::test]
async fn what_is_remembered_is_nobody_elses() {
    let cases = Cases::of("authorization", "memory");
    let app = TestApp::start().await;
    let case = cases.case("A04");
    let (main, other) = two_people(&app).await;
    let (of_main, of_other) = (app.stacks(), app.world().visible_to(&app.other_person()));
    let elsewhere = app.another().await;
    for _ in 0..3 {
        let (one, two) = tokio::join!(main.get("/"), other.get("/"));
        for stack in &of_main {
            let may = of_other.iter().any(|other| other.uid == stack.uid);
            case.check(one.body.contains(&stack.uid), "one's own stack is there");
            case.same(
                two.body.contains(&stack.uid),
                may,
                format!("{} for the other", stack.name),
            );
        }
    }
    // Two people in one browser, one after the other.
    let old = main.cookie(SESSION).unwrap();
    let home = main.get("/").await;
    main.submit(&home, "Sign out").await;
    let next = app.browser();
    next.set_cookie(SESSION, &old);
    next.sign_in(&app.person_without_stacks()).await;
    let page = next.get("/").await;
    case.check(page.body.contains("/sign-out"), "somebody else is signed in");
    case.check(
        of_main.iter().all(|stack| !page.body.contains(&stack.uid)),
        "nothing of the one before",
    );
    // The other instance knows nothing that it has not asked for with that person's own token.
    let page = Ask::get(format!("http://{}/", elsewhere.address))
        .header("host", app.url.strip_prefix("http://").unwrap())
        .cookie(SESSION, other.cookie(SESSION).unwrap())
        .send()
        .await;
    case.same(page.status, StatusCode::OK, "the other instance");
    let strangers = of_main
        .iter()
        .filter(|stack| of_other.iter().all(|other| other.uid != stack.uid));
    case.check(
        strangers.into_iter().all(|stack| !page.body.contains(&stack.uid)),
        "only the person's own",
    );
    elsewhere.running.stop().await;
}

#[tokio::test]
async fn uids_and_paths() {
    let cases = Cases::of("authorization", "uids");
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let (session, csrf) = (
        browser.cookie(SESSION).unwrap(),
        browser.get("/settings").await.form("Save").get("csrf").to_owned(),
    );
    let good = app.quiet_stack("staging");
    let case = cases.case("A06");
    app.world().clear_journal();
    let odd = [
        good[..31].to_owned(),
        format!("{good}0"),
        good.to_uppercase(),
        good.replace(|c: char| c.is_ascii_digit(), "g"),
        format!("{good}.json"),
        format!("{good}%00"),
        format!("%20{good}"),
        format!("{good}%2f"),
        format!("..%2f{good}"),
        "%2e%2e".into(),
        "%2e%2e%2f%2e%2e%2foauth%2ftoken".into(),
        "a%2F..%2F..%2Foauth".into(),
        "..%5c..%5coauth".into(),
        "%c0%ae%c0%ae".into(),
        "%ff".into(),
        "new".into(),
        "*".into(),
        "null".into(),
        format!("{good}%3fx=y"),
        format!("{good}%23"),
        "%D9%A0".repeat(32),
    ];
    for uid in &odd {
        for path in ["", "/redeploy", "/actions/restart", "/deployments/1/cancel"] {
            case.input();
            let target = format!("/stacks/{uid}{path}");
            // What is not UTF-8 is no text at all: 400.
            let status = raw(&app, "GET", &target, &session, "").await;
            case.check([404, 400].contains(&status), format!("GET {target}: {status}"));
            let status = raw(&app, "POST", &target, &session, &format!("csrf={csrf}&op=x")).await;
            case.check(
                [404, 405, 400].contains(&status),
                format!("POST {target}: {status}"),
            );
        }
    }
    for (path, what) in [
        ("actions/rm-rf", "an unknown command"),
        ("actions/redeploy", "a redeploy is no action"),
        ("actions/..%2fredeploy", "a path as a command"),
        ("deployments/x/cancel", "a deployment that is no number"),
        ("deployments/-1/cancel", "a negative number"),
        ("deployments/99999999999999999999/cancel", "a number too large"),
        ("deployments/1%2f..%2f2/cancel", "a path as a number"),
    ] {
        case.input();
        let page = browser.get(&format!("/stacks/{good}/{path}")).await;
        case.same(page.status, StatusCode::NOT_FOUND, what);
    }
    let asked = app.world().journal();
    let strange: Vec<&str> = asked
        .entries()
        .iter()
        .filter(|entry| {
            entry.path.contains("..") || entry.path.contains('%') || !entry.path.starts_with("/api/3/")
        })
        .map(|entry| entry.path.as_str())
        .collect();
    case.check(strange.is_empty(), format!("{strange:?}"));
    case.same(asked.count("redeploy"), 0, "nothing was sent");

    // A uid from Cloud 66 that is none: the row is shown as far as it goes, and nothing is built from it.
    let case = cases.case("A07");
    for bad in [
        "../x",
        "..%2f..%2foauth",
        "4F6C0E2B9D1A4C7E8B3F5A6D7C8E9F01",
        "a/b",
    ] {
        let fake = super::cloud66::start_with_stacks(&format!(
            r#"[{{"uid":"{bad}","name":"marker-bad-row","environment":"staging"}},{{"uid":"{good}","name":"marker-good-row","environment":"staging"}}]"#
        ))
        .await;
        let app = TestApp::with()
            .setting("CLOUD66_URL", fake.url.as_str())
            .setting("CLOUD66_PKCE", "off")
            .start()
            .await;
        let session = super::cloud66::sign_in(&app).await;
        let page = Ask::get(format!("{}/", app.url))
            .cookie(SESSION, &session)
            .send()
            .await;
        case.check(page.body.contains("marker-good-row"), "the others are unharmed");
        case.check(
            !page.body.contains(&format!("/stacks/{bad}")),
            "it is in no address",
        );
        case.check(!page.body.contains("href=\"/stacks/.."), "no way up");
        case.check(
            fake.seen().iter().all(|seen| !seen.path.contains(bad)),
            "and is asked for nowhere",
        );
    }
}

#[tokio::test]
async fn options_of_a_form() {
    let cases = Cases::of("authorization", "options");
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let case = cases.case("A08");
    let shapes = [
        ("git_ref", "main&services=x"),
        ("git_ref", "main?x=y"),
        ("git_ref", "../../oauth/token"),
        ("git_ref", "a b"),
        ("git_ref", "-x"),
        ("git_ref", "main\r\nX: y"),
        ("services", "web/../../x"),
        ("services", "web?x=y"),
        ("stack", "0123456789abcdef0123456789abcdef"),
        ("user_reference", "mine"),
        ("uid", "0123456789abcdef0123456789abcdef"),
        ("access_token", "x"),
        ("deployment_profile", "a/../b"),
    ];
    for (name, value) in shapes {
        case.input();
        app.world().clear_journal();
        app.clock.advance(Duration::minutes(3));
        let form = browser
            .get(&format!("/stacks/{uid}/redeploy"))
            .await
            .form("Redeploy staging")
            .set(name, value);
        let page = browser.send_once(&form).await;
        case.check(
            !page.status.is_server_error(),
            format!("{name}={value}: {}", page.status),
        );
        if page.sees_other() && page.location().starts_with("/redeploys/") {
            app.world().wait_for("redeploy", 1).await;
        }
        let journal = app.world().journal();
        for entry in journal.entries() {
            let plain = entry.path.strip_prefix("/api/3/").is_some_and(|path| {
                path.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"/_.-".contains(&byte))
                    && !path.contains("..")
            });
            case.check(plain, format!("{name}={value}: {}", entry.path));
            case.check(!entry.query.contains("access_token"), &entry.query);
        }
        for entry in journal.of("redeploy") {
            case.check(entry.path.contains(&uid), "the stack of the address, no other");
            case.check(
                entry.user_reference.as_deref() != Some("mine"),
                "our own reference",
            );
        }
        // Whatever was taken has to end before the next one may begin.
        app.world().clock().advance(std::time::Duration::from_mins(30));
        wait_until_quiet(&app).await;
    }
}

async fn wait_until_quiet(app: &TestApp) {
    for () in looks() {
        let open = "SELECT count(*) FROM redeploys WHERE state IN ('requested', 'sending', 'unknown')";
        if app.number(open).await == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("a redeploy is never answered");
}

#[tokio::test]
async fn nobody_everywhere() {
    let cases = Cases::of("authorization", "anonymous");
    let app = TestApp::start().await;
    let case = cases.case("A09");
    app.world().clear_journal();
    for (name, path) in routes::all() {
        let public = routes::PUBLIC.contains(&name.as_str());
        for suffix in ["", "?access=redeploy", "?x=/healthz", "?return_to=/healthz"] {
            for method in [Method::GET, Method::HEAD, Method::POST] {
                let page = Ask::new(method.clone(), format!("{}{path}{suffix}", app.url))
                    .header("sec-fetch-site", "same-origin")
                    .header("user-agent", "GoogleHC/1.0 ELB-HealthChecker/2.0 kube-probe/1.30")
                    .header("x-forwarded-uri", "/healthz")
                    .header("x-original-url", "/healthz")
                    .header("x-forwarded-user", "maya@harbourfinch.example")
                    .header("authorization", "Bearer x")
                    .send();
                let page = tokio::time::timeout(PATIENCE, page)
                    .await
                    .expect("no stream is held");
                let what = format!("{method} {path}{suffix}: {}", page.status);
                if !public {
                    case.check([303, 401, 403, 404, 405].contains(&page.status.as_u16()), &what);
                    case.check(
                        page.status != 303
                            || page.location().starts_with("/?return_to=")
                            || page.location() == "/",
                        &what,
                    );
                }
                case.check(!page.body.contains("/sign-out"), &what);
                case.check(!page.status.is_server_error(), &what);
            }
        }
    }
    // Ways to write a path that a proxy's rule and our router might read differently.
    for path in [
        "/settings/",
        "//settings",
        "/./settings",
        "/%73ettings",
        "/settings%2f",
        "/settings;x",
        "/SETTINGS",
        "/healthz/../settings",
        "/healthz%2f..%2fsettings",
        "/settings#/healthz",
        "/static/../settings",
        "/settings%00",
        "/settings/.",
        "/oauth/callback/../../settings",
    ] {
        case.input();
        let page = Ask::get(format!("{}{path}", app.url)).send().await;
        case.check(
            [303, 404, 400].contains(&page.status.as_u16()),
            format!("{path}: {}", page.status),
        );
        case.check(!page.body.contains("/sign-out"), path);
    }
    case.same(
        app.world().journal().entries().len(),
        0,
        "Cloud 66 was asked nothing",
    );
    // The other way round: with a session each GET route is no sign-in page, so the table above is about the right routes.
    let browser = app.signed_in().await;
    for path in ["/settings", "/redeploys", "/redeploys/new", "/search"] {
        case.same(browser.get(path).await.status, StatusCode::OK, path);
    }
}

#[tokio::test]
async fn nothing_for_operators_is_open() {
    let cases = Cases::of("authorization", "operators");
    let app = TestApp::start().await;
    let case = cases.case("A11");
    for path in [
        "/metrics",
        "/debug",
        "/admin",
        "/.env",
        "/.git/HEAD",
        "/stackdeck.db",
        "/server-status",
        "/actuator",
        "/control/faults",
        "/static/",
        "/static/../Cargo.toml",
        "/static/%2e%2e%2fCargo.toml",
        "/static/app.css",
    ] {
        case.input();
        let page = Ask::get(format!("{}{path}", app.url)).send().await;
        case.same(page.status, StatusCode::NOT_FOUND, path);
    }
}

/// A sign-in that may only look, and a role that may not.
#[tokio::test]
async fn looking_only() {
    let cases = Cases::of("authorization", "looking");
    let app = TestApp::start().await;
    let case = cases.case("A10");
    let browser = app.browser();
    let home = browser.get("/").await;
    let page = browser.submit(&home, "Sign in to look only").await;
    browser.allow(page, &app.main_person()).await;
    let uid = app.quiet_stack("staging");
    let (session, settings) = (browser.cookie(SESSION).unwrap(), browser.get("/settings").await);
    let csrf = settings.form("Save").get("csrf").to_owned();
    let list = browser.get("/").await;
    let op = list.attribute("input[name=op]", "value").unwrap_or_default();
    for path in ["/redeploy", "/actions/restart"] {
        case.same(
            browser.get(&format!("/stacks/{uid}{path}")).await.status,
            StatusCode::FORBIDDEN,
            path,
        );
        let page = Ask::form(
            format!("{}/stacks/{uid}{path}", app.url),
            &[("csrf", &csrf), ("op", &op)],
        )
        .cookie(SESSION, &session)
        .send()
        .await;
        case.check(
            page.status.is_client_error(),
            format!("POST {path}: {}", page.status),
        );
    }
    case.same(
        browser.get("/redeploys/new").await.status,
        StatusCode::FORBIDDEN,
        "several at once",
    );
    case.same(
        app.number("SELECT count(*) FROM redeploys").await,
        0,
        "nothing is written down",
    );
    case.same(app.world().journal().count("redeploy"), 0, "and nothing sent");
}
