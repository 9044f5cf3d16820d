//! The JSON objects of fact sheet 4, written from the world.

use super::dates::{offset, spaced, zulu};
use super::{Asked, Caller};
use crate::sandbox::operation::Version;
use crate::sandbox::world::{
    Account, Action, DeployType, Deployment, Health, Outcome, Role, Scope, Service, Stack, State, Via,
};
use serde_json::{Value, json as value};

/// A stack (fact sheet 4.1). `redeploy_hook` is there only for tokens with `redeploy`, and only where the
/// person may deploy.
pub(super) fn stack(asked: &Asked<'_>, stack: &Stack) -> Value {
    let mut object = match asked.call.version {
        Version::V2 => stack_2(stack),
        Version::V3 => stack_3(asked.state, stack),
    };
    if may_see_hook(asked.caller, stack)
        && let Some(fields) = object.as_object_mut()
    {
        let (one, two) = &stack.hook;
        let hook = format!("{}/stacks/redeploy/{one}/{two}", asked.world.base);
        fields.insert("redeploy_hook".to_owned(), Value::String(hook));
    }
    object
}

fn may_see_hook(caller: &Caller, stack: &Stack) -> bool {
    let role = caller.person.role_on(&stack.uid, stack.account_id);
    caller.scopes.contains(&Scope::Redeploy) && role.is_some_and(|role| role >= Role::Deployer)
}

fn stack_2(stack: &Stack) -> Value {
    value!({
        "uid": stack.uid,
        "name": stack.name,
        "git": stack.git,
        "git_branch": stack.git_branch,
        "environment": stack.environment,
        "cloud": stack.cloud,
        "fqdn": stack.fqdn,
        "language": stack.language,
        "framework": stack.framework,
        "status": stack.status.0,
        "health": stack.health.0,
        "last_activity": stack.last_activity.map(offset),
        "maintenance_mode": stack.maintenance_mode,
        "created_at": offset(stack.created_at),
        "updated_at": offset(stack.updated_at),
        "deploy_directory": deploy_directory(stack),
    })
}

fn stack_3(state: &State, stack: &Stack) -> Value {
    let account = state.account(stack.account_id);
    value!({
        "uid": stack.uid,
        "name": stack.name,
        "git": stack.git,
        "git_branch": stack.git_branch,
        "environment": stack.environment,
        "cloud": stack.cloud,
        "fqdn": stack.fqdn,
        "language": stack.language,
        "framework": stack.framework,
        "status": stack.status.0,
        "health": stack.health.0,
        "last_activity": stack.last_activity.map(offset),
        "last_activity_iso": stack.last_activity.map(offset),
        "maintenance_mode": stack.maintenance_mode,
        "has_loadbalancer": stack.has_loadbalancer,
        "created_at": spaced(stack.created_at),
        "updated_at": spaced(stack.updated_at),
        "created_at_iso": zulu(stack.created_at),
        "updated_at_iso": zulu(stack.updated_at),
        "deploy_directory": deploy_directory(stack),
        "cloud_status": cloud_status(stack),
        "is_busy": stack.is_busy,
        "backend": stack.backend,
        "version": "4",
        "revision": stack.revision.to_string(),
        "namespaces": if stack.backend.is_some() { value!(["default"]) } else { value!([]) },
        "account_id": stack.account_id,
        "account_name": account.map(Account::label),
        "is_cluster": false,
        "is_inside_cluster": false,
        "cluster_name": "",
        "application_address": stack.application_address,
        "considerations": { "warnings": stack.warnings, "notices": [] },
    })
}

fn deploy_directory(stack: &Stack) -> String {
    let word = |character: char| {
        if character.is_ascii_alphanumeric() {
            character
        } else {
            '_'
        }
    };
    format!(
        "/var/deploy/{}",
        stack.name.to_lowercase().chars().map(word).collect::<String>()
    )
}

/// `cloud_status`, a third notion beside status and health (fact sheet 4.2).
pub(super) fn cloud_status(stack: &Stack) -> &'static str {
    match stack.health {
        _ if stack.maintenance_mode => "maintenance",
        Health::OK => "healthy",
        Health::PARTIAL => "partial",
        Health::BROKEN => "faulty",
        _ => "unknown",
    }
}

/// A deployment (fact sheet 4.3).
pub(super) fn deployment(stack: &Stack, deployment: &Deployment) -> Value {
    let (via, via_words) = match deployment.via {
        Via::Web => (0, "web"),
        Via::Api => (1, "api"),
        Via::Hook => (2, "hook"),
    };
    let (outcome, outcome_words) = match deployment.outcome {
        Outcome::Pending => (0, "pending"),
        Outcome::Success => (1, "success"),
        Outcome::Failed => (2, "failed"),
    };
    let (kind, kind_words) = match deployment.deploy_type {
        DeployType::Redeploy => (1, "redeploy"),
        DeployType::FirstBuild => (3, "first_build"),
        DeployType::Revert => (4, "revert"),
    };
    let reverted = deployment.reverted.as_ref();
    value!({
        "id": deployment.id,
        "triggered_by": deployment.triggered_by,
        "triggered_via": { "code": via, "meaning": via_words },
        "started_at": zulu(deployment.started_at),
        "finished_at": deployment.finished_at.map(zulu),
        "outcome": { "code": outcome, "meaning": outcome_words },
        "git_hash": deployment.git_hash,
        "git_ref": deployment.git_ref,
        "deploy_session": deployment.deploy_session,
        "deploy_type": { "code": kind, "meaning": kind_words },
        "is_head": deployment.is_head,
        "is_live": deployment.is_live,
        "reverted": reverted.map(|_| true),
        "reverted_by": reverted.map(|(by, _)| by),
        "reverted_at": reverted.map(|(_, at)| zulu(*at)),
        "is_deploying": deployment.is_deploying(),
        "commit_url": deployment.git_hash.as_deref().and_then(|hash| stack.commit_url(hash)),
    })
}

/// An asynchronous action (fact sheet 4.6).
pub(super) fn action(stack: &Stack, action: &Action) -> Value {
    let finished = action.finished.as_ref();
    let metadata = match &action.user_reference {
        Some(reference) => value!({ "user_reference": reference }),
        None => value!({}),
    };
    value!({
        "id": action.id,
        "user": action.user,
        "resource_type": "stack",
        "action": action.action,
        "resource_id": stack.id.to_string(),
        "started_via": action.started_via,
        "started_at": zulu(action.started_at),
        "finished_at": finished.map(|end| zulu(end.at)),
        "finished_success": finished.map(|end| end.success),
        "finished_message": finished.map(|end| &end.message),
        "finished_result": finished.map(|_| value!({})),
        "metadata": metadata,
    })
}

/// A service (fact sheet 4.11).
pub(super) fn service(stack: &Stack, service: &Service) -> Value {
    let containers: Vec<Value> = (0..service.containers)
        .map(|number| {
            value!({
                "uid": format!("{}{number:032x}", service.server_uid),
                "name": format!("{}-{number}", service.name),
                "server_uid": service.server_uid,
                "server_name": "Lion",
                "service_name": service.name,
                "image": format!("{}:{}", service.image, service.tag),
                "command": null,
                "started_at": zulu(stack.updated_at),
                "ports": [],
                "private_ip": "10.0.0.5",
                "docker_ip": format!("172.17.0.{}", number + 2),
                "health_state": 1,
                "health_message": null,
                "health_source": null,
                "status": "started",
            })
        })
        .collect();
    value!({
        "name": service.name,
        "containers": containers,
        "source_type": "image",
        "git_ref": "",
        "image_name": service.image,
        "image_uid": "",
        "image_tag": service.tag,
        "command": null,
        "build_command": null,
        "deploy_command": null,
        "wrap_command": "",
        "desired_count": service.containers,
    })
}
