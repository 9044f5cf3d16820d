//! The 2013 dialect (fact sheet 1.3, 1.4, 4.5, 5.4).

use crate::support::{INGRID, Lab, MAYA, NADIA};
use serde_json::json;
use stackdeck::sandbox::{Options, Scope, Via};

#[tokio::test]
async fn section_1_4_lists_have_a_count_and_no_pages() {
    let lab = Lab::with(Options {
        stacks: Some(70),
        ..Options::default()
    })
    .await;
    let token = lab.token(MAYA, &[Scope::Public]);
    for path in ["/api/2/stacks", "/api/2/stacks.json"] {
        let body = lab.get(path, &token).await.json();
        assert_eq!(body["count"], 70);
        assert_eq!(body["response"].as_array().unwrap().len(), 70);
        assert!(body.get("pagination").is_none());
    }
}

#[tokio::test]
async fn section_1_4_dates_have_an_offset_and_newer_fields_are_missing() {
    let lab = Lab::start().await;
    let token = lab.token(MAYA, &[Scope::Public]);
    let uid = lab.stack("Storefront", "production").uid;
    let stack = lab
        .get(&format!("/api/2/stacks/{uid}.json"), &token)
        .await
        .response();
    for field in ["created_at", "updated_at", "last_activity"] {
        assert!(stack[field].as_str().unwrap().ends_with("+00:00"), "{field}");
    }
    for newer in [
        "created_at_iso",
        "is_busy",
        "cloud_status",
        "account_id",
        "redeploy_hook",
    ] {
        assert!(stack.get(newer).is_none(), "{newer}");
    }
    assert_eq!((&stack["status"], &stack["health"]), (&json!(1), &json!(3)));
}

#[tokio::test]
async fn section_4_5_writes_answer_ok_and_message() {
    let lab = Lab::start().await;
    let token = lab.deployer(MAYA);
    let stack = lab.stack("Storefront", "production");
    let post = |what: &'static str, fields: &'static [(&'static str, &'static str)]| {
        let path = format!("/api/2/stacks/{}/{what}", stack.uid);
        let (lab, token) = (&lab, &token);
        async move { lab.post(&path, token, fields).await }
    };
    let redeploy = post("redeploy", &[]).await.response();
    assert_eq!(
        redeploy,
        json!({"ok": true, "message": "Stack queued for redeployment"})
    );
    assert_eq!(
        post("restart", &[]).await.response(),
        json!({"ok": true, "message": "Restart is queued"})
    );
    let maintenance = post("maintenance_mode", &[("value", "1")]).await.response();
    let on = json!({"ok": true, "message": "Stack maintenance mode is on", "maintenance": true});
    assert_eq!(maintenance, on);
    assert_eq!(post("maintenance_mode", &[]).await.status, 400);
    lab.advance(stack.typical.as_secs_f64() * 3.0);
    let after = lab.world().stack(&stack.uid).unwrap();
    assert_eq!(after.deployments.len(), stack.deployments.len() + 1);
    assert_eq!(after.newest().unwrap().via, Via::Api);
    assert!(after.maintenance_mode && !after.is_busy);
}

#[tokio::test]
async fn section_5_4_missing_rights_are_400() {
    let lab = Lab::start().await;
    let uid = lab.stack("Storefront", "production").uid;
    let path = format!("/api/2/stacks/{uid}/redeploy");
    for token in [lab.deployer(INGRID), lab.token(MAYA, &[Scope::Public])] {
        let refused = lab.post(&path, &token, &[]).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error"]),
            (400, &json!("bad_request"))
        );
    }
    let unknown = lab
        .post("/api/2/stacks/none/redeploy", &lab.deployer(MAYA), &[])
        .await;
    assert_eq!(
        (unknown.status.as_u16(), &unknown.json()["error"]),
        (404, &json!("not_found"))
    );
    let none = lab.get("/api/2/stacks", "made-up").await;
    assert_eq!(
        (none.status.as_u16(), &none.json()["error"]),
        (401, &json!("unauthenticated"))
    );
}

#[tokio::test]
async fn section_4_5_status_is_one_word() {
    let lab = Lab::start().await;
    let token = lab.token(MAYA, &[Scope::Public]);
    for (name, environment, word) in [
        ("Storefront", "production", "Healthy"),
        ("Customer Accounts", "production", "Partial"),
        ("Tidewater Brewery", "production", "Faulty"),
        ("Help Centre", "production", "Maintenance"),
        ("Loyalty", "production", "Unknown"),
    ] {
        let uid = lab.stack(name, environment).uid;
        let status = lab
            .get(&format!("/api/2/stacks/{uid}/status.json"), &token)
            .await
            .response();
        assert_eq!(status, word, "{name}");
    }
    assert_eq!(
        lab.get("/api/2/users/cloud_status", &token).await.response(),
        "Faulty",
        "the worst"
    );
    let nadia = lab.token(NADIA, &[Scope::Public]);
    assert_eq!(
        lab.get("/api/2/users/cloud_status", &nadia).await.response(),
        "Unknown"
    );
}

#[tokio::test]
async fn section_4_12_settings_are_one_flat_object_of_text() {
    let lab = Lab::start().await;
    let uid = lab.stack("Storefront", "production").uid;
    let path = format!("/api/2/stacks/{uid}/settings");
    let settings = lab
        .get(&path, &lab.token(MAYA, &[Scope::Public]))
        .await
        .response();
    assert_eq!(settings["git.branch"], "main");
    assert_eq!(settings["maintenance.mode"], "false", "booleans as text too");
}
