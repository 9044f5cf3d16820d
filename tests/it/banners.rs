//! What stands above a page while something is wrong: each state driven by a fault of the sandbox, seen on a page
//! that is open and on one that is loaded, and gone when the fault is.

use time::Duration;

use crate::harness::{Browser, Stream, TestApp};

/// A little longer than the list's pace.
const A_TURN: Duration = Duration::seconds(21);

async fn open(app: &TestApp) -> (Browser, Stream) {
    let browser = app.signed_in().await;
    let page = browser.whole_list().await;
    assert_eq!(page.texts(".banner").len(), 0, "{}", page.text());
    let mut stream = browser.follow(&page).await;
    stream.until("id=\"known\"").await;
    (browser, stream)
}

/// Arms a fault, and waits for the words on the open page and on a loaded one.
async fn says(app: &TestApp, browser: &Browser, stream: &mut Stream, fault: &str, words: &str) {
    app.world().add_fault(fault.parse().unwrap());
    app.pass(A_TURN).await;
    stream.until(words).await;
    let page = browser.get("/").await;
    assert!(page.texts(".banner").join(" ").contains(words), "{}", page.text());
}

/// Disarms all faults, and waits for the banner to go.
async fn is_over(app: &TestApp, browser: &Browser, stream: &mut Stream) {
    app.world().clear_faults();
    app.pass(Duration::minutes(1)).await;
    stream
        .until("<div id=\"banner\" hx-swap-oob=\"innerHTML\"></div>")
        .await;
    assert_eq!(browser.get("/").await.texts(".banner").len(), 0);
}

#[tokio::test]
async fn cloud66_that_does_not_answer_is_said_at_once_and_its_age_after_two_minutes() {
    let app = TestApp::start().await;
    let (browser, mut stream) = open(&app).await;
    let not_answering =
        "Cloud 66 is not answering. You can still try a redeploy; we will tell you if it was accepted.";
    for fault in ["stacks=status:502", "stacks=close-before", "stacks=html"] {
        says(&app, &browser, &mut stream, fault, not_answering).await;
        is_over(&app, &browser, &mut stream).await;
    }
    app.world().add_fault("api=status:502".parse().unwrap());
    app.pass(A_TURN).await;
    for _ in 0..5 {
        app.pass(Duration::seconds(31)).await;
    }
    let stale = stream.until("Showing what we knew at ").await;
    assert!(
        stale
            .data
            .contains("Cloud 66 has not answered since. We try again every 30 seconds."),
        "{}",
        stale.data
    );
    let page = browser.get("/").await;
    assert!(page.text().contains("Showing what we knew at"), "{}", page.text());
    assert!(
        !page.texts("ul.stacks > li").is_empty(),
        "what was known is shown"
    );
    is_over(&app, &browser, &mut stream).await;
}

#[tokio::test]
async fn while_cloud66_is_down_it_is_tried_every_thirty_seconds_and_not_more() {
    let app = TestApp::with().still().start().await;
    let (_browser, _stream) = open(&app).await;
    app.world().add_fault("api=time-out".parse().unwrap());
    for _ in 0..8 {
        app.pass(A_TURN).await;
    }
    app.world().clear_journal();
    for _ in 0..60 {
        app.pass(Duration::seconds(5)).await;
    }
    let tries = app.world().journal().entries().len();
    // Five minutes, and each try may be repeated twice at once.
    assert!((8..=30).contains(&tries), "{tries}");
}

#[tokio::test]
async fn throttling_is_said_probed_once_a_minute_and_over_when_cloud66_says_so() {
    let app = TestApp::with().still().start().await;
    let (browser, mut stream) = open(&app).await;
    let words = "You have used this hour’s Cloud 66 requests. Updates continue at ";
    says(&app, &browser, &mut stream, "api=throttled", words).await;
    app.world().clear_journal();
    for _ in 0..30 {
        app.pass(Duration::seconds(10)).await;
    }
    let probes = app.world().journal().entries().len();
    assert!((3..=6).contains(&probes), "{probes} in five minutes");
    is_over(&app, &browser, &mut stream).await;
    says(&app, &browser, &mut stream, "api=too-many", words).await;
}

#[tokio::test]
async fn a_trial_that_ended_is_said() {
    let app = TestApp::start().await;
    let (browser, mut stream) = open(&app).await;
    let words = "Cloud 66 says the trial for this account has ended.";
    says(&app, &browser, &mut stream, "stacks=trial-expired", words).await;
    is_over(&app, &browser, &mut stream).await;
}

#[tokio::test]
async fn when_others_have_used_most_of_the_hour_the_page_slows_down_and_says_so() {
    let app = TestApp::with().still().start().await;
    let (browser, mut stream) = open(&app).await;
    app.world().set_rate_limit("1000".parse().unwrap());
    let api = reqwest::Client::builder().build().unwrap();
    let token = app.world().issue_token(&app.main_person(), &[]).unwrap();
    for _ in 0..820 {
        let url = format!("{}/api/3/ping/auth", app.sandbox.url());
        api.get(url).bearer_auth(&token).send().await.unwrap();
    }
    app.pass(A_TURN).await;
    let words = "Little is left of this hour’s Cloud 66 requests.";
    stream.until(words).await;
    let page = browser.get("/").await;
    assert!(page.text().contains(words), "{}", page.text());
    app.world().clear_journal();
    for _ in 0..24 {
        app.pass(Duration::seconds(5)).await;
    }
    let lists = app
        .world()
        .journal()
        .of("stacks")
        .filter(|entry| entry.query.contains("page=1"))
        .count();
    assert!(lists <= 1, "{lists} in two minutes");
}

#[tokio::test]
async fn when_half_of_the_hour_is_spent_on_watching_it_rests_and_a_redeploy_goes_through() {
    let app = TestApp::start().await;
    let (browser, mut stream) = open(&app).await;
    let settings = browser.get("/settings").await.text();
    let used: u64 = settings
        .split(" of 3000 used")
        .next()
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let limit = used * 2 - 4;
    app.world().set_rate_limit(limit.to_string().parse().unwrap());
    app.pass(A_TURN).await;
    let words = "Half of this hour’s Cloud 66 requests went into keeping pages up to date.";
    stream.until(words).await;
    assert!(browser.get("/").await.text().contains(words));
    app.world().clear_journal();
    for _ in 0..10 {
        app.pass(Duration::seconds(5)).await;
    }
    assert_eq!(app.world().journal().entries().len(), 0);
    let uid = app.quiet_stack("staging");
    let confirm = browser.get(&format!("/stacks/{uid}/redeploy")).await;
    browser.submit(&confirm, "Redeploy staging").await;
    app.world().wait_for("redeploy", 1).await;
}
