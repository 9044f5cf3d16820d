//! The gallery over HTTP: every page in every state, for people who work on the looks and for the browser tests.
//!
//! Invariants: it knows no session, no store and no Cloud 66, and nothing that a form in it sends arrives
//! anywhere. It is for development and listens on loopback only, which is the business of `cli::gallery`.

use axum::Router;
use axum::extract::Path;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;

use super::assets;
use super::pages::gallery;
use super::urls::route;

/// Where the samples stand, below it by name.
pub const SAMPLES: &str = "/samples/{name}";

/// As strict as the app's own for what a page may load and run; nothing may be sent anywhere.
const POLICY: (HeaderName, &str) = (
    CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
);

/// The index, the samples, and the files that they load.
pub fn router() -> Router {
    Router::new()
        .route(route::HOME, get(index))
        .route(SAMPLES, get(sample))
        .route(route::STATIC, get(assets::serve))
        // "No more events": the browser closes the stream for good and complains of nothing.
        .route(route::EVENTS, get(StatusCode::NO_CONTENT))
}

/// A sample that asks for itself again, because its list is still being fetched, is left as it is.
async fn index(headers: HeaderMap) -> Response {
    if headers.contains_key("hx-request") {
        return StatusCode::NO_CONTENT.into_response();
    }
    page(gallery::index().html())
}

async fn sample(Path(name): Path<String>) -> Response {
    let found = gallery::all("").into_iter().find(|sample| sample.name == name);
    found.map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        |sample| page(sample.html()),
    )
}

fn page(html: Result<String, askama::Error>) -> Response {
    match html {
        Ok(html) => ([POLICY], Html(html)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
