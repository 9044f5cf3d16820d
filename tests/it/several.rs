//! Several stacks at once: chosen, checked, sent one at a time, and a result for each.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use stackdeck::sandbox::Role;

use crate::harness::{Browser, Page, TestApp, looks, with_quick_deploys};

fn quiet(app: &TestApp, environment: &str, count: usize) -> Vec<String> {
    let stacks = app.stacks();
    let quiet = stacks.iter().filter(|stack| {
        stack.environment == environment
            && stack.status == 1
            && !stack.is_busy
            && !stack.always_fails
            && !stack.maintenance_mode
    });
    quiet.take(count).map(|stack| stack.uid.clone()).collect()
}

async fn check(browser: &Browser, uids: &[String]) -> Page {
    let chosen = uids.join("&uid=");
    browser
        .get(&format!("/redeploys/new?step=check&uid={chosen}"))
        .await
}

/// Reloads the result list until every line of it has ended.
async fn ended(browser: &Browser, batch: &Page) -> Page {
    let path = format!("{}?{}", batch.url.path(), batch.url.query().unwrap_or_default());
    for () in looks() {
        let page = browser.get(&path).await;
        if !page.body.contains("http-equiv=\"refresh\"") {
            return page;
        }
        browser.let_pass(time::Duration::seconds(1)).await;
    }
    panic!("never ended: {}", browser.get(&path).await.text());
}

#[tokio::test]
async fn chosen_stacks_are_sent_one_at_a_time_and_each_has_its_result() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uids = quiet(&app, "staging", 4);
    app.world().add_fault("redeploy=delay:0.4".parse().unwrap());
    let page = check(&browser, &uids).await;
    assert!(
        page.texts("h1").join("").contains("Redeploy 4 stacks?"),
        "{}",
        page.text()
    );
    let form = page.form("Redeploy 4 stacks");
    let (batch, double) = tokio::join!(browser.send(form.clone()), browser.send(form.clone()));
    assert_eq!(batch.url, double.url);
    let end = ended(&browser, &batch).await;
    assert!(end.text().contains("4 deployed."), "{}", end.text());
    assert_eq!(end.texts("ol.lines > li").len(), 4);

    let journal = app.world().journal();
    let sent: Vec<_> = journal.of("redeploy").collect();
    assert_eq!(sent.len(), 4, "each once, although the form came twice");
    let references: BTreeSet<_> = sent.iter().map(|entry| entry.user_reference.clone()).collect();
    assert_eq!(references.len(), 4);
    for pair in sent.windows(2) {
        // Each answer takes 0.4 seconds, so requests under way together would be answered together.
        assert!(
            pair[1].at - pair[0].at >= time::Duration::milliseconds(400),
            "{} {}",
            pair[0].at,
            pair[1].at
        );
    }
    // The form once more, much later: the same list, nothing new.
    let later = browser.send(form).await;
    assert_eq!(later.url.path(), batch.url.path());
    assert_eq!(app.world().journal().count("redeploy"), 4);
}

#[tokio::test]
async fn production_stands_apart_and_needs_its_own_tick() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uids = [quiet(&app, "staging", 1), quiet(&app, "production", 2)].concat();
    let page = check(&browser, &uids).await;
    assert_eq!(page.texts("h2.in-prod"), ["Production"]);
    assert_eq!(page.texts("h2.in-prod + ul > li").len(), 2);
    let unticked = browser.submit(&page, "Redeploy 3 stacks").await;
    assert_eq!(unticked.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        unticked.text().contains("Tick the box for production."),
        "{}",
        unticked.text()
    );
    assert_eq!(app.world().journal().count("redeploy"), 0);
    let batch = browser
        .send(unticked.form("Redeploy 3 stacks").set("production_ok", "yes"))
        .await;
    let end = ended(&browser, &batch).await;
    assert!(end.text().contains("3 deployed."), "{}", end.text());
}

#[tokio::test]
async fn what_is_refused_is_said_beside_what_was_accepted() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uids = quiet(&app, "staging", 3);
    let page = check(&browser, &uids).await;
    app.world().set_role(&app.main_person(), &uids[1], Role::Viewer);
    let batch = browser.submit(&page, "Redeploy 3 stacks").await;
    let end = ended(&browser, &batch).await;
    assert!(end.text().contains("2 deployed, 1 refused."), "{}", end.text());
    assert!(
        end.text().contains("Ask an administrator for the Deployer role."),
        "{}",
        end.text()
    );
}

#[tokio::test]
async fn a_stack_that_became_busy_is_asked_about_again() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uids = quiet(&app, "staging", 2);
    let page = check(&browser, &uids).await;
    assert!(
        !page.text().contains("Another deploy is running."),
        "{}",
        page.text()
    );
    app.world().change(&uids[0], |stack| {
        stack.is_busy = true;
        stack.status.0 = 6;
    });
    // The list that the app remembers is older than it believes.
    app.clock.advance(time::Duration::minutes(3));
    let again = browser.submit(&page, "Redeploy 2 stacks").await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", again.text());
    assert!(
        again.text().contains("became busy in the meantime"),
        "{}",
        again.text()
    );
    assert!(
        again.text().contains("Another deploy is running."),
        "{}",
        again.text()
    );
    assert_eq!(app.world().journal().count("redeploy"), 0);
    let batch = browser.submit(&again, "Redeploy 2 stacks").await;
    assert!(
        batch.url.path().starts_with("/redeploys/batches/"),
        "{}",
        batch.url
    );
}

#[tokio::test]
async fn nothing_chosen_and_too_much_chosen_are_said() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let none = browser.get("/redeploys/new?step=check").await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    let uids = quiet(&app, "staging", 1);
    let form = check(&browser, &uids).await.form("Redeploy");
    for wrong in [
        form.clone().without("uid"),
        form.clone().set("uid", "../x"),
        form.set("op", "AAAA"),
    ] {
        assert_eq!(browser.send(wrong).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(app.world().journal().count("redeploy"), 0);
}

#[tokio::test]
async fn somebody_elses_batch_is_not_there() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let page = check(&browser, &quiet(&app, "staging", 2)).await;
    let batch = browser.submit(&page, "Redeploy 2 stacks").await;
    let other = app.browser();
    other.sign_in(&app.other_person()).await;
    assert_eq!(other.get(batch.url.path()).await.status, StatusCode::NOT_FOUND);
}
