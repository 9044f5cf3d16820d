//! Restart, clear caches, maintenance: each asks first, says what it does, and has a receipt like a redeploy. And
//! stopping a deployment.

use reqwest::StatusCode;

use crate::harness::{TestApp, confirm, id_of, until, with_quick_deploys};

#[tokio::test]
async fn each_command_says_what_it_does_and_is_recorded() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("production");
    let commands = [
        (
            "restart",
            "Restart",
            "Restarts web servers and databases. No new code.",
            "restart",
        ),
        (
            "clear-caches",
            "Clear caches",
            "Empties the application’s caches.",
            "clear_caches",
        ),
        (
            "maintenance-on",
            "Turn on maintenance",
            "Visitors see the maintenance page",
            "maintenance_mode",
        ),
        (
            "maintenance-off",
            "Turn off maintenance",
            "Visitors see the application again.",
            "maintenance_mode",
        ),
    ];
    for (word, button, says, action) in commands {
        let asked = browser.get(&format!("/stacks/{uid}/actions/{word}")).await;
        assert!(asked.text().contains(says), "{word}: {}", asked.text());
        let before = app.world().actions(&uid).len();
        let form = asked.form(button);
        let (receipt, double) = tokio::join!(browser.send(form.clone()), browser.send(form.clone()));
        assert_eq!(receipt.url, double.url, "{word}");
        assert!(receipt.url.path().starts_with("/redeploys/"), "{}", receipt.url);
        until(&browser, &receipt, &["Cloud 66 reports that it ended well."]).await;
        let actions = app.world().actions(&uid);
        assert_eq!(actions.len(), before + 1, "{word}: once");
        let last = actions.last().unwrap();
        assert_eq!(last.action, action);
        let id = id_of(&receipt).to_string();
        assert_eq!(last.user_reference.as_deref(), Some(id.as_str()), "{word}");
        let maintenance = app.world().stack(&uid).unwrap().maintenance_mode;
        assert_eq!(maintenance, word == "maintenance-on", "{word}");
    }
    assert_eq!(browser.get("/redeploys").await.texts("ol.lines > li").len(), 4);
}

#[tokio::test]
async fn a_command_without_its_confirm_page_is_not_sent() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let before = app.world().actions(&uid).len();
    let list = browser.get("/").await;
    let op = list.attribute("#page-op [name='op']", "value").unwrap();
    let form = browser
        .get(&format!("/stacks/{uid}/actions/restart"))
        .await
        .form("Restart");
    for form in [
        form.clone().set("op", &op),
        form.clone().set("op", "AAAA"),
        form.without("op"),
    ] {
        assert_eq!(browser.send(form).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(
        browser.get(&format!("/stacks/{uid}/actions/reboot")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        browser
            .get(&format!("/stacks/{uid}/actions/redeploy"))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        app.world().actions(&uid).len(),
        before,
        "nothing was asked of Cloud 66"
    );
}

#[tokio::test]
async fn a_command_that_gets_no_answer_is_looked_up_like_a_redeploy() {
    let app = TestApp::with().quick_deploys().impatient().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    app.world()
        .add_fault("run-action=no-answer-after;count=1".parse().unwrap());
    let asked = browser.get(&format!("/stacks/{uid}/actions/restart")).await;
    let receipt = browser.submit(&asked, "Restart").await;
    until(&browser, &receipt, &["Cloud 66 reports that it ended well."]).await;
    let restarts = app
        .world()
        .actions(&uid)
        .iter()
        .filter(|action| action.action == "restart")
        .count();
    assert_eq!(restarts, 1);
}

#[tokio::test]
async fn a_running_deploy_is_cancelled_and_called_so_only_when_cloud_66_says_it() {
    let app = TestApp::with().long_deploys().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let asked = confirm(&browser, &uid).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    // The clock of Cloud 66 is pushed on, so that the deploy has begun.
    app.deploys_begin();
    app.clock.advance(time::Duration::seconds(6));
    let running = until(&browser, &receipt, &["Cancel this deploy…"]).await;
    let href = running.attribute("a[href$='/cancel']", "href").unwrap();
    let question = browser.get(&href).await;
    assert!(
        question.text().contains("Cancel this deploy?"),
        "{}",
        question.text()
    );
    let after = browser.submit(&question, "Cancel deploy").await;
    assert_eq!(after.url.path(), receipt.url.path());
    assert!(
        after.text().contains("cancelling. This can take a minute."),
        "{}",
        after.text()
    );
    assert!(after.text().contains("Cancelling"), "{}", after.text());
    assert!(
        !after.text().contains("Cloud 66 reports that it was stopped."),
        "{}",
        after.text()
    );
    assert_eq!(app.world().journal().count("cancel"), 1);
    app.deploys_end();
    app.clock.advance(time::Duration::seconds(60));
    let end = until(&browser, &receipt, &["Cloud 66 reports that it was stopped."]).await;
    assert!(end.text().contains("Cancelled"), "{}", end.text());
}

#[tokio::test]
async fn what_has_ended_is_not_cancelled() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let ended = app.world().deployments(&uid).last().unwrap().id;
    let page = browser
        .get(&format!("/stacks/{uid}/deployments/{ended}/cancel"))
        .await;
    assert_eq!(
        page.url.path(),
        format!("/stacks/{uid}"),
        "there is nothing to ask"
    );
    let too_late = "this deploy has ended. There is nothing to cancel any more.";
    assert!(
        page.texts("#polite").join("").contains(too_late),
        "{}",
        page.text()
    );
    let again = browser.get(&format!("/stacks/{uid}")).await;
    assert!(!again.text().contains(too_late), "it is said once");
    // A form from a page that was open while it ran.
    let asked = browser.get(&format!("/stacks/{uid}/actions/restart")).await;
    let mut form = asked.form("Restart").without("op");
    form.action = browser.address(&format!("/stacks/{uid}/deployments/{ended}/cancel"));
    let answer = browser.send(form).await;
    assert!(answer.text().contains(too_late), "{}", answer.text());
    assert_eq!(
        app.world().journal().count("cancel"),
        0,
        "Cloud 66 was not asked to cancel it"
    );
}

#[tokio::test]
async fn a_cancel_that_is_faster_than_the_worker_is_noted_all_the_same() {
    let app = TestApp::with().long_deploys().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let asked = confirm(&browser, &uid).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    until(&browser, &receipt, &["Accepted"]).await;
    // The deploy begins; the worker looks again in some seconds, and the person has the stack's page open now.
    app.deploys_begin();
    let stack = browser.get(&format!("/stacks/{uid}")).await;
    let question = browser
        .get(&stack.attribute("a[href$='/cancel']", "href").unwrap())
        .await;
    let after = browser.submit(&question, "Cancel deploy").await;
    assert_eq!(after.url.path(), receipt.url.path(), "it is known whose it is");
    app.deploys_end();
    app.clock.advance(time::Duration::minutes(1));
    until(&browser, &receipt, &["Cloud 66 reports that it was stopped."]).await;
}

#[tokio::test]
async fn a_deploy_that_fails_by_itself_after_a_cancel_was_asked_for_has_failed() {
    let app = TestApp::with().long_deploys().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    app.world().fail_next_deploy(&uid);
    let asked = confirm(&browser, &uid).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    app.deploys_begin();
    app.clock.advance(time::Duration::seconds(6));
    until(&browser, &receipt, &["Cancel this deploy…"]).await;
    // The note of a cancel without its effect at Cloud 66, as where the deploy ends in the same moment.
    let id = id_of(&receipt);
    assert!(app.ledger().cancel_requested(id).await.unwrap());
    app.deploys_end();
    app.clock.advance(time::Duration::minutes(1));
    let end = until(&browser, &receipt, &["Cancelled", "Deploy failed"]).await;
    assert!(
        end.text()
            .contains("A cancel was asked for, and Cloud 66 reports that it failed."),
        "{}",
        end.text()
    );
}
