//! What a person sees at `/oauth/authorize`: the consent form, the out-of-band code, or what is wrong.

use super::{Frame, Visit, render};
use crate::sandbox::http::{Answer, set};
use crate::sandbox::oauth::{Authorization, OAuthError};
use crate::sandbox::world::OUT_OF_BAND;
use askama::Template;
use hyper::StatusCode;

#[derive(Template)]
#[template(path = "sandbox/consent.html")]
struct Consent {
    frame: Frame,
    application: String,
    /// Words on the wire and what they let the application do.
    scopes: Vec<(&'static str, &'static str)>,
    fields: Vec<(&'static str, String)>,
    /// The host the browser goes on to; `None` out of band.
    goes_to: Option<String>,
}

pub(crate) fn page(visit: &Visit<'_>, asked: &Authorization) -> Answer {
    let goes_to = (asked.redirect_uri != OUT_OF_BAND).then(|| asked.redirect_uri.clone());
    let template = Consent {
        frame: visit.frame("Authorize"),
        application: asked.application.name.clone(),
        scopes: asked
            .scopes
            .iter()
            .map(|scope| (scope.name(), scope.words()))
            .collect(),
        fields: asked.fields(),
        goes_to,
    };
    render(StatusCode::OK, &template)
}

#[derive(Template)]
#[template(path = "sandbox/code.html")]
struct CodePage {
    frame: Frame,
    code: String,
}

pub(crate) fn code_page(visit: &Visit<'_>, code: &str) -> Answer {
    render(
        StatusCode::OK,
        &CodePage {
            frame: visit.frame("Authorization code"),
            code: code.to_owned(),
        },
    )
}

#[derive(Template)]
#[template(path = "sandbox/error.html")]
struct ErrorPage {
    frame: Frame,
    error: OAuthError,
}

pub(crate) fn error_page(visit: &Visit<'_>, status: StatusCode, error: OAuthError) -> Answer {
    let mut answer = render(
        status,
        &ErrorPage {
            frame: visit.frame("An error has occurred"),
            error,
        },
    );
    set(&mut answer, "x-oauth-error", error.code);
    answer
}
