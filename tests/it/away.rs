//! "While you were away": said once, on the next page.

use stackdeck::domain::RedeployState;

use crate::harness::{TestApp, answered, confirm, id_of, looks, until, with_quick_deploys};

async fn all_ended(app: &TestApp) {
    let person = app.main_person_id();
    for () in looks() {
        let rows = app.ledger().of_person(person, 10, None).await.unwrap();
        if !rows.is_empty() && rows.iter().all(|row| row.state.is_end()) {
            return;
        }
        app.let_pass(time::Duration::seconds(1)).await;
    }
    panic!("never ended");
}

#[tokio::test]
async fn an_end_that_nobody_saw_is_told_once() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let asked = confirm(&browser, &uid).await;
    browser.submit(&asked, "Redeploy staging").await;
    all_ended(&app).await;
    // What a script fetches is taken apart and not seen.
    let home = browser.address("/");
    let fetched = browser.fetch(&home).await;
    assert!(
        !fetched.text().contains("While you were away"),
        "{}",
        fetched.text()
    );
    let page = browser.get("/").await;
    let name = app.world().stack(&uid).unwrap().name;
    let told = page.texts("#polite .note").join(" ");
    assert!(
        told.contains(&format!("While you were away: {name} staging finished, ")),
        "{told}"
    );
    assert!(
        page.attribute("#polite .note a[href^='/redeploys/']", "href")
            .is_some()
    );
    assert!(!browser.get("/").await.text().contains("While you were away"));
}

#[tokio::test]
async fn a_failure_is_told_as_one() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    app.world().fail_next_deploy(&uid);
    let asked = confirm(&browser, &uid).await;
    browser.submit(&asked, "Redeploy staging").await;
    all_ended(&app).await;
    let told = browser.get("/settings").await.texts("#alert .note").join(" ");
    assert!(
        told.contains("While you were away: ") && told.contains(" failed."),
        "{told}"
    );
}

#[tokio::test]
async fn who_looks_at_the_receipt_is_not_told_again() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let asked = confirm(&browser, &app.quiet_stack("staging")).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    let end = until(&browser, &receipt, &["Deployed"]).await;
    assert!(!end.text().contains("While you were away"), "{}", end.text());
    assert!(!browser.get("/").await.text().contains("While you were away"));
}

/// The receipt is read after it was asked whether there is news: what ended in between, as another instance may
/// have found, was told by the receipt all the same.
#[tokio::test]
async fn an_end_that_only_the_receipt_knew_of_is_not_told_again() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let asked = confirm(&browser, &app.quiet_stack("staging")).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    answered(&app, id_of(&receipt)).await;
    browser.get("/").await;
    let ended = RedeployState::Succeeded;
    assert!(
        app.ledger()
            .ended(id_of(&receipt), ended, None, None, None)
            .await
            .unwrap()
    );
    until(&browser, &receipt, &["Deployed"]).await;
    app.clock.advance(time::Duration::seconds(6));
    let page = browser.get("/").await;
    let told = page.texts(".note").join(" ");
    assert!(!told.contains("While you were away"), "{told}");
}

#[tokio::test]
async fn nobody_else_is_told() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let other = app.browser();
    other.sign_in(&app.other_person()).await;
    let asked = confirm(&browser, &app.quiet_stack("staging")).await;
    browser.submit(&asked, "Redeploy staging").await;
    all_ended(&app).await;
    assert!(!other.get("/").await.text().contains("While you were away"));
    assert!(browser.get("/").await.text().contains("While you were away"));
}

/// What is loaded ahead, or asked for without its body, is seen by nobody: what has to be said once waits. C50.
#[tokio::test]
async fn what_nobody_looks_at_uses_nothing_up() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let settings = browser.get("/settings").await;
    let asked = confirm(&browser, &uid).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    all_ended(&app).await;
    browser.send_once(&settings.form("Save")).await;
    for (method, name, value) in [
        (reqwest::Method::HEAD, "accept", "text/html"),
        (reqwest::Method::GET, "sec-purpose", "prefetch"),
        (reqwest::Method::GET, "sec-purpose", "prefetch;prerender"),
        (reqwest::Method::GET, "purpose", "prefetch"),
        (reqwest::Method::GET, "x-purpose", "preview"),
        (reqwest::Method::GET, "x-moz", "prefetch"),
    ] {
        for path in ["/", "/settings", receipt.url.path()] {
            let answer = crate::harness::Ask::new(method.clone(), browser.address(path))
                .header("cookie", browser.cookies())
                .header("sec-fetch-dest", "document")
                .header(name, value)
                .send()
                .await;
            assert_eq!(answer.status, 200, "{method} {path} {name}");
            assert!(!answer.text().contains("While you were away"), "{name} {value}");
            assert!(!answer.text().contains("Saved."), "{name} {value}");
        }
    }
    let page = browser.get("/").await;
    assert!(page.text().contains("While you were away"), "{}", page.text());
    assert!(page.text().contains("Saved."), "{}", page.text());
}
