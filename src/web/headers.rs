//! The security headers of every answer, whatever its route and status. A file that pages load has those of them
//! that mean something on a file.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::Response;

use super::assets::IsFile;
use super::state::WebState;

/// Put on a response by a page whose form leads to Cloud 66, so that browsers follow the redirect: they hold
/// the whole chain of a form's redirects against `form-action`. Cloud 66 may send them on to another origin (single
/// sign-on, another name), and an IPv6 address is no valid source, so the page permits a scheme and no host
/// (docs/decisions/0032-leaving-for-cloud66.md).
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
    let host = request.headers().get(HOST).cloned();
    let mut response = next.run(request).await;
    let leads_away = response.extensions().get::<LeadsToCloud66>().is_some();
    let is_file = response.extensions().get::<IsFile>().is_some();
    let is_foreign = response.status() == StatusCode::MISDIRECTED_REQUEST;
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
    } else {
        let leads_to = leads_away.then(|| state.app().sign_in_origin()).flatten();
        let policy = content_security_policy(leads_to.as_deref());
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    // Without a trustworthy address browsers send no Sec-Fetch-Site, and `no-referrer` would make them hide the
    // Origin of our own forms too; see `origin`. Where a page was perhaps opened at another address, its forms have
    // to say which: a proxy may have changed the name, or nobody can sign in there.
    let is_trusted = site.public_url.is_https() || site.public_url.is_loopback();
    let is_public = |host: HeaderValue| host.as_bytes() == site.public_url.authority().as_bytes();
    let is_at_home = is_foreign || host.is_none_or(is_public);
    let referrer = if is_trusted && is_at_home {
        "no-referrer"
    } else {
        "same-origin"
    };
    headers.insert(REFERRER_POLICY, HeaderValue::from_static(referrer));
    if let Some(hsts) = site.hsts {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(hsts));
    }
    response
}

/// The policy of a page, which may have a form that leads to Cloud 66 at this origin. The pages' own scripts may turn
/// text into HTML only through the policy of `static/trusted.js`.
fn content_security_policy(leads_to: Option<&str>) -> &'static str {
    macro_rules! policy {
        ($forms:literal) => {
            concat!(
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                 manifest-src 'self'; form-action 'self'",
                $forms,
                "; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                 trusted-types default"
            )
        };
    }
    match leads_to {
        None => policy!(""),
        // Only a stand-in is reached over plain http; what it sends on to may be either.
        Some(origin) if origin.starts_with("http:") => policy!(" http: https:"),
        Some(_) => policy!(" https:"),
    }
}
