//! What Cloud 66 lacks is not offered, what was not sent is not called sent, what it warns of is shown, and what was
//! known stays on the page while it is away.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{TestApp, confirm, until};
use crate::security::relay::Relay;

async fn version_2() -> TestApp {
    TestApp::with()
        .setting("CLOUD66_API_VERSION", "2")
        .quick_deploys()
        .impatient()
        .start()
        .await
}

/// E81
#[tokio::test]
async fn what_version_2_lacks_is_offered_nowhere_and_refused_before_anything_is_written_down() {
    let app = version_2().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let stack = browser.get(&format!("/stacks/{uid}")).await;
    assert!(stack.text().contains("Restart…"), "{}", stack.text());
    assert!(!stack.text().contains("Clear caches"), "{}", stack.text());
    assert!(!browser.get("/").await.text().contains("caches"));
    let path = format!("/stacks/{uid}/actions/clear-caches");
    let page = browser.get(&path).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(
        page.text()
            .contains("version 2 of Cloud 66’s API, which has no such command"),
        "{}",
        page.text()
    );
    let mut form = browser
        .get(&format!("/stacks/{uid}/actions/restart"))
        .await
        .form("Restart");
    form.action = browser.address(&path);
    assert_eq!(browser.send(form).await.status, StatusCode::NOT_FOUND);

    let form = confirm(&browser, &uid).await.form("Redeploy staging");
    let answer = browser.send(form.set("git_ref", "v1.2.3")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer
            .text()
            .contains("Version 2 of Cloud 66’s API takes no options"),
        "{}",
        answer.text()
    );
    let rows = app.ledger().of_person(app_person(&app).await, 10, None).await;
    assert_eq!(rows.unwrap(), [], "nothing was written down");
}

/// With version 2 a person is known by the token alone.
async fn app_person(app: &TestApp) -> stackdeck::domain::UserId {
    let id = app.number("SELECT user_id FROM sessions LIMIT 1").await;
    stackdeck::domain::UserId(id)
}

/// E81
#[tokio::test]
async fn what_never_left_is_not_called_sent() {
    let relay = Relay::new().await;
    let app = TestApp::with()
        .setting("CLOUD66_URL", &relay.url)
        .quick_deploys()
        .start()
        .await;
    relay.lead_to(app.sandbox.url());
    let browser = app.signed_in().await;
    let asked = confirm(&browser, &app.quiet_stack("staging")).await;
    relay.take_away();
    relay.is_gone().await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    let end = until(&browser, &receipt, &["Nothing was sent."]).await;
    let steps = end.texts("ol.times > li").join(" | ");
    assert!(!steps.contains("Sent to Cloud 66"), "{steps}");
    assert!(steps.contains("Asked") && steps.contains("Given up"), "{steps}");

    // The same for what was claimed by a worker and has had no connection so far.
    relay.bring_back().await;
    let asked = confirm(&browser, &app.quiet_stack("production")).await;
    relay.take_away();
    relay.is_gone().await;
    let receipt = browser.submit(&asked, "Redeploy production").await;
    let waits = until(&browser, &receipt, &["Not sent yet", "Nothing was sent."]).await;
    let steps = waits.texts("ol.times > li").join(" | ");
    assert!(!steps.contains("Sent to Cloud 66"), "{steps}");
}

#[tokio::test]
async fn a_sign_in_that_cloud_66_refuses_says_why() {
    let app = TestApp::with().impatient().start().await;
    for (fault, status, words) in [
        (
            "ping-auth=trial-expired",
            403,
            "Cloud 66 says the trial for this account has ended.",
        ),
        (
            "ping-auth=throttled",
            503,
            "Cloud 66 allows a number of requests an hour, and yours are spent.",
        ),
        ("ping-auth=forbidden", 502, "It refused for a reason of its own."),
        ("ping-auth=status:502", 502, "Cloud 66 is not answering"),
    ] {
        app.world().clear_faults();
        app.world().add_fault(fault.parse().unwrap());
        let browser = app.browser();
        let page = browser.sign_in(&app.main_person()).await;
        assert_eq!(page.status, status, "{fault}");
        assert!(page.text().contains(words), "{fault}: {}", page.text());
        assert!(page.text().contains("You are not signed in."), "{}", page.text());
    }
}

/// U82
#[tokio::test]
async fn history_that_was_known_stays_while_cloud_66_is_away_or_throttles() {
    let app = TestApp::with().impatient().start().await;
    let browser = app.signed_in().await;
    let seen = app.quiet_stack("production");
    let unseen = app.quiet_stack("staging");
    browser.whole_list().await;
    let path = format!("/stacks/{seen}");
    let whole = browser.get(&path).await.texts("ol.history > li").len();
    assert!(whole > 3, "{whole}");
    for fault in [
        "api=status:502",
        "api=throttled",
        "deployments=throttled",
        "deployments=html",
    ] {
        app.world().add_fault(fault.parse().unwrap());
        app.clock.advance(Duration::minutes(1));
        let page = browser.get(&path).await;
        assert_eq!(
            page.texts("ol.history > li").len(),
            whole,
            "{fault}: {}",
            page.text()
        );
        let banner = page.texts(".banner").join(" ");
        assert!(!banner.is_empty(), "{fault}: {}", page.text());
        assert!(
            page.texts("#stack-history").join(" ").contains("As known at "),
            "{fault}: {}",
            page.text()
        );
        // Of a stack whose page was never open, what the list knows.
        let page = browser.get(&format!("/stacks/{unseen}")).await;
        assert!(
            !page.texts("ol.history > li").is_empty(),
            "{fault}: {}",
            page.text()
        );
        assert!(
            page.text().contains("Older deploys are not known here."),
            "{fault}: {}",
            page.text()
        );
        let confirm = browser.get(&format!("{path}/redeploy")).await;
        assert!(
            !confirm.texts(".banner").is_empty(),
            "{fault}: {}",
            confirm.text()
        );
        assert!(
            !confirm.texts("dl.plan").join(" ").contains("not known"),
            "{fault}: {}",
            confirm.text()
        );
        app.world().clear_faults();
        app.clock.advance(Duration::hours(1));
        browser.get(&path).await;
    }
}

/// V81
#[tokio::test]
async fn a_warning_of_cloud_66_is_shown_as_text_and_goes_when_it_warns_no_more() {
    let app = TestApp::with().quick_deploys().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let page = browser.whole_list().await;
    assert!(page.texts("#warning .line").is_empty(), "{}", page.text());
    let mut stream = browser.follow(&page).await;
    let fault = format!(
        "stacks=warning:<b>Your plan</b> ends on Friday {}",
        "x".repeat(2_000)
    );
    app.world().add_fault(fault.parse().unwrap());
    app.pass(Duration::seconds(21)).await;
    let words = "Cloud 66 says: <b>Your plan</b> ends on Friday";
    stream
        .until("&#60;b&#62;Your plan&#60;/b&#62; ends on Friday")
        .await;
    for path in ["/".to_owned(), format!("/stacks/{uid}"), "/activity".to_owned()] {
        let page = browser.get(&path).await;
        let shown = page.texts("#warning .line").join(" ");
        assert!(shown.starts_with(words), "{path}: {}", page.text());
        assert!(shown.chars().count() < 330, "{path}: bounded");
        assert!(!page.body.contains("<b>Your plan"), "{path}");
    }
    app.world().clear_faults();
    app.pass(Duration::seconds(21)).await;
    stream
        .until("id=\"warning\" hx-swap-oob=\"innerHTML\"></div>")
        .await;
    assert!(browser.get("/").await.texts("#warning .line").is_empty());

    // What comes with one stack, or with the answer to a redeploy, is shown as well.
    app.world()
        .add_fault("redeploy=warning:Deploys stop at noon".parse().unwrap());
    let asked = confirm(&browser, &uid).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    let page = until(&browser, &receipt, &["Deploys stop at noon"]).await;
    assert!(
        page.texts("#warning .line")
            .join(" ")
            .contains("Deploys stop at noon")
    );
}
