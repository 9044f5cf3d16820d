//! A Cloud 66 that says what the test wants at the token endpoint, and the least that a sign-in needs elsewhere.

#[expect(dead_code, reason = "it has more than these tests need")]
#[path = "../../cloud66/fake.rs"]
mod fake;

pub(super) use fake::{Fake, Reaction, Seen, Then, json};

/// Starts one. `token` says what the token endpoint does with its requests.
pub(super) async fn start(token: impl Fn(&Seen, usize) -> Reaction + Send + Sync + 'static) -> Fake {
    Fake::start(move |seen, number| match seen.path.as_str() {
        "/oauth/token" => token(seen, number),
        "/api/3/ping/auth.json" => json(
            200,
            r#"{"response":{"user_id":77,"user_name":"Ana","account_id":912,"account_name":"One"}}"#,
        ),
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
