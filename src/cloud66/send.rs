//! The one sender of what changes something at Cloud 66.
//!
//! Invariant: one call of [`Api::send`] is at most one request on the wire, on a connection of its own, and
//! its [`Answer`] never says more than is known: `NotSent` only where no connection was made, `Refused` only
//! where Cloud 66 said no, `Accepted` only where it said yes, and `NoAnswer` for everything else.

use reqwest::Method;
use serde::Serialize;

use super::api::Api;
use super::client::ApiVersion;
use super::error::Error;
use super::http::Body;
use super::reply::{NoReply, Reply};
use super::wire::{self, Answered};
use super::words;
use crate::domain::{ActionId, Command, DeploymentId, OperationId, RedeployOptions, StackUid};

/// What is known after a command was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Cloud 66 said yes.
    Accepted {
        /// The action to follow, where it named one (fact sheet 8.10).
        action: Option<ActionId>,
        /// Whether it waits behind another operation (fact sheet 8.9).
        queued: bool,
        /// Its words; plain text, may be empty.
        message: String,
    },
    /// Cloud 66 said no; nothing will happen.
    Refused(Error),
    /// This version of the API has no such command: nothing was sent.
    NotOffered,
    /// No connection could be made: proof that nothing was sent.
    NotSent,
    /// Neither a yes nor a no: a time-out, a broken connection, a 408, a 5xx without meaning, a redirect, an
    /// answer that cannot be read. It may have happened.
    NoAnswer,
}

/// The body of a redeploy (fact sheet 7): only what was given, because blank values have been known to mean
/// something.
#[derive(Serialize)]
struct RedeployBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    git_ref: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    services: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_profile: Option<&'a str>,
    user_reference: String,
}

/// The body of an action (fact sheet 6.2).
#[derive(Serialize)]
struct ActionBody {
    command: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<u8>,
    user_reference: String,
}

impl Api {
    /// Sends `command` to a stack, under the name `id`, once. Never repeated here; whether it may be sent
    /// again is the ledger's to know. `options` count for a redeploy in version 3 only. A command that the
    /// version does not have is not sent.
    pub async fn send(
        &self,
        uid: StackUid,
        id: OperationId,
        command: Command,
        options: &RedeployOptions,
    ) -> Answer {
        let prepared = match self.version() {
            ApiVersion::V3 => version_3(uid, id, command, options),
            ApiVersion::V2 => version_2(uid, command),
        };
        let Some((path, body)) = prepared else {
            return Answer::NotOffered;
        };
        match self.write(command.as_str(), Method::POST, &path, body).await {
            Err(NoReply::NotSent | NoReply::NotReached) => Answer::NotSent,
            Err(NoReply::TimedOut | NoReply::Broken) => Answer::NoAnswer,
            Ok(reply) => self.answer(&reply),
        }
    }

    /// Asks Cloud 66 to stop a deployment that runs, and gives its words; the stopping itself ends later
    /// (fact sheet 6.5). One request, never repeated. Not in version 2.
    pub async fn cancel(&self, uid: StackUid, id: DeploymentId) -> Result<String, Error> {
        if self.version() == ApiVersion::V2 {
            return Err(Error::NotImplemented);
        }
        let path = format!("/stacks/{uid}/deployments/{id}.json");
        let reply = self.write("cancel", Method::DELETE, &path, None).await;
        match self.answer(&reply.map_err(|_| Error::Down)?) {
            Answer::Accepted { message, .. } => Ok(message),
            Answer::Refused(error) => Err(error),
            Answer::NotOffered => Err(Error::NotImplemented),
            Answer::NotSent | Answer::NoAnswer => Err(Error::Down),
        }
    }

    fn answer(&self, reply: &Reply) -> Answer {
        match self.done(reply) {
            Err(Error::Down | Error::Unreadable) => return Answer::NoAnswer,
            Err(refused) => return Answer::Refused(refused),
            Ok(()) => {}
        }
        let body = reply.body.as_deref().unwrap_or_default();
        let Some(answered) = wire::one::<Answered>(body) else {
            return Answer::NoAnswer;
        };
        let message = words::plain(answered.message.text().unwrap_or_default(), Some(self.token()));
        match answered.is_ok() {
            Some(true) => Answer::Accepted {
                action: answered.action().map(ActionId),
                queued: answered.is_queued(),
                message,
            },
            Some(false) => Answer::Refused(Error::Rejected {
                status: reply.status,
                words: message,
            }),
            None => Answer::NoAnswer,
        }
    }
}

/// Path and body of a command in version 3.
fn version_3(
    uid: StackUid,
    id: OperationId,
    command: Command,
    options: &RedeployOptions,
) -> Option<(String, Option<Body>)> {
    let user_reference = id.to_string();
    let given = |text: &'static str, value| ActionBody {
        command: text,
        value,
        user_reference: id.to_string(),
    };
    let action = match command {
        Command::Redeploy => {
            let body = json(&RedeployBody {
                git_ref: options.git_ref.as_deref().filter(|text| !text.is_empty()),
                services: &options.services,
                deployment_profile: options
                    .deployment_profile
                    .as_deref()
                    .filter(|text| !text.is_empty()),
                user_reference,
            })?;
            return Some((format!("/stacks/{uid}/deployments.json"), Some(body)));
        }
        Command::Restart => given("restart", None),
        Command::ClearCaches => given("clear_caches", None),
        Command::MaintenanceOn => given("maintenance_mode", Some(1)),
        Command::MaintenanceOff => given("maintenance_mode", Some(0)),
    };
    Some((format!("/stacks/{uid}/actions.json"), Some(json(&action)?)))
}

/// Path and body of a command in version 2: one path a command, nothing to look it up by afterwards (fact
/// sheet 1.3). Caches cannot be cleared there.
fn version_2(uid: StackUid, command: Command) -> Option<(String, Option<Body>)> {
    let maintenance = |value: &str| {
        Some(Body {
            content_type: "application/x-www-form-urlencoded",
            bytes: format!("value={value}").into_bytes(),
        })
    };
    let (word, body) = match command {
        Command::Redeploy => ("redeploy", None),
        Command::Restart => ("restart", None),
        Command::MaintenanceOn => ("maintenance_mode", maintenance("1")),
        Command::MaintenanceOff => ("maintenance_mode", maintenance("0")),
        Command::ClearCaches => return None,
    };
    Some((format!("/stacks/{uid}/{word}.json"), body))
}

fn json(body: &impl Serialize) -> Option<Body> {
    let bytes = serde_json::to_vec(body).ok()?;
    Some(Body {
        content_type: "application/json",
        bytes,
    })
}
