//! The person's settings: theme, live updates, keys, sessions, and this hour's requests.

use axum::extract::{Path, State};
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::cookies;
use super::form::SignedForm;
use super::looks::Looks;
use super::pages::notes::Notice;
use super::pages::settings::{Requests, SessionLine, SettingsPage};
use super::problem::Problem;
use super::session::Visitor;
use super::sign_in::NoFields;
use super::state::WebState;

/// `GET /settings`.
pub async fn show(
    State(state): State<WebState>,
    Looks(frame): Looks,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let app = state.app();
    let who = &visitor.who;
    let current = visitor.session_id().map(|id| app.session_handle(&id));
    let sessions: Vec<SessionLine> = app
        .sessions(who)
        .await?
        .into_iter()
        .map(|session| SessionLine {
            current: current.as_ref() == Some(&session.handle),
            handle: session.handle,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
        })
        .collect();
    let usage = app.usage(who);
    let requests = Requests {
        limit: usage.limit,
        used: usage.used,
        resets_at: Some(usage.resets_at),
    };
    let requests = Some(requests).filter(|requests| requests.used > 0);
    Ok(SettingsPage::new(frame, &who.grant.scopes.to_string(), &sessions, requests).into_response())
}

/// The fields of the settings form. A box that is not ticked is not sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SettingsFields {
    theme: String,
    live: String,
    keys: String,
}

/// `POST /settings`: keeps the choices in cookies of this browser.
pub async fn save(
    State(state): State<WebState>,
    form: SignedForm<SettingsFields>,
) -> Result<Response, Problem> {
    let site = state.site();
    let SignedForm { visitor, fields } = form;
    visitor.leave_notice(Notice::Saved).await?;
    let mut response = Redirect::to(&state.urls().settings()).into_response();
    for cookie in [
        cookies::set_theme(site, &fields.theme),
        cookies::set_live(site, !fields.live.is_empty()),
        cookies::set_keys(site, !fields.keys.is_empty()),
    ] {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `POST /settings/sessions/{handle}/end`: ends one of the person's sessions.
pub async fn end_session(
    State(state): State<WebState>,
    Path(handle): Path<String>,
    form: SignedForm<NoFields>,
) -> Result<Response, Problem> {
    let visitor = form.visitor;
    if !state.app().end_session(&visitor.who, &handle).await? {
        return Err(Problem::NOT_FOUND);
    }
    visitor.leave_notice(Notice::SessionEnded).await?;
    Ok(Redirect::to(&state.urls().settings()).into_response())
}
