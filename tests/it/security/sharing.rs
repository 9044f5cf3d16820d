//! One person's press is theirs alone: nobody's requests, senders or polls are used up by somebody else's, and settings
//! that were tightened hold for those who are signed in.

use std::time::Duration as Real;

use reqwest::StatusCode;
use stackdeck::domain::RedeployState;
use time::Duration;

use crate::harness::{Cases, TestApp, answered, confirm, id_of};

/// Stacks that the main person and the other one may both deploy.
fn shared_stacks(app: &TestApp) -> Vec<String> {
    let theirs = app.world().visible_to(&app.other_person());
    let quiet = theirs
        .into_iter()
        .filter(|stack| stack.status.0 == 1 && !stack.is_busy && !stack.always_fails);
    quiet.map(|stack| stack.uid).collect()
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let reached = async {
        while !holds().await {
            tokio::time::sleep(Real::from_millis(2)).await;
        }
    };
    assert!(
        tokio::time::timeout(Real::from_mins(5), reached).await.is_ok(),
        "never: {what}"
    );
}

#[tokio::test]
async fn made_up_cancels_are_asked_with_ones_own_token_and_never_sent() {
    let cases = Cases::of("sharing", "cancels");
    let case = cases.case("A85");
    let app = TestApp::with().deploys_of(Real::from_hours(1)).start().await;
    let (main, other) = (app.main_person(), app.browser());
    let uid = shared_stacks(&app).first().unwrap().clone();
    // Taken by Cloud 66, and not known which deployment it became.
    let theirs = app.ask_as(&main, &uid, 1).await;
    answered(&app, theirs).await;
    // Nobody polls it any more, so that every request in its owner's name would be the cancels'.
    until("not polled", async || {
        app.sql(
            "UPDATE redeploys SET next_look_at_ms = NULL, deployment = NULL \
             WHERE next_look_at_ms < strftime('%s', 'now') * 1000 + 20000",
        )
        .await;
        app.number("SELECT count(*) FROM redeploys WHERE next_look_at_ms IS NULL")
            .await
            == 1
    })
    .await;
    other.sign_in(&app.other_person()).await;
    let asked = other.get(&format!("/stacks/{uid}/actions/restart")).await;
    app.world().clear_journal();
    for number in 0..30 {
        case.input();
        let mut form = asked.form("Restart").without("op");
        let made_up = 9_000_000 + number;
        form.action = other.address(&format!("/stacks/{uid}/deployments/{made_up}/cancel"));
        let answer = other.send_once(&form).await;
        case.same(
            answer.status,
            StatusCode::NOT_FOUND,
            "a deployment that nobody has",
        );
    }
    let journal = app.world().journal();
    let in_their_name = journal
        .entries()
        .iter()
        .filter(|entry| entry.person.as_deref() == Some(&main))
        .count();
    case.same(in_their_name, 0, "requests in somebody else's name");
    case.same(
        journal.count("cancel"),
        0,
        "Cloud 66 is not asked to cancel what it does not list",
    );

    // A real one is found to be theirs all the same, with the token of who cancels.
    app.world().clock().advance(Real::from_secs(5));
    let stack = other.get(&format!("/stacks/{uid}")).await;
    let question = other
        .get(&stack.attribute("a[href$='/cancel']", "href").unwrap())
        .await;
    app.world().clear_journal();
    other.submit(&question, "Cancel deploy").await;
    let journal = app.world().journal();
    case.same(journal.count("cancel"), 1, "asked once");
    let others_alone = journal
        .entries()
        .iter()
        .all(|entry| entry.person.as_deref() != Some(&main));
    case.check(others_alone, "with the token of who cancels");
    let row = app.ledger().get(theirs).await.unwrap().unwrap();
    case.check(
        row.cancel_requested_at.is_some(),
        "noted on the receipt of who asked for it",
    );
}

#[tokio::test]
async fn one_persons_slow_account_holds_nobody_elses_click() {
    let cases = Cases::of("sharing", "senders");
    let case = cases.case("E86");
    let app = TestApp::with().patient().start().await;
    let (main, other) = (app.main_person(), app.browser());
    other.sign_in(&app.other_person()).await;
    let uid = shared_stacks(&app).first().unwrap().clone();
    let page = confirm(&other, &uid).await;
    app.world()
        .add_fault(format!("redeploy=no-answer-before;by={main}").parse().unwrap());
    let stacks = app.stacks();
    let slow: Vec<_> = stacks.iter().filter(|stack| stack.uid != uid).take(20).collect();
    for (number, stack) in slow.iter().enumerate() {
        app.ask_as(&main, &stack.uid, number as u128 + 1).await;
    }
    let receipt = other.send(page.form("Redeploy").set("queue_ok", "yes")).await;
    answered(&app, id_of(&receipt)).await;
    let (mut sending, mut waiting) = (0, 0);
    for number in 1..=slow.len() {
        let row = app.ledger().get((number as u128).into()).await.unwrap().unwrap();
        match row.state {
            RedeployState::Sending => sending += 1,
            RedeployState::Requested => waiting += 1,
            other => panic!("{other:?}"),
        }
    }
    case.check(sending > 0, "the slow ones are on their way");
    case.check(
        waiting > 0,
        "and most of them wait, while somebody else's was sent and answered",
    );
}

#[tokio::test]
async fn a_slow_account_holds_nobody_elses_polls() {
    let cases = Cases::of("sharing", "polls");
    let case = cases.case("E86");
    let app = TestApp::with().patient().quick_deploys().start().await;
    let (main, other) = (app.main_person(), app.other_person());
    let shared = shared_stacks(&app).first().unwrap().clone();
    let stacks = app.stacks();
    let slow: Vec<_> = stacks
        .iter()
        .filter(|stack| stack.uid != shared)
        .take(36)
        .collect();
    let silent = format!("actions=no-answer-before;by={main}");
    app.world().add_fault(silent.parse().unwrap());
    for (number, stack) in slow.iter().enumerate() {
        app.ask_as(&main, &stack.uid, number as u128 + 1).await;
    }
    for number in 1..=slow.len() {
        answered(&app, (number as u128).into()).await;
    }
    let theirs = app.ask_as(&other, &shared, 1_000).await;
    until("the other's end", async || {
        app.clock.advance(Duration::milliseconds(50));
        app.ledger().get(theirs).await.unwrap().unwrap().state.is_end()
    })
    .await;
    case.check(
        true,
        "somebody else is told the end while the slow account's polls hang",
    );
}

#[tokio::test]
async fn following_many_stacks_lasts_for_the_hour_and_each_is_told_its_end() {
    let cases = Cases::of("sharing", "hour");
    let case = cases.case("U85");
    let app = TestApp::with()
        .still()
        .deploys_of(Real::from_mins(8))
        .start()
        .await;
    app.world().set_rate_limit("1000".parse().unwrap());
    let main = app.main_person();
    let stacks = app.stacks();
    // Deploys of the others wait for what Cloud 66 is doing with them, or are refused.
    let stacks: Vec<_> = stacks
        .iter()
        .filter(|stack| stack.status.0 == 1 && !stack.is_busy)
        .collect();
    for (number, stack) in stacks.iter().enumerate() {
        app.ask_as(&main, &stack.uid, number as u128 + 1).await;
    }
    for number in 1..=stacks.len() {
        answered(&app, (number as u128).into()).await;
    }
    let budget = app.app().watchers().budget(app.main_person_id());
    let mut steps = 0;
    while app
        .number("SELECT count(*) FROM redeploys WHERE finished_at_ms IS NULL")
        .await
        > 0
    {
        case.check(steps < 240, "all are told their end within forty minutes");
        steps += 1;
        app.pass_and_poll(Real::from_secs(10)).await;
        let usage = budget.usage();
        case.check(
            usage.remaining > usage.limit / 10,
            format!("{usage:?} after {steps} steps"),
        );
    }
    let ended = app
        .number("SELECT count(*) FROM redeploys WHERE state IN ('succeeded', 'failed')")
        .await;
    case.same(
        usize::try_from(ended).unwrap(),
        stacks.len(),
        "all have ended by Cloud 66's word",
    );
}

#[tokio::test]
async fn one_read_of_a_stacks_actions_serves_all_of_its_redeploys() {
    let cases = Cases::of("sharing", "reads");
    let case = cases.case("U86");
    let app = TestApp::with()
        .still()
        .deploys_of(Real::from_hours(1))
        .start()
        .await;
    let main = app.main_person();
    let uid = app.quiet_stack("staging");
    for number in 1..=5 {
        let id = app.ask_as(&main, &uid, number).await;
        answered(&app, id).await;
    }
    let step = async || app.pass_and_poll(Real::from_secs(5)).await;
    // From their first polls on they have common times.
    step().await;
    step().await;
    let polls = async || app.number("SELECT sum(looks) FROM redeploys").await;
    app.world().clear_journal();
    let before = polls().await;
    for _ in 0..12 {
        step().await;
    }
    let (polls, reads) = (polls().await - before, app.world().journal().count("actions"));
    case.check(reads > 0, "it is polled");
    case.check(
        polls >= 3 * i64::try_from(reads).unwrap(),
        format!("{reads} reads served {polls} polls"),
    );
    case.same(
        app.world().journal().count("action"),
        0,
        "none is asked for alone",
    );
}
