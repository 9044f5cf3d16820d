//! The demo's app and its stand-in for Cloud 66 at one port: the stand-in's pages are below a path of the app.
//!
//! A container publishes one port, and under any number. So nothing that a browser is sent to names a host or a port:
//! an address of the app loses them, and one of the stand-in becomes a path of the app. The app itself only ever sees its
//! public address. This is for the demo alone, where everything is made up: whoever reaches the port is anybody.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{HOST, LOCATION, ORIGIN};
use axum::http::{self, HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};

use crate::config::PublicUrl;

/// The longest form of the stand-in's pages.
const LONGEST_FORM: usize = 64 * 1024;

type Answer = Pin<Box<dyn Future<Output = http::Response<Bytes>> + Send>>;

/// A stand-in whose pages are below a path of the app.
#[derive(Clone)]
pub struct OnePort {
    path: &'static str,
    /// Where the app reaches it, without a slash at the end.
    url: Arc<str>,
    answer: Arc<dyn Fn(http::Request<Bytes>) -> Answer + Send + Sync>,
}

impl fmt::Debug for OnePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OnePort({})", self.path)
    }
}

impl OnePort {
    /// `answer` takes requests whose path begins with `path`, and puts its own addresses below it. `url` is where the
    /// app reaches the stand-in.
    pub fn new<F>(
        path: &'static str,
        url: &str,
        answer: impl Fn(http::Request<Bytes>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = http::Response<Bytes>> + Send + 'static,
    {
        Self {
            path,
            url: url.into(),
            answer: Arc::new(move |request| Box::pin(answer(request))),
        }
    }

    /// Where the pages are.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// Puts the pages beside the app.
    pub fn around(self, app: Router, public: PublicUrl) -> Router {
        Router::new()
            .fallback_service(app)
            .layer(from_fn_with_state(Arc::new(Front { pages: self, public }), serve))
    }
}

struct Front {
    pages: OnePort,
    public: PublicUrl,
}

async fn serve(State(front): State<Arc<Front>>, mut request: Request, next: Next) -> Response {
    let is_here = is_this_machine(request.headers());
    if is_here {
        take_published_port_off(&front.public, request.headers_mut());
    }
    let path = request.uri().path();
    let is_page = path
        .strip_prefix(front.pages.path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut response = if is_here && is_page {
        ask_pages(&front.pages, request).await
    } else {
        next.run(request).await
    };
    lead_to_paths(&front, response.headers_mut());
    response
}

/// Whether the browser names this machine, whatever the port. Every other name the app refuses by itself.
fn is_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    // Two of them the app refuses.
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let host = host.to_str().ok();
    let name = host.and_then(|host| match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(name)
        }
        _ => Some(host).filter(|host| !host.ends_with(':')),
    });
    name.is_some_and(|name| ["localhost", "127.0.0.1", "[::1]"].contains(&name))
}

/// Lets the app see its own address where the browser has another port of this machine.
fn take_published_port_off(public: &PublicUrl, headers: &mut HeaderMap) {
    let Ok(ours) = HeaderValue::try_from(public.authority()) else {
        return;
    };
    let asked = headers.insert(HOST, ours);
    let origin = asked.map(|host| [b"http://", host.as_bytes()].concat());
    if headers.get(ORIGIN).map(|origin| origin.as_bytes().to_vec()) == origin
        && let Ok(ours) = HeaderValue::try_from(public.origin())
    {
        headers.insert(ORIGIN, ours);
    }
}

async fn ask_pages(pages: &OnePort, request: Request) -> Response {
    let (head, body) = request.into_parts();
    match to_bytes(body, LONGEST_FORM).await {
        Ok(body) => (pages.answer)(http::Request::from_parts(head, body))
            .await
            .map(Body::from),
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    }
}

/// Makes a path of where the answer leads.
fn lead_to_paths(front: &Front, headers: &mut HeaderMap) {
    let Some(to) = headers.get(LOCATION).and_then(|to| to.to_str().ok()) else {
        return;
    };
    let path = if let Some(path) = to.strip_prefix(&front.public.origin()) {
        path.to_owned()
    } else if let Some(path) = to.strip_prefix(front.pages.url.as_ref()) {
        format!("{}{path}", front.pages.path)
    } else {
        return;
    };
    // Two slashes would lead to another host.
    if path.starts_with('/')
        && !path.starts_with("//")
        && let Ok(path) = HeaderValue::try_from(path)
    {
        headers.insert(LOCATION, path);
    }
}
