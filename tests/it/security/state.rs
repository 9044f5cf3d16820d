//! S: the state of a sign-in: its start, its one use, its browser, its time (RFC 9700 sections 2.1 and 4.7, RFC 6749 section 10.12, RFC 7636).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use time::Duration;

use super::flow::{
    SESSION, SIGN_IN, answer_of, app, authorize_of, begin, callback_of, open, query, rows, token_requests,
    with_parameter, without_parameter,
};
use crate::harness::{Ask, Cases, TestApp, looks};

#[tokio::test]
async fn the_start() {
    let cases = Cases::of("state", "start");
    let app = app().await;
    let page = begin(&app).send().await;

    let case = cases.case("S01");
    case.check(page.sees_other(), page.status);
    let authorize: url::Url = page.location().parse().unwrap();
    let expected = format!("{}/oauth/authorize", app.sandbox.url());
    case.check(
        authorize.as_str().starts_with(&format!("{expected}?")),
        &authorize,
    );
    let query = query(&authorize);
    let names: Vec<&str> = query.keys().map(String::as_str).collect();
    case.same(
        names,
        [
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "redirect_uri",
            "response_type",
            "scope",
            "state",
        ],
        "nothing else is in the address",
    );
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", app.sandbox.client_id()),
        ("redirect_uri", &format!("{}/oauth/callback", app.url)),
        ("scope", "public redeploy"),
        ("code_challenge_method", "S256"),
    ] {
        case.same(query[name].as_str(), value, name);
    }
    for name in ["state", "code_challenge"] {
        let bytes = URL_SAFE_NO_PAD.decode(&query[name]).unwrap();
        case.same((query[name].len(), bytes.len()), (43, 32), name);
    }
    let cookies = page.set_cookies();
    case.same(cookies.len(), 1, "only the cookie of the sign-in is set");
    let cookie = page.set_cookie(SIGN_IN).unwrap();
    for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=600"] {
        case.check(cookie.contains(attribute), &cookie);
    }
    case.same(rows(&app).await, (1, 0), "one sign-in, no session");
    case.same(token_requests(&app), 0, "Cloud 66 was not asked");

    let case = cases.case("S02");
    for method in [Method::GET, Method::HEAD] {
        let page = Ask::new(method, format!("{}/sign-in", app.url)).send().await;
        case.same(page.status, StatusCode::OK, "a page with a form");
        case.check(page.set_cookies().is_empty(), "sets nothing");
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let page = Ask::new(method, format!("{}/sign-in", app.url))
            .header("sec-fetch-site", "same-origin")
            .send()
            .await;
        case.same(page.status, StatusCode::METHOD_NOT_ALLOWED, "another method");
    }
    case.same(rows(&app).await, (1, 0), "nothing was begun");

    let case = cases.case("S03");
    let ours = app.url.clone();
    let wrong: [(&str, &[(&str, &str)]); 9] = [
        ("cross-site", &[("sec-fetch-site", "cross-site")]),
        ("same-site", &[("sec-fetch-site", "same-site")]),
        ("typed", &[("sec-fetch-site", "none")]),
        ("another word", &[("sec-fetch-site", "same-host")]),
        ("foreign origin", &[("origin", "https://evil.example")]),
        ("null origin alone", &[("origin", "null")]),
        (
            "foreign origin beside same-origin",
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://evil.example"),
            ],
        ),
        (
            "two answers",
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "same-origin"),
            ],
        ),
        ("neither header", &[]),
    ];
    for (what, headers) in wrong {
        let ask = headers
            .iter()
            .fold(begin(&app).without("sec-fetch-site"), |ask, (name, value)| {
                ask.header(name, value)
            });
        case.same(ask.send().await.status, StatusCode::FORBIDDEN, what);
    }
    case.same(rows(&app).await, (1, 0), "no row");
    let old_browser = begin(&app).without("sec-fetch-site").header("origin", &ours);
    case.check(
        old_browser.send().await.sees_other(),
        "our own address is enough for an old browser",
    );

    let case = cases.case("S04");
    let asked = Ask::form(
        format!("{}/sign-in", app.url),
        &[
            ("access", "redeploy"),
            ("scope", "admin"),
            ("client_id", "x"),
            ("redirect_uri", "https://evil.example/cb"),
            ("client_options[site]", "https://evil.example"),
            ("client_options[authorize_url]", "https://evil.example/a"),
            ("response_type", "token"),
            ("state", "mine"),
            ("code_challenge_method", "plain"),
        ],
    );
    let elsewhere: url::Url = asked.send().await.location().parse().unwrap();
    let without_random =
        |url: &url::Url| without_parameter(&without_parameter(url, "state"), "code_challenge");
    case.same(
        without_random(&elsewhere),
        without_random(&authorize),
        "the form decides nothing but access and page",
    );
    case.check(super::flow::query(&elsewhere)["state"] != "mine", "nor the state");
    let read: url::Url = Ask::form(format!("{}/sign-in", app.url), &[("access", "read")])
        .send()
        .await
        .location()
        .parse()
        .unwrap();
    case.same(
        super::flow::query(&read)["scope"].as_str(),
        "public",
        "looking asks for less",
    );
}

#[tokio::test]
#[ignore = "takes a minute; bin/check runs it"]
async fn ten_thousand_starts() {
    let cases = Cases::of("state", "many");
    let app = app().await;
    let case = cases.case("S05");
    let (mut states, mut challenges) = (BTreeSet::new(), BTreeSet::new());
    // 200 at a time, and then time passes, because one address may not begin more than 300 at once.
    for _ in 0..50 {
        let begun = futures_util::future::join_all((0..200).map(|_| begin(&app).send())).await;
        for page in begun {
            let query = query(&page.location().parse().unwrap());
            states.insert(query["state"].clone());
            challenges.insert(query["code_challenge"].clone());
        }
        app.clock.advance(Duration::minutes(10));
    }
    case.same(states.len(), 10_000, "states");
    case.same(challenges.len(), 10_000, "challenges");
    let short = states
        .iter()
        .filter(|state| URL_SAFE_NO_PAD.decode(state).unwrap().len() < 16);
    case.same(short.count(), 0, "128 bits at least");
    for (what, values) in [("states", &states), ("challenges", &challenges)] {
        // Of 256 random bits each is set in about half of 10,000 values; 4,500 is ten deviations away.
        let mut ones = [0_u32; 256];
        for value in values {
            for (at, byte) in URL_SAFE_NO_PAD.decode(value).unwrap().iter().enumerate() {
                for bit in 0..8 {
                    ones[at * 8 + bit] += u32::from(byte >> bit & 1);
                }
            }
        }
        case.check(ones.iter().all(|ones| (4_500..=5_500).contains(ones)), what);
    }
}

#[tokio::test]
async fn once() {
    let cases = Cases::of("state", "once");
    let app = app().await;
    let browser = app.browser();
    let callback = callback_of(&app, &browser).await;
    let case = cases.case("S07");
    case.check(open(&browser, &callback).await.sees_other(), "the first time");
    for _ in 0..3 {
        let again = open(&browser, &callback).await;
        case.same(
            (again.status.as_u16(), again.location()),
            (303, "/"),
            "signed in already",
        );
    }
    let stranger = app.browser();
    stranger.set_cookie(SIGN_IN, &browser.cookie(SIGN_IN).unwrap());
    case.same(
        open(&stranger, &callback).await.status,
        StatusCode::BAD_REQUEST,
        "signed out",
    );
    case.same(token_requests(&app), 1, "one token request");

    let case = cases.case("S08");
    let browser = app.browser();
    let callback = callback_of(&app, &browser).await;
    let before = token_requests(&app);
    let login = browser.cookie(SIGN_IN).unwrap();
    let copies = (0..200).map(|_| Ask::get(callback.as_str()).cookie(SIGN_IN, &login).send());
    let pages = futures_util::future::join_all(copies).await;
    let winners = pages.iter().filter(|page| page.sees_other()).count();
    let losers = pages
        .iter()
        .filter(|page| page.status == StatusCode::BAD_REQUEST)
        .count();
    case.same((winners, losers), (1, 199), "of 200 copies at once");
    case.same(token_requests(&app) - before, 1, "one token request");
    case.same(rows(&app).await.1, 2, "one session more");
}

#[tokio::test]
async fn two_browsers() {
    let cases = Cases::of("state", "browsers");
    let app = TestApp::with()
        .setting("CLOUD66_PKCE", "on")
        .sandbox(|options| options.pkce = stackdeck::sandbox::Pkce::On)
        .start()
        .await;
    let (a, b) = (app.browser(), app.browser());
    let of_a = callback_of(&app, &a).await;

    let case = cases.case("S13");
    let fresh = app.browser();
    case.same(
        open(&fresh, &of_a).await.status,
        StatusCode::BAD_REQUEST,
        "in a fresh browser",
    );
    case.check(fresh.cookie(SESSION).is_none(), "no session there");
    case.same(token_requests(&app), 0, "no token request");
    case.check(open(&a, &of_a).await.sees_other(), "the rightful one can finish");

    let case = cases.case("S14");
    let (a, of_b) = (app.browser(), callback_of(&app, &b).await);
    let of_a = callback_of(&app, &a).await;
    let before = token_requests(&app);
    case.same(open(&a, &of_b).await.status, StatusCode::BAD_REQUEST, "B's in A");
    case.same(open(&b, &of_a).await.status, StatusCode::BAD_REQUEST, "A's in B");
    case.same(token_requests(&app), before, "no token request");

    let case = cases.case("S23");
    // B's own, valid code under A's state, in A's browser.
    let code = query(&of_b)["code"].clone();
    let injected = with_parameter(&of_a, "code", &code);
    let page = open(&a, &injected).await;
    case.same(page.status, StatusCode::BAD_REQUEST, "the verifier does not fit");
    case.check(a.cookie(SESSION).is_none(), "no session");
    case.check(
        page.text().contains("Cloud 66 did not take that code"),
        page.text(),
    );
    case.same(
        token_requests(&app),
        before + 1,
        "Cloud 66 was asked, and refused",
    );
}

#[tokio::test]
async fn time_and_restarts() {
    let cases = Cases::of("state", "time");
    let mut app = app().await;
    let browser = app.browser();
    let case = cases.case("S15");
    let callback = callback_of(&app, &browser).await;
    app.clock.advance(Duration::minutes(10) + Duration::seconds(1));
    let page = open(&browser, &callback).await;
    case.same(page.status, StatusCode::BAD_REQUEST, "too late");
    case.check(page.text().contains("Start again"), page.text());
    case.same(token_requests(&app), 0, "no token request");
    // The worker sweeps when it starts and every minute; a start is quicker to wait for.
    app.restart().await;
    let mut swept = false;
    for () in looks() {
        swept = rows(&app).await.0 == 0;
        if swept {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    case.check(swept, "the row is swept");

    let case = cases.case("S16");
    let browser = app.browser();
    let callback = callback_of(&app, &browser).await;
    app.restart().await;
    case.check(
        open(&browser, &callback).await.sees_other(),
        "finished after a restart",
    );
    case.check(browser.get("/").await.text().contains("Sign out"), "signed in");
    let other = app.another().await;
    let elsewhere = format!("http://{}", other.address);
    let callback = callback_of(&app, &browser).await;
    let host = app.url.strip_prefix("http://").unwrap();
    let page = Ask::get(callback.as_str().replace(&app.url, &elsewhere))
        .header("host", host)
        .cookie(SIGN_IN, browser.cookie(SIGN_IN).unwrap())
        .send()
        .await;
    case.check(page.sees_other(), "begun at one instance, finished at another");
    other.running.stop().await;
}

#[tokio::test]
async fn tabs() {
    let cases = Cases::of("state", "tabs");
    let app = app().await;
    let case = cases.case("S29");
    for first_first in [true, false] {
        let browser = app.browser();
        let (first, second) = (
            callback_of(&app, &browser).await,
            callback_of(&app, &browser).await,
        );
        let order = if first_first {
            [first, second]
        } else {
            [second, first]
        };
        for callback in order {
            case.check(open(&browser, &callback).await.sees_other(), "either order");
        }
    }
    let browser = app.browser();
    let mut begun = Vec::new();
    for _ in 0..6 {
        begun.push(authorize_of(&browser).await);
    }
    case.same(rows(&app).await.0, 5, "five at most");
    for (number, authorize) in begun.iter().enumerate() {
        let callback = answer_of(&browser, authorize, &app.main_person()).await;
        let page = open(&browser, &callback).await;
        // Whoever is signed in meanwhile is led home by a callback that is gone.
        let finished = page.set_cookie(SESSION).is_some();
        case.same(
            finished,
            number > 0,
            format!("sign-in {number}; the oldest was let go"),
        );
    }
}

/// One address floods the start with sign-ins; somebody else, who has begun one, can still finish it.
#[tokio::test]
async fn a_flood_of_starts() {
    let cases = Cases::of("state", "flood");
    let app = TestApp::with()
        .setting("CLOUD66_PKCE", "on")
        .setting("STACKDECK_TRUSTED_PROXIES", "127.0.0.0/8")
        .still()
        .start()
        .await;
    let browser = app.browser();
    let callback = callback_of(&app, &browser).await;
    let case = cases.case("S30");
    let flood = |address: &'static str| begin(&app).header("x-forwarded-for", address);
    let mut refused = None;
    let mut begun = 0;
    for _ in 0..5 {
        let pages = futures_util::future::join_all((0..200).map(|_| flood("192.0.2.66").send())).await;
        begun += pages.iter().filter(|page| page.sees_other()).count();
        refused = pages.into_iter().find(|page| !page.sees_other()).or(refused);
    }
    // No time passes while the flood is sent, which would give back one step a second.
    case.same(begun, 300, "of 1000 were let through");
    let refused = refused.unwrap();
    case.same(
        refused.status,
        StatusCode::TOO_MANY_REQUESTS,
        "the others are refused",
    );
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    case.check((1..=60).contains(&wait), format!("Retry-After: {wait}"));
    case.check(refused.text().contains("Too many at once"), "in our own words");
    let case = cases.case("N19");
    case.check(
        flood("192.0.2.67").send().await.sees_other(),
        "another address is not",
    );
    let same_network = begin(&app).header("x-forwarded-for", "2001:db8::1");
    case.check(same_network.send().await.sees_other(), "nor an IPv6 one");
    case.check(
        open(&browser, &callback).await.sees_other(),
        "a sign-in under way ends well",
    );
    app.clock.advance(Duration::minutes(1));
    case.check(
        flood("192.0.2.66").send().await.sees_other(),
        "and later all is well",
    );
    case.same(
        open(&app.browser(), &app.browser().address("/")).await.status,
        StatusCode::OK,
        "pages were never refused",
    );
    // What keeps the table small whatever the number of addresses: it is full at 10,000.
    let case = cases.case("S30");
    app.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         INSERT INTO sign_ins (state_hash, browser_hash, expires_at_ms, sealed_verifier, return_to, scopes) \
         SELECT randomblob(32), randomblob(32), 9999999999999, NULL, '/', 'public' FROM n",
    )
    .await;
    let page = flood("192.0.2.68").send().await;
    case.same(
        page.status,
        StatusCode::TOO_MANY_REQUESTS,
        "when the table is full",
    );
    case.same(page.header("retry-after"), "60", "and says when to come again");
}

/// S08 where two instances share a PostgreSQL: of 200 copies of one callback, half at each, one wins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; bin/check runs it"]
async fn once_on_two_instances() {
    let cases = Cases::of("state", "two_instances");
    let case = cases.case("S08");
    #[expect(
        clippy::disallowed_methods,
        reason = "bin/with-postgres says where it is in this way only"
    )]
    let server = std::env::var("STACKDECK_TEST_POSTGRES_URL").expect("bin/with-postgres sets it");
    let app = TestApp::with()
        .setting("CLOUD66_PKCE", "on")
        .setting("STACKDECK_DATABASE_URL", server)
        .start()
        .await;
    let other = app.another().await;
    let host = app.url.strip_prefix("http://").unwrap();
    for round in 0..5 {
        app.clock.advance(Duration::minutes(5));
        let browser = app.browser();
        let callback = callback_of(&app, &browser).await;
        let login = browser.cookie(SIGN_IN).unwrap();
        let before = token_requests(&app);
        let elsewhere = callback
            .as_str()
            .replace(&app.url, &format!("http://{}", other.address));
        let copies = (0..200).map(|n| {
            let url = if n % 2 == 0 {
                callback.as_str()
            } else {
                elsewhere.as_str()
            };
            Ask::get(url).header("host", host).cookie(SIGN_IN, &login).send()
        });
        let pages = futures_util::future::join_all(copies).await;
        let winners = pages.iter().filter(|page| page.sees_other()).count();
        let losers = pages
            .iter()
            .filter(|page| page.status == StatusCode::BAD_REQUEST)
            .count();
        case.same((winners, losers), (1, 199), format!("round {round}"));
        case.same(
            token_requests(&app) - before,
            1,
            format!("round {round}: one token request"),
        );
    }
    other.running.stop().await;
}
