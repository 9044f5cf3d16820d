//! One stack's page.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use super::cookies;
use super::freshness;
use super::looks::Looks;
use super::pages::row::Slot;
use super::pages::siblings::SiblingInput;
use super::pages::stack::{StackInput, StackPage};
use super::problem::Problem;
use super::session::Visitor;
use super::stacks::{rights, since};
use super::state::WebState;
use crate::app::show_stack::HistoryKnown;
use crate::domain::StackUid;

/// `GET /stacks/{uid}`.
pub async fn show(
    State(state): State<WebState>,
    Looks(frame): Looks,
    visitor: Visitor,
    headers: HeaderMap,
    Path(uid): Path<String>,
) -> Result<Response, Problem> {
    let uid = stack_uid(&uid)?;
    let app = state.app();
    let who = &visitor.who;
    let view = app.show_stack(who, uid).await?;
    let watcher = app.watcher(who);
    let mut frame = freshness::of_stack(&state, frame, &visitor, &view);
    frame.since = since(&state, who, &watcher.snapshot());
    let open = app.open_redeploys(who).await?;
    watcher.learn_open(&open);
    // The verdict tells of those redeploys too.
    let snapshot = watcher.snapshot();
    let open = open.iter().find(|redeploy| redeploy.stack == uid);
    let stack = &view.stack;
    let verdict = snapshot.fleet.verdict(stack);
    let ask = app.policy().asks_first(stack) || stack.maintenance;
    let siblings = app.siblings(&snapshot, stack);
    let input = StackInput {
        stack,
        history: view
            .history
            .as_ref()
            .map(|history| history.deployments.as_slice()),
        history_known: view
            .history
            .as_ref()
            .map_or(HistoryKnown::Now, |history| history.known),
        version: view.version.as_ref(),
        verdict,
        production: app.policy().is_production(stack),
        slot: Slot::of(rights(who, &snapshot, uid, frame.now), ask, verdict, open),
        refused_at: snapshot.refused_at(uid, frame.now),
        open,
        pinned: cookies::pins(state.site(), &headers).contains(&uid),
        siblings: siblings
            .into_iter()
            .map(|(stack, version)| SiblingInput {
                stack,
                version,
                verdict: snapshot.fleet.verdict(stack),
                production: app.policy().is_production(stack),
            })
            .collect(),
        commands: &app.commands(),
        old_api: app.is_old_api(),
        known_at: view.known_at,
    };
    Ok(StackPage::new(frame, &input).into_response())
}

/// A stack's uid in an address; everything that is not one is a page that does not exist.
pub fn stack_uid(text: &str) -> Result<StackUid, Problem> {
    text.parse().map_err(|_| Problem::NOT_FOUND)
}
