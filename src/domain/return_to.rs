//! Where a person goes after signing in: one of this app's own pages, never an address.
//!
//! Invariant: a value of this type has been matched against the list of pages, so turning it into a
//! `Location` header cannot lead to another site. Everything that does not match is the stack list.

use std::fmt;

use super::ids::{OperationId, StackUid};

/// A page that a sign-in may return to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReturnTo {
    /// The stack list.
    #[default]
    Home,
    /// One stack.
    Stack(StackUid),
    /// One redeploy's receipt.
    Receipt(OperationId),
    /// What changed.
    Activity,
    /// The person's settings.
    Settings,
}

impl ReturnTo {
    /// Reads a path as a form or a cookie holds it; the stack list for everything that is not exactly one of
    /// the pages above.
    pub fn parse(path: &str) -> Self {
        match path {
            "/activity" => return Self::Activity,
            "/settings" => return Self::Settings,
            _ => {}
        }
        if let Some(uid) = path.strip_prefix("/stacks/").and_then(|uid| uid.parse().ok()) {
            return Self::Stack(uid);
        }
        if let Some(id) = path.strip_prefix("/redeploys/").and_then(|id| id.parse().ok()) {
            return Self::Receipt(id);
        }
        Self::Home
    }
}

impl fmt::Display for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Home => f.write_str("/"),
            Self::Stack(uid) => write!(f, "/stacks/{uid}"),
            Self::Receipt(id) => write!(f, "/redeploys/{id}"),
            Self::Activity => f.write_str("/activity"),
            Self::Settings => f.write_str("/settings"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_pages_are_kept() {
        let uid = "4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01";
        for path in [
            "/",
            "/activity",
            "/settings",
            &format!("/stacks/{uid}"),
            &format!("/redeploys/{uid}"),
        ] {
            assert_eq!(ReturnTo::parse(path).to_string(), path);
        }
    }

    #[test]
    fn everything_else_is_the_stack_list() {
        let uid = "4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01";
        for path in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/%2f%2fevil.example",
            "/sign-out",
            "/oauth/callback",
            "/events",
            "/activity/",
            "/activity?x=1",
            "/ACTIVITY",
            &format!("/stacks/{uid}/redeploy"),
            &format!("/stacks/{uid}/"),
            &format!("/stacks/{uid}?x"),
            &format!("//stacks/{uid}"),
            &format!("/stacks/../{uid}"),
            "/stacks/..//evil.example",
        ] {
            assert_eq!(ReturnTo::parse(path), ReturnTo::Home, "{path}");
        }
    }
}
