//! Links to other sites, from texts that somebody else wrote.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// An absolute `http` or `https` address with a host and without credentials: the only kind of foreign text
/// that may become an `href`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebLink(Url);

impl WebLink {
    /// Reads an address; `None` for every other scheme, for relative ones, and for those with credentials.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none();
        plain.then_some(Self(url))
    }

    /// Reads a host name (as `fqdn` holds it) or an address.
    pub fn parse_host(text: &str) -> Option<Self> {
        if text.contains("://") {
            Self::parse(text)
        } else {
            Self::parse(&format!("http://{text}"))
        }
    }

    /// The address as text, percent-encoded by the parser.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, for display.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl fmt::Display for WebLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_become_links() {
        assert_eq!(
            WebLink::parse("https://example.com/a b").unwrap().as_str(),
            "https://example.com/a%20b"
        );
        assert_eq!(
            WebLink::parse_host("shop.example.c66.me").unwrap().host(),
            "shop.example.c66.me"
        );
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//example.com",
            "/x",
            "",
            "ftp://example.com",
            "https://me:pw@example.com",
            "java\tscript:alert(1)",
        ] {
            assert!(WebLink::parse(bad).is_none(), "{bad}");
        }
    }
}
