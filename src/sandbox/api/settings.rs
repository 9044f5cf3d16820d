//! Settings of a stack, to be read (fact sheet 4.12): `key` with dots, `id` and path with dashes.

use super::{ApiError, Asked, Replied, Reply, paging};
use crate::sandbox::world::Stack;
use serde_json::{Map, Value, json as value};

pub(super) fn list(asked: &Asked<'_>) -> Replied {
    let all = all(asked.stack()?);
    Ok(paging::list(asked, &all, |(key, value)| object(key, value)))
}

pub(super) fn show(asked: &Asked<'_>) -> Replied {
    let all = all(asked.stack()?);
    let found = all.iter().find(|(key, _)| dashed(key) == asked.call.id(1));
    let (key, value) = found.ok_or_else(|| ApiError::not_found("No setting with this id"))?;
    Ok(Reply::one(object(key, value)))
}

/// Version 2: one flat object, every value as text.
pub(super) fn flat(asked: &Asked<'_>) -> Replied {
    let text = |value: Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    let all = all(asked.stack()?).into_iter();
    let fields: Map<String, Value> = all
        .map(|(key, value)| (key.to_owned(), text(value).into()))
        .collect();
    Ok(Reply::one(Value::Object(fields)))
}

fn all(stack: &Stack) -> Vec<(&'static str, Value)> {
    vec![
        ("stack.name", value!(stack.name)),
        ("git.repository", value!(stack.git)),
        ("git.branch", value!(stack.git_branch)),
        ("maintenance.mode", value!(stack.maintenance_mode)),
        ("continuous.deploy", value!(stack.continuous_deploy)),
    ]
}

fn dashed(key: &str) -> String {
    key.replace('.', "-")
}

fn object(key: &str, content: &Value) -> Value {
    value!({
        "id": dashed(key),
        "key": key,
        "value": content,
        "readonly": key == "git.repository",
        "warning_text": null,
        "hidden": false,
    })
}
