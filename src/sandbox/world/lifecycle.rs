//! How work goes on: deploys and actions as a function of time (fact sheet 6).
//!
//! A stack does one piece of work at a time; the rest waits in order and each begins the moment the one
//! before it ends. Nothing runs in the background: [`settle`] brings a stack to where it must be at `now`,
//! and gives the same result whether it is called once after an hour or every second. So a request and a
//! frozen clock always agree.

use super::stack::{Action, DeployType, Deployment, Finished, Health, Outcome, Stack, Status, Via};
use std::time::Duration;
use time::OffsetDateTime;

/// One piece of work of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) kind: Kind,
    /// The action that tells of it.
    pub(crate) action: Option<u64>,
    /// When it shows; `None` while it waits behind another.
    pub(crate) begins_at: Option<OffsetDateTime>,
    /// How much later than its turn it begins.
    pub(crate) late: Duration,
    pub(crate) length: Duration,
    pub(crate) step: Step,
    /// Who cancelled it, and when that takes effect.
    pub(crate) cancelled: Option<(OffsetDateTime, String)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Deploy(Deploy),
    Restart,
    ClearCaches,
    Maintenance(bool),
    Analyse,
}

/// A deploy that waits or runs.
#[derive(Clone, Debug)]
pub(crate) struct Deploy {
    pub(crate) deployment_id: u64,
    pub(crate) operation_uid: String,
    pub(crate) by: Option<String>,
    pub(crate) via: Via,
    pub(crate) git_ref: Option<String>,
    pub(crate) git_hash: Option<String>,
    pub(crate) session: String,
    pub(crate) services: Vec<(String, Option<String>)>,
    pub(crate) fails: bool,
}

/// How far the work at the front has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Accepted, not yet to be seen on the stack: the race after the POST (fact sheet 6.4).
    Accepted,
    /// Status 5.
    Queued,
    /// Status 6.
    Running,
}

/// A deploy stands in the queue (status 5) for this part of its time.
const QUEUED_PART: f64 = 0.1;

/// Brings the stack to where it must be at `now`.
pub(crate) fn settle(stack: &mut Stack, now: OffsetDateTime) {
    while let Some(mut work) = stack.work.pop_front() {
        let begins_at = work.begins_at.unwrap_or(now);
        if now < begins_at {
            stack.work.push_front(work);
            return;
        }
        if work.step == Step::Accepted {
            begin(stack, &work.kind, work.action, begins_at);
            work.step = Step::Queued;
        }
        if work.step == Step::Queued && now >= begins_at + work.length.mul_f64(QUEUED_PART) {
            if matches!(work.kind, Kind::Deploy(_)) {
                stack.status = Status::DEPLOYING;
            }
            work.step = Step::Running;
        }
        let planned = begins_at + work.length;
        let ends_at = work
            .cancelled
            .as_ref()
            .map_or(planned, |(at, _)| planned.min(*at));
        if now < ends_at {
            stack.work.push_front(work);
            return;
        }
        let cancelled_by = work.cancelled.filter(|(at, _)| *at <= planned).map(|(_, by)| by);
        end(stack, work.kind, work.action, ends_at, cancelled_by.as_deref());
        if let Some(next) = stack.work.front_mut() {
            next.begins_at = Some(ends_at + next.late);
        }
    }
}

fn begin(stack: &mut Stack, kind: &Kind, action: Option<u64>, at: OffsetDateTime) {
    stack.is_busy = true;
    let Kind::Deploy(deploy) = kind else { return };
    if let Some(action) = stack.actions.iter_mut().find(|one| Some(one.id) == action) {
        action.deployment = Some(deploy.deployment_id);
    }
    let first = stack.deployments.is_empty();
    if first {
        stack.health = Health::BUILDING;
    }
    stack.status = Status::QUEUED_FOR_DEPLOYING;
    for older in &mut stack.deployments {
        older.is_head = false;
    }
    stack.deployments.push(Deployment {
        id: deploy.deployment_id,
        operation_uid: deploy.operation_uid.clone(),
        triggered_by: deploy.by.clone(),
        via: deploy.via,
        started_at: at,
        finished_at: None,
        outcome: Outcome::Pending,
        git_hash: deploy.git_hash.clone(),
        git_ref: deploy.git_ref.clone().or_else(|| stack.git_branch.clone()),
        deploy_session: deploy.session.clone(),
        deploy_type: if first {
            DeployType::FirstBuild
        } else {
            DeployType::Redeploy
        },
        is_head: true,
        is_live: false,
        reverted: None,
    });
}

fn end(stack: &mut Stack, kind: Kind, action: Option<u64>, at: OffsetDateTime, cancelled_by: Option<&str>) {
    stack.is_busy = false;
    stack.last_activity = Some(at);
    stack.updated_at = at;
    let (success, message) = match kind {
        Kind::Deploy(deploy) => end_deploy(stack, deploy, at, cancelled_by),
        Kind::Maintenance(on) => {
            stack.maintenance_mode = on;
            (true, "Completed successfully".to_owned())
        }
        Kind::Restart | Kind::ClearCaches => (true, "Completed successfully".to_owned()),
        Kind::Analyse => {
            stack.status = Status::ANALYSED;
            (true, "Completed successfully".to_owned())
        }
    };
    if let Some(action) = stack.actions.iter_mut().find(|one| Some(one.id) == action) {
        action.finished = Some(Finished { at, success, message });
    }
}

fn end_deploy(
    stack: &mut Stack,
    deploy: Deploy,
    at: OffsetDateTime,
    cancelled_by: Option<&str>,
) -> (bool, String) {
    let success = cancelled_by.is_none() && !deploy.fails;
    for deployment in &mut stack.deployments {
        if deployment.id == deploy.deployment_id {
            deployment.finished_at = Some(at);
            deployment.outcome = if success {
                Outcome::Success
            } else {
                Outcome::Failed
            };
            deployment.is_live = success;
        } else if success {
            deployment.is_live = false;
        }
    }
    if !success {
        stack.status = Status::FAILED;
        if stack.health == Health::BUILDING {
            stack.health = Health::UNKNOWN;
        }
        let message = match cancelled_by {
            Some(by) => format!("Cancelled by {by}"),
            None => "Deployment failed: the build command ended with exit code 1".to_owned(),
        };
        return (false, message);
    }
    stack.status = Status::SUCCESS;
    stack.revision += 1;
    if matches!(stack.health, Health::BUILDING | Health::UNKNOWN) {
        stack.health = Health::OK;
    }
    for (name, tag) in deploy.services {
        if let (Some(service), Some(tag)) = (stack.services.iter_mut().find(|one| one.name == name), tag) {
            service.tag = tag;
        }
    }
    (true, "Completed successfully".to_owned())
}

/// The action as it stands when it has just been asked for.
pub(crate) fn new_action(
    id: u64,
    user: &str,
    action: &'static str,
    started_via: &'static str,
    at: OffsetDateTime,
    user_reference: Option<&str>,
) -> Action {
    Action {
        id,
        user: user.to_owned(),
        action,
        started_via,
        started_at: at,
        finished: None,
        user_reference: user_reference.map(str::to_owned),
        deployment: None,
    }
}
