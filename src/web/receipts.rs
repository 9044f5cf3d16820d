//! The person's receipts, newest first.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};

use super::freshness;
use super::looks::Looks;
use super::pages::receipts::ReceiptsPage;
use super::problem::Problem;
use super::session::Visitor;
use super::stacks::parameter;
use super::state::WebState;
use crate::domain::{OperationId, ReturnTo};

/// How many stand on one page.
const PAGE: u32 = 50;

/// `GET /redeploys`, with `before`, the last one of the page before, for older ones.
pub async fn list(
    State(state): State<WebState>,
    Looks(mut frame): Looks,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let before: Option<OperationId> =
        parameter(&query.unwrap_or_default(), "before").and_then(|id| id.parse().ok());
    let app = state.app();
    let mut redeploys = app.receipts(&visitor.who, PAGE + 1, before).await?;
    let older = redeploys.len() > PAGE as usize;
    redeploys.truncate(PAGE as usize);
    let (who, snapshot) = (&visitor.who, app.watcher(&visitor.who).snapshot());
    let rows = redeploys.iter();
    frame.banner = freshness::of_redeploys(&state, who, &snapshot, rows, frame.now, ReturnTo::Home);
    frame.warning.clone_from(&snapshot.warning);
    let production = |name: &str| app.policy().is_production_name(name);
    Ok(ReceiptsPage::new(frame, &redeploys, before.is_some(), older, production).into_response())
}
