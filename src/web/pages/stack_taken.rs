//! A press that was not sent, because an earlier request on the stack has no answer yet.
//!
//! Invariant: of somebody else's request only who, what kind and when is said, never its options, note or receipt.

use askama::Template;
use askama_web::WebTemplate;

use super::frame::{Frame, Here};
use super::words::{self, When};
use crate::domain::deployment::short_hash;
use crate::domain::{Command, Redeploy, RedeployOptions, RedeployState, ReturnTo, UserId};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/stack_taken.html")]
pub struct StackTakenPage {
    f: Frame,
    name: String,
    environment: String,
    production: bool,
    who: String,
    asked_to: &'static str,
    when: When,
    state: &'static str,
    yours: String,
    looked_up: bool,
    again: String,
    receipt: Option<String>,
    stack: String,
}

/// What the page is made from.
#[derive(Debug, Clone, Copy)]
pub struct StackTakenInput<'a> {
    /// The request that has no answer.
    pub taken: &'a Redeploy,
    /// Who looks.
    pub person: UserId,
    /// What was pressed now, and not sent.
    pub command: Command,
    /// With which options.
    pub options: &'a RedeployOptions,
    /// Whether the environment counts as production.
    pub production: bool,
}

impl StackTakenPage {
    /// Builds the page.
    pub fn new(frame: Frame, input: &StackTakenInput<'_>) -> Self {
        let taken = input.taken;
        let is_own = taken.asked_by == input.person;
        Self {
            name: taken.stack_name.clone(),
            environment: taken.environment.clone(),
            production: input.production,
            who: asker(taken, input.person),
            asked_to: asked_to(taken.command),
            when: frame.ago(taken.requested_at),
            state: match taken.state {
                RedeployState::Requested => "It has not been sent to Cloud 66 yet.",
                RedeployState::Sending => "It is on its way to Cloud 66.",
                _ => "Cloud 66 has not answered.",
            },
            yours: yours(input.command, input.options),
            looked_up: taken.state == RedeployState::Unknown,
            again: match input.command {
                Command::Redeploy => frame.urls.redeploy_with(taken.stack, input.options),
                command => frame.urls.action(taken.stack, command),
            },
            receipt: is_own.then(|| frame.urls.receipt(taken.id)),
            stack: frame.urls.return_to(ReturnTo::Stack(taken.stack)),
            f: frame.titled("Not sent", Here::Stacks),
        }
    }
}

/// "Tomas Reyes", or "You".
fn asker(taken: &Redeploy, person: UserId) -> String {
    if taken.asked_by == person {
        "You".to_owned()
    } else {
        words::straight(&taken.asked_by_name)
    }
}

/// What stood in the way, for a list where it is one line of many: "Tomas Reyes had asked to restart it at 12:03 UTC".
pub fn had_asked(taken: &Redeploy, person: UserId) -> String {
    format!(
        "{} had asked to {} at {}",
        asker(taken, person),
        asked_to(taken.command),
        words::clock(taken.requested_at)
    )
}

/// What was asked of the stack.
fn asked_to(command: Command) -> &'static str {
    match command {
        Command::Redeploy => "redeploy it",
        Command::Restart => "restart it",
        Command::ClearCaches => "clear its caches",
        Command::MaintenanceOn => "turn its maintenance mode on",
        Command::MaintenanceOff => "turn its maintenance mode off",
    }
}

/// What was pressed now: "Your redeploy of v2".
fn yours(command: Command, options: &RedeployOptions) -> String {
    match (command, options.git_ref.as_deref()) {
        (Command::Redeploy, Some(git_ref)) if super::commit::is_hash(git_ref) => {
            format!("Your redeploy of {}", short_hash(git_ref))
        }
        (Command::Redeploy, Some(git_ref)) => format!("Your redeploy of {}", words::straight(git_ref)),
        (Command::Redeploy, None) => "Your redeploy".to_owned(),
        (command, _) => format!("Your request to {}", asked_to(command)),
    }
}
