//! No page says more than Cloud 66, or the ledger with Cloud 66's word in it, has said: busy stacks, cancelled deploys,
//! what is starting, how long it took, what was watched.

use std::time::Duration;

use stackdeck::domain::OperationId;
use stackdeck::sandbox::Status;

use crate::harness::{Browser, Page, TestApp, answered, confirm, id_of, until, with_quick_deploys};

/// A little longer than the list's pace.
const A_TURN: time::Duration = time::Duration::seconds(21);

async fn row(browser: &Browser, uid: &str) -> (String, String, String) {
    let page = browser.get("/").await;
    let part = |name: &str| page.texts(&format!("#{name}-{uid}")).join(" ");
    (part("state"), part("ver"), part("act"))
}

/// Moves Cloud 66's clock and ours by as much.
fn both_clocks(app: &TestApp, by: Duration) {
    app.world().clock().advance(by);
    app.clock.advance(by.try_into().unwrap());
}

async fn ended(app: &TestApp, id: OperationId) {
    let ended = async {
        while !app.ledger().get(id).await.unwrap().unwrap().state.is_end() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), ended).await.unwrap();
}

#[tokio::test]
async fn a_stack_that_is_at_work_is_not_called_by_how_its_last_deploy_ended() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    browser.whole_list().await;
    app.world().change(&uid, |stack| {
        stack.status = Status(2);
        stack.is_busy = true;
    });
    app.clock.advance(A_TURN);
    let stack = browser.get(&format!("/stacks/{uid}")).await;
    assert_eq!(stack.texts(".big-verdict .verdict"), ["Busy"]);
    assert!(
        !stack.text().contains("The last deploy failed"),
        "{}",
        stack.text()
    );
    let (state, ..) = row(&browser, &uid).await;
    assert!(state.starts_with("Busy Cloud 66 is at work on it"), "{state}");
    app.world().change(&uid, |stack| stack.is_busy = false);
    let stack = browser.get(&format!("/stacks/{uid}")).await;
    assert_eq!(stack.texts(".big-verdict .verdict"), ["Deploy failed"]);
}

/// E82
#[tokio::test]
async fn a_cancelled_deploy_is_called_so_on_every_page_and_by_everybody() {
    let app = TestApp::with().deploys_of(Duration::from_secs(30)).start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let other = app.browser();
    other.sign_in("tomas@harbourfinch.example").await;
    other.whole_list().await;
    let asked = confirm(&browser, &uid).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    answered(&app, id_of(&receipt)).await;
    both_clocks(&app, Duration::from_secs(6));
    let running = until(&browser, &receipt, &["Cancel this deploy…"]).await;
    let href = running.attribute("a[href$='/cancel']", "href").unwrap();
    let question = browser.get(&href).await;
    browser.submit(&question, "Cancel deploy").await;
    both_clocks(&app, Duration::from_mins(1));
    until(&browser, &receipt, &["Cloud 66 reports that it was stopped."]).await;
    for browser in [&browser, &other] {
        app.clock.advance(A_TURN);
        let stack = browser.get(&format!("/stacks/{uid}")).await;
        assert_eq!(
            stack.texts(".big-verdict .verdict"),
            ["Cancelled"],
            "{}",
            stack.text()
        );
        assert!(!stack.text().contains("often fails again"), "{}", stack.text());
        assert!(
            stack.texts("ol.history > li")[0].starts_with("Cancelled"),
            "{}",
            stack.text()
        );
        let (state, ..) = row(browser, &uid).await;
        assert!(state.starts_with("Cancelled"), "{state}");
        let name = app.world().stack(&uid).unwrap().name;
        let activity = browser.get("/activity").await;
        let lines = activity.texts("ol.lines > li");
        let line = lines
            .iter()
            .find(|line| line.contains(&name) && line.contains("staging"));
        assert!(line.unwrap().contains("Cancelled"), "{lines:?}");
        let failed = browser
            .get("/activity?result=failed")
            .await
            .texts("ol.lines > li");
        assert!(
            !failed
                .iter()
                .any(|line| line.contains(&name) && line.contains("staging")),
            "{failed:?}"
        );
    }
}

/// A page of the list is open while the deploy is cancelled: its row learns it from the ledger, not from a reload.
#[tokio::test]
async fn an_open_list_is_told_that_a_deploy_was_cancelled_and_after_a_restart_it_is_known() {
    let mut app = TestApp::with().deploys_of(Duration::from_secs(30)).start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let page = browser.whole_list().await;
    let mut stream = browser.follow(&page).await;
    let asked = confirm(&browser, &uid).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    answered(&app, id_of(&receipt)).await;
    both_clocks(&app, Duration::from_secs(6));
    let running = until(&browser, &receipt, &["Cancel this deploy…"]).await;
    let href = running.attribute("a[href$='/cancel']", "href").unwrap();
    browser.submit(&browser.get(&href).await, "Cancel deploy").await;
    both_clocks(&app, Duration::from_mins(1));
    ended(&app, id_of(&receipt)).await;
    app.pass(A_TURN).await;
    stream.until_row(&uid, "Cancelled").await;
    drop(stream);
    app.restart().await;
    let (state, ..) = row(&browser, &uid).await;
    let state = if state.contains("Cancelled") {
        state
    } else {
        browser.whole_list().await;
        row(&browser, &uid).await.0
    };
    assert!(state.starts_with("Cancelled"), "{state}");
}

#[tokio::test]
async fn what_was_accepted_and_has_not_begun_is_starting() {
    let app = TestApp::with().deploys_of(Duration::from_mins(5)).start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let page = browser.whole_list().await;
    app.world().clock().freeze();
    browser.press_in_place(&page, &uid).await;
    let id = app
        .ledger()
        .of_person(app.main_person_id(), 1, None)
        .await
        .unwrap()[0]
        .id;
    answered(&app, id).await;
    let (state, _, action) = row(&browser, &uid).await;
    assert!(state.starts_with("Starting…"), "{state}");
    assert!(action.starts_with("Starting…"), "{action}");
    let stack = browser.get(&format!("/stacks/{uid}")).await;
    assert_eq!(stack.texts(".big-verdict .verdict"), ["Starting…"]);
    assert!(
        browser
            .get("/?state=progress")
            .await
            .body
            .contains(&format!("row-{uid}"))
    );
    // It begins, it ends: from then on it is called what Cloud 66 calls it.
    both_clocks(&app, Duration::from_secs(40));
    let deploying = browser.get(&format!("/stacks/{uid}")).await;
    assert_eq!(deploying.texts(".big-verdict .verdict"), ["Deploying"]);
    app.world().clock().advance(Duration::from_mins(10));
    let healthy = browser.get(&format!("/stacks/{uid}")).await;
    assert_eq!(
        healthy.texts(".big-verdict .verdict"),
        ["Healthy"],
        "{}",
        healthy.text()
    );
}

#[tokio::test]
async fn one_deploy_has_one_duration_and_it_is_cloud_66s() {
    let app = TestApp::with().deploys_of(Duration::from_secs(25)).start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let page = browser.whole_list().await;
    let mut stream = browser.follow(&page).await;
    browser.press_in_place(&page, &uid).await;
    let id = app
        .ledger()
        .of_person(app.main_person_id(), 1, None)
        .await
        .unwrap()[0]
        .id;
    answered(&app, id).await;
    app.pass(time::Duration::seconds(1)).await;
    // We look late: by our clock much more has passed than by Cloud 66's.
    app.world().clock().advance(Duration::from_mins(1));
    app.clock.advance(time::Duration::minutes(4));
    ended(&app, id).await;
    app.pass(time::Duration::seconds(1)).await;
    app.pass(A_TURN).await;
    let stack = app.world().stack(&uid).unwrap();
    let deployment = stack.deployments.last().unwrap();
    // Cloud 66 tells both in whole seconds.
    let took = deployment.finished_at.unwrap().unix_timestamp() - deployment.started_at.unix_timestamp();
    let took = format!("{took} s");
    let told = stream.until("deployed ").await;
    assert!(
        told.data.contains(&format!(" in {took}.")),
        "{took}: {}",
        told.data
    );
    let (state, ..) = row(&browser, &uid).await;
    assert!(state.contains(&format!("Deployed in {took}")), "{state}");
    let receipt = browser.get(&format!("/redeploys/{id}")).await;
    assert!(
        receipt.text().contains(&format!("after {took}.")),
        "{}",
        receipt.text()
    );
    let facts = receipt.texts("dl.facts").join(" ");
    assert!(facts.contains(&format!("Took {took}")), "{facts}");
    let list = browser.get("/redeploys").await;
    assert!(list.texts("ol.lines > li")[0].contains(&took), "{}", list.text());
    let history = browser.get(&format!("/stacks/{uid}")).await;
    assert!(
        history.texts("ol.history > li")[0].contains(&took),
        "{}",
        history.text()
    );
}

#[tokio::test]
async fn what_was_watched_to_its_end_is_not_told_as_missed() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    // A command, on its receipt; the same, on the list; a batch, as its page asks for itself.
    let restart = async |browser: &Browser| -> Page {
        let asked = browser.get(&format!("/stacks/{uid}/actions/restart")).await;
        browser.submit(&asked, "Restart").await
    };
    let receipt = restart(&browser).await;
    let mut stream = browser.follow(&receipt).await;
    stream.until("Cloud 66 reports that it ended well.").await;
    not_away(&app, &browser).await;

    let page = browser.get("/").await;
    let mut stream = browser.follow(&page).await;
    let receipt = restart(&browser).await;
    app.pass(time::Duration::seconds(1)).await;
    ended(&app, id_of(&receipt)).await;
    app.pass(time::Duration::seconds(1)).await;
    stream.until("restart: done").await;
    not_away(&app, &browser).await;

    let check = browser.get(&format!("/redeploys/new?step=check&uid={uid}")).await;
    let batch = browser.submit(&check, "Redeploy 1 stack").await;
    let poll = batch.attribute("#batch", "hx-get").unwrap();
    let poll = browser.address(&poll);
    let end = async {
        while !browser.fetch_as_htmx(&poll).await.text().contains("1 deployed") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), end).await.unwrap();
    not_away(&app, &browser).await;
}

async fn not_away(app: &TestApp, browser: &Browser) {
    app.clock.advance(time::Duration::seconds(6));
    let told = browser.get("/settings").await.texts(".note").join(" ");
    assert!(!told.contains("While you were away"), "{told}");
}

#[tokio::test]
async fn a_commit_that_was_asked_for_by_its_hash_is_written_once() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let old = app.world().deployments(&uid)[0].git_hash.clone().unwrap();
    for git_ref in [old.clone(), old[..7].to_owned()] {
        app.world().change(&uid, |stack| {
            let live = stack.deployments.iter_mut().find(|one| one.is_live).unwrap();
            live.git_ref = Some(git_ref.clone());
            live.git_hash = Some(old.clone());
            stack.last_activity = Some(stack.last_activity.unwrap() + time::Duration::seconds(1));
        });
        app.clock.advance(A_TURN);
        browser.whole_list().await;
        let stack = browser.get(&format!("/stacks/{uid}")).await;
        let (_, version, _) = row(&browser, &uid).await;
        assert_eq!(version.matches(&old[..7]).count(), 1, "{version}");
        assert!(!version.contains(" @ "), "{version}");
        let lines = stack.texts("ol.history > li.is-live .l-ver");
        assert_eq!(lines[0].matches(&old[..7]).count(), 1, "{lines:?}");
    }
}

#[tokio::test]
async fn a_commands_receipt_has_nothing_of_a_deploy() {
    let app = TestApp::with().deploys_of(Duration::from_secs(30)).start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    browser.get(&format!("/stacks/{uid}")).await;
    let asked = browser
        .get(&format!("/stacks/{uid}/actions/maintenance-on"))
        .await;
    let receipt = browser.submit(&asked, "Turn on maintenance").await;
    answered(&app, id_of(&receipt)).await;
    app.clock.advance(time::Duration::seconds(6));
    let running = until(&browser, &receipt, &["Running"]).await;
    assert!(!running.text().contains("usually"), "{}", running.text());
    let (state, _, action) = row(&browser, &uid).await;
    assert!(
        !state.contains("Deploying") && !action.contains("Deploying"),
        "{state} {action}"
    );
    both_clocks(&app, Duration::from_mins(10));
    let end = until(&browser, &receipt, &["Cloud 66 reports that it ended well."]).await;
    for words in ["Ran before", "Changes", "Commit", "Deployed"] {
        let body = end.texts("#receipt").join(" ");
        assert!(!body.contains(words), "{words}: {body}");
    }
    assert!(
        end.texts("ol.times > li").join(" ").contains("Done"),
        "{}",
        end.text()
    );
}

#[tokio::test]
async fn activity_that_is_opened_after_a_press_has_it() {
    let app = TestApp::with().deploys_of(Duration::from_mins(5)).start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let page = browser.whole_list().await;
    app.world().clock().freeze();
    browser.press_in_place(&page, &uid).await;
    let row = app
        .ledger()
        .of_person(app.main_person_id(), 1, None)
        .await
        .unwrap();
    let id = row[0].id;
    answered(&app, id).await;
    let first = |page: &Page| page.texts("ol.lines > li")[0].clone();
    let activity = browser.get("/activity").await;
    let line = first(&activity);
    let name = app.world().stack(&uid).unwrap().name;
    let person = app.world().main_person().unwrap().name;
    for words in [&name, "staging", &person] {
        assert!(line.contains(words), "{words}: {line}");
    }
    // By then the worker may have been told that it runs.
    let is_under_way = ["Accepted", "Deploying"].iter().any(|words| line.contains(words));
    assert!(is_under_way, "{line}");
    let link = format!("ol.lines > li:first-child a[href='/redeploys/{id}']");
    assert!(activity.attribute(&link, "href").is_some(), "{}", activity.body);
    let filtered = browser.get("/activity?env=production").await;
    assert!(filtered.attribute(&link, "href").is_none(), "{}", filtered.text());
    let failed = browser.get("/activity?result=failed").await.text();
    assert!(!failed.contains("Accepted"), "{failed}");
    // Once Cloud 66 tells of the deployment, it stands there once.
    both_clocks(&app, Duration::from_secs(40));
    browser.get(&format!("/stacks/{uid}")).await;
    let activity = browser.get("/activity").await;
    let lines = activity.texts("ol.lines > li");
    let running =
        |line: &&String| line.contains(&name) && line.contains("staging") && line.contains("Deploying");
    assert_eq!(lines.iter().filter(running).count(), 1, "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("Accepted")), "{lines:?}");
}
