//! A Cloud 66 that says what the test wants at the token endpoint, and the least that a sign-in needs elsewhere.

#[expect(dead_code, reason = "it has more than these tests need")]
#[path = "../../cloud66/fake.rs"]
mod fake;

pub(super) use fake::{Fake, Reaction, Seen, Then, json};

const PING: &str = r#"{"response":{"user_id":77,"user_name":"Ana","account_id":912,"account_name":"One"}}"#;

/// Starts one. `token` says what the token endpoint does with its requests.
pub(super) async fn start(token: impl Fn(&Seen, usize) -> Reaction + Send + Sync + 'static) -> Fake {
    Fake::start(move |seen, number| match seen.path.as_str() {
        "/oauth/token" => token(seen, number),
        "/api/3/ping/auth.json" => json(200, PING),
        "/api/3/stacks.json" => json(200, r#"{"response":[],"count":0}"#),
        _ => json(404, r#"{"error":"not_found"}"#),
    })
    .await
}

/// A token answer.
pub(super) fn token(text: &str) -> Reaction {
    json(
        200,
        format!(r#"{{"access_token":"{text}","token_type":"Bearer","scope":"public redeploy"}}"#),
    )
}

/// What the token endpoint was asked.
pub(super) fn exchanges(fake: &Fake) -> Vec<Seen> {
    let mut seen = fake.seen();
    seen.retain(|seen| seen.path == "/oauth/token");
    seen
}

/// Starts one that gives a token and this list of stacks, a JSON array.
pub(super) async fn start_with_stacks(stacks: &str) -> Fake {
    let list = format!(r#"{{"response":{stacks},"count":2}}"#);
    Fake::start(move |seen, _| match seen.path.as_str() {
        "/oauth/token" => token("marker-token-of-the-fake"),
        "/api/3/ping/auth.json" => json(200, PING),
        "/api/3/stacks.json" => json(200, list.clone()),
        _ => json(404, r#"{"error":"not_found"}"#),
    })
    .await
}

/// Signs in at an app whose Cloud 66 is a fake, and gives the session's cookie.
pub(super) async fn sign_in(app: &crate::harness::TestApp) -> String {
    use super::flow::{SESSION, SIGN_IN, begin, query};
    let begun = begin(app).send().await;
    let state = query(&begun.location().parse().unwrap())["state"].clone();
    let page = crate::harness::Ask::get(format!("{}/oauth/callback?code=abc&state={state}", app.url))
        .cookie(SIGN_IN, begun.cookie_value(SIGN_IN).unwrap())
        .send()
        .await;
    page.cookie_value(SESSION).unwrap()
}
