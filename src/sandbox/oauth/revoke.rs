//! `POST /oauth/revoke` (RFC 7009; fact sheet 3.9).

use super::{OAuthError, client, no_store, token_answer};
use crate::sandbox::api::token_in;
use crate::sandbox::http::{Answer, Request, json};
use crate::sandbox::options::Strictness;
use crate::sandbox::world::{State, World};
use hyper::StatusCode;
use serde_json::json as value;

/// Revokes the token named in the body. A token that does not exist is no error.
pub(crate) fn answer(world: &World, request: &Request) -> Answer {
    let (mut state, _) = world.open();
    let strictness = world.settings().strictness;
    let allowed = match strictness {
        Strictness::Doorkeeper => as_client(&state, request),
        Strictness::Document2013 => as_bearer(&state, request),
    };
    let mut answer = match allowed {
        Ok(application) => {
            let value = request.form.get("token").unwrap_or_default();
            let other = state
                .token(value)
                .is_some_and(|token| token.application != application);
            if other && strictness == Strictness::Doorkeeper {
                unauthorized_client()
            } else {
                state.revoke(|token| token.value == value && token.application == application);
                json(StatusCode::OK, &value!({}))
            }
        }
        Err(_) if strictness == Strictness::Doorkeeper => unauthorized_client(),
        Err(error) => token_answer::refused(error, request, strictness),
    };
    no_store(&mut answer);
    answer
}

/// From Doorkeeper 5 on the client authenticates.
fn as_client(state: &State, request: &Request) -> Result<Option<u64>, OAuthError> {
    client::authenticate(state, request).map(|application| Some(application.id))
}

/// Up to Doorkeeper 4 a valid bearer token of the same application is needed.
fn as_bearer(state: &State, request: &Request) -> Result<Option<u64>, OAuthError> {
    let token = token_in(request).and_then(|token| state.token(token));
    let token = token.ok_or(OAuthError::invalid_request("The access token is not valid"))?;
    Ok(token.application)
}

fn unauthorized_client() -> Answer {
    let body = value!({
        "error": "unauthorized_client",
        "error_description": "You are not authorized to revoke this token",
    });
    json(StatusCode::FORBIDDEN, &body)
}
