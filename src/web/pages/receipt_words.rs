//! The sentences of receipts, for each state of the ledger.

use super::reason::explain;
use super::words;
use crate::domain::deployment::short_hash;
use crate::domain::{Command, Reason, Redeploy, RedeployState};

/// Where a redeploy stands: outline, tone, a headline, and what it means.
#[derive(Debug, Clone)]
pub(super) struct Sentence {
    pub(super) icon: &'static str,
    pub(super) tone: &'static str,
    pub(super) headline: String,
    pub(super) meaning: String,
}

/// What a command is called.
pub(super) fn command_noun(command: Command) -> &'static str {
    match command {
        Command::Redeploy => "Redeploy",
        Command::Restart => "Restart",
        Command::ClearCaches => "Clear caches",
        Command::MaintenanceOn => "Turn on maintenance",
        Command::MaintenanceOff => "Turn off maintenance",
    }
}

/// The sentence for where it stands.
pub(super) fn sentence(redeploy: &Redeploy, old_api: bool) -> Sentence {
    sentence_of(redeploy, old_api, redeploy.is_silent())
}

/// The same where it is known otherwise whether Cloud 66 can be heard.
pub(super) fn sentence_of(redeploy: &Redeploy, old_api: bool, silent: bool) -> Sentence {
    use RedeployState as S;
    let deploys = redeploy.command == Command::Redeploy;
    let (icon, tone) = mark(redeploy);
    let (headline, meaning) = match redeploy.state {
        _ if is_given_up(redeploy) => (
            "Not known",
            "Cloud 66 accepted it. How it ended is not known here.".to_owned(),
        ),
        S::Requested if redeploy.attempts > 0 => (
            "Not sent yet",
            "No connection to Cloud 66 could be made, so nothing was sent. The app keeps trying.".to_owned(),
        ),
        S::Requested => (
            "Asked",
            "It is written down here and goes to Cloud 66 in a moment.".to_owned(),
        ),
        S::Sending => (
            "Sending",
            "It is on its way to Cloud 66. You may close this page.".to_owned(),
        ),
        S::Accepted if silent => (
            if redeploy.queued { "Queued" } else { "Accepted" },
            "Cloud 66 accepted it and has not answered since. How far it is is not known here; the app keeps \
             asking."
                .to_owned(),
        ),
        S::Accepted if redeploy.queued => (
            "Queued",
            "Cloud 66 accepted it. It starts when the operation before it ends.".to_owned(),
        ),
        S::Accepted if deploys => (
            "Accepted",
            "Cloud 66 accepted it and has not reported its start yet.".to_owned(),
        ),
        S::Accepted => (
            "Accepted",
            "Cloud 66 accepted it and has not reported its end yet.".to_owned(),
        ),
        S::Running if redeploy.cancel_requested_at.is_some() => (
            "Cancelling",
            "This can take a minute. Cloud 66 has not confirmed it yet.".to_owned(),
        ),
        S::Running if silent => (
            if deploys { "Deploying" } else { "Running" },
            "It was running when Cloud 66 last answered. What became of it since is not known here; the app \
             keeps asking."
                .to_owned(),
        ),
        S::Running if deploys => (
            "Deploying",
            "Cloud 66 is at work on it. You may close this page.".to_owned(),
        ),
        S::Running => (
            "Running",
            "Cloud 66 is at work on it. You may close this page.".to_owned(),
        ),
        S::Unknown => unanswered(old_api, silent),
        S::Refused if redeploy.reason.is_some_and(Reason::is_unsent) => {
            ("Not sent", explain(redeploy).unwrap_or_default())
        }
        S::Refused => ("Refused", refused(redeploy)),
        S::Lost if redeploy.reason == Some(Reason::NoRecord) => {
            ("No record of it", explain(redeploy).unwrap_or_default())
        }
        S::Lost => ("Not known", explain(redeploy).unwrap_or_default()),
        S::Ended if redeploy.reason.is_some() => {
            ("Ended, result not known", explain(redeploy).unwrap_or_default())
        }
        S::Ended => (
            "Ended, result not given",
            "Cloud 66 says that it ended, and not how. Check the stack.".to_owned(),
        ),
        S::Succeeded if deploys => ("Deployed", succeeded(redeploy)),
        S::Succeeded => ("Done", "Cloud 66 reports that it ended well.".to_owned()),
        S::Failed if deploys => ("Deploy failed", failed(redeploy)),
        S::Failed => ("Failed", "Cloud 66 reports that it failed.".to_owned()),
        S::Cancelled => (
            "Cancelled",
            "Cloud 66 reports that it was stopped. Look at the stack for what is on its servers now."
                .to_owned(),
        ),
    };
    // What Cloud 66 did not say of this very redeploy is never told as its word.
    let inferred = redeploy.reason.filter(|reason| reason.is_inference());
    let meaning = inferred.and_then(|_| explain(redeploy)).unwrap_or(meaning);
    Sentence {
        icon,
        tone,
        headline: headline.to_owned(),
        meaning,
    }
}

/// Outline and tone.
fn mark(redeploy: &Redeploy) -> (&'static str, &'static str) {
    use RedeployState as S;
    match redeploy.state {
        _ if is_given_up(redeploy) => ("triangle", "warn"),
        S::Requested | S::Unknown => ("clock", "busy"),
        S::Accepted if redeploy.queued => ("clock", "busy"),
        S::Sending | S::Accepted | S::Running => ("ring", "busy"),
        S::Refused | S::Failed => ("octagon", "bad"),
        S::Lost | S::Ended => ("triangle", "warn"),
        S::Succeeded => ("tick", "ok"),
        S::Cancelled => ("dash", "idle"),
    }
}

/// Headline and meaning where it is not known whether Cloud 66 has it.
fn unanswered(old_api: bool, silent: bool) -> (&'static str, String) {
    if old_api {
        return (
            "No answer",
            "Cloud 66 did not answer, and version 2 of its API has nothing to look up. It may have arrived, and will \
             not be sent again. Check the stack."
                .to_owned(),
        );
    }
    let meaning = if silent {
        "Whether Cloud 66 got it cannot be asked now; the app keeps trying. It may have arrived, and will not be sent \
         again."
    } else {
        "Checking whether Cloud 66 got it… It may have arrived, and will not be sent again."
    };
    ("No answer yet", meaning.to_owned())
}

/// Whether Cloud 66 accepted it and is asked no more, although its end is not known.
pub(super) fn is_given_up(redeploy: &Redeploy) -> bool {
    let accepted = matches!(redeploy.state, RedeployState::Accepted | RedeployState::Running);
    accepted && !redeploy.followed
}

/// What the refusal means, and what Cloud 66 said of it.
fn refused(redeploy: &Redeploy) -> String {
    explain(redeploy).unwrap_or_else(|| "Cloud 66 refused. Nothing was started.".to_owned())
}

fn succeeded(redeploy: &Redeploy) -> String {
    let what = redeploy
        .git_hash
        .as_deref()
        .map_or("Cloud 66 reports that it ended well", |_| "");
    let took = super::receipt::took(redeploy).map(words::long);
    match (redeploy.git_hash.as_deref().map(short_hash), took) {
        (Some(hash), Some(took)) => format!("{hash} is on the servers, after {took}."),
        (Some(hash), None) => format!("{hash} is on the servers."),
        (None, Some(took)) => format!("{what}, after {took}."),
        (None, None) => format!("{what}."),
    }
}

fn failed(redeploy: &Redeploy) -> String {
    if redeploy.cancel_requested_at.is_some() {
        return "A cancel was asked for, and Cloud 66 reports that it failed. Look at the stack for what is on its \
                servers now."
            .to_owned();
    }
    match redeploy.before.live_hash.as_deref() {
        Some(hash) => format!(
            "Before it, {} was running. The log in Cloud 66 tells why it failed.",
            short_hash(hash)
        ),
        None => "The log in Cloud 66 tells why.".to_owned(),
    }
}

/// What was asked, in one line: "latest commit on main", "commit 4c1d9ab, profile blue".
pub(super) fn asked_words(redeploy: &Redeploy) -> String {
    let options = &redeploy.options;
    if redeploy.command != Command::Redeploy {
        return command_noun(redeploy.command).to_owned();
    }
    let mut parts = Vec::new();
    if let Some(git_ref) = &options.git_ref {
        let shown = if super::commit::is_hash(git_ref) {
            short_hash(git_ref)
        } else {
            git_ref
        };
        parts.push(shown.to_owned());
    }
    if !options.services.is_empty() {
        parts.push(format!("services {}", options.services.join(", ")));
    }
    if parts.is_empty() {
        parts.push(match &redeploy.before.branch {
            Some(branch) => format!("latest commit on {branch}"),
            None => "what Cloud 66 has for it".to_owned(),
        });
    }
    if let Some(profile) = &options.deployment_profile {
        parts.push(format!("profile {profile}"));
    }
    parts.join(", ")
}

/// The receipt for a chat or a ticket.
pub(super) fn as_text(redeploy: &Redeploy, address: &str) -> String {
    let mut lines = vec![
        format!(
            "{}: {} {}",
            command_noun(redeploy.command),
            redeploy.stack_name,
            redeploy.environment
        ),
        format!("Result: {}", sentence(redeploy, false).headline),
        format!("Asked: {}, by {}", asked_words(redeploy), redeploy.asked_by_name),
    ];
    if let Some(hash) = &redeploy.git_hash {
        lines.push(format!("Commit: {}", short_hash(hash)));
    }
    if let Some(note) = &redeploy.options.note {
        lines.push(format!("Note: {note}"));
    }
    lines.push(format!("Requested: {}", words::exact(redeploy.requested_at)));
    if let Some(at) = redeploy.finished_at {
        lines.push(format!("Finished: {}", words::exact(at)));
    }
    if let Some(took) = super::receipt::took(redeploy) {
        lines.push(format!("Took: {}", words::long(took)));
    }
    lines.push(address.to_owned());
    words::straight(&lines.join("\n"))
}
