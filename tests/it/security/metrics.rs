//! A11: the operator's metrics are off by default, on a listener of their own, and hold nothing of a person.

use std::collections::BTreeMap;

use super::raw::{exchange, status};
use super::redeploy::{quiet_stacks, row_form};
use super::tally::{Kind, note};
use crate::harness::{TestApp, looks};

async fn scrape(app: &TestApp, path: &str) -> String {
    let address = app.metrics().unwrap();
    exchange(
        address,
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"),
    )
    .await
}

/// Every line with a value, by its name and labels.
fn values(answer: &str) -> BTreeMap<String, u64> {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    body.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn metrics_are_off_until_they_are_asked_for() {
    let app = TestApp::start().await;
    assert_eq!(app.metrics(), None);
    assert_eq!(app.browser().get("/metrics").await.status, 404);
    note(Kind::Check, "A11");
}

#[tokio::test]
async fn metrics_count_what_happened_and_name_nobody() {
    let app = TestApp::with()
        .setting("STACKDECK_METRICS_BIND", "127.0.0.1:0")
        .deploys_of(std::time::Duration::from_millis(100))
        .start()
        .await;
    let browser = app.signed_in().await;
    let list = browser.get("/").await;
    let [first, second] = [0, 1].map(|at| quiet_stacks(&app)[at].clone());
    browser.get(&format!("/stacks/{first}")).await;
    browser.get("/no/such/page-named-by-me").await;
    app.world()
        .add_fault("redeploy=conflict;count=1".parse().unwrap());
    for uid in [&first, &second] {
        browser.send(row_form(&list, uid)).await;
        app.world().wait_for("redeploy", 1).await;
    }
    let mut seen = BTreeMap::new();
    for () in looks() {
        seen = values(&scrape(&app, "/metrics").await);
        let ended: u64 = ["refused", "succeeded"]
            .iter()
            .map(|end| seen[&format!("stackdeck_redeploys_ended_total{{end=\"{end}\"}}")])
            .sum();
        if ended == 2 {
            break;
        }
        app.let_pass(time::Duration::seconds(1)).await;
    }
    for (name, expected) in [
        ("stackdeck_redeploys_ended_total{end=\"refused\"}", 1),
        ("stackdeck_redeploys_ended_total{end=\"succeeded\"}", 1),
        ("stackdeck_redeploys_ended_total{end=\"lost\"}", 0),
        (
            "stackdeck_requests_total{route=\"/stacks/{uid}\",class=\"2xx\"}",
            1,
        ),
        (
            "stackdeck_requests_total{route=\"/stacks/{uid}/redeploy\",class=\"3xx\"}",
            2,
        ),
        ("stackdeck_requests_total{route=\"-\",class=\"4xx\"}", 1),
        ("stackdeck_cloud66_requests_total{outcome=\"4xx\"}", 1),
        ("stackdeck_event_streams", 0),
    ] {
        assert!(seen.contains_key(name), "{name} is missing: {seen:#?}");
        // The probe of the token endpoint is a 4xx as well.
        let at_least = name.contains("4xx") && name.contains("cloud66");
        let value = seen[name];
        assert!(
            value == expected || (at_least && value >= expected),
            "{name} {value}: {seen:#?}"
        );
    }
    assert!(seen["stackdeck_cloud66_requests_total{outcome=\"2xx\"}"] > 3);
    assert!(seen["stackdeck_uptime_seconds"] >= 1);

    let text = scrape(&app, "/metrics").await;
    assert!(
        text.to_ascii_lowercase()
            .contains("content-type: text/plain; version=0.0.4"),
        "{text}"
    );
    for named in [
        first.as_str(),
        second.as_str(),
        "page-named-by-me",
        &app.main_person(),
        &browser.cookie("stackdeck_session").unwrap(),
        "localhost",
    ] {
        assert!(!text.contains(named), "{named}: {text}");
    }
    // Nothing else is there, and nothing of it at the app's own address.
    for path in ["/", "/healthz", "/sign-in", "/metrics/"] {
        assert_eq!(status(&scrape(&app, path).await), Some(404), "{path}");
    }
    assert_eq!(browser.get("/metrics").await.status, 404);
    note(Kind::Check, "A11");
}

#[tokio::test]
async fn the_gauge_of_streams_is_the_number_that_is_open() {
    async fn until(app: &TestApp, wanted: u64) {
        let mut seen = None;
        for () in looks() {
            seen = Some(values(&scrape(app, "/metrics").await)["stackdeck_event_streams"]);
            if seen == Some(wanted) {
                note(Kind::Check, "A11");
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("never {wanted}: {seen:?}");
    }
    let app = TestApp::with()
        .setting("STACKDECK_METRICS_BIND", "127.0.0.1:0")
        .start()
        .await;
    let browser = app.signed_in().await;
    let page = browser.get("/").await;
    let mut streams = Vec::new();
    for open in 1..=4 {
        streams.push(browser.follow(&page).await);
        until(&app, open).await;
    }
    // One that is refused is none.
    assert_eq!(browser.follow_path("/events?view=stacks").await.status, 429);
    until(&app, 4).await;
    streams.pop();
    until(&app, 3).await;
    browser.submit(&page, "Sign out").await;
    until(&app, 0).await;
}
