//! What every request has to pass before a handler sees it. Each guard answers with a bare status; pages are
//! made elsewhere.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, HOST, HeaderValue};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use http_body_util::BodyExt as _;
use time::{Duration, OffsetDateTime};
use tokio::time::timeout;

use super::limits::Limits;
use crate::config::AllowedHosts;
use crate::domain::Clock;

/// How much of a body that is too large is read all the same, as a multiple of the limit. A browser that is
/// cut off while it sends shows its own error page instead of ours.
const DRAINED: usize = 4;

/// Which hosts are answered, and when it was last said in the log that another one was asked for.
#[derive(Clone)]
pub struct HostGuard(Arc<Inner>);

struct Inner {
    hosts: AllowedHosts,
    clock: Clock,
    last_said: Mutex<Option<OffsetDateTime>>,
}

/// So often it is said in the log that another host was asked for.
const SAID_EVERY: Duration = Duration::minutes(1);

/// How much of a host that was asked for is written to the log.
const LONGEST_SAID: usize = 100;

impl HostGuard {
    /// Answers to these.
    pub fn new(hosts: AllowedHosts, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            hosts,
            clock,
            last_said: Mutex::default(),
        }))
    }

    /// Says both names, so that an operator sees what to set. Once a minute, because anybody can ask for any host.
    fn say_refused(&self, headers: &HeaderMap) {
        let now = self.0.clock.now();
        let mut last_said = self.0.last_said.lock().unwrap_or_else(PoisonError::into_inner);
        if last_said.is_some_and(|last| now - last < SAID_EVERY) {
            return;
        }
        *last_said = Some(now);
        let asked = headers
            .get(HOST)
            .map(|host| host.as_bytes().escape_ascii().to_string());
        let asked: String = asked.unwrap_or_default().chars().take(LONGEST_SAID).collect();
        tracing::warn!(
            asked,
            ours = %self.0.hosts.public(),
            "a request for another host was refused. Set STACKDECK_PUBLIC_URL to the address that people open, and let \
             the proxy pass its name on (nginx: proxy_set_header Host $host)"
        );
    }
}

/// Answers only to our own names: 400 without exactly one `Host` (RFC 9112 section 3.2), 421 for any other
/// name (RFC 9110 section 15.5.20), be it in `Host` or in the request line. A page of a stranger whose name
/// was made to point at this machine (DNS rebinding) gets nothing. The two probes are exempt: load balancers
/// call them by address.
///
/// A browser at another name of this machine is sent to the public one.
pub async fn host_guard(State(guard): State<HostGuard>, request: Request, next: Next) -> Response {
    if matches!(request.uri().path(), "/healthz" | "/readyz") {
        return next.run(request).await;
    }
    let hosts = &guard.0.hosts;
    if let Some(address) = public_address(hosts, &request) {
        return Redirect::temporary(&address).into_response();
    }
    match check_host(hosts, request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(status) => {
            if status == StatusCode::MISDIRECTED_REQUEST {
                guard.say_refused(request.headers());
            }
            refuse(status)
        }
    }
}

/// Where a browser has to go that asks at another name of this machine.
fn public_address(hosts: &AllowedHosts, request: &Request) -> Option<String> {
    let host = request.headers().get(HOST)?.to_str().ok()?;
    if !request.method().is_safe() || !hosts.is_other_name(host) {
        return None;
    }
    let asked = request.uri();
    // An authority in the request line would be another host than the one in the header.
    let path = asked.path_and_query().filter(|_| asked.authority().is_none())?;
    Some(hosts.public().join(path.as_str()))
}

fn check_host(hosts: &AllowedHosts, uri: &Uri, headers: &HeaderMap) -> Result<(), StatusCode> {
    let mut values = headers.get_all(HOST).iter();
    let (Some(host), None) = (values.next(), values.next()) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let in_header = host.to_str().is_ok_and(|host| hosts.contains(host));
    let in_target = uri
        .authority()
        .is_none_or(|authority| hosts.contains(authority.as_str()));
    if in_header && in_target {
        Ok(())
    } else {
        Err(StatusCode::MISDIRECTED_REQUEST)
    }
}

/// 414 where path and query are longer than [`Limits::url`].
pub async fn short_url(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let length = request
        .uri()
        .path_and_query()
        .map_or(0, |path| path.as_str().len());
    if length > limits.url {
        return refuse(StatusCode::URI_TOO_LONG);
    }
    next.run(request).await
}

/// 503 where the head of the answer takes longer than [`Limits::answer`]. The handler is dropped, so it must
/// not be the only one who knows of something that it began.
pub async fn answer_within(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    match timeout(limits.answer, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// Reads the whole body before the handler begins: 413 where it is larger than [`Limits::body_bytes`], 408
/// where it takes longer than [`Limits::body`], 400 where it breaks off or its encoding is wrong. So handlers
/// never wait for a client, and no extractor has to say these things in its own words. Bodies are small here;
/// a route that takes a large one must stand outside.
pub async fn whole_body(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    if http_body::Body::is_end_stream(request.body()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let whole = match timeout(limits.body, read_whole(body, limits.body_bytes)).await {
        Ok(Ok(whole)) => whole,
        Ok(Err(status)) => return refuse(status),
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT),
    };
    next.run(Request::from_parts(parts, Body::from(whole))).await
}

async fn read_whole(mut body: Body, limit: usize) -> Result<Bytes, StatusCode> {
    use http_body::Body as _;

    let drained = limit.saturating_mul(DRAINED);
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > drained) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let mut whole = Vec::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > drained {
            break;
        }
        if length <= limit {
            whole.extend_from_slice(&data);
        }
    }
    if length > limit {
        Err(StatusCode::PAYLOAD_TOO_LARGE)
    } else {
        Ok(whole.into())
    }
}

/// A bare status. The connection ends with it: what else the peer has sent was not looked at.
fn refuse(status: StatusCode) -> Response {
    (status, [(CONNECTION, HeaderValue::from_static("close"))]).into_response()
}
