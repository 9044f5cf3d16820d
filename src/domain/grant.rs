//! What Cloud 66 gave a person's sign-in: the access token and the scopes it carries.
//!
//! Invariant: the token never appears in `Debug`, `Display` or a serialised form; whoever needs its text says
//! [`AccessToken::expose`], and a search for that word finds all of them.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

/// A Cloud 66 access token: a bearer token that does not expire (fact sheet 3.10), so a long-lived secret.
#[derive(Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// Takes the token's text; any text, for tokens are opaque (fact sheet 3.4).
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The token's text, for the `Authorization` header and for sealing.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A set of OAuth scopes, in the order in which they were given (RFC 6749 section 3.3, fact sheet 3.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Reads scopes separated by spaces or commas; Cloud 66's own documents show both (fact sheet 3.6). No
    /// scope at all is the same as `public`.
    pub fn parse(text: &str) -> Self {
        let mut scopes: Vec<String> = Vec::new();
        for scope in text.split([' ', ',', '+']).filter(|scope| !scope.is_empty()) {
            if !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
        if scopes.is_empty() {
            scopes.push("public".to_owned());
        }
        Self(scopes)
    }

    /// Whether the token may redeploy, cancel and run actions, as far as scopes go; the person's role may
    /// still say no.
    pub fn allow_redeploy(&self) -> bool {
        self.0.iter().any(|scope| scope == "redeploy")
    }

    /// The same scopes without those that change anything: what a read-only sign-in asks for.
    #[must_use]
    pub fn read_only(&self) -> Self {
        Self(vec!["public".to_owned()])
    }

    /// Those of these scopes that are among the `allowed` ones.
    #[must_use]
    pub fn within(&self, allowed: &Self) -> Self {
        Self(
            self.0
                .iter()
                .filter(|scope| allowed.0.contains(scope))
                .cloned()
                .collect(),
        )
    }

    /// The scopes one by one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// An access token together with the scopes that it carries.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The bearer token.
    pub token: AccessToken,
    /// What Cloud 66 said it granted or, where it said nothing, what was asked for.
    pub scopes: Scopes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_with_spaces_and_commas() {
        for text in [
            "public redeploy",
            "public,redeploy",
            " public, redeploy public ",
            "public+redeploy",
        ] {
            assert_eq!(Scopes::parse(text).to_string(), "public redeploy", "{text}");
        }
        assert_eq!(Scopes::parse("").to_string(), "public");
        assert!(!Scopes::parse("public").allow_redeploy());
        assert!(!Scopes::parse("public redeploy").read_only().allow_redeploy());
        let both = Scopes::parse("public redeploy");
        assert_eq!(both.within(&Scopes::parse("public")), Scopes::parse("public"));
        assert_eq!(Scopes::parse("public").within(&both), Scopes::parse("public"));
    }

    #[test]
    fn debug_is_silent() {
        let grant = Grant {
            token: AccessToken::new("s3cret".into()),
            scopes: Scopes::parse("public"),
        };
        assert!(!format!("{grant:?}").contains("s3cret"));
    }
}
