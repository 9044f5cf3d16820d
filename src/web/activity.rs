//! What changed: one page for the first question of every incident.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};

use super::freshness;
use super::looks::Looks;
use super::pages::activity::{ActivityInput, ActivityPage, ActivityQuery, AskedHere, Change};
use super::pages::trouble::Trouble;
use super::problem::Problem;
use super::session::Visitor;
use super::stacks::{parameter, since};
use super::state::WebState;
use crate::app::Cloud66Error;
use crate::domain::ReturnTo;

/// `GET /activity`: the deployments of all stacks in the last hours.
pub async fn show(
    State(state): State<WebState>,
    Looks(mut frame): Looks,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    let return_to = ReturnTo::parse(&format!("/activity?{query}"));
    let read = |name| parameter(&query, name).unwrap_or_default();
    let query = ActivityQuery {
        hours: read("hours"),
        env: read("env"),
        result: read("result"),
    };
    let app = state.app();
    let who = &visitor.who;
    app.learn_cancelled().await?;
    let snapshot = app.recent_snapshot(who).await;
    let known_at = match (snapshot.listed_at, &snapshot.problem) {
        (_, Some((Cloud66Error::SignedOut, _))) => {
            return Err(Trouble::SignedOutByCloud66 { return_to }.into());
        }
        (None, Some((problem, _))) => return Err(problem.clone().into()),
        (None, None) => return Err(Trouble::Cloud66Down.into()),
        (Some(known_at), _) => known_at,
    };
    frame.since = since(&state, who, &snapshot);
    freshness::of_list(&mut frame, &state, who, &snapshot, return_to);
    let known = snapshot.changes();
    let asked = app.asked_lately(who, &known).await?;
    let asked: Vec<AskedHere<'_>> = asked
        .iter()
        .map(|redeploy| AskedHere {
            redeploy,
            production: app.policy().is_production_name(&redeploy.environment),
        })
        .collect();
    let changes: Vec<Change<'_>> = known
        .into_iter()
        .map(|change| Change {
            stack: change.stack,
            production: app.policy().is_production(change.stack),
            deployment: change.deployment,
            before: change.before,
        })
        .collect();
    let input = ActivityInput {
        changes: &changes,
        asked: &asked,
        known_at,
        complete: snapshot.knows_changes_of(frame.now),
        old_api: app.is_old_api(),
    };
    Ok(ActivityPage::new(frame, &input, &query).into_response())
}
