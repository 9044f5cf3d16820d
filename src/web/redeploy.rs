//! Asking for a redeploy: the confirm page, and the form that comes from it or from the list.

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::form::{MadeFor, SignedForm, WrongOperation};
use super::freshness;
use super::looks::Looks;
use super::pages::frame::Frame;
use super::pages::redeploy::{RedeployInput, RedeployMistake, RedeployPage};
use super::pages::stack_taken::{StackTakenInput, StackTakenPage};
use super::pages::trouble::Trouble;
use super::problem::Problem;
use super::session::{FormSecret, Visitor};
use super::stack::stack_uid;
use super::stacks;
use super::state::WebState;
use crate::app::options::Mistake;
use crate::app::redeploy::{Asked, Request, Told};
use crate::domain::{Command, OperationId, Redeploy, RedeployOptions, StackUid};

/// `GET /stacks/{uid}/redeploy`: what will happen. The query fills in options: deploy this commit again,
/// promote, once more.
pub async fn confirm(
    State(state): State<WebState>,
    Looks(frame): Looks,
    visitor: Visitor,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let uid = stack_uid(&uid)?;
    let options = RedeployFields::from_query(&query.unwrap_or_default()).options();
    page(&state, frame, &visitor, uid, &options, None).await
}

/// The fields of the confirm page and of the list's button.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RedeployFields {
    op: String,
    queue_ok: String,
    git_ref: String,
    services: Vec<String>,
    deployment_profile: String,
    note: String,
    /// `tag_<service>`: the image tag of a chosen service.
    #[serde(flatten)]
    tags: std::collections::HashMap<String, serde_json::Value>,
}

impl RedeployFields {
    fn from_query(query: &str) -> Self {
        let mut fields = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "git_ref" => fields.git_ref = value.into_owned(),
                "services" => fields.services.push(value.into_owned()),
                "deployment_profile" => fields.deployment_profile = value.into_owned(),
                _ => {}
            }
        }
        fields
    }

    /// The options, blank ones left out, each chosen service with its tag.
    fn options(&self) -> RedeployOptions {
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let tag = |service: &str| {
            let tag = self
                .tags
                .get(&format!("tag_{service}"))
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default();
            if tag.trim().is_empty() {
                service.to_owned()
            } else {
                format!("{service}:{}", tag.trim())
            }
        };
        RedeployOptions {
            git_ref: filled(&self.git_ref),
            services: self
                .services
                .iter()
                .filter_map(|service| filled(service))
                .map(|service| tag(&service))
                .collect(),
            deployment_profile: filled(&self.deployment_profile),
            note: filled(&self.note),
        }
    }
}

/// `POST /stacks/{uid}/redeploy`: writes the redeploy down and leads to its receipt.
pub async fn send(
    State(state): State<WebState>,
    Looks(frame): Looks,
    Path(uid): Path<String>,
    headers: HeaderMap,
    form: SignedForm<RedeployFields>,
) -> Result<Response, Problem> {
    let uid = stack_uid(&uid)?;
    let SignedForm { visitor, fields } = form;
    let (id, made_for) = operation(&state, &visitor, &fields.op, uid).await?;
    let options = fields.options();
    if let Err(mistake) = state.app().check_options(&visitor.who, uid, &options).await? {
        let page = page(&state, frame, &visitor, uid, &options, Some(shown(mistake))).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let told = match made_for {
        MadeFor::List => Told::Nothing,
        MadeFor::Stack(_) if fields.queue_ok.is_empty() => Told::Confirmed,
        MadeFor::Stack(_) => Told::ConfirmedBehindAnother,
    };
    let carried = options.clone();
    let request = Request {
        id,
        stack: uid,
        command: Command::Redeploy,
        options,
        told,
        batch: None,
        form_made_at: FormSecret::made_at(&fields.op),
    };
    let asked = state.app().request(&visitor.who, request).await?;
    // One click in the list: the page stays, and is told what became of it.
    if made_for == MadeFor::List && headers.contains_key("hx-request") {
        match &asked {
            Asked::Receipt(id) => {
                return stacks::asked_in_place(&state, &visitor, &frame, uid, *id, None).await;
            }
            Asked::StackTaken(taken) => {
                let taken = Some(taken.as_ref());
                return stacks::asked_in_place(&state, &visitor, &frame, uid, id, taken).await;
            }
            Asked::ConfirmFirst => {}
        }
    }
    let urls = state.urls();
    Ok(match asked {
        Asked::Receipt(id) => Redirect::to(&urls.receipt(id)).into_response(),
        Asked::StackTaken(taken) => stack_taken(&state, frame, &visitor, &taken, Command::Redeploy, &carried),
        Asked::ConfirmFirst => Redirect::to(&urls.redeploy_with(uid, &carried)).into_response(),
    })
}

/// The page for a press that was not sent, because of an earlier request on the stack.
pub fn stack_taken(
    state: &WebState,
    frame: Frame,
    visitor: &Visitor,
    taken: &Redeploy,
    command: Command,
    options: &RedeployOptions,
) -> Response {
    let input = StackTakenInput {
        taken,
        person: visitor.who.person.id,
        command,
        options,
        production: state.app().policy().is_production_name(&taken.environment),
    };
    (StatusCode::CONFLICT, StackTakenPage::new(frame, &input)).into_response()
}

/// Reads the operation id of a form about a stack. One that is too old is good for nothing new, but a form that was
/// sent in time and is sent once more still leads to its receipt.
pub async fn operation(
    state: &WebState,
    visitor: &Visitor,
    text: &str,
    uid: StackUid,
) -> Result<(OperationId, MadeFor), Problem> {
    let app = state.app();
    match visitor.form_secret.read_operation(text, uid, app.clock().now()) {
        Ok(read) => Ok(read),
        Err(WrongOperation::Expired(id)) if app.receipt(&visitor.who, id).await.is_ok() => {
            Ok((id, MadeFor::Stack(uid)))
        }
        Err(_) => Err(Trouble::StaleForm { stack: Some(uid) }.into()),
    }
}

async fn page(
    state: &WebState,
    frame: Frame,
    visitor: &Visitor,
    uid: StackUid,
    options: &RedeployOptions,
    mistake: Option<RedeployMistake>,
) -> Result<Response, Problem> {
    let app = state.app();
    if !visitor.who.grant.scopes.allow_redeploy() {
        return Err(Trouble::NeedsRedeploy { stack: Some(uid) }.into());
    }
    // What would not be sent is not said to be what will be deployed.
    let unsent = RedeployOptions {
        note: options.note.clone(),
        ..RedeployOptions::default()
    };
    let options = if app.is_old_api() { &unsent } else { options };
    let view = app.prepare_redeploy(&visitor.who, uid, options).await?;
    let frame = freshness::of_stack(state, frame, visitor, &view.stack);
    let op = visitor
        .form_secret
        .operation(MadeFor::Stack(uid), app.clock(), app.random());
    let input = RedeployInput {
        stack: &view.stack.stack,
        version: view.stack.version.as_ref(),
        production: app.policy().is_production(&view.stack.stack),
        services: view.services.as_deref(),
        options,
        profiles: &view.profiles,
        continuous: view.continuous,
        old_api: app.is_old_api(),
        op: &op,
        mistake,
    };
    Ok(RedeployPage::new(frame, &input).into_response())
}

fn shown(mistake: Mistake) -> RedeployMistake {
    match mistake {
        Mistake::RefOnDocker => RedeployMistake::RefOnDocker,
        Mistake::RefShape => RedeployMistake::RefShape,
        Mistake::TagShape => RedeployMistake::TagShape,
        Mistake::ProfileShape => RedeployMistake::ProfileShape,
        Mistake::NotInThisVersion => RedeployMistake::NotInThisVersion,
        Mistake::NoteTooLong => RedeployMistake::NoteTooLong,
    }
}
