//! Finding one's way: search from anywhere, keeping a stack at the top, help.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::cookies;
use super::form::SignedForm;
use super::looks::Looks;
use super::pages::help::HelpPage;
use super::pages::notes::Notice;
use super::pages::search::SearchPage;
use super::problem::Problem;
use super::session::Visitor;
use super::sign_in::NoFields;
use super::stack::stack_uid;
use super::stacks::read_query;
use super::state::WebState;
use crate::domain::ReturnTo;

/// `GET /search`: stacks by name, from what is remembered.
pub async fn search(
    State(state): State<WebState>,
    Looks(frame): Looks,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Response {
    let query = read_query(&query.unwrap_or_default());
    let app = state.app();
    let snapshot = app.stacks(&visitor.who).await;
    let production = |stack: &crate::domain::Stack| app.policy().is_production(stack);
    // Without words it offers what the list begins with: what needs attention, then what runs.
    let fleet = &snapshot.fleet;
    let found: Vec<_> = query
        .select(fleet, production)
        .into_iter()
        .map(|stack| (stack, fleet.verdict(stack), production(stack)))
        .collect();
    SearchPage::new(frame, &query, &found).into_response()
}

/// `POST /stacks/{uid}/pin`: keeps a stack at the top of this browser's list, or lets go of it.
pub async fn pin(
    State(state): State<WebState>,
    Path(uid): Path<String>,
    headers: HeaderMap,
    form: SignedForm<NoFields>,
) -> Result<Response, Problem> {
    let uid = stack_uid(&uid)?;
    let visitor = form.visitor;
    let snapshot = state.app().watcher(&visitor.who).snapshot();
    let stack = snapshot
        .fleet
        .stack(uid)
        .map_or_else(|| "The stack".to_owned(), crate::domain::Stack::title);
    let mut pins = cookies::pins(state.site(), &headers);
    let notice = if pins.remove(&uid) {
        Notice::Unpinned { stack }
    } else {
        pins.insert(uid);
        Notice::Pinned { stack }
    };
    visitor.leave_notice(notice).await?;
    let mut response = Redirect::to(&state.urls().return_to(ReturnTo::Stack(uid))).into_response();
    response
        .headers_mut()
        .append(SET_COOKIE, cookies::set_pins(state.site(), &pins));
    Ok(response)
}

/// `GET /help`.
pub async fn help(Looks(frame): Looks) -> Response {
    HelpPage::new(frame).into_response()
}
