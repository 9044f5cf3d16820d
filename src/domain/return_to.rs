//! Where a person goes after signing in: one of this app's own pages, never an address.
//!
//! Invariant: a value of this type has been matched against the list of pages, and of a query only the parameters that
//! the page knows are kept, decoded and encoded anew. So turning it into a `Location` header cannot lead to another
//! site. Everything that does not match is the stack list.

use std::fmt;

use url::form_urlencoded;

use super::ids::{OperationId, StackUid};

/// The longest query that is kept, in bytes as it is written. A longer one is left out, and the page is shown whole.
const LONGEST_QUERY: usize = 1_000;

/// A page that a sign-in may return to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// One of the pages whose query says what they show.
    View(View),
}

/// A page and its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    page: Page,
    /// Names and values of the page's own parameters, percent-encoded; may be empty.
    query: String,
}

/// The pages whose query says what they show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    Stacks,
    Activity,
    Receipts,
    Search,
    Batch(OperationId),
}

impl Page {
    /// The parameters that mean something there.
    fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Stacks => &["q", "state", "env", "account", "sort", "group", "page"],
            Self::Activity => &["hours", "env", "result"],
            Self::Receipts => &["before"],
            Self::Search => &["q"],
            Self::Batch(_) => &["stacks", "in_the_way"],
        }
    }

    fn parse(path: &str) -> Option<Self> {
        match path {
            "/" => return Some(Self::Stacks),
            "/activity" => return Some(Self::Activity),
            "/redeploys" => return Some(Self::Receipts),
            "/search" => return Some(Self::Search),
            _ => {}
        }
        let id = path.strip_prefix("/redeploys/batches/")?;
        id.parse().ok().map(Self::Batch)
    }
}

impl ReturnTo {
    /// Reads a path and its query, as a form, a row or a request has them; the stack list for everything that is not
    /// exactly one of the pages above. Parameters that the page does not know are left out.
    pub fn parse(address: &str) -> Self {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        if path == "/settings" {
            return Self::Settings;
        }
        if let Some(uid) = path.strip_prefix("/stacks/").and_then(|uid| uid.parse().ok()) {
            return Self::Stack(uid);
        }
        if let Some(id) = path.strip_prefix("/redeploys/").and_then(|id| id.parse().ok()) {
            return Self::Receipt(id);
        }
        let Some(page) = Page::parse(path) else {
            return Self::Home;
        };
        let query = known_parameters(query, page.parameters());
        match page {
            Page::Stacks if query.is_empty() => Self::Home,
            Page::Activity if query.is_empty() => Self::Activity,
            page => Self::View(View { page, query }),
        }
    }

    /// The stack list with what narrows it: the query as it stands in its address.
    pub fn stacks(query: &str) -> Self {
        Self::parse(&format!("/?{query}"))
    }
}

/// The parameters with these names that have a value, in the order in which they came; nothing where that is too long.
fn known_parameters(query: &str, names: &[&str]) -> String {
    let mut kept = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if names.contains(&name.as_ref()) && !value.is_empty() {
            kept.append_pair(&name, &value);
        }
    }
    let kept = kept.finish();
    if kept.len() > LONGEST_QUERY {
        return String::new();
    }
    kept
}

impl fmt::Display for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Home => f.write_str("/"),
            Self::Stack(uid) => write!(f, "/stacks/{uid}"),
            Self::Receipt(id) => write!(f, "/redeploys/{id}"),
            Self::Activity => f.write_str("/activity"),
            Self::Settings => f.write_str("/settings"),
            Self::View(view) => view.fmt(f),
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.page {
            Page::Stacks => f.write_str("/")?,
            Page::Activity => f.write_str("/activity")?,
            Page::Receipts => f.write_str("/redeploys")?,
            Page::Search => f.write_str("/search")?,
            Page::Batch(id) => write!(f, "/redeploys/batches/{id}")?,
        }
        if !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01";

    #[test]
    fn our_own_pages_are_kept() {
        for path in [
            "/",
            "/activity",
            "/settings",
            "/redeploys",
            "/search",
            "/search?q=check+out",
            "/?q=env%3Aproduction&state=attention&sort=name",
            "/activity?hours=24&env=live&result=failed",
            &format!("/redeploys?before={UID}"),
            &format!("/stacks/{UID}"),
            &format!("/redeploys/{UID}"),
            &format!("/redeploys/batches/{UID}?stacks={UID}.{UID}"),
        ] {
            assert_eq!(ReturnTo::parse(path).to_string(), path);
        }
    }

    #[test]
    fn of_a_query_only_what_the_page_knows_is_kept_and_is_encoded_anew() {
        for (given, kept) in [
            ("/?q=env:production", "/?q=env%3Aproduction"),
            ("/?utm_source=x", "/"),
            ("/?q=", "/"),
            ("/activity?x=1&hours=24&q=a", "/activity?hours=24"),
            ("/search?q=//evil.example", "/search?q=%2F%2Fevil.example"),
            (
                "/search?q=a\r\nSet-Cookie: b=c",
                "/search?q=a%0D%0ASet-Cookie%3A+b%3Dc",
            ),
            ("/search?q=a#b", "/search?q=a%23b"),
            ("/search?q=%ff", "/search?q=%EF%BF%BD"),
            ("/settings?x", "/settings"),
            (&format!("/stacks/{UID}?x"), &format!("/stacks/{UID}")),
            (&format!("/search?q={}", "a".repeat(1_001)), "/search"),
        ] {
            assert_eq!(ReturnTo::parse(given).to_string(), kept, "{given}");
        }
    }

    #[test]
    fn everything_else_is_the_stack_list() {
        for path in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "https://evil.example/?q=a",
            "//evil.example/activity?hours=1",
            "?q=a",
            "/\t/evil.example",
            "/%2f%2fevil.example",
            "/sign-out",
            "/oauth/callback",
            "/oauth/callback?code=a&state=b",
            "/events",
            "/activity/",
            "/ACTIVITY",
            &format!("/stacks/{UID}/"),
            &format!("/stacks/{UID}/actions/restart"),
            &format!("/stacks/{UID}/redeploy"),
            &format!("/stacks/{UID}/redeploy?git_ref=v1"),
            &format!("//stacks/{UID}"),
            &format!("/stacks/../{UID}"),
            "/stacks/..//evil.example",
        ] {
            assert_eq!(ReturnTo::parse(path), ReturnTo::Home, "{path}");
        }
    }
}
