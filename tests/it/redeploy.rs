//! Redeploying: one click, one redeploy.

use reqwest::{Method, StatusCode};

use crate::harness::{TestApp, confirm, id_of, until, with_quick_deploys};

#[tokio::test]
async fn a_redeploy_is_confirmed_sent_once_and_followed_to_its_end() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("production");
    let page = confirm(&browser, &uid).await;
    assert!(
        page.texts("h1").join("").starts_with("Redeploy "),
        "{:?}",
        page.texts("h1")
    );
    let receipt = browser.submit(&page, "Redeploy production").await;
    assert!(receipt.url.path().starts_with("/redeploys/"), "{}", receipt.url);
    let end = until(&browser, &receipt, &["Succeeded", "Deployed"]).await;
    assert_eq!(end.status, StatusCode::OK);
    assert_eq!(app.world().journal().count("redeploy"), 1);
    let id = id_of(&receipt).to_string();
    let journal = app.world().journal();
    let sent = journal
        .entries()
        .iter()
        .find(|entry| entry.operation == "redeploy")
        .unwrap();
    assert_eq!(
        sent.user_reference.as_deref(),
        Some(id.as_str()),
        "the operation id is the user_reference"
    );
}

/// Cases E01, E03.
#[tokio::test]
async fn a_double_click_a_reload_and_the_back_button_show_the_first_receipt() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let form = confirm(&browser, &app.quiet_stack("production"))
        .await
        .form("Redeploy production");
    let (one, other) = tokio::join!(browser.send(form.clone()), browser.send(form.clone()));
    assert_eq!(one.url, other.url);
    until(&browser, &one, &["Succeeded", "Deployed"]).await;
    let later = browser.send(form.clone()).await;
    assert_eq!(later.url, one.url);
    app.clock.advance(time::Duration::minutes(11));
    let much_later = browser.send(form).await;
    assert_eq!(
        much_later.url, one.url,
        "a form that is too old, and was sent in time"
    );
    assert_eq!(app.world().journal().count("redeploy"), 1);
}

#[tokio::test]
async fn fifty_posts_of_one_operation_id_are_one_redeploy() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let form = confirm(&browser, &app.quiet_stack("staging"))
        .await
        .form("Redeploy staging");
    let answers = futures_util::future::join_all((0..50).map(|_| browser.send_once(&form))).await;
    let places: std::collections::BTreeSet<String> = answers
        .iter()
        .map(|answer| answer.headers["location"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(places.len(), 1, "{places:?}");
    let receipt = browser.get(places.first().unwrap()).await;
    until(&browser, &receipt, &["Succeeded", "Deployed"]).await;
    assert_eq!(app.world().journal().count("redeploy"), 1);
}

/// Case E06.
#[tokio::test]
async fn an_operation_id_from_elsewhere_sends_nothing() {
    let app = with_quick_deploys().await;
    let (browser, other) = (app.signed_in().await, app.signed_in().await);
    let uid = app.quiet_stack("staging");
    let form = confirm(&browser, &uid).await.form("Redeploy staging");
    let theirs = confirm(&other, &uid).await.form("Redeploy staging");
    let elsewhere = app
        .stacks()
        .iter()
        .find(|stack| stack.uid != uid && stack.status.0 == 1 && stack.environment == "staging")
        .unwrap()
        .uid
        .clone();
    let other_stack = confirm(&browser, &elsewhere).await.form("Redeploy");
    let wrong = [
        form.clone().set("op", theirs.get("op")),
        form.clone().set("op", other_stack.get("op")),
        form.clone().set("op", "AAAA"),
        form.clone().set("op", ""),
        form.clone().without("op"),
    ];
    for form in wrong {
        let page = browser.send(form).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.text());
    }
    for form in [
        form.clone().set("csrf", theirs.get("csrf")),
        form.clone().set("csrf", ""),
        form.clone().without("csrf"),
    ] {
        assert_eq!(browser.send(form).await.status, StatusCode::FORBIDDEN);
    }
    app.clock.advance(time::Duration::minutes(11));
    let expired = browser.send(form).await;
    assert_eq!(expired.status, StatusCode::BAD_REQUEST);
    assert_eq!(app.world().journal().count("redeploy"), 0);
}

#[tokio::test]
async fn another_site_cannot_redeploy() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let form = confirm(&browser, &app.quiet_stack("staging"))
        .await
        .form("Redeploy staging");
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&form.fields)
        .finish();
    let elsewhere = "https://evil.example/".parse().unwrap();
    let page = browser
        .request(Method::POST, &form.action, Some(body), Some(&elsewhere))
        .await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(app.world().journal().count("redeploy"), 0);
}

#[tokio::test]
async fn a_get_changes_nothing() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    for _ in 0..3 {
        confirm(&browser, &uid).await;
    }
    assert_eq!(app.world().journal().count("redeploy"), 0);
}

#[tokio::test]
async fn a_busy_stack_is_redeployed_only_after_saying_that_it_queues() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let uid = app
        .stacks()
        .iter()
        .find(|stack| stack.status.0 == 6)
        .unwrap()
        .uid
        .clone();
    browser.get("/").await;
    let page = confirm(&browser, &uid).await;
    assert!(
        page.text()
            .contains("Another deploy is running. This one starts when it ends."),
        "{}",
        page.text()
    );
    // Without what the page said, the form leads back to it.
    let again = browser.send(page.form("Redeploy").without("queue_ok")).await;
    assert_eq!(again.url.path(), format!("/stacks/{uid}/redeploy"));
    assert_eq!(app.world().journal().count("redeploy"), 0);
    let receipt = browser.submit(&page, "Redeploy").await;
    let page = until(&browser, &receipt, &["ueued"]).await;
    assert!(page.text().contains("ueued"));
    assert_eq!(app.world().journal().count("redeploy"), 1);
}

#[tokio::test]
async fn a_failed_deploy_ends_as_failed() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    app.world().fail_next_deploy(&uid);
    let page = confirm(&browser, &uid).await;
    let receipt = browser.submit(&page, "Redeploy staging").await;
    until(&browser, &receipt, &["Failed", "failed"]).await;
}

#[tokio::test]
async fn no_answer_is_looked_up_and_never_sent_again() {
    let app = TestApp::with().quick_deploys().impatient().start().await;
    let browser = app.signed_in().await;
    app.world()
        .add_fault("redeploy=no-answer-after;count=1".parse().unwrap());
    let page = confirm(&browser, &app.quiet_stack("staging")).await;
    let receipt = browser.submit(&page, "Redeploy staging").await;
    until(&browser, &receipt, &["Succeeded", "Deployed"]).await;
    assert_eq!(app.world().journal().count("redeploy"), 1);
}

#[tokio::test]
async fn somebody_elses_receipt_is_not_there() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let page = confirm(&browser, &app.quiet_stack("staging")).await;
    let receipt = browser.submit(&page, "Redeploy staging").await;
    let other = app.browser();
    other.sign_in(&app.other_person()).await;
    let theirs = other.get(receipt.url.path()).await;
    let made_up = other.get("/redeploys/0123456789abcdef0123456789abcdef").await;
    assert_eq!(theirs.status, StatusCode::NOT_FOUND);
    let (theirs, made_up) = (theirs.text(), made_up.text());
    let without_id = |text: &str| text.split("Request").next().unwrap().to_owned();
    assert!(theirs.contains("No such receipt"), "{theirs}");
    assert_eq!(
        without_id(&theirs),
        without_id(&made_up),
        "nothing tells the two apart"
    );
}
