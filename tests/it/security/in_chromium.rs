//! What a real browser makes of it: hostile pages, framing, the sign-in's redirect, what `back` shows, and Trusted
//! Types with the pages' own scripts at work. Ignored in a plain `cargo test`: it needs Chromium and its driver.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use thirtyfour::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::flow::SESSION;
use super::text::PAYLOADS;
use crate::harness::{Cases, TestApp, free_port, looks};

/// An open browser, ended with the test.
struct Chromium {
    page: WebDriver,
    _process: Process,
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Chromium {
    async fn open() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = free_port();
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let process = Process(child);
        let mut wishes = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--window-size=1280,900",
        ] {
            wishes.add_arg(argument).unwrap();
        }
        for () in looks() {
            if let Ok(page) = WebDriver::new(format!("http://127.0.0.1:{port}"), wishes.clone()).await {
                return Self {
                    page,
                    _process: process,
                };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("Chromium does not start");
    }

    async fn go(&self, url: &str) {
        self.page.goto(url).await.unwrap();
    }

    async fn url(&self) -> String {
        self.page.current_url().await.unwrap().to_string()
    }

    async fn run(&self, script: &str) -> Value {
        self.page
            .execute(script, Vec::new())
            .await
            .unwrap()
            .json()
            .clone()
    }

    /// Runs a script until it gives true.
    async fn until(&self, what: &str, script: &str) {
        for () in looks() {
            if self.run(script).await == Value::Bool(true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "never: {what} at {}\n{}",
            self.url().await,
            self.page.source().await.unwrap()
        );
    }

    /// Presses the button that begins with this text.
    async fn press(&self, text: &str) {
        let xpath = format!("//button[starts-with(normalize-space(.), '{text}')]");
        let button = self.page.find(By::XPath(xpath.as_str())).await.unwrap();
        button.click().await.unwrap();
    }

    /// Through every page that a person sees.
    async fn sign_in(&self, app: &TestApp) {
        self.go(&app.url).await;
        self.press("Sign in with Cloud 66").await;
        let person = app.main_person();
        self.until("the people", "return !!document.querySelector('[value*=\"@\"]')")
            .await;
        let chosen = format!("//form[.//*[@value='{person}']]//button | //button[@value='{person}']");
        self.page
            .find(By::XPath(chosen.as_str()))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
        self.until(
            "the consent page",
            "return location.pathname === '/oauth/authorize' && document.readyState === 'complete'",
        )
        .await;
        self.press("Authorize").await;
        self.until("signed in", "return !!document.querySelector('ul.stacks')")
            .await;
    }
}

/// A site of somebody else: 127.0.0.1 is another site than localhost. Every path answers this page.
async fn hostile_site(page: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let page = page.clone();
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                    page.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium and chromedriver; bin/check runs it"]
async fn another_site() {
    let cases = Cases::of("chromium", "another_site");
    let app = TestApp::start().await;
    let chromium = Chromium::open().await;
    let case = cases.case("H02");
    chromium.go(&app.url).await;
    chromium.press("Sign in with Cloud 66").await;
    chromium
        .until("Cloud 66's page", "return location.pathname === '/users/sign_in'")
        .await;
    case.check(
        chromium.url().await.starts_with(app.sandbox.url()),
        "the form's redirect is followed",
    );
    chromium.sign_in(&app).await;
    case.check(chromium.url().await.starts_with(&app.url), "and the way back");

    let case = cases.case("F10");
    let uid = app.quiet_stack("staging");
    let ours = app.url.clone();
    let stacks = format!("{ours}/stacks/{uid}");
    // The one above, which nobody came back from.
    let begun = app.number("SELECT count(*) FROM sign_ins").await;
    for (what, page) in [
        (
            "a form",
            format!(
                "<form method=post action='{stacks}/redeploy'><input name=op value=x></form><script>document.forms[0].submit()</script>"
            ),
        ),
        (
            "a form to sign out",
            format!(
                "<form method=post action='{ours}/sign-out'></form><script>document.forms[0].submit()</script>"
            ),
        ),
        (
            "a form as text",
            format!(
                "<form method=post enctype=text/plain action='{ours}/sign-out/everywhere'></form><script>document.forms[0].submit()</script>"
            ),
        ),
        (
            "a sign-in",
            format!(
                "<form method=post action='{ours}/sign-in'></form><script>document.forms[0].submit()</script>"
            ),
        ),
        (
            "an image",
            format!(
                "<img src='{stacks}/redeploy'><script>setTimeout(() => document.title = 'done', 500)</script>"
            ),
        ),
        (
            "a fetch",
            format!(
                "<script>fetch('{stacks}/redeploy', {{method: 'POST', mode: 'no-cors', credentials: 'include', body: new URLSearchParams({{op: 'x'}})}}).finally(() => document.title = 'done')</script>"
            ),
        ),
        (
            "a beacon",
            format!(
                "<script>navigator.sendBeacon('{ours}/sign-out'); setTimeout(() => document.title = 'done', 500)</script>"
            ),
        ),
        (
            "a window",
            format!(
                "<script>window.open('{stacks}/redeploy'); setTimeout(() => document.title = 'done', 500)</script>"
            ),
        ),
    ] {
        case.input();
        let site = hostile_site(page).await;
        chromium.go(&site).await;
        chromium
            .until(
                what,
                "return document.title === 'done' || location.hostname === 'localhost'",
            )
            .await;
        case.same(
            app.world().journal().count("redeploy"),
            0,
            format!("{what}: nothing upstream"),
        );
        case.same(
            app.number("SELECT count(*) FROM redeploys").await,
            0,
            format!("{what}: nothing written"),
        );
        case.same(
            app.number("SELECT count(*) FROM sign_ins").await,
            begun,
            format!("{what}: no sign-in begun"),
        );
        case.same(
            app.number("SELECT count(*) FROM sessions").await,
            1,
            format!("{what}: nobody signed out"),
        );
    }
    chromium.go(&ours).await;
    case.check(
        chromium.page.source().await.unwrap().contains("/sign-out"),
        "still signed in",
    );

    let case = cases.case("F13");
    let site = hostile_site(format!("<script>window.onerror = () => true</script><script src='{ours}/settings' onload=\"document.title = 'loaded'\" onerror=\"document.title = 'blocked'\"></script>")).await;
    chromium.go(&site).await;
    chromium.until("an end", "return document.title !== ''").await;
    case.same(
        chromium.run("return document.title").await,
        Value::from("blocked"),
        "a private page as a script",
    );

    let case = cases.case("H04");
    for tag in ["iframe src", "object data", "embed src"] {
        let name = tag.split(' ').next().unwrap();
        let site = hostile_site(format!("<{tag}='{ours}/' onload=\"document.title = 'end'\" onerror=\"document.title = 'end'\" width=900 height=600></{name}><script>setTimeout(() => document.title = 'end', 1500)</script>")).await;
        chromium.go(&site).await;
        chromium.until("an end", "return document.title === 'end'").await;
        if name != "iframe" {
            continue;
        }
        chromium.page.enter_frame(0).await.unwrap();
        let framed = chromium.page.source().await.unwrap();
        chromium.page.enter_default_frame().await.unwrap();
        case.check(
            framed.contains("ERR_BLOCKED_BY_RESPONSE") && !framed.contains("Stackdeck"),
            format!("framed: {framed}"),
        );
    }
    let opener = hostile_site(format!("<script>window.w = window.open('{ours}/settings'); setTimeout(() => document.title = 'end', 1500)</script>")).await;
    chromium.go(&opener).await;
    chromium.until("an end", "return document.title === 'end'").await;
    let reach = chromium.run("try { return window.w === null || window.w.closed || window.w.length === undefined } catch { return true }").await;
    case.same(
        reach,
        Value::Bool(true),
        "a window of ours is out of reach (COOP)",
    );

    let case = cases.case("H10");
    chromium.go(&ours).await;
    chromium.go(&format!("{ours}/settings")).await;
    chromium
        .run("document.querySelector('form[action=\"/sign-out\"]').submit()")
        .await;
    chromium
        .until("signed out", "return !!document.querySelector('.hero')")
        .await;
    for _ in 0..3 {
        let _ = chromium.page.back().await;
        chromium
            .until("a page", "return document.readyState === 'complete'")
            .await;
        let shown = chromium.page.source().await.unwrap();
        case.check(
            !shown.contains(&uid) && !shown.contains("Where you are signed in"),
            "back shows nothing private",
        );
    }
}

/// V01, V10: hostile names on the pages of a browser whose scripts are at work, under Trusted Types. htmx swaps, the
/// dialog opens, nothing is refused that is ours, and nothing of the names runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium and chromedriver; bin/check runs it"]
async fn hostile_names_under_trusted_types() {
    let cases = Cases::of("chromium", "trusted_types");
    let app = TestApp::with()
        .sandbox(|options| options.stacks = Some(60))
        .start()
        .await;
    for (stack, payload) in app.stacks().iter().zip(PAYLOADS) {
        app.world().change(&stack.uid, |stack| {
            stack.name = payload.replace("alert(1)", "window.ran = 1");
        });
    }
    let chromium = Chromium::open().await;
    chromium.sign_in(&app).await;
    let case = cases.case("V01");
    case.same(
        chromium.run("return 'trustedTypes' in window").await,
        Value::Bool(true),
        "this Chromium has Trusted Types",
    );
    let watch = "window.refused = []; document.addEventListener('securitypolicyviolation', e => window.refused.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample)); \
                 window.errors = []; window.addEventListener('error', e => window.errors.push(e.message)); return true";
    chromium.run(watch).await;
    let shown = chromium
        .run("return document.querySelectorAll('ul.stacks > li').length")
        .await;
    case.same(shown, Value::from(60), "every row is there");
    // htmx at work: the search field filters without a reload.
    chromium.run("window.same = true; const q = document.querySelector('#q'); q.value = 'svg'; q.dispatchEvent(new Event('input', {bubbles: true})); q.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true})); return true").await;
    chromium
        .until(
            "the search has swapped",
            "return window.same === true && document.querySelectorAll('ul.stacks > li').length < 60",
        )
        .await;
    case.same(
        chromium.run("return window.same").await,
        Value::Bool(true),
        "without a reload",
    );
    // The confirm page in the dialog, fetched and parsed by our script.
    chromium.go(&format!("{}/?q=env%3Aproduction", app.url)).await;
    chromium.run(watch).await;
    let link = chromium.page.find(By::Css("a[data-dialog]")).await.unwrap();
    link.click().await.unwrap();
    chromium
        .until(
            "the dialog",
            "return document.querySelector('#dialog').open && !!document.querySelector('#asked form')",
        )
        .await;
    case.same(
        chromium.run("return window.refused").await,
        serde_json::json!([]),
        "nothing of ours is refused",
    );
    case.same(
        chromium.run("return window.errors").await,
        serde_json::json!([]),
        "nothing went wrong",
    );
    for path in [
        "/",
        "/redeploys",
        "/redeploys/new",
        "/settings",
        "/search?q=a",
        "/help",
    ] {
        chromium.go(&format!("{}{path}", app.url)).await;
        case.same(
            chromium.run("return window.ran ?? null").await,
            Value::Null,
            format!("nothing runs on {path}"),
        );
    }
    for stack in app.stacks().iter().take(PAYLOADS.len()) {
        case.input();
        chromium.go(&format!("{}/stacks/{}", app.url, stack.uid)).await;
        case.same(
            chromium.run("return window.ran ?? null").await,
            Value::Null,
            format!("nothing of {:?} runs", stack.name),
        );
    }

    let case = cases.case("V10");
    // What our policy takes and what it does not. Each gives whether the sink took it.
    let html = |text: &str| {
        format!(
            "try {{ document.createElement('div').innerHTML = {text}; return true }} catch {{ return false }}",
            text = serde_json::to_string(text).unwrap()
        )
    };
    for (text, taken) in [
        ("<p class=\"x\">plain &lt;svg onload=1&gt;</p>", true),
        ("<a title=\"&lt;svg onload=alert(1)&gt;\" href=\"/x\">x</a>", true),
        ("<li data-once=\"1\" hx-get=\"/x\">a on b = c</li>", true),
        (
            "<script defer src=\"/static/app.0123456789abcdef.js\" integrity=\"sha384-abc\"></script>",
            true,
        ),
        ("<svg onload=alert(1)>", false),
        ("<svg/onload=alert(1)>", false),
        ("<img src=x ONERROR=alert(1)>", false),
        ("<img src=x onerror\n=alert(1)>", false),
        ("<a title=\"x\"onclick=alert(1)>", false),
        ("<a x=a\"b onclick=alert(1) \"c>", false),
        ("<a title='>' onclick='x'>", false),
        ("<script>alert(1)</script>", false),
        ("<script src=//evil.example/x></script>", false),
        (
            "<script defer src=\"//evil.example/x.js\" integrity=\"sha384-abc\"></script>",
            false,
        ),
        ("<iframe srcdoc=\"x\"></iframe>", false),
        ("<iframe src=\"/\"></iframe>", false),
        ("<base href=\"https://evil.example\">", false),
        ("<style>*{}</style>", false),
        ("<object data=\"x\"></object>", false),
    ] {
        case.input();
        case.same(chromium.run(&html(text)).await, Value::Bool(taken), text);
    }
    for (what, script) in [
        (
            "a script's text",
            "try { document.createElement('script').text = '1'; return true } catch { return false }",
        ),
        (
            "a script's address",
            "try { document.createElement('script').src = '/static/x.js'; return true } catch { return false }",
        ),
        (
            "a handler's attribute",
            "try { document.body.setAttribute('onclick', '1'); return true } catch { return false }",
        ),
        (
            "another policy",
            "try { trustedTypes.createPolicy('x', {}); return true } catch { return false }",
        ),
        (
            "another default policy",
            "try { trustedTypes.createPolicy('default', {}); return true } catch { return false }",
        ),
    ] {
        case.same(chromium.run(script).await, Value::Bool(false), what);
    }
    // The driver's own scripts may use eval; what they leave behind for later may not.
    for (what, script) in [
        ("eval", "eval('window.tried = true')"),
        ("new Function", "new Function('window.tried = true')()"),
        ("a timer of text", "setTimeout('window.tried = true', 0)"),
    ] {
        chromium.run(&format!("window.tried = null; setTimeout(() => {{ try {{ {script} }} catch {{ window.tried = false }} }}, 0); return 1")).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        case.check(
            chromium.run("return window.tried").await != Value::Bool(true),
            what,
        );
    }
    case.check(
        app.number("SELECT count(*) FROM sessions").await == 1,
        format!("{SESSION} is still there"),
    );
}
