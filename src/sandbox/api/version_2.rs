//! What version 2 answers otherwise (fact sheet 1.4, 4.5): lists without pages, writes with `ok` and
//! `message`, one word for a status.

use super::{ApiError, Asked, Replied, Reply, actions, deployments, objects};
use crate::sandbox::world::{Kind, Order, Stack, Via};
use serde_json::{Value, json as value};

/// All stacks at once: pages came with version 3.
pub(super) fn stacks(asked: &Asked<'_>) -> Reply {
    let visible = asked.state.visible(&asked.caller.person, asked.caller.account);
    let all: Vec<Value> = visible.map(|stack| objects::stack(asked, stack)).collect();
    Reply {
        body: value!({ "count": all.len(), "response": all }),
        warning: None,
    }
}

pub(super) fn stack(asked: &Asked<'_>) -> Replied {
    Ok(Reply::one(objects::stack(asked, asked.stack()?)))
}

/// Takes no parameters and says nothing of an action.
pub(super) fn redeploy(asked: &mut Asked<'_>) -> Replied {
    let uid = asked.stack_to_change()?;
    if !asked.state.can_deploy(&uid) {
        return Err(ApiError::conflict(
            "The stack could not be analysed and cannot be deployed",
        ));
    }
    let order = Order {
        by: Some(&asked.caller.person.email),
        via: Via::Api,
        user_reference: None,
    };
    deployments::deploy(asked, &uid, &order, None, Vec::new())?;
    Ok(Reply::one(
        value!({ "ok": true, "message": "Stack queued for redeployment" }),
    ))
}

pub(super) fn restart(asked: &mut Asked<'_>) -> Replied {
    let uid = asked.stack_to_change()?;
    let order = Order {
        by: Some(&asked.caller.person.email),
        via: Via::Api,
        user_reference: None,
    };
    asked.state.run(&uid, &order, Kind::Restart, asked.now);
    Ok(Reply::one(value!({ "ok": true, "message": "Restart is queued" })))
}

pub(super) fn maintenance(asked: &mut Asked<'_>) -> Replied {
    let uid = asked.stack_to_change()?;
    let on = actions::switch(asked)?;
    let order = Order {
        by: Some(&asked.caller.person.email),
        via: Via::Api,
        user_reference: None,
    };
    asked.state.run(&uid, &order, Kind::Maintenance(on), asked.now);
    let message = format!("Stack maintenance mode is {}", if on { "on" } else { "off" });
    Ok(Reply::one(
        value!({ "ok": true, "message": message, "maintenance": on }),
    ))
}

/// `Unknown`, `Healthy`, `Partial`, `Faulty` or `Maintenance`.
pub(super) fn cloud_status(asked: &Asked<'_>) -> Replied {
    Ok(Reply::one(value!(word(asked.stack()?))))
}

/// The worst of what the person can see.
pub(super) fn user_cloud_status(asked: &Asked<'_>) -> Reply {
    const WORST_FIRST: [&str; 4] = ["Faulty", "Partial", "Maintenance", "Healthy"];
    let visible = asked.state.visible(&asked.caller.person, asked.caller.account);
    let words: Vec<&str> = visible.map(word).collect();
    let worst = WORST_FIRST.iter().find(|word| words.contains(word)).copied();
    Reply::one(value!(worst.unwrap_or("Unknown")))
}

fn word(stack: &Stack) -> &'static str {
    match objects::cloud_status(stack) {
        "healthy" => "Healthy",
        "partial" => "Partial",
        "faulty" => "Faulty",
        "maintenance" => "Maintenance",
        _ => "Unknown",
    }
}
