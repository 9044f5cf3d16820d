//! What Cloud 66 refused a person once is not refused for ever: a refusal of a role has an age, and an accepted
//! redeploy takes it back.

use stackdeck::sandbox::Role;
use time::Duration;

use crate::harness::{Browser, TestApp, confirm, until, with_quick_deploys};

async fn button(browser: &Browser, uid: &str) -> String {
    browser.get("/").await.texts(&format!("#act-{uid}")).join(" ")
}

/// Takes the role away, lets Cloud 66 refuse one redeploy, and gives the role back.
async fn refused_once(app: &TestApp, browser: &Browser, uid: &str) {
    browser.whole_list().await;
    assert!(app.world().set_role(&app.main_person(), uid, Role::Viewer));
    let asked = confirm(browser, uid).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    until(browser, &receipt, &["Your Cloud 66 role cannot deploy"]).await;
    let says = button(browser, uid).await;
    assert!(says.contains("View only"), "{says}");
    assert!(app.world().set_role(&app.main_person(), uid, Role::Administrator));
}

/// A81
#[tokio::test]
async fn an_accepted_redeploy_takes_a_refusal_back_in_every_session_of_the_person() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    refused_once(&app, &browser, &uid).await;
    let other = app.signed_in().await;
    let asked = confirm(&other, &uid).await;
    let receipt = other.submit(&asked, "Redeploy staging").await;
    until(&other, &receipt, &["Deployed"]).await;
    let says = button(&browser, &uid).await;
    assert!(says.contains("Redeploy") && !says.contains("View only"), "{says}");
}

/// A81
#[tokio::test]
async fn a_refusal_says_its_age_and_leads_on_and_is_over_after_ten_minutes() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    refused_once(&app, &browser, &uid).await;
    app.clock.advance(Duration::minutes(3));
    let stack = browser.get(&format!("/stacks/{uid}")).await;
    assert!(
        stack.text().contains("Cloud 66 refused this 3 min ago"),
        "{}",
        stack.text()
    );
    let again = format!("main .line a[href='/stacks/{uid}/redeploy']");
    assert!(stack.attribute(&again, "href").is_some(), "a way to try again");
    let page = browser.get("/").await;
    let mut stream = browser.follow(&page).await;
    app.clock.advance(Duration::minutes(8));
    let says = button(&browser, &uid).await;
    assert!(says.contains("Redeploy") && !says.contains("View only"), "{says}");
    // A page that is open learns it too.
    app.pass(Duration::seconds(21)).await;
    let place = format!("id=\"act-{uid}\"");
    let event = stream.until(&place).await;
    let (_, row) = event.data.split_once(&place).unwrap();
    let row = row.split("class=\"menu\"").next().unwrap();
    assert!(!row.contains("View only"), "{row}");
}
