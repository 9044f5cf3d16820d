//! F: cross-site request forgery. Three layers: `Sec-Fetch-Site`, the `Origin` against the settings, and a token of
//! the session. M18 shows what a stock layer lets through; each of those rows is refused here.

use reqwest::{Method, StatusCode};
use time::Duration;

use super::flow::{SESSION, begin, rows};
use super::routes;
use crate::harness::{Ask, Browser, Cases, PATIENCE, TestApp};

/// A session, and a redeploy form that would be taken.
struct Ready {
    app: TestApp,
    browser: Browser,
    session: String,
    path: String,
    fields: Vec<(String, String)>,
}

impl Ready {
    async fn new() -> Self {
        Self::at(super::flow::app().await).await
    }

    async fn at(app: TestApp) -> Self {
        let browser = app.signed_in().await;
        let session = browser.cookie(SESSION).unwrap();
        let uid = app.quiet_stack("staging");
        let form = browser
            .get(&format!("/stacks/{uid}/redeploy"))
            .await
            .form("Redeploy staging");
        Self {
            session,
            path: form.action.path().to_owned(),
            fields: form.fields,
            app,
            browser,
        }
    }

    /// The form, without the header by which browsers say where it came from.
    fn form(&self) -> Ask {
        self.form_with("csrf", self.field("csrf"))
    }

    fn form_with(&self, name: &str, value: &str) -> Ask {
        let fields: Vec<(&str, &str)> = self
            .fields
            .iter()
            .map(|(known, kept)| (known.as_str(), if known == name { value } else { kept }))
            .collect();
        Ask::form(format!("{}{}", self.app.url, self.path), &fields)
            .without("sec-fetch-site")
            .cookie(SESSION, &self.session)
    }

    fn field(&self, name: &str) -> &str {
        &self.fields.iter().find(|(known, _)| known == name).unwrap().1
    }

    /// Nothing was written down and nothing was sent.
    async fn untouched(&self) -> bool {
        self.app.number("SELECT count(*) FROM redeploys").await == 0
            && self.app.world().journal().count("redeploy") == 0
    }
}

#[tokio::test]
async fn where_it_comes_from() {
    let cases = Cases::of("csrf", "origin");
    let ready = Ready::new().await;
    let ours = ready.app.url.clone();
    let as_https = ours.replace("http://", "https://");
    let other_port = format!("{ours}1");
    let sub = ours.replace("localhost", "evil.localhost");
    let rows_of_refusal: Vec<(&str, &str, Vec<(&str, &str)>)> = vec![
        ("F01", "cross-site", vec![("sec-fetch-site", "cross-site")]),
        (
            "F01",
            "cross-site with our origin",
            vec![("sec-fetch-site", "cross-site"), ("origin", &ours)],
        ),
        ("F02", "a sibling", vec![("sec-fetch-site", "same-site")]),
        (
            "F02",
            "a sibling with our origin",
            vec![("sec-fetch-site", "same-site"), ("origin", &ours)],
        ),
        (
            "F03",
            "typed or from a bookmark",
            vec![("sec-fetch-site", "none")],
        ),
        (
            "F03",
            "none with our origin",
            vec![("sec-fetch-site", "none"), ("origin", &ours)],
        ),
        (
            "F04",
            "same-origin and a foreign origin",
            vec![
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://evil.example"),
            ],
        ),
        (
            "F04",
            "same-origin twice",
            vec![
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "same-origin"),
            ],
        ),
        (
            "F04",
            "same-origin and cross-site",
            vec![
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site"),
            ],
        ),
        (
            "F04",
            "two origins",
            vec![("origin", &ours), ("origin", "https://evil.example")],
        ),
        ("F04", "another case", vec![("sec-fetch-site", "Same-Origin")]),
        (
            "F04",
            "an unknown word",
            vec![("sec-fetch-site", "same-origin,cross-site")],
        ),
        (
            "F04",
            "an empty word",
            vec![("sec-fetch-site", ""), ("origin", &ours)],
        ),
        ("F06", "neither header", vec![]),
        ("F06", "only a referer", vec![("referer", &ours)]),
        ("F14", "null alone", vec![("origin", "null")]),
        ("F14", "our host over https", vec![("origin", &as_https)]),
        ("F14", "our host at another port", vec![("origin", &other_port)]),
        ("F14", "below our host", vec![("origin", &sub)]),
        (
            "F14",
            "our host as a user",
            vec![("origin", "http://localhost@evil.example")],
        ),
        ("F14", "with a path", vec![("origin", "http://localhost/")]),
        ("F14", "empty", vec![("origin", "")]),
        ("F14", "with white space", vec![("origin", " null")]),
    ];
    for (id, what, headers) in rows_of_refusal {
        let case = cases.case(id);
        case.input();
        let ask = headers
            .iter()
            .fold(ready.form(), |ask, (name, value)| ask.header(name, value));
        let page = ask.send().await;
        case.same(page.status, StatusCode::FORBIDDEN, what);
        case.check(
            ready.untouched().await,
            format!("{what}: nothing is written or sent"),
        );
    }
    // DNS rebinding: an evil name that points here. No handler is reached at all.
    let case = cases.case("F14");
    for host in ["evil.example", "evil.example:8066", "localhost.evil.example"] {
        let page = ready
            .form()
            .header("origin", format!("http://{host}"))
            .header("sec-fetch-site", "same-origin")
            .header("host", host)
            .send()
            .await;
        case.same(page.status, StatusCode::MISDIRECTED_REQUEST, host);
        case.check(!page.body.contains("evil"), "its name is not repeated");
    }
    case.check(ready.untouched().await, "nothing is written or sent");

    let case = cases.case("F05");
    let page = ready.form().header("origin", &ours).send().await;
    case.check(page.sees_other(), page.status);
    case.check(page.location().starts_with("/redeploys/"), page.location());
    ready.app.world().wait_for("redeploy", 1).await;
    let again = ready.form().header("sec-fetch-site", "same-origin").send().await;
    case.same(
        again.location(),
        page.location(),
        "and once more is the same receipt",
    );
    let null = ready
        .form()
        .header("sec-fetch-site", "same-origin")
        .header("origin", "null")
        .send()
        .await;
    case.check(null.sees_other(), "what browsers send under no-referrer");
    case.same(ready.app.world().journal().count("redeploy"), 1, "one redeploy");
}

#[tokio::test]
async fn tokens() {
    let cases = Cases::of("csrf", "tokens");
    let ready = Ready::new().await;
    let case = cases.case("F07");
    let other = ready.app.browser();
    other.sign_in(&ready.app.other_person()).await;
    let of_another_person = other.get("/settings").await.form("Save").get("csrf").to_owned();
    let second = ready.app.signed_in().await;
    let of_another_session = second.get("/settings").await.form("Save").get("csrf").to_owned();
    let gone = ready.app.signed_in().await;
    let home = gone.get("/").await;
    let of_a_session_that_ended = home.form("Sign out").get("csrf").to_owned();
    gone.submit(&home, "Sign out").await;
    let good = ready.field("csrf").to_owned();
    let operation = ready.field("op").to_owned();
    let wrong: Vec<(&str, String)> = vec![
        ("empty", String::new()),
        ("of another person", of_another_person),
        ("of another session of the person", of_another_session),
        ("of a session that has ended", of_a_session_that_ended),
        ("truncated", good[..good.len() - 1].to_owned()),
        ("longer", format!("{good}A")),
        (
            "flipped",
            format!("{}{}", if good.starts_with('A') { 'B' } else { 'A' }, &good[1..]),
        ),
        ("another alphabet", good.replace(['-', '_'], "+")),
        ("padded", format!("{good}==")),
        ("zeros", "A".repeat(86)),
        ("the session's id", ready.session.clone()),
        ("the operation", operation),
        ("long", "A".repeat(4_000)),
        ("not ASCII", "ä".repeat(43)),
        ("null", "null".into()),
    ];
    let mut answers = std::collections::BTreeSet::new();
    for (what, token) in wrong {
        case.input();
        // `-` and `_` may not be in it, and then nothing was changed.
        if token == good {
            continue;
        }
        let page = ready
            .form_with("csrf", &token)
            .header("sec-fetch-site", "same-origin")
            .send()
            .await;
        case.same(page.status, StatusCode::FORBIDDEN, what);
        let words = page.texts("main").concat();
        let (answer, _id_of_the_request) = words.split_once(" Request ").unwrap();
        answers.insert(answer.to_owned());
    }
    // Which of them it was, nobody is told.
    case.same(answers.len(), 1, format!("one answer to all: {answers:?}"));
    let missing: Vec<(&str, &str)> = ready
        .fields
        .iter()
        .filter(|(name, _)| name != "csrf")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let ask = |fields: &[(&str, &str)]| {
        Ask::form(format!("{}{}", ready.app.url, ready.path), fields).cookie(SESSION, &ready.session)
    };
    case.same(
        ask(&missing).send().await.status,
        StatusCode::FORBIDDEN,
        "missing",
    );
    let in_the_address = Ask::form(format!("{}{}?csrf={good}", ready.app.url, ready.path), &missing);
    case.same(
        in_the_address.cookie(SESSION, &ready.session).send().await.status,
        StatusCode::FORBIDDEN,
        "in the address",
    );
    case.same(
        ask(&missing).header("x-csrf-token", &good).send().await.status,
        StatusCode::FORBIDDEN,
        "in a header",
    );
    let case = cases.case("F11");
    let mut twice = missing.clone();
    twice.extend([("csrf", "x"), ("csrf", good.as_str())]);
    case.check(
        ask(&twice).send().await.status.is_client_error(),
        "twice, the wrong one first",
    );
    let mut twice = missing;
    twice.extend([("csrf", good.as_str()), ("csrf", "x")]);
    case.check(
        ask(&twice).send().await.status.is_client_error(),
        "twice, the right one first",
    );
    case.check(ready.untouched().await, "nothing is written or sent");
    // The token is masked anew for each page, so that compressing one gives nothing away (BREACH).
    let case = cases.case("F17");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let page = ready.browser.get("/settings").await;
        seen.insert(page.form("Save").get("csrf").to_owned());
    }
    case.same(seen.len(), 20, "twenty pages, twenty tokens");
    for token in seen {
        let page = ready
            .form_with("csrf", &token)
            .header("sec-fetch-site", "same-origin")
            .send()
            .await;
        case.check(page.sees_other(), "each of them is good");
    }
}

#[tokio::test]
async fn methods_and_bodies() {
    let cases = Cases::of("csrf", "methods");
    let ready = Ready::new().await;
    let url = format!("{}{}", ready.app.url, ready.path);
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&ready.fields)
        .finish();
    let case = cases.case("F08");
    let signed = |method: Method, url: &str| {
        Ask::new(method, url)
            .header("sec-fetch-site", "same-origin")
            .cookie(SESSION, &ready.session)
    };
    for path in [
        url.clone(),
        format!("{url}?{query}"),
        format!("{url}?_method=POST&{query}"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let page = signed(method.clone(), &path)
                .header("x-http-method-override", "POST")
                .header("x-method-override", "POST")
                .send()
                .await;
            case.check(
                !page.status.is_redirection() && !page.status.is_server_error(),
                page.status,
            );
        }
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            let page = signed(method.clone(), &path)
                .header("x-http-method-override", "POST")
                .body("application/x-www-form-urlencoded", query.clone())
                .send()
                .await;
            case.same(page.status, StatusCode::METHOD_NOT_ALLOWED, method);
        }
    }
    case.check(ready.untouched().await, "nothing is written or sent");

    let case = cases.case("F09");
    let json = serde_json::to_string(
        &ready
            .fields
            .iter()
            .cloned()
            .collect::<std::collections::BTreeMap<_, _>>(),
    )
    .unwrap();
    for (kind, body) in [
        ("text/plain", query.clone()),
        ("text/plain;application/x-www-form-urlencoded", query.clone()),
        ("application/json", json.clone()),
        ("text/plain", json),
        (
            "multipart/form-data; boundary=x",
            format!(
                "--x\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{}\r\n--x--",
                ready.field("csrf")
            ),
        ),
        ("application/octet-stream", query.clone()),
        ("", query.clone()),
        ("application/x-www-form-urlencodedx", query.clone()),
    ] {
        case.input();
        let page = signed(Method::POST, &url).body(kind, body).send().await;
        case.same(page.status, StatusCode::BAD_REQUEST, format!("{kind:?}"));
    }
    for body in [
        &b"csrf=%ff%fe"[..],
        b"&&&===&",
        b"\0\xff",
        b"csrf[]=x",
        b"=x",
        b"a=1&a=2",
    ] {
        case.input();
        let page = signed(Method::POST, &url)
            .body("application/x-www-form-urlencoded", body)
            .send()
            .await;
        case.check(
            page.status.is_client_error(),
            format!("{body:?}: {}", page.status),
        );
    }
    case.check(ready.untouched().await, "nothing is written or sent");
}

/// Every route that takes a POST, in one table: without a token of the session none of them does anything.
#[tokio::test]
async fn every_form() {
    let cases = Cases::of("csrf", "every_form");
    let ready = Ready::new().await;
    let case = cases.case("F15");
    let mut taken = 0;
    for (name, path) in routes::all() {
        let url = format!("{}{path}", ready.app.url);
        let bare = Ask::form(&url, &[]).cookie(SESSION, &ready.session).send().await;
        if [404, 405].contains(&bare.status.as_u16()) {
            continue;
        }
        taken += 1;
        for (what, ask) in [
            (
                "cross-site",
                Ask::form(&url, &[])
                    .without("sec-fetch-site")
                    .header("sec-fetch-site", "cross-site"),
            ),
            ("no header", Ask::form(&url, &[]).without("sec-fetch-site")),
            (
                "foreign origin",
                Ask::form(&url, &[]).header("origin", "https://evil.example"),
            ),
        ] {
            let page = ask.cookie(SESSION, &ready.session).send().await;
            case.same(page.status, StatusCode::FORBIDDEN, format!("{what} to {name}"));
        }
        if !routes::PUBLIC.contains(&name.as_str()) {
            case.same(bare.status, StatusCode::FORBIDDEN, format!("no token to {name}"));
            let anonymous = Ask::form(&url, &[("csrf", ready.field("csrf"))]).send().await;
            case.same(
                anonymous.status,
                StatusCode::UNAUTHORIZED,
                format!("nobody to {name}"),
            );
        }
    }
    case.check(taken >= 8, format!("{taken} routes take a form"));
    case.check(ready.untouched().await, "nothing is written or sent");
    case.same(rows(&ready.app).await.1, 1, "and nobody was signed out");

    // A stream of somebody else's page is refused, and so is any page of ours as a script (see also H07). More
    // often than a session has places: none of them is held.
    let case = cases.case("F12");
    let events = format!("{}/events?view=stacks", ready.app.url);
    for (site, origin) in [
        ("cross-site", "https://evil.example"),
        ("same-site", "http://localhost:1"),
        ("cross-site", ""),
        ("", "https://evil.example"),
        ("", "null"),
    ] {
        case.input();
        let mut ask = Ask::get(&events)
            .header("accept", "text/event-stream")
            .cookie(SESSION, &ready.session);
        for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
            if !value.is_empty() {
                ask = ask.header(name, value);
            }
        }
        let page = tokio::time::timeout(PATIENCE, ask.send())
            .await
            .expect("no stream is held");
        case.same(page.status, StatusCode::FORBIDDEN, format!("{site} {origin}"));
        case.same(page.header("access-control-allow-origin"), "", "never shared");
    }
    let mut own = Vec::new();
    for _ in 0..4 {
        let stream = ready.browser.follow_path("/events?view=stacks").await;
        case.same(stream.status, StatusCode::OK, "our own page has all its places");
        own.push(stream);
    }
    drop(own);
    let case = cases.case("F13");
    for path in ["/", "/settings", "/search?q=a", "/redeploys"] {
        let page = Ask::get(format!("{}{path}", ready.app.url))
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-dest", "script")
            .header("origin", "https://evil.example")
            .cookie(SESSION, &ready.session)
            .send()
            .await;
        case.same(page.header("cross-origin-resource-policy"), "same-origin", path);
        case.same(page.header("x-content-type-options"), "nosniff", path);
        case.check(page.header("content-type").starts_with("text/html"), path);
        case.check(
            page.headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control")),
            path,
        );
    }
}

/// A person who sends forms faster than fingers can.
#[tokio::test]
async fn a_flood_of_forms() {
    let cases = Cases::of("csrf", "flood");
    let ready = Ready::at(TestApp::with().still().start().await).await;
    let case = cases.case("F18");
    let token = ready.field("csrf").to_owned();
    let ask = |session: &str| {
        Ask::form(
            format!("{}/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01/pin", ready.app.url),
            &[("csrf", &token)],
        )
        .cookie(SESSION, session)
    };
    let mut let_through = 0;
    let mut refused = None;
    for _ in 0..12 {
        let pages = futures_util::future::join_all((0..100).map(|_| ask(&ready.session).send())).await;
        let_through += pages.iter().filter(|page| page.sees_other()).count();
        refused = pages.into_iter().find(|page| !page.sees_other()).or(refused);
    }
    case.check(
        (1_000..1_200).contains(&let_through),
        format!("{let_through} of 1200"),
    );
    let refused = refused.unwrap();
    case.same(refused.status, StatusCode::TOO_MANY_REQUESTS, "the others");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    case.check((1..=60).contains(&wait), format!("Retry-After: {wait}"));
    case.check(refused.text().contains("Too many at once"), refused.text());
    let another = ready.app.signed_in().await;
    let home = another.get("/settings").await;
    let save = home.form("Save");
    let more = futures_util::future::join_all((0..100).map(|_| another.send_once(&save))).await;
    case.check(
        more.iter()
            .any(|page| page.status == StatusCode::TOO_MANY_REQUESTS),
        "it is the person who is too fast, not the session",
    );
    let other = ready.app.browser();
    other.sign_in(&ready.app.other_person()).await;
    let home = other.get("/settings").await;
    case.check(
        other.send_once(&home.form("Save")).await.sees_other(),
        "other people are not",
    );
    case.same(
        ready.browser.get("/").await.status,
        StatusCode::OK,
        "and pages are shown",
    );
    ready.app.clock.advance(Duration::minutes(2));
    case.check(
        ask(&ready.session).send().await.sees_other(),
        "and later all is well",
    );
    case.check(
        begin(&ready.app).send().await.sees_other(),
        "sign-ins have their own count",
    );
}
