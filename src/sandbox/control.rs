//! `/control`: faults, clock, journal, hourly limit and stacks, for tests in other languages. Off unless
//! asked for.
//!
//! Writing needs a JSON body with its content type, so that no page in a browser can send one unasked
//! (a cross-site form cannot carry that type).

use super::fault::Fault;
use super::http::{Answer, Request, json};
use super::world::{Health, Stack, Status, World};
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json as value};
use std::time::Duration;

/// Answers everything under `/control`.
pub(super) fn answer(world: &World, request: &Request) -> Answer {
    let words: Vec<&str> = request
        .path
        .split('/')
        .filter(|word| !word.is_empty())
        .skip(1)
        .collect();
    let method = request.method.as_str();
    if method == "POST" && !request.header(&CONTENT_TYPE).starts_with("application/json") {
        return refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send Content-Type: application/json",
        );
    }
    match (method, words.as_slice()) {
        ("GET", ["faults"]) => faults(world),
        ("POST", ["faults"]) => match request.form.get("fault").unwrap_or_default().parse::<Fault>() {
            Ok(fault) => {
                world.add_fault(fault);
                faults(world)
            }
            Err(error) => refused(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        ("DELETE", ["faults"]) => {
            world.clear_faults();
            faults(world)
        }
        ("GET", ["clock"]) => clock(world),
        ("POST", ["clock"]) => move_clock(world, request),
        ("GET", ["journal"]) => json(StatusCode::OK, &value!({ "journal": world.journal().entries() })),
        ("DELETE", ["journal"]) => {
            world.clear_journal();
            json(StatusCode::OK, &value!({ "journal": [] }))
        }
        ("GET", ["stacks", uid]) => match world.stack(uid) {
            Some(found) => json(StatusCode::OK, &stack(&found)),
            None => refused(StatusCode::NOT_FOUND, "no stack with this uid"),
        },
        ("POST", ["stacks", uid]) => change_stack(world, request, uid),
        ("POST", ["rate-limit"]) => match request.form.get("limit").unwrap_or_default().parse() {
            Ok(limit) => {
                world.set_rate_limit(limit);
                json(StatusCode::OK, &value!({ "limit": limit.to_string() }))
            }
            Err(error) => refused(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        ("POST", ["tokens", "revoke"]) => {
            json(StatusCode::OK, &value!({ "revoked": world.revoke_all_tokens() }))
        }
        _ => refused(StatusCode::NOT_FOUND, "nothing is controlled here"),
    }
}

fn refused(status: StatusCode, words: &str) -> Answer {
    json(status, &value!({ "error": words }))
}

fn faults(world: &World) -> Answer {
    let faults: Vec<String> = world.faults().iter().map(ToString::to_string).collect();
    json(StatusCode::OK, &value!({ "faults": faults }))
}

fn clock(world: &World) -> Answer {
    let now = world
        .clock()
        .now()
        .format(&time::format_description::well_known::Rfc3339);
    json(StatusCode::OK, &value!({ "now": now.unwrap_or_default() }))
}

/// `{"advance_seconds": 90}`, `{"freeze": true}`, or both.
fn move_clock(world: &World, request: &Request) -> Answer {
    if request.form.get("freeze") == Some("true") {
        world.clock().freeze();
    }
    if let Some(text) = request.form.get("advance_seconds") {
        let by = text
            .parse()
            .ok()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let by = by.filter(|by| *by <= Duration::from_hours(24 * 3650));
        let Some(by) = by else {
            return refused(
                StatusCode::BAD_REQUEST,
                "advance_seconds must be a number from 0 to ten years",
            );
        };
        world.clock().advance(by);
    }
    clock(world)
}

/// Any of `{"status": 2, "health": 3, "maintenance_mode": true, "name": "…", "fail_next_deploy": true}`.
fn change_stack(world: &World, request: &Request, uid: &str) -> Answer {
    let number = |name| request.form.get(name).map(str::parse::<i64>).transpose();
    let (Ok(status), Ok(health)) = (number("status"), number("health")) else {
        return refused(StatusCode::BAD_REQUEST, "status and health must be numbers");
    };
    let flag = |name| request.form.get(name).map(|text| text == "true" || text == "1");
    let changed = world.change(uid, |stack| {
        if let Some(status) = status {
            stack.status = Status(status);
        }
        if let Some(health) = health {
            stack.health = Health(health);
        }
        if let Some(on) = flag("maintenance_mode") {
            stack.maintenance_mode = on;
        }
        if let Some(name) = request.form.get("name") {
            name.clone_into(&mut stack.name);
        }
    });
    if flag("fail_next_deploy") == Some(true) {
        world.fail_next_deploy(uid);
    }
    match world.stack(uid).filter(|_| changed) {
        Some(found) => json(StatusCode::OK, &stack(&found)),
        None => refused(StatusCode::NOT_FOUND, "no stack with this uid"),
    }
}

fn stack(stack: &Stack) -> Value {
    let deployments: Vec<Value> = stack
        .deployments
        .iter()
        .rev()
        .take(30)
        .map(
            |one| value!({ "id": one.id, "operation_uid": one.operation_uid, "running": one.is_deploying() }),
        )
        .collect();
    value!({
        "uid": stack.uid,
        "name": stack.name,
        "environment": stack.environment,
        "status": stack.status.0,
        "health": stack.health.0,
        "maintenance_mode": stack.maintenance_mode,
        "is_busy": stack.is_busy,
        "deployments": deployments,
    })
}
