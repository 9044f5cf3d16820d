//! Deployments of version 3: redeploy, list, one, cancel.

use super::{ApiError, Asked, Replied, Reply, objects, paging};
use crate::sandbox::fault::{Effect, Foreign, WrongAction};
use crate::sandbox::world::{Accepted, Order, Stack, State, Via};
use serde_json::json as value;

/// Accepts a redeploy (fact sheet 4.5, 6.4, 7). A busy stack is never refused; the deploy waits its turn.
pub(super) fn redeploy(asked: &mut Asked<'_>) -> Replied {
    let uid = asked.stack_to_change()?;
    let user_reference = asked.user_reference()?;
    if !asked.state.can_deploy(&uid) {
        return Err(ApiError::conflict(
            "The stack could not be analysed and cannot be deployed",
        ));
    }
    check_strategies(asked)?;
    let services = services(asked)?;
    let order = Order {
        by: Some(&asked.caller.person.email),
        via: Via::Api,
        user_reference,
    };
    let git_ref = asked.request.param("git_ref");
    let accepted = deploy(asked, &uid, &order, git_ref, services)?;
    let message = if accepted.queued {
        "Stack queued for redeployment"
    } else {
        "Stack starting redeployment"
    };
    let warning = asked
        .state
        .stack(&uid)
        .and_then(|stack| stack.warnings.first().cloned());
    let object = value!({
        "ok": true,
        "message": message,
        "queued": accepted.queued,
        "async_action_id": accepted.action_id,
    });
    Ok(Reply {
        warning,
        ..Reply::one(object)
    })
}

/// Hands the deploy to the world, with what faults add to it.
pub(super) fn deploy(
    asked: &mut Asked<'_>,
    uid: &str,
    order: &Order<'_>,
    git_ref: Option<&str>,
    services: Vec<(String, Option<String>)>,
) -> Result<Accepted, ApiError> {
    let (state, now) = (&mut *asked.state, asked.now);
    let others = state.people.iter().map(|person| person.email.clone());
    let other = others.into_iter().find(|email| Some(email.as_str()) != order.by);
    let foreign = |state: &mut State| {
        let order = Order {
            by: other.as_deref(),
            via: Via::Web,
            user_reference: None,
        };
        state.deploy(uid, &order, None, Vec::new(), now)
    };
    let mut named = None;
    for effect in asked.effects {
        match effect {
            Effect::ForeignDeploy(Foreign::Before) => drop(foreign(state)),
            Effect::ForeignDeploy(Foreign::Unlisted) => {
                if let Some(accepted) = foreign(state) {
                    state.hide_action(uid, accepted.action_id);
                }
            }
            Effect::WrongAction(wrong) => named = state.plant_action(uid, *wrong, other.as_deref(), now),
            _ => {}
        }
    }
    let mut accepted = state
        .deploy(uid, order, git_ref, services, now)
        .ok_or_else(|| ApiError::not_found("No stack with this UID"))?;
    for effect in asked.effects {
        match effect {
            Effect::LateStart(time) => state.begin_later(uid, *time),
            Effect::ForeignDeploy(Foreign::After) => drop(foreign(state)),
            Effect::NotQueued => accepted.queued = false,
            Effect::WrongAction(WrongAction::Unknown) => accepted.action_id += 1_000_000,
            _ => {}
        }
    }
    accepted.action_id = named.unwrap_or(accepted.action_id);
    Ok(accepted)
}

/// The listed values of the strategies (fact sheet 7); anything else is a bad request.
fn check_strategies(asked: &Asked<'_>) -> Result<(), ApiError> {
    let listed: [(&str, &[&str]); 2] = [
        ("deploy_strategy", &["serial", "parallel", "rolling", "fast"]),
        (
            "rollout_strategy",
            &["none", "blue_green_immediate", "blue_green_delayed", "canary"],
        ),
    ];
    for (name, values) in listed {
        if let Some(given) = asked.request.param(name)
            && !values.contains(&given)
        {
            return Err(ApiError::bad_request(&format!(
                "{name} is none of: {}",
                values.join(", ")
            )));
        }
    }
    Ok(())
}

/// `services` as one comma list or as several values, each `name` or `name:tag` (fact sheet 7).
fn services(asked: &Asked<'_>) -> Result<Vec<(String, Option<String>)>, ApiError> {
    let stack = asked.stack()?;
    if stack.framework != "docker" {
        return Ok(Vec::new());
    }
    let given = asked
        .request
        .query
        .all("services")
        .chain(asked.request.form.all("services"));
    let mut services = Vec::new();
    for one in given
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|one| !one.is_empty())
    {
        let (name, tag) = one
            .split_once(':')
            .map_or((one, None), |(name, tag)| (name, Some(tag)));
        if !stack.services.iter().any(|service| service.name == name) {
            return Err(ApiError::bad_request(&format!(
                "The stack has no service \"{name}\""
            )));
        }
        services.push((name.to_owned(), tag.map(str::to_owned)));
    }
    Ok(services)
}

/// Newest first.
pub(super) fn list(asked: &Asked<'_>) -> Replied {
    let stack = asked.stack()?;
    let all: Vec<_> = stack.deployments.iter().rev().collect();
    Ok(paging::list(asked, &all, |one| objects::deployment(stack, one)))
}

pub(super) fn show(asked: &Asked<'_>) -> Replied {
    let stack = asked.stack()?;
    let deployment = find(stack, asked.call.number(1))?;
    Ok(Reply::one(objects::deployment(stack, deployment)))
}

/// Only a running deployment can be cancelled; that it is takes a moment (fact sheet 6.5).
pub(super) fn cancel(asked: &mut Asked<'_>) -> Replied {
    let uid = asked.stack_to_change()?;
    let id = asked.call.number(1);
    find(asked.stack()?, id)?;
    if !asked
        .state
        .cancel(&uid, id, &asked.caller.person.email, asked.now)
    {
        return Err(ApiError::conflict("The deployment is not running"));
    }
    Ok(Reply::one(
        value!({ "ok": true, "message": "Cancelling deployment" }),
    ))
}

fn find(stack: &Stack, id: u64) -> Result<&crate::sandbox::world::Deployment, ApiError> {
    stack
        .deployments
        .iter()
        .find(|one| one.id == id)
        .ok_or_else(|| ApiError::not_found("No deployment with this id"))
}
