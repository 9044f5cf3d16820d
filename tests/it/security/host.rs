//! P: names and addresses that a request claims. The guard alone is tested in `tests/connections/hosts.rs`, the
//! reading of forwarded addresses beside it in `client_addr.rs`; here is that the app has them, and that nothing
//! a header says becomes a link, a cookie or a redirect.

use reqwest::Method;
use reqwest::header::{HOST, LOCATION, SET_COOKIE};

use super::raw::{address, authority, exchange, status};
use super::tally::{Kind, note};
use crate::harness::{Ask, Browser, Cases, TestApp};

/// P01, M9, M18: what is not ours is answered before any handler, and nothing of it comes back.
#[tokio::test]
async fn a_foreign_host_gets_nothing_from_any_route() {
    let app = TestApp::start().await;
    let ours = authority(&app);
    app.world().clear_journal();
    for path in [
        "/",
        "/sign-in",
        "/oauth/callback?code=x&state=y",
        "/settings",
        "/static/app.css",
        "/no-such-page",
        "/redeploys/new",
    ] {
        for (case, head, expected) in [
            ("P01", "Host: evil.example".to_owned(), 421),
            ("P01", format!("Host: evil.example:{}", address(&app).port()), 421),
            ("P01", format!("Host: {ours}.evil.example"), 421),
            ("P01", format!("Host: evil.example/../@{ours}"), 421),
            ("P01", format!("Host: {ours}, evil.example"), 421),
            ("P01", "Host: localhost.evil.example".to_owned(), 421),
            ("P01", "Host:".to_owned(), 421),
            ("N12", "X-Evil: evil.example".to_owned(), 400),
            ("N12", format!("Host: {ours}\r\nHost: evil.example"), 400),
            (
                "P02",
                format!("X-Forwarded-Host: {ours}\r\nHost: evil.example"),
                421,
            ),
            (
                "P02",
                format!("Forwarded: host={ours}\r\nHost: evil.example"),
                421,
            ),
        ] {
            let answer = exchange(address(&app), format!("GET {path} HTTP/1.1\r\n{head}\r\n\r\n")).await;
            assert_eq!(status(&answer), Some(expected), "{path} {head}: {answer}");
            assert!(!answer.contains("evil"), "{path} {head}: {answer}");
            note(Kind::BadInput, case);
        }
        let absolute = format!("GET http://evil.example{path} HTTP/1.1\r\nHost: {ours}\r\n\r\n");
        let answer = exchange(address(&app), absolute).await;
        assert_eq!(status(&answer), Some(421), "{answer}");
        note(Kind::BadInput, "N12");
    }
    // The probes are for load balancers, which call by address.
    for path in ["/healthz", "/readyz"] {
        let answer = exchange(
            address(&app),
            format!("GET {path} HTTP/1.1\r\nHost: 10.1.2.3\r\n\r\n"),
        )
        .await;
        assert_eq!(status(&answer), Some(200), "{answer}");
    }
    assert_eq!(app.world().journal().entries().len(), 0);
}

/// P02, P03, P07: who says what about address, scheme and name changes nothing.
#[tokio::test]
async fn forwarded_headers_change_no_link_cookie_or_redirect() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let home = browser.get("/").await;
    let form = home.form("Sign in with Cloud 66");
    let plain = browser.send_once(&form).await;
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for (case, name, value) in [
        ("P02", "x-forwarded-host", "evil.example"),
        ("P02", "x-original-host", "evil.example"),
        ("P02", "x-forwarded-prefix", "/evil.example"),
        ("P02", "x-forwarded-uri", "//evil.example"),
        ("P02", "x-original-url", "/evil.example"),
        ("P02", "x-rewrite-url", "/evil.example"),
        ("P03", "x-forwarded-for", "evil.example"),
        ("P03", "x-real-ip", "evil.example"),
        ("P05", "forwarded", "for=1.1.1.1;host=evil.example;proto=https"),
        ("P07", "x-forwarded-proto", "https"),
        ("P07", "x-forwarded-scheme", "https"),
        ("P07", "front-end-https", "on"),
    ] {
        let request = |method: Method, path: &str| {
            http.request(method, format!("{}{path}", app.url))
                .header(name, value)
                .header("origin", &app.url)
        };
        let page = request(Method::GET, "/").send().await.unwrap();
        assert_eq!(page.status(), 200, "{case} {name}");
        assert!(
            !page.headers().contains_key("strict-transport-security"),
            "{case} {name}"
        );
        #[expect(clippy::disallowed_methods, reason = "a test reads what it is given")]
        let body = page.text().await.unwrap();
        assert!(
            !body.contains("evil") && !body.contains("https://localhost"),
            "{case} {name}"
        );

        let begun = request(Method::POST, "/sign-in")
            .form(&form.fields)
            .send()
            .await
            .unwrap();
        assert_eq!(begun.status(), 303, "{case} {name}");
        let host = |location: &reqwest::header::HeaderValue| {
            let url: url::Url = location.to_str().unwrap().parse().unwrap();
            let callback = url
                .query_pairs()
                .find(|(name, _)| name == "redirect_uri")
                .unwrap();
            (url.origin(), callback.1.into_owned())
        };
        assert_eq!(
            host(&begun.headers()[LOCATION]),
            host(&plain.headers[LOCATION]),
            "{case} {name}"
        );
        let cookie = begun.headers()[SET_COOKIE].to_str().unwrap();
        assert!(
            !cookie.contains("Secure") && !cookie.contains("Domain"),
            "{case} {name}: {cookie}"
        );
        note(Kind::BadInput, case);
    }
}

/// P07: behind a proxy that speaks plain http to us, the settings say https, and so do all answers.
#[tokio::test]
async fn an_https_address_in_the_settings_makes_every_answer_secure() {
    let app = TestApp::with()
        .setting("STACKDECK_PUBLIC_URL", "https://deck.example.com")
        .start()
        .await;
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for proto in ["http", "https", "ftp"] {
        let begun = http
            .post(format!("{}/sign-in", app.url))
            .header(HOST, "deck.example.com")
            .header("origin", "https://deck.example.com")
            .header("x-forwarded-proto", proto)
            .form(&[("access", "redeploy")])
            .send()
            .await
            .unwrap();
        assert_eq!(begun.status(), 303, "{proto}");
        let cookie = begun.headers()[SET_COOKIE].to_str().unwrap();
        assert!(
            cookie.starts_with("__Host-") && cookie.contains("Secure"),
            "{cookie}"
        );
        let location = begun.headers()[LOCATION].to_str().unwrap();
        assert!(
            location.contains("https%3A%2F%2Fdeck.example.com%2Foauth%2Fcallback"),
            "{location}"
        );
        assert!(
            begun.headers()["strict-transport-security"]
                .to_str()
                .unwrap()
                .contains("max-age=")
        );
        note(Kind::Check, "P07");
    }
}

/// P04: behind a trusted proxy the log names the client; see `client_addr.rs` for every way to write one.
#[tokio::test]
async fn a_trusted_proxy_is_believed_only_where_the_settings_say_so() {
    for (trusted, expected) in [("127.0.0.0/8", true), ("", false)] {
        let app = TestApp::with()
            .setting("STACKDECK_TRUSTED_PROXIES", trusted)
            .start()
            .await;
        // More connections than one address may have: only a trusted proxy brings so many.
        let mut held = Vec::new();
        for _ in 0..300 {
            held.push(tokio::net::TcpStream::connect(address(&app)).await.unwrap());
        }
        let request = format!(
            "GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            authority(&app)
        );
        let answer = exchange(address(&app), request).await;
        assert_eq!(status(&answer) == Some(200), expected, "{trusted}: {answer}");
        note(Kind::Check, "P04");
    }
}

/// P52: the page says what to set, and not to go back. (That the log has both names: `tests/connections/hosts.rs`.)
#[tokio::test]
async fn the_page_for_a_foreign_host_says_what_the_operator_has_to_set() {
    let cases = Cases::of("host", "what_to_set");
    let app = TestApp::start().await;
    let page = Ask::get(format!("{}/", app.url))
        .header("host", "deck.internal")
        .send()
        .await;
    let case = cases.case("P52");
    case.same(page.status, 421, "status");
    for words in ["STACKDECK_PUBLIC_URL", "proxy_set_header Host $host;"] {
        case.check(page.text().contains(words), page.text());
    }
    case.check(!page.text().contains("Go back"), page.text());
}

/// P53: whoever opens the app at another name of this machine is sent to the public one, before a sign-in can begin
/// that would come back without its cookie.
#[tokio::test]
async fn another_name_of_this_machine_leads_to_the_public_one() {
    let cases = Cases::of("host", "other_names");
    let case = cases.case("P53");
    for prefix in ["", "/deck"] {
        let app = TestApp::with().below(prefix).start().await;
        let port = address(&app).port();
        for name in ["127.0.0.1", "[::1]"] {
            for path in ["/", "/activity?hours=24", "//evil.example/"] {
                let page = Ask::get(format!("{}{prefix}{path}", app.url))
                    .header("host", format!("{name}:{port}"))
                    .send()
                    .await;
                case.same(page.status, 307, format!("{name} {path}"));
                case.same(
                    page.location(),
                    format!("http://localhost:{port}{prefix}{path}"),
                    format!("{name} {path}"),
                );
            }
        }
        // The whole way, as a browser goes it.
        let browser = Browser::new(&format!("http://127.0.0.1:{port}"));
        let home = browser.get(&format!("{prefix}/")).await;
        let page = browser.submit(&home, "Sign in with Cloud 66").await;
        let page = browser.allow(page, &app.main_person()).await;
        case.same(page.status, 200, page.text());
        case.same(page.url.host_str(), Some("localhost"), "at the public address");
        // For programs on this machine nothing changes.
        let probe = Ask::get(format!("{}/readyz", app.url))
            .header("host", format!("127.0.0.1:{port}"))
            .send()
            .await;
        case.same(probe.status, 200, "a probe");
    }
}

/// P54: a proxy that does not pass the name on asks for one of ours, with its own port. That has to go on working, and
/// must not be sent to and fro.
#[tokio::test]
async fn a_proxy_that_passes_no_name_on_is_not_sent_away() {
    let cases = Cases::of("host", "no_name");
    let case = cases.case("P54");
    for public in ["https://deck.example.com", "http://localhost:1"] {
        let app = TestApp::with()
            .setting("STACKDECK_PUBLIC_URL", public)
            .start()
            .await;
        let host = format!("127.0.0.1:{}", address(&app).port());
        let page = Ask::get(format!("{}/", app.url))
            .header("host", &host)
            .send()
            .await;
        case.same(page.status, 200, public);
        // So that the browser says in a form where it really is.
        case.same(page.header("referrer-policy"), "same-origin", public);
        let begun = |origin: &str| {
            Ask::form(format!("{}/sign-in", app.url), &[])
                .header("host", &host)
                .header("origin", origin)
                .send()
        };
        case.check(begun(public).await.sees_other(), public);
        // P55: opened there by a person, a sign-in could never come back. The page leads to the address where it can.
        let refused = begun(&format!("http://{host}")).await;
        let case = cases.case("P55");
        case.same(refused.status, 403, public);
        let way = refused.attribute("a.btn", "href");
        case.same(way, Some(format!("{public}/")), refused.text());
    }
}
