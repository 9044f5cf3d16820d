//! A stack's deployments, one readable line each.

use super::commit::{by, commit_link, is_hash};
use super::frame::Frame;
use super::words::{self, When};
use crate::domain::deployment::short_hash;
use crate::domain::{Deployment, Outcome, RedeployOptions, Repository, Stack};

/// One deployment.
#[derive(Debug)]
pub(super) struct HistoryLine {
    pub(super) icon: &'static str,
    pub(super) tone: &'static str,
    pub(super) outcome: String,
    pub(super) hash: Option<String>,
    pub(super) commit: Option<String>,
    pub(super) git_ref: Option<String>,
    pub(super) when: Option<When>,
    pub(super) by: String,
    pub(super) took: Option<String>,
    pub(super) live: bool,
    pub(super) reverted: bool,
    /// Redeploys this commit, through the confirm page.
    pub(super) again: Option<String>,
    /// What lies between the deployment before and this one.
    pub(super) changes: Option<String>,
}

/// A line for each deployment, newest first. "Deploy again" is offered where a commit can be chosen: not on
/// Docker stacks, not for the commit that runs, not where the person may not deploy.
pub(super) fn history_lines(
    frame: &Frame,
    stack: &Stack,
    history: &[Deployment],
    may_deploy: bool,
) -> Vec<HistoryLine> {
    let repository = stack.git.as_deref().and_then(Repository::parse);
    let live = history
        .iter()
        .find(|known| known.is_live)
        .and_then(|known| known.git_hash.as_deref());
    let earlier = history.iter().skip(1).map(Some).chain([None]);
    history
        .iter()
        .zip(earlier)
        .map(|(deployment, before)| {
            let hash = deployment.git_hash.as_deref();
            let redeployable = may_deploy
                && !stack.is_docker()
                && !deployment.is_live
                && hash.is_some()
                && hash != live
                && !deployment.is_running();
            HistoryLine {
                again: hash.filter(|_| redeployable).map(|hash| {
                    let options = RedeployOptions {
                        git_ref: Some(hash.to_owned()),
                        ..RedeployOptions::default()
                    };
                    frame.urls.redeploy_with(stack.uid, &options)
                }),
                changes: repository
                    .as_ref()
                    .zip(before.and_then(|before| before.git_hash.as_deref()).zip(hash))
                    .filter(|(_, (from, to))| from != to)
                    .and_then(|(repository, (from, to))| repository.compare(short_hash(from), short_hash(to)))
                    .map(|link| link.as_str().to_owned()),
                ..HistoryLine::of(frame, stack, deployment)
            }
        })
        .collect()
}

impl HistoryLine {
    /// The line without its links to other actions.
    pub(super) fn of(frame: &Frame, stack: &Stack, deployment: &Deployment) -> Self {
        let (icon, tone, outcome) = outcome_view(deployment);
        Self {
            icon,
            tone,
            outcome,
            hash: deployment.short_hash().map(str::to_owned),
            commit: commit_link(stack, deployment),
            git_ref: deployment
                .named_ref()
                .filter(|name| !is_hash(name))
                .map(str::to_owned),
            when: deployment
                .finished_at
                .or(deployment.started_at)
                .map(|at| frame.ago(at)),
            by: by(deployment),
            took: deployment.duration().map(words::long),
            live: deployment.is_live,
            reverted: deployment.reverted,
            again: None,
            changes: None,
        }
    }
}

/// Outline, tone and word for how a deployment ended.
pub(super) fn outcome_view(deployment: &Deployment) -> (&'static str, &'static str, String) {
    match &deployment.outcome {
        _ if deployment.is_running() => ("ring", "busy", "Deploying".to_owned()),
        Outcome::Pending => ("dash", "idle", "No outcome".to_owned()),
        Outcome::Success => ("tick", "ok", "Deployed".to_owned()),
        Outcome::Failed => ("octagon", "bad", "Failed".to_owned()),
        Outcome::Cancelled => ("dash", "idle", "Cancelled".to_owned()),
        Outcome::Other(word) => ("dash", "idle", word.clone()),
    }
}
