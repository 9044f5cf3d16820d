//! U: what goes wrong at Cloud 66, on every endpoint that pages and redeploys need. The sandbox's journal judges
//! what was asked.

use futures_util::future::join_all;
use reqwest::StatusCode;

use super::relay::Relay;
use super::tally::{Kind, note};
use crate::harness::{Browser, PATIENCE, Page, TestApp};

const STALE: &str = "Showing what we knew at";
const SPENT: &str = "You have used this hour’s Cloud 66 requests.";
const TRIAL: &str = "the trial for this account has ended";

/// The case, what happens to a read, what the page then says above what it knew before, and how often is asked
/// at most: faults that may pass are tried twice more, everything else is not.
const FAULTS: &[(&str, &str, &str, usize)] = &[
    ("U01", "no-answer-before", STALE, 1),
    ("U03", "slow-body:60", STALE, 1),
    ("U04", "close-before", STALE, 3),
    ("U04", "reset-before", STALE, 3),
    ("U04", "close-body", STALE, 3),
    ("U04", "reset-body", STALE, 3),
    ("U05", "status:500", STALE, 3),
    ("U05", "status:502", STALE, 3),
    ("U05", "status:504", STALE, 3),
    ("U05", "status:521", STALE, 3),
    ("U06", "throttled", SPENT, 1),
    ("U07", "throttled:5", SPENT, 1),
    ("U07", "throttled:3600", SPENT, 1),
    ("U07", "throttled:1000000000", SPENT, 1),
    ("U08", "not-implemented", STALE, 1),
    ("U09", "too-many", SPENT, 1),
    ("U09", "too-many:7", SPENT, 1),
    ("U11", "trial-expired", TRIAL, 1),
    ("U12", "forbidden", STALE, 1),
    ("U14", "time-out", STALE, 1),
    ("U14", "conflict", STALE, 1),
    ("U15", "truncated", STALE, 1),
    ("U15", "huge:50", STALE, 1),
    ("U15", "nested:100000", STALE, 1),
    // The same is U27: a list, and none of its rows is a stack.
    ("U27", "nested:3", STALE, 1),
    ("U15", "html", STALE, 1),
    ("U15", "empty", STALE, 1),
    ("U19", "gzip-bomb:200", STALE, 1),
    ("U20", "redirect:http://127.0.0.1:1/", STALE, 1),
];

/// Lets the hour's count begin anew and the page be read from a healthy Cloud 66.
async fn heal(app: &TestApp, browser: &Browser) -> Page {
    app.world().clear_faults();
    app.clock.advance(time::Duration::minutes(61));
    let page = browser.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text().contains(STALE), "healthy again: {}", page.text());
    page
}

/// Loads a page until it says so: an answer that hangs is said by the next page.
async fn until(browser: &Browser, path: &str, words: &str) -> Page {
    let mut page = browser.get(path).await;
    for _ in 0..5 {
        if page.text().contains(words) {
            break;
        }
        page = browser.get(path).await;
    }
    page
}

/// The four pages' worth of endpoints: the list, one stack, its deployments; the fourth, sending, is in
/// `redeploy.rs`, and looking up below.
#[tokio::test]
async fn whatever_happens_to_the_list_the_old_one_stays_and_says_its_age() {
    let app = TestApp::with().impatient().start().await;
    let browser = app.signed_in().await;
    for (case, fault, words, most) in FAULTS {
        let rows = heal(&app, &browser).await.texts("ul.stacks > li").len();
        assert!(rows > 30);
        app.world().add_fault(format!("stacks={fault}").parse().unwrap());
        app.world().clear_journal();
        app.clock.advance(time::Duration::minutes(3));
        let page = until(&browser, "/", words).await;
        assert_eq!(page.status, StatusCode::OK, "{case} {fault}");
        assert!(page.text().contains(words), "{case} {fault}: {}", page.text());
        assert_eq!(page.texts("ul.stacks > li").len(), rows, "{case} {fault}");
        let asked = app.world().journal().count("stacks");
        assert!(
            (1..=*most).contains(&asked),
            "{case} {fault}: asked {asked} times"
        );
        note(Kind::Fault, case);
    }
}

#[tokio::test]
async fn whatever_happens_to_a_stack_its_page_says_what_was_known() {
    let app = TestApp::with().impatient().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let path = format!("/stacks/{uid}");
    heal(&app, &browser).await;
    let name = browser.get(&path).await.texts("h1").join("");
    for (case, fault, words, most) in FAULTS {
        heal(&app, &browser).await;
        app.world().add_fault(format!("stack={fault}").parse().unwrap());
        app.world().clear_journal();
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{case} {fault}: {}", page.text());
        assert!(page.text().contains(words), "{case} {fault}: {}", page.text());
        assert_eq!(page.texts("h1").join(""), name, "{case} {fault}");
        let asked = app.world().journal().count("stack");
        assert!(
            (1..=*most).contains(&asked),
            "{case} {fault}: asked {asked} times"
        );
        note(Kind::Fault, case);
    }
}

#[tokio::test]
async fn whatever_happens_to_the_history_the_stack_is_shown_with_what_was_known_of_it() {
    let app = TestApp::with().impatient().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let path = format!("/stacks/{uid}");
    heal(&app, &browser).await;
    let rows = browser.get(&path).await;
    assert!(rows.text().contains("Live now"));
    for (case, fault, _, most) in FAULTS {
        heal(&app, &browser).await;
        app.world()
            .add_fault(format!("deployments={fault}").parse().unwrap());
        app.world().clear_journal();
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{case} {fault}: {}", page.text());
        assert_eq!(page.texts("h1"), rows.texts("h1"), "{case} {fault}");
        assert!(
            page.texts("main")
                .join("")
                .contains("Cloud 66 did not tell since"),
            "{case} {fault}: {}",
            page.text()
        );
        let (now, before) = (page.texts("ol.history > li"), rows.texts("ol.history > li"));
        assert_eq!(now.len(), before.len(), "{case} {fault}: {}", page.text());
        let asked = app.world().journal().count("deployments");
        assert!(
            (1..=*most).contains(&asked),
            "{case} {fault}: asked {asked} times"
        );
        note(Kind::Fault, case);
    }
}

/// What no document shows, and is read all the same: U16, U23, U24.
#[tokio::test]
async fn odd_answers_cost_no_rows_and_make_no_negative_ages() {
    let app = TestApp::with().impatient().start().await;
    let browser = app.signed_in().await;
    for (case, fault) in [
        ("U16", "lying-pages"),
        ("U16", "moved-pages:repeat"),
        ("U23", "unknown-codes"),
        ("U23", "nulls"),
        ("U23", "number-strings"),
        ("U23", "string-codes"),
        ("U23", "no-envelope"),
        ("U24", "clock-skew:86400"),
        ("U24", "clock-skew:-86400"),
    ] {
        let rows = heal(&app, &browser).await.texts("ul.stacks > li").len();
        app.world().add_fault(format!("api={fault}").parse().unwrap());
        app.clock.advance(time::Duration::minutes(3));
        let page = browser.get("/").await;
        assert_eq!(page.status, StatusCode::OK, "{case} {fault}");
        let now = page.texts("ul.stacks > li").len();
        // Without its envelope a list has no pages to ask for.
        let expected = if fault == "no-envelope" { 30 } else { rows };
        assert!(now >= expected, "{case} {fault}: {now} of {rows} rows");
        let text = page.text();
        let negative: Vec<&str> = text
            .split_whitespace()
            .filter(|word| {
                let rest = word.strip_prefix(['-', '−']).unwrap_or_default();
                rest.starts_with(|c: char| c.is_ascii_digit())
            })
            .collect();
        // Neither an age nor a code: what Cloud 66 leaves out is said in words.
        assert!(negative.is_empty(), "{case} {fault}: {negative:?} in {text}");
        if fault == "nulls" {
            assert!(text.contains("State not given"), "{text}");
            let path = page
                .attribute("ul.stacks > li a[href^='/stacks/']", "href")
                .unwrap();
            let stack = browser.get(&path).await.text();
            assert!(stack.contains("Status Not given by Cloud 66"), "{stack}");
        }
        note(Kind::Fault, case);
    }
}

/// U13: what is gone goes from its page and from the list.
#[tokio::test]
async fn a_stack_that_is_gone_is_said_to_be_gone() {
    let app = TestApp::with().impatient().start().await;
    let browser = app.signed_in().await;
    let rows = heal(&app, &browser).await.texts("ul.stacks > li").len();
    let uid = app.quiet_stack("staging");
    app.world().add_fault("stack=not-found;count=1".parse().unwrap());
    let page = browser.get(&format!("/stacks/{uid}")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text().contains("No such stack"), "{}", page.text());
    let list = browser.get("/").await;
    assert_eq!(list.texts("ul.stacks > li").len(), rows - 1);
    note(Kind::Fault, "U13");
}

/// U02, U26: nobody there for an hour, and then somebody again.
#[tokio::test]
async fn an_hour_without_cloud66_is_survived_and_its_return_is_noticed() {
    let relay = Relay::new().await;
    let app = TestApp::with()
        .setting("CLOUD66_URL", &relay.url)
        .impatient()
        .start()
        .await;
    relay.lead_to(app.sandbox.url());
    let browser = app.signed_in().await;
    let rows = browser.get("/").await.texts("ul.stacks > li").len();
    relay.take_away();
    relay.is_gone().await;
    for _ in 0..20 {
        app.clock.advance(time::Duration::minutes(3));
        let page = browser.get("/").await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text().contains(STALE), "{}", page.text());
        assert_eq!(page.texts("ul.stacks > li").len(), rows);
        note(Kind::Fault, "U26");
    }
    relay.bring_back().await;
    // The pause after a failure, and no more.
    app.clock.advance(time::Duration::seconds(6));
    let page = browser.get("/").await;
    assert!(!page.text().contains(STALE), "{}", page.text());
    note(Kind::Check, "U02");
}

/// U17: fifty tabs ask once.
#[tokio::test]
async fn fifty_tabs_of_one_person_cost_what_one_costs() {
    let app = TestApp::with().impatient().start().await;
    let browser = app.signed_in().await;
    browser.get("/").await;
    for _ in 0..3 {
        app.clock.advance(time::Duration::minutes(3));
        app.world().clear_journal();
        let pages = join_all((0..50).map(|_| browser.get("/"))).await;
        assert!(pages.iter().all(|page| page.status == StatusCode::OK));
        let listed = app.world().journal().count("stacks");
        let pages_of_the_list = app.stacks().len().div_ceil(30);
        assert_eq!(listed, pages_of_the_list, "one reading for fifty pages");
        note(Kind::Check, "U17");
    }
}

/// U18: what Cloud 66 says is left is believed, and a fifth of it is never spent on watching.
#[tokio::test]
async fn watching_stops_before_cloud66_has_to_refuse() {
    let app = TestApp::with().impatient().start().await;
    let browser = app.signed_in().await;
    browser.get("/").await;
    app.world().set_rate_limit("20".parse().unwrap());
    for _ in 0..12 {
        app.clock.advance(time::Duration::minutes(3));
        assert_eq!(browser.get("/").await.status, StatusCode::OK);
    }
    let refused = app
        .world()
        .journal()
        .entries()
        .iter()
        .filter(|entry| entry.status == Some(503))
        .count();
    assert_eq!(refused, 0, "it was asked until it refused");
    note(Kind::Check, "U18");
}

/// U25: a Cloud 66 that hangs for many people holds up nobody who does not ask it.
#[tokio::test]
async fn a_hanging_cloud66_holds_up_no_other_page() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let crowd: Vec<Browser> = join_all((0..8).map(|_| app.signed_in())).await;
    app.world().add_fault("api=no-answer-before".parse().unwrap());
    app.clock.advance(time::Duration::minutes(3));
    let hanging = crowd.iter().flat_map(|browser| (0..25).map(|_| browser.get("/")));
    let mut hanging = Box::pin(join_all(hanging));
    let others = async {
        // Until the crowd's requests are on their way.
        tokio::time::timeout(PATIENCE, app.world().wait_for("stacks", 8))
            .await
            .unwrap();
        for path in ["/settings", "/redeploys", "/healthz", "/readyz"] {
            let page = browser.get(path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            note(Kind::Check, "U25");
        }
    };
    tokio::select! {
        () = others => {}
        _ = &mut hanging => panic!("the two hundred pages were answered first"),
    }
}
