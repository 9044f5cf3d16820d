//! A redeploy that waits behind another one: what becomes of the first is not told of the second.

use std::time::Duration;

use reqwest::StatusCode;
use stackdeck::domain::Redeploy;

use crate::harness::{TestApp, id_of, looks};

/// Presses Redeploy on a stack on which somebody else's deploy has just begun, lets ours fail, and waits for its end.
async fn behind_a_deploy_that_succeeds(app: &TestApp) -> Redeploy {
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    // The page is older than the other deploy, so that this is newer than all that was known.
    let page = browser.get(&format!("/stacks/{uid}/redeploy")).await;
    app.world()
        .deploy_from_web(&uid, "tomas@harbourfinch.example")
        .unwrap();
    app.world().fail_next_deploy(&uid);
    let receipt = browser
        .send(page.form("Redeploy staging").set("queue_ok", "yes"))
        .await;
    assert_eq!(receipt.status, StatusCode::OK);
    let id = id_of(&receipt);
    for () in looks() {
        let row = app.ledger().get(id).await.unwrap().unwrap();
        if row.state.is_end() {
            return row;
        }
        app.let_pass(time::Duration::seconds(1)).await;
    }
    panic!("it never ended");
}

async fn with_quick_deploys() -> TestApp {
    TestApp::with().deploys_of(Duration::from_secs(2)).start().await
}

#[tokio::test]
async fn it_becomes_its_own_deployment_and_not_the_one_before() {
    let app = with_quick_deploys().await;
    let row = behind_a_deploy_that_succeeds(&app).await;
    assert_eq!(row.state.as_str(), "failed");
    let newest = app.world().stack(&row.stack.to_string()).unwrap();
    let newest = newest.newest().unwrap();
    assert_eq!(row.deployment.map(|id| id.0), i64::try_from(newest.id).ok());
    assert_eq!(row.git_hash, newest.git_hash);
}

#[tokio::test]
async fn without_an_action_id_its_action_is_found_by_the_operation_id() {
    let app = with_quick_deploys().await;
    app.world()
        .add_fault("redeploy=no-action-id;count=1".parse().unwrap());
    let row = behind_a_deploy_that_succeeds(&app).await;
    assert_eq!(row.state.as_str(), "failed", "the other one succeeded");
}
