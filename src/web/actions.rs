//! Commands other than a redeploy, and stopping a deployment: each asks first, and says what it does.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::form::{MadeFor, SignedForm};
use super::freshness;
use super::looks::Looks;
use super::pages::confirm::ConfirmPage;
use super::pages::notes::Notice;
use super::pages::trouble::Trouble;
use super::problem::Problem;
use super::redeploy::{operation, stack_taken};
use super::session::{FormSecret, Visitor};
use super::sign_in::NoFields;
use super::stack::stack_uid;
use super::state::WebState;
use crate::app::cancel::Outcome;
use crate::app::redeploy::{Asked, Request, Told};
use crate::domain::{Command, DeploymentId, RedeployOptions, ReturnTo};

/// `GET /stacks/{uid}/actions/{command}`: what the command does.
pub async fn confirm(
    State(state): State<WebState>,
    Looks(frame): Looks,
    visitor: Visitor,
    Path((uid, command)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (uid, command) = (stack_uid(&uid)?, read_command(&command)?);
    let app = state.app();
    if !visitor.who.grant.scopes.allow_redeploy() {
        return Err(Trouble::NeedsRedeploy { stack: Some(uid) }.into());
    }
    if !app.offers(command) {
        return Err(Trouble::NotInThisVersion.into());
    }
    let view = app.show_stack(&visitor.who, uid).await?;
    let frame = freshness::of_stack(&state, frame, &visitor, &view);
    let op = visitor
        .form_secret
        .operation(MadeFor::Stack(uid), app.clock(), app.random());
    let production = app.policy().is_production(&view.stack);
    Ok(ConfirmPage::command(frame, &view.stack, production, command, &op).into_response())
}

/// The fields of the confirm page.
#[derive(Debug, Deserialize)]
pub struct ActionFields {
    #[serde(default)]
    op: String,
}

/// `POST /stacks/{uid}/actions/{command}`: writes the command down and leads to its receipt.
pub async fn send(
    State(state): State<WebState>,
    Looks(frame): Looks,
    Path((uid, command)): Path<(String, String)>,
    form: SignedForm<ActionFields>,
) -> Result<Response, Problem> {
    let (uid, command) = (stack_uid(&uid)?, read_command(&command)?);
    let (id, made_for) = operation(&state, &form.visitor, &form.fields.op, uid).await?;
    if made_for == MadeFor::List {
        return Err(Trouble::StaleForm { stack: Some(uid) }.into());
    }
    let request = Request {
        id,
        stack: uid,
        command,
        options: RedeployOptions::default(),
        told: Told::ConfirmedBehindAnother,
        batch: None,
        form_made_at: FormSecret::made_at(&form.fields.op),
    };
    let urls = state.urls();
    Ok(match state.app().request(&form.visitor.who, request).await? {
        Asked::Receipt(id) => Redirect::to(&urls.receipt(id)).into_response(),
        Asked::StackTaken(taken) => {
            let options = RedeployOptions::default();
            stack_taken(&state, frame, &form.visitor, &taken, command, &options)
        }
        Asked::ConfirmFirst => Redirect::to(&urls.action(uid, command)).into_response(),
    })
}

/// The command of an address; a redeploy has addresses of its own.
fn read_command(word: &str) -> Result<Command, Problem> {
    Command::parse(word)
        .filter(|command| *command != Command::Redeploy)
        .ok_or(Problem::NOT_FOUND)
}

/// `GET /stacks/{uid}/deployments/{id}/cancel`. Where it has ended there is nothing to ask, and the stack's page says so.
pub async fn confirm_cancel(
    State(state): State<WebState>,
    Looks(frame): Looks,
    visitor: Visitor,
    Path((uid, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (uid, id) = (stack_uid(&uid)?, deployment_id(&id)?);
    let app = state.app();
    if !visitor.who.grant.scopes.allow_redeploy() {
        return Err(Trouble::NeedsRedeploy { stack: Some(uid) }.into());
    }
    let view = app.show_stack(&visitor.who, uid).await?;
    let frame = freshness::of_stack(&state, frame, &visitor, &view);
    let known = view.history.iter().flat_map(|history| &history.deployments);
    let deployment = known
        .into_iter()
        .find(|deployment| deployment.id == id)
        .ok_or(Problem::NOT_FOUND)?;
    if !deployment.is_running() {
        let stack = view.stack.title();
        visitor.leave_notice(Notice::CancelTooLate { stack }).await?;
        return Ok(Redirect::to(&state.urls().return_to(ReturnTo::Stack(uid))).into_response());
    }
    let production = app.policy().is_production(&view.stack);
    Ok(ConfirmPage::cancel(frame, &view.stack, production, deployment).into_response())
}

/// `POST /stacks/{uid}/deployments/{id}/cancel`: asks Cloud 66 to stop it. That it has stopped is said when
/// Cloud 66 says so, not here.
pub async fn cancel(
    State(state): State<WebState>,
    Path((uid, id)): Path<(String, String)>,
    form: SignedForm<NoFields>,
) -> Result<Response, Problem> {
    let (uid, id) = (stack_uid(&uid)?, deployment_id(&id)?);
    let visitor = form.visitor;
    let cancelled = state.app().cancel(&visitor.who, uid, id).await?;
    let stack = cancelled.stack;
    let notice = match cancelled.outcome {
        Outcome::Asked => Notice::CancelAsked { stack },
        Outcome::TooLate => Notice::CancelTooLate { stack },
        Outcome::NoSuchDeployment => return Err(Problem::NOT_FOUND),
        Outcome::Refused(words) => Notice::CancelRefused { words },
    };
    visitor.leave_notice(notice).await?;
    let urls = state.urls();
    let to = cancelled
        .receipt
        .map_or_else(|| urls.return_to(ReturnTo::Stack(uid)), |id| urls.receipt(id));
    Ok(Redirect::to(&to).into_response())
}

fn deployment_id(text: &str) -> Result<DeploymentId, Problem> {
    text.parse().map_err(|_| Problem::NOT_FOUND)
}
