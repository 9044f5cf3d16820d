//! Reading over version 3: stacks, pages, filters and the other resources (fact sheet 1.2, 4, 5).

use crate::support::{Lab, MAYA, NADIA, read};
use reqwest::Method;
use serde_json::{Value, json};
use stackdeck::sandbox::{Options, Scope};
use std::collections::BTreeSet;

#[tokio::test]
async fn section_4_9_ping_needs_no_token_and_ping_auth_says_who() {
    let lab = Lab::start().await;
    for path in ["/api/3/ping", "/api/3/ping.json"] {
        let ping = read(lab.request(Method::GET, path)).await.response();
        assert_eq!(ping["ok"], true);
    }
    let who = lab
        .get("/api/3/ping/auth.json", &lab.token(MAYA, &[Scope::Public]))
        .await
        .response();
    assert_eq!(
        who,
        json!({
            "ok": true,
            "message": "all good. authenticated. User ID is 77. Account ID is 912",
            "user_id": 77,
            "account_id": 912,
            "user_name": "Maya Okafor",
            "account_name": "Harbour & Finch Ltd",
        })
    );
}

#[tokio::test]
async fn section_5_2_stacks_come_in_pages_of_30() {
    let lab = Lab::with(Options {
        stacks: Some(95),
        ..Options::default()
    })
    .await;
    let token = lab.token(MAYA, &[Scope::Public]);
    let mut uids = BTreeSet::new();
    for (page, items, previous, next) in [
        (1, 30, json!(null), json!(2)),
        (2, 30, json!(1), json!(3)),
        (3, 30, json!(2), json!(4)),
        (4, 5, json!(3), json!(null)),
    ] {
        let answer = lab
            .get(&format!("/api/3/stacks.json?page={page}"), &token)
            .await
            .json();
        assert_eq!(answer["count"], items, "the items of this page");
        let pagination = json!({
            "previous": previous, "next": next, "current": page, "per_page": 30, "count": 95, "pages": 4
        });
        assert_eq!(answer["pagination"], pagination);
        uids.extend(
            answer["response"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["uid"].to_string()),
        );
    }
    assert_eq!(uids.len(), 95);
    let first = lab.get("/api/3/stacks?per_page=100", &token).await.json();
    assert_eq!(first["count"], 30, "per_page is not to be relied on");
    let beyond = lab.get("/api/3/stacks?page=9", &token).await.json();
    assert_eq!(
        (&beyond["response"], &beyond["pagination"]["next"]),
        (&json!([]), &Value::Null)
    );
}

#[tokio::test]
async fn section_5_2_an_empty_list_is_one_empty_page() {
    let lab = Lab::start().await;
    let answer = lab
        .get("/api/3/stacks", &lab.token(NADIA, &[Scope::Public]))
        .await
        .json();
    assert_eq!(answer["response"], json!([]));
    assert_eq!(answer["pagination"]["pages"], 1);
    assert_eq!(answer["pagination"]["next"], Value::Null);
}

#[tokio::test]
async fn section_5_2_filters() {
    let lab = Lab::start().await;
    let token = lab.token(MAYA, &[Scope::Public]);
    let all = lab.world().visible_to(MAYA).len();
    for (query, expected) in [
        ("filter_name=storefront", 3),
        ("filter_name=Storefront&filter_environment=staging", 1),
        ("filter_git_repo=git@github.com:harbour-finch/billing.git", 2),
        ("filter_git_branch=preview", 1),
        ("filter_name=", all),
        ("filter_name=nothing", 0),
    ] {
        let answer = lab.get(&format!("/api/3/stacks?{query}"), &token).await.json();
        assert_eq!(answer["pagination"]["count"], expected, "{query}");
    }
}

#[tokio::test]
async fn section_4_1_the_fields_of_a_stack() {
    let lab = Lab::start().await;
    let token = lab.token(MAYA, &[Scope::Public]);
    let uid = lab.stack("Storefront", "production").uid;
    let stack = lab.get(&format!("/api/3/stacks/{uid}"), &token).await.response();
    for field in [
        "uid",
        "name",
        "git",
        "git_branch",
        "environment",
        "cloud",
        "fqdn",
        "language",
        "framework",
        "status",
        "health",
        "last_activity",
        "last_activity_iso",
        "maintenance_mode",
        "has_loadbalancer",
        "created_at",
        "updated_at",
        "created_at_iso",
        "updated_at_iso",
        "deploy_directory",
        "cloud_status",
        "is_busy",
        "backend",
        "version",
        "revision",
        "namespaces",
        "account_id",
        "account_name",
        "is_cluster",
        "is_inside_cluster",
        "cluster_name",
        "application_address",
        "considerations",
    ] {
        assert!(stack.get(field).is_some(), "{field}");
    }
    assert_eq!(stack["uid"].as_str().unwrap().len(), 32);
    assert!(stack["created_at"].as_str().unwrap().ends_with(" UTC"));
    assert!(stack["created_at_iso"].as_str().unwrap().ends_with('Z'));
    assert!(stack["last_activity"].as_str().unwrap().ends_with("+00:00"));
    assert_eq!(
        stack["account_name"],
        "Harbour & Finch Ltd (maya@harbourfinch.example)"
    );
    assert!(
        stack["revision"].is_string() && stack["version"].is_string(),
        "numbers as text"
    );
    let image_only = lab.stack("Image Resizer", "production").uid;
    let image_only = lab
        .get(&format!("/api/3/stacks/{image_only}"), &token)
        .await
        .response();
    assert_eq!(
        (&image_only["git"], &image_only["framework"]),
        (&Value::Null, &json!("docker"))
    );
    let strange = lab.stack("Legacy Intranet", "production").uid;
    let strange = lab
        .get(&format!("/api/3/stacks/{strange}"), &token)
        .await
        .response();
    assert_eq!(
        (&strange["status"], &strange["cloud"]),
        (&json!(42), &json!("no_cloud"))
    );
}

#[tokio::test]
async fn section_4_3_deployments_newest_first_with_one_head_and_one_live() {
    let lab = Lab::start().await;
    let token = lab.token(MAYA, &[Scope::Public]);
    let failed = lab.stack("Billing", "production").uid;
    let rows = lab
        .get(&format!("/api/3/stacks/{failed}/deployments.json"), &token)
        .await
        .response();
    let rows = rows.as_array().unwrap();
    assert!(
        rows.windows(2)
            .all(|pair| pair[0]["id"].as_u64() > pair[1]["id"].as_u64())
    );
    assert_eq!(rows.iter().filter(|row| row["is_head"] == true).count(), 1);
    assert_eq!(rows.iter().filter(|row| row["is_live"] == true).count(), 1);
    assert_eq!(rows[0]["outcome"], json!({"code": 2, "meaning": "failed"}));
    assert_eq!(rows[1]["is_live"], true, "the commit before the failed one");
    assert_eq!(rows[0]["git_hash"].as_str().unwrap().len(), 40);
    assert_eq!(rows[0]["deploy_session"].as_str().unwrap().len(), 10);
    for field in [
        "git_ref",
        "reverted",
        "reverted_by",
        "reverted_at",
        "commit_url",
        "deploy_type",
        "triggered_by",
    ] {
        assert!(rows[0].get(field).is_some(), "{field}");
    }
    let one = lab
        .get(
            &format!("/api/3/stacks/{failed}/deployments/{}", rows[0]["id"]),
            &token,
        )
        .await
        .response();
    assert_eq!(one, rows[0]);
    assert_eq!(
        lab.get(&format!("/api/3/stacks/{failed}/deployments/1"), &token)
            .await
            .status,
        404
    );
    assert_eq!(
        lab.get(&format!("/api/3/stacks/{failed}/deployments/x"), &token)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn section_4_7_accounts_and_4_8_users() {
    let lab = Lab::start().await;
    let token = lab.token(MAYA, &[Scope::Users]);
    let accounts = lab.get("/api/3/accounts.json", &token).await.response();
    let names: Vec<_> = accounts
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["friendly_name"].clone())
        .collect();
    assert_eq!(names, ["Harbour & Finch Ltd", "Northlight Studio", "Finch Labs"]);
    assert_eq!(accounts[0]["current_account"], true);
    assert_eq!(accounts[1]["current_account"], false);
    let one = lab
        .get("/api/3/accounts/912?include_servers=true", &token)
        .await
        .response();
    assert_eq!(one["unmanaged_servers"], json!([]));
    assert_eq!(
        lab.get("/api/3/accounts/2304", &token).await.status,
        404,
        "not a member"
    );

    let me = lab.get("/api/3/users/77.json", &token).await.response();
    assert_eq!(
        (&me["email"], &me["primary_account_id"]),
        (&json!(MAYA), &json!(912))
    );
    assert_eq!(
        me["access_profile"]["account_profile"]["default_roles"],
        json!(["Administrator"])
    );
    assert_eq!(
        me["accounts"][1],
        json!({"id": 1340, "role": "Administrator", "name": "Northlight Studio"})
    );
    let all = lab.get("/api/3/users", &token).await.json();
    assert!(
        all["pagination"]["count"].as_u64().unwrap() >= 4,
        "an administrator sees the account's people"
    );
    let nadia = lab.token(NADIA, &[Scope::Users]);
    assert_eq!(
        lab.get("/api/3/users", &nadia).await.json()["pagination"]["count"],
        1
    );
    assert_eq!(lab.get("/api/3/users/77", &nadia).await.status, 404);
}

#[tokio::test]
async fn section_4_11_services() {
    let lab = Lab::start().await;
    let token = lab.token(MAYA, &[Scope::Public]);
    let docker = lab.stack("Pricing Engine", "production");
    let path = format!("/api/3/stacks/{}/services", docker.uid);
    let services = lab.get(&path, &token).await.response();
    let names: Vec<_> = services
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, ["api", "worker", "cache"]);
    let count = services[0]["desired_count"].as_u64().unwrap();
    assert_eq!(services[0]["containers"].as_array().unwrap().len() as u64, count);
    assert_eq!(services[0]["containers"][0]["uid"].as_str().unwrap().len(), 64);
    assert_eq!(
        lab.get(&format!("{path}/worker.json"), &token).await.response()["name"],
        "worker"
    );
    assert_eq!(lab.get(&format!("{path}/none"), &token).await.status, 404);
    assert_eq!(
        lab.get(&format!("{path}?server_uid=none"), &token)
            .await
            .response(),
        json!([])
    );
    let rails = lab.stack("Storefront", "production").uid;
    assert_eq!(
        lab.get(&format!("/api/3/stacks/{rails}/services"), &token)
            .await
            .response(),
        json!([])
    );
}

#[tokio::test]
async fn section_4_12_settings_have_dots_in_the_key_and_dashes_in_the_id() {
    let lab = Lab::start().await;
    let token = lab.token(MAYA, &[Scope::Public]);
    let uid = lab.stack("Storefront", "development").uid;
    let all = lab
        .get(&format!("/api/3/stacks/{uid}/settings"), &token)
        .await
        .response();
    let keys: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["key"].clone())
        .collect();
    assert!(keys.contains(&json!("git.branch")) && keys.contains(&json!("maintenance.mode")));
    let branch = lab
        .get(&format!("/api/3/stacks/{uid}/settings/git-branch.json"), &token)
        .await
        .response();
    assert_eq!(
        (&branch["id"], &branch["value"]),
        (&json!("git-branch"), &json!("develop"))
    );
    assert_eq!(
        lab.get(&format!("/api/3/stacks/{uid}/settings/git.branch"), &token)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn section_4_10_logs_of_an_operation_and_show_log() {
    let lab = Lab::start().await;
    let token = lab.token(MAYA, &[Scope::Public]);
    let stack = lab.stack("Billing", "production");
    let operation = &stack.newest().unwrap().operation_uid;
    assert_eq!(operation.len(), 22);
    let get = |query: &str| {
        let path = format!("/api/3/operations/{operation}/logs?{query}");
        let (lab, token) = (&lab, &token);
        async move { lab.get(&path, token).await.json() }
    };
    let root = get("").await;
    let lines = root["response"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["e"] == 0));
    assert_eq!(lines.last().unwrap()["v"], 5, "a failure ends with an error");
    assert!(
        lines
            .windows(2)
            .all(|pair| pair[0]["t"].as_str() <= pair[1]["t"].as_str())
    );
    let errors = get("min_severity=5").await;
    assert_eq!(errors["response"].as_array().unwrap().len(), 1);
    let children = get("include_children=true").await;
    let child = children["response"]
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["e"] == 1)
        .cloned();
    assert!(child.unwrap()["operation_uid"].is_string());
    assert_eq!(lab.get("/api/3/operations/none/logs", &token).await.status, 404);

    let path = format!("/api/3/stacks/{}", stack.uid);
    assert!(lab.get(&path, &token).await.response().get("last_log").is_none());
    let with_log = lab.get(&format!("{path}?show_log=true"), &token).await.response();
    assert!(
        with_log["last_log"]
            .as_str()
            .unwrap()
            .contains("Deployment failed")
    );
}

#[tokio::test]
async fn section_5_5_a_warning_is_sent_beside_the_answer() {
    let lab = Lab::start().await;
    let token = lab.token(MAYA, &[Scope::Public]);
    let warned = lab.stack("Marketing Site", "production").uid;
    let answer = lab.get(&format!("/api/3/stacks/{warned}"), &token).await;
    assert!(answer.header("x-cloud66-warning").contains("Ubuntu"));
    assert_eq!(
        answer.response()["considerations"]["warnings"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let fine = lab.stack("Storefront", "production").uid;
    assert_eq!(
        lab.get(&format!("/api/3/stacks/{fine}"), &token)
            .await
            .header("x-cloud66-warning"),
        ""
    );
}
