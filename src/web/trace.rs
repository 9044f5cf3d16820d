//! One id, one span and one line in the log for each request.
//!
//! The line holds the route's pattern, never the address as it came: queries hold authorization codes and
//! states. The id is ours; one that a client sends is not believed.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::state::WebState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: twelve hex digits, shown on error pages and standing in the log.
#[derive(Debug, Clone)]
pub struct RequestId(pub Arc<str>);

/// Gives the request its id and its span, and writes the line when the answer's head is ready.
pub async fn trace(State(state): State<WebState>, mut request: Request, next: Next) -> Response {
    let number = u64::from_le_bytes(state.app().random().bytes());
    let id = RequestId(format!("{:012x}", number & 0xffff_ffff_ffff).into());
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("-".to_owned(), |path| path.as_str().to_owned());
    let began = state.app().clock().now();
    let span = tracing::info_span!("request", id = %id.0);
    let clock = state.app().clock().clone();
    async move {
        let mut response = next.run(request).await;
        if let Ok(value) = HeaderValue::from_str(&id.0) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        // A number of 128 bits would be a text in JSON.
        let ms = i64::try_from((clock.now() - began).whole_milliseconds()).unwrap_or(i64::MAX);
        let status = response.status().as_u16();
        state.counts().answered(&route, status);
        tracing::info!(%method, route, status, ms, "answered");
        response
    }
    .instrument(span)
    .await
}
