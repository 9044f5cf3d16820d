//! Signing in with Cloud 66 and out again.

use reqwest::{Method, StatusCode};
use time::Duration;

use crate::harness::TestApp;

#[tokio::test]
async fn signing_in_leads_to_the_stacks() {
    let app = TestApp::start().await;
    let page = app.browser().sign_in(&app.main_person()).await;
    assert_eq!((page.status, page.url.path()), (StatusCode::OK, "/"));
    assert!(page.text().contains("Redeploy"), "{}", page.text());
}

#[tokio::test]
async fn the_authorization_request_has_what_it_needs_and_nothing_else() {
    let app = TestApp::start().await;
    let people = app.browser().begin_sign_in().await;
    let authorize = people
        .chain
        .iter()
        .find(|url| url.path() == "/oauth/authorize")
        .unwrap();
    let mut pairs: Vec<(String, String)> = authorize.query_pairs().into_owned().collect();
    pairs.sort();
    let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "redirect_uri",
            "response_type",
            "scope",
            "state"
        ]
    );
    let value = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).unwrap().1.clone();
    assert_eq!(value("redirect_uri"), format!("{}/oauth/callback", app.url));
    assert_eq!(value("scope"), "public redeploy");
    assert_eq!(value("response_type"), "code");
    assert_eq!(value("code_challenge_method"), "S256");
    assert_eq!(value("state").len(), 43);
}

#[tokio::test]
async fn refusing_says_so_and_saves_nothing() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let people = browser.begin_sign_in().await;
    let exchanges = app.world().journal().count("token");
    let consent = browser.choose_person(&people, &app.main_person()).await;
    let page = browser.submit(&consent, "Deny").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(
        page.text()
            .contains("You did not allow access. Nothing was saved."),
        "{}",
        page.text()
    );
    assert_eq!(app.world().journal().count("token"), exchanges);
    assert!(browser.cookie("stackdeck_session").is_none());
}

/// Goes as far as Cloud 66's answer, and gives the callback's address without opening it.
async fn callback_of(app: &TestApp, browser: &crate::harness::Browser) -> url::Url {
    let mut consent = browser.begin_sign_in().await;
    if consent.url.path() == "/users/sign_in" {
        consent = browser.choose_person(&consent, &app.main_person()).await;
    }
    let answer = browser.send_once(&consent.form("Authorize")).await;
    assert!(answer.status.is_redirection(), "{}", app.url);
    answer.headers["location"].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_callback_works_once() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let callback = callback_of(&app, &browser).await;
    let first = browser.request(Method::GET, &callback, None, None).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    let exchanges = app.world().journal().count("token");
    // The person is signed in already, so the second time leads to the stacks, without asking Cloud 66 again.
    let second = browser.request(Method::GET, &callback, None, None).await;
    assert_eq!(second.status, StatusCode::SEE_OTHER);
    let stranger = app.browser().request(Method::GET, &callback, None, None).await;
    assert_eq!(stranger.status, StatusCode::BAD_REQUEST);
    assert_eq!(app.world().journal().count("token"), exchanges);
}

#[tokio::test]
async fn a_callback_is_for_the_browser_that_began() {
    let app = TestApp::start().await;
    let (ours, theirs) = (app.browser(), app.browser());
    let callback = callback_of(&app, &ours).await;
    let _ = theirs.begin_sign_in().await;
    let exchanges = app.world().journal().count("token");
    let page = theirs.request(Method::GET, &callback, None, None).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(
        page.text().contains("That sign-in link expired"),
        "{}",
        page.text()
    );
    assert_eq!(app.world().journal().count("token"), exchanges);
    let page = ours.request(Method::GET, &callback, None, None).await;
    assert_eq!(
        page.status,
        StatusCode::SEE_OTHER,
        "the rightful browser can still finish"
    );
}

#[tokio::test]
async fn a_state_is_good_for_ten_minutes() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let callback = callback_of(&app, &browser).await;
    app.clock.advance(Duration::minutes(10) + Duration::seconds(1));
    let page = browser.request(Method::GET, &callback, None, None).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.text().contains("expired"), "{}", page.text());
}

#[tokio::test]
async fn what_is_no_answer_to_a_sign_in_asks_nobody() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let _ = browser.begin_sign_in().await;
    let exchanges = app.world().journal().count("token");
    for query in [
        "",
        "?code=abc",
        "?code=abc&state=",
        "?state=abc",
        "?code=abc&state=abc",
        "?code=a&code=b&state=abc",
        "?error=access_denied",
        "?error=access_denied&state=nonsense",
        "?code=%ff%00&state=%ff",
    ] {
        let page = browser.get(&format!("/oauth/callback{query}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(page.text().contains("Start again"), "{query}: {}", page.text());
    }
    assert_eq!(app.world().journal().count("token"), exchanges);
}

#[tokio::test]
async fn two_tabs_can_sign_in_at_once() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let first = callback_of(&app, &browser).await;
    let second = callback_of(&app, &browser).await;
    for callback in [second, first] {
        assert_eq!(
            browser.request(Method::GET, &callback, None, None).await.status,
            StatusCode::SEE_OTHER
        );
    }
}

#[tokio::test]
async fn a_sign_in_returns_to_the_page_that_asked_for_it() {
    let app = TestApp::start().await;
    let uid = app.stacks()[0].uid.clone();
    let browser = app.browser();
    let home = browser.get(&format!("/stacks/{uid}")).await;
    assert_eq!(home.url.path(), "/");
    let page = browser.submit(&home, "Sign in with Cloud 66").await;
    let page = browser.allow(page, &app.main_person()).await;
    assert_eq!(page.url.path(), format!("/stacks/{uid}"));
}

#[tokio::test]
async fn no_sign_in_returns_to_another_site() {
    let app = TestApp::start().await;
    for elsewhere in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/sign-out",
        "javascript:alert(1)",
    ] {
        let browser = app.browser();
        let home = browser.get("/").await;
        let page = browser
            .send(home.form("Sign in with Cloud 66").set("return_to", elsewhere))
            .await;
        let page = browser.allow(page, &app.main_person()).await;
        assert_eq!(page.url.as_str(), format!("{}/", app.url), "{elsewhere}");
    }
}

#[tokio::test]
async fn the_session_id_is_new_at_sign_in() {
    let app = TestApp::start().await;
    let browser = app.browser();
    browser.set_cookie("stackdeck_session", "AAAAAAAAAAAAAAAAAAAAAA");
    browser.sign_in(&app.main_person()).await;
    let first = browser.cookie("stackdeck_session").unwrap();
    assert_ne!(first, "AAAAAAAAAAAAAAAAAAAAAA");
    let again = browser.get("/sign-in").await;
    browser.submit(&again, "Go on to Cloud 66").await;
    assert_ne!(browser.cookie("stackdeck_session").unwrap(), first);
    let other = app.browser();
    other.set_cookie("stackdeck_session", &first);
    assert!(
        other.get("/").await.text().contains("Sign in with Cloud 66"),
        "the first session is gone"
    );
}

#[tokio::test]
async fn a_visitor_gets_no_session() {
    let app = TestApp::start().await;
    let browser = app.browser();
    browser.set_cookie("stackdeck_session", "AAAAAAAAAAAAAAAAAAAAAA");
    let page = browser.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        !page.headers.get_all("set-cookie").iter().any(|cookie| cookie
            .to_str()
            .unwrap()
            .contains("stackdeck_session=")
            && !cookie.to_str().unwrap().contains("Max-Age=0"))
    );
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let session = browser.cookie("stackdeck_session").unwrap();
    let home = browser.get("/").await;
    let page = browser.submit(&home, "Sign out").await;
    assert_eq!(page.url.path(), "/");
    assert!(page.text().contains("Sign in with Cloud 66"));
    assert!(browser.cookie("stackdeck_session").is_none());
    let thief = app.browser();
    thief.set_cookie("stackdeck_session", &session);
    assert!(thief.get("/").await.text().contains("Sign in with Cloud 66"));
}

#[tokio::test]
async fn signing_out_is_a_form_of_our_own_page() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let url = browser.address("/sign-out");
    assert_eq!(
        browser.request(Method::GET, &url, None, None).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let elsewhere = "https://evil.example/".parse().unwrap();
    let page = browser
        .request(Method::POST, &url, Some("csrf=x".into()), Some(&elsewhere))
        .await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(!browser.get("/").await.text().contains("Sign in with Cloud 66"));
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_and_after_its_lifetime() {
    let app = TestApp::with()
        .setting("STACKDECK_SESSION_IDLE", "1h")
        .setting("STACKDECK_SESSION_LIFETIME", "3h")
        .start()
        .await;
    let browser = app.signed_in().await;
    for _ in 0..4 {
        app.clock.advance(Duration::minutes(40));
        assert!(browser.get("/").await.text().contains("Sign out"));
    }
    app.clock.advance(Duration::minutes(40));
    assert!(
        browser.get("/").await.text().contains("Sign in with Cloud 66"),
        "3 h have passed"
    );
    let browser = app.signed_in().await;
    app.clock.advance(Duration::minutes(61));
    assert!(
        browser.get("/").await.text().contains("Sign in with Cloud 66"),
        "an hour of nothing"
    );
}

#[tokio::test]
async fn cloud66_out_of_reach_is_said_in_words() {
    let app = TestApp::with()
        .setting("CLOUD66_URL", "http://127.0.0.1:1")
        .setting("CLOUD66_PKCE", "on")
        .start()
        .await;
    let browser = app.browser();
    let home = browser.get("/").await;
    // The redirect to Cloud 66 needs no answer from it; the way back does.
    let away = browser.send_once(&home.form("Sign in with Cloud 66")).await;
    let authorize: url::Url = away.headers["location"].to_str().unwrap().parse().unwrap();
    let state = authorize
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    let page = browser
        .get(&format!("/oauth/callback?code=abc&state={state}"))
        .await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(
        page.text().contains("Cloud 66 is not answering") || page.text().contains("Cloud 66 did not answer"),
        "{}",
        page.text()
    );
    let again = browser
        .get(&format!("/oauth/callback?code=abc&state={state}"))
        .await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST, "the state is used up");
}

#[tokio::test]
async fn only_members_of_the_named_accounts_may_sign_in() {
    let app = TestApp::with().setting("STACKDECK_ACCOUNTS", "1").start().await;
    let page = app.browser().sign_in(&app.main_person()).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text().contains("account"), "{}", page.text());
}

#[tokio::test]
async fn without_a_client_id_there_is_a_setup_page() {
    let app = TestApp::with()
        .setting("CLOUD66_CLIENT_ID", "")
        .setting("CLOUD66_CLIENT_SECRET", "")
        .start()
        .await;
    let page = app.browser().get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.body.contains(&format!("{}/oauth/callback", app.url)),
        "{}",
        page.text()
    );
    assert!(page.text().contains("New Application"));
}
