//! One stack's page.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use super::cookies;
use super::looks::Looks;
use super::pages::frame::Banner;
use super::pages::row::Slot;
use super::pages::siblings::SiblingInput;
use super::pages::stack::{StackInput, StackPage};
use super::problem::Problem;
use super::session::Visitor;
use super::stacks::{rights, since};
use super::state::WebState;
use crate::app::Cloud66Error;
use crate::app::show_stack::StackView;
use crate::domain::{StackUid, Verdict, Version};

/// `GET /stacks/{uid}`.
pub async fn show(
    State(state): State<WebState>,
    Looks(mut frame): Looks,
    visitor: Visitor,
    headers: HeaderMap,
    Path(uid): Path<String>,
) -> Result<Response, Problem> {
    let uid = stack_uid(&uid)?;
    let app = state.app();
    let who = &visitor.who;
    let view = app.show_stack(who, uid).await?;
    let snapshot = app.watcher(who).snapshot();
    frame.since = since(&state, who, &snapshot);
    frame.banner = view.problem.as_ref().map(|problem| banner(problem, &view));
    let open = app.open_redeploys(who).await?;
    app.watcher(who).learn_open(&open);
    let open = open.iter().find(|redeploy| redeploy.stack == uid);
    let stack = &view.stack;
    let verdict = verdict(&view);
    let ask = app.policy().asks_first(stack) || stack.maintenance;
    let siblings = app.siblings(&snapshot, stack);
    let input = StackInput {
        stack,
        history: view.history.as_deref(),
        version: view.version.as_ref(),
        verdict,
        production: app.policy().is_production(stack),
        slot: Slot::of(rights(who, &snapshot, uid), ask, verdict, open),
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
        old_api: app.is_old_api(),
        known_at: view.known_at,
    };
    Ok(StackPage::new(frame, &input).into_response())
}

/// A stack's uid in an address; everything that is not one is a page that does not exist.
pub fn stack_uid(text: &str) -> Result<StackUid, Problem> {
    text.parse().map_err(|_| Problem::NOT_FOUND)
}

fn verdict(view: &StackView) -> Verdict {
    let running = view
        .version
        .as_ref()
        .is_some_and(|version| Version::running(version).is_some());
    Verdict::of(&view.stack, running && view.stack.is_busy())
}

fn banner(problem: &Cloud66Error, view: &StackView) -> Banner {
    match problem {
        Cloud66Error::Throttled { retry_at } => Banner::Throttled { until: *retry_at },
        Cloud66Error::TrialOver => Banner::TrialOver,
        _ => Banner::Stale {
            known_at: view.known_at,
        },
    }
}
