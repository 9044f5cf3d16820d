//! Keeping pages true: what is asked of Cloud 66, for whom, and how often.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{TestApp, answered, looks};

/// A little longer than the list's pace.
const A_TURN: Duration = Duration::seconds(21);

fn lists(app: &TestApp) -> usize {
    let journal = app.world().journal();
    journal
        .of("stacks")
        .filter(|entry| entry.query.contains("page=1"))
        .count()
}

#[tokio::test]
async fn four_pages_cost_what_one_does() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let page = browser.get("/").await;
    let mut streams = Vec::new();
    for tabs in [1, 4] {
        while streams.len() < tabs {
            streams.push(browser.follow(&page).await);
        }
        app.pass(A_TURN).await;
        app.world().clear_journal();
        for _ in 0..10 {
            app.pass(A_TURN).await;
        }
        assert_eq!(lists(&app), 10, "{tabs} open");
    }
}

#[tokio::test]
async fn nothing_is_asked_while_nobody_looks() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let mut stream = browser.follow(&browser.get("/").await).await;
    stream.until("id=\"known\"").await;
    drop(stream);
    for () in looks() {
        app.world().clear_journal();
        app.pass(A_TURN).await;
        if app.world().journal().entries().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    app.world().clear_journal();
    for _ in 0..30 {
        app.pass(A_TURN).await;
    }
    assert_eq!(app.world().journal().entries().len(), 0);
}

#[tokio::test]
async fn an_hour_with_three_tabs_and_five_deploys_costs_half_at_most_and_never_stops() {
    let app = TestApp::with()
        .still()
        .deploys_of(std::time::Duration::from_hours(9))
        .start()
        .await;
    let browser = app.signed_in().await;
    let page = browser.get("/").await;
    let mut tabs = Vec::new();
    for _ in 0..3 {
        tabs.push(browser.follow(&page).await);
    }
    for stack in app.stacks().iter().filter(|stack| stack.status.0 == 1).take(5) {
        app.world()
            .deploy_from_web(&stack.uid, &app.main_person())
            .unwrap();
    }
    // To the beginning of an hour, as budgets count them.
    let now = app.app().clock().now().unix_timestamp();
    app.pass(Duration::seconds(3_600 - now.rem_euclid(3_600))).await;
    app.world().clear_journal();
    let mut by_ten_minutes = Vec::new();
    for tenth in 1..=6 {
        let before = app.world().journal().entries().len();
        let ends = 600 * tenth - 4;
        while app.app().clock().now().unix_timestamp().rem_euclid(3_600) < ends {
            app.pass(Duration::seconds(3)).await;
        }
        by_ten_minutes.push(app.world().journal().entries().len() - before);
    }
    let all: usize = by_ten_minutes.iter().sum();
    assert!(all <= 1_500, "{by_ten_minutes:?}");
    assert!(by_ten_minutes.iter().all(|some| *some > 30), "{by_ten_minutes:?}");
    let usage = browser.get("/settings").await;
    assert!(usage.text().contains("used this hour"), "{}", usage.text());
}

#[tokio::test]
async fn a_first_view_asks_for_the_pages_and_then_for_the_versions() {
    let app = TestApp::with()
        .sandbox(|options| options.stacks = Some(95))
        .start()
        .await;
    let page = app.signed_in().await.get("/").await;
    assert_eq!(page.texts("ul.stacks > li").len(), 95);
    let journal = app.world().journal();
    let asked: Vec<&str> = journal
        .entries()
        .iter()
        .map(|entry| entry.operation)
        .filter(|operation| ["stacks", "deployments"].contains(operation))
        .collect();
    assert_eq!(&asked[..4], ["stacks"; 4]);
    assert!(asked[4..].iter().all(|operation| *operation == "deployments"));
}

#[tokio::test]
async fn a_stacks_own_page_is_kept_true_without_the_list() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("production");
    let mut stream = browser
        .follow(&browser.get(&format!("/stacks/{uid}")).await)
        .await;
    app.world().clear_journal();
    app.world().set_maintenance(&uid, true);
    app.pass(A_TURN).await;
    let changed = stream
        .until("Maintenance on. Visitors see the maintenance page.")
        .await;
    assert!(changed.data.contains("id=\"known\""), "{}", changed.data);
    assert_eq!(lists(&app), 0);
}

#[tokio::test]
async fn a_stack_that_is_gone_says_so_where_it_stood() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let mut stream = browser.follow(&browser.get("/").await).await;
    let uid = app.quiet_stack("production");
    app.world().remove_stack(&uid);
    app.pass(A_TURN).await;
    stream.until_row(&uid, "Gone").await;
}

#[tokio::test]
async fn one_click_in_the_list_leaves_the_page_open_and_is_one_redeploy() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let page = browser.get("/").await;
    let mut stream = browser.follow(&page).await;
    let uid = app.quiet_stack("staging");
    let answer = browser.press_in_place(&page, &uid).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(
        answer.body.contains("asking Cloud 66 to redeploy"),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains(&format!("id=\"act-{uid}\"")),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains("id=\"page-op\""),
        "a new operation id: {}",
        answer.body
    );
    let again = browser.press_in_place(&page, &uid).await;
    assert!(again.body.contains("id=\"page-op\""));
    stream.until("redeploy accepted").await;
    assert_eq!(app.world().journal().count("redeploy"), 1);
}

/// A page that loads reads the ledger too. What it learns is still news to the pages that were open before.
#[tokio::test]
async fn a_page_that_loads_takes_no_news_from_the_others() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let page = browser.get("/").await;
    let mut stream = browser.follow(&page).await;
    browser.press_in_place(&page, &app.quiet_stack("staging")).await;
    let row = app.ledger().of_person(app.main_person_id(), 1, None).await;
    answered(&app, row.unwrap()[0].id).await;
    browser.get("/").await;
    stream.until("redeploy accepted").await;
}

#[tokio::test]
async fn paused_live_updates_open_no_stream_and_the_page_says_so() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    assert!(browser.get("/").await.attribute("body", "data-events").is_some());
    let settings = browser.get("/settings").await;
    browser.send(settings.form("Save").without("live")).await;
    let page = browser.get("/").await;
    assert_eq!(page.attribute("body", "data-events"), None);
    assert!(
        page.text().contains("Live updates are paused."),
        "{}",
        page.text()
    );
    assert!(page.texts("#refresh").contains(&"Refresh".to_owned()));
    let settings = browser.get("/settings").await;
    browser.send(settings.form("Save").set("live", "yes")).await;
    assert!(browser.get("/").await.attribute("body", "data-events").is_some());
}

#[tokio::test]
async fn the_theme_is_in_the_first_bytes() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let settings = browser.get("/settings").await;
    browser.send(settings.form("Save").set("theme", "dark")).await;
    let page = browser.get("/").await;
    assert_eq!(page.attribute("html", "data-theme").as_deref(), Some("dark"));
    assert_eq!(
        page.attribute("meta[name=color-scheme]", "content").as_deref(),
        Some("dark")
    );
}

#[tokio::test]
async fn this_hours_requests_are_on_the_settings_page() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    browser.get("/").await;
    let page = browser.get("/settings").await;
    let words = page.texts("section[aria-labelledby=h-requests] p").join(" ");
    assert!(words.contains(" of 3000 used this hour"), "{words}");
    assert!(words.contains("left"), "{words}");
    let next_hour = (app.app().clock().now() + Duration::hours(1)).hour();
    assert!(words.contains(&format!("{next_hour:02}:00 UTC")), "{words}");
}
