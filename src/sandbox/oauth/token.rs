//! `POST /oauth/token`: an authorization code for an access token (fact sheet 3.3, 3.4, 3.9).
//!
//! A code is used once: it is marked before the token is issued, under the one lock. A request that is
//! refused leaves its code usable, as Doorkeeper does.

use super::{OAuthError, client, pkce, token_answer};
use crate::sandbox::http::{Answer, Request};
use crate::sandbox::options::Strictness;
use crate::sandbox::world::{Code, Scope, Settings, State, Token, World, same_scopes};
use time::OffsetDateTime;

/// What is handed out.
pub(super) struct Issued {
    pub(super) token: String,
    pub(super) scopes: Vec<Scope>,
    pub(super) created_at: OffsetDateTime,
}

/// Answers a token request.
pub(crate) fn answer(world: &World, request: &Request) -> Answer {
    let (mut state, now) = world.open();
    let settings = world.settings();
    match exchange(&mut state, settings, request, now) {
        Ok(issued) => token_answer::granted(&issued, request, settings.strictness),
        Err(error) => token_answer::refused(error, request, settings.strictness),
    }
}

fn exchange(
    state: &mut State,
    settings: &Settings,
    request: &Request,
    now: OffsetDateTime,
) -> Result<Issued, OAuthError> {
    let strict = settings.strictness == Strictness::Doorkeeper;
    match request.param("grant_type") {
        None if strict => return Err(OAuthError::invalid_request("The grant type is missing")),
        Some("authorization_code") | None => {}
        Some(_) => return Err(OAuthError::UNSUPPORTED_GRANT_TYPE),
    }
    let verifier = request.param("code_verifier");
    pkce::check_support(verifier, settings.pkce)?;
    let value = request
        .param("code")
        .ok_or(OAuthError::invalid_request("The code is missing"))?;
    let redirect_uri = request.param("redirect_uri");
    if strict && redirect_uri.is_none() {
        return Err(OAuthError::invalid_request("The redirect URI is missing"));
    }
    let application = client::authenticate(state, request)?.id;
    let code = state.codes.get_mut(value).ok_or(OAuthError::INVALID_GRANT)?;
    let usable = !code.used && now < code.expires_at && code.application == application;
    if !usable || redirect_uri.is_some_and(|uri| uri != code.redirect_uri) {
        return Err(OAuthError::INVALID_GRANT);
    }
    pkce::verify(code.challenge.as_ref(), verifier)?;
    code.used = true;
    let code = code.clone();
    Ok(issue(state, settings.strictness, code, now))
}

/// Up to Doorkeeper 1.2 the same token is given again, later a new one each time (fact sheet 3.9).
fn issue(state: &mut State, strictness: Strictness, code: Code, now: OffsetDateTime) -> Issued {
    if strictness == Strictness::Document2013 {
        let same = |token: &&Token| {
            !token.revoked
                && token.application == Some(code.application)
                && token.person == code.person
                && same_scopes(&token.scopes, &code.scopes)
        };
        if let Some(token) = state.tokens.iter().find(same) {
            return Issued {
                token: token.value.clone(),
                scopes: token.scopes.clone(),
                created_at: token.created_at,
            };
        }
    }
    let value = match strictness {
        Strictness::Document2013 => state.random.hex::<32>(),
        Strictness::Doorkeeper => state.random.url_safe(),
    };
    let issued = Issued {
        token: value.clone(),
        scopes: code.scopes.clone(),
        created_at: now,
    };
    state.issue_token(Token {
        value,
        application: Some(code.application),
        name: None,
        person: code.person,
        scopes: code.scopes,
        created_at: now,
        revoked: false,
    });
    issued
}
