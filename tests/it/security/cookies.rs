//! C: cookies and sessions (RFC 6265bis, ASVS 5.0 V3.3 and V7).
//!
//! Two of these are regressions of what the stock middleware does. M1: its store's `save` is an upsert, so a slow
//! request brings a session back after sign-out. M5: it removes a cookie without `Secure`, which browsers ignore for
//! a `__Host-` name, and it has no absolute end.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use time::Duration;

use super::flow::{MADE_UP, SESSION, SIGN_IN, answer_of, authorize_of, open, query, rows};
use crate::harness::{Ask, Browser, Cases, Page, TestApp};

const HTTPS: &str = "https://deploy.example.com";
const HOST: &str = "deploy.example.com";

/// Every private page that a GET can ask for.
const PRIVATE: [&str; 7] = [
    "/settings",
    "/redeploys",
    "/redeploys/new",
    "/search",
    "/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01",
    "/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01/redeploy",
    "/redeploys/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01",
];

fn is_signed_in(page: &Page) -> bool {
    page.body.contains("/sign-out")
}

/// The home page with this session cookie.
async fn home_with(app: &TestApp, session: &str) -> Page {
    Ask::get(format!("{}/", app.url))
        .cookie(SESSION, session)
        .send()
        .await
}

/// Signs in under an https address, by hand: the app itself is reached over loopback, as behind a proxy.
async fn signed_in_under_https(app: &TestApp) -> (Page, Page, String) {
    let begun = Ask::form(format!("{}/sign-in", app.url), &[])
        .header("host", HOST)
        .send()
        .await;
    let authorize = begun.location().parse().unwrap();
    let answer = answer_of(&Browser::new(HTTPS), &authorize, &app.main_person()).await;
    let callback = answer.as_str().replace(HTTPS, &app.url);
    let login = begun.cookie_value(&format!("__Host-{SIGN_IN}")).unwrap();
    let welcome = Ask::get(callback)
        .header("host", HOST)
        .cookie(&format!("__Host-{SIGN_IN}"), login)
        .send()
        .await;
    let session = welcome.cookie_value(&format!("__Host-{SESSION}")).unwrap();
    (begun, welcome, session)
}

#[tokio::test]
async fn attributes() {
    let cases = Cases::of("cookies", "attributes");
    let app = TestApp::with()
        .setting("STACKDECK_PUBLIC_URL", HTTPS)
        .setting("CLOUD66_PKCE", "on")
        .start()
        .await;
    let case = cases.case("C01");
    let (begun, welcome, session) = signed_in_under_https(&app).await;
    let home = Ask::get(format!("{}/", app.url))
        .header("host", HOST)
        .cookie(&format!("__Host-{SESSION}"), &session)
        .send()
        .await;
    let csrf = home.attribute("input[name=csrf]", "value").unwrap();
    let form = |path: &str, fields: &[(&str, &str)]| {
        let mut fields = fields.to_vec();
        fields.push(("csrf", &csrf));
        Ask::form(format!("{}{path}", app.url), &fields)
            .header("host", HOST)
            .cookie(&format!("__Host-{SESSION}"), &session)
    };
    let saved = form("/settings", &[("theme", "dark"), ("live", "")]).send().await;
    let pinned = form("/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01/pin", &[("pin", "yes")])
        .send()
        .await;
    let goodbye = form("/sign-out", &[]).send().await;
    let mut seen = 0;
    for page in [&begun, &welcome, &saved, &pinned, &goodbye] {
        for cookie in page.set_cookies() {
            seen += 1;
            let (pair, attributes) = cookie.split_once(';').unwrap();
            case.check(cookie.starts_with("__Host-stackdeck_"), &cookie);
            for wanted in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
                let has = attributes.split(';').any(|attribute| attribute.trim() == wanted);
                case.check(has, format!("{wanted} in {cookie}"));
            }
            case.check(!attributes.to_ascii_lowercase().contains("domain"), &cookie);
            case.check(pair.len() < 4_096, "short enough for every browser");
        }
    }
    case.check(seen >= 5, format!("{seen} cookies were looked at"));
    // M5: the stock removal has no `Secure`, and the browser keeps the cookie.
    let case = cases.case("C09");
    let removal = goodbye.set_cookie(&format!("__Host-{SESSION}")).unwrap();
    case.check(removal.contains("Max-Age=0"), &removal);
    case.check(removal.contains("; Secure"), &removal);

    let case = cases.case("C02");
    let app = super::flow::app().await;
    let browser = app.signed_in().await;
    let page = browser
        .send_once(&browser.get("/settings").await.form("Save").set("theme", "dark"))
        .await;
    let begun = super::flow::begin(&app).send().await;
    for cookie in page.set_cookies().into_iter().chain(begun.set_cookies()) {
        case.check(!cookie.starts_with("__"), &cookie);
        case.check(!cookie.contains("Secure"), "on loopback over http");
        case.check(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            &cookie,
        );
    }
}

#[tokio::test]
async fn under_a_path() {
    let cases = Cases::of("cookies", "path");
    let app = TestApp::with()
        .setting("STACKDECK_PUBLIC_URL", "https://deploy.example.com/deck")
        .setting("CLOUD66_PKCE", "on")
        .start()
        .await;
    let case = cases.case("C03");
    let begun = Ask::form(format!("{}/deck/sign-in", app.url), &[])
        .header("host", HOST)
        .send()
        .await;
    case.check(begun.sees_other(), begun.status);
    let cookie = begun.set_cookies().remove(0);
    // `__Host-` demands `Path=/`, so there it is `__Secure-`, and other apps of the host get no cookie of ours.
    case.check(cookie.starts_with("__Secure-stackdeck_sign_in="), &cookie);
    case.check(cookie.contains("; Path=/deck"), &cookie);
    case.check(cookie.contains("; Secure"), &cookie);
    let redirect = query(&begun.location().parse().unwrap())["redirect_uri"].clone();
    case.same(
        redirect.as_str(),
        "https://deploy.example.com/deck/oauth/callback",
        "callback",
    );
    for path in ["/", "/sign-in", "/settings"] {
        let page = Ask::get(format!("{}{path}", app.url))
            .header("host", HOST)
            .send()
            .await;
        case.same(
            page.status,
            StatusCode::NOT_FOUND,
            format!("{path} outside of the prefix"),
        );
    }
}

#[tokio::test]
async fn visitors_and_made_up_ids() {
    let cases = Cases::of("cookies", "visitors");
    let app = super::flow::app().await;
    let case = cases.case("C04");
    for path in [
        "/",
        "/sign-in",
        "/help",
        "/settings",
        "/no-such-page",
        "/healthz",
        "/readyz",
    ] {
        let page = Ask::get(format!("{}{path}", app.url)).send().await;
        case.check(page.set_cookies().is_empty(), format!("{path} sets nothing"));
    }
    case.same(rows(&app).await, (0, 0), "and no row is made");

    let case = cases.case("C05");
    let browser = app.browser();
    browser.set_cookie(SESSION, MADE_UP);
    browser.sign_in(&app.main_person()).await;
    let id = browser.cookie(SESSION).unwrap();
    case.check(id != MADE_UP, "the id is new");
    case.check(
        !is_signed_in(&home_with(&app, MADE_UP).await),
        "the chosen one is nobody's",
    );
    case.same(rows(&app).await.1, 1, "one session");
    // Signing in again, as somebody else: the old session of this browser is gone.
    let case = cases.case("C06");
    let other = app.browser();
    other.set_cookie(SESSION, &id);
    let authorize = authorize_of(&other).await;
    let callback = answer_of(&other, &authorize, &app.other_person()).await;
    case.check(
        open(&other, &callback).await.sees_other(),
        "somebody else signs in here",
    );
    case.check(other.cookie(SESSION).unwrap() != id, "a new id at each sign-in");
    case.check(
        !is_signed_in(&home_with(&app, &id).await),
        "the old one has ended",
    );
    case.same(rows(&app).await.1, 1, "still one session");

    let case = cases.case("C07");
    let good = other.cookie(SESSION).unwrap();
    let flipped = format!("{}{}", if good.starts_with('A') { 'B' } else { 'A' }, &good[1..]);
    let odd: Vec<(&str, Vec<u8>)> = vec![
        ("unknown", MADE_UP.into()),
        ("flipped", flipped.into()),
        ("truncated", good[..21].into()),
        ("longer", format!("{good}A").into()),
        ("empty", Vec::new()),
        ("8 KB", vec![b'a'; 8_000]),
        ("not ASCII", "ä€".into()),
        ("high bytes", vec![0xff, 0xfe, 0x80]),
        ("quoted", format!("\"{good}\"").into()),
        ("padded", format!("{good}==").into()),
        ("SQL", b"' OR '1'='1".to_vec()),
        ("markup", b"<script>alert(1)</script>".to_vec()),
        ("spaces", b"a b c".to_vec()),
        ("JSON", br#"{"id":1}"#.to_vec()),
        ("path", b"../../etc/passwd".to_vec()),
        ("percent", b"%00%ff%zz".to_vec()),
    ];
    for (what, value) in odd {
        case.input();
        let mut header = format!("{SESSION}=").into_bytes();
        header.extend(&value);
        let home = Ask::get(format!("{}/", app.url))
            .header("cookie", &header)
            .send()
            .await;
        case.same(
            home.status,
            StatusCode::OK,
            format!("{what}: the page of somebody signed out"),
        );
        case.check(!is_signed_in(&home), what);
        let private = Ask::get(format!("{}/settings", app.url))
            .header("cookie", &header)
            .send()
            .await;
        case.same(
            private.status,
            StatusCode::SEE_OTHER,
            format!("{what}: on to the sign-in"),
        );
        let posted = Ask::form(format!("{}/sign-out", app.url), &[("csrf", "x")])
            .header("cookie", &header)
            .send()
            .await;
        case.same(posted.status, StatusCode::UNAUTHORIZED, format!("{what}: a form"));
    }
    let cleared = home_with(&app, MADE_UP).await;
    let removal = cleared.set_cookie(SESSION).unwrap_or_default();
    case.check(
        removal.contains("Max-Age=0"),
        format!("an id that is nobody's is cleared: {removal}"),
    );
    // 64 KB of cookie do not fit into a head.
    let huge = home_with(&app, &"a".repeat(64 * 1024)).await;
    case.same(huge.status.as_u16(), 431, "64 KB");
    // Two cookies of one name: of a sibling's (tossed in) and ours, one decides for all readers.
    let case = cases.case("C08");
    for order in [[MADE_UP, good.as_str()], [good.as_str(), MADE_UP]] {
        let page = Ask::get(format!("{}/settings", app.url))
            .header(
                "cookie",
                format!("{SESSION}={}; {SESSION}={}", order[0], order[1]),
            )
            .send()
            .await;
        case.check(page.status.is_success() || page.sees_other(), page.status);
    }
    case.check(
        is_signed_in(&home_with(&app, &good).await),
        "and none of it has ended the session",
    );
}

#[tokio::test]
async fn signing_out() {
    let cases = Cases::of("cookies", "sign_out");
    let app = super::flow::app().await;
    let browser = app.signed_in().await;
    let id = browser.cookie(SESSION).unwrap();
    let home = browser.get("/").await;
    let token = home.form("Sign out").get("csrf").to_owned();

    let case = cases.case("C13");
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
        for path in ["/sign-out", "/sign-out/everywhere"] {
            let ask = Ask::new(method.clone(), format!("{}{path}", app.url))
                .header("sec-fetch-site", "same-origin")
                .cookie(SESSION, &id);
            case.same(
                ask.send().await.status,
                StatusCode::METHOD_NOT_ALLOWED,
                format!("{method} {path}"),
            );
        }
    }
    for (what, header, value, token) in [
        ("cross-site", "sec-fetch-site", "cross-site", token.as_str()),
        ("same-site", "sec-fetch-site", "same-site", &token),
        ("foreign", "origin", "https://evil.example", &token),
        ("no token", "sec-fetch-site", "same-origin", ""),
    ] {
        let page = Ask::form(format!("{}/sign-out", app.url), &[("csrf", token)])
            .without("sec-fetch-site")
            .header(header, value)
            .cookie(SESSION, &id)
            .send()
            .await;
        case.same(page.status, StatusCode::FORBIDDEN, what);
    }
    case.check(
        is_signed_in(&home_with(&app, &id).await),
        "nothing of it signed anybody out",
    );

    let case = cases.case("C09");
    let page = browser.send_once(&home.form("Sign out")).await;
    case.same((page.status.as_u16(), page.location()), (303, "/"), "sign-out");
    let removal = page.set_cookie(SESSION).unwrap();
    case.check(removal.contains("Max-Age=0"), &removal);
    case.same(
        page.header("clear-site-data"),
        "\"cache\", \"storage\"",
        "never cookies",
    );
    case.same(rows(&app).await.1, 0, "the row is gone");
    for path in PRIVATE {
        let page = Ask::get(format!("{}{path}", app.url))
            .cookie(SESSION, &id)
            .send()
            .await;
        case.same(page.status, StatusCode::SEE_OTHER, format!("replay on {path}"));
    }
    for path in ["/sign-out", "/sign-out/everywhere", "/settings", "/redeploys/new"] {
        let page = Ask::form(format!("{}{path}", app.url), &[("csrf", &token)])
            .cookie(SESSION, &id)
            .send()
            .await;
        case.same(
            page.status,
            StatusCode::UNAUTHORIZED,
            format!("replay on POST {path}"),
        );
    }
}

/// M1: a request that loaded the session before the sign-out and writes it after. With the stock store's upsert 100 of
/// 100 sessions come back.
#[tokio::test]
async fn a_slow_request_brings_nobody_back() {
    let cases = Cases::of("cookies", "race");
    let app = super::flow::app().await;
    let case = cases.case("C10");
    let mut alive = 0;
    for round in 0..100 {
        app.clock.advance(Duration::seconds(4));
        let browser = app.signed_in().await;
        let id = browser.cookie(SESSION).unwrap();
        let settings = browser.get("/settings").await;
        let csrf = settings.form("Save").get("csrf").to_owned();
        // It leaves a notice in the session, so it loads and saves the record.
        let slow = |_| {
            Ask::form(
                format!("{}/settings", app.url),
                &[("csrf", &csrf), ("theme", "dark")],
            )
            .cookie(SESSION, &id)
            .send()
        };
        let sign_out = Ask::form(format!("{}/sign-out", app.url), &[("csrf", &csrf)]).cookie(SESSION, &id);
        let (written, out) = tokio::join!(join_all((0..4).map(slow)), sign_out.send());
        case.check(out.sees_other(), format!("round {round}: {}", out.status));
        for page in written {
            case.check(
                page.sees_other() || page.status == StatusCode::UNAUTHORIZED,
                format!("round {round}: {}", page.status),
            );
        }
        alive += usize::from(is_signed_in(&home_with(&app, &id).await));
    }
    case.same(alive, 0, "sessions that came back");
    case.same(rows(&app).await.1, 0, "rows");
}

/// M2: the whole record is written, and the last one wins; so what matters in it never changes after the sign-in.
#[tokio::test]
async fn many_requests_of_one_session() {
    let cases = Cases::of("cookies", "together");
    let app = super::flow::app().await;
    let case = cases.case("C18");
    let browser = app.signed_in().await;
    let id = browser.cookie(SESSION).unwrap();
    for _ in 0..5 {
        let csrf = browser.get("/settings").await.form("Save").get("csrf").to_owned();
        let asks = (0..20).map(|n| {
            let ask = match n % 4 {
                0 => Ask::form(
                    format!("{}/settings", app.url),
                    &[("csrf", &csrf), ("theme", "dark")],
                ),
                1 => Ask::get(format!("{}/settings", app.url)),
                2 => Ask::get(format!("{}/redeploys", app.url)),
                _ => Ask::get(format!("{}/", app.url)),
            };
            ask.cookie(SESSION, &id).send()
        });
        for page in join_all(asks).await {
            case.check(page.status.is_success() || page.sees_other(), page.status);
            case.check(!page.body.contains("Sign in with Cloud 66"), "still signed in");
            case.check(
                page.set_cookie(SESSION)
                    .is_none_or(|cookie| !cookie.contains("Max-Age=0")),
                "no logout",
            );
        }
    }
    let page = browser.get("/settings").await;
    case.check(page.body.contains("public redeploy"), "the grant is whole");
    case.check(is_signed_in(&page), "and the session too");
}

#[tokio::test]
async fn ends_in_time() {
    let cases = Cases::of("cookies", "ends");
    let app = TestApp::with()
        .setting("CLOUD66_PKCE", "on")
        .setting("STACKDECK_SESSION_IDLE", "1h")
        .setting("STACKDECK_SESSION_LIFETIME", "1d")
        .start()
        .await;
    let case = cases.case("C14");
    let browser = app.signed_in().await;
    let id = browser.cookie(SESSION).unwrap();
    for minute in 0..6 {
        app.clock.advance(Duration::minutes(55));
        case.check(
            is_signed_in(&home_with(&app, &id).await),
            format!("in use, hour {minute}"),
        );
    }
    app.clock.advance(Duration::minutes(61));
    let page = Ask::get(format!("{}/settings", app.url))
        .cookie(SESSION, &id)
        .send()
        .await;
    case.same(
        page.status,
        StatusCode::SEE_OTHER,
        "not used for an hour, cookie or not",
    );
    // Reading a page is activity (M5: for the stock middleware it is not), asking in vain is none.
    let case = cases.case("C16");
    let browser = app.signed_in().await;
    let id = browser.cookie(SESSION).unwrap();
    for _ in 0..28 {
        app.clock.advance(Duration::minutes(50));
        case.check(is_signed_in(&home_with(&app, &id).await), "in use");
    }
    app.clock.advance(Duration::minutes(50));
    case.check(
        !is_signed_in(&home_with(&app, &id).await),
        "after a day it ends all the same",
    );
    let case = cases.case("C15");
    for ahead in [-Duration::minutes(5), Duration::minutes(5)] {
        let browser = app.signed_in().await;
        app.clock.advance(ahead);
        let page = browser.get("/").await;
        case.check(
            is_signed_in(&page),
            format!("a clock that is set right ends nothing: {}", page.text()),
        );
    }
}

#[tokio::test]
async fn everywhere() {
    let cases = Cases::of("cookies", "everywhere");
    let app = super::flow::app().await;
    let case = cases.case("C12");
    let other = app.another().await;
    let elsewhere = format!("http://{}", other.address);
    let host = app.url.strip_prefix("http://").unwrap().to_owned();
    let mut browsers = Vec::new();
    for _ in 0..3 {
        browsers.push(app.signed_in().await);
    }
    let stranger = app.browser();
    stranger.sign_in(&app.other_person()).await;
    let at_the_other = |id: String| {
        Ask::get(format!("{elsewhere}/settings"))
            .header("host", &host)
            .cookie(SESSION, id)
    };
    let ids: Vec<String> = browsers
        .iter()
        .map(|browser| browser.cookie(SESSION).unwrap())
        .collect();
    for id in &ids {
        case.same(
            at_the_other(id.clone()).send().await.status,
            StatusCode::OK,
            "signed in at the other instance",
        );
    }
    let settings = browsers[0].get("/settings").await;
    case.same(
        settings.texts("form[action*='/settings/sessions/']").len(),
        2,
        "two others are listed",
    );
    case.same(settings.body.matches("This browser").count(), 1, "and this one");
    for id in &ids {
        case.check(!settings.body.contains(id.as_str()), "no id is shown");
    }
    // One of them by its handle; nobody else's.
    let case = cases.case("C17");
    let handle = settings
        .attribute("form[action*='/settings/sessions/']", "action")
        .unwrap();
    let csrf = stranger
        .get("/settings")
        .await
        .form("Save")
        .get("csrf")
        .to_owned();
    let theirs = Ask::form(format!("{}{handle}", app.url), &[("csrf", &csrf)])
        .cookie(SESSION, stranger.cookie(SESSION).unwrap());
    cases.case("A05").same(
        theirs.send().await.status,
        StatusCode::NOT_FOUND,
        "a stranger cannot end it",
    );
    case.same(rows(&app).await.1, 4, "all are there");
    case.check(
        browsers[0].send_once(&settings.form("End it")).await.sees_other(),
        "the person can",
    );
    case.same(rows(&app).await.1, 3, "it is gone");

    let case = cases.case("C12");
    let page = browsers[0].send_once(&settings.form("Sign out everywhere")).await;
    case.check(page.sees_other(), page.status);
    case.check(
        page.set_cookie(SESSION).unwrap().contains("Max-Age=0"),
        "the cookie goes",
    );
    case.same(
        page.header("clear-site-data"),
        "\"cache\", \"storage\"",
        "and what is cached",
    );
    case.same(
        rows(&app).await.1,
        1,
        "only the stranger's session is left, tokens and all",
    );
    for id in &ids {
        case.check(!is_signed_in(&home_with(&app, id).await), "at once here");
    }
    // The other instance trusts what it loaded for two seconds of the clock.
    app.clock.advance(Duration::seconds(3));
    for id in &ids {
        case.same(
            at_the_other(id.clone()).send().await.status,
            StatusCode::SEE_OTHER,
            "and there",
        );
    }
    case.check(is_signed_in(&stranger.get("/").await), "nobody else");
    other.running.stop().await;
}

#[tokio::test]
async fn too_many() {
    let cases = Cases::of("cookies", "many");
    let app = super::flow::app().await;
    let case = cases.case("C20");
    let first = app.signed_in().await;
    app.clock.advance(Duration::seconds(5));
    // 999 more of the same person, written as the app would, but without going through Cloud 66 for each.
    app.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
         INSERT INTO sessions (id_hash, user_id, created_at_ms, last_seen_at_ms, expires_at_ms, sealed, origin) \
         SELECT randomblob(32), user_id, created_at_ms + i, last_seen_at_ms + i, expires_at_ms + i, sealed, origin \
         FROM n, (SELECT * FROM sessions LIMIT 1)",
    )
    .await;
    case.same(rows(&app).await.1, 1_000, "as many as there may be");
    case.check(is_signed_in(&first.get("/").await), "the first one among them");
    let one_more = app.signed_in().await;
    case.same(rows(&app).await.1, 1_000, "one more, and the oldest goes");
    case.check(is_signed_in(&one_more.get("/").await), "the newest stays");
    app.clock.advance(Duration::seconds(3));
    case.check(!is_signed_in(&first.get("/").await), "the oldest has ended");
}
