//! The journal: what was asked of the sandbox and what it answered, for tests and for people.
//!
//! It never holds a token, a code or a secret: tokens are named by a fingerprint, and query values that
//! carry one are struck out. Its length is bounded; the oldest entries go first.

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::sync::Arc;
use time::OffsetDateTime;

/// How many entries are kept.
const MOST_ENTRIES: usize = 20_000;

/// One request as the sandbox saw it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// When it had arrived, by the sandbox's clock.
    #[serde(with = "time::serde::rfc3339")]
    pub arrived_at: OffsetDateTime,
    /// When it was answered, by the same clock.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The HTTP method.
    pub method: String,
    /// The path as it was sent.
    pub path: String,
    /// The query as it was sent, secrets struck out.
    pub query: String,
    /// The operation's name, such as `redeploy`; `page` for pages, `unknown` for anything else.
    pub operation: &'static str,
    /// Who asked, by email, where a token or a sign-in said so.
    pub person: Option<String>,
    /// The first 12 hexadecimal digits of the token's SHA-256.
    pub token: Option<String>,
    /// The status answered; `None` when a fault let nothing be answered.
    pub status: Option<u16>,
    /// The `user_reference` that came with the request.
    pub user_reference: Option<String>,
    /// Whether the request took its effect: false when a fault stopped it before.
    pub processed: bool,
    /// The fault that was applied, in its text form.
    pub fault: Option<String>,
}

/// What has been asked so far, oldest first: a copy that does not change.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Vec<Entry>>);

impl Journal {
    /// All entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// How often an operation was asked for, answered or not.
    pub fn count(&self, operation: &str) -> usize {
        self.of(operation).count()
    }

    /// The entries of one operation.
    pub fn of<'a>(&'a self, operation: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.0.iter().filter(move |entry| entry.operation == operation)
    }
}

/// The growing journal inside the world.
#[derive(Debug, Default)]
pub(crate) struct Pages(VecDeque<Entry>);

impl Pages {
    pub(crate) fn add(&mut self, entry: Entry) {
        if self.0.len() >= MOST_ENTRIES {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn copy(&self) -> Journal {
        Journal(Arc::new(self.0.iter().cloned().collect()))
    }

    pub(crate) fn take(&mut self) -> Journal {
        Journal(Arc::new(std::mem::take(&mut self.0).into()))
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.0.iter().filter(|entry| entry.operation == operation).count()
    }
}

/// Names a token without giving it away.
pub(crate) fn fingerprint(token: &str) -> String {
    let digest = super::random::hex(&Sha256::digest(token.as_bytes()));
    digest.get(..12).unwrap_or_default().to_owned()
}

/// The query with every value that is a credential struck out.
pub(crate) fn without_secrets(query: &str) -> String {
    const SECRET: [&str; 6] = [
        "access_token",
        "bearer_token",
        "code",
        "client_secret",
        "code_verifier",
        "token",
    ];
    let mut parts = Vec::new();
    for part in query.split('&') {
        match part.split_once('=') {
            Some((name, _)) if SECRET.contains(&name) => parts.push(format!("{name}=…")),
            _ => parts.push(part.to_owned()),
        }
    }
    parts.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_struck_out_and_the_rest_stays() {
        assert_eq!(
            without_secrets("page=2&access_token=abc&x"),
            "page=2&access_token=…&x"
        );
        assert_eq!(without_secrets("code=abc&state=s"), "code=…&state=s");
        assert_eq!(fingerprint("abc").len(), 12);
    }
}
