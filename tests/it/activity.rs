//! What changed, and the same app in other environments.

use stackdeck::sandbox::Stack;

use crate::harness::{PATIENCE, TestApp, looks};

/// Two stacks of one repository, production and staging, not Docker, that run different commits.
fn pair(app: &TestApp) -> (Stack, Stack) {
    let stacks = app.stacks();
    let quiet = |stack: &&Stack| stack.framework != "docker" && stack.status.0 == 1 && stack.live().is_some();
    let of = |environment: &'static str| {
        stacks
            .iter()
            .filter(quiet)
            .filter(move |stack| stack.environment == environment)
    };
    for production in of("production") {
        let differs = |staging: &&Stack| {
            staging.git == production.git
                && staging.git.is_some()
                && staging.live().unwrap().git_hash != production.live().unwrap().git_hash
        };
        if let Some(staging) = of("staging").find(differs) {
            return (production.clone(), staging.clone());
        }
    }
    panic!("no app that differs");
}

#[tokio::test]
async fn what_changed_names_the_deploy_the_commit_the_person_and_the_way() {
    let app = TestApp::with()
        .deploys_of(std::time::Duration::from_millis(200))
        .start()
        .await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("production");
    app.world().deploy_from_web(&uid, &app.main_person()).unwrap();
    let before = app.world().deployments(&uid).len();
    let deployed = async {
        while app.world().deployments(&uid).len() == before || app.world().stack(&uid).unwrap().is_busy {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, deployed).await.unwrap();
    app.clock.advance(time::Duration::seconds(21));
    let page = browser.get("/activity").await;
    let stack = app.world().stack(&uid).unwrap();
    let deployment = stack.deployments.last().unwrap();
    let line = page
        .texts("ol.lines > li")
        .into_iter()
        .find(|line| line.contains(&stack.name) && line.contains("production"))
        .unwrap_or_else(|| panic!("{}", page.text()));
    let hash = deployment.git_hash.as_deref().unwrap();
    for words in ["Deployed", &hash[..7], &app.main_person(), "web", "Live now"] {
        assert!(line.contains(words), "{words} in {line}");
    }
    assert!(page.body.contains("/compare/"), "a link to what lies between");
    assert!(!page.text().contains("Not every stack’s deploys are known yet."));
}

#[tokio::test]
async fn an_open_page_says_that_there_are_newer_deploys_and_only_then() {
    let app = TestApp::with().quick_deploys().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("production");
    let page = browser.get("/activity").await;
    let mut stream = browser.follow(&page).await;
    stream.until("id=\"known\"").await;
    app.world().set_maintenance(&uid, true);
    app.pass(time::Duration::seconds(21)).await;
    let fresh = stream.until("id=\"known\"").await;
    assert!(!fresh.data.contains("newer deploys"), "{}", fresh.data);
    app.world().deploy_from_web(&uid, &app.main_person()).unwrap();
    app.pass(time::Duration::seconds(21)).await;
    let news = stream.until("There are newer deploys.").await;
    assert!(news.data.contains("id=\"news\""), "{}", news.data);
    let head = browser.get_json("/events?view=activity").await;
    assert!(head.body.contains("What changed · Stackdeck"), "{}", head.body);
}

#[tokio::test]
async fn the_filters_stand_in_the_address() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let all = browser.get("/activity").await.texts("ol.lines > li");
    assert!(all.len() > 3, "{all:?}");
    let hour = browser.get("/activity?hours=1").await.texts("ol.lines > li");
    assert!(hour.len() < all.len());
    let failed = browser
        .get("/activity?result=failed")
        .await
        .texts("ol.lines > li");
    assert!(
        !failed.is_empty() && failed.iter().all(|line| line.contains("Failed")),
        "{failed:?}"
    );
    let production = browser
        .get("/activity?env=production")
        .await
        .texts("ol.lines > li");
    assert!(
        !production.is_empty() && production.iter().all(|line| line.contains("production")),
        "{production:?}"
    );
    let nonsense = browser
        .get("/activity?hours=%00&hours=4&result=%ff&env=nowhere")
        .await;
    assert!(
        nonsense.text().contains("Nothing changed."),
        "{}",
        nonsense.text()
    );
}

#[tokio::test]
async fn a_quiet_fleet_costs_nothing() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    browser.whole_list().await;
    browser.get("/activity").await;
    app.world().clear_journal();
    for hours in ["1", "4", "24"] {
        browser.get(&format!("/activity?hours={hours}")).await;
    }
    assert_eq!(app.world().journal().entries().len(), 0);
}

#[tokio::test]
async fn with_the_old_api_the_page_says_what_is_missing() {
    let app = TestApp::with().setting("CLOUD66_API_VERSION", "2").start().await;
    let page = app.signed_in().await.get("/activity").await;
    assert!(
        page.text()
            .contains("version 2 of Cloud 66’s API, which tells nothing of past deploys"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn an_app_is_one_group_that_says_where_its_stacks_differ() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let (production, staging) = pair(&app);
    browser.whole_list().await;
    let (there, here) = (
        production.live().unwrap().git_hash.clone().unwrap(),
        staging.live().unwrap().git_hash.clone().unwrap(),
    );
    let words = format!("production {}, staging {}: they differ", &there[..7], &here[..7]);
    // Versions come after the list.
    for () in looks() {
        let page = browser.get("/?group=app").await;
        if page.texts(".group").iter().any(|group| group.contains(&words)) {
            assert!(
                page.body
                    .contains(&format!("/compare/{}...{}", &there[..7], &here[..7]))
            );
            let promote = page
                .attribute(
                    &format!("a[href^='/stacks/{}/redeploy?git_ref=']", production.uid),
                    "href",
                )
                .expect("a way to promote");
            assert!(promote.ends_with(&format!("git_ref={here}")), "{promote}");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("never {words}");
}

#[tokio::test]
async fn promoting_redeploys_production_with_the_commit_that_is_live_on_staging() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let (production, staging) = pair(&app);
    let here = staging.live().unwrap().git_hash.clone().unwrap();
    browser.get(&format!("/stacks/{}", staging.uid)).await;
    let promote = format!("a[href='/stacks/{}/redeploy?git_ref={here}']", production.uid);
    let mut way = None;
    for () in looks() {
        browser.get("/").await;
        let page = browser.get(&format!("/stacks/{}", production.uid)).await;
        way = page.attribute(&promote, "href");
        if way.is_some() {
            assert!(
                page.text()
                    .contains(&format!("Promote {} to production…", &here[..7]))
            );
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let confirm = browser.get(&way.expect("a way to promote")).await;
    assert_eq!(
        app.world().journal().count("redeploy"),
        0,
        "the confirm page comes first"
    );
    browser.submit(&confirm, "Deploy this commit to production").await;
    app.world().wait_for("redeploy", 1).await;
    let runs = async {
        loop {
            let newest = app.world().deployments(&production.uid).pop().unwrap();
            if newest.git_hash.as_deref() == Some(here.as_str()) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, runs)
        .await
        .expect("production deploys staging's commit");
}
