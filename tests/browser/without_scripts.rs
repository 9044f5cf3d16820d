//! The same visit with JavaScript off: every page is a page, every action a form, and the receipt refreshes
//! itself.

use crate::chromium::{Chromium, Device};
use crate::site::Demo;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn the_same_visit_without_scripts() {
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::DeskWithoutScripts).await;
    browser.sign_in(&demo).await;
    assert!(!browser.has("html.js").await, "scripts ran");

    let staging = demo.healthy("staging");
    browser.click("#q").await;
    browser.press(format!("{} env:staging", staging.name)).await;
    browser.leave_by_words("button", "Apply").await;
    browser.see_in("#list", "1 stack").await;
    // Without scripts even staging is asked about: a page that can be read before anything is sent.
    browser.click(&format!("#go-{}", staging.uid)).await;
    browser
        .see_in("h1", &format!("Redeploy {} in staging?", staging.name))
        .await;
    redeploy(&browser, &demo, &staging.uid).await;

    let production = demo.healthy("production");
    browser
        .go(format!("{}/stacks/{}", demo.url, production.uid))
        .await;
    browser.click("#redeploy").await;
    browser
        .see_in("h1", &format!("Redeploy {} in production?", production.name))
        .await;
    redeploy(&browser, &demo, &production.uid).await;

    browser.go(format!("{}/stacks/{}", demo.url, staging.uid)).await;
    browser.click_words("a", "Deploy again…").await;
    browser.see("It does not undo database changes.").await;
    redeploy(&browser, &demo, &staging.uid).await;

    demo.slow_down(&production);
    browser
        .go(format!("{}/stacks/{}/redeploy", demo.url, production.uid))
        .await;
    browser.leave_by_words("button", "Redeploy production").await;
    browser.see("Cancel this deploy…").await;
    browser.click_words("a", "Cancel this deploy…").await;
    browser.see_in("h1", "Cancel this deploy?").await;
    browser.leave_by_words("button", "Cancel deploy").await;
    browser.see_in("#receipt", "Cancelled").await;

    browser.click(".me").await;
    browser.leave_by_words("#me button", "Sign out").await;
    browser.see("Sign in with Cloud 66").await;
    browser.noted().await.is_silent(&[&demo.url, demo.cloud66()]);
    browser.close().await;
}

/// Sends the question that is open, and watches the receipt refresh itself to the end.
async fn redeploy(browser: &Chromium, demo: &Demo, uid: &str) {
    let before = demo.world().deployments(uid).len();
    browser.leave_by_words("[data-send]", "eploy").await;
    browser.see_in("#receipt", "Deployed").await;
    assert_eq!(demo.world().deployments(uid).len(), before + 1);
}
