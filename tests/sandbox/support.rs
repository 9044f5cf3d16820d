//! A running sandbox with a clock that stands, and a plain HTTP client for it.

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use stackdeck::sandbox::{Clock, Options, Sandbox, Scope, Stack, World};
use std::sync::Once;
use std::time::Duration;
use time::macros::datetime;

/// The first person of every world.
pub const MAYA: &str = "maya@harbourfinch.example";
/// A Deployer.
pub const TOMAS: &str = "tomas@harbourfinch.example";
/// A Viewer.
pub const INGRID: &str = "ingrid@harbourfinch.example";
/// A Viewer in one account, an Administrator in another.
pub const JUN: &str = "jun@northlight.example";
/// Roles on single stacks.
pub const PRIYA: &str = "priya@harbourfinch.example";
/// No stacks.
pub const NADIA: &str = "nadia@haddad.example";
/// The trial is over.
pub const OSKAR: &str = "oskar@lindqvist.example";

pub const LOOPBACK_CALLBACK: &str = "http://localhost:9999/callback";

/// A sandbox and a way to talk to it.
pub struct Lab {
    pub sandbox: Sandbox,
    http: reqwest::Client,
}

/// An answer, read whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// What stands in the envelope.
    pub fn response(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()["response"].take()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }
}

pub fn http() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .unwrap();
    });
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_mins(5))
        .build()
        .unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the sandbox is ours and its answers are small"
)]
pub async fn read(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer {
        status,
        headers,
        text: response.text().await.unwrap(),
    }
}

impl Lab {
    /// A sandbox whose clock stands.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let clock = Clock::frozen(datetime!(2026-03-04 10:00 UTC));
        let sandbox = Sandbox::start(Options { clock, ..options }).await.unwrap();
        Self {
            sandbox,
            http: http(),
        }
    }

    pub fn world(&self) -> &World {
        self.sandbox.world()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.url())
    }

    pub fn advance(&self, seconds: f64) {
        self.world().clock().advance(Duration::from_secs_f64(seconds));
    }

    pub fn token(&self, email: &str, scopes: &[Scope]) -> String {
        self.world().issue_token(email, scopes).unwrap()
    }

    /// A token that may see and deploy.
    pub fn deployer(&self, email: &str) -> String {
        self.token(email, &[Scope::Public, Scope::Redeploy])
    }

    pub fn stack(&self, name: &str, environment: &str) -> Stack {
        self.world().stack_in(name, environment).unwrap()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        read(self.request(Method::GET, path).bearer_auth(token)).await
    }

    pub async fn post(&self, path: &str, token: &str, form: &[(&str, &str)]) -> Answer {
        read(self.request(Method::POST, path).bearer_auth(token).form(form)).await
    }

    pub async fn delete(&self, path: &str, token: &str) -> Answer {
        read(self.request(Method::DELETE, path).bearer_auth(token)).await
    }

    /// A token request with these fields beside the ready application's credentials.
    pub async fn exchange(&self, fields: &[(&str, &str)]) -> Answer {
        let mut form = vec![
            ("client_id", self.sandbox.client_id()),
            ("client_secret", self.sandbox.client_secret()),
        ];
        form.extend_from_slice(fields);
        read(self.request(Method::POST, "/oauth/token").form(&form)).await
    }

    /// The address of an authorization request of the ready application.
    pub fn authorize_path(&self, fields: &[(&str, &str)]) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", self.sandbox.client_id())
            .extend_pairs(fields)
            .finish();
        format!("/oauth/authorize?{query}")
    }
}
