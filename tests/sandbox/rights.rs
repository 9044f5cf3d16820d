//! Who may do what: tokens, scopes, roles, accounts, the hourly limit, the errors' shape (fact sheet 3.5,
//! 3.6, 5.3, 5.4, 5.5).

use crate::support::{INGRID, JUN, Lab, MAYA, OSKAR, PRIYA, TOMAS, read};
use reqwest::Method;
use serde_json::json;
use stackdeck::sandbox::{RateLimit, Refusal, Role, Scope};

#[tokio::test]
async fn section_3_5_each_way_to_send_a_token() {
    let lab = Lab::start().await;
    let token = lab.token(MAYA, &[Scope::Public]);
    let get = |path: String| lab.request(Method::GET, &path);
    for header in [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER {token}"),
    ] {
        let request = get("/api/3/ping/auth".to_owned()).header("authorization", header);
        assert_eq!(read(request).await.status, 200);
    }
    for name in ["access_token", "bearer_token"] {
        assert_eq!(
            read(get(format!("/api/3/ping/auth?{name}={token}"))).await.status,
            200,
            "{name}"
        );
    }
    for path in [
        "/api/3/ping/auth",
        "/api/3/ping/auth?access_token=",
        "/api/3/ping/auth?access_token=made-up",
    ] {
        let refused = read(get(path.to_owned())).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error"]),
            (401, &json!("unauthenticated"))
        );
        assert!(refused.json()["error_description"].is_string() && refused.json()["details"].is_string());
    }
    let basic = get("/api/3/ping/auth".to_owned()).header("authorization", format!("Basic {token}"));
    assert_eq!(read(basic).await.status, 401);
    lab.world().revoke_all_tokens();
    assert_eq!(lab.get("/api/3/ping/auth", &token).await.status, 401);
    assert!(
        !format!("{:?}", lab.world().journal().entries()).contains(&token),
        "the journal has no token"
    );
}

#[tokio::test]
async fn section_3_6_each_operation_needs_its_scope() {
    let lab = Lab::start().await;
    let uid = lab.stack("Storefront", "staging").uid;
    let deployment = lab.stack("Storefront", "staging").newest().unwrap().id;
    let stack = format!("/api/3/stacks/{uid}");
    let rows: [(&str, String, Scope); 16] = [
        ("GET", "/api/3/ping/auth".to_owned(), Scope::Public),
        ("GET", "/api/3/stacks".to_owned(), Scope::Public),
        ("GET", stack.clone(), Scope::Public),
        ("GET", format!("{stack}/deployments"), Scope::Public),
        ("GET", format!("{stack}/deployments/{deployment}"), Scope::Public),
        ("POST", format!("{stack}/deployments"), Scope::Redeploy),
        (
            "DELETE",
            format!("{stack}/deployments/{deployment}"),
            Scope::Redeploy,
        ),
        ("GET", format!("{stack}/actions"), Scope::Public),
        ("POST", format!("{stack}/actions"), Scope::Redeploy),
        ("GET", format!("{stack}/settings"), Scope::Public),
        ("GET", format!("{stack}/services"), Scope::Public),
        ("GET", "/api/3/accounts".to_owned(), Scope::Users),
        ("GET", "/api/3/accounts/912".to_owned(), Scope::Users),
        ("GET", "/api/3/users".to_owned(), Scope::Users),
        ("GET", "/api/3/users/77".to_owned(), Scope::Users),
        ("GET", "/api/3/operations/x/logs".to_owned(), Scope::Public),
    ];
    for (method, path, needed) in rows {
        let method: Method = method.parse().unwrap();
        for scope in Scope::ALL {
            let request = lab
                .request(method.clone(), &path)
                .bearer_auth(lab.token(MAYA, &[scope]));
            let answer = read(request).await;
            assert_eq!(
                answer.status == 403,
                scope != needed,
                "{method} {path} with {}",
                scope.name()
            );
            if scope != needed {
                assert_eq!(answer.json()["error"], "forbidden");
                assert!(answer.json()["details"].as_str().unwrap().contains(needed.name()));
            }
        }
    }
}

#[tokio::test]
async fn roles_narrow_what_scopes_allow() {
    let lab = Lab::start().await;
    let uid = lab.stack("Storefront", "production").uid;
    for (email, stack, redeploy) in [
        (MAYA, 200, 200),
        (TOMAS, 200, 200),
        (INGRID, 200, 403),
        (JUN, 200, 403),
    ] {
        let token = lab.deployer(email);
        assert_eq!(
            lab.get(&format!("/api/3/stacks/{uid}"), &token).await.status,
            stack,
            "{email}"
        );
        let answer = lab
            .post(&format!("/api/3/stacks/{uid}/deployments"), &token, &[])
            .await;
        assert_eq!(answer.status, redeploy, "{email}");
        let actions = lab
            .post(
                &format!("/api/3/stacks/{uid}/actions"),
                &token,
                &[("command", "restart")],
            )
            .await;
        assert_eq!(actions.status, redeploy, "{email}");
        if redeploy == 403 {
            assert_eq!(answer.json()["error"], "forbidden");
            assert!(answer.json()["details"].as_str().unwrap().contains("Viewer"));
        }
    }
    let elsewhere = lab.stack("Gallery Bergen", "production").uid;
    let hidden = lab
        .get(&format!("/api/3/stacks/{elsewhere}"), &lab.deployer(TOMAS))
        .await;
    assert_eq!(
        (hidden.status.as_u16(), &hidden.json()["error"]),
        (404, &json!("not_found"))
    );
    assert!(lab.world().set_role(INGRID, &uid, Role::Deployer));
    let answer = lab
        .post(
            &format!("/api/3/stacks/{uid}/deployments"),
            &lab.deployer(INGRID),
            &[],
        )
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn somebody_with_roles_on_single_stacks_sees_those_only() {
    let lab = Lab::start().await;
    let token = lab.deployer(PRIYA);
    let list = lab.get("/api/3/stacks", &token).await.response();
    assert_eq!(list.as_array().unwrap().len(), 5);
    let person = lab.world().person(PRIYA).unwrap();
    for (uid, role) in &person.stack_roles {
        let answer = lab
            .post(&format!("/api/3/stacks/{uid}/deployments"), &token, &[])
            .await;
        assert_eq!(answer.status == 200, *role >= Role::Deployer, "{role:?}");
    }
}

#[tokio::test]
async fn section_5_5_x_account_chooses_among_accounts() {
    let lab = Lab::start().await;
    let token = lab.token(JUN, &[Scope::Public]);
    let ask = |path: &str, account: &str| {
        let request = lab
            .request(Method::GET, path)
            .bearer_auth(&token)
            .header("x-account", account);
        read(request)
    };
    let count = |answer: crate::support::Answer| answer.json()["pagination"]["count"].as_u64().unwrap();
    let all = count(lab.get("/api/3/stacks", &token).await);
    let (one, other) = (
        count(ask("/api/3/stacks", "1340").await),
        count(ask("/api/3/stacks", "912").await),
    );
    assert!(one > 0 && other > 0);
    assert_eq!(
        all,
        one + other,
        "without it: every account the person belongs to"
    );
    assert_eq!(ask("/api/3/ping/auth", "912").await.response()["account_id"], 912);
    assert_eq!(
        lab.get("/api/3/ping/auth", &token).await.response()["account_id"],
        1340,
        "the primary one"
    );
    let uid = lab.stack("Storefront", "production").uid;
    assert_eq!(
        ask(&format!("/api/3/stacks/{uid}"), "1340").await.status,
        404,
        "of the other account"
    );
    assert_eq!(ask("/api/3/stacks", "2304").await.status, 403, "not a member");
    assert_eq!(ask("/api/3/stacks", "many").await.status, 400);
}

#[tokio::test]
async fn section_5_4_errors() {
    let lab = Lab::start().await;
    let token = lab.token(MAYA, &[Scope::Public]);
    let oskar = lab.token(OSKAR, &[Scope::Public]);
    for (path, token, status, error) in [
        (
            "/api/3/stacks/00000000000000000000000000000000",
            &token,
            404,
            "not_found",
        ),
        ("/api/3/nothing", &token, 404, "not_found"),
        ("/api/v3/stacks.json", &token, 404, "not_found"),
        ("/api/3/stack.json", &token, 404, "not_found"),
        ("/api/3/stacks/x/servers", &token, 503, "not_implemented"),
        ("/api/2/accounts", &token, 503, "not_implemented"),
        ("/api/3/stacks", &oskar, 402, "trial_expired"),
    ] {
        let answer = lab.get(path, token).await;
        let body = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &body["error"]),
            (status, &json!(error)),
            "{path}"
        );
        assert!(
            body["error_description"].is_string() && body["details"].is_string(),
            "{path}"
        );
        assert!(body.get("response").is_none(), "errors have no envelope");
    }
}

#[tokio::test]
async fn section_5_3_the_hourly_limit() {
    let lab = Lab::start().await;
    lab.world().set_rate_limit(RateLimit {
        per_hour: 3,
        refusal: Refusal::ServiceUnavailable,
    });
    let token = lab.token(MAYA, &[Scope::Public]);
    for remaining in ["2", "1", "0"] {
        let answer = lab.get("/api/3/ping/auth", &token).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-ratelimit-limit")),
            (200, "3")
        );
        assert_eq!(answer.header("x-ratelimit-remaining"), remaining);
    }
    let other_token = lab.token(MAYA, &[Scope::Public]);
    let throttled = lab.get("/api/3/ping/auth", &other_token).await;
    assert_eq!(
        (throttled.status.as_u16(), &throttled.json()["error"]),
        (503, &json!("throttled")),
        "per person"
    );
    assert_eq!(throttled.header("retry-after"), "", "none is documented");
    assert_eq!(
        lab.get("/api/3/ping/auth", &lab.token(TOMAS, &[Scope::Public]))
            .await
            .status,
        200
    );
    assert_eq!(read(lab.request(Method::GET, "/api/3/ping")).await.status, 200);
    lab.advance(3599.0);
    assert_eq!(lab.get("/api/3/ping/auth", &token).await.status, 503);
    lab.advance(1.0);
    assert_eq!(
        lab.get("/api/3/ping/auth", &token).await.status,
        200,
        "until the next interval of an hour"
    );
    lab.world().set_rate_limit("0/429".parse().unwrap());
    let too_many = lab.get("/api/3/ping/auth", &token).await;
    assert_eq!(
        (too_many.status.as_u16(), &too_many.json()["error"]),
        (429, &json!("throttled"))
    );
}

#[tokio::test]
async fn section_4_1_the_hook_is_only_there_with_the_redeploy_scope() {
    let lab = Lab::start().await;
    let uid = lab.stack("Storefront", "production").uid;
    for version in ["2", "3"] {
        for (email, scopes, there) in [
            (MAYA, &[Scope::Public][..], false),
            (MAYA, &[Scope::Public, Scope::Redeploy][..], true),
            (INGRID, &[Scope::Public, Scope::Redeploy][..], false),
        ] {
            let token = lab.token(email, scopes);
            let stack = lab
                .get(&format!("/api/{version}/stacks/{uid}"), &token)
                .await
                .response();
            assert_eq!(
                stack.get("redeploy_hook").is_some(),
                there,
                "{version} {email} {scopes:?}"
            );
            let list = lab
                .get(&format!("/api/{version}/stacks"), &token)
                .await
                .response();
            assert_eq!(list[0].get("redeploy_hook").is_some(), there);
        }
    }
}
