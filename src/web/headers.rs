//! The security headers of every answer, whatever its route and status. A file that pages load has those of them
//! that mean something on a file.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::Response;

use super::assets::IsFile;
use super::state::WebState;

/// Put on a response by a page whose form leads to Cloud 66, so that browsers follow the redirect: they hold
/// the whole chain of a form's redirects against `form-action`.
#[derive(Debug, Clone, Copy)]
pub struct LeadsToCloud66;

/// On every answer.
const ALWAYS: [(HeaderName, HeaderValue); 2] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// On everything that can be a document. Browsers heed these nowhere else, and each file of a first view would
/// carry 400 bytes of them.
const OF_A_PAGE: [(HeaderName, HeaderValue); 3] = [
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        HeaderValue::from_static("require-corp"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), \
             geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), \
             picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), usb=(), \
             xr-spatial-tracking=()",
        ),
    ),
];

/// The policy of a file: opened by itself, as a picture can be, it loads nothing and stands in no frame.
const OF_A_FILE: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Adds the headers. `Cache-Control: no-store` goes on everything that did not set its own.
pub async fn security_headers(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let leads_away = response.extensions().get::<LeadsToCloud66>().is_some();
    let is_file = response.extensions().get::<IsFile>().is_some();
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    for (name, value) in OF_A_PAGE.into_iter().filter(|_| !is_file) {
        headers.insert(name, value);
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    let site = state.site();
    if is_file {
        headers.insert(CONTENT_SECURITY_POLICY, OF_A_FILE);
    } else if let Ok(policy) = HeaderValue::from_str(&content_security_policy(
        leads_away.then(|| cloud66_origin(&state)).flatten(),
    )) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    // Without a trustworthy address browsers send no Sec-Fetch-Site, and `no-referrer` would make them hide the
    // Origin of our own forms too; see `origin`.
    let referrer = if site.public_url.is_https() || site.public_url.is_loopback() {
        "no-referrer"
    } else {
        "same-origin"
    };
    headers.insert(REFERRER_POLICY, HeaderValue::from_static(referrer));
    if site.public_url.is_https() {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        );
    }
    response
}

fn cloud66_origin(state: &WebState) -> Option<String> {
    state.app().sign_in_origin()
}

/// The pages' own scripts may turn text into HTML only through the policy of `static/trusted.js`.
fn content_security_policy(also_submit_to: Option<String>) -> String {
    let elsewhere = also_submit_to
        .map(|origin| format!(" {origin}"))
        .unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         manifest-src 'self'; form-action 'self'{elsewhere}; base-uri 'none'; object-src 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"
    )
}
