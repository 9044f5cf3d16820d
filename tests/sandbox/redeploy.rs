//! Redeploys and other work: accepted, queued, running, landed, cancelled (fact sheet 4.5, 6, 7).

use crate::support::{Answer, Lab, MAYA, TOMAS, read};
use reqwest::Method;
use serde_json::{Value, json};
use stackdeck::sandbox::{Options, Status};
use std::time::Duration;

/// Deploys of the stack take about this many seconds.
const DEPLOY: f64 = 100.0;

struct Scene {
    lab: Lab,
    token: String,
    uid: String,
}

impl Scene {
    async fn of(name: &str, environment: &str) -> Self {
        let deploy_time = Duration::from_secs_f64(DEPLOY);
        let lab = Lab::with(Options {
            deploy_time,
            ..Options::default()
        })
        .await;
        let token = lab.deployer(MAYA);
        let uid = lab.stack(name, environment).uid;
        Self { lab, token, uid }
    }

    async fn redeploy(&self, fields: &[(&str, &str)]) -> Answer {
        self.lab
            .post(
                &format!("/api/3/stacks/{}/deployments.json", self.uid),
                &self.token,
                fields,
            )
            .await
    }

    async fn stack(&self) -> Value {
        self.lab
            .get(&format!("/api/3/stacks/{}.json", self.uid), &self.token)
            .await
            .response()
    }

    async fn deployments(&self) -> Vec<Value> {
        let path = format!("/api/3/stacks/{}/deployments.json", self.uid);
        self.lab
            .get(&path, &self.token)
            .await
            .response()
            .as_array()
            .unwrap()
            .clone()
    }

    async fn action(&self, id: &Value) -> Value {
        self.lab
            .get(
                &format!("/api/3/stacks/{}/actions/{id}.json", self.uid),
                &self.token,
            )
            .await
            .response()
    }

    /// Moves the clock by parts of this stack's usual deploy time.
    fn wait(&self, parts: f64) {
        let typical = self.lab.world().stack(&self.uid).unwrap().typical;
        self.lab.advance(typical.as_secs_f64() * parts);
    }
}

#[tokio::test]
async fn section_6_4_a_redeploy_runs_from_5_over_6_to_1() {
    let scene = Scene::of("Storefront", "production").await;
    let before = scene.deployments().await;
    let accepted = scene.redeploy(&[]).await.response();
    assert_eq!(accepted["ok"], true);
    assert_eq!(accepted["message"], "Stack starting redeployment");
    assert_eq!(accepted["queued"], false);
    let action = scene.action(&accepted["async_action_id"]).await;
    assert_eq!(action["action"], "application_deployment");
    assert_eq!(action["finished_at"], Value::Null);
    assert_eq!(action["user"], MAYA);

    // The race: the first look may still see what was before (gotcha 11).
    assert_eq!(scene.stack().await["status"], 1);
    assert_eq!(scene.deployments().await, before);

    scene.lab.advance(1.0);
    let stack = scene.stack().await;
    assert_eq!(
        (&stack["status"], &stack["is_busy"], &stack["health"]),
        (&json!(5), &json!(true), &json!(3))
    );
    let running = scene.deployments().await;
    assert_eq!(running.len().min(30), (before.len() + 1).min(30));
    let newest = &running[0];
    assert_eq!(newest["is_deploying"], true);
    assert_eq!(newest["finished_at"], Value::Null);
    assert_eq!(newest["outcome"], json!({"code": 0, "meaning": "pending"}));
    assert_eq!(newest["triggered_via"], json!({"code": 1, "meaning": "api"}));
    assert_eq!(newest["triggered_by"], MAYA);
    assert_eq!(
        (&newest["is_head"], &newest["is_live"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(running[1]["is_live"], true, "the old commit stays live");

    scene.wait(0.2);
    assert_eq!(scene.stack().await["status"], 6);
    scene.wait(1.0);
    let stack = scene.stack().await;
    assert_eq!((&stack["status"], &stack["is_busy"]), (&json!(1), &json!(false)));
    let landed = scene.deployments().await;
    assert_eq!(landed[0]["id"], newest["id"]);
    assert_eq!(landed[0]["outcome"], json!({"code": 1, "meaning": "success"}));
    assert_eq!(
        (&landed[0]["is_live"], &landed[0]["is_deploying"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        (&landed[1]["is_live"], &landed[1]["is_head"]),
        (&json!(false), &json!(false))
    );
    let action = scene.action(&accepted["async_action_id"]).await;
    assert_eq!(action["finished_success"], true);
    assert_eq!(action["finished_message"], "Completed successfully");
    assert_eq!(
        stack["last_activity"],
        action["finished_at"].as_str().unwrap().replace('Z', "+00:00")
    );
}

#[tokio::test]
async fn section_6_4_a_failure_ends_at_2_and_leaves_the_old_commit_live() {
    let scene = Scene::of("Storefront", "staging").await;
    let live = scene.deployments().await[0]["git_hash"].clone();
    assert!(scene.lab.world().fail_next_deploy(&scene.uid));
    let accepted = scene.redeploy(&[]).await.response();
    scene.wait(1.3);
    assert_eq!(scene.stack().await["status"], 2);
    let rows = scene.deployments().await;
    assert_eq!(rows[0]["outcome"], json!({"code": 2, "meaning": "failed"}));
    assert_eq!(rows[0]["is_live"], false);
    assert_eq!((&rows[1]["git_hash"], &rows[1]["is_live"]), (&live, &json!(true)));
    let action = scene.action(&accepted["async_action_id"]).await;
    assert_eq!(action["finished_success"], false);
    assert!(action["finished_message"].as_str().unwrap().contains("failed"));
    // Only the next one was to fail.
    scene.redeploy(&[]).await.response();
    scene.wait(1.3);
    assert_eq!(scene.stack().await["status"], 1);
}

#[tokio::test]
async fn section_6_4_a_busy_stack_queues_and_runs_what_waits_right_after() {
    let scene = Scene::of("Checkout API", "production").await;
    let first = scene.redeploy(&[]).await.response();
    let second = scene.redeploy(&[]).await.response();
    assert_eq!(second["queued"], true, "within the race too");
    assert_eq!(second["message"], "Stack queued for redeployment");
    assert_ne!(first["async_action_id"], second["async_action_id"]);
    scene.wait(0.5);
    let rows = scene.deployments().await;
    assert!(
        rows[0]["is_deploying"] == true && rows[1]["is_deploying"] == false,
        "no row while it waits"
    );
    scene.wait(1.0);
    let rows = scene.deployments().await;
    assert!(rows[0]["is_deploying"] == true && rows[1]["outcome"]["meaning"] == "success");
    assert_eq!(
        rows[0]["started_at"], rows[1]["finished_at"],
        "it begins when the other ends"
    );
    assert_eq!(
        scene.action(&first["async_action_id"]).await["finished_success"],
        true
    );
    assert_eq!(
        scene.action(&second["async_action_id"]).await["finished_at"],
        Value::Null
    );
    scene.wait(1.0);
    assert_eq!(
        scene.action(&second["async_action_id"]).await["finished_success"],
        true
    );
    assert_eq!(scene.stack().await["is_busy"], false);
}

#[tokio::test]
async fn looking_often_or_once_gives_the_same_end() {
    let often = Scene::of("Warehouse", "staging").await;
    let once = Scene::of("Warehouse", "staging").await;
    for scene in [&often, &once] {
        scene.redeploy(&[]).await.response();
        scene.redeploy(&[]).await.response();
    }
    for _ in 0..40 {
        often.wait(0.075);
        often.stack().await;
    }
    once.wait(3.0);
    assert_eq!(often.deployments().await, once.deployments().await);
    assert_eq!(often.stack().await["status"], once.stack().await["status"]);
}

#[tokio::test]
async fn section_6_5_only_a_running_deployment_can_be_cancelled() {
    let scene = Scene::of("Loyalty", "staging").await;
    let old = scene.deployments().await[0]["id"].clone();
    let path = |id: &Value| format!("/api/3/stacks/{}/deployments/{id}.json", scene.uid);
    let refused = scene.lab.delete(&path(&old), &scene.token).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error"]),
        (409, &json!("conflict"))
    );

    let accepted = scene.redeploy(&[]).await.response();
    scene.wait(0.5);
    let running = scene.deployments().await[0].clone();
    let cancelled = scene
        .lab
        .delete(&path(&running["id"]), &scene.token)
        .await
        .response();
    assert_eq!(cancelled, json!({"ok": true, "message": "Cancelling deployment"}));
    assert_eq!(scene.stack().await["status"], 6, "cancelling takes a moment");
    scene.lab.advance(2.0);
    assert_eq!(scene.stack().await["is_busy"], false);
    let row = scene
        .lab
        .get(&path(&running["id"]), &scene.token)
        .await
        .response();
    assert_eq!(
        (&row["is_deploying"], &row["outcome"]["meaning"]),
        (&json!(false), &json!("failed"))
    );
    let action = scene.action(&accepted["async_action_id"]).await;
    assert_eq!(action["finished_message"], format!("Cancelled by {MAYA}"));
    let unknown = scene.lab.delete(&path(&json!(1)), &scene.token).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn section_6_2_commands_and_maintenance_mode() {
    let scene = Scene::of("Gallery Bergen", "production").await;
    let path = format!("/api/3/stacks/{}/actions.json", scene.uid);
    for (command, value) in [("restart", ""), ("clear_caches", ""), ("maintenance_mode", "1")] {
        let fields = [("command", command), ("value", value)];
        let action = scene.lab.post(&path, &scene.token, &fields).await.response();
        assert_eq!(
            (&action["action"], &action["finished_at"]),
            (&json!(command), &Value::Null)
        );
    }
    assert_eq!(scene.stack().await["is_busy"], true);
    scene.wait(1.0);
    let stack = scene.stack().await;
    assert_eq!(
        (&stack["maintenance_mode"], &stack["cloud_status"]),
        (&json!(true), &json!("maintenance"))
    );
    assert_eq!((&stack["status"], &stack["is_busy"]), (&json!(1), &json!(false)));
    for (fields, status, error) in [
        (&[("command", "maintenance_mode")][..], 400, "bad_request"),
        (&[("command", "explode")][..], 400, "bad_request"),
        (&[][..], 400, "bad_request"),
        (&[("command", "service_restart")][..], 503, "not_implemented"),
    ] {
        let answer = scene.lab.post(&path, &scene.token, fields).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (status, &json!(error)),
            "{fields:?}"
        );
    }
}

#[tokio::test]
async fn section_6_3_user_reference_comes_back_in_the_action_and_filters_exactly() {
    let scene = Scene::of("Mobile Gateway", "staging").await;
    let accepted = scene
        .redeploy(&[("user_reference", "rel-2026-03-04-a")])
        .await
        .response();
    scene
        .redeploy(&[("user_reference", "rel-2026-03-04-ab")])
        .await
        .response();
    scene.redeploy(&[]).await.response();
    let list = |reference: &str| {
        let path = format!(
            "/api/3/stacks/{}/actions.json?user_reference={reference}",
            scene.uid
        );
        let (lab, token) = (&scene.lab, &scene.token);
        async move { lab.get(&path, token).await.response() }
    };
    let found = list("rel-2026-03-04-a").await;
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["id"], accepted["async_action_id"]);
    assert_eq!(
        found[0]["metadata"],
        json!({"user_reference": "rel-2026-03-04-a"})
    );
    assert_eq!(list("rel").await, json!([]));
    let all = scene
        .lab
        .get(&format!("/api/3/stacks/{}/actions", scene.uid), &scene.token)
        .await
        .response();
    assert_eq!(
        all[0]["metadata"],
        json!({}),
        "newest first, and none without one"
    );

    let longest = "x".repeat(255);
    assert_eq!(scene.redeploy(&[("user_reference", &longest)]).await.status, 200);
    let too_long = scene.redeploy(&[("user_reference", &"x".repeat(256))]).await;
    assert_eq!(
        (too_long.status.as_u16(), &too_long.json()["error"]),
        (400, &json!("bad_request"))
    );
}

#[tokio::test]
async fn section_7_parameters() {
    let scene = Scene::of("Customer Accounts", "staging").await;
    let hash = "0123456789abcdef0123456789abcdef01234567";
    scene.redeploy(&[("git_ref", hash)]).await.response();
    scene.lab.advance(1.0);
    let row = scene.deployments().await[0].clone();
    assert_eq!((&row["git_hash"], &row["git_ref"]), (&json!(hash), &json!(hash)));
    let url = format!("https://github.com/harbour-finch/customer-accounts/commit/{hash}");
    assert_eq!(row["commit_url"], url);

    // What the vendor's own client always sends (blank and null mean: not given).
    let path = format!("/api/3/stacks/{}/deployments", scene.uid);
    let body = json!({"git_ref": "", "deploy_strategy": "", "rollout_strategy": null, "services": null});
    let request = scene.lab.request(Method::POST, &path).bearer_auth(&scene.token);
    assert_eq!(read(request.json(&body)).await.status, 200);
    // No body, an empty object without a type, parameters in the query.
    let bare = || scene.lab.request(Method::POST, &path).bearer_auth(&scene.token);
    assert_eq!(read(bare()).await.status, 200);
    assert_eq!(read(bare().body("{}")).await.status, 200);
    assert_eq!(
        read(bare().query(&[("deploy_strategy", "serial")])).await.status,
        200
    );
    for (name, value) in [("deploy_strategy", "sideways"), ("rollout_strategy", "maybe")] {
        assert_eq!(scene.redeploy(&[(name, value)]).await.status, 400, "{name}");
    }
    let broken = read(bare().header("content-type", "application/json").body("{")).await;
    assert_eq!(
        (broken.status.as_u16(), &broken.json()["error"]),
        (400, &json!("bad_request"))
    );
}

#[tokio::test]
async fn section_7_services_of_a_docker_stack() {
    let scene = Scene::of("Search", "production").await;
    let path = format!("/api/3/stacks/{}/deployments", scene.uid);
    let request = scene.lab.request(Method::POST, &path).bearer_auth(&scene.token);
    assert_eq!(
        read(request.json(&json!({"services": ["web:v100", "indexer"]})))
            .await
            .status,
        200
    );
    scene.wait(1.3);
    let web = scene
        .lab
        .get(&format!("/api/3/stacks/{}/services/web", scene.uid), &scene.token)
        .await
        .response();
    assert_eq!(web["image_tag"], "v100");
    let unknown = scene.redeploy(&[("services[]", "nothing:v1")]).await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.json()["details"].as_str().unwrap().contains("nothing"));
}

#[tokio::test]
async fn a_first_build_is_one_and_health_builds() {
    let scene = Scene::of("Loyalty", "production").await;
    assert_eq!(scene.stack().await["status"], 4);
    assert_eq!(scene.deployments().await.len(), 0);
    scene.redeploy(&[]).await.response();
    scene.wait(0.5);
    let stack = scene.stack().await;
    assert_eq!((&stack["status"], &stack["health"]), (&json!(6), &json!(1)));
    scene.wait(1.0);
    let stack = scene.stack().await;
    assert_eq!((&stack["status"], &stack["health"]), (&json!(1), &json!(3)));
    assert_eq!(
        scene.deployments().await[0]["deploy_type"],
        json!({"code": 3, "meaning": "first_build"})
    );
}

#[tokio::test]
async fn a_stack_that_could_not_be_analysed_cannot_be_deployed() {
    let scene = Scene::of("Fjord Conference", "production").await;
    let refused = scene.redeploy(&[]).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error"]),
        (409, &json!("conflict"))
    );
}

#[tokio::test]
async fn stacks_of_the_default_world_go_on_by_themselves() {
    let scene = Scene::of("Warehouse", "production").await;
    assert_eq!(scene.stack().await["status"], 6, "in the middle of a long deploy");
    assert_eq!(scene.redeploy(&[]).await.response()["queued"], true);
    let pipeline = scene.lab.stack("Data Pipeline", "staging");
    assert_eq!(pipeline.status, Status::ANALYSING);
    scene.lab.advance(DEPLOY * 50.0);
    assert_eq!(scene.stack().await["status"], 1);
    let rows = scene.deployments().await;
    assert_eq!(
        (&rows[1]["triggered_by"], &rows[0]["triggered_by"]),
        (&json!(TOMAS), &json!(MAYA))
    );
    assert_eq!(
        scene.lab.stack("Data Pipeline", "staging").status,
        Status::ANALYSED
    );
}

#[tokio::test]
async fn one_stack_fails_each_time() {
    let scene = Scene::of("Nightly Importer", "production").await;
    for _ in 0..2 {
        scene.redeploy(&[]).await.response();
        scene.wait(1.3);
        assert_eq!(scene.stack().await["status"], 2);
    }
}

#[tokio::test]
async fn section_6_6_the_hook_deploys_without_a_token() {
    let scene = Scene::of("Kin Charity", "production").await;
    let hook = scene.stack().await["redeploy_hook"].as_str().unwrap().to_owned();
    let path = hook.strip_prefix(scene.lab.sandbox.url()).unwrap();
    assert_eq!(read(scene.lab.request(Method::POST, path)).await.status, 200);
    scene.lab.advance(1.0);
    let row = scene.deployments().await[0].clone();
    assert_eq!(row["triggered_via"], json!({"code": 2, "meaning": "hook"}));
    let count = scene.lab.world().actions(&scene.uid).len();
    let other = json!({"ref": "refs/heads/elsewhere"});
    let answer = read(scene.lab.request(Method::POST, path).json(&other)).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["ok"]),
        (200, &json!(false))
    );
    assert_eq!(
        scene.lab.world().actions(&scene.uid).len(),
        count,
        "the branch must match"
    );
    let wrong = path.replace(&path[path.len() - 4..], "0000");
    assert_eq!(read(scene.lab.request(Method::POST, &wrong)).await.status, 404);
    assert_eq!(scene.lab.world().journal().count("redeploy-hook"), 3);
}
