//! The receipt of one redeploy: what was asked, what Cloud 66 answered, how it ended.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use super::freshness;
use super::looks::{Looks, is_shown};
use super::pages::receipt::{ReceiptInput, ReceiptPage};
use super::pages::trouble::Trouble;
use super::problem::Problem;
use super::session::Visitor;
use super::stacks::since;
use super::state::WebState;
use crate::app;
use crate::domain::{OperationId, ReturnTo};

/// `GET /redeploys/{id}`. Somebody else's receipt answers as one that does not exist.
pub async fn show(
    State(state): State<WebState>,
    Looks(mut frame): Looks,
    visitor: Visitor,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: OperationId = id.parse().map_err(|_| Problem::from(Trouble::NoReceipt))?;
    // Before the row is read, so that what moves meanwhile is sent.
    let snapshot = state.app().watcher(&visitor.who).snapshot();
    frame.since = since(&state, &visitor.who, &snapshot);
    let redeploy = state
        .app()
        .receipt(&visitor.who, id)
        .await
        .map_err(|error| match error {
            app::Error::NotFound => Trouble::NoReceipt.into(),
            error => Problem::from(error),
        })?;
    if redeploy.state.is_end() && is_shown(&headers) {
        state.app().note_told(&[id]).await;
    }
    let (row, return_to) = (std::iter::once(&redeploy), ReturnTo::Receipt(id));
    frame.banner = freshness::of_redeploys(&state, &visitor.who, &snapshot, row, frame.now, return_to);
    frame.warning.clone_from(&snapshot.warning);
    let address = state.site().public_url.join(&format!("/redeploys/{id}"));
    let input = ReceiptInput {
        redeploy: &redeploy,
        production: state.app().policy().is_production_name(&redeploy.environment),
        old_api: state.app().is_old_api(),
        silent: frame.banner.is_some(),
        known_at: freshness::heard_at(std::iter::once(&redeploy)),
        address: &address,
    };
    Ok(ReceiptPage::new(frame, &input).into_response())
}
