//! Which part of the sandbox answers a request, and what the journal notes of it.

use super::fault::Effect;
use super::http::{Answer, Request, json, set};
use super::journal::{Entry, fingerprint, without_secrets};
use super::operation::{Call, Operation};
use super::world::World;
use super::{api, control, hook, oauth, pages};
use hyper::StatusCode;
use serde_json::json as value;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

/// Carries a request out, as far as the effects of faults let it.
pub(super) fn answer(world: &World, request: &Request, call: &Call, effects: &[Effect]) -> Answer {
    match call.operation {
        Operation::Authorize | Operation::Page => pages::answer(world, request),
        Operation::Token => oauth::token(world, request),
        Operation::TokenInfo => oauth::token_info(world, request),
        Operation::Revoke => oauth::revoke(world, request),
        Operation::RedeployHook => hook::answer(world, request, call),
        Operation::Control if world.settings().control => control::answer(world, request),
        Operation::Control => json(
            StatusCode::NOT_FOUND,
            &value!({ "error": "started without control" }),
        ),
        _ => api::answer(world, request, call, effects),
    }
}

/// Dates the answer by the sandbox's clock, `skew` off.
pub(super) fn date(answer: &mut Answer, now: OffsetDateTime, skew: Duration) {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let at = now
        .checked_add(skew)
        .unwrap_or(now)
        .to_offset(time::UtcOffset::UTC);
    if let Ok(text) = at.format(form) {
        set(answer, "date", &text);
    }
}

/// Notes a request in the journal.
pub(super) fn note(
    world: &World,
    request: &Request,
    call: &Call,
    arrived_at: OffsetDateTime,
    status: Option<StatusCode>,
    processed: bool,
    fault: Option<String>,
) {
    let token = api::token_in(request);
    let (mut state, now) = world.open();
    // A token that was revoked by this very request still names its person.
    let of_token = token
        .and_then(|token| state.token_index.get(token))
        .and_then(|at| state.tokens.get(*at));
    let person = of_token
        .and_then(|token| state.person(token.person))
        .map(|person| person.email.clone());
    let entry = Entry {
        arrived_at,
        at: now,
        method: request.method.to_string(),
        path: request.path.clone(),
        query: without_secrets(&request.raw_query),
        operation: call.operation.name(),
        person,
        token: token.map(fingerprint),
        status: status.map(|status| status.as_u16()),
        user_reference: request.param("user_reference").map(str::to_owned),
        processed,
        fault,
    };
    state.journal.add(entry);
    drop(state);
    world.tell_answered();
}
