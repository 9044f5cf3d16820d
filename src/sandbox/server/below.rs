//! The sandbox's pages below a path of somebody else's address: for the demo, which has one port for both.

use super::super::http::{Answer, Request};
use super::Sandbox;
use super::exchange::answer_of;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use hyper::{Method, Response, StatusCode, Uri};

impl Sandbox {
    /// Answers a request whose path had `mount` before it, which begins with a slash and has none at its end. What the
    /// answer leads to is below `mount` as well. A fault that would end the connection is an empty 502 here.
    pub async fn answer_below(
        &self,
        mount: &str,
        method: Method,
        uri: &Uri,
        headers: HeaderMap,
        body: &[u8],
    ) -> Response<Bytes> {
        let path = uri.path().strip_prefix(mount).unwrap_or(uri.path());
        let path = if path.is_empty() { "/" } else { path };
        let request = Request::new(method, path, uri.query(), headers, body);
        if let (Some(answer), _) = answer_of(&self.world, &request).await {
            return put_below(mount, answer);
        }
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
        answer
    }
}

/// Puts every address in an answer below `mount`. The pages' own templates write all of them in one of these forms, and
/// text from outside cannot, because its quotes are escaped.
fn put_below(mount: &str, answer: Answer) -> Answer {
    let (mut head, mut body) = answer.into_parts();
    change(&mut head.headers, &LOCATION, |to| {
        to.starts_with('/').then(|| format!("{mount}{to}"))
    });
    change(&mut head.headers, &SET_COOKIE, |cookie| {
        Some(cookie.replace("Path=/;", &format!("Path={mount};")))
    });
    let kind = head.headers.get(CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
        && let Ok(html) = std::str::from_utf8(&body)
    {
        let html = html
            .replace("href=\"/", &format!("href=\"{mount}/"))
            .replace("action=\"/", &format!("action=\"{mount}/"));
        body = html.into();
    }
    Response::from_parts(head, body)
}

/// Changes a header that is text; `None` leaves it.
fn change(headers: &mut HeaderMap, name: &HeaderName, change: impl Fn(&str) -> Option<String>) {
    let changed = headers.get(name).and_then(|value| change(value.to_str().ok()?));
    if let Some(value) = changed.and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(name, value);
    }
}
