//! Faults that are seen in the answer itself, each in its text form.

use crate::support::{Answer, LOOPBACK_CALLBACK, Lab, MAYA};
use serde_json::{Value, json};
use stackdeck::sandbox::{Fault, Options, Scope};
use std::collections::BTreeSet;

struct Scene {
    lab: Lab,
    token: String,
    uid: String,
}

impl Scene {
    async fn with(fault: &str) -> Self {
        let faults = vec![fault.parse::<Fault>().unwrap()];
        let lab = Lab::with(Options {
            faults,
            ..Options::default()
        })
        .await;
        let token = lab.deployer(MAYA);
        let uid = lab.stack("Storefront", "production").uid;
        Self { lab, token, uid }
    }

    async fn stacks(&self) -> Answer {
        self.lab.get("/api/3/stacks", &self.token).await
    }

    async fn stack(&self) -> Answer {
        self.lab
            .get(&format!("/api/3/stacks/{}", self.uid), &self.token)
            .await
    }

    async fn redeploy(&self) -> Answer {
        self.lab
            .post(
                &format!("/api/3/stacks/{}/deployments", self.uid),
                &self.token,
                &[],
            )
            .await
    }

    fn actions(&self) -> usize {
        self.lab.world().actions(&self.uid).len()
    }
}

#[tokio::test]
async fn answers_in_place_of_carrying_out() {
    for (effect, status, error) in [
        ("unauthenticated", 401, "unauthenticated"),
        ("trial-expired", 402, "trial_expired"),
        ("forbidden", 403, "forbidden"),
        ("not-found", 404, "not_found"),
        ("time-out", 408, "time_out"),
        ("conflict", 409, "conflict"),
        ("bad-request", 400, "bad_request"),
        ("not-implemented", 503, "not_implemented"),
        ("throttled", 503, "throttled"),
        ("too-many", 429, "throttled"),
    ] {
        let scene = Scene::with(&format!("redeploy={effect};count=1")).await;
        let before = scene.actions();
        let answer = scene.redeploy().await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (status, &json!(error)),
            "{effect}"
        );
        assert_eq!(scene.actions(), before, "{effect}: nothing was started");
        let journal = scene.lab.world().journal();
        let entry = journal.of("redeploy").next().unwrap();
        assert_eq!((entry.status, entry.processed), (Some(status), false));
        assert_eq!(entry.fault.as_deref(), Some(effect));
        assert_eq!(scene.redeploy().await.status, 200, "{effect}: once only");
    }
}

#[tokio::test]
async fn throttling_with_and_without_retry_after() {
    for (effect, header) in [
        ("throttled:60", "60"),
        ("throttled", ""),
        ("too-many:7", "7"),
        ("too-many", ""),
    ] {
        let answer = Scene::with(&format!("api={effect}")).await.stacks().await;
        assert_eq!(answer.header("retry-after"), header, "{effect}");
    }
}

#[tokio::test]
async fn a_proxy_s_error_before_and_after() {
    let scene = Scene::with("redeploy=status:502;count=1").await;
    let before = scene.actions();
    let answer = scene.redeploy().await;
    assert_eq!(answer.status, 502);
    assert!(answer.header("content-type").starts_with("text/html"));
    assert_eq!(scene.actions(), before);
    scene
        .lab
        .world()
        .add_fault("redeploy=status-after:504;count=1".parse().unwrap());
    assert_eq!(scene.redeploy().await.status, 504);
    assert_eq!(scene.actions(), before + 1, "it was carried out all the same");
    let journal = scene.lab.world().journal();
    let processed: Vec<bool> = journal.of("redeploy").map(|entry| entry.processed).collect();
    assert_eq!(processed, [false, true]);
}

#[tokio::test]
async fn bodies_that_are_not_what_was_asked_for() {
    let html = Scene::with("stacks=html").await.stacks().await;
    assert_eq!(html.status, 200);
    assert!(html.header("content-type").starts_with("text/html") && html.text.contains("<h1>"));
    let empty = Scene::with("stacks=empty").await.stacks().await;
    assert_eq!((empty.status.as_u16(), empty.text.as_str()), (200, ""));
    let truncated = Scene::with("stacks=truncated").await.stacks().await;
    assert!(truncated.text.starts_with('{'));
    assert!(serde_json::from_str::<Value>(&truncated.text).is_err());
    let nested = Scene::with("stacks=nested:5000").await.stacks().await;
    assert!(nested.text.contains(&"[".repeat(5000)));
    let huge = Scene::with("stacks=huge:3").await.stacks().await;
    assert!(huge.text.len() > 3 << 20);
    assert!(
        serde_json::from_str::<Value>(&huge.text).is_ok(),
        "big, but right"
    );
}

#[tokio::test]
async fn a_gzip_bomb_unpacks_to_its_size() {
    let answer = Scene::with("stacks=gzip-bomb:4").await.stacks().await;
    assert_eq!(answer.text.len(), 4 << 20);
}

#[tokio::test]
async fn a_redirect_leads_elsewhere() {
    let scene = Scene::with("redeploy=redirect:https://elsewhere.invalid/x").await;
    let before = scene.actions();
    let answer = scene.redeploy().await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (302, "https://elsewhere.invalid/x")
    );
    assert_eq!(scene.actions(), before);
}

#[tokio::test]
async fn pages_that_lie_and_lists_that_move() {
    let lying = Scene::with("stacks=lying-pages").await;
    let total = lying.lab.world().visible_to(MAYA).len();
    let pagination = lying.stacks().await.json()["pagination"].clone();
    assert_eq!(pagination["count"], total + 100);
    assert_eq!(pagination["pages"], 5);
    let last = lying.lab.get("/api/3/stacks?page=4", &lying.token).await.json();
    assert_eq!(
        (&last["response"], &last["pagination"]["next"]),
        (&json!([]), &json!(5))
    );

    for (shift, seen, distinct) in [("repeat", 45, 44), ("skip", 43, 43)] {
        let scene = Scene::with(&format!("stacks=moved-pages:{shift}")).await;
        let mut uids = Vec::new();
        for page in 1..=2 {
            let list = scene
                .lab
                .get(&format!("/api/3/stacks?page={page}"), &scene.token)
                .await
                .response();
            uids.extend(list.as_array().unwrap().iter().map(|one| one["uid"].to_string()));
        }
        assert_eq!(uids.len(), seen, "{shift}");
        assert_eq!(uids.iter().collect::<BTreeSet<_>>().len(), distinct, "{shift}");
    }
}

#[tokio::test]
async fn objects_that_no_document_shows() {
    let unknown = Scene::with("stack=unknown-codes").await.stack().await.response();
    assert_eq!((&unknown["status"], &unknown["health"]), (&json!(99), &json!(99)));
    let scene = Scene::with("stack=nulls").await;
    let nulls = scene.stack().await.response();
    assert_eq!(nulls["uid"], scene.uid);
    let others = nulls
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, value)| *name != "uid" && !value.is_null());
    let mut others: Vec<_> = others.map(|(name, _)| name.as_str()).collect();
    others.sort_unstable();
    assert_eq!(
        others,
        ["considerations", "namespaces"],
        "only containers are left"
    );
    let strings = Scene::with("stack=number-strings").await.stack().await.response();
    assert_eq!(
        (&strings["status"], &strings["is_busy"]),
        (&json!("1"), &json!("false"))
    );
    let bare = Scene::with("stack=no-envelope").await.stack().await.json();
    assert!(bare.get("response").is_none() && bare["name"] == "Storefront");
    let scene = Scene::with("deployments=string-codes").await;
    let path = format!("/api/3/stacks/{}/deployments", scene.uid);
    let rows = scene.lab.get(&path, &scene.token).await.response();
    assert_eq!(
        rows[0]["outcome"],
        json!({"code": "success", "meaning": "Successful"})
    );
    let answer = Scene::with("redeploy=no-action-id")
        .await
        .redeploy()
        .await
        .response();
    assert_eq!(
        (&answer["ok"], &answer["async_action_id"]),
        (&json!(true), &Value::Null)
    );
}

#[tokio::test]
async fn a_warning_stands_beside_an_answer_that_is_otherwise_right() {
    let warned = Scene::with("stack=warning:Your plan ends soon")
        .await
        .stack()
        .await;
    assert_eq!(warned.header("x-cloud66-warning"), "Your plan ends soon");
    assert_eq!(warned.response()["name"], "Storefront");
}

#[tokio::test]
async fn a_clock_that_is_wrong() {
    let right = Lab::start().await;
    let uid = right.stack("Storefront", "production").uid;
    let path = format!("/api/3/stacks/{uid}");
    let truth = right.get(&path, &right.token(MAYA, &[Scope::Public])).await;
    assert_eq!(truth.header("date"), "Wed, 04 Mar 2026 10:00:00 GMT");
    let skewed = Scene::with("stack=clock-skew:-3600").await.stack().await;
    assert_eq!(skewed.header("date"), "Wed, 04 Mar 2026 09:00:00 GMT");
    let hour =
        |answer: &Answer| answer.json()["response"]["updated_at_iso"].as_str().unwrap()[11..13].to_owned();
    let (right, wrong): (i32, i32) = (hour(&truth).parse().unwrap(), hour(&skewed).parse().unwrap());
    assert_eq!((right + 23) % 24, wrong);
}

#[tokio::test]
async fn the_token_endpoint_can_fail_too() {
    let scene = Scene::with("token=status:500;count=1").await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", "x"),
        ("redirect_uri", LOOPBACK_CALLBACK),
    ];
    assert_eq!(scene.lab.exchange(&form).await.status, 500);
    assert_eq!(scene.lab.exchange(&form).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_fault_is_aimed_and_lasts_as_long_as_it_says() {
    let scene = Scene::with("redeploy=conflict;skip=1;count=2").await;
    assert_eq!(scene.stacks().await.status, 200, "aimed at another operation");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(scene.redeploy().await.status.as_u16());
    }
    assert_eq!(statuses, [200, 409, 409, 200]);
    assert!(scene.lab.world().faults().is_empty());
    scene.lab.world().add_fault("all=trial-expired".parse().unwrap());
    assert_eq!(scene.stacks().await.status, 402);
    scene.lab.world().clear_faults();
    assert_eq!(scene.stacks().await.status, 200);
}

#[tokio::test]
async fn a_token_revoked_in_mid_session() {
    let scene = Scene::with("stack=unauthenticated;skip=1;count=1").await;
    let statuses = [
        scene.stack().await.status,
        scene.stack().await.status,
        scene.stack().await.status,
    ];
    assert_eq!(statuses.map(|status| status.as_u16()), [200, 401, 200]);
    assert_eq!(scene.lab.world().revoke_tokens_of(MAYA), 2);
    assert_eq!(scene.stack().await.status, 401, "for good");
}

#[test]
fn the_manual_names_each_target_and_effect() {
    let manual = include_str!("../../docs/sandbox.md");
    for text in ["nothing=html", "all=nothing"] {
        let known = text.parse::<Fault>().unwrap_err().to_string();
        let known = known.split_once("known: ").unwrap().1;
        for name in known.split(", ") {
            assert!(
                manual.contains(&format!("`{name}`")),
                "docs/sandbox.md does not name {name}"
            );
        }
    }
}
