//! `GET /events`: what changes on an open page, sent as server-sent events (WHATWG HTML, section 9.2).
//!
//! * `view`: what a page shows, and what of it is sent. `channel`: one for each token and view, which renders
//!   a change once for all its pages. `seats`: how many streams there may be, and whose. `message`: the
//!   format.
//! * [`run`]: the task that keeps streams open and ends those whose session has ended.
//!
//! Invariants:
//! * A stream carries what one token may see; nobody but its person gets it, and it ends with the session. It opens for our
//!   own pages only, not for those of other sites.
//! * A change is rendered once for each token and view, in fragments that suit every page of theirs.
//! * A reader who is too slow is told to load the page anew, and let go.

mod channel;
pub mod message;
mod seats;
mod told;
mod view;

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderName, HeaderValue, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use futures_util::{Stream, stream};
use time::macros::format_description;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::origin::may_follow;
use super::pages::banner::Banner;
use super::problem::{ForPrograms, Problem};
use super::server::Endless;
use super::session::Visitor;
use super::stacks::parameter;
use super::state::WebState;
use super::urls::Access;
use crate::domain::ReturnTo;
pub(super) use channel::event_id;
use channel::{Channels, Listener};
use seats::Seats;
use view::View;

/// Every open stream of this process.
#[derive(Default)]
pub struct Events {
    channels: Channels,
    seats: Seats,
}

/// So often something is sent, so that no proxy in between takes a quiet stream for a dead one, and a page knows a dead
/// one when two of them did not come (`static/app.js`).
const PING: Duration = Duration::from_secs(20);

/// So often it is asked whether the sessions of open streams have ended elsewhere: none outlives its session by
/// five seconds.
const SESSIONS: Duration = Duration::from_secs(3);

/// How long a refused browser waits before it tries again.
const AGAIN_SECONDS: &str = "30";

/// nginx buffers answers unless it is told not to, and events would come in heaps.
const UNBUFFERED: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
);

/// `GET /events?view=…`: the stream, or title and icon alone for a hidden tab that asks for JSON.
pub async fn stream(
    State(state): State<WebState>,
    visitor: Option<Visitor>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    if !may_follow(&headers, &state.site().public_url.origin()) {
        return Ok((StatusCode::FORBIDDEN, Extension(ForPrograms)).into_response());
    }
    let query = query.unwrap_or_default();
    let wants_head = headers
        .get(ACCEPT)
        .is_some_and(|accept| accept.as_bytes().starts_with(b"application/json"));
    let Some(visitor) = visitor else {
        // A browser does not ask again for a stream that was refused; its page asks once for what to say instead.
        let over = axum::response::Html(over(&state, shown_page(&query)).as_str().to_owned());
        return Ok((StatusCode::UNAUTHORIZED, Extension(ForPrograms), over).into_response());
    };
    let view = View::read(&state, &visitor.who, &query).await?;
    if wants_head {
        let (title, icon) = view.head(&state, &visitor.who).await?;
        return Ok(Json(serde_json::json!({ "title": title, "icon": icon })).into_response());
    }
    let Some(session) = visitor.session_id() else {
        return Err(Problem::session_store());
    };
    let Some(seat) = state.events().seats.take(session, visitor.who.person.id) else {
        let again = HeaderValue::from_static(AGAIN_SECONDS);
        return Ok((
            StatusCode::TOO_MANY_REQUESTS,
            Extension(ForPrograms),
            [(RETRY_AFTER, again)],
        )
            .into_response());
    };
    // The browser's own note is newer than the page's.
    let last_id = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok().map(str::to_owned));
    let since = last_id
        .filter(|id| !id.is_empty())
        .or_else(|| parameter(&query, "since"));
    let listener = channel::join(&state, &visitor.who, view, seat, since.as_deref()).await;
    Ok(answer(&state, events(listener)))
}

fn events(listener: Listener) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    stream::unfold(listener, |mut listener| async move {
        let bytes = listener.next().await?;
        Some((Ok(bytes), listener))
    })
}

fn answer<E: Into<axum::BoxError>>(
    state: &WebState,
    events: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
) -> Response {
    let now = state.app().clock().now().to_offset(time::UtcOffset::UTC);
    let date = now.format(format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    ));
    let date = date.ok().and_then(|date| HeaderValue::from_str(&date).ok());
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.extend([UNBUFFERED]);
    headers.extend(date.map(|date| (DATE, date)));
    response.extensions_mut().insert(Endless);
    response
}

/// What a page says whose session has ended here.
fn over(state: &WebState, return_to: ReturnTo) -> super::pages::frame::Html {
    view::banner(
        state,
        &Banner::SessionOver {
            access: Access::Redeploy,
            return_to,
        },
    )
}

/// The page that a stream with this query belongs to, where nobody is signed in who could be asked for it.
fn shown_page(query: &str) -> ReturnTo {
    let read = |name| parameter(query, name).unwrap_or_default();
    match read("view").as_str() {
        "activity" => ReturnTo::Activity,
        "stack" => ReturnTo::parse(&format!("/stacks/{}", read("uid"))),
        "receipt" => ReturnTo::parse(&format!("/redeploys/{}", read("id"))),
        _ => ReturnTo::Home,
    }
}

/// Keeps the streams, until `stop`; then every one of them ends with a hint when to come back.
pub async fn run(state: WebState, stop: CancellationToken) {
    let ended = state.app().sessions_ended();
    let (mut pings, mut sessions) = (interval(PING), interval(SESSIONS));
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    sessions.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = pings.tick() => state.events().channels.ping(),
            _ = sessions.tick() => end_with_sessions(&state).await,
            () = ended.notified() => end_with_sessions(&state).await,
        }
    }
    state.events().channels.close();
}

async fn end_with_sessions(state: &WebState) {
    let seats = &state.events().seats;
    let open = seats.sessions();
    if open.is_empty() {
        return;
    }
    match state.app().sessions_alive(&open).await {
        Ok(alive) => seats.keep_only(&alive, &open),
        Err(error) => tracing::warn!(%error, "it cannot be asked whether sessions have ended; trying again"),
    }
}
