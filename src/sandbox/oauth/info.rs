//! `GET /oauth/token/info` (fact sheet 3.9).

use super::{OAuthError, no_store, token_answer};
use crate::sandbox::api::token_in;
use crate::sandbox::http::{Answer, Request, json};
use crate::sandbox::options::Strictness;
use crate::sandbox::world::World;
use hyper::StatusCode;
use serde_json::json as value;

/// Says what the bearer token stands for.
pub(crate) fn answer(world: &World, request: &Request) -> Answer {
    let (state, _) = world.open();
    let strictness = world.settings().strictness;
    let Some(token) = token_in(request).and_then(|token| state.token(token)) else {
        let error = match strictness {
            Strictness::Document2013 => OAuthError::invalid_request("The access token is not valid"),
            Strictness::Doorkeeper => OAuthError {
                code: "invalid_token",
                description: "The access token is not valid",
            },
        };
        let body = value!({ "error": error.code, "error_description": error.description });
        let mut answer = json(StatusCode::UNAUTHORIZED, &body);
        token_answer::challenge(&mut answer, error);
        return answer;
    };
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
    let application = token.application.and_then(|id| state.application(id));
    let application = value!({ "uid": application.map(|application| &application.client_id) });
    let body = match strictness {
        Strictness::Document2013 => value!({
            "resource_owner_id": token.person,
            "scopes": scopes,
            "expires_in_seconds": null,
            "application": application,
        }),
        Strictness::Doorkeeper => value!({
            "resource_owner_id": token.person,
            "scope": scopes,
            "expires_in": null,
            "application": application,
            "created_at": token.created_at.unix_timestamp(),
        }),
    };
    let mut answer = json(StatusCode::OK, &body);
    no_store(&mut answer);
    answer
}
