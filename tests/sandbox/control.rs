//! The control endpoint: the same levers for tests in other languages.

use crate::support::{Answer, Lab, MAYA, read};
use reqwest::Method;
use serde_json::{Value, json};
use stackdeck::sandbox::Options;

async fn controlled() -> Lab {
    Lab::with(Options {
        control: true,
        ..Options::default()
    })
    .await
}

async fn post(lab: &Lab, path: &str, body: Value) -> Answer {
    read(lab.request(Method::POST, path).json(&body)).await
}

async fn get(lab: &Lab, path: &str) -> Answer {
    read(lab.request(Method::GET, path)).await
}

#[tokio::test]
async fn it_exists_only_when_asked_for() {
    let lab = Lab::start().await;
    for path in ["/control/faults", "/control/journal", "/control/clock"] {
        assert_eq!(get(&lab, path).await.status, 404, "{path}");
    }
    assert_eq!(
        post(&lab, "/control/faults", json!({"fault": "all=html"}))
            .await
            .status,
        404
    );
    assert!(lab.world().faults().is_empty());
}

#[tokio::test]
async fn faults_are_listed_added_and_cleared() {
    let lab = controlled().await;
    let added = post(&lab, "/control/faults", json!({"fault": "redeploy=html;count=1"})).await;
    assert_eq!(added.json(), json!({"faults": ["redeploy=html;count=1"]}));
    assert_eq!(get(&lab, "/control/faults").await.json(), added.json());
    let wrong = post(&lab, "/control/faults", json!({"fault": "redeploy=explode"})).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.json()["error"].as_str().unwrap().contains("no effect"));
    read(lab.request(Method::DELETE, "/control/faults")).await;
    assert!(lab.world().faults().is_empty());
}

#[tokio::test]
async fn a_form_from_another_site_is_refused() {
    let lab = controlled().await;
    let form = lab
        .request(Method::POST, "/control/faults")
        .form(&[("fault", "all=html")]);
    assert_eq!(read(form).await.status, 415);
    assert!(lab.world().faults().is_empty());
}

#[tokio::test]
async fn the_clock_is_advanced() {
    let lab = controlled().await;
    let moved = post(&lab, "/control/clock", json!({"advance_seconds": 90}))
        .await
        .json();
    assert_eq!(moved, json!({"now": "2026-03-04T10:01:30Z"}));
    for wrong in [
        json!({"advance_seconds": -1}),
        json!({"advance_seconds": "soon"}),
        json!({"advance_seconds": 1e30}),
    ] {
        assert_eq!(post(&lab, "/control/clock", wrong).await.status, 400);
    }
    assert_eq!(get(&lab, "/control/clock").await.json(), moved);
}

#[tokio::test]
async fn the_journal_is_read_and_forgotten() {
    let lab = controlled().await;
    lab.get("/api/3/stacks?page=2&access_token=secret", &lab.token(MAYA, &[]))
        .await;
    let journal = get(&lab, "/control/journal").await.json();
    let entry = &journal["journal"][0];
    assert_eq!(
        (&entry["operation"], &entry["status"], &entry["person"]),
        (&json!("stacks"), &json!(403), &json!(MAYA))
    );
    assert_eq!(entry["query"], "page=2&access_token=…");
    read(lab.request(Method::DELETE, "/control/journal")).await;
    assert_eq!(lab.world().journal().count("stacks"), 0);
}

#[tokio::test]
async fn a_stack_is_looked_at_and_changed() {
    let lab = controlled().await;
    let uid = lab.stack("Storefront", "production").uid;
    let path = format!("/control/stacks/{uid}");
    let change = json!({
        "status": 2, "health": 4, "maintenance_mode": true, "name": "Other", "fail_next_deploy": true
    });
    let changed = post(&lab, &path, change).await.json();
    assert_eq!(
        (&changed["status"], &changed["health"], &changed["name"]),
        (&json!(2), &json!(4), &json!("Other"))
    );
    assert_eq!(changed["maintenance_mode"], true);
    let operation = changed["deployments"][0]["operation_uid"].as_str().unwrap();
    let token = lab.deployer(MAYA);
    assert_eq!(
        lab.get(&format!("/api/3/operations/{operation}/logs"), &token)
            .await
            .status,
        200
    );
    lab.post(&format!("/api/3/stacks/{uid}/deployments"), &token, &[])
        .await;
    lab.advance(1000.0);
    assert_eq!(get(&lab, &path).await.json()["status"], 2);
    assert_eq!(
        post(&lab, "/control/stacks/none", json!({"status": 1}))
            .await
            .status,
        404
    );
    assert_eq!(post(&lab, &path, json!({"status": "good"})).await.status, 400);
}

#[tokio::test]
async fn tokens_are_revoked_and_the_limit_is_set() {
    let lab = controlled().await;
    let token = lab.deployer(MAYA);
    assert_eq!(
        post(&lab, "/control/rate-limit", json!({"limit": "1/429"}))
            .await
            .json(),
        json!({"limit": "1/429"})
    );
    assert_eq!(lab.get("/api/3/ping/auth", &token).await.status, 200);
    assert_eq!(lab.get("/api/3/ping/auth", &token).await.status, 429);
    assert_eq!(
        post(&lab, "/control/rate-limit", json!({"limit": "lots"}))
            .await
            .status,
        400
    );
    post(&lab, "/control/tokens/revoke", json!({})).await;
    assert_eq!(lab.get("/api/3/ping/auth", &token).await.status, 401);
}
