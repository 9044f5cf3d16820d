//! What a fault makes of an answer that was otherwise right.

use super::{Effect, Metadata, When};
use crate::sandbox::api;
use crate::sandbox::http::{Answer, json, page, redirect, set};
use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};
use hyper::StatusCode;
use serde_json::{Value, json as value};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

/// An answer in place of carrying the request out; `None` when the effect lets it be carried out.
pub(crate) fn instead(effect: &Effect) -> Option<Answer> {
    match effect {
        Effect::Status(code, When::Before) => Some(proxy_page(*code)),
        Effect::Throttled(retry_after) => Some(with_retry(api::ApiError::throttled().answer(), *retry_after)),
        Effect::TooMany(retry_after) => Some(with_retry(api::ApiError::too_many().answer(), *retry_after)),
        Effect::Error(code) => Some(api::of_code(code).answer()),
        Effect::Redirect(to) => Some(redirect(to)),
        _ => None,
    }
}

/// The answer as the effect leaves it.
pub(crate) fn apply(effect: &Effect, mut answer: Answer) -> Answer {
    match effect {
        Effect::Status(code, When::After) => proxy_page(*code),
        Effect::Html => page(
            StatusCode::OK,
            "<!doctype html><title>Cloud 66</title><h1>Hello</h1>".to_owned(),
        ),
        Effect::Empty => {
            *answer.status_mut() = StatusCode::OK;
            *answer.body_mut() = Bytes::new();
            answer
        }
        Effect::Truncated => {
            let half = answer.body().len() / 2;
            let kept = answer.body().slice(..half);
            *answer.body_mut() = kept;
            answer
        }
        Effect::Nested(depth) => {
            let depth = usize::try_from(*depth).unwrap_or(usize::MAX).min(10_000_000);
            let body = format!("{{\"response\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
            *answer.body_mut() = Bytes::from(body);
            answer
        }
        Effect::GzipBomb(mib) => {
            *answer.body_mut() = Bytes::from(gzip_bomb((*mib).min(1 << 20)));
            set(&mut answer, "content-encoding", "gzip");
            answer
        }
        Effect::Warning(words) => {
            set(&mut answer, "x-cloud66-warning", words);
            answer
        }
        _ => {
            if let Some(rewrite) = rewrite(effect) {
                change(&mut answer, rewrite);
            }
            answer
        }
    }
}

/// A change of the JSON of an answer.
type Rewrite<'a> = Box<dyn FnOnce(&mut Value) + 'a>;

/// What an effect does to the JSON of an answer.
fn rewrite(effect: &Effect) -> Option<Rewrite<'_>> {
    Some(match effect {
        Effect::ClockSkew(seconds) => {
            let skew = Duration::seconds(*seconds);
            Box::new(move |body| each_scalar(body, &mut |_, scalar| shift(scalar, skew)))
        }
        Effect::LyingPages => Box::new(lie_about_pages),
        Effect::UnknownCodes => Box::new(|body| each_scalar(body, &mut unknown_code)),
        Effect::Nulls => Box::new(|body| {
            if let Some(response) = body.get_mut("response") {
                each_scalar(response, &mut nothing);
            }
        }),
        Effect::NumberStrings => Box::new(|body| {
            if let Some(response) = body.get_mut("response") {
                each_scalar(response, &mut number_as_text);
            }
        }),
        Effect::StringCodes => Box::new(string_codes),
        Effect::NoEnvelope => Box::new(|body| {
            if let Some(inner) = body.get_mut("response").map(Value::take) {
                *body = inner;
            }
        }),
        Effect::Metadata(form) => Box::new(|body| each_object(body, &mut |object| metadata(object, *form))),
        Effect::NoSuccess => Box::new(|body| forget(body, "finished_success")),
        Effect::NoActionId => Box::new(|body| forget(body, "async_action_id")),
        Effect::StatusGap => Box::new(|body| each_scalar(body, &mut idle)),
        _ => return None,
    })
}

fn number_as_text(_: &str, scalar: &mut Value) {
    if scalar.is_number() || scalar.is_boolean() {
        *scalar = Value::String(scalar.to_string());
    }
}

/// Makes every field of this name null.
fn forget(body: &mut Value, field: &str) {
    each_scalar(body, &mut |name, scalar| {
        if name == field {
            *scalar = Value::Null;
        }
    });
}

fn proxy_page(code: u16) -> Answer {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
    let reason = status.canonical_reason().unwrap_or("Error");
    page(
        status,
        format!(
            "<html><head><title>{code} {reason}</title></head><body><h1>{code} {reason}</h1></body></html>"
        ),
    )
}

fn with_retry(mut answer: Answer, retry_after: Option<u64>) -> Answer {
    if let Some(seconds) = retry_after {
        set(&mut answer, "retry-after", &seconds.to_string());
    }
    answer
}

/// Changes a JSON body; anything else stays as it is.
fn change(answer: &mut Answer, change: impl FnOnce(&mut Value)) {
    let Ok(mut body) = serde_json::from_slice::<Value>(answer.body()) else {
        return;
    };
    change(&mut body);
    let changed = json(StatusCode::OK, &body).into_body();
    *answer.body_mut() = changed;
}

/// Calls `visit` with each scalar and the name of the field that holds it.
fn each_scalar(value: &mut Value, visit: &mut dyn FnMut(&str, &mut Value)) {
    fn walk(name: &str, value: &mut Value, visit: &mut dyn FnMut(&str, &mut Value)) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields.iter_mut() {
                    walk(name, field, visit);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| walk(name, item, visit)),
            scalar => visit(name, scalar),
        }
    }
    walk("", value, visit);
}

/// Calls `visit` with each object.
fn each_object(value: &mut Value, visit: &mut dyn FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            visit(fields);
            fields.values_mut().for_each(|field| each_object(field, visit));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, visit)),
        _ => {}
    }
}

fn metadata(object: &mut serde_json::Map<String, Value>, form: Metadata) {
    let Some(metadata) = object.get_mut("metadata") else {
        return;
    };
    *metadata = match form {
        Metadata::Missing => {
            object.remove("metadata");
            return;
        }
        Metadata::Empty => value!({}),
        Metadata::Null => Value::Null,
        Metadata::Text => value!(metadata.to_string()),
        Metadata::List => value!([metadata.take()]),
    };
}

/// The status of a stack that is at work becomes that of one whose last deploy succeeded.
fn idle(name: &str, scalar: &mut Value) {
    match name {
        "status" if matches!(scalar.as_i64(), Some(5 | 6)) => *scalar = value!(1),
        "is_busy" => *scalar = value!(false),
        _ => {}
    }
}

fn unknown_code(name: &str, scalar: &mut Value) {
    match name {
        "status" | "health" | "code" if scalar.is_number() => *scalar = value!(99),
        "meaning" | "cloud_status" | "framework" => *scalar = value!("something_new"),
        _ => {}
    }
}

/// Null for everything but what names the object itself.
fn nothing(name: &str, scalar: &mut Value) {
    if !matches!(name, "uid" | "id" | "ok") {
        *scalar = Value::Null;
    }
}

fn string_codes(body: &mut Value) {
    match body {
        Value::Object(fields) => {
            if let Some(meaning) = fields.get("meaning").cloned()
                && fields.contains_key("code")
            {
                let words = match meaning.as_str() {
                    Some("web") => "Web Interface",
                    Some("success") => "Successful",
                    Some(other) => other,
                    None => "",
                };
                let words = value!(words);
                fields.insert("code".to_owned(), meaning);
                fields.insert("meaning".to_owned(), words);
                return;
            }
            fields.values_mut().for_each(string_codes);
        }
        Value::Array(items) => items.iter_mut().for_each(string_codes),
        _ => {}
    }
}

/// Promises three more pages and a hundred more items.
fn lie_about_pages(body: &mut Value) {
    let Some(pagination) = body.get_mut("pagination").and_then(Value::as_object_mut) else {
        return;
    };
    let number = |pagination: &serde_json::Map<String, Value>, name: &str| {
        pagination.get(name).and_then(Value::as_u64).unwrap_or(0)
    };
    let (pages, count, current) = (
        number(pagination, "pages") + 3,
        number(pagination, "count") + 100,
        number(pagination, "current"),
    );
    pagination.insert("pages".to_owned(), value!(pages));
    pagination.insert("count".to_owned(), value!(count));
    pagination.insert(
        "next".to_owned(),
        value!((current < pages).then_some(current + 1)),
    );
}

/// Moves a date in any of the three forms; any other text stays.
fn shift(scalar: &mut Value, by: Duration) {
    let Some(text) = scalar.as_str() else { return };
    let spaced = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let zulu = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let plus = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00");
    let (form, at) = if let Ok(at) = PrimitiveDateTime::parse(text, spaced) {
        (spaced, at.assume_utc())
    } else if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        (if text.ends_with('Z') { zulu } else { plus }, at)
    } else {
        return;
    };
    if let Some(moved) = at.checked_add(by).and_then(|at| at.format(form).ok()) {
        *scalar = Value::String(moved);
    }
}

/// A gzip body of `mib` MiB of spaces. One block is packed and repeated, so that it costs nothing to make.
fn gzip_bomb(mib: u64) -> Vec<u8> {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    const LAST_BLOCK: [u8; 2] = [3, 0];
    let block = vec![b' '; 1 << 20];
    let mut packed = Vec::with_capacity(1 << 16);
    let mut compress = Compress::new(Compression::best(), false);
    // With this much room a block of one character always fits; were it not to, the body would be cut short.
    let _ = compress.compress_vec(&block, &mut packed, FlushCompress::Full);
    let mut one = Crc::new();
    one.update(&block);
    let mut sum = Crc::new();
    let mut body = HEADER.to_vec();
    for _ in 0..mib {
        body.extend_from_slice(&packed);
        sum.combine(&one);
    }
    body.extend_from_slice(&LAST_BLOCK);
    body.extend_from_slice(&sum.sum().to_le_bytes());
    body.extend_from_slice(&sum.amount().to_le_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn distorted(effect: &str, body: &Value) -> Value {
        let answer = apply(&effect.parse().unwrap(), json(StatusCode::OK, body));
        serde_json::from_slice(answer.body()).unwrap()
    }

    #[test]
    fn the_bomb_unpacks_to_what_it_says() {
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(gzip_bomb(3).as_slice())
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked.len(), 3 << 20);
        assert!(gzip_bomb(512).len() < 1 << 20);
    }

    #[test]
    fn a_skewed_clock_moves_all_three_forms_and_nothing_else() {
        let body = value!({ "response": [
            "2025-03-04T09:03:10Z", "2025-03-04T09:03:10+00:00", "2025-03-04 09:03:10 UTC", "2025", 7
        ]});
        let moved = distorted("stacks=clock-skew:60".split_once('=').unwrap().1, &body);
        let expected = value!({ "response": [
            "2025-03-04T09:04:10Z", "2025-03-04T09:04:10+00:00", "2025-03-04 09:04:10 UTC", "2025", 7
        ]});
        assert_eq!(moved, expected);
    }

    #[test]
    fn objects_are_distorted_as_named() {
        let object = |status: Value, busy: Value, code: Value, meaning: Value| {
            let outcome = value!({ "code": code, "meaning": meaning });
            value!({ "response": { "uid": "x", "status": status, "is_busy": busy, "outcome": outcome } })
        };
        let text = |text: &str| value!(text);
        let body = object(value!(1), value!(false), value!(1), text("success"));
        let null = Value::Null;
        for (effect, expected) in [
            ("nulls", object(null.clone(), null.clone(), null.clone(), null)),
            (
                "number-strings",
                object(text("1"), text("false"), text("1"), text("success")),
            ),
            (
                "string-codes",
                object(value!(1), value!(false), text("success"), text("Successful")),
            ),
            (
                "unknown-codes",
                object(value!(99), value!(false), value!(99), text("something_new")),
            ),
        ] {
            assert_eq!(distorted(effect, &body), expected, "{effect}");
        }
        let bare = distorted("no-envelope", &value!({ "response": { "async_action_id": 4 } }));
        assert_eq!(bare, value!({ "async_action_id": 4 }));
        assert_eq!(
            distorted("no-action-id", &bare),
            value!({ "async_action_id": null })
        );
    }

    #[test]
    fn work_is_hidden_and_nothing_else_of_a_stack() {
        let stack = |status: u8, busy: bool| value!({ "response": { "status": status, "is_busy": busy } });
        for (status, shown) in [(5, 1), (6, 1), (1, 1), (2, 2), (7, 7)] {
            assert_eq!(distorted("status-gap", &stack(status, true)), stack(shown, false));
        }
    }

    #[test]
    fn pages_lie() {
        let body = value!({ "pagination": { "pages": 2, "count": 48, "current": 2, "next": null } });
        assert_eq!(
            distorted("lying-pages", &body),
            value!({ "pagination": { "pages": 5, "count": 148, "current": 2, "next": 3 } })
        );
    }
}
