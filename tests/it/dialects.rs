//! The other ways of speaking to Cloud 66: a pasted code, the API of 2013, and sign-ins that may only look.

use reqwest::StatusCode;
use stackdeck::sandbox::Strictness;

use crate::harness::{Page, TestApp, looks};

const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";

/// Has Cloud 66 show a code to the main person, in a second tab.
async fn shown_code(app: &TestApp, browser: &crate::harness::Browser) -> (String, Page) {
    let second_tab = browser.get("/sign-in").await;
    let page = browser.submit(&second_tab, "Go on to Cloud 66").await;
    let authorize = page
        .chain
        .iter()
        .find(|url| url.path() == "/oauth/authorize")
        .unwrap();
    assert!(
        authorize
            .query_pairs()
            .any(|(name, value)| name == "redirect_uri" && value == OUT_OF_BAND)
    );
    let page = browser.allow(page, &app.main_person()).await;
    (page.texts("#authorization_code").join(""), page)
}

#[tokio::test]
async fn a_pasted_code_signs_in_once_and_only_here() {
    let app = TestApp::with().setting("CLOUD66_REDIRECT", "oob").start().await;
    let browser = app.browser();
    assert_eq!(
        browser.get("/oauth/callback?code=a&state=b").await.status,
        StatusCode::NOT_FOUND
    );
    let form = browser.get("/oauth/code").await.form("Sign in");
    let early = browser.send(form.clone().set("code", "made-up")).await;
    assert_eq!(early.status, StatusCode::BAD_REQUEST, "nothing was begun here");
    let (code, native) = shown_code(&app, &browser).await;
    assert!(!code.is_empty(), "{}", native.text());
    let exchanges = app.world().journal().count("token");
    let stranger = app.browser().send(form.clone().set("code", &code)).await;
    assert_eq!(stranger.status, StatusCode::BAD_REQUEST, "another browser");
    assert_eq!(app.world().journal().count("token"), exchanges);
    let stacks = browser.send(form.clone().set("code", &format!(" {code} "))).await;
    assert_eq!((stacks.status, stacks.url.path()), (StatusCode::OK, "/"));
    assert!(!stacks.texts("ul.stacks > li").is_empty());
    let again = browser.send(form.set("code", &code)).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST, "a code works once");
}

#[tokio::test]
async fn a_wrong_code_is_said_in_words() {
    let app = TestApp::with().setting("CLOUD66_REDIRECT", "oob").start().await;
    let browser = app.browser();
    shown_code(&app, &browser).await;
    let form = browser.get("/oauth/code").await.form("Sign in");
    let page = browser.send(form.set("code", "0000000000")).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(
        page.text().contains("Cloud 66 did not take that code"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn every_form_of_the_token_answer_signs_in() {
    for strictness in [Strictness::Document2013, Strictness::Doorkeeper] {
        let app = TestApp::with()
            .sandbox(|options| options.strictness = strictness)
            .start()
            .await;
        assert!(
            !app.signed_in()
                .await
                .get("/")
                .await
                .texts("ul.stacks > li")
                .is_empty()
        );
    }
}

#[tokio::test]
async fn the_dialect_of_2013_lists_and_redeploys_and_says_what_is_missing() {
    let app = TestApp::with()
        .setting("CLOUD66_API_VERSION", "2")
        .deploys_of(std::time::Duration::from_millis(200))
        .start()
        .await;
    let browser = app.signed_in().await;
    assert!(!browser.get("/").await.texts("ul.stacks > li").is_empty());
    let uid = app.quiet_stack("staging");
    let stack = browser.get(&format!("/stacks/{uid}")).await;
    assert_eq!(stack.status, StatusCode::OK);
    assert!(stack.text().contains("version 2"), "{}", stack.text());
    let confirm = browser.get(&format!("/stacks/{uid}/redeploy")).await;
    let receipt = browser.submit(&confirm, "Redeploy staging").await;
    assert!(receipt.url.path().starts_with("/redeploys/"));
    let mut sent = 0;
    for () in looks() {
        sent = app.world().journal().count("redeploy");
        if sent > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(sent, 1);
}

#[tokio::test]
async fn a_sign_in_that_may_only_look_can_be_allowed_more_and_comes_back() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let home = browser.get("/").await;
    let page = browser.submit(&home, "Sign in to look only").await;
    let page = browser.allow(page, &app.main_person()).await;
    assert!(page.text().contains("Allow redeploys"), "{}", page.text());
    let uid = app.quiet_stack("staging");
    let refused = browser.get(&format!("/stacks/{uid}/redeploy")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let stack = browser.get(&format!("/stacks/{uid}")).await;
    let more = browser
        .get(&stack.attribute("main a[href*='sign-in']", "href").unwrap())
        .await;
    let page = browser.submit(&more, "Go on to Cloud 66").await;
    let page = browser.allow(page, &app.main_person()).await;
    assert_eq!(page.url.path(), format!("/stacks/{uid}"));
    assert_eq!(
        browser.get(&format!("/stacks/{uid}/redeploy")).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_role_that_cannot_deploy_is_said_on_that_stack() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    browser.get("/").await;
    assert!(
        app.world()
            .set_role(&app.main_person(), &uid, stackdeck::sandbox::Role::Viewer)
    );
    let confirm = browser.get(&format!("/stacks/{uid}/redeploy")).await;
    let receipt = browser.submit(&confirm, "Redeploy staging").await;
    let mut page = browser.get(receipt.url.path()).await;
    for () in looks() {
        if page.text().contains("Your Cloud 66 role cannot deploy") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        page = browser.get(receipt.url.path()).await;
    }
    assert!(
        page.text().contains("Your Cloud 66 role cannot deploy"),
        "{}",
        page.text()
    );
    let row = browser.get("/").await.texts(&format!("#act-{uid}")).join(" ");
    assert!(row.contains("View only"), "{row}");
}
