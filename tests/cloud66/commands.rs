//! What changes something: one request each, and an answer that says no more than is known.

use stackdeck::cloud66::{Answer, Error};
use stackdeck::domain::{ActionId, Command, DeploymentId, OperationId, RedeployOptions, StackUid};

use super::fake::{Fake, Reaction, Seen, TOKEN, Then, json};

const UID: &str = "4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01";

fn uid() -> StackUid {
    UID.parse().unwrap()
}

fn id() -> OperationId {
    OperationId::from(0x2f1e)
}

/// Sends a redeploy to a server that reacts so; gives the answer and what the server saw of it.
async fn redeploy(react: impl Fn() -> Reaction + Send + Sync + 'static) -> (Answer, Seen) {
    let fake = Fake::start(move |_, _| react()).await;
    let options = RedeployOptions::default();
    let answer = fake.api().send(uid(), id(), Command::Redeploy, &options).await;
    (answer, fake.only())
}

#[tokio::test]
async fn a_redeploy_sends_what_was_given_and_nothing_else() {
    let reference = id().to_string();
    let full = RedeployOptions {
        git_ref: Some("v1.2".into()),
        services: vec!["web:v14".into(), "worker".into()],
        deployment_profile: Some("fast lane".into()),
        note: Some("not for Cloud 66".into()),
    };
    let blank = RedeployOptions {
        git_ref: Some(String::new()),
        ..RedeployOptions::default()
    };
    let bare = serde_json::json!({ "user_reference": reference });
    let cases = [
        (
            full,
            serde_json::json!({
                "git_ref": "v1.2", "services": ["web:v14", "worker"], "deployment_profile": "fast lane",
                "user_reference": reference
            }),
        ),
        (RedeployOptions::default(), bare.clone()),
        (blank, bare),
    ];
    for (options, body) in cases {
        let fake = Fake::start(|_, _| json(200, r#"{"response":{"ok":true}}"#)).await;
        fake.api().send(uid(), id(), Command::Redeploy, &options).await;
        let seen = fake.only();
        assert_eq!(
            (seen.method.as_str(), seen.path),
            ("POST", format!("/api/3/stacks/{UID}/deployments.json"))
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&seen.body).unwrap(),
            body
        );
    }
    let (_, seen) = redeploy(|| json(200, r#"{"ok":true}"#)).await;
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(
        seen.header("authorization"),
        Some(format!("Bearer {TOKEN}").as_str())
    );
    assert!(seen.query.is_empty());
}

#[tokio::test]
async fn the_other_commands_are_actions() {
    let reference = id().to_string();
    for (command, body) in [
        (Command::Restart, serde_json::json!({ "command": "restart" })),
        (
            Command::ClearCaches,
            serde_json::json!({ "command": "clear_caches" }),
        ),
        (
            Command::MaintenanceOn,
            serde_json::json!({ "command": "maintenance_mode", "value": 1 }),
        ),
        (
            Command::MaintenanceOff,
            serde_json::json!({ "command": "maintenance_mode", "value": 0 }),
        ),
    ] {
        let fake = Fake::start(|_, _| {
            json(
                200,
                r#"{"response":{"id":70432,"action":"x","finished_at":null}}"#,
            )
        })
        .await;
        let answer = fake
            .api()
            .send(uid(), id(), command, &RedeployOptions::default())
            .await;
        let seen = fake.only();
        assert_eq!(seen.path, format!("/api/3/stacks/{UID}/actions.json"));
        let mut body = body;
        body["user_reference"] = reference.clone().into();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&seen.body).unwrap(),
            body
        );
        let accepted = Answer::Accepted {
            action: Some(ActionId(70432)),
            queued: false,
            message: String::new(),
        };
        assert_eq!(answer, accepted);
    }
}

#[tokio::test]
async fn version_2_has_a_path_for_each_command_and_none_for_caches() {
    for (command, path, body) in [
        (Command::Redeploy, "redeploy", ""),
        (Command::Restart, "restart", ""),
        (Command::MaintenanceOn, "maintenance_mode", "value=1"),
        (Command::MaintenanceOff, "maintenance_mode", "value=0"),
    ] {
        let fake = Fake::start(|_, _| json(200, r#"{"ok":true,"message":"Restart is queued"}"#)).await;
        let options = RedeployOptions {
            git_ref: Some("main".into()),
            ..RedeployOptions::default()
        };
        let answer = fake.api_of_version_2().send(uid(), id(), command, &options).await;
        let seen = fake.only();
        assert_eq!(
            (seen.method.as_str(), seen.path),
            ("POST", format!("/api/2/stacks/{UID}/{path}.json"))
        );
        assert_eq!(seen.body, body);
        let message = "Restart is queued".to_owned();
        assert_eq!(
            answer,
            Answer::Accepted {
                action: None,
                queued: false,
                message
            }
        );
    }
    let fake = Fake::start(|_, _| json(200, "{}")).await;
    let api = fake.api_of_version_2();
    let answer = api
        .send(uid(), id(), Command::ClearCaches, &RedeployOptions::default())
        .await;
    assert_eq!(answer, Answer::NotOffered);
    assert_eq!(
        api.cancel(uid(), DeploymentId(1)).await,
        Err(Error::NotImplemented)
    );
    assert_eq!(fake.seen().len(), 0);
}

#[tokio::test]
async fn a_yes_is_accepted() {
    for (body, action, queued) in [
        (
            r#"{"response":{"ok":true,"message":"Go","queued":false,"async_action_id":7}}"#,
            Some(7),
            false,
        ),
        (
            r#"{"response":{"ok":"true","message":"Go","queued":"true","async_action_id":"7"}}"#,
            Some(7),
            true,
        ),
        (
            r#"{"response":{"ok":true,"message":"Go","queued":true,"async_action_id":null}}"#,
            None,
            true,
        ),
        (r#"{"ok":true,"message":"Go"}"#, None, false),
    ] {
        let (answer, _) = redeploy(move || json(200, body)).await;
        let expected = Answer::Accepted {
            action: action.map(ActionId),
            queued,
            message: "Go".into(),
        };
        assert_eq!(answer, expected, "{body}");
    }
}

/// Case E11.
#[tokio::test]
async fn a_no_is_refused() {
    let words = || "No\u{a0}way".to_owned().replace('\u{a0}', " ");
    for (status, expected) in [
        (
            400,
            Error::Rejected {
                status: 400,
                words: words(),
            },
        ),
        (401, Error::SignedOut),
        (402, Error::TrialOver),
        (403, Error::Forbidden { words: words() }),
        (404, Error::Gone),
        (409, Error::Conflict { words: words() }),
        (
            422,
            Error::Rejected {
                status: 422,
                words: words(),
            },
        ),
    ] {
        let (answer, _) = redeploy(move || json(status, r#"{"error":"x","details":"No\nway"}"#)).await;
        assert_eq!(answer, Answer::Refused(expected), "{status}");
    }
    let (answer, _) = redeploy(|| json(200, r#"{"response":{"ok":false,"message":"No way"}}"#)).await;
    assert_eq!(
        answer,
        Answer::Refused(Error::Rejected {
            status: 200,
            words: words()
        })
    );
    let (answer, _) = redeploy(|| json(503, r#"{"error":"not_implemented"}"#)).await;
    assert_eq!(answer, Answer::Refused(Error::NotImplemented));
    for (status, body) in [(503, r#"{"error":"throttled"}"#), (429, "")] {
        let (answer, _) = redeploy(move || json(status, body)).await;
        assert!(
            matches!(answer, Answer::Refused(Error::Throttled { retry_at: Some(_) })),
            "{status}"
        );
    }
    // The head of a refusal is a refusal, whatever became of its body.
    let (answer, _) = redeploy(|| {
        Reaction::Raw(
            b"HTTP/1.1 403 X\r\nContent-Length: 99\r\n\r\n{".to_vec(),
            Then::Reset,
        )
    })
    .await;
    assert_eq!(answer, Answer::Refused(Error::Forbidden { words: String::new() }));
}

/// Case E13; the measurement M13: the error is the same whether the server did the work or never saw it.
#[tokio::test]
async fn neither_yes_nor_no_is_no_answer_and_is_never_sent_again() {
    let raw = |bytes: &'static [u8], then: fn() -> Then| move || Reaction::Raw(bytes.to_vec(), then());
    let (close, reset) = (|| Then::Close, || Then::Reset);
    let mut answers = vec![
        ("closed", redeploy(raw(b"", close)).await),
        ("reset", redeploy(raw(b"", reset)).await),
        (
            "half a head",
            redeploy(raw(b"HTTP/1.1 200 OK\r\nContent-", close)).await,
        ),
        ("no HTTP", redeploy(raw(b"SSH-2.0-x\r\n", close)).await),
        (
            "no body",
            redeploy(raw(
                b"HTTP/1.1 200 X\r\nContent-Length: 60\r\n\r\n{\"ok\":true",
                reset,
            ))
            .await,
        ),
        (
            "cut body",
            redeploy(raw(
                b"HTTP/1.1 200 X\r\nContent-Length: 60\r\n\r\n{\"ok\":true}",
                close,
            ))
            .await,
        ),
        (
            "endless chunks",
            redeploy(raw(
                b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{\"ok\":true}\r\n",
                close,
            ))
            .await,
        ),
        ("flood", redeploy(Reaction::flood).await),
        ("bomb", redeploy(Reaction::gzip_bomb).await),
    ];
    for status in [300, 302, 307, 408, 500, 502, 503, 504] {
        answers.push(("status", redeploy(move || json(status, r#"{"ok":true}"#)).await));
    }
    for body in [
        "",
        "{}",
        "<html>",
        r#"{"response":null}"#,
        r#"{"response":"ok"}"#,
        "[]",
        r#"{"ok":null}"#,
    ] {
        answers.push(("body", redeploy(move || json(200, body)).await));
    }
    for (what, (answer, seen)) in answers {
        assert_eq!(answer, Answer::NoAnswer, "{what}");
        assert_eq!(seen.method, "POST");
    }
}

#[tokio::test]
async fn a_silent_server_is_no_answer() {
    let fake = Fake::start(|_, _| Reaction::Raw(Vec::new(), Then::Silence)).await;
    let options = RedeployOptions::default();
    let answer = fake
        .hasty_api()
        .send(uid(), id(), Command::Redeploy, &options)
        .await;
    assert_eq!(answer, Answer::NoAnswer);
    assert_eq!(fake.only().method, "POST");
}

/// Cases U20, E14; the measurement M12: by default one send became eleven.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Fake::start(|_, _| json(200, r#"{"ok":true}"#)).await;
        let target = elsewhere.url.join("/there").unwrap().to_string();
        let (answer, seen) = redeploy(move || json(status, "").with("Location", target.clone())).await;
        assert_eq!(answer, Answer::NoAnswer, "{status}");
        assert_eq!(seen.method, "POST");
        assert_eq!(elsewhere.seen().len(), 0, "{status}");
    }
}

#[tokio::test]
async fn a_deployment_is_cancelled_by_its_id() {
    let fake = Fake::start(|_, number| match number {
        0 => json(
            200,
            r#"{"response":{"ok":true,"message":"Cancelling deployment"}}"#,
        ),
        1 => json(409, r#"{"error":"conflict","details":"It has finished"}"#),
        2 => json(200, r#"{"response":{"ok":false,"message":"Too late"}}"#),
        _ => json(500, ""),
    })
    .await;
    let api = fake.api();
    let cancel = || api.cancel(uid(), DeploymentId(5120));
    assert_eq!(cancel().await, Ok("Cancelling deployment".into()));
    assert_eq!(
        cancel().await,
        Err(Error::Conflict {
            words: "It has finished".into()
        })
    );
    assert_eq!(
        cancel().await,
        Err(Error::Rejected {
            status: 200,
            words: "Too late".into()
        })
    );
    assert_eq!(cancel().await, Err(Error::Down));
    let seen = fake.seen();
    assert_eq!(seen.len(), 4);
    assert_eq!(
        (seen[0].method.as_str(), seen[0].path.clone()),
        ("DELETE", format!("/api/3/stacks/{UID}/deployments/5120.json"))
    );
}
