//! V: hostile text from Cloud 66 (ASVS 5.0 V1.2). Whatever a name holds, the page shows it and the page's own parts
//! stay what they are. Whether a real browser runs any of it is tried in [`super::in_chromium`].

use reqwest::StatusCode;
use scraper::{Html, Selector};

use super::cloud66;
use super::flow::SESSION;
use super::headers::inline_parts;
use super::process::Served;
use crate::harness::{Ask, Browser, Case, Cases, PATIENCE, PAUSE, Page, TestApp};
use stackdeck::sandbox::Options;

const UID: &str = "4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01";

/// Texts that have broken pages elsewhere: out of an attribute, of a tag, of a script, of a template, of a line.
pub(super) const PAYLOADS: [&str; 44] = [
    "\"><svg onload=alert(1)>",
    "'><img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "'-alert(1)-'",
    "\";alert(1);//",
    "javascript:alert(1)",
    "<a href=javascript:alert(1)>x</a>",
    "{{7*7}}",
    "${7*7}",
    "#{7*7}",
    "{% raw %}",
    "<%= 7*7 %>",
    "&#x3c;script&#x3e;alert(1)&#x3c;/script&#x3e;",
    "&lt;script&gt;",
    "&amp;lt;b&amp;gt;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "</textarea><b>x",
    "</title><b>x",
    "</style><b>x",
    "</template><b>x",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content=0;url=https://evil.example>",
    "<form action=https://evil.example><input type=submit>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "x\" hx-get=\"/sign-out\" hx-trigger=\"load",
    "x' data-events='https://evil.example",
    "a\n\nevent: x\ndata: y",
    "a\r\nSet-Cookie: x=y",
    "a\u{2028}b\u{2029}c",
    "\u{202e}drow\u{202c}",
    "\u{0}a",
    "\u{feff}a\u{200b}b",
    "a\u{0301}\u{0302}\u{0303}\u{0304}",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{1b}[31mred\u{1b}[0m",
    "%3Cscript%3Ealert(1)%3C/script%3E",
];

/// An app whose Cloud 66 says what the test wants of one stack, its people and its refusals.
struct Hostile {
    app: TestApp,
    said: std::sync::Arc<std::sync::Mutex<String>>,
    _fake: cloud66::Fake,
}

impl Hostile {
    async fn start() -> Self {
        let said = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let says = said.clone();
        let fake = cloud66::Fake::start(move |seen, number| {
            let text = says.lock().unwrap().clone();
            match seen.path.as_str() {
                // Another token each time, so that nothing is remembered of the one before.
                "/oauth/token" => cloud66::token(&format!("token-{number}")),
                "/api/3/ping/auth.json" => {
                    let me = serde_json::json!({"user_id": 77, "user_name": text, "account_id": 912, "account_name": text});
                    cloud66::json(200, serde_json::json!({ "response": me }).to_string())
                }
                "/api/3/stacks.json" => {
                    let stack = serde_json::json!({
                        "uid": UID, "name": text, "environment": text, "git_branch": text, "git": text, "cloud": text,
                        "fqdn": text, "framework": text, "language": text, "account_name": text, "status": 1,
                        "health": 3, "is_busy": false, "redeploy_hook": "https://hooks.example/marker-hook",
                        "has_ssh_key": true, "created_at": "2024-01-25T14:13:18Z", "last_activity": "2024-01-25T14:13:18Z",
                    });
                    cloud66::json(200, serde_json::json!({"response": [stack], "count": 1}).to_string())
                }
                _ => cloud66::json(400, serde_json::json!({"error": "bad", "error_description": text, "details": text}).to_string()),
            }
        })
        .await;
        let app = TestApp::with()
            .setting("CLOUD66_URL", fake.url.as_str())
            .setting("CLOUD66_PKCE", "off")
            .start()
            .await;
        Self {
            app,
            said,
            _fake: fake,
        }
    }

    /// From now on this is said. Gives the cookie of a session that has heard nothing else.
    async fn say(&self, text: &str) -> String {
        text.clone_into(&mut self.said.lock().unwrap());
        self.app.clock.advance(time::Duration::seconds(5));
        cloud66::sign_in(&self.app).await
    }
}

/// How many elements of each kind a page has, and which attributes.
fn skeleton(page: &Page) -> Vec<(String, Vec<String>)> {
    let document = Html::parse_document(&page.body);
    let all = Selector::parse("body *").unwrap();
    let elements = document.select(&all);
    elements
        .map(|element| {
            let mut attributes: Vec<String> =
                element.value().attrs().map(|(name, _)| name.to_owned()).collect();
            attributes.sort();
            (element.value().name().to_owned(), attributes)
        })
        .collect()
}

async fn get(app: &TestApp, session: &str, path: &str) -> Page {
    Ask::get(format!("{}{path}", app.url))
        .cookie(SESSION, session)
        .send()
        .await
}

#[tokio::test]
async fn names_are_text() {
    let cases = Cases::of("text", "names");
    let paths = [
        "/".to_owned(),
        format!("/stacks/{UID}"),
        format!("/stacks/{UID}/redeploy"),
        "/redeploys/new".into(),
        format!("/stacks/{UID}/actions/restart"),
    ];
    let hostile = Hostile::start().await;
    let app = &hostile.app;
    let session = hostile.say("plainword").await;
    let mut expected = Vec::new();
    for path in &paths {
        expected.push(skeleton(&get(app, &session, path).await));
    }
    let case = cases.case("V01");
    for payload in PAYLOADS {
        case.input();
        let session = hostile.say(payload).await;
        for (path, expected) in paths.iter().zip(&expected) {
            let page = get(app, &session, path).await;
            case.check(
                page.status.is_success() || page.status == 404 || page.status == 502,
                format!("{payload:?} on {path}: {}", page.status),
            );
            let found = inline_parts(&page.body);
            case.check(found.is_empty(), format!("{payload:?} on {path}: {found:?}"));
            case.check(!page.body.contains("marker-hook"), "the hook is nowhere");
            if path == "/" {
                // What a person reads holds the text itself, apart from signs that cannot be seen.
                let visible = payload.trim_matches(|c: char| c.is_control() || c == '\u{feff}');
                let shown = page.text();
                let words: Vec<&str> = visible
                    .split(|c: char| c.is_whitespace() || c.is_control())
                    .filter(|word| !word.is_empty())
                    .collect();
                let cut: String = words.first().unwrap().chars().take(20).collect();
                case.check(shown.contains(&cut), format!("{payload:?} is shown: {shown}"));
            }
            let names: Vec<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
            let found: Vec<(String, Vec<String>)> = skeleton(&page);
            let strange: Vec<&(String, Vec<String>)> = found
                .iter()
                .filter(|(name, _)| {
                    !names.contains(&name.as_str())
                        && !["bdi", "a", "use", "svg", "span", "code"].contains(&name.as_str())
                })
                .collect();
            case.check(
                strange.is_empty(),
                format!("{payload:?} on {path} makes {strange:?}"),
            );
        }
    }
    let case = cases.case("V04");
    let session = hostile.say("</script><!--").await;
    let page = get(app, &session, "/").await;
    case.check(
        !page.body.contains("application/json"),
        "no data is embedded as a script",
    );
    let case = cases.case("V06");
    for odd in ["", " ", "\u{0}", "\u{200b}", "a\tb", "\u{ffff}", "\u{10ffff}"] {
        case.input();
        let session = hostile.say(odd).await;
        let page = get(app, &session, "/").await;
        case.same(page.status, StatusCode::OK, format!("{odd:?}"));
        case.check(page.body.contains(UID), "the row is there");
        case.check(!page.body.contains('\0'), "no NUL");
    }
    // A lone surrogate is no text, but one bad row must not take the others with it.
    let fake = cloud66::start_with_stacks(&format!(
        r#"[{{"uid":"{UID}","name":"a\ud800b"}},{{"uid":"0123456789abcdef0123456789abcdef","name":"marker-good"}}]"#
    ))
    .await;
    let app = TestApp::with()
        .setting("CLOUD66_URL", fake.url.as_str())
        .setting("CLOUD66_PKCE", "off")
        .start()
        .await;
    let session = cloud66::sign_in(&app).await;
    let page = get(&app, &session, "/").await;
    case.same(page.status, StatusCode::OK, "a lone surrogate");
    case.check(page.body.contains("marker-good"), "the others are there");
}

#[tokio::test]
async fn links_are_web_links() {
    let cases = Cases::of("text", "links");
    let case = cases.case("V02");
    let hostile = Hostile::start().await;
    for link in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//evil.example",
        "https:evil.example\"onclick=x",
        "java\tscript:alert(1)",
        " javascript:alert(1)",
        "file:///etc/passwd",
        "x' onerror='",
    ] {
        case.input();
        let session = hostile.say(link).await;
        for path in ["/".to_owned(), format!("/stacks/{UID}")] {
            let page = get(&hostile.app, &session, &path).await;
            let document = Html::parse_document(&page.body);
            let links = Selector::parse("[href]").unwrap();
            for element in document.select(&links) {
                let href = element.attr("href").unwrap();
                // An empty one is this page again.
                let plain = href.is_empty()
                    || href.starts_with("https://")
                    || href.starts_with("http://")
                    || (href.starts_with('/') && !href.starts_with("//"))
                    || href.starts_with('#')
                    || href.starts_with('?');
                case.check(plain, format!("{link:?} on {path}: {}", element.html()));
                let outside = href.starts_with("http");
                case.check(
                    !outside || element.attr("rel").is_some_and(|rel| rel.contains("noreferrer")),
                    format!("{href} says where it comes from"),
                );
            }
        }
    }
}

#[tokio::test]
async fn sizes() {
    let cases = Cases::of("text", "sizes");
    let case = cases.case("V05");
    let name = "x".repeat(1 << 20);
    let fake = cloud66::start_with_stacks(&format!(
        r#"[{{"uid":"{UID}","name":"{name}"}},{{"uid":"0123456789abcdef0123456789abcdef","name":"marker-good"}}]"#
    ))
    .await;
    let app = TestApp::with()
        .setting("CLOUD66_URL", fake.url.as_str())
        .setting("CLOUD66_PKCE", "off")
        .start()
        .await;
    let session = cloud66::sign_in(&app).await;
    let page = get(&app, &session, "/").await;
    case.same(page.status, StatusCode::OK, "a name of 1 MB");
    case.check(page.body.len() < 1 << 17, format!("{} bytes", page.body.len()));
    case.check(page.body.contains("marker-good"), "the others are there");
}

/// As many as the sandbox has, in a process of its own, whose memory is seen. 334 pages are asked for, and read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_stacks_are_a_bounded_page_in_bounded_memory() {
    const STACKS: usize = Options::MOST_STACKS;
    let cases = Cases::of("text", "ten_thousand");
    let case = cases.case("V05");
    let options = Options {
        stacks: Some(STACKS),
        ..Options::default()
    };
    let served = Served::start_with("true", options, &[]).await;
    let browser = Browser::new(&served.url);
    let person = served.sandbox.world().main_person().unwrap().email;
    // A list of which a page ran out of time is read again, each time with 334 requests of the hour.
    served.sandbox.world().set_rate_limit("1000000".parse().unwrap());
    let before = served.most_memory();
    let page = whole_list(&case, &browser, browser.sign_in(&person).await, STACKS).await;
    case.check(page.body.len() < 2 << 20, format!("{} bytes", page.body.len()));
    // What ran out of time was asked for again with the next list; what was answered was not.
    let journal = served.sandbox.world().journal();
    let of_each_page: std::collections::BTreeSet<&str> =
        journal.of("stacks").map(|entry| entry.query.as_str()).collect();
    case.same(
        of_each_page.len(),
        STACKS.div_ceil(30),
        "each page of Cloud 66's list was read, and no other",
    );
    // The last one is found like the first.
    let last = served.sandbox.world().visible_to(&person).pop().unwrap();
    let found = browser.get(&format!("/?q={}", last.name.replace(' ', "+"))).await;
    case.check(found.body.contains(&last.uid), "the last one is found");
    let used = served.most_memory() - before;
    // A debug build on a quiet machine took 26 MB.
    case.check(used < 100_000, format!("{used} kB for {STACKS} stacks"));
}

/// The list once it is whole. Cloud 66 may need longer for it than a page waits, and longer for one of its pages than
/// a request may take. Until then the page says that it has no list, or that stacks are missing in it: it never shows
/// a part as if it were all.
async fn whole_list(case: &Case<'_>, browser: &Browser, first: Page, stacks: usize) -> Page {
    let began = std::time::Instant::now();
    let mut page = first;
    loop {
        let text = page.text();
        let says_so = [
            "Loading your stacks",
            "some stacks are missing here",
            "Cloud 66 is not answering",
        ];
        if !says_so.iter().any(|words| text.contains(words)) {
            case.same(page.status, StatusCode::OK, format!("the list: {text:.500}"));
            case.check(
                text.contains(&stacks.to_string()),
                format!("all of them are counted: {text:.500}"),
            );
            return page;
        }
        assert!(began.elapsed() < PATIENCE, "never whole: {text:.500}");
        tokio::time::sleep(PAUSE).await;
        page = browser.get("/").await;
    }
}

#[tokio::test]
async fn words_of_an_address_are_not_repeated() {
    let cases = Cases::of("text", "addresses");
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let session = browser.cookie(SESSION).unwrap();
    let case = cases.case("V08");
    for path in [
        "/<script>marker</script>",
        "/%3Cscript%3Emarker%3C/script%3E",
        "/stacks/marker%22%3E%3Cb%3E",
        "/redeploys/marker<b>",
        "/static/marker<b>",
        "/oauth/callback?error=marker<b>&state=marker<b>",
        "/sign-in?return_to=marker<b>&access=marker<b>",
        "/help?marker<b>",
        "/redeploys/batches/marker<b>",
    ] {
        case.input();
        for cookie in ["", session.as_str()] {
            let page = Ask::get(format!("{}{path}", app.url))
                .cookie(SESSION, cookie)
                .send()
                .await;
            case.check(!page.body.contains("marker"), format!("{path}: {}", page.status));
        }
    }
    // A search is repeated in its own field, as text.
    let case = cases.case("V09");
    for payload in PAYLOADS {
        case.input();
        for field in ["q", "state", "env", "account", "sort", "group"] {
            let mut url: url::Url = format!("{}/", app.url).parse().unwrap();
            url.query_pairs_mut().append_pair(field, payload);
            let page = Ask::get(url.as_str()).cookie(SESSION, &session).send().await;
            case.same(page.status, StatusCode::OK, format!("{field}={payload:?}"));
            let found = inline_parts(&page.body);
            case.check(found.is_empty(), format!("{field}={payload:?}: {found:?}"));
        }
    }
    // Cloud 66's own words, in a refusal and in its warning.
    let case = cases.case("V07");
    let hostile = Hostile::start().await;
    for payload in PAYLOADS {
        case.input();
        let session = hostile.say(payload).await;
        for path in [
            "/".to_owned(),
            format!("/stacks/{UID}"),
            format!("/stacks/{UID}/redeploy"),
            "/settings".into(),
        ] {
            let page = get(&hostile.app, &session, &path).await;
            let found = inline_parts(&page.body);
            case.check(found.is_empty(), format!("{payload:?} on {path}: {found:?}"));
            case.check(
                !page.body.contains("<svg onload") && !page.body.contains("<b>x"),
                format!("{payload:?} on {path}"),
            );
            case.check(
                page.headers
                    .values()
                    .all(|value| !value.as_bytes().contains(&b'\n')),
                "no header is added",
            );
            case.same(page.header("set-cookie").contains("x=y"), false, "nor a cookie");
        }
    }
}

/// Our own script makes no HTML out of text.
#[test]
fn the_script_is_plain() {
    let cases = Cases::of("text", "script");
    let case = cases.case("V10");
    for (name, script) in [
        ("app.js", include_str!("../../../static/app.js")),
        ("trusted.js", include_str!("../../../static/trusted.js")),
    ] {
        let code: String = script
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n");
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "setTimeout('",
            "setTimeout(\"",
            "createContextualFragment",
            "javascript:",
            "srcdoc =",
        ] {
            case.check(!code.contains(sink), format!("{sink} in {name}"));
        }
    }
}
