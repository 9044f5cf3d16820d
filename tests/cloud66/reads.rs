//! What is asked, how it is asked, and what the answers become.

use stackdeck::cloud66::{Error, Reached};
use stackdeck::domain::{AccountId, ActionId, DeploymentId, OperationId, Outcome, StackUid, UserId};
use time::OffsetDateTime;
use time::macros::datetime;

use super::fake::{Fake, Reaction, TOKEN, api, client, json, patient};

fn uid() -> StackUid {
    "4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01".parse().unwrap()
}

#[tokio::test]
async fn a_request_carries_the_token_in_its_header_and_nothing_that_tells_more() {
    let fake = Fake::start(|_, _| {
        json(
            200,
            r#"{"response":{"user_id":77,"user_name":"Ana","account_id":912}}"#,
        )
        .with("Set-Cookie", "c66=1; Path=/")
    })
    .await;
    let api = fake.api();
    assert_eq!(api.whoami().await.unwrap().id, UserId(77));
    assert_eq!(api.whoami().await.unwrap().account, AccountId(912));
    let seen = fake.seen();
    assert_eq!(seen.len(), 2);
    for request in &seen {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("GET", "/api/3/ping/auth.json")
        );
        assert!(request.query.is_empty() && request.body.is_empty());
        assert_eq!(
            request.header("authorization"),
            Some(format!("Bearer {TOKEN}").as_str())
        );
        assert_eq!(request.header("accept"), Some("application/json"));
        let agent = format!("stackdeck/{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(request.header("user-agent"), Some(agent.as_str()));
        assert_eq!(request.header("cookie"), None);
        assert_eq!(request.header("referer"), None);
    }
    let ids: Vec<_> = seen
        .iter()
        .map(|request| request.header("request-id").unwrap())
        .collect();
    assert_eq!(ids[0].len(), 36);
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn objects_are_asked_for_by_their_own_paths() {
    let fake = Fake::start(|seen, _| {
        json(
            200,
            match seen.path.as_str() {
                "/api/3/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01.json" => {
                    r#"{"response":{"uid":"4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01","name":"shop"}}"#
                }
                "/api/3/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01/deployments.json" => {
                    r#"{"response":[{"id":3},null,{"id":2,"outcome":{"meaning":"failed"}}],"pagination":{"pages":9}}"#
                }
                "/api/3/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01/deployments/3.json" => r#"{"id":"3"}"#,
                "/api/3/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01/actions/9.json" => {
                    r#"{"id":9,"finished_at":"2025-03-04T09:03:09Z","finished_success":"true"}"#
                }
                "/api/3/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01/services.json" => {
                    r#"{"response":[{"name":"web","image_tag":"v14"},{"name":null}],"count":2}"#
                }
                "/api/3/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01/settings.json" => {
                    r#"{"response":[{"key":"continuous.deploy","value":"true"}]}"#
                }
                "/api/3/accounts.json" => r#"{"response":[{"id":912,"friendly_name":"Harbour Ltd"}]}"#,
                other => panic!("asked for {other}"),
            },
        )
    })
    .await;
    let api = fake.api();
    assert_eq!(api.stack(uid()).await.unwrap().name, "shop");
    let deployments = api.deployments(uid()).await.unwrap();
    let ids: Vec<_> = deployments.iter().map(|deployment| deployment.id.0).collect();
    assert_eq!((ids, &deployments[1].outcome), (vec![3, 2], &Outcome::Failed));
    assert_eq!(api.deployment(uid(), DeploymentId(3)).await.unwrap().id.0, 3);
    assert_eq!(
        api.action(uid(), ActionId(9)).await.unwrap().succeeded,
        Some(true)
    );
    assert_eq!(api.services(uid()).await.unwrap()[0].name, "web");
    assert_eq!(api.continuous_deploy(uid()).await, Ok(Some(true)));
    assert_eq!(
        api.accounts().await,
        Ok(vec![(AccountId(912), "Harbour Ltd".into())])
    );
    assert_eq!(fake.seen().len(), 7);
}

/// Case U22.
#[tokio::test]
async fn another_thing_than_was_asked_for_is_no_answer() {
    let fake = Fake::start(|_, _| json(200, r#"{"uid":"ffffffffffffffffffffffffffffffff","id":8}"#)).await;
    let api = fake.api();
    assert_eq!(api.stack(uid()).await, Err(Error::Unreadable));
    assert_eq!(
        api.deployment(uid(), DeploymentId(3)).await,
        Err(Error::Unreadable)
    );
    assert_eq!(api.action(uid(), ActionId(3)).await, Err(Error::Unreadable));
    assert_eq!(api.whoami().await, Err(Error::Unreadable));
}

#[tokio::test]
async fn version_2_asks_only_what_it_has() {
    let fake = Fake::start(|seen, _| match seen.path.as_str() {
        "/api/2/stacks.json" => json(
            200,
            r#"{"response":[{"uid":"4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01","name":"shop",
            "created_at":"2013-01-25T14:13:18+00:00"}],"count":1}"#,
        ),
        "/api/2/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01.json" => json(
            200,
            r#"{"uid":"4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01","name":"shop","status":2}"#,
        ),
        other => panic!("asked for {other}"),
    })
    .await;
    let api = fake.api_of_version_2();
    let listing = api.stacks().await.unwrap();
    assert_eq!(
        listing.stacks[0].created_at,
        Some(datetime!(2013-01-25 14:13:18 UTC))
    );
    assert_eq!(api.stack(uid()).await.unwrap().status.code(), Some(2));
    assert!(fake.seen().iter().all(|seen| seen.query.is_empty()));

    let missing = Err(Error::NotImplemented);
    assert_eq!(api.deployments(uid()).await.map(|_| ()), missing);
    assert_eq!(api.deployment(uid(), DeploymentId(1)).await.map(|_| ()), missing);
    assert_eq!(api.services(uid()).await.map(|_| ()), missing);
    assert_eq!(api.accounts().await.map(|_| ()), missing);
    assert_eq!(api.action(uid(), ActionId(1)).await.map(|_| ()), missing);
    assert_eq!(
        api.action_by_reference(uid(), OperationId::from(1))
            .await
            .map(|_| ()),
        missing
    );

    let me = api.whoami().await.unwrap();
    assert_eq!(me, fake.api_of_version_2().whoami().await.unwrap());
    assert!(me.id.0 > 0 && me.name == "Cloud 66 user");
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn every_refusal_is_told_apart() {
    let words = || "Ask your admin".to_owned();
    let cases = [
        (
            400,
            "x",
            Error::Rejected {
                status: 400,
                words: words(),
            },
        ),
        (401, "unauthenticated", Error::SignedOut),
        (402, "trial_expired", Error::TrialOver),
        (403, "forbidden", Error::Forbidden { words: words() }),
        (404, "not_found", Error::Gone),
        (408, "time_out", Error::Down),
        (409, "conflict", Error::Conflict { words: words() }),
        (
            422,
            "x",
            Error::Rejected {
                status: 422,
                words: words(),
            },
        ),
        (500, "x", Error::Down),
        (521, "x", Error::Down),
        (503, "not_implemented", Error::NotImplemented),
        (302, "x", Error::Unreadable),
    ];
    for (status, code, expected) in cases {
        let body = format!(r#"{{"error":"{code}","error_description":"no","details":"Ask your admin"}}"#);
        let fake = Fake::start(move |_, _| json(status, body.clone())).await;
        let error = fake.api().stack(uid()).await.unwrap_err();
        assert_eq!(error, expected, "{status}");
        assert_eq!(
            error.words().is_some(),
            format!("{error:?}").contains("Ask"),
            "{status}"
        );
    }
}

#[tokio::test]
async fn the_budget_counts_learns_and_pauses() {
    let fake = Fake::start(|_, number| match number {
        0 => json(200, r#"{"response":[]}"#)
            .with("X-RateLimit-Limit", "3600")
            .with("X-RateLimit-Remaining", "1200"),
        1 => json(503, r#"{"error":"throttled"}"#),
        2 => json(429, "").with("Retry-After", "5"),
        _ => json(200, r#"{"response":[]}"#),
    })
    .await;
    let (api, budget) = api(&fake.client());
    api.stacks().await.unwrap();
    assert_eq!((budget.usage().limit, budget.usage().remaining), (3_600, 1_200));
    assert!(budget.may_watch());

    let throttled = api.stacks().await.unwrap_err();
    let Error::Throttled {
        retry_at: Some(until),
    } = throttled
    else {
        panic!("{throttled:?}")
    };
    assert_eq!((until.minute(), until.second(), until.nanosecond()), (0, 0, 0));
    assert_eq!(budget.throttled_until(), Some(until));
    assert!(!budget.may_watch());

    let throttled = api.stacks().await.unwrap_err();
    assert!(matches!(throttled, Error::Throttled { retry_at: Some(sooner) } if sooner < until));
    // Neither was tried again by itself: each is one request.
    assert_eq!(fake.seen().len(), 3);

    api.stacks().await.unwrap();
    assert_eq!(budget.throttled_until(), None);
    assert_eq!(fake.seen().len(), 4);
}

/// Case U21.
#[tokio::test]
async fn a_warning_is_passed_on_as_plain_text() {
    let fake = Fake::start(|_, _| {
        json(200, r#"{"response":[]}"#).with(
            "X-Cloud66-Warning",
            format!("<b>Old</b> {TOKEN} https://x.example"),
        )
    })
    .await;
    let api = fake.api();
    let expected = Some("<b>Old</b> (hidden) (address)".to_owned());
    assert_eq!(api.stacks().await.unwrap().warning, expected);
    assert_eq!(api.warning(), expected);
}

#[tokio::test]
async fn reachable_tells_the_time_difference_and_takes_no_other_site_for_cloud_66() {
    let fake = Fake::start(|seen, number| {
        assert_eq!(
            (seen.path.as_str(), seen.header("authorization")),
            ("/api/3/ping.json", None)
        );
        match number {
            0 => json(200, r#"{"ok":true,"message":"pong"}"#).with("Date", "Mon, 23 Nov 2026 10:00:00 GMT"),
            1 => Reaction::Answer {
                status: 200,
                headers: vec![],
                body: b"<html>Welcome</html>".to_vec(),
            },
            _ => json(404, ""),
        }
    })
    .await;
    let client = fake.client();
    let Reached { date, ahead } = client.reachable().await.unwrap();
    assert_eq!(date, Some(datetime!(2026-11-23 10:00 UTC)));
    assert!(ahead.is_some());
    assert_eq!(client.reachable().await, Err(Error::Unreadable));
    assert_eq!(client.reachable().await, Err(Error::Gone));
}

#[tokio::test]
async fn version_2_is_reachable_where_it_refuses() {
    let fake = Fake::start(|_, _| json(401, r#"{"error":"unauthenticated"}"#)).await;
    let client = client(fake.url.clone(), stackdeck::cloud66::ApiVersion::V2, patient());
    let reached = client.reachable().await.unwrap();
    assert_eq!(reached.date, None::<OffsetDateTime>);
    assert_eq!(fake.only().path, "/api/2/stacks.json");
}
