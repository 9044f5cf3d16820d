//! What a deployment has written so far (fact sheet 4.10): a function of its times and its outcome.
//!
//! No document says which field of the API names the operation of a deployment. The sandbox does not invent
//! one: its start page and `/control` name it.

use super::dates::zulu;
use super::{ApiError, Asked, Replied, paging};
use crate::sandbox::world::{Deployment, Outcome, Stack};
use serde_json::{Value, json as value};
use time::{Duration, OffsetDateTime};

const DEBUG: i64 = 1;
const INFO: i64 = 2;
const NOTICE: i64 = 3;
const WARN: i64 = 4;
const ERROR: i64 = 5;

/// A line of a log.
struct Line {
    severity: i64,
    message: String,
    at: OffsetDateTime,
    /// 0 for the deployment itself, 1 for a child operation.
    depth: i64,
}

/// A page of the log of one operation. `min_severity` and `include_children` narrow and widen it.
pub(super) fn list(asked: &Asked<'_>) -> Replied {
    let uid = asked.call.id(0);
    let found = asked
        .state
        .visible(&asked.caller.person, asked.caller.account)
        .find_map(|stack| {
            let deployment = stack.deployments.iter().find(|one| one.operation_uid == uid)?;
            Some((stack, deployment))
        });
    let (stack, deployment) = found.ok_or_else(|| ApiError::not_found("No operation with this UID"))?;
    let least = asked
        .request
        .param("min_severity")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let children = asked.request.param("include_children") == Some("true");
    let lines: Vec<Line> = lines(stack, deployment, asked.now)
        .into_iter()
        .filter(|line| line.severity >= least && (children || line.depth == 0))
        .collect();
    Ok(paging::list(asked, &lines, |line| object(line, uid)))
}

fn object(line: &Line, operation_uid: &str) -> Value {
    let mut object = value!({
        "v": line.severity,
        "m": line.message,
        "t": zulu(line.at),
        "s": null,
        "e": line.depth,
    });
    if line.depth > 0
        && let Some(fields) = object.as_object_mut()
    {
        fields.insert("operation_uid".to_owned(), value!(format!("{operation_uid}c")));
    }
    object
}

/// The whole log as text, for `show_log`.
pub(super) fn text(stack: &Stack, deployment: &Deployment, now: OffsetDateTime) -> String {
    let lines = lines(stack, deployment, now);
    let lines: Vec<String> = lines
        .into_iter()
        .map(|line| format!("[{}] {}", zulu(line.at), line.message))
        .collect();
    lines.join("\n")
}

fn lines(stack: &Stack, deployment: &Deployment, now: OffsetDateTime) -> Vec<Line> {
    const STEPS: [(i32, i64, i64, &str); 9] = [
        (0, INFO, 0, "Deployment started"),
        (10, INFO, 0, "Fetching the code"),
        (15, DEBUG, 1, "Connecting to the repository"),
        (25, INFO, 0, "Building"),
        (35, INFO, 1, "Installing dependencies"),
        (50, WARN, 1, "A dependency is deprecated"),
        (60, INFO, 0, "Running migrations"),
        (80, INFO, 0, "Switching servers to the new release"),
        (90, NOTICE, 0, "Checking the health of the servers"),
    ];
    let length = match deployment.finished_at {
        Some(end) => end - deployment.started_at,
        None => Duration::try_from(stack.typical).unwrap_or(Duration::ZERO),
    };
    let until = deployment.finished_at.unwrap_or(now).min(now);
    let mut lines: Vec<Line> = STEPS
        .iter()
        .map(|(percent, severity, depth, message)| Line {
            severity: *severity,
            message: (*message).to_owned(),
            at: deployment.started_at + length * *percent / 100,
            depth: *depth,
        })
        .filter(|line| line.at <= until)
        .collect();
    let last = match deployment.outcome {
        Outcome::Pending => None,
        Outcome::Success => Some((NOTICE, "Deployment finished")),
        Outcome::Failed => Some((ERROR, "Deployment failed")),
    };
    if let (Some((severity, message)), Some(at)) = (last, deployment.finished_at) {
        lines.push(Line {
            severity,
            message: message.to_owned(),
            at,
            depth: 0,
        });
    }
    lines
}
