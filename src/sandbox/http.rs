//! One request in, one answer out: the two types that every part of the sandbox speaks.
//!
//! The sandbox answers from memory, so a request is read whole (with a limit) before anything looks at it,
//! and an answer is a plain value. What goes wrong on the wire is added afterwards, by `server`.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, Response, StatusCode};
use serde_json::Value;

/// An answer, before any fault is applied to it.
pub(crate) type Answer = Response<Bytes>;

/// A request, read whole.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path as it was sent, without the query.
    pub(crate) path: String,
    /// The query as it was sent.
    pub(crate) raw_query: String,
    pub(crate) query: Params,
    /// The fields of a form or JSON body; empty for any other body.
    pub(crate) form: Params,
    pub(crate) headers: HeaderMap,
    /// The body, when it claims to be JSON and is not.
    pub(crate) unreadable_body: bool,
}

impl Request {
    /// Reads query and body into fields.
    pub(crate) fn new(
        method: Method,
        path: &str,
        query: Option<&str>,
        headers: HeaderMap,
        body: &[u8],
    ) -> Self {
        let content_type = header(&headers, &CONTENT_TYPE).to_ascii_lowercase();
        let json = content_type.contains("json") || body.first() == Some(&b'{');
        let form = if body.is_empty() {
            Some(Params::default())
        } else if json {
            Params::from_json(body)
        } else {
            Some(Params::from_form(body))
        };
        let raw_query = query.unwrap_or_default().to_owned();
        Self {
            method,
            path: path.to_owned(),
            query: Params::from_form(raw_query.as_bytes()),
            raw_query,
            unreadable_body: form.is_none(),
            form: form.unwrap_or_default(),
            headers,
        }
    }

    /// A parameter from the query or else the body; blank means "not given" (fact sheet 7).
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).or_else(|| self.form.get(name))
    }

    /// A header as text; empty when missing or not text.
    pub(crate) fn header(&self, name: &HeaderName) -> &str {
        header(&self.headers, name)
    }

    /// A header by its lower-case name; `None` when missing, blank or not text.
    pub(crate) fn header_named(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .filter(|value| !value.is_empty())
    }

    /// The value of one cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Names and values, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn from_form(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// The top level of a JSON object; `None` when the body is no JSON object. Null means "not given"
    /// (fact sheet 7), a list becomes one value for each element.
    fn from_json(text: &[u8]) -> Option<Self> {
        let Value::Object(fields) = serde_json::from_slice(text).ok()? else {
            return None;
        };
        let mut params = Vec::new();
        for (name, value) in fields {
            match value {
                Value::Array(list) => params.extend(list.iter().map(|one| (name.clone(), plain(one)))),
                Value::Null => {}
                one => params.push((name, plain(&one))),
            }
        }
        Some(Self(params))
    }

    /// The first value that is not blank.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.0.iter().filter(|(key, _)| is_named(key, name));
        named
            .find(|(_, value)| !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Each value of a name, also when it was written `name[]`.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| is_named(key, name))
            .map(|(_, value)| value.as_str())
    }
}

fn is_named(key: &str, name: &str) -> bool {
    key == name || key.strip_suffix("[]") == Some(name)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Undoes percent-encoding in one segment of a path.
pub(crate) fn decode_segment(segment: &str) -> String {
    let pair = format!("v={}", segment.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &Value) -> Answer {
    typed(status, "application/json; charset=utf-8", body.to_string())
}

/// A page. Pages may be framed by nobody and load nothing but the sandbox's own stylesheet. There is no
/// `form-action`: after the consent form the browser is sent on to the application.
pub(crate) fn page(status: StatusCode, html: String) -> Answer {
    let mut answer = typed(status, "text/html; charset=utf-8", html);
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    set(&mut answer, "content-security-policy", policy);
    set(&mut answer, "cache-control", "no-store");
    set(&mut answer, "referrer-policy", "no-referrer");
    answer
}

/// An answer of the given type.
pub(crate) fn typed(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    set(&mut answer, "x-content-type-options", "nosniff");
    answer
}

/// Sends the browser on to `to`, with 302 as Doorkeeper does (fact sheet 3.9).
pub(crate) fn redirect(to: &str) -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::FOUND;
    if let Ok(value) = HeaderValue::from_str(to) {
        answer.headers_mut().insert(LOCATION, value);
    }
    set(&mut answer, "cache-control", "no-store");
    answer
}

/// Sets a header; a value that no header can carry is left out.
pub(crate) fn set(answer: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(content_type: &'static str, query: &str, body: &str) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.append(COOKIE, HeaderValue::from_static("a=1; b=2"));
        Request::new(Method::POST, "/x", Some(query), headers, body.as_bytes())
    }

    #[test]
    fn section_7_parameters_come_from_query_form_or_json_and_blank_means_not_given() {
        let form = request(
            "application/x-www-form-urlencoded",
            "git_ref=",
            "git_ref=v2&services[]=a&services[]=b",
        );
        assert_eq!(form.param("git_ref"), Some("v2"));
        assert_eq!(form.form.all("services").collect::<Vec<_>>(), ["a", "b"]);
        let json = request(
            "application/json",
            "",
            r#"{"git_ref":null,"services":["a:1","b"],"n":4}"#,
        );
        assert_eq!(json.param("git_ref"), None);
        assert_eq!(json.form.all("services").collect::<Vec<_>>(), ["a:1", "b"]);
        assert_eq!(json.param("n"), Some("4"));
    }

    #[test]
    fn a_body_that_is_no_json_object_is_noticed() {
        assert!(request("application/json", "", "[1]").unreadable_body);
        assert!(request("application/json", "", "{").unreadable_body);
        assert!(!request("application/json", "", "").unreadable_body);
        assert!(
            !request("text/plain", "", "{}").unreadable_body,
            "some clients send {{}} without a type"
        );
    }

    #[test]
    fn cookies_and_segments_are_read() {
        let request = request("text/plain", "", "");
        assert_eq!(request.cookie("b"), Some("2"));
        assert_eq!(request.cookie("c"), None);
        assert_eq!(decode_segment("a%20b+c%26d"), "a b+c&d");
    }
}
