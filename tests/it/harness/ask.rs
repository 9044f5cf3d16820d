//! One request, every header chosen by the test: what an attacker or an odd client sends, and a browser would not.

use std::sync::OnceLock;

use reqwest::header::{CONTENT_TYPE, SET_COOKIE};
use reqwest::{Method, StatusCode};
use url::Url;

use super::browser::Page;

/// A request that is being put together. Without anything else it looks like a program's, not like a browser's.
#[derive(Clone)]
pub struct Ask {
    method: Method,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Ask {
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: None,
        }
    }

    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    /// A form as a page of ours would send it, but for its cookies.
    pub fn form(url: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        Self::new(Method::POST, url)
            .header("sec-fetch-site", "same-origin")
            .fields(fields)
    }

    /// Adds a header line; the same name may come again.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Takes a header out.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// Adds a cookie, as a header line of its own.
    pub fn cookie(self, name: &str, value: impl AsRef<str>) -> Self {
        self.header("cookie", format!("{name}={}", value.as_ref()))
    }

    /// Makes the body a form.
    pub fn fields(self, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.body("application/x-www-form-urlencoded", body)
    }

    /// Sets the body and its type.
    pub fn body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self = self.without(CONTENT_TYPE.as_str());
        self.body = Some(body.into());
        self.header(CONTENT_TYPE.as_str(), kind)
    }

    /// Sends it over a connection of its own and follows nothing.
    pub async fn send(self) -> Page {
        // One for all, because making one reads every root certificate; without kept connections, because each
        // test has a runtime of its own.
        static HTTP: OnceLock<reqwest::Client> = OnceLock::new();
        let http = HTTP.get_or_init(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .pool_max_idle_per_host(0)
                .build()
                .unwrap()
        });
        let url: Url = self.url.parse().unwrap();
        let mut request = http.request(self.method.clone(), url.clone());
        for (name, value) in &self.headers {
            request = request.header(
                name.as_str(),
                reqwest::header::HeaderValue::from_bytes(value).unwrap(),
            );
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("{} {url}: {error}", self.method));
        let (status, headers) = (response.status(), response.headers().clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "a test's browser reads what it is given"
        )]
        let body = response.text().await.unwrap();
        Page {
            status,
            url: url.clone(),
            headers,
            body,
            chain: vec![url],
        }
    }
}

impl Page {
    /// A header's text; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where a redirect leads.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// Whether it is a redirect of the kind that turns a POST into a GET.
    pub fn sees_other(&self) -> bool {
        self.status == StatusCode::SEE_OTHER
    }

    /// Every cookie that is set, whole.
    pub fn set_cookies(&self) -> Vec<String> {
        let lines = self.headers.get_all(SET_COOKIE).iter();
        lines.map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    /// The cookie of this name, whole, if it is set.
    pub fn set_cookie(&self, name: &str) -> Option<String> {
        let start = format!("{name}=");
        self.set_cookies()
            .into_iter()
            .find(|cookie| cookie.starts_with(&start))
    }

    /// The value of the cookie of this name.
    pub fn cookie_value(&self, name: &str) -> Option<String> {
        let cookie = self.set_cookie(name)?;
        let pair = cookie.split(';').next()?.to_owned();
        Some(pair.split_once('=')?.1.to_owned())
    }
}
