//! Asynchronous actions of version 3: list, one, and running a command.

use super::{ApiError, Asked, Replied, Reply, objects, paging};
use crate::sandbox::fault::{Effect, Metadata};
use crate::sandbox::world::{Kind, Order, Via};

/// Newest first; `user_reference` filters by exact match (fact sheet 6.3).
pub(super) fn list(asked: &Asked<'_>) -> Replied {
    let stack = asked.stack()?;
    let filtered = !asked.effects.contains(&Effect::Unfiltered);
    let wanted = asked.request.param("user_reference").filter(|_| filtered);
    let kept = !asked.effects.contains(&Effect::Metadata(Metadata::Empty));
    let matches = |reference: Option<&str>| wanted.is_none() || (kept && reference == wanted);
    let all: Vec<_> = stack
        .actions
        .iter()
        .rev()
        .filter(|action| matches(action.user_reference.as_deref()))
        .collect();
    Ok(paging::list(asked, &all, |one| objects::action(stack, one)))
}

pub(super) fn show(asked: &Asked<'_>) -> Replied {
    let stack = asked.stack()?;
    let id = asked.call.number(1);
    let action = stack.actions.iter().find(|action| action.id == id);
    let action = action.ok_or_else(|| ApiError::not_found("No action with this id"))?;
    Ok(Reply::one(objects::action(stack, action)))
}

/// Runs `restart`, `clear_caches` or `maintenance_mode` (fact sheet 6.2). The other documented commands are
/// answered with 503 `not_implemented`, anything else with 400.
pub(super) fn run(asked: &mut Asked<'_>) -> Replied {
    let uid = asked.stack_to_change()?;
    let user_reference = asked.user_reference()?;
    let kind = match asked.request.param("command") {
        Some("restart") => Kind::Restart,
        Some("clear_caches") => Kind::ClearCaches,
        Some("maintenance_mode") => Kind::Maintenance(switch(asked)?),
        Some(
            "promote_slave_db"
            | "resync_slave_db"
            | "disable_replication_slave_db"
            | "container_restart"
            | "service_restart"
            | "service_pause"
            | "service_resume"
            | "process_restart"
            | "process_pause"
            | "process_resume",
        ) => return Err(ApiError::not_implemented()),
        Some(_) => return Err(ApiError::bad_request("command is not known")),
        None => return Err(ApiError::bad_request("command is missing")),
    };
    let order = Order {
        by: Some(&asked.caller.person.email),
        via: Via::Api,
        user_reference,
    };
    let accepted = asked.state.run(&uid, &order, kind, asked.now);
    let accepted = accepted.ok_or_else(|| ApiError::not_found("No stack with this UID"))?;
    let stack = asked.stack()?;
    let action = stack
        .actions
        .iter()
        .find(|action| action.id == accepted.action_id);
    let action = action.ok_or_else(|| ApiError::not_found("No action with this id"))?;
    Ok(Reply::one(objects::action(stack, action)))
}

/// `value`: 1 on, 0 off.
pub(super) fn switch(asked: &Asked<'_>) -> Result<bool, ApiError> {
    match asked.request.param("value") {
        Some("1" | "true") => Ok(true),
        Some("0" | "false") => Ok(false),
        _ => Err(ApiError::bad_request("value must be 1 (on) or 0 (off)")),
    }
}
