//! The three forms of a token answer (fact sheet 3.4), and of its refusal.

use super::token::Issued;
use super::{OAuthError, no_store};
use crate::sandbox::http::{Answer, Request, set, typed};
use crate::sandbox::options::Strictness;
use crate::sandbox::world::join;
use hyper::StatusCode;
use hyper::header::ACCEPT;
use serde_json::{Value, json as value};
use std::fmt::Write as _;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    Form,
    Json,
    Xml,
}

impl Notation {
    /// The 2013 document goes by `Accept`, with the form encoding as its default; Doorkeeper always answers
    /// JSON.
    fn of(request: &Request, strictness: Strictness) -> Self {
        let accept = request.header(&ACCEPT);
        match strictness {
            Strictness::Doorkeeper => Self::Json,
            Strictness::Document2013 if accept.contains("application/json") => Self::Json,
            Strictness::Document2013 if accept.contains("application/xml") => Self::Xml,
            Strictness::Document2013 => Self::Form,
        }
    }

    fn write(self, status: StatusCode, fields: &[(&str, &str)], root: &str) -> Answer {
        match self {
            Self::Form => {
                let body = url::form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(fields)
                    .finish();
                typed(status, "application/x-www-form-urlencoded; charset=utf-8", body)
            }
            Self::Json => {
                let object: serde_json::Map<String, Value> = fields
                    .iter()
                    .map(|(name, text)| ((*name).to_owned(), value!(text)))
                    .collect();
                typed(
                    status,
                    "application/json; charset=utf-8",
                    Value::Object(object).to_string(),
                )
            }
            Self::Xml => {
                let mut body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>\n");
                // The document's own order: the type stands first.
                for wanted in [
                    "token_type",
                    "access_token",
                    "scope",
                    "error",
                    "error_description",
                ] {
                    for (name, text) in fields.iter().filter(|(name, _)| *name == wanted) {
                        // Writing to a String cannot fail.
                        let _ = writeln!(body, "  <{name}>{}</{name}>", escape(text));
                    }
                }
                let _ = writeln!(body, "</{root}>");
                typed(status, "application/xml; charset=utf-8", body)
            }
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A token that was issued. `created_at` came with Doorkeeper 2.1, `Bearer` with a capital with 5.0.
pub(super) fn granted(issued: &Issued, request: &Request, strictness: Strictness) -> Answer {
    let scope = join(&issued.scopes);
    let mut answer = match strictness {
        Strictness::Document2013 => Notation::of(request, strictness).write(
            StatusCode::OK,
            &[
                ("access_token", &issued.token),
                ("token_type", "bearer"),
                ("scope", &scope),
            ],
            "OAuth",
        ),
        Strictness::Doorkeeper => {
            let body = value!({
                "access_token": issued.token,
                "token_type": "Bearer",
                "scope": scope,
                "created_at": issued.created_at.unix_timestamp(),
            });
            typed(
                StatusCode::OK,
                "application/json; charset=utf-8",
                body.to_string(),
            )
        }
    };
    no_store(&mut answer);
    answer
}

/// A refusal. Up to Doorkeeper 5.0 every one is 401, later 400 unless it is about the client.
pub(super) fn refused(error: OAuthError, request: &Request, strictness: Strictness) -> Answer {
    let status = match strictness {
        Strictness::Doorkeeper if error != OAuthError::INVALID_CLIENT => StatusCode::BAD_REQUEST,
        _ => StatusCode::UNAUTHORIZED,
    };
    let fields = [("error", error.code), ("error_description", error.description)];
    let mut answer = Notation::of(request, strictness).write(status, &fields, "OAuth");
    no_store(&mut answer);
    challenge(&mut answer, error);
    answer
}

/// `WWW-Authenticate`, which Doorkeeper sends with every refusal from 1.0 on.
pub(super) fn challenge(answer: &mut Answer, error: OAuthError) {
    let description = error.description.replace('"', "'");
    let words = format!(
        "Bearer realm=\"Doorkeeper\", error=\"{}\", error_description=\"{description}\"",
        error.code
    );
    set(answer, "www-authenticate", &words);
}
