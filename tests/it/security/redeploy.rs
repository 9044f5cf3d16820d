//! E: one click is one redeploy, whatever goes wrong. The sandbox's journal is the judge. What is proven by
//! `tests/it/redeploy.rs`, `tests/cloud66/commands.rs` and `tests/store` is not proven again here.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use tokio::io::AsyncWriteExt as _;

use super::raw::{address, authority};
use super::relay::Relay;
use super::storage::{Outside, READ_ONLY};
use super::tally::{Kind, note};
use crate::harness::{Browser, Form, PATIENCE, Page, TestApp, Wish, looks};

/// Every stack of the main person that may be redeployed from the list, without a question.
pub fn quiet_stacks(app: &TestApp) -> Vec<String> {
    app.stacks()
        .into_iter()
        .filter(|stack| (stack.status.0, stack.health.0) == (1, 3))
        .filter(|stack| !stack.maintenance_mode && !stack.is_busy && !stack.always_fails)
        .filter(|stack| stack.framework != "docker")
        .filter(|stack| {
            !["prod", "live"]
                .iter()
                .any(|word| stack.environment.starts_with(word))
        })
        .map(|stack| stack.uid)
        .collect()
}

/// The form behind a row's button: what the list carries, sent to that stack.
pub fn row_form(list: &Page, uid: &str) -> Form {
    let mut form = list.forms().remove(0);
    let field = |name: &str| {
        let value = list.attribute(&format!("#page-op input[name={name}]"), "value");
        (name.to_owned(), value.unwrap())
    };
    form.method = Method::POST;
    form.action = list.url.join(&format!("/stacks/{uid}/redeploy")).unwrap();
    form.fields = vec![field("csrf"), field("op")];
    form
}

/// Loads a receipt until it says one of these, letting the app's clock run so that it looks.
async fn until(app: &TestApp, browser: &Browser, receipt: &Page, words: &[&str]) -> Page {
    let began = std::time::Instant::now();
    loop {
        let page = browser.get(receipt.url.path()).await;
        let text = page.text();
        if words.iter().any(|word| text.contains(word)) {
            return page;
        }
        assert!(began.elapsed() < PATIENCE, "never {words:?}: {text}");
        app.let_pass(time::Duration::seconds(6)).await;
    }
}

fn quick_deploys() -> Wish {
    TestApp::with().sandbox(|options| {
        options.stacks = Some(300);
        options.deploy_time = Duration::from_millis(100);
    })
}

async fn with_quick_deploys() -> TestApp {
    quick_deploys().start().await
}

const REFUSED: &str = "Nothing was started.";
const DEPLOYED: &str = "Deployed";
const NO_RECORD: &str = "No record of it";

/// The case, what happens to the one request, and the end that the receipt then shows. M12, M13: on stock
/// behaviour a redirected or broken request is repeated, or called a failure although it was carried out.
const ENDS: [(&str, &str, &str); 36] = [
    ("E11", "bad-request", REFUSED),
    ("E11", "unauthenticated", REFUSED),
    ("E11", "trial-expired", REFUSED),
    ("E11", "forbidden", REFUSED),
    ("E11", "not-found", REFUSED),
    ("E11", "conflict", REFUSED),
    ("E11", "status:422", REFUSED),
    ("U06", "throttled", REFUSED),
    ("U07", "throttled:5", REFUSED),
    ("U09", "too-many", REFUSED),
    ("U08", "not-implemented", REFUSED),
    ("E13", "close-after", DEPLOYED),
    ("E13", "reset-after", DEPLOYED),
    ("E13", "close-body", DEPLOYED),
    ("E13", "reset-body", DEPLOYED),
    ("E13", "status-after:500", DEPLOYED),
    ("E13", "status-after:502", DEPLOYED),
    ("E13", "status-after:504", DEPLOYED),
    ("U15", "html", DEPLOYED),
    ("U15", "empty", DEPLOYED),
    ("U15", "truncated", DEPLOYED),
    ("U15", "huge:50", DEPLOYED),
    ("U15", "nested:100000", DEPLOYED),
    ("U19", "gzip-bomb:200", DEPLOYED),
    ("U23", "no-action-id", DEPLOYED),
    ("U23", "number-strings", DEPLOYED),
    ("U23", "no-envelope", DEPLOYED),
    ("E08", "no-answer-after", DEPLOYED),
    ("E09", "no-answer-before", NO_RECORD),
    ("E10", "time-out", NO_RECORD),
    ("E13", "close-before", NO_RECORD),
    ("E13", "reset-before", NO_RECORD),
    ("U05", "status:500", NO_RECORD),
    ("U05", "status:502", NO_RECORD),
    ("U05", "status:521", NO_RECORD),
    ("E14", "redirect:http://127.0.0.1:1/", NO_RECORD),
];

#[tokio::test]
async fn whoever_refuses_is_believed_and_nothing_was_started() {
    one_each(REFUSED).await;
}

#[tokio::test]
async fn what_was_carried_out_is_found_however_its_answer_was_lost() {
    one_each(DEPLOYED).await;
}

#[tokio::test]
async fn what_never_arrived_is_called_lost_and_not_sent_again() {
    one_each(NO_RECORD).await;
}

/// Sends one redeploy into each fault that ends so.
async fn one_each(wanted: &str) {
    let app = quick_deploys().impatient().start().await;
    let browser = app.signed_in().await;
    let stacks = quiet_stacks(&app);
    let rows = ENDS.iter().filter(|(_, _, end)| *end == wanted);
    assert!(stacks.len() >= ENDS.len(), "{} stacks", stacks.len());
    for ((case, fault, end), uid) in rows.zip(&stacks) {
        // A fresh hour: some of these use one up.
        app.clock.advance(time::Duration::minutes(61));
        let list = browser.get("/").await;
        app.world()
            .add_fault(format!("redeploy={fault};count=1").parse().unwrap());
        app.world().clear_journal();
        let receipt = browser.send(row_form(&list, uid)).await;
        assert!(receipt.url.path().starts_with("/redeploys/"), "{}", receipt.url);
        until(
            &app,
            &browser,
            &receipt,
            &[REFUSED, DEPLOYED, NO_RECORD, "Deploy failed"],
        )
        .await;
        let page = browser.get(receipt.url.path()).await;
        assert!(page.text().contains(end), "{case} {fault}: {}", page.text());
        let journal = app.world().journal();
        assert_eq!(journal.count("redeploy"), 1, "{case} {fault}");
        let done = journal.of("redeploy").filter(|entry| entry.processed).count();
        // What was carried out is never called refused or lost, and what was not never deployed.
        assert_eq!(done == 1, *end == DEPLOYED, "{case} {fault}");
        note(Kind::Fault, case);
    }
}

/// Looking up is an endpoint of its own: whatever happens to it, an answer that never came is neither sent again
/// nor given up before its time.
#[tokio::test]
async fn whatever_happens_to_the_look_up_it_is_asked_again_and_nothing_is_sent() {
    let app = quick_deploys().impatient().start().await;
    let browser = app.signed_in().await;
    let faults = [
        ("U01", "no-answer-before"),
        ("U03", "slow-body:60"),
        ("U04", "close-before"),
        ("U04", "reset-before"),
        ("U04", "close-body"),
        ("U04", "reset-body"),
        ("U05", "status:500"),
        ("U05", "status:502"),
        ("U05", "status:504"),
        ("U06", "throttled"),
        ("U07", "throttled:5"),
        ("U09", "too-many"),
        ("U11", "trial-expired"),
        ("U12", "forbidden"),
        ("U13", "not-found"),
        ("U14", "time-out"),
        ("U14", "conflict"),
        ("U15", "truncated"),
        ("U15", "html"),
        ("U15", "empty"),
        ("U15", "huge:50"),
        ("U15", "nested:100000"),
        ("U19", "gzip-bomb:200"),
        ("U20", "redirect:http://127.0.0.1:1/"),
    ];
    for ((case, fault), uid) in faults.iter().zip(quiet_stacks(&app)) {
        app.clock.advance(time::Duration::minutes(61));
        let list = browser.get("/").await;
        for fault in [
            "redeploy=close-after;count=1",
            &format!("actions={fault};count=1"),
        ] {
            app.world().add_fault(fault.parse().unwrap());
        }
        app.world().clear_journal();
        let receipt = browser.send(row_form(&list, &uid)).await;
        until(&app, &browser, &receipt, &[REFUSED, DEPLOYED, NO_RECORD]).await;
        let page = browser.get(receipt.url.path()).await;
        assert!(page.text().contains(DEPLOYED), "{case} {fault}: {}", page.text());
        let journal = app.world().journal();
        assert_eq!(journal.count("redeploy"), 1, "{case} {fault}");
        assert!(
            journal.count("actions") >= 2,
            "{case} {fault}: it was asked again"
        );
        note(Kind::Fault, case);
    }
}

/// E02: two tabs, each with a form of its own.
#[tokio::test]
async fn two_tabs_are_one_redeploy() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    for uid in quiet_stacks(&app).iter().take(3) {
        // Never answered, so that the second one comes in time, however long it needs. The first one's lease ends
        // when the clock is pushed, and then it is looked up.
        app.world()
            .add_fault("redeploy=no-answer-after;count=1".parse().unwrap());
        app.world().clear_journal();
        let (one, other) = (browser.get("/").await, browser.get("/").await);
        let first = browser.send(row_form(&one, uid)).await;
        let second = browser.send(row_form(&other, uid)).await;
        assert_eq!(
            first.url, second.url,
            "the second leads to the first one's receipt"
        );
        until(&app, &browser, &first, &[DEPLOYED]).await;
        assert_eq!(app.world().journal().count("redeploy"), 1);
        note(Kind::Check, "E02");
    }
}

/// Where a form led. None where the database was not to be had in time, as on a machine that is busy: then the page
/// says that nothing was sent, and the form is sent again.
fn place_of(answer: &Page) -> Option<String> {
    if answer.status == StatusCode::SERVICE_UNAVAILABLE {
        assert!(
            answer.text().contains("Nothing was sent to Cloud 66"),
            "{}",
            answer.text()
        );
        return None;
    }
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    Some(answer.location().to_owned())
}

/// E04: five hundred at once.
#[tokio::test]
async fn five_hundred_posts_of_one_form_are_one_redeploy() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let form = row_form(&browser.get("/").await, &quiet_stacks(&app)[0]);
    // Not more at a time than one address may have connections.
    let mut places = std::collections::BTreeSet::new();
    let mut taken = 0;
    for () in looks() {
        for answer in join_all((0..125).map(|_| browser.send_once(&form))).await {
            if let Some(place) = place_of(&answer) {
                places.insert(place);
                taken += 1;
            }
        }
        if taken >= 500 {
            break;
        }
    }
    assert!(taken >= 500, "{taken} of 500 were taken");
    assert_eq!(places.len(), 1, "{places:?}");
    let receipt = browser.get(places.first().unwrap()).await;
    until(&app, &browser, &receipt, &[DEPLOYED]).await;
    assert_eq!(app.world().journal().count("redeploy"), 1);
    note(Kind::Check, "E04");
}

/// E05: the same form at two instances that share a database (M15).
#[tokio::test]
async fn one_form_at_two_instances_is_one_redeploy() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let second = app.another().await;
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let home = browser.address("/");
    for uid in quiet_stacks(&app).iter().take(5) {
        app.world().clear_journal();
        let form = row_form(&browser.get("/").await, uid);
        let there = || async {
            loop {
                let response = http
                    .post(format!("http://{}/stacks/{uid}/redeploy", second.address))
                    .header("host", home.authority())
                    .header("origin", home.origin().ascii_serialization())
                    .header(
                        "cookie",
                        format!(
                            "stackdeck_session={}",
                            browser.cookie("stackdeck_session").unwrap()
                        ),
                    )
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(
                        url::form_urlencoded::Serializer::new(String::new())
                            .extend_pairs(&form.fields)
                            .finish(),
                    )
                    .send()
                    .await
                    .unwrap();
                if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                    continue;
                }
                assert_eq!(response.status(), StatusCode::SEE_OTHER);
                break response.headers()["location"].to_str().unwrap().to_owned();
            }
        };
        let here = || async {
            loop {
                if let Some(place) = place_of(&browser.send_once(&form).await) {
                    break place;
                }
            }
        };
        let (ours, theirs) = tokio::join!(
            join_all((0..20).map(|_| here())),
            join_all((0..20).map(|_| there()))
        );
        let places: std::collections::BTreeSet<_> = ours.into_iter().chain(theirs).collect();
        assert_eq!(places.len(), 1, "{places:?}");
        let receipt = browser.get(places.first().unwrap()).await;
        until(&app, &browser, &receipt, &[DEPLOYED]).await;
        assert_eq!(app.world().journal().count("redeploy"), 1);
        note(Kind::Check, "E05");
    }
    second.running.stop().await;
}

/// E07, the measurement M14: awaited in the handler, none of a hundred outcomes was written down.
#[tokio::test]
async fn a_browser_that_leaves_after_the_click_loses_nothing() {
    const CLICKS: usize = 100;
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    app.world().add_fault("redeploy=delay:0.1".parse().unwrap());
    let list = browser.get("/").await;
    let stacks = quiet_stacks(&app);
    assert!(stacks.len() >= CLICKS, "{} stacks", stacks.len());
    let cookie = browser.cookie("stackdeck_session").unwrap();
    // The page is read once: a form is good for ten minutes, in which a busy machine may not read it a hundred times.
    let form = row_form(&list, &stacks[0]);
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&form.fields)
        .finish();
    for uid in &stacks[..CLICKS] {
        let request = format!(
            "POST /stacks/{uid}/redeploy HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nCookie: stackdeck_session={cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            authority(&app),
            app.url,
            body.len()
        );
        let mut tab = tokio::net::TcpStream::connect(address(&app)).await.unwrap();
        tab.write_all(request.as_bytes()).await.unwrap();
        drop(tab);
    }
    let all = tokio::time::timeout(PATIENCE, app.world().wait_for("redeploy", CLICKS)).await;
    let database = Outside::of(&app);
    assert!(
        all.is_ok(),
        "{} of {CLICKS} were sent, {} are in the ledger, {} have ended",
        app.world().journal().count("redeploy"),
        database.count("SELECT count(*) FROM redeploys").await,
        database
            .count("SELECT count(*) FROM redeploys WHERE finished_at_ms IS NOT NULL")
            .await
    );
    let began = std::time::Instant::now();
    let succeeded = "SELECT count(*) FROM redeploys WHERE state = 'succeeded'";
    while database.count(succeeded).await != 100 && began.elapsed() < PATIENCE {
        app.let_pass(time::Duration::seconds(6)).await;
    }
    assert_eq!(database.count(succeeded).await, 100, "outcomes written down");
    assert_eq!(app.world().journal().count("redeploy"), CLICKS);
    for _ in 0..CLICKS {
        note(Kind::Fault, "E07");
    }
}

/// E12: no connection proves that nothing was sent, so it is tried again, and then given up in true words.
#[tokio::test]
async fn what_was_provably_not_sent_is_tried_again_and_then_said_to_be_unsent() {
    let relay = Relay::new().await;
    let app = TestApp::with()
        .setting("CLOUD66_URL", &relay.url)
        .deploys_of(Duration::from_millis(100))
        .start()
        .await;
    relay.lead_to(app.sandbox.url());
    let browser = app.signed_in().await;
    let stacks = quiet_stacks(&app);
    let list = browser.get("/").await;
    relay.take_away();
    relay.is_gone().await;

    let given_up = browser.send(row_form(&list, &stacks[0])).await;
    let page = until(&app, &browser, &given_up, &["Nothing was sent."]).await;
    assert!(page.text().contains("could not be reached"), "{}", page.text());
    let database = Outside::of(&app);
    assert_eq!(database.count("SELECT attempts FROM redeploys").await, 3);

    // The second time the network comes back in between: the same reference, once.
    let waits = browser.send(row_form(&list, &stacks[1])).await;
    until(&app, &browser, &waits, &["Not sent yet"]).await;
    relay.bring_back().await;
    until(&app, &browser, &waits, &[DEPLOYED]).await;
    let journal = app.world().journal();
    assert_eq!(journal.count("redeploy"), 1);
    let id = waits.url.path().rsplit('/').next();
    assert_eq!(
        journal.of("redeploy").next().unwrap().user_reference.as_deref(),
        id
    );
    note(Kind::Fault, "E12");
}

/// E16: the answer cannot be written down. The row stays `sending`, and becomes a question, never a second send.
#[tokio::test]
async fn an_answer_that_cannot_be_written_down_is_looked_up() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let database = Outside::of(&app);
    let list = browser.get("/").await;
    database
        .run(
            "CREATE TRIGGER no_answer BEFORE UPDATE ON redeploys \
             WHEN OLD.state = 'sending' AND NEW.state = 'accepted' \
             BEGIN SELECT RAISE(ABORT, 'disk full'); END",
        )
        .await;
    let receipt = browser.send(row_form(&list, &quiet_stacks(&app)[0])).await;
    app.world().wait_for("redeploy", 1).await;
    // Past the lease. The answer may still be tried to be written down; it must lead nowhere else.
    app.clock.advance(time::Duration::seconds(61));
    let page = until(&app, &browser, &receipt, &["No answer yet", DEPLOYED]).await;
    assert!(!page.text().contains("said no"), "{}", page.text());
    database.run("DROP TRIGGER no_answer").await;
    until(&app, &browser, &receipt, &[DEPLOYED]).await;
    assert_eq!(app.world().journal().count("redeploy"), 1);
    note(Kind::Fault, "E16");
}

/// E17: without a row nothing is sent, and the page says so.
#[tokio::test]
async fn what_cannot_be_written_down_is_not_sent() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let database = Outside::of(&app);
    let list = browser.get("/").await;
    database.run(READ_ONLY).await;
    let page = browser.send(row_form(&list, &quiet_stacks(&app)[0])).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{}", page.text());
    assert!(
        page.text().contains("Nothing was sent to Cloud 66"),
        "{}",
        page.text()
    );
    // What is sent is a row first, and there is none.
    assert_eq!(database.count("SELECT count(*) FROM redeploys").await, 0);
    assert_eq!(app.world().journal().count("redeploy"), 0);
    note(Kind::Fault, "E17");
}

/// E20: the token is revoked between the click and the look-up. Nothing is claimed that nobody confirmed.
#[tokio::test]
async fn a_token_revoked_before_the_look_up_leaves_it_unknown() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let list = browser.get("/").await;
    app.world()
        .add_fault("redeploy=close-after;count=1".parse().unwrap());
    app.world().add_fault("actions=unauthenticated".parse().unwrap());
    let receipt = browser.send(row_form(&list, &quiet_stacks(&app)[0])).await;
    app.world().wait_for("redeploy", 1).await;
    app.world().revoke_all_tokens();
    until(
        &app,
        &browser,
        &receipt,
        &["No answer yet", "signed you out", "Sign in"],
    )
    .await;
    // The person comes back with a new sign-in and sees the same truth.
    let again = app.signed_in().await;
    let page = again.get(receipt.url.path()).await;
    assert!(page.text().contains("No answer yet"), "{}", page.text());
    assert_eq!(app.world().journal().count("redeploy"), 1);
    note(Kind::Fault, "E20");
}

/// E21: signing out right after the click loses nothing, and leaves no copy of the token.
#[tokio::test]
async fn signing_out_after_the_click_loses_nothing_and_leaves_no_token() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    app.world()
        .add_fault("redeploy=delay:0.5;count=1".parse().unwrap());
    let list = browser.get("/").await;
    browser.send_once(&row_form(&list, &quiet_stacks(&app)[0])).await;
    browser.submit(&list, "Sign out").await;
    let database = Outside::of(&app);
    for () in looks() {
        if database
            .count("SELECT count(*) FROM redeploys WHERE state = 'succeeded'")
            .await
            == 1
        {
            break;
        }
        app.let_pass(time::Duration::seconds(1)).await;
    }
    assert_eq!(
        database
            .count("SELECT count(*) FROM redeploys WHERE state = 'succeeded' AND sealed_token IS NULL")
            .await,
        1
    );
    assert_eq!(database.count("SELECT count(*) FROM sessions").await, 0);
    assert_eq!(app.world().journal().count("redeploy"), 1);
    note(Kind::Check, "E21");
}
