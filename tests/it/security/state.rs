//! S: state, PKCE and the callback (RFC 9700 sections 2.1 and 4.7, RFC 6749 section 10.12, RFC 7636).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use sha2::Digest as _;
use stackdeck::sandbox::Pkce;
use time::Duration;

use super::cloud66::{self, Reaction, Then, json};
use super::flow::{
    SESSION, SIGN_IN, answer_of, app, authorize_of, begin, callback_of, open, query, rows, token_requests,
    with_parameter, without_parameter,
};
use crate::harness::{Ask, Cases, TestApp};

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

/// The exchange as the token endpoint sees it, and what it makes of the session.
#[tokio::test]
async fn the_exchange() {
    let cases = Cases::of("state", "exchange");
    let fake = cloud66::start(|_, _| cloud66::token("marker-token-of-the-exchange")).await;
    let app = TestApp::with()
        .setting("CLOUD66_URL", fake.url.as_str())
        .setting("CLOUD66_PKCE", "on")
        .start()
        .await;
    let begun = begin(&app).send().await;
    let (login, authorize) = (
        begun.cookie_value(SIGN_IN).unwrap(),
        query(&begun.location().parse().unwrap()),
    );
    let callback = format!(
        "{}/oauth/callback?code=the-code&state={}",
        app.url, authorize["state"]
    );
    let page = Ask::get(&callback).cookie(SIGN_IN, &login).send().await;

    let case = cases.case("S06");
    case.check(page.sees_other(), page.status);
    case.same(page.location(), "/", "to the page that asked");
    let exchanges = cloud66::exchanges(&fake);
    case.same(exchanges.len(), 1, "one token request");
    let form: std::collections::BTreeMap<String, String> = exchanges[0].form().into_iter().collect();
    let names: Vec<&str> = form.keys().map(String::as_str).collect();
    case.same(
        names,
        [
            "client_id",
            "client_secret",
            "code",
            "code_verifier",
            "grant_type",
            "redirect_uri",
        ],
        "each field once and no other",
    );
    case.same(exchanges[0].form().len(), 6, "no field twice");
    case.same(exchanges[0].method.as_str(), "POST", "method");
    case.check(exchanges[0].query.is_empty(), "nothing in the address");
    case.same(
        exchanges[0].header("authorization"),
        None,
        "the credentials are in one place",
    );
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "the-code"),
        ("client_id", app.sandbox.client_id()),
        ("client_secret", app.sandbox.client_secret()),
        ("redirect_uri", &authorize["redirect_uri"]),
    ] {
        case.same(form[name].as_str(), value, name);
    }
    let hashed = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(&form["code_verifier"]));
    case.same(
        hashed,
        authorize["code_challenge"].clone(),
        "the verifier hashes to the challenge",
    );
    case.check(
        (43..=128).contains(&form["code_verifier"].len()),
        "RFC 7636 section 4.1",
    );
    case.check(page.set_cookie(SESSION).is_some(), "a new session");

    let case = cases.case("S32");
    case.same(page.status.as_u16(), 303, "never 307");
    case.same(page.header("cache-control"), "no-store", "not kept");
    case.same(page.header("referrer-policy"), "no-referrer", "not passed on");
    case.check(
        !page.location().contains("code") && !page.location().contains("state"),
        "nothing of it in the next address",
    );
    case.check(
        page.body.is_empty(),
        "and no page that could show or load anything",
    );

    let case = cases.case("S22");
    let begun = begin(&app).send().await;
    let state = &query(&begun.location().parse().unwrap())["state"];
    let page = Ask::get(format!(
        "{}/oauth/callback?code=c&state={state}&token_endpoint=http%3A%2F%2F127.0.0.1%3A1%2F&redirect_uri=https%3A%2F%2Fevil.example&client_id=x&authorization_server=https%3A%2F%2Fevil.example",
        app.url
    ))
    .cookie(SIGN_IN, begun.cookie_value(SIGN_IN).unwrap())
    .send()
    .await;
    case.check(page.sees_other(), "the rest is ignored");
    let exchanges = cloud66::exchanges(&fake);
    case.same(exchanges.len(), 2, "and the configured server was asked");
    let form: std::collections::BTreeMap<String, String> = exchanges[1].form().into_iter().collect();
    case.same(
        form["redirect_uri"].clone(),
        authorize["redirect_uri"].clone(),
        "redirect_uri",
    );
    case.same(form["client_id"].as_str(), app.sandbox.client_id(), "client_id");
}

/// What is refused before anything goes to Cloud 66. Each row changes a callback that would work, and afterwards the
/// callback still works: nothing was used up.
#[tokio::test]
async fn what_is_no_answer() {
    let cases = Cases::of("state", "refused");
    let app = app().await;
    let browser = app.browser();
    let callback = callback_of(&app, &browser).await;
    let login = browser.cookie(SIGN_IN).unwrap();
    let (code, state) = (
        query(&callback)["code"].clone(),
        query(&callback)["state"].clone(),
    );
    let at = |query: String| format!("{}/oauth/callback{query}", app.url);
    let flip = |text: &str| {
        let last = if text.ends_with('A') { 'B' } else { 'A' };
        format!("{}{last}", &text[..text.len() - 1])
    };
    let long = |length: usize| "a".repeat(length);
    // Case, query, cookie (none: no cookie at all), statuses that will do.
    let rows_of_refusal: Vec<(&str, String, Option<String>, &[u16])> = vec![
        ("S09", format!("?code={code}"), Some(login.clone()), &[400]),
        ("S09", format!("?code={code}&state="), Some(login.clone()), &[400]),
        ("S10", format!("?code={code}"), None, &[400]),
        ("S10", String::new(), None, &[400]),
        ("S10", "?".into(), Some(login.clone()), &[400]),
        ("S33", format!("?code={code}&state={state}"), None, &[400]),
        (
            "S33",
            format!("?code={code}&state={state}"),
            Some(String::new()),
            &[400],
        ),
        (
            "S17",
            format!("?code={code}&state={state}"),
            Some(flip(&login)),
            &[400],
        ),
        (
            "S17",
            format!("?code={code}&state={state}"),
            Some(login[..42].into()),
            &[400],
        ),
        (
            "S17",
            format!("?code={code}&state={state}"),
            Some(format!("{login}A")),
            &[400],
        ),
        (
            "S17",
            format!("?code={code}&state={state}"),
            Some(long(43)),
            &[400],
        ),
        (
            "S17",
            format!("?code={code}&state={state}"),
            Some(long(8_000)),
            &[400],
        ),
        (
            "S17",
            format!("?code={code}&state={state}"),
            Some(state.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={}", flip(&state)),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={}", state.to_lowercase()),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={}", &state[..42]),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={state}A"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={state}%20"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state=+{state}"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={state}%00"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state=%ff%fe"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state[]={state}"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={login}"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={}", long(129)),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state=' OR 1=1 --"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S11",
            format!("?code={code}&state={state}&state={state}"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S11",
            format!("?code={code}&code=x&state={state}"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S20",
            format!("?code={code}&error=access_denied&state={state}"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S11",
            format!("?error=a&error=b&state={state}"),
            Some(login.clone()),
            &[400],
        ),
        ("S20", format!("?state={state}"), Some(login.clone()), &[400]),
        ("S19", "?error=access_denied".into(), Some(login.clone()), &[400]),
        (
            "S19",
            format!("?error=access_denied&state={}", flip(&state)),
            Some(login.clone()),
            &[400],
        ),
        ("S19", format!("?error=access_denied&state={state}"), None, &[400]),
        (
            "S19",
            "?error=<script>&error_description=<b>&state=x".into(),
            Some(login.clone()),
            &[400],
        ),
        (
            "S21",
            format!("?code={code}&state={state}&iss=https%3A%2F%2Fevil.example"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S21",
            format!("?code={code}&state={state}&iss="),
            Some(login.clone()),
            &[400],
        ),
        (
            "S21",
            format!("?code={code}&state={state}&iss={0}&iss={0}", app.sandbox.url()),
            Some(login.clone()),
            &[400],
        ),
        (
            "S21",
            format!(
                "?code={code}&state={state}&iss={}.evil.example",
                app.sandbox.url()
            ),
            Some(login.clone()),
            &[400],
        ),
        (
            "S21",
            format!("?error=access_denied&state={state}&iss=https%3A%2F%2Fevil.example"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S25",
            format!("?code={}&state={state}", long(60_000)),
            Some(login.clone()),
            &[414, 431],
        ),
        (
            "S25",
            format!("?code={}&state={state}", long(15_000)),
            Some(login.clone()),
            &[414, 431],
        ),
    ];
    for (id, query, cookie, statuses) in rows_of_refusal {
        let case = cases.case(id);
        case.input();
        let what = query.chars().take(120).collect::<String>();
        let mut ask = Ask::get(at(query));
        if let Some(cookie) = cookie {
            ask = ask.cookie(SIGN_IN, cookie);
        }
        let page = ask.send().await;
        case.check(
            statuses.contains(&page.status.as_u16()),
            format!("{what}: {}", page.status),
        );
        case.check(page.set_cookie(SESSION).is_none(), format!("{what}: no session"));
        case.same(token_requests(&app), 0, &what);
        case.check(
            !page.body.contains(&code),
            format!("{what}: the code is not shown"),
        );
        case.check(
            !page.body.contains(&state),
            format!("{what}: the state is not shown"),
        );
    }
    // A link that is only looked at, or sent as a form, uses nothing up.
    let case = cases.case("S35");
    for method in [Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS] {
        let page = Ask::new(method.clone(), callback.as_str())
            .header("sec-fetch-site", "same-origin")
            .cookie(SIGN_IN, &login)
            .send()
            .await;
        case.same(page.status, StatusCode::METHOD_NOT_ALLOWED, method);
    }
    case.same(token_requests(&app), 0, "no token request");
    case.same(rows(&app).await, (1, 0), "still under way");

    let case = cases.case("S21");
    let right = with_parameter(&callback, "iss", app.sandbox.url());
    let page = open(&browser, &right).await;
    case.check(
        page.sees_other(),
        "the right issuer, and the sign-in ends well after all of that",
    );
    case.same(token_requests(&app), 1, "one token request");
}

#[tokio::test]
async fn a_code_of_odd_length_or_letters() {
    let cases = Cases::of("state", "codes");
    let app = app().await;
    for (id, code) in [
        ("S25", String::new()),
        ("S25", "a".repeat(2_049)),
        ("S34", "a b".into()),
        ("S34", "a\nb".into()),
        ("S34", "ä".into()),
        ("S34", "\0".into()),
        ("S34", "\u{202e}".into()),
    ] {
        let case = cases.case(id);
        case.input();
        let begun = begin(&app).send().await;
        let state = &query(&begun.location().parse().unwrap())["state"];
        let mut url: url::Url = format!("{}/oauth/callback", app.url).parse().unwrap();
        url.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", state);
        let page = Ask::get(url.as_str())
            .cookie(SIGN_IN, begun.cookie_value(SIGN_IN).unwrap())
            .send()
            .await;
        case.same(
            page.status,
            StatusCode::BAD_REQUEST,
            format!("{} letters", code.len()),
        );
        case.same(token_requests(&app), 0, "no token request");
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
    for _ in 0..100 {
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
async fn refusals_by_cloud66() {
    let cases = Cases::of("state", "denied");
    let app = app().await;
    let case = cases.case("S18");
    for (word, status, words) in [
        ("access_denied", 403, "You did not allow access"),
        ("server_error", 502, "Cloud 66 did not sign you in"),
        ("invalid_scope", 502, "Cloud 66 did not sign you in"),
        ("<script>alert(1)</script>", 502, "Cloud 66 did not sign you in"),
    ] {
        let begun = begin(&app).send().await;
        let state = query(&begun.location().parse().unwrap())["state"].clone();
        let login = begun.cookie_value(SIGN_IN).unwrap();
        let mut url: url::Url = format!("{}/oauth/callback", app.url).parse().unwrap();
        url.query_pairs_mut()
            .append_pair("error", word)
            .append_pair("error_description", "<b>marker-description</b>")
            .append_pair("state", &state);
        let ask = Ask::get(url.as_str()).cookie(SIGN_IN, &login);
        let page = ask.clone().send().await;
        case.same(page.status.as_u16(), status, word);
        case.check(page.text().contains(words), page.text());
        case.check(!page.body.contains("marker-description"), "none of its words");
        case.check(!page.body.contains("<script>"), "nor the error's name");
        case.same(
            ask.send().await.status,
            StatusCode::BAD_REQUEST,
            "the state is used up",
        );
    }
    case.same(token_requests(&app), 0, "no token request");
    case.same(rows(&app).await, (0, 0), "nothing is left");
}

#[tokio::test]
async fn servers_with_and_without_pkce() {
    let cases = Cases::of("state", "pkce");
    let case = cases.case("S24");
    for (pkce, setting) in [
        (Pkce::Ignored, "on"),
        (Pkce::Ignored, "auto"),
        (Pkce::Ignored, "off"),
        (Pkce::On, "on"),
        (Pkce::On, "auto"),
        (Pkce::Off, "auto"),
        (Pkce::Off, "off"),
    ] {
        let app = TestApp::with()
            .setting("CLOUD66_PKCE", setting)
            .sandbox(move |options| options.pkce = pkce)
            .start()
            .await;
        let page = app.browser().sign_in(&app.main_person()).await;
        case.check(
            page.text().contains("Sign out"),
            format!("{pkce:?} with {setting}"),
        );
    }
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
    // Time passes while the flood is sent, and gives back one step a second.
    case.check(
        (300..400).contains(&begun),
        format!("{begun} of 1000 were let through"),
    );
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

/// Makes what the token endpoint does.
type React = Box<dyn Fn() -> Reaction + Send + Sync>;

/// What the token endpoint may do instead of answering. Whatever it is: a page of ours in bounded time, no session,
/// and the state is used up although the answer is a 5xx (M3: the stock middleware does not save on those).
#[tokio::test]
async fn a_token_endpoint_in_trouble() {
    let cases = Cases::of("state", "trouble");
    let marker: &'static str = "marker-in-the-token-answer";
    let html = move |status: u16| Reaction::Answer {
        status,
        headers: vec![("Content-Type", "text/html".into())],
        body: format!("<html>{marker}</html>").into_bytes(),
    };
    let troubles: Vec<(&str, u16, React)> = vec![
        (
            "hangs",
            502,
            Box::new(|| Reaction::Raw(Vec::new(), Then::Silence)),
        ),
        ("resets", 502, Box::new(|| Reaction::Raw(Vec::new(), Then::Reset))),
        ("closes", 502, Box::new(|| Reaction::Raw(Vec::new(), Then::Close))),
        (
            "leads elsewhere",
            502,
            Box::new(|| json(302, "").with("Location", "http://127.0.0.1:1/")),
        ),
        (
            "leads elsewhere with the POST",
            502,
            Box::new(|| json(307, "").with("Location", "http://127.0.0.1:1/")),
        ),
        ("HTML", 502, Box::new(move || html(200))),
        ("an empty object", 502, Box::new(|| json(200, "{}"))),
        ("nothing", 502, Box::new(|| json(200, ""))),
        (
            "mac",
            502,
            Box::new(|| {
                json(
                    200,
                    r#"{"access_token":"marker-in-the-token-answer","token_type":"mac"}"#,
                )
            }),
        ),
        (
            "an empty token",
            502,
            Box::new(|| json(200, r#"{"access_token":"","token_type":"bearer"}"#)),
        ),
        (
            "a token of two lines",
            502,
            Box::new(|| {
                json(
                    200,
                    r#"{"access_token":"marker-in-the-token-answer\nx: y","token_type":"bearer"}"#,
                )
            }),
        ),
        (
            "half a body",
            502,
            Box::new(|| {
                Reaction::Raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"access_token\":\"marker-in-the-token-answer".to_vec(), Then::Close)
            }),
        ),
        (
            "400",
            400,
            Box::new(|| {
                json(
                    400,
                    r#"{"error":"invalid_grant","error_description":"marker-in-the-token-answer"}"#,
                )
            }),
        ),
        ("400 in HTML", 502, Box::new(move || html(400))),
        (
            "invalid_client",
            502,
            Box::new(|| {
                json(
                    401,
                    r#"{"error":"invalid_client","error_description":"marker-in-the-token-answer"}"#,
                )
            }),
        ),
        ("500", 502, Box::new(move || html(500))),
        ("503", 502, Box::new(move || html(503))),
        ("50 MB", 502, Box::new(Reaction::flood)),
        ("a bomb", 502, Box::new(Reaction::gzip_bomb)),
    ];
    let current = std::sync::Arc::new(std::sync::Mutex::new(0_usize));
    let troubles = std::sync::Arc::new(troubles);
    let (which, all) = (current.clone(), troubles.clone());
    let fake = cloud66::start(move |_, _| {
        let at = *which.lock().unwrap();
        (all[at].2)()
    })
    .await;
    let app = TestApp::with()
        .setting("CLOUD66_URL", fake.url.as_str())
        .setting("CLOUD66_PKCE", "on")
        .start()
        .await;
    for (at, (what, status, _)) in troubles.iter().enumerate() {
        let case = cases.case("S28");
        *current.lock().unwrap() = at;
        let before = cloud66::exchanges(&fake).len();
        let begun = begin(&app).send().await;
        let state = query(&begun.location().parse().unwrap())["state"].clone();
        let ask = Ask::get(format!("{}/oauth/callback?code=abc&state={state}", app.url))
            .cookie(SIGN_IN, begun.cookie_value(SIGN_IN).unwrap());
        let waited = tokio::time::timeout(std::time::Duration::from_secs(15), ask.clone().send());
        let page = waited
            .await
            .unwrap_or_else(|_| panic!("{what}: no answer within 15 s"));
        case.same(page.status.as_u16(), *status, what);
        case.check(page.set_cookie(SESSION).is_none(), format!("{what}: no session"));
        case.check(page.body.contains("<h1>"), format!("{what}: a page of ours"));
        case.check(
            !page.body.contains(marker),
            format!("{what}: nothing of the answer"),
        );
        case.same(
            ask.send().await.status,
            StatusCode::BAD_REQUEST,
            format!("{what}: the state is gone"),
        );
        case.same(
            cloud66::exchanges(&fake).len(),
            before + 1,
            format!("{what}: asked once"),
        );
    }
    let case = cases.case("S28");
    case.same(rows(&app).await, (0, 0), "nothing is left");
    // What does not matter to us is not a reason to refuse.
    *current.lock().unwrap() = 0;
    let odd = cloud66::start(|_, _| {
        json(
            200,
            r#"{"access_token":"abc","token_type":"Bearer","expires_in":"x","scope":""}"#,
        )
    })
    .await;
    let app = TestApp::with()
        .setting("CLOUD66_URL", odd.url.as_str())
        .setting("CLOUD66_PKCE", "on")
        .start()
        .await;
    let begun = begin(&app).send().await;
    let state = query(&begun.location().parse().unwrap())["state"].clone();
    let page = Ask::get(format!("{}/oauth/callback?code=abc&state={state}", app.url))
        .cookie(SIGN_IN, begun.cookie_value(SIGN_IN).unwrap())
        .send()
        .await;
    case.check(page.sees_other(), "an odd expires_in is not read");
}

/// What is learned after the exchange decides too: who it is, what was granted, and whether the account may.
#[tokio::test]
async fn after_the_exchange() {
    let cases = Cases::of("state", "after");
    let app = app().await;
    let case = cases.case("S26");
    for fault in [
        "ping-auth=status:500",
        "ping-auth=html",
        "ping-auth=unauthenticated",
        "ping-auth=forbidden",
        "ping-auth=no-answer-before",
        "ping-auth=huge:3",
    ] {
        app.world().clear_faults();
        app.world().add_fault(fault.parse().unwrap());
        let browser = app.browser();
        let callback = callback_of(&app, &browser).await;
        let page = open(&browser, &callback).await;
        case.check(
            page.status.is_client_error() || page.status == 502,
            format!("{fault}: {}", page.status),
        );
        case.check(page.set_cookie(SESSION).is_none(), format!("{fault}: no session"));
        case.same(
            rows(&app).await,
            (0, 0),
            format!("{fault}: the token is not kept"),
        );
    }
    app.world().clear_faults();

    let case = cases.case("S27");
    let fake = cloud66::start(|_, _| {
        cloud66::json(
            200,
            r#"{"access_token":"abc","token_type":"bearer","scope":"public"}"#,
        )
    })
    .await;
    let less = TestApp::with()
        .setting("CLOUD66_URL", fake.url.as_str())
        .setting("CLOUD66_PKCE", "on")
        .start()
        .await;
    let session = cloud66::sign_in(&less).await;
    let get = |path: &str| {
        Ask::get(format!("{}{path}", less.url))
            .cookie(SESSION, &session)
            .send()
    };
    case.check(
        get("/settings").await.body.contains("<code>public</code>"),
        "what was granted counts, not what was asked",
    );
    case.same(
        get("/redeploys/new").await.status,
        StatusCode::FORBIDDEN,
        "so it may only look",
    );

    let case = cases.case("S31");
    let closed = TestApp::with()
        .setting("CLOUD66_PKCE", "on")
        .setting("STACKDECK_ACCOUNTS", "1")
        .start()
        .await;
    let browser = closed.browser();
    let callback = callback_of(&closed, &browser).await;
    let page = open(&browser, &callback).await;
    case.same(
        page.status,
        StatusCode::FORBIDDEN,
        "an account that is not listed",
    );
    case.check(page.set_cookie(SESSION).is_none(), "no session");
    case.same(rows(&closed).await, (0, 0), "nothing is kept");
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
