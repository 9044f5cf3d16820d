//! The stack list and a stack's page.

use std::time::Duration;

use reqwest::StatusCode;

use crate::harness::{TestApp, confirm, until};

#[tokio::test]
async fn every_stack_of_every_page_is_there() {
    let app = TestApp::with()
        .sandbox(|options| options.stacks = Some(95))
        .start()
        .await;
    let page = app.signed_in().await.get("/").await;
    assert_eq!(page.texts("ul.stacks > li").len(), 95);
}

#[tokio::test]
async fn rows_say_what_cloud66_says() {
    let app = TestApp::start().await;
    let page = app.signed_in().await.get("/").await;
    let rows = page.texts("ul.stacks > li");
    assert!(rows.len() >= 35, "{} rows", rows.len());
    for words in [
        "Healthy",
        "Deploy failed",
        "Impaired",
        "Maintenance on",
        "Deploying",
    ] {
        assert!(rows.iter().any(|row| row.contains(words)), "no row says {words}");
    }
}

#[tokio::test]
async fn hostile_names_are_text() {
    let app = TestApp::start().await;
    let page = app.signed_in().await.get("/").await;
    assert!(
        page.body.contains("&lt;") || page.body.contains("&#60;"),
        "the sandbox has a stack with markup in its name"
    );
    assert!(page.texts("main script").is_empty());
    assert!(page.texts("main img[onerror], main svg[onload]").is_empty());
}

#[tokio::test]
async fn search_and_chips_narrow_the_list_and_stand_in_the_address() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let all = browser.get("/").await;
    let total = all.texts("ul.stacks > li").len();
    let found = browser.get("/?q=env%3Aproduction").await;
    let rows = found.texts("ul.stacks > li");
    assert!(!rows.is_empty() && rows.len() < total);
    assert!(rows.iter().all(|row| row.contains("production")), "{rows:?}");
    let failed = browser.get("/?state=attention").await.texts("ul.stacks > li");
    assert!(!failed.is_empty());
    assert!(
        failed.iter().all(|row| ["failed", "Impaired", "Cannot analyse"]
            .iter()
            .any(|word| row.contains(word))),
        "{failed:?}"
    );
    let none = browser.get("/?q=chekout").await;
    assert!(
        none.texts("h2")
            .iter()
            .any(|words| words.replace(' ', "") == "Nostackmatches“chekout”."),
        "{}",
        none.text()
    );
}

#[tokio::test]
async fn a_stacks_page_has_its_history() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let uid = app.stacks()[0].uid.clone();
    let page = browser.get(&format!("/stacks/{uid}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("History"), "{}", page.text());
    assert!(page.text().contains("Live now"), "{}", page.text());
}

/// Case A06; the measurement M10: a library joins `..` into another address.
#[tokio::test]
async fn what_is_not_a_uid_is_not_asked_for() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    browser.whole_list().await;
    let before = app.world().journal().entries().len();
    for bad in [
        "x",
        "4F6C0E2B9D1A4C7E8B3F5A6D7C8E9F01",
        "..%2f..%2foauth",
        "4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f012",
    ] {
        let page = browser.get(&format!("/stacks/{bad}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{bad}");
        assert!(!page.text().is_empty());
    }
    assert_eq!(app.world().journal().entries().len(), before);
}

#[tokio::test]
async fn somebody_without_stacks_is_told_so() {
    let app = TestApp::start().await;
    let browser = app.browser();
    browser.sign_in(&app.person_without_stacks()).await;
    let page = browser.get("/").await;
    assert!(page.text().contains("No stacks here."), "{}", page.text());
}

#[tokio::test]
async fn cloud66_out_of_reach_leaves_the_list_with_its_age() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let rows = browser.get("/").await.texts("ul.stacks > li").len();
    app.world().add_fault("api=status:500".parse().unwrap());
    app.clock.advance(time::Duration::minutes(3));
    let page = browser.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.texts("ul.stacks > li").len(), rows);
    assert!(page.text().contains("Cloud 66"), "{}", page.text());
    assert!(page.text().contains("Showing what we knew at"), "{}", page.text());
}

#[tokio::test]
async fn cloud66_out_of_reach_at_the_first_visit_is_said() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    app.world().add_fault("stacks=status:500".parse().unwrap());
    let other = app.browser();
    other.sign_in(&app.other_person()).await;
    let page = other.get("/").await;
    assert!(
        page.text().contains("Cloud 66 is not answering"),
        "{}",
        page.text()
    );
    drop(browser);
}

#[tokio::test]
async fn throttling_is_said() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    app.world().add_fault("api=throttled".parse().unwrap());
    app.clock.advance(time::Duration::minutes(3));
    let page = browser.get("/").await;
    assert!(
        page.text()
            .contains("You have used this hour’s Cloud 66 requests."),
        "{}",
        page.text()
    );
}

/// Cases U10, T09.
#[tokio::test]
async fn a_token_that_cloud66_revoked_ends_the_session() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    app.world().revoke_all_tokens();
    app.clock.advance(time::Duration::minutes(3));
    let page = browser.get("/").await;
    assert!(
        page.text()
            .contains("Cloud 66 signed you out. Sign in again to continue."),
        "{}",
        page.text()
    );
    let page = browser.get("/").await;
    assert!(page.text().contains("Sign in with Cloud 66"), "{}", page.text());
}

#[tokio::test]
async fn health_needs_no_session_and_no_cloud66() {
    let app = TestApp::with().deploys_of(Duration::ZERO).start().await;
    app.world().add_fault("api=status:500".parse().unwrap());
    for path in ["/healthz", "/readyz"] {
        let page = app.browser().get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
    }
}

/// Rows are kept from one page to the next, and still say how old they are.
#[tokio::test]
async fn a_row_that_did_not_change_grows_older() {
    let app = TestApp::with().quick_deploys().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let asked = confirm(&browser, &uid).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    until(&browser, &receipt, &["Deployed"]).await;
    browser.whole_list().await;
    let row = format!("#ver-{uid}");
    for age in ["1 min ago", "2 min ago", "3 min ago"] {
        app.clock.advance(time::Duration::minutes(1));
        for _ in 0..2 {
            let words = browser.get("/").await.texts(&row).join(" ");
            assert!(words.contains(age), "{age}: {words}");
        }
    }
}

#[tokio::test]
async fn a_view_is_kept_as_a_link_above_the_list_and_let_go_of() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let plain = browser.get("/").await;
    assert!(
        !plain.text().contains("Keep this view"),
        "the plain list is always there"
    );
    let view = browser.get("/?q=env%3Aproduction&group=app&page=1").await;
    let names = view.texts("ul.stacks .name");
    let kept = browser.submit(&view, "Keep this view").await;
    assert_eq!(kept.url.query(), Some("q=env%3Aproduction&group=app"));
    assert!(
        kept.texts("#polite").join("").contains("This view is kept"),
        "{}",
        kept.text()
    );
    // From the plain list it is one link away, also for a browser that is opened again.
    let link = "#chips .kept a[href='/?q=env%3Aproduction&group=app']";
    let plain = browser.get("/").await;
    assert_eq!(plain.texts(link), ["Kept: “env:production” · grouped by app"]);
    assert_eq!(plain.attribute(link, "aria-current"), None);
    let again = browser.get(&plain.attribute(link, "href").unwrap()).await;
    assert_eq!(again.texts("ul.stacks .name"), names);
    assert_eq!(again.attribute(link, "aria-current").as_deref(), Some("true"));
    // Keeping it twice keeps it once.
    browser.send(view.form("Keep this view")).await;
    assert_eq!(browser.get("/").await.texts(link).len(), 1);
    let gone = browser.submit(&again, "Keep this view no more").await;
    assert!(gone.texts(link).is_empty());
    assert!(browser.get("/").await.texts(link).is_empty());
}

#[tokio::test]
async fn of_many_views_the_latest_are_kept_and_a_long_one_is_not() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    for number in 1..=8 {
        let view = browser.get(&format!("/?q=number-{number}")).await;
        browser.submit(&view, "Keep this view").await;
    }
    let kept = browser.get("/").await.texts("#chips .kept a");
    let expected: Vec<String> = (3..=8).map(|number| format!("Kept: “number-{number}”")).collect();
    assert_eq!(kept, expected);
    let long = browser.get(&format!("/?q={}", "%F0%9F%9A%80".repeat(100))).await;
    let answer = browser.submit(&long, "Keep this view").await;
    assert!(
        answer.text().contains("This view is too long to be kept."),
        "{}",
        answer.text()
    );
    assert_eq!(browser.get("/").await.texts("#chips .kept a"), expected);
}
