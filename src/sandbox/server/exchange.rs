//! One request and its answer on the wire, with the faults that hit it.

use super::super::answer::{answer, date, note};
use super::super::api::token_in;
use super::super::fault::{Effect, Fault, When, distort};
use super::super::http::{Answer, Request, json};
use super::super::operation::Call;
use super::super::world::World;
use super::line::Ending;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json as value;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::sleep;

/// The longest body that is read.
const LONGEST_BODY: usize = 1 << 20;

/// Before a body is cut off, what was written of it gets this long to arrive: a reset discards what has not.
const ARRIVAL: Duration = Duration::from_millis(50);

/// Returned to hyper to end the connection without (more of) an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault ends this connection")]
pub(super) struct Cut;

type Body = UnsyncBoxBody<Bytes, Cut>;

/// Reads a request, applies the faults that hit it, and answers, or does not.
pub(super) async fn exchange(
    world: World,
    ending: Ending,
    request: hyper::Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let request = match read(request).await? {
        Ok(request) => request,
        Err(refusal) => return Ok(whole(refusal)),
    };
    match answer_of(&world, &request).await {
        (Some(answer), effect) => Ok(send(answer, effect.as_ref(), &ending)),
        (None, effect) => end(effect.as_ref(), &ending).await,
    }
}

/// The answer to a request, and the effect that is left to apply to it. Without an answer that effect ends the
/// connection in its way.
pub(super) async fn answer_of(world: &World, request: &Request) -> (Option<Answer>, Option<Effect>) {
    let _being_answered = world.begin_answer();
    let call = Call::of(&request.method, &request.path);
    let arrived_at = world.clock().now();
    let hits = hits(world, request, &call);
    for hit in &hits {
        if let Effect::Delay(time) = &hit.effect {
            sleep(*time).await;
        }
    }
    let named = (!hits.is_empty()).then(|| {
        let texts: Vec<String> = hits.iter().map(|hit| hit.effect.to_string()).collect();
        texts.join(" + ")
    });
    let effects: Vec<Effect> = hits.into_iter().map(|hit| hit.effect).collect();
    let effect = effects.iter().find(|effect| !effect.adds_up());
    if let Some(When::Before) = effect.and_then(silence) {
        note(world, request, &call, arrived_at, None, false, named);
        return (None, effect.cloned());
    }
    let replaced = effect.and_then(distort::instead);
    let processed = replaced.is_none();
    let mut answered = replaced.unwrap_or_else(|| answer(world, request, &call, &effects));
    let additions = effects.iter().filter(|effect| effect.adds_up());
    for effect in additions.chain(effect) {
        answered = distort::apply(effect, answered);
    }
    let skew = match effect {
        Some(Effect::ClockSkew(seconds)) => time::Duration::seconds(*seconds),
        _ => time::Duration::ZERO,
    };
    date(&mut answered, world.clock().date(), skew);
    if effect.and_then(silence).is_some() {
        note(world, request, &call, arrived_at, None, processed, named);
        return (None, effect.cloned());
    }
    note(
        world,
        request,
        &call,
        arrived_at,
        Some(answered.status()),
        processed,
        named,
    );
    (Some(answered), effect.cloned())
}

/// The faults that hit the request.
fn hits(world: &World, request: &Request, call: &Call) -> Vec<Fault> {
    let (mut state, _) = world.open();
    let person = token_in(request)
        .and_then(|token| state.token(token))
        .and_then(|token| state.person(token.person))
        .map(|person| person.email.clone());
    state.faults.hit(call.operation, person.as_deref())
}

/// Reads the whole request. The inner error is an answer that refuses it.
async fn read(request: hyper::Request<Incoming>) -> Result<Result<Request, Answer>, Cut> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, LONGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let words = value!({ "error": "bad_request", "error_description": "The body is too long" });
            return Ok(Err(json(StatusCode::PAYLOAD_TOO_LARGE, &words)));
        }
        Err(_) => return Err(Cut),
    };
    Ok(Ok(Request::new(
        head.method,
        head.uri.path(),
        head.uri.query(),
        head.headers,
        &body,
    )))
}

/// Whether the effect lets nothing be answered, and when it strikes.
fn silence(effect: &Effect) -> Option<When> {
    match effect {
        Effect::NoAnswer(when) | Effect::Close(when) | Effect::Reset(when) => Some(*when),
        _ => None,
    }
}

async fn end(effect: Option<&Effect>, ending: &Ending) -> Result<Response<Body>, Cut> {
    match effect {
        // Until the client gives up or the sandbox stops.
        Some(Effect::NoAnswer(_)) => std::future::pending().await,
        Some(Effect::Reset(_)) => ending.reset(),
        _ => {}
    }
    Err(Cut)
}

fn send(answer: Answer, effect: Option<&Effect>, ending: &Ending) -> Response<Body> {
    match effect {
        Some(Effect::CloseBody) => cut(answer, None),
        Some(Effect::ResetBody) => cut(answer, Some(ending.clone())),
        Some(Effect::SlowBody(time)) => slow(answer, *time),
        Some(Effect::Huge(mib)) => huge(answer, *mib),
        _ => whole(answer),
    }
}

fn whole(answer: Answer) -> Response<Body> {
    answer.map(|body| {
        Full::new(body)
            .map_err(|never: Infallible| match never {})
            .boxed_unsync()
    })
}

/// Half of the body, though its head promises all of it.
fn cut(answer: Answer, ending: Option<Ending>) -> Response<Body> {
    let (mut head, body) = answer.into_parts();
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    let steps = stream::unfold(Some(half), move |step| {
        let ending = ending.clone();
        async move {
            let piece = step?;
            if !piece.is_empty() {
                return Some((Ok(Frame::data(piece)), Some(Bytes::new())));
            }
            sleep(ARRIVAL).await;
            if let Some(ending) = ending {
                ending.reset();
            }
            Some((Err(Cut), None))
        }
    });
    Response::from_parts(head, StreamBody::new(steps).boxed_unsync())
}

/// The body in ten pieces over `time`.
fn slow(answer: Answer, time: Duration) -> Response<Body> {
    const PIECES: usize = 10;
    let (mut head, body) = answer.into_parts();
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let size = body.len().div_ceil(PIECES).max(1);
    let pause = time / u32::try_from(PIECES).unwrap_or(1);
    let steps = stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        sleep(pause).await;
        let piece = rest.split_to(size.min(rest.len()));
        Some((Ok::<_, Cut>(Frame::data(piece)), rest))
    });
    Response::from_parts(head, StreamBody::new(steps).boxed_unsync())
}

/// A JSON string of `mib` MiB, made as it is sent.
fn huge(answer: Answer, mib: u64) -> Response<Body> {
    let (head, _) = answer.into_parts();
    let block = Bytes::from(vec![b'a'; 1 << 20]);
    let steps = stream::unfold(0_u64, move |step| {
        let piece = match step {
            0 => Some(Bytes::from_static(b"{\"response\":\"")),
            n if n <= mib => Some(block.clone()),
            n if n == mib + 1 => Some(Bytes::from_static(b"\"}")),
            _ => None,
        };
        async move { piece.map(|piece| (Ok::<_, Cut>(Frame::data(piece)), step + 1)) }
    });
    Response::from_parts(head, StreamBody::new(steps).boxed_unsync())
}
