//! This machine's clock is wrong, or is set while the program runs.

use std::time::Duration;

use crate::harness::{Browser, PAUSE, TestApp, answered, confirm, id_of, looks, until, with_quick_deploys};

/// Case U61.
#[tokio::test]
async fn the_age_of_a_deploy_is_by_cloud66s_clock() {
    for minutes in [10, -10] {
        let app = TestApp::with().deploys_of(Duration::from_mins(5)).start().await;
        app.clock.jump(time::Duration::minutes(minutes));
        let browser = app.signed_in().await;
        let uid = app.quiet_stack("staging");
        let asked = confirm(&browser, &uid).await;
        let receipt = browser.submit(&asked, "Redeploy staging").await;
        app.world().clock().advance(Duration::from_secs(10));
        app.clock.advance(time::Duration::seconds(10));
        until(&browser, &receipt, &["Cloud 66 is at work on it."]).await;
        let stack = shown_as_deploying(&browser, &format!("/stacks/{uid}")).await;
        assert!(!stack.contains("longer than usual"), "{minutes}: {stack}");
    }
}

/// The stack's page, once it has been read again since the redeploy was accepted.
async fn shown_as_deploying(browser: &Browser, path: &str) -> String {
    for () in looks() {
        let page = browser.get(path).await.text();
        if page.contains("Deploying") {
            return page;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("{path} never says that it deploys");
}

/// Case D65: the clock is three years ahead for a while.
#[tokio::test]
async fn a_clock_that_is_years_ahead_deletes_nothing() {
    let mut app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let asked = confirm(&browser, &app.quiet_stack("staging")).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    until(&browser, &receipt, &["Deployed"]).await;

    app.stop().await;
    app.clock.jump(time::Duration::days(3 * 365));
    app.restart().await;
    // The first round sweeps after it has sent; what is sent in a later one was asked for after the sweep.
    for _ in 0..2 {
        let late = app.signed_in().await;
        let asked = confirm(&late, &app.quiet_stack("staging")).await;
        let receipt = late.submit(&asked, "Redeploy staging").await;
        answered(&app, id_of(&receipt)).await;
        until(&late, &receipt, &["Deployed"]).await;
    }
    app.stop().await;
    app.clock.jump(-time::Duration::days(3 * 365));
    app.restart().await;
    let page = browser.get(receipt.url.path()).await;
    assert!(
        page.text().contains("Deployed"),
        "the session and the receipt are there: {}",
        page.text()
    );
}
