//! What a redeploy may carry, and going back to an earlier commit.

use reqwest::StatusCode;

use crate::harness::{Browser, Page, TestApp, confirm, until, with_quick_deploys};

fn docker_stack(app: &TestApp) -> String {
    let quiet_docker = |stack: &stackdeck::sandbox::Stack| {
        stack.is_docker() && stack.status == 1 && !stack.is_busy && !stack.always_fails
    };
    app.stacks().into_iter().find(quiet_docker).unwrap().uid
}

async fn nothing_was_written_down(app: &TestApp, browser: &Browser) {
    assert_eq!(app.world().journal().count("redeploy"), 0);
    let receipts = browser.get("/redeploys").await;
    assert!(receipts.text().contains("Nothing yet."), "{}", receipts.text());
}

fn mistake(page: &Page) -> String {
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text());
    page.texts("#mistake").join(" ")
}

#[tokio::test]
async fn another_ref_is_deployed_and_stands_on_the_receipt() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let form = confirm(&browser, &uid).await.form("Redeploy staging");
    let filled = form
        .set("git_ref", "release/2.4")
        .set("deployment_profile", "blue")
        .set("note", "For <Ana> & Ben");
    let receipt = browser.send(filled).await;
    let end = until(&browser, &receipt, &["Deployed"]).await;
    for words in ["release/2.4", "profile blue", "For <Ana> & Ben"] {
        assert!(end.text().contains(words), "{words}: {}", end.text());
    }
    let deployments = app.world().deployments(&uid);
    assert_eq!(
        deployments.last().unwrap().git_ref.as_deref(),
        Some("release/2.4")
    );
    // The profile is offered the next time.
    let again = confirm(&browser, &uid).await;
    assert_eq!(
        again.attribute("#profiles option", "value").as_deref(),
        Some("blue")
    );
}

#[tokio::test]
async fn what_git_would_not_take_is_said_before_anything_is_sent() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let form = confirm(&browser, &uid).await.form("Redeploy staging");
    for bad in ["--force", "a b", "a..b", "refs/heads/.hidden", "a\u{7f}b"] {
        let page = browser.send(form.clone().set("git_ref", bad)).await;
        let words = mistake(&page);
        assert!(words.contains("Nothing was sent."), "{bad}: {words}");
        assert_eq!(
            page.attribute("#f-git_ref", "aria-invalid").as_deref(),
            Some("true")
        );
        assert_eq!(
            page.attribute("#f-git_ref", "value").as_deref(),
            Some(bad),
            "nothing typed is lost"
        );
        assert!(page.texts("title").join("").starts_with("Error:"));
    }
    for (field, value) in [("note", "n".repeat(301)), ("deployment_profile", "p".repeat(101))] {
        mistake(&browser.send(form.clone().set(field, &value)).await);
    }
    nothing_was_written_down(&app, &browser).await;
}

#[tokio::test]
async fn docker_stacks_have_services_and_no_ref() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = docker_stack(&app);
    let page = confirm(&browser, &uid).await;
    assert!(page.attribute("#f-git_ref", "id").is_none(), "no ref for Docker");
    let names = page.texts("#f-services .service bdi");
    let known: Vec<String> = app
        .world()
        .stack(&uid)
        .unwrap()
        .services
        .iter()
        .map(|s| s.name.clone())
        .collect();
    assert_eq!(names, known);

    let form = page.form("Redeploy");
    let words = mistake(&browser.send(form.clone().set("git_ref", "main")).await);
    assert!(
        words.contains("Docker stacks ignore a Git ref. Choose image tags instead."),
        "{words}"
    );
    let unknown = browser
        .send(form.clone().set("services", "no-such-service"))
        .await;
    mistake(&unknown);
    let odd_tag = form
        .clone()
        .set("services", &names[0])
        .set(&format!("tag_{}", names[0]), "v 1");
    mistake(&browser.send(odd_tag).await);
    nothing_was_written_down(&app, &browser).await;

    let chosen = form
        .set("services", &names[0])
        .set(&format!("tag_{}", names[0]), "v99");
    let receipt = browser.send(chosen).await;
    until(&browser, &receipt, &["Deployed"]).await;
    let services = app.world().stack(&uid).unwrap().services;
    let tag = |name: &str| {
        let service = services.iter().find(|service| service.name == name).unwrap();
        service.tag.clone()
    };
    assert_eq!(tag(&names[0]), "v99");
}

#[tokio::test]
async fn services_are_not_for_other_stacks() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let form = confirm(&browser, &app.quiet_stack("staging"))
        .await
        .form("Redeploy");
    mistake(&browser.send(form.set("services", "web")).await);
    nothing_was_written_down(&app, &browser).await;
}

#[tokio::test]
async fn an_earlier_commit_is_deployed_again_from_the_history() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let page = browser.get(&format!("/stacks/{uid}")).await;
    let again = page
        .attribute("#stack-history li:not(.is-live) a[href*='git_ref=']", "href")
        .unwrap_or_else(|| panic!("{}", page.text()));
    assert!(
        page.attribute("#stack-history li.is-live a[href*='git_ref=']", "href")
            .is_none(),
        "what runs is not offered"
    );
    let asked = browser.get(&again).await;
    assert!(asked.text().contains("Deploy this commit to"), "{}", asked.text());
    assert!(
        asked
            .text()
            .contains("This changes code only. It does not undo database changes."),
        "{}",
        asked.text()
    );
    let hash = asked.attribute("#f-git_ref", "value").unwrap();
    assert_eq!(hash.len(), 40);
    let receipt = browser.submit(&asked, "Deploy").await;
    let end = until(&browser, &receipt, &["Deployed"]).await;
    assert!(end.text().contains(&hash[..7]), "{}", end.text());
    let newest = app.world().deployments(&uid).last().unwrap().clone();
    assert_eq!(newest.git_hash.as_deref(), Some(hash.as_str()));
    assert!(newest.is_live);
}

/// What is rolled back by hand is deployed over by the next push, where pushes deploy by themselves: the page says so
/// before it is sent.
#[tokio::test]
async fn a_roll_back_says_that_the_next_push_will_deploy_over_it() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let branch = app.world().stack(&uid).unwrap().git_branch.unwrap();
    let words = format!("The next push to {branch} will deploy over this.");
    let earlier = format!("/stacks/{uid}/redeploy?git_ref=0123456789abcdef0123456789abcdef01234567");
    assert!(!browser.get(&earlier).await.text().contains(&words));
    app.world().set_continuous_deploy(&uid, true);
    let page = browser.get(&earlier).await;
    assert!(page.text().contains(&words), "{}", page.text());
    let newest = confirm(&browser, &uid).await;
    assert!(
        !newest.text().contains(&words),
        "the newest commit is what a push brings"
    );
}
