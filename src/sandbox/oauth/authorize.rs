//! `/oauth/authorize`: checks the request, asks the person, and sends the browser back (fact sheet 3.1,
//! 3.2, 3.9).
//!
//! A request that is wrong never redirects: it ends on an error page here. Only a refusal by the person is
//! told to the application.

use super::{OAuthError, pkce, redirect_uri, scopes};
use crate::sandbox::http::{Answer, Params, json, redirect};
use crate::sandbox::options::Strictness;
use crate::sandbox::pages::{Visit, consent};
use crate::sandbox::world::{Application, CODE_LIFETIME, Code, OUT_OF_BAND, Scope, same_scopes};
use hyper::StatusCode;
use serde_json::json as value;
use url::Url;

/// An authorization request that may be put to the person.
pub(crate) struct Authorization {
    pub(crate) application: Application,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) state: Option<String>,
    challenge: Option<(String, String)>,
}

/// Shows the consent form, or goes on at once where the same access was given before.
pub(crate) fn show(visit: &mut Visit<'_>) -> Answer {
    let Some(person) = visit.person().map(|person| person.id) else {
        return visit.to_sign_in();
    };
    let asked = match check(visit, &visit.request.query) {
        Ok(asked) => asked,
        Err(error) => return refuse(visit, error),
    };
    let given = visit.state.tokens.iter().any(|token| {
        !token.revoked
            && token.person == person
            && token.application == Some(asked.application.id)
            && same_scopes(&token.scopes, &asked.scopes)
    });
    if given {
        grant(visit, person, asked)
    } else {
        consent::page(visit, &asked)
    }
}

/// The person gave access.
pub(crate) fn approve(visit: &mut Visit<'_>) -> Answer {
    let Some(person) = visit.person().map(|person| person.id) else {
        return visit.to_sign_in();
    };
    match check(visit, &visit.request.form) {
        Ok(asked) => grant(visit, person, asked),
        Err(error) => refuse(visit, error),
    }
}

/// The person refused. Without a callback there is nobody to send back to, so the answer is JSON.
pub(crate) fn deny(visit: &mut Visit<'_>) -> Answer {
    let asked = match check(visit, &visit.request.form) {
        Ok(asked) => asked,
        Err(error) => return refuse(visit, error),
    };
    let OAuthError { code, description } = OAuthError::ACCESS_DENIED;
    if asked.redirect_uri == OUT_OF_BAND {
        let status = match visit.settings.strictness {
            Strictness::Document2013 => StatusCode::UNAUTHORIZED,
            Strictness::Doorkeeper => StatusCode::BAD_REQUEST,
        };
        return json(
            status,
            &value!({ "error": code, "error_description": description }),
        );
    }
    back(
        visit,
        &asked,
        &[("error", code), ("error_description", description)],
    )
}

/// Shows an out-of-band code. It is only displayed, never looked up.
pub(crate) fn show_code(visit: &mut Visit<'_>, code: &str) -> Answer {
    consent::code_page(visit, code)
}

fn check(visit: &Visit<'_>, params: &Params) -> Result<Authorization, OAuthError> {
    let strictness = visit.settings.strictness;
    let strict = strictness == Strictness::Doorkeeper;
    let client_id = match params.get("client_id") {
        Some(client_id) => client_id,
        None if strict => return Err(OAuthError::invalid_request("The client id is missing")),
        None => return Err(OAuthError::INVALID_CLIENT),
    };
    let application = visit
        .state
        .application_by_client_id(client_id)
        .ok_or(OAuthError::INVALID_CLIENT)?
        .clone();
    let redirect_uri = match params.get("redirect_uri") {
        Some(requested) => Some(requested),
        None if strict => None,
        None => redirect_uri::default(&application),
    };
    let redirect_uri = redirect_uri
        .filter(|requested| redirect_uri::allowed(&application, requested, strictness))
        .ok_or(OAuthError::INVALID_REDIRECT_URI)?
        .to_owned();
    match params.get("response_type") {
        None if strict => return Err(OAuthError::invalid_request("The response type is missing")),
        Some("code") | None => {}
        Some(_) => return Err(OAuthError::UNSUPPORTED_RESPONSE_TYPE),
    }
    let scopes = scopes::read(params.get("scope"), strictness)?;
    let challenge = pkce::challenge(params, visit.settings.pkce)?;
    let state = params.get("state").map(str::to_owned);
    Ok(Authorization {
        application,
        redirect_uri,
        scopes,
        state,
        challenge,
    })
}

fn grant(visit: &mut Visit<'_>, person: u64, asked: Authorization) -> Answer {
    let value = match visit.settings.strictness {
        Strictness::Document2013 => visit.state.random.hex::<32>(),
        Strictness::Doorkeeper => visit.state.random.url_safe(),
    };
    let answer = if asked.redirect_uri == OUT_OF_BAND {
        redirect(&format!("/oauth/authorize/native?code={value}"))
    } else {
        back(visit, &asked, &[("code", &value)])
    };
    let code = Code {
        application: asked.application.id,
        person,
        redirect_uri: asked.redirect_uri,
        scopes: asked.scopes,
        challenge: asked.challenge,
        expires_at: visit.now + CODE_LIFETIME,
        used: false,
    };
    visit.state.issue_code(value, code, visit.now);
    answer
}

/// Sends the browser to the application; a query that its redirect URI has stays.
fn back(visit: &mut Visit<'_>, asked: &Authorization, fields: &[(&str, &str)]) -> Answer {
    let Ok(mut url) = Url::parse(&asked.redirect_uri) else {
        return refuse(visit, OAuthError::INVALID_REDIRECT_URI);
    };
    {
        let mut query = url.query_pairs_mut();
        query.extend_pairs(fields);
        if let Some(state) = &asked.state {
            query.append_pair("state", state);
        }
    }
    redirect(url.as_str())
}

/// The error page. Up to Doorkeeper 5.6 its status was 200.
fn refuse(visit: &mut Visit<'_>, error: OAuthError) -> Answer {
    let status = match visit.settings.strictness {
        Strictness::Document2013 => StatusCode::OK,
        Strictness::Doorkeeper if error == OAuthError::INVALID_CLIENT => StatusCode::UNAUTHORIZED,
        Strictness::Doorkeeper => StatusCode::BAD_REQUEST,
    };
    consent::error_page(visit, status, error)
}

impl Authorization {
    /// The fields that both consent forms carry along.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("client_id", self.application.client_id.clone()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("response_type", "code".to_owned()),
            ("scope", crate::sandbox::world::join(&self.scopes)),
        ];
        if let Some(state) = &self.state {
            fields.push(("state", state.clone()));
        }
        if let Some((method, challenge)) = &self.challenge {
            fields.push(("code_challenge", challenge.clone()));
            fields.push(("code_challenge_method", method.clone()));
        }
        fields
    }
}
