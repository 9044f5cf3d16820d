//! Several stacks at once: choose, check, one POST, and what became of each.

use std::collections::HashSet;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::form::{MadeFor, SignedForm};
use super::freshness;
use super::looks::{Looks, is_shown};
use super::pages::bulk::{BatchPage, BulkCheckPage, BulkChoosePage, BulkInput, BulkMistake, LeftOut};
use super::pages::frame::Frame;
use super::pages::row::Rights;
use super::pages::trouble::Trouble;
use super::problem::Problem;
use super::session::{FormSecret, Visitor};
use super::stacks::{parameter, rights};
use super::state::WebState;
use crate::app::redeploy::{Asked, Request, Told};
use crate::app::watch::Snapshot;
use crate::domain::{Command, OperationId, Redeploy, RedeployOptions, ReturnTo, StackUid};

/// How many stacks can be redeployed by one POST; their uids have to fit into one form.
const MOST: usize = 100;

/// `GET /redeploys/new`: the stacks to choose from; with `step=check`, the chosen ones with their warnings.
pub async fn choose(
    State(state): State<WebState>,
    Looks(frame): Looks,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    let chosen: HashSet<StackUid> = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "uid")
        .filter_map(|(_, uid)| uid.parse().ok())
        .take(MOST)
        .collect();
    if !visitor.who.grant.scopes.allow_redeploy() {
        return Err(Trouble::NeedsRedeploy { stack: None }.into());
    }
    let snapshot = state.app().stacks(&visitor.who).await;
    if snapshot.listed_at.is_none() {
        let problem = snapshot.problem.as_ref().map(|(problem, _)| problem.clone());
        return Err(problem.map_or(Trouble::Cloud66Down.into(), Problem::from));
    }
    let checking = parameter(&query, "step").as_deref() == Some("check");
    if checking && !chosen.is_empty() {
        return Ok(check_page(&state, frame, &visitor, &snapshot, &chosen, None));
    }
    let inputs = inputs(&state, &visitor, &snapshot, |_| true);
    let page = BulkChoosePage::new(frame, &inputs, &chosen, checking);
    let status = if checking {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    Ok((status, page).into_response())
}

fn check_page(
    state: &WebState,
    frame: Frame,
    visitor: &Visitor,
    snapshot: &Snapshot,
    chosen: &HashSet<StackUid>,
    mistake: Option<BulkMistake>,
) -> Response {
    let app = state.app();
    let op = visitor
        .form_secret
        .operation(MadeFor::List, app.clock(), app.random());
    let inputs = inputs(state, visitor, snapshot, |uid| chosen.contains(&uid));
    BulkCheckPage::new(frame, &inputs, &op, mistake).into_response()
}

fn inputs<'s>(
    state: &WebState,
    visitor: &Visitor,
    snapshot: &'s Snapshot,
    wanted: impl Fn(StackUid) -> bool,
) -> Vec<BulkInput<'s>> {
    let fleet = &snapshot.fleet;
    let now = state.app().clock().now();
    fleet
        .stacks
        .iter()
        .filter(|stack| wanted(stack.uid))
        .map(|stack| BulkInput {
            stack,
            verdict: fleet.verdict(stack),
            production: state.app().policy().is_production(stack),
            rights: rights(&visitor.who, snapshot, stack.uid, now),
        })
        .collect()
}

/// The fields of the check page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BatchFields {
    op: String,
    uid: Vec<String>,
    /// The stacks of which the page said that another deploy is running.
    warned: Vec<String>,
    production_ok: String,
}

/// `POST /redeploys/new`: writes one redeploy down for each stack and leads to their list.
pub async fn send(
    State(state): State<WebState>,
    Looks(frame): Looks,
    form: SignedForm<BatchFields>,
) -> Result<Response, Problem> {
    let SignedForm { visitor, fields } = form;
    let app = state.app();
    let now = app.clock().now();
    let stale = || Problem::from(Trouble::StaleForm { stack: None });
    let batch = visitor
        .form_secret
        .read_batch(&fields.op, now)
        .map_err(|_| stale())?;
    let chosen: HashSet<StackUid> = fields
        .uid
        .iter()
        .map(|uid| uid.parse().map_err(|_| Problem::WRONG_FORM))
        .collect::<Result<_, _>>()?;
    if chosen.is_empty() || chosen.len() > MOST {
        return Err(Problem::WRONG_FORM);
    }
    let snapshot = app.stacks(&visitor.who).await;
    let inputs = inputs(&state, &visitor, &snapshot, |uid| chosen.contains(&uid));
    let unwarned = |input: &BulkInput<'_>| {
        input.stack.is_busy()
            && !fields
                .warned
                .iter()
                .any(|uid| *uid == input.stack.uid.to_string())
    };
    let mistake = if fields.production_ok.is_empty() && inputs.iter().any(|input| input.production) {
        Some(BulkMistake::ProductionNotTicked)
    } else if inputs.iter().any(unwarned) {
        Some(BulkMistake::BusyMeanwhile)
    } else {
        None
    };
    if mistake.is_some() {
        let page = check_page(&state, frame, &visitor, &snapshot, &chosen, mistake);
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let mut in_the_way = Vec::new();
    for input in inputs.iter().filter(|input| input.rights == Rights::Redeploy) {
        let uid = input.stack.uid;
        let (id, _) = visitor
            .form_secret
            .read_operation(&fields.op, uid, now)
            .map_err(|_| stale())?;
        let request = Request {
            id,
            stack: uid,
            command: Command::Redeploy,
            options: RedeployOptions::default(),
            told: Told::ConfirmedBehindAnother,
            batch: Some(batch),
            form_made_at: FormSecret::made_at(&fields.op),
        };
        match app.request(&visitor.who, request).await {
            Ok(Asked::StackTaken(taken)) => in_the_way.push((uid, taken.id)),
            // The same thing, asked for by itself before.
            Ok(Asked::Receipt(receipt)) if receipt != id => in_the_way.push((uid, receipt)),
            Ok(Asked::Receipt(_) | Asked::ConfirmFirst) => {}
            // What is written down stays; the list says what is missing.
            Err(crate::app::Error::NotFound) => {
                tracing::info!(stack = %uid, "left out of a batch: not there");
            }
            Err(error) => return Err(error.into()),
        }
    }
    // A stack is named once, by itself or by what stood in its way: the address has to stay short enough.
    let named: Vec<StackUid> = chosen
        .into_iter()
        .filter(|uid| in_the_way.iter().all(|(taken, _)| taken != uid))
        .collect();
    let in_the_way: Vec<OperationId> = in_the_way.into_iter().map(|(_, id)| id).collect();
    Ok(Redirect::to(&state.urls().batch_of(batch, &named, &in_the_way)).into_response())
}

/// `GET /redeploys/batches/{id}`: what became of each. The query names the stacks that were asked for and what stood
/// in the way of some, so that each one that was left out is said, with the reason.
pub async fn batch(
    State(state): State<WebState>,
    Looks(mut frame): Looks,
    visitor: Visitor,
    headers: HeaderMap,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let id: OperationId = id.parse().map_err(|_| Problem::from(Trouble::NoReceipt))?;
    let app = state.app();
    let redeploys = app.batch(&visitor.who, id).await?;
    let query = query.unwrap_or_default();
    let named: Vec<StackUid> = ids(&query, "stacks");
    let in_the_way: Vec<OperationId> = ids(&query, "in_the_way");
    let left_out = left_out(&state, &visitor, &redeploys, &named, &in_the_way).await?;
    if redeploys.is_empty() && left_out.is_empty() {
        return Err(Trouble::NoReceipt.into());
    }
    let snapshot = app.watcher(&visitor.who).snapshot();
    let rows = redeploys.iter();
    let who = &visitor.who;
    frame.banner = freshness::of_redeploys(&state, who, &snapshot, rows.clone(), frame.now, ReturnTo::Home);
    frame.warning.clone_from(&snapshot.warning);
    // What a page asks for itself is seen: it asks only while it is.
    if is_shown(&headers) || headers.contains_key("hx-request") {
        app.note_shown(who, &redeploys).await;
    }
    let known_at = freshness::heard_at(rows);
    let here = state.urls().batch_of(id, &named, &in_the_way);
    let page = BatchPage::new(frame, here, (&redeploys, known_at), left_out, |name| {
        app.policy().is_production_name(name)
    });
    Ok(page.into_response())
}

/// The ids in a parameter, joined by dots; what is none is passed over.
fn ids<T: std::str::FromStr>(query: &str, name: &str) -> Vec<T> {
    let joined = parameter(query, name).unwrap_or_default();
    joined
        .split('.')
        .filter_map(|id| id.parse().ok())
        .take(MOST)
        .collect()
}

/// The chosen stacks of which the batch has no redeploy, each with the reason.
async fn left_out(
    state: &WebState,
    visitor: &Visitor,
    redeploys: &[Redeploy],
    named: &[StackUid],
    in_the_way: &[OperationId],
) -> Result<Vec<LeftOut>, Problem> {
    let (app, who) = (state.app(), &visitor.who);
    let snapshot = app.watcher(who).snapshot();
    let taken = app
        .in_the_way(in_the_way, |uid| snapshot.fleet.stack(uid).is_some())
        .await?;
    let mut left_out: Vec<LeftOut> = taken
        .iter()
        .map(|taken| LeftOut::because_taken(state.urls(), taken, who.person.id))
        .collect();
    let missing = |uid: &&StackUid| redeploys.iter().all(|redeploy| redeploy.stack != **uid);
    for uid in named.iter().filter(missing) {
        left_out.push(match snapshot.fleet.stack(*uid) {
            Some(stack) => match rights(who, &snapshot, *uid, app.clock().now()) {
                Rights::RoleMissing => LeftOut::role_missing(stack),
                Rights::ScopeMissing | Rights::Redeploy => LeftOut::unexplained(stack),
            },
            None => LeftOut::gone(*uid),
        });
    }
    Ok(left_out)
}
