//! What a person has sent is carried through, whether or not the browser waits for the answer.
//!
//! hyper drops a handler when its client goes away. For a page that is right; for a form it would mean that a
//! click is lost because the tab was closed in the same moment. So a request that may change something runs as a
//! task of its own from the moment it has been read whole.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::Instrument as _;

/// Runs the rest of an unsafe request in a task of its own. Costs one task a form; a page is not touched.
pub async fn carry_through(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let rest = next.run(request).instrument(tracing::Span::current());
    match tokio::spawn(rest).await {
        Ok(response) => response,
        // A panic further in has become an answer there already, so this is a runtime that is going down.
        Err(error) => {
            tracing::error!(%error, "a form was not carried through");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
