//! Between the `oauth2` crate and our own sender: only the form that the crate has made is taken from it, so
//! that address, headers, deadline and cap are ours.

use std::pin::Pin;

use oauth2::http::{HeaderValue, Response, header};
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::Method;
use thiserror::Error;

use super::super::http::{Body, Http, OBJECT_CAP, Request};
use super::super::reply::Cut;
use super::{TOKEN, token_answer};

/// Why the token endpoint gave no answer that could be looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Unanswered {
    /// Not reached, no time left, or in trouble.
    #[error("the token endpoint cannot be reached")]
    Down,
    /// Neither a token nor a refusal.
    #[error("the token endpoint's answer cannot be read")]
    Unreadable,
}

/// Sends to the token endpoint.
pub(super) struct TokenEndpoint(Http);

impl TokenEndpoint {
    pub(super) fn new(http: Http) -> Self {
        Self(http)
    }

    async fn post(&self, form: Vec<u8>) -> Result<HttpResponse, Unanswered> {
        let request = Request {
            operation: "token",
            method: Method::POST,
            path: TOKEN.to_owned(),
            query: Vec::new(),
            token: None,
            budget: None,
            body: Some(Body {
                content_type: "application/x-www-form-urlencoded",
                bytes: form,
            }),
            cap: OBJECT_CAP,
        };
        let reply = self.0.write(&request).await.map_err(|_| Unanswered::Down)?;
        if reply.status >= 500 || matches!(reply.status, 408 | 429) {
            return Err(Unanswered::Down);
        }
        let body = reply.body.map_err(|cut| match cut {
            Cut::TooBig => Unanswered::Unreadable,
            Cut::Broken => Unanswered::Down,
        })?;
        let (status, json) = token_answer::read(reply.status, reply.content_type.as_deref(), &body)
            .ok_or(Unanswered::Unreadable)?;
        let mut response = Response::new(json);
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for TokenEndpoint {
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unanswered>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.post(request.into_body()))
    }
}
