//! S: the code's exchange for a token: what is sent, and what becomes of every answer.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use sha2::Digest as _;
use stackdeck::sandbox::Pkce;

use super::cloud66::{self, Reaction, Then, json};
use super::flow::{SESSION, SIGN_IN, begin, callback_of, open, query, rows};
use crate::harness::{Ask, Cases, PATIENCE, TestApp};

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
        .impatient()
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
        let waited = tokio::time::timeout(PATIENCE, ask.clone().send());
        let page = waited.await.unwrap_or_else(|_| panic!("{what}: no answer"));
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
    let app = TestApp::with()
        .setting("CLOUD66_PKCE", "on")
        .impatient()
        .start()
        .await;
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
