//! When the person is asked first: kept by the server, whatever page the form came from. And what the page says
//! will happen.

use crate::harness::{Browser, Page, TestApp, confirm, until};

/// What a click in the list sends, without its script: the operation id of the list, on one of its stacks.
async fn click_in_list(app: &TestApp, browser: &Browser, uid: &str) -> Page {
    let list = browser.get("/").await;
    let field = |name: &str| {
        list.attribute(&format!("#page-op [name='{name}']"), "value")
            .unwrap()
    };
    let form = confirm(browser, uid).await.form("Redeploy");
    let form = form
        .without("queue_ok")
        .set("op", &field("op"))
        .set("csrf", &field("csrf"));
    assert_eq!(app.world().journal().count("redeploy"), 0);
    browser.send(form).await
}

fn was_asked(page: &Page, uid: &str) -> bool {
    page.url.path() == format!("/stacks/{uid}/redeploy")
}

async fn with_rule(rule: &str) -> TestApp {
    TestApp::with()
        .setting("STACKDECK_CONFIRM", rule)
        .quick_deploys()
        .start()
        .await
}

#[tokio::test]
async fn the_setting_decides_which_environments_ask() {
    for (rule, staging_asks, production_asks) in [
        ("production", false, true),
        ("always", true, true),
        ("never", false, false),
    ] {
        for (environment, asks) in [("staging", staging_asks), ("production", production_asks)] {
            let app = with_rule(rule).await;
            let browser = app.signed_in().await;
            let uid = app.quiet_stack(environment);
            let page = click_in_list(&app, &browser, &uid).await;
            assert_eq!(was_asked(&page, &uid), asks, "{rule} {environment}: {}", page.url);
            if asks {
                assert_eq!(app.world().journal().count("redeploy"), 0, "{rule} {environment}");
            } else {
                until(&browser, &page, &["Deployed"]).await;
            }
        }
    }
}

#[tokio::test]
async fn what_counts_as_production_is_the_operators_to_say() {
    let app = TestApp::with()
        .setting("STACKDECK_PRODUCTION", "stag*")
        .quick_deploys()
        .start()
        .await;
    let browser = app.signed_in().await;
    let staging = app.quiet_stack("staging");
    assert!(was_asked(
        &click_in_list(&app, &browser, &staging).await,
        &staging
    ));
    let production = app.quiet_stack("production");
    assert!(!was_asked(
        &click_in_list(&app, &browser, &production).await,
        &production
    ));
}

#[tokio::test]
async fn a_risk_asks_even_where_the_setting_says_never() {
    type Risk = fn(&mut stackdeck::sandbox::Stack);
    let risks: [(&str, Risk); 2] = [
        ("Another deploy is running.", |stack| {
            stack.is_busy = true;
            stack.status.0 = 6;
        }),
        ("Maintenance mode is on.", |stack| stack.maintenance_mode = true),
    ];
    for (words, risk) in risks {
        let app = with_rule("never").await;
        let browser = app.signed_in().await;
        let uid = app.quiet_stack("staging");
        app.world().change(&uid, risk);
        let page = click_in_list(&app, &browser, &uid).await;
        assert!(was_asked(&page, &uid), "{words}: {}", page.url);
        assert!(page.text().contains(words), "{}", page.text());
        assert_eq!(app.world().journal().count("redeploy"), 0);
    }
    // Another ref than the branch's latest commit.
    let app = with_rule("never").await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let list = browser.get("/").await;
    let op = list.attribute("#page-op [name='op']", "value").unwrap();
    let form = confirm(&browser, &uid)
        .await
        .form("Redeploy")
        .set("op", &op)
        .set("git_ref", "v1");
    let page = browser.send(form).await;
    assert!(was_asked(&page, &uid), "{}", page.url);
    assert_eq!(
        page.attribute("#f-git_ref", "value").as_deref(),
        Some("v1"),
        "nothing typed is lost"
    );
    assert_eq!(app.world().journal().count("redeploy"), 0);
}

#[tokio::test]
async fn what_the_app_remembers_may_be_old_and_is_then_asked_for() {
    let app = with_rule("never").await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let list = browser.get("/").await;
    let field = |name: &str| {
        list.attribute(&format!("#page-op [name='{name}']"), "value")
            .unwrap()
    };
    let form = confirm(&browser, &uid).await.form("Redeploy");
    let form = form.set("op", &field("op")).set("csrf", &field("csrf"));
    app.world().change(&uid, |stack| {
        stack.is_busy = true;
        stack.status.0 = 6;
    });
    app.clock.advance(time::Duration::minutes(1));
    let page = browser.send(form).await;
    assert!(was_asked(&page, &uid), "{}", page.url);
    assert!(
        page.text().contains("Another deploy is running."),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn the_page_says_what_will_happen() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("production");
    let page = confirm(&browser, &uid).await;
    let stack = app.world().stack(&uid).unwrap();
    let live = stack.live().unwrap().clone();
    let hash = live.git_hash.unwrap();
    let plan = page.texts("dl.plan").join(" ");
    let branch = stack.git_branch.unwrap();
    assert!(plan.contains(&format!("latest commit on {branch}")), "{plan}");
    assert!(plan.contains(&hash[..7]), "{plan}");
    assert!(plan.contains(&live.triggered_by.unwrap()), "who: {plan}");
    assert!(plan.contains("ago"), "when: {plan}");
    assert!(plan.contains("Usually takes"), "{plan}");
    let changes = page.attribute("dl.plan a[href*='compare']", "href").unwrap();
    assert!(changes.starts_with("https://"), "{changes}");
    assert!(
        changes.contains(&hash[..7]) && changes.contains(&branch),
        "{changes}"
    );
}

#[tokio::test]
async fn two_tabs_with_their_own_forms_are_one_redeploy() {
    let app = TestApp::with().quick_deploys().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    app.world().add_fault("redeploy=delay:1;count=1".parse().unwrap());
    let one = confirm(&browser, &uid).await.form("Redeploy staging");
    let other = confirm(&browser, &uid).await.form("Redeploy staging");
    assert_ne!(one.get("op"), other.get("op"));
    let (first, second) = tokio::join!(browser.send(one), browser.send(other));
    assert_eq!(
        first.url, second.url,
        "the second leads to the first one's receipt"
    );
    until(&browser, &first, &["Deployed"]).await;
    assert_eq!(app.world().journal().count("redeploy"), 1);
}
