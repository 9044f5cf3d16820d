//! Q: the end of a process, and its start after one. Event streams and single connections: see
//! `tests/connections/shutdown.rs`.

use std::time::Duration;

use super::process::Served;
use super::redeploy::{quiet_stacks, row_form};
use super::storage::Outside;
use super::tally::{Kind, note};
use crate::harness::{Browser, PAUSE, TestApp, looks};
use stackdeck::domain::RedeployState;
use stackdeck::sandbox::Options;

/// The main person of the sandbox's default world.
const MAIN_PERSON: &str = "maya@harbourfinch.example";

/// Q02: what is on its way is waited for, and its answer written down by the one who asked.
#[tokio::test]
async fn a_redeploy_on_its_way_is_waited_for() {
    let mut app = TestApp::with()
        .deploys_of(Duration::from_millis(100))
        .start()
        .await;
    let browser = app.signed_in().await;
    let list = browser.get("/").await;
    app.world().add_fault("redeploy=delay:2;count=1".parse().unwrap());
    let receipt = browser.send_once(&row_form(&list, &quiet_stacks(&app)[0])).await;
    let receipt = app
        .url
        .parse::<url::Url>()
        .unwrap()
        .join(receipt.location())
        .unwrap();
    let id = receipt.path().rsplit('/').next().unwrap().parse().unwrap();
    while app.ledger().get(id).await.unwrap().unwrap().state == RedeployState::Requested {
        tokio::time::sleep(PAUSE).await;
    }
    app.stop().await;
    assert_eq!(app.world().journal().count("redeploy"), 1, "it was cut off");
    app.restart().await;
    let page = browser.get(receipt.path()).await;
    assert!(!page.text().contains("No answer yet"), "{}", page.text());
    assert!(!page.text().contains("It is on its way"), "{}", page.text());
    let journal = app.world().journal();
    // Following it is no look-up: that asks for the reference.
    let looked_up = journal
        .of("actions")
        .filter(|entry| entry.query.contains("user_reference"))
        .count();
    assert_eq!(
        (journal.count("redeploy"), looked_up),
        (1, 0),
        "nothing had to be looked up"
    );
    note(Kind::Fault, "Q02");
}

/// Q03: Cloud 66 does not answer before the request's own time is over, which is shorter than the end waits: the row
/// is left `unknown`, the process ends well, and the next start finds out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_still_unanswered_at_the_end_is_looked_up_after_the_next_start() {
    let options = Options {
        deploy_time: Duration::from_millis(200),
        ..Options::default()
    };
    let mut served = Served::start_with("true", options, &[]).await;
    let browser = Browser::new(&served.url);
    browser.sign_in(MAIN_PERSON).await;
    let world = served.sandbox.world().clone();
    world.add_fault("redeploy=no-answer-after".parse().unwrap());
    world.add_fault("actions=close-before".parse().unwrap());
    let list = browser.get("/?q=env%3Astaging+state%3Ahealthy").await;
    let path = list.attribute("ul.stacks a[href$='/redeploy']", "href").unwrap();
    let confirm = browser.get(&path).await;
    browser.send_once(&confirm.form("Redeploy staging")).await;
    world.wait_for("redeploy", 1).await;
    served.signal("TERM");
    let ended = tokio::task::spawn_blocking(move || (served.wait(), served));
    let (status, mut served) = ended.await.unwrap();
    assert!(status.success(), "{status}");
    let database = Outside::at(&served.folder.path().join("stackdeck.db"));
    assert_eq!(database.text("SELECT state FROM redeploys").await, "unknown");
    note(Kind::Fault, "Q03");

    world.clear_faults();
    served.start_again().await;
    while database.text("SELECT state FROM redeploys").await != "succeeded" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.journal().count("redeploy"), 1);
    let receipt = database.text("SELECT '/redeploys/' || id FROM redeploys").await;
    let page = browser.get(&receipt).await;
    assert!(page.text().contains("Deployed"), "{}", page.text());
    note(Kind::Check, "Q03");
}

/// Q04: a second signal does not wait; what was on its way is for the next start to look up.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let mut served = Served::start_with("true", Options::default(), &[]).await;
    let browser = Browser::new(&served.url);
    browser.sign_in(MAIN_PERSON).await;
    served
        .sandbox
        .world()
        .add_fault("redeploy=no-answer-after".parse().unwrap());
    let list = browser.get("/?q=env%3Astaging+state%3Ahealthy").await;
    let path = list.attribute("ul.stacks a[href$='/redeploy']", "href").unwrap();
    let confirm = browser.get(&path).await;
    browser.send_once(&confirm.form("Redeploy staging")).await;
    served.sandbox.world().wait_for("redeploy", 1).await;
    served.signal("TERM");
    // It goes on waiting for the answer: the signal alone does not end it.
    while tokio::net::TcpStream::connect(served.address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    served.signal("TERM");
    assert_eq!(served.wait().code(), Some(1));
    assert_eq!(served.sandbox.world().journal().count("redeploy"), 1);
    note(Kind::Fault, "Q04");
}

/// Q05: no new request is taken, and the one under way is finished.
#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_nothing_new_is_taken_and_what_is_under_way_is_finished() {
    let mut served = Served::start_with("true", Options::default(), &[]).await;
    let browser = Browser::new(&served.url);
    browser.begin_sign_in().await;
    served
        .sandbox
        .world()
        .add_fault("stacks=delay:2;count=1".parse().unwrap());
    let page = browser.sign_in(MAIN_PERSON);
    let ending = async {
        // Until the list is being answered: the fault is used up when it is asked for.
        while !served.sandbox.world().faults().is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
        served.signal("TERM");
        while tokio::net::TcpStream::connect(served.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (page, ()) = tokio::join!(page, ending);
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(served.wait().success());
    note(Kind::Check, "Q05");
}

/// Q06: a thousand rows that a crash left behind are looked up within the person's hour, and none is sent.
#[tokio::test]
async fn a_thousand_rows_left_behind_are_looked_up_within_the_quota() {
    const ROWS: u32 = 1_000;
    let mut app = TestApp::start().await;
    let browser = app.signed_in().await;
    browser.get("/").await;
    let token = app.world().tokens().pop().unwrap().value;
    app.stop().await;
    let person = app.leave_behind(ROWS, &token).await;
    assert!(person > 0);
    app.world().clear_journal();
    // An hour that is soon used up; a tenth of it is more than are asked at a time.
    app.world().set_rate_limit("400".parse().unwrap());
    app.restart().await;
    // Past the leases, and well into the time of looking up, all within one hour of the app's clock.
    app.clock.advance(time::Duration::seconds(61));
    for _ in 0..150 {
        app.let_pass(time::Duration::seconds(10)).await;
    }
    let journal = app.world().journal();
    assert_eq!(journal.count("redeploy"), 0, "a row was sent again");
    let asked = journal.count("actions");
    let refused = journal
        .of("actions")
        .filter(|entry| entry.status == Some(503))
        .count();
    assert!(asked > 200, "looked up {asked} times");
    assert_eq!(refused, 0, "of {asked}: it was asked until Cloud 66 refused");
    note(Kind::Check, "Q06");
}

/// Q07: restarts under load lose no redeploy, and a sign-in in progress survives them.
#[tokio::test]
async fn restarts_under_load_lose_nothing() {
    let mut app = TestApp::with()
        .sandbox(|options| {
            options.deploy_time = Duration::from_millis(100);
            options.stacks = Some(100);
        })
        .start()
        .await;
    let browser = app.signed_in().await;
    let newcomer = app.browser();
    let consent = newcomer.begin_sign_in().await;
    let stacks = quiet_stacks(&app);
    let mut receipts = Vec::new();
    for uid in stacks.iter().take(5) {
        let list = browser.get("/").await;
        receipts.push(browser.send_once(&row_form(&list, uid)).await.headers["location"].clone());
        app.restart().await;
    }
    for receipt in receipts {
        let path = receipt.to_str().unwrap();
        let mut page = browser.get(path).await;
        for () in looks() {
            if page.text().contains("Deployed") {
                break;
            }
            app.let_pass(time::Duration::seconds(1)).await;
            page = browser.get(path).await;
        }
        assert!(page.text().contains("Deployed"), "{}", page.text());
        note(Kind::Fault, "Q07");
    }
    assert_eq!(app.world().journal().count("redeploy"), 5);
    let other = app.other_person();
    let page = newcomer.allow(consent, &other).await;
    assert!(!page.texts("ul.stacks > li").is_empty(), "{}", page.text());
}
