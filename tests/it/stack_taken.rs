//! A press on a stack whose earlier request has no answer yet: nothing is sent, and the page says what stood in the
//! way.

use reqwest::StatusCode;
use stackdeck::domain::{OperationId, RedeployState};

use crate::harness::{Browser, Page, TestApp, answered, confirm, id_of};

/// A stack that the main person and the other one may both deploy.
fn shared_stacks(app: &TestApp) -> Vec<String> {
    let theirs = app.world().visible_to(&app.other_person());
    let quiet = theirs.into_iter().filter(|stack| {
        (stack.status.0, stack.health.0, stack.is_busy) == (1, 3, false)
            && stack.environment == "staging"
            && stack.framework != "docker"
            && !stack.maintenance_mode
            && !stack.always_fails
    });
    quiet.map(|stack| stack.uid).collect()
}

async fn of_other(app: &TestApp) -> Browser {
    let other = app.browser();
    other.sign_in(&app.other_person()).await;
    other
}

/// Lets Cloud 66 carry the next redeploy out, answer nothing, and give no actions.
fn no_answer_and_no_actions(app: &TestApp) {
    app.world()
        .add_fault("redeploy=close-after;count=1".parse().unwrap());
    app.world().add_fault("actions=status:500".parse().unwrap());
}

/// Waits until a redeploy is in this state.
async fn in_state(app: &TestApp, id: OperationId, state: RedeployState) {
    let reached = async {
        while app.ledger().get(id).await.unwrap().unwrap().state != state {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(2), reached)
        .await
        .unwrap();
}

fn sent_by(app: &TestApp, person: &str) -> usize {
    let journal = app.world().journal();
    journal
        .of("redeploy")
        .filter(|entry| entry.person.as_deref() == Some(person))
        .count()
}

/// The main person's redeploy without an answer, whose token is revoked, and the other person's confirm page.
async fn held_by_main(app: &TestApp, other: &Browser) -> (OperationId, Page) {
    let main = app.signed_in().await;
    let uid = shared_stacks(app).first().unwrap().clone();
    let asked = confirm(&main, &uid).await;
    let theirs = confirm(other, &uid).await;
    no_answer_and_no_actions(app);
    let receipt = main.submit(&asked, "Redeploy staging").await;
    let id = id_of(&receipt);
    in_state(app, id, RedeployState::Unknown).await;
    app.world().revoke_tokens_of(&app.main_person());
    (id, theirs)
}

/// Case E85.
#[tokio::test]
async fn somebody_elses_unanswered_request_is_named_and_the_press_is_not_sent() {
    let app = TestApp::start().await;
    let other = of_other(&app).await;
    let (id, theirs) = held_by_main(&app, &other).await;
    let answer = other.submit(&theirs, "Redeploy staging").await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text());
    let name = app.world().main_person().unwrap().name;
    for words in [
        format!("{name} asked to redeploy it"),
        "Cloud 66 has not answered.".to_owned(),
        "Your redeploy was not sent.".to_owned(),
    ] {
        assert!(answer.text().contains(&words), "{words}: {}", answer.text());
    }
    assert!(
        !answer.body.contains(&format!("/redeploys/{id}")),
        "no link to a receipt that is somebody else's"
    );
    assert_eq!(sent_by(&app, &app.other_person()), 0);

    // The token that it was asked for with is dead. The second press finds the answer with its own.
    app.world().clear_faults();
    let again = other.get(&answer.attribute(".buttons a", "href").unwrap()).await;
    let receipt = other.submit(&again, "Redeploy staging").await;
    assert!(
        receipt.url.path().starts_with("/redeploys/"),
        "{}",
        receipt.text()
    );
    assert_ne!(id_of(&receipt), id);
    answered(&app, id_of(&receipt)).await;
    assert_eq!(sent_by(&app, &app.other_person()), 1);
    let row = app.ledger().get(id).await.unwrap().unwrap();
    assert!(!row.state.is_unanswered(), "{:?}", row.state);
}

/// Case E85.
#[tokio::test]
async fn the_look_up_goes_on_with_the_token_of_who_pressed() {
    let app = TestApp::start().await;
    let other = of_other(&app).await;
    let (id, theirs) = held_by_main(&app, &other).await;
    let answer = other.submit(&theirs, "Redeploy staging").await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text());
    app.world().clear_faults();
    app.world().clear_journal();
    // The next look-up is due within half a minute, nobody presses.
    app.clock.advance(time::Duration::seconds(31));
    in_state(&app, id, RedeployState::Accepted).await;
    let journal = app.world().journal();
    let mut taken = journal.of("actions").filter(|entry| entry.status == Some(200));
    assert!(
        taken.all(|entry| entry.person.as_deref() == Some(&app.other_person())),
        "{:?}",
        journal.entries()
    );
}

/// Case E85.
#[tokio::test]
async fn ones_own_earlier_request_is_called_what_it_is() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    app.world()
        .add_fault("run-action=close-before;count=1".parse().unwrap());
    app.world().add_fault("actions=status:500".parse().unwrap());
    let restart = browser.get(&format!("/stacks/{uid}/actions/restart")).await;
    let redeploy = browser
        .get(&format!("/stacks/{uid}/redeploy?git_ref=release%2F2"))
        .await;
    let receipt = browser.submit(&restart, "Restart").await;
    let id = id_of(&receipt);
    in_state(&app, id, RedeployState::Unknown).await;
    let answer = browser.submit(&redeploy, "Redeploy staging").await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text());
    for words in [
        "You asked to restart it",
        "Your redeploy of release/2 was not sent.",
    ] {
        assert!(answer.text().contains(words), "{words}: {}", answer.text());
    }
    assert!(answer.body.contains(&format!("/redeploys/{id}")));

    // In the list, without leaving it.
    let list = browser.get("/").await;
    let note = browser.press_in_place(&list, &uid).await;
    assert!(
        note.body.contains("not sent. You had asked to restart it at"),
        "{}",
        note.body
    );
    assert_eq!(app.world().journal().count("redeploy"), 0);
}

/// Case E85.
#[tokio::test]
async fn another_ref_is_not_shown_as_the_first_ones_receipt() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    no_answer_and_no_actions(&app);
    let of = async |git_ref: &str| {
        let page = browser
            .get(&format!("/stacks/{uid}/redeploy?git_ref={git_ref}"))
            .await;
        browser.submit(&page, "Redeploy staging").await
    };
    let first = of("v1").await;
    in_state(&app, id_of(&first), RedeployState::Unknown).await;
    let second = of("v2").await;
    assert_eq!(second.status, StatusCode::CONFLICT, "{}", second.text());
    assert!(
        second.text().contains("Your redeploy of v2 was not sent."),
        "{}",
        second.text()
    );
    let same = of("v1").await;
    assert_eq!(
        same.url.path(),
        first.url.path(),
        "the same once more is the same request"
    );
    assert_eq!(app.world().journal().count("redeploy"), 1);
}

/// Case E87.
#[tokio::test]
async fn a_batch_says_of_each_stack_why_it_was_left_out() {
    let app = TestApp::start().await;
    let (main, other) = (app.signed_in().await, of_other(&app).await);
    let uids = shared_stacks(&app);
    let [theirs, own, gone, fine] = [&uids[0], &uids[1], &uids[2], &uids[3]];
    let others_page = confirm(&other, theirs).await;
    let restart = main.get(&format!("/stacks/{own}/actions/restart")).await;
    let chosen = uids[..4].join("&uid=");
    let check = main.get(&format!("/redeploys/new?step=check&uid={chosen}")).await;
    no_answer_and_no_actions(&app);
    app.world()
        .add_fault("run-action=close-before;count=1".parse().unwrap());
    let receipt = other.submit(&others_page, "Redeploy staging").await;
    in_state(&app, id_of(&receipt), RedeployState::Unknown).await;
    let receipt = main.submit(&restart, "Restart").await;
    in_state(&app, id_of(&receipt), RedeployState::Unknown).await;
    app.world().remove_stack(gone);
    // The list that the app remembers is older than it believes.
    app.clock.advance(time::Duration::minutes(3));
    let batch = main.submit(&check, "Redeploy 4 stacks").await;
    let name = app.world().person(&app.other_person()).unwrap().name;
    let lines = batch.texts(".line.warn").join("\n");
    for words in [
        format!("{name} had asked to redeploy it at"),
        "You had asked to restart it at".to_owned(),
        format!("The stack {gone} was left out: it is not among your stacks any more."),
    ] {
        assert!(lines.contains(&words), "{words}:\n{lines}");
    }
    assert_eq!(batch.texts(".line.warn").len(), 3, "{lines}");
    let sent = batch.texts("ol.lines > li");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(
        sent[0].contains(&app.world().stack(fine).unwrap().name),
        "{sent:?}"
    );
    // An open page reloads itself with the reasons, and so does whoever comes back.
    let here = batch.attribute("#batch", "hx-get").unwrap();
    let again = main.get(&here).await;
    assert_eq!(again.texts(".line.warn").join("\n"), lines);
}
