//! The redeploy hook (fact sheet 6.6): whoever holds its URL may deploy, without a token.

use super::http::{Answer, Request, json};
use super::operation::Call;
use super::world::{Order, Via, World};
use hyper::StatusCode;
use serde_json::json as value;

/// Answers a POST to a stack's hook: 200, or 404 for a URL that no stack has.
pub(super) fn answer(world: &World, request: &Request, call: &Call) -> Answer {
    let (mut state, now) = world.open();
    let found = state
        .stacks
        .iter()
        .find(|stack| stack.hook.0 == call.id(0) && stack.hook.1 == call.id(1));
    let Some(stack) = found else {
        return json(
            StatusCode::NOT_FOUND,
            &value!({ "ok": false, "message": "There is no such hook" }),
        );
    };
    // The payload of a repository host names the branch that was pushed to.
    let pushed = request
        .form
        .get("ref")
        .and_then(|reference| reference.strip_prefix("refs/heads/"));
    if pushed.is_some_and(|branch| Some(branch) != stack.git_branch.as_deref()) {
        let body = value!({ "ok": false, "message": "The branch is not the one of this stack" });
        return json(StatusCode::OK, &body);
    }
    let uid = stack.uid.clone();
    let order = Order {
        by: None,
        via: Via::Hook,
        user_reference: None,
    };
    state.deploy(&uid, &order, request.param("git_ref"), Vec::new(), now);
    json(
        StatusCode::OK,
        &value!({ "ok": true, "message": "Stack queued for redeployment" }),
    )
}
