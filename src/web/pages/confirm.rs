//! The pages that ask before something other than a redeploy: a command, and stopping a deployment.

use askama::Template;
use askama_web::WebTemplate;

use super::commit::spoken;
use super::frame::{Frame, Here};
use super::words::When;
use crate::domain::{Command, Deployment, ReturnTo, Stack};

/// Asks before a command is sent, or a deployment is stopped.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/confirm.html")]
pub struct ConfirmPage {
    f: Frame,
    op: Option<String>,
    question: String,
    name: String,
    environment: String,
    production: bool,
    does: Vec<String>,
    running: Option<Cancelled>,
    action: String,
    verb: String,
    who: String,
    back: String,
    keep: &'static str,
}

/// The deployment that would be stopped.
#[derive(Debug)]
struct Cancelled {
    hash: Option<String>,
    since: Option<When>,
    by: String,
}

impl ConfirmPage {
    /// Asks about a command other than a redeploy. `op` is the form's operation id.
    pub fn command(frame: Frame, stack: &Stack, production: bool, command: Command, op: &str) -> Self {
        let (question, verb, does) = command_words(command);
        let mut does = vec![does.to_owned()];
        if stack.is_busy() {
            does.push("Cloud 66 is at work on this stack. This may have to wait until that ends.".to_owned());
        }
        if matches!(command, Command::MaintenanceOn | Command::MaintenanceOff) {
            does.push("Allow a few minutes.".to_owned());
        }
        let action = frame.urls.action(stack.uid, command);
        Self::build(
            frame,
            stack,
            production,
            (question, verb),
            does,
            action,
            Some(op.to_owned()),
        )
    }

    /// Asks about stopping a running deployment.
    pub fn cancel(frame: Frame, stack: &Stack, production: bool, deployment: &Deployment) -> Self {
        let does = vec![
            "Cloud 66 stops it where it is. That can take a minute, and some of the new code may be on the \
             servers already."
                .to_owned(),
        ];
        let action = frame.urls.cancel(stack.uid, deployment.id);
        let running = Cancelled {
            hash: deployment.short_hash().map(str::to_owned),
            since: deployment.started_at.map(|at| When::lasting(at, frame.now)),
            by: super::commit::by(deployment),
        };
        let words = ("Cancel this deploy?", "Cancel deploy");
        Self {
            running: Some(running),
            keep: "Keep going",
            ..Self::build(frame, stack, production, words, does, action, None)
        }
    }

    fn build(
        frame: Frame,
        stack: &Stack,
        production: bool,
        (question, verb): (&str, &str),
        does: Vec<String>,
        action: String,
        op: Option<String>,
    ) -> Self {
        let title = format!("{verb}: {}", stack.title());
        Self {
            op,
            question: question.to_owned(),
            name: stack.name.clone(),
            environment: stack.environment.as_str().to_owned(),
            production,
            does,
            running: None,
            action,
            verb: verb.to_owned(),
            who: spoken(stack),
            back: frame.urls.return_to(&ReturnTo::Stack(stack.uid)),
            keep: "Not now",
            f: frame.titled(title, Here::Stacks),
        }
    }
}

/// Question, button, and what it does.
fn command_words(command: Command) -> (&'static str, &'static str, &'static str) {
    match command {
        Command::Redeploy => ("Redeploy?", "Redeploy", "Deploys code again."),
        Command::Restart => (
            "Restart?",
            "Restart",
            "Restarts web servers and databases. No new code. Visitors may wait meanwhile.",
        ),
        Command::ClearCaches => (
            "Clear caches?",
            "Clear caches",
            "Empties the application’s caches. The next requests may be slower.",
        ),
        Command::MaintenanceOn => (
            "Turn on maintenance?",
            "Turn on maintenance",
            "Visitors see the maintenance page until it is turned off.",
        ),
        Command::MaintenanceOff => (
            "Turn off maintenance?",
            "Turn off maintenance",
            "Visitors see the application again.",
        ),
    }
}
