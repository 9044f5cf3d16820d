//! An old intention is not an order: what was asked for long ago, before a start, or in a backup is asked for at Cloud
//! 66 before anything of it is sent.

use std::path::PathBuf;
use std::time::Duration;

use stackdeck::domain::redeploy::Before;
use stackdeck::domain::{AccessToken, Command, OperationId, Reason, RedeployOptions, RedeployState};
use stackdeck::sandbox::Scope;
use stackdeck::store::NewRedeploy;

use crate::harness::{TestApp, with_quick_deploys};

/// Writes down, beside an app that does not run, what its main person asks for: one redeploy each of so many stacks.
async fn asked_for(app: &TestApp, count: usize, batch: Option<OperationId>) -> Vec<OperationId> {
    let person = app.world().main_person().unwrap();
    let token = app
        .world()
        .issue_token(&person.email, &[Scope::Public, Scope::Redeploy])
        .unwrap();
    let stacks = app.stacks();
    let quiet = stacks
        .iter()
        .filter(|stack| stack.status == 1 && !stack.is_busy && !stack.always_fails);
    let store = app.store().await;
    let mut asked = Vec::new();
    for (n, stack) in quiet.take(count).enumerate() {
        let id = OperationId::from(100 + n as u128);
        let new = NewRedeploy {
            id,
            command: Command::Redeploy,
            stack: stack.uid.parse().unwrap(),
            stack_name: stack.name.clone(),
            environment: stack.environment.clone(),
            asked_by: app.main_person_id(),
            asked_by_name: person.name.clone(),
            options: RedeployOptions::default(),
            before: Before::default(),
            token: AccessToken::new(token.clone()),
            batch,
            form_made_at: app.clock.clock().now(),
        };
        store.ledger().request(new).await.unwrap();
        asked.push(id);
    }
    store.close().await;
    assert_eq!(asked.len(), count);
    asked
}

async fn ends(app: &TestApp, ids: &[OperationId]) -> Vec<(RedeployState, Option<Reason>)> {
    let all = async {
        let mut ends = Vec::new();
        for id in ids {
            loop {
                let row = app.ledger().get(*id).await.unwrap().unwrap();
                if row.state.is_end() {
                    ends.push((row.state, row.reason));
                    break;
                }
                app.let_pass(time::Duration::seconds(1)).await;
            }
        }
        ends
    };
    tokio::time::timeout(Duration::from_mins(3), all).await.unwrap()
}

/// Case E61.
#[tokio::test]
async fn what_was_asked_for_ten_hours_before_the_start_is_not_sent_and_says_so() {
    let mut app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    app.crash();
    let asked = asked_for(&app, 1, None).await;
    app.clock.advance(time::Duration::hours(10));
    app.restart().await;
    assert_eq!(
        ends(&app, &asked).await,
        [(RedeployState::Refused, Some(Reason::TooLate))]
    );
    assert_eq!(app.world().journal().count("redeploy"), 0);
    let receipt = browser.get(&format!("/redeploys/{}", asked[0])).await;
    assert!(receipt.text().contains("not sent in time"), "{}", receipt.text());
    assert!(receipt.text().contains("Nothing was sent"), "{}", receipt.text());
}

/// Case E61: Cloud 66 is away when it is to be asked.
#[tokio::test]
async fn what_is_late_waits_for_cloud66_to_be_asked_and_is_not_sent_when_it_is_back() {
    let mut app = with_quick_deploys().await;
    app.crash();
    let asked = asked_for(&app, 1, None).await;
    app.clock.advance(time::Duration::minutes(3));
    app.world()
        .add_fault("actions=status:502;count=9".parse().unwrap());
    app.restart().await;
    // Three questions of three tries each.
    for _ in 0..3 {
        let before = app.world().journal().count("actions");
        while app.world().journal().count("actions") < before + 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let row = app.ledger().get(asked[0]).await.unwrap().unwrap();
        assert_eq!(row.state, RedeployState::Requested);
        app.clock.advance(time::Duration::minutes(1));
    }
    assert_eq!(ends(&app, &asked).await[0].1, Some(Reason::TooLate));
    assert_eq!(app.world().journal().count("redeploy"), 0);
}

/// Case E62.
#[tokio::test]
async fn the_rest_of_a_batch_is_not_sent_twenty_hours_later() {
    let mut app = with_quick_deploys().await;
    app.crash();
    let asked = asked_for(&app, 8, Some(OperationId::from(7))).await;
    app.world().add_fault("redeploy=delay:0.3".parse().unwrap());
    app.restart().await;
    while app.world().journal().count("redeploy") < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    app.crash();
    let store = app.store().await;
    let mut waiting = 0;
    for id in &asked {
        let row = store.ledger().get(*id).await.unwrap().unwrap();
        waiting += usize::from(row.state == RedeployState::Requested);
    }
    store.close().await;
    assert!((1..=5).contains(&waiting), "{waiting}");
    app.clock.advance(time::Duration::hours(20));
    app.restart().await;
    let ends = ends(&app, &asked).await;
    let late = (RedeployState::Refused, Some(Reason::TooLate));
    assert_eq!(
        ends.iter().filter(|end| **end == late).count(),
        waiting,
        "{ends:?}"
    );
    let sent = app.world().journal().count("redeploy");
    assert!(
        sent <= 8 - waiting,
        "{sent} of 8 went out, and {waiting} were waiting"
    );
}

/// Case E62: a batch that goes on is not late, however long all of it takes.
#[tokio::test]
async fn a_batch_that_takes_long_is_sent_to_its_end() {
    let mut app = with_quick_deploys().await;
    app.crash();
    let asked = asked_for(&app, 5, Some(OperationId::from(7))).await;
    app.restart().await;
    for sent in 1..=5 {
        while app.world().journal().count("redeploy") < sent {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // A minute and a half for each, seven and a half in all.
        app.clock.advance(time::Duration::seconds(50));
    }
    let ends = ends(&app, &asked).await;
    assert!(
        ends.iter().all(|(state, _)| *state == RedeployState::Succeeded),
        "{ends:?}"
    );
}

/// Case E63.
#[tokio::test]
async fn after_a_short_restart_cloud66_is_asked_first_and_then_it_is_sent() {
    let mut app = with_quick_deploys().await;
    app.crash();
    let asked = asked_for(&app, 2, None).await;
    app.restart().await;
    let ends = ends(&app, &asked).await;
    assert!(
        ends.iter().all(|(state, _)| *state == RedeployState::Succeeded),
        "{ends:?}"
    );
    let journal = app.world().journal();
    assert_eq!(journal.count("redeploy"), 2);
    for sent in journal.of("redeploy") {
        let (stack, _) = sent.path.rsplit_once('/').unwrap();
        let asked_at = journal
            .of("actions")
            .find(|entry| entry.path.starts_with(stack))
            .unwrap()
            .at;
        assert!(asked_at <= sent.at, "asked before it was sent");
    }
}

/// Case D64: within two minutes, so that nothing but the question keeps it from being sent.
#[tokio::test]
async fn a_backup_of_before_it_was_sent_sends_nothing_again() {
    let mut app = with_quick_deploys().await;
    app.crash();
    let asked = asked_for(&app, 6, Some(OperationId::from(7))).await;
    let backup = copy(&app);
    app.restart().await;
    ends(&app, &asked).await;
    assert_eq!(app.world().journal().count("redeploy"), 6);
    app.stop().await;
    for file in app.database_files() {
        std::fs::remove_file(file).unwrap();
    }
    for (saved, place) in backup {
        std::fs::write(&place, saved).unwrap();
        make_private(&place);
    }
    app.restart().await;
    let ends = ends(&app, &asked).await;
    assert!(
        ends.iter().all(|(state, _)| *state == RedeployState::Succeeded),
        "found: {ends:?}"
    );
    assert_eq!(app.world().journal().count("redeploy"), 6, "none a second time");
}

/// The database's files, and what is in them, of an app that does not run. What was written last may stand in the
/// second one.
fn copy(app: &TestApp) -> Vec<(Vec<u8>, PathBuf)> {
    let files = app.database_files().into_iter();
    files
        .filter(|file| file.extension().is_some_and(|end| end != "db-shm"))
        .map(|file| (std::fs::read(&file).unwrap(), file))
        .collect()
}

fn make_private(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
