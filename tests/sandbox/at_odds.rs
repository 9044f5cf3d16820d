//! Faults in which Cloud 66 is at odds with itself: what it says of a redeploy is not what happened to it.

use crate::support::{Lab, MAYA};
use serde_json::{Value, json};
use stackdeck::sandbox::{Action, Deployment, Fault, Options};

struct Scene {
    lab: Lab,
    token: String,
    uid: String,
}

impl Scene {
    async fn with(faults: &[&str]) -> Self {
        let faults = faults.iter().map(|text| text.parse::<Fault>().unwrap()).collect();
        let lab = Lab::with(Options {
            faults,
            ..Options::default()
        })
        .await;
        let token = lab.deployer(MAYA);
        let uid = lab.stack("Storefront", "production").uid;
        Self { lab, token, uid }
    }

    async fn redeploy(&self) -> Value {
        let path = format!("/api/3/stacks/{}/deployments", self.uid);
        let fields = [("user_reference", "ours")];
        self.lab.post(&path, &self.token, &fields).await.response()
    }

    async fn read(&self, what: &str) -> Value {
        let path = format!("/api/3/stacks/{}{what}", self.uid);
        self.lab.get(&path, &self.token).await.json()
    }

    /// The action that carries the reference `ours`, as Cloud 66's books have it.
    fn ours(&self) -> Action {
        let actions = self.lab.world().actions(&self.uid);
        let ours = |action: &Action| action.user_reference.as_deref() == Some("ours");
        actions.into_iter().find(ours).unwrap()
    }

    fn newest(&self) -> Deployment {
        self.lab.world().deployments(&self.uid).last().unwrap().clone()
    }
}

#[tokio::test]
async fn the_answer_names_an_action_that_is_another_one_s() {
    let scene = Scene::with(&["redeploy=wrong-action:other"]).await;
    let named = scene.redeploy().await["async_action_id"].clone();
    assert_ne!(named, scene.ours().id);
    let action = scene.read(&format!("/actions/{named}")).await["response"].take();
    assert_eq!(action["finished_success"], true);
    let reference = action["metadata"]["user_reference"].as_str().unwrap();
    assert_ne!(reference, "ours");

    let scene = Scene::with(&["redeploy=wrong-action:ended"]).await;
    let named = scene.redeploy().await["async_action_id"].clone();
    let action = scene.read(&format!("/actions/{named}")).await["response"].take();
    assert_eq!(action["metadata"], json!({}));
    assert_eq!(
        action["finished_at"], "2026-03-04T09:55:00Z",
        "the clock shows 10:00"
    );

    let scene = Scene::with(&["redeploy=wrong-action:unknown"]).await;
    let named = scene.redeploy().await["async_action_id"].clone();
    let action = scene.read(&format!("/actions/{named}")).await;
    assert_eq!(action["error"], "not_found");
    assert_eq!(
        scene.ours().user_reference.as_deref(),
        Some("ours"),
        "it was accepted"
    );
}

#[tokio::test]
async fn somebody_else_deploys_in_the_same_second() {
    for (when, before, listed) in [("before", true, 2), ("unlisted", true, 1), ("after", false, 2)] {
        let scene = Scene::with(&[&format!("redeploy=foreign-deploy:{when};count=1")]).await;
        let already = scene.lab.world().actions(&scene.uid).len();
        let answer = scene.redeploy().await;
        assert_eq!(answer["queued"], before, "{when}");
        assert_eq!(
            scene.lab.world().actions(&scene.uid).len() - already,
            listed,
            "{when}"
        );
        scene.lab.advance(2.0);
        let first = scene.newest();
        assert_eq!(first.triggered_by.as_deref() != Some(MAYA), before, "{when}");
        scene.lab.advance(3600.0);
        let second = scene.newest();
        assert_eq!(second.triggered_by.as_deref() != Some(MAYA), !before, "{when}");
    }
}

#[tokio::test]
async fn what_waits_is_said_not_to_and_what_has_its_turn_begins_late() {
    let scene = Scene::with(&["redeploy=not-queued", "redeploy=foreign-deploy:before"]).await;
    assert_eq!(scene.redeploy().await["queued"], false, "both hit");
    assert!(scene.ours().finished.is_none());

    for version in [2, 3] {
        let scene = Scene::with(&["redeploy=late-start:8"]).await;
        let before = scene.newest().id;
        let path = match version {
            2 => format!("/api/2/stacks/{}/redeploy", scene.uid),
            _ => format!("/api/3/stacks/{}/deployments", scene.uid),
        };
        scene.lab.post(&path, &scene.token, &[]).await.response();
        scene.lab.advance(7.0);
        assert_eq!(scene.newest().id, before, "version {version}: it stands idle");
        assert_eq!(scene.read("").await["response"]["status"], 1);
        scene.lab.advance(3.0);
        assert_ne!(scene.newest().id, before, "version {version}");
    }
}

#[tokio::test]
async fn metadata_in_every_other_form() {
    for (form, written) in [
        ("missing", Value::Null),
        ("null", Value::Null),
        ("empty", json!({})),
        ("text", json!("{\"user_reference\":\"ours\"}")),
        ("list", json!([{"user_reference": "ours"}])),
    ] {
        let scene = Scene::with(&[
            &format!("actions=metadata:{form}"),
            &format!("action=metadata:{form}"),
        ])
        .await;
        scene.redeploy().await;
        let list = scene.read("/actions").await["response"].take();
        assert_eq!(list[0]["metadata"], written, "{form}");
        assert_eq!(list[0].get("metadata").is_none(), form == "missing", "{form}");
        let one = scene.read(&format!("/actions/{}", scene.ours().id)).await["response"].take();
        assert_eq!(one["metadata"], written, "{form}");
        let filtered = scene.read("/actions?user_reference=ours").await["response"].take();
        let found = usize::from(form != "empty");
        assert_eq!(filtered.as_array().unwrap().len(), found, "{form}");
    }
}

#[tokio::test]
async fn a_filter_that_is_ignored_and_a_page_that_is_empty() {
    let scene = Scene::with(&["actions=unfiltered"]).await;
    let all = scene.lab.world().actions(&scene.uid).len();
    assert!(all > 0);
    let list = scene.read("/actions?user_reference=nobody-s").await;
    assert_eq!(list["pagination"]["count"], all);

    let scene = Scene::with(&["actions=empty-page:2"]).await;
    for _ in 0..70 {
        scene.lab.world().deploy_from_web(&scene.uid, MAYA).unwrap();
    }
    let mut lengths = Vec::new();
    for page in 1..=3 {
        let list = scene.read(&format!("/actions?page={page}")).await;
        lengths.push(list["response"].as_array().unwrap().len());
        assert!(list["pagination"]["pages"].as_u64().unwrap() >= 3);
    }
    assert_eq!((lengths[0], lengths[1]), (30, 0));
    assert!(lengths[2] > 0, "it was not the last one");
}

#[tokio::test]
async fn an_end_without_a_result_and_work_that_does_not_show() {
    let scene = Scene::with(&["action=no-success", "stack=status-gap;count=1"]).await;
    scene.redeploy().await;
    scene.lab.advance(2.0);
    let gap = scene.read("").await["response"].take();
    assert_eq!((&gap["status"], &gap["is_busy"]), (&json!(1), &json!(false)));
    assert_eq!(scene.read("").await["response"]["is_busy"], true);
    scene.lab.advance(3600.0);
    let action = scene.read(&format!("/actions/{}", scene.ours().id)).await["response"].take();
    assert!(action["finished_at"].is_string());
    assert_eq!(action["finished_success"], Value::Null);
}
