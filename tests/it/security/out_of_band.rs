//! O: out of band, where the person pastes the code (RFC 9700 section 4.5). There is no state in it, so the cookie
//! of the browser that began is the whole proof, and the mode is off unless the settings ask for it.

use reqwest::{Method, StatusCode};
use time::Duration;
use url::Url;

use super::flow::{SESSION, SIGN_IN, answer_of, authorize_of, open, query, rows, token_requests};
use crate::harness::{Ask, Browser, Cases, Page, TestApp};

const URN: &str = "urn:ietf:wg:oauth:2.0:oob";

async fn app() -> TestApp {
    TestApp::with()
        .setting("CLOUD66_PKCE", "on")
        .setting("CLOUD66_REDIRECT", "oob")
        .sandbox(|options| options.pkce = stackdeck::sandbox::Pkce::On)
        .start()
        .await
}

/// Begins in this browser and gives the code that Cloud 66 shows to the person.
async fn code_of(app: &TestApp, browser: &Browser) -> String {
    let authorize = authorize_of(browser).await;
    code_at(browser, &authorize, &app.main_person()).await
}

async fn code_at(browser: &Browser, authorize: &Url, person: &str) -> String {
    let native = answer_of(browser, authorize, person).await;
    query(&native)["code"].clone()
}

fn paste(app: &TestApp, login: &str, code: &str) -> Ask {
    Ask::form(format!("{}/oauth/code", app.url), &[("code", code)]).cookie(SIGN_IN, login)
}

#[tokio::test]
async fn a_pasted_code_signs_in() {
    let cases = Cases::of("out_of_band", "pasted");
    let app = app().await;
    let case = cases.case("O01");
    let browser = app.browser();
    let home = browser.get("/").await;
    case.check(
        home.body.contains("/oauth/code"),
        "the home page leads to the form for a code",
    );
    let authorize = authorize_of(&browser).await;
    let asked = query(&authorize);
    case.same(asked["redirect_uri"].as_str(), URN, "the URN, byte for byte");
    case.same(
        asked["code_challenge_method"].as_str(),
        "S256",
        "with a challenge",
    );
    let code = code_at(&browser, &authorize, &app.main_person()).await;
    let form = browser.get("/oauth/code").await;
    let words = form.text();
    case.check(
        words.contains("Only paste a code from a sign-in that you began on this page yourself"),
        "the page warns of other people's codes",
    );
    case.check(words.contains("Start again"), "and offers to start again");
    let page: Page = browser
        .send_once(&form.form("Sign in").set("code", &format!("  {code}\n")))
        .await;
    case.same((page.status.as_u16(), page.location()), (303, "/"), "signed in");
    case.check(page.set_cookie(SESSION).is_some(), "a new session");
    case.same(token_requests(&app), 1, "one token request");
    case.same(rows(&app).await, (0, 1), "the sign-in is used up");
    case.check(browser.get("/").await.text().contains("Sign out"), "and holds");

    let case = cases.case("O03");
    let login = browser.cookie(SIGN_IN).unwrap();
    case.same(
        paste(&app, &login, &code).send().await.status,
        StatusCode::BAD_REQUEST,
        "again",
    );
    let code = code_of(&app, &browser).await;
    let before = token_requests(&app);
    let both = futures_util::future::join_all((0..20).map(|_| paste(&app, &login, &code).send())).await;
    let winners = both.iter().filter(|page| page.sees_other()).count();
    case.same(winners, 1, "of twenty at once");
    case.same(token_requests(&app) - before, 1, "one token request");
}

#[tokio::test]
async fn what_is_not_taken() {
    let cases = Cases::of("out_of_band", "refused");
    let app = app().await;
    let browser = app.browser();
    // A phisher's own, valid code.
    let phisher = app.browser();
    let code = code_of(&app, &phisher).await;
    let before = token_requests(&app);
    let case = cases.case("O02");
    let bare = Ask::form(format!("{}/oauth/code", app.url), &[("code", &code)]);
    case.same(
        bare.send().await.status,
        StatusCode::BAD_REQUEST,
        "without a sign-in of one's own",
    );
    for cookie in ["", "x", &"a".repeat(43), &"a".repeat(9_000)] {
        let page = paste(&app, cookie, &code).send().await;
        case.same(
            page.status,
            StatusCode::BAD_REQUEST,
            format!("cookie of {}", cookie.len()),
        );
        case.check(page.set_cookie(SESSION).is_none(), "no session");
    }
    case.same(token_requests(&app), before, "no token request");
    // The victim has begun one: the phisher's code then fails on the verifier, and uses the victim's attempt up.
    authorize_of(&browser).await;
    let page = paste(&app, &browser.cookie(SIGN_IN).unwrap(), &code).send().await;
    case.same(
        page.status,
        StatusCode::BAD_REQUEST,
        "the code belongs to another challenge",
    );
    case.check(page.set_cookie(SESSION).is_none(), "no session");

    let case = cases.case("O06");
    let code = code_of(&app, &browser).await;
    let login = browser.cookie(SIGN_IN).unwrap();
    let before = token_requests(&app);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://evil.example"),
    ] {
        let ask = paste(&app, &login, &code)
            .without("sec-fetch-site")
            .header(name, value);
        case.same(
            ask.send().await.status,
            StatusCode::FORBIDDEN,
            format!("{name}: {value}"),
        );
    }
    let case = cases.case("O04");
    for (what, wrong) in [
        ("empty", String::new()),
        ("white space", " \t\n ".into()),
        ("too long", "a".repeat(2_049)),
        ("two words", "abc def".into()),
        ("not ASCII", "ça".into()),
        ("a NUL", "a\0".into()),
        ("markup", "<b>\u{202e}</b>".into()),
    ] {
        case.input();
        let page = paste(&app, &login, &wrong).send().await;
        case.same(page.status, StatusCode::BAD_REQUEST, what);
        case.check(!page.body.contains("<b>"), "not shown");
    }
    let twice = Ask::form(
        format!("{}/oauth/code", app.url),
        &[("code", &code), ("code", "x")],
    );
    case.same(
        twice.cookie(SIGN_IN, &login).send().await.status,
        StatusCode::BAD_REQUEST,
        "twice",
    );
    case.same(token_requests(&app), before, "no token request for any of these");
    case.check(
        paste(&app, &login, &code).send().await.sees_other(),
        "and none of them used it up",
    );

    let case = cases.case("O07");
    // Cloud 66 shows a refusal itself, so nothing is heard; the attempt ends by itself.
    let code = code_of(&app, &browser).await;
    app.clock.advance(Duration::minutes(10) + Duration::seconds(1));
    let page = paste(&app, &login, &code).send().await;
    case.same(page.status, StatusCode::BAD_REQUEST, "after ten minutes");
    case.check(page.text().contains("Start again"), page.text());
}

#[tokio::test]
async fn one_way_back_at_a_time() {
    let cases = Cases::of("out_of_band", "modes");
    let case = cases.case("O05");
    let pasting = app().await;
    let browser = pasting.browser();
    for method in [Method::GET, Method::HEAD, Method::POST] {
        let page = Ask::new(
            method.clone(),
            format!("{}/oauth/callback?code=a&state=b", pasting.url),
        )
        .header("sec-fetch-site", "same-origin")
        .send()
        .await;
        case.same(
            page.status,
            StatusCode::NOT_FOUND,
            format!("{method} of the callback"),
        );
    }
    case.same(token_requests(&pasting), 0, "no token request");
    let usual = super::flow::app().await;
    for method in [Method::GET, Method::HEAD, Method::POST] {
        let page = Ask::new(method.clone(), format!("{}/oauth/code", usual.url))
            .header("sec-fetch-site", "same-origin")
            .body("application/x-www-form-urlencoded", "code=abc")
            .send()
            .await;
        case.same(
            page.status,
            StatusCode::NOT_FOUND,
            format!("{method} of the code page"),
        );
    }
    let authorize = authorize_of(&usual.browser()).await;
    case.check(!authorize.as_str().contains("oob"), "the URN is never sent");
    case.same(
        open(&browser, &browser.address("/oauth/code")).await.status,
        StatusCode::OK,
        "where it is on",
    );
}
