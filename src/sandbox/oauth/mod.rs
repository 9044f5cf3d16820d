//! The OAuth side (fact sheet 3), in the two strictness modes.

mod authorize;
mod client;
mod info;
mod pkce;
pub(crate) mod redirect_uri;
mod revoke;
mod scopes;
mod token;
mod token_answer;

pub(crate) use authorize::{Authorization, approve, deny, show as show_authorize, show_code};
pub(crate) use info::answer as token_info;
pub(crate) use revoke::answer as revoke;
pub(crate) use token::answer as token;

use super::http::{Answer, set};

/// An OAuth error: its code, what it means, and whether it is about the client (RFC 6749, 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OAuthError {
    pub(crate) code: &'static str,
    pub(crate) description: &'static str,
}

impl OAuthError {
    const fn new(code: &'static str, description: &'static str) -> Self {
        Self { code, description }
    }

    pub(crate) const INVALID_CLIENT: Self = Self::new(
        "invalid_client",
        "The client is unknown, or its authentication failed",
    );
    pub(crate) const INVALID_REDIRECT_URI: Self = Self::new(
        "invalid_redirect_uri",
        "The redirect URI is missing or does not match the registered callback",
    );
    pub(crate) const INVALID_SCOPE: Self =
        Self::new("invalid_scope", "The requested scope is unknown or malformed");
    pub(crate) const UNSUPPORTED_RESPONSE_TYPE: Self = Self::new(
        "unsupported_response_type",
        "The response type is not supported; use \"code\"",
    );
    pub(crate) const UNSUPPORTED_GRANT_TYPE: Self = Self::new(
        "unsupported_grant_type",
        "The grant type is not supported; use \"authorization_code\"",
    );
    pub(crate) const INVALID_GRANT: Self = Self::new(
        "invalid_grant",
        "The authorization code is unknown, expired, used or another client's, or the redirect URI differs",
    );
    pub(crate) const INVALID_CHALLENGE_METHOD: Self = Self::new(
        "invalid_code_challenge_method",
        "The code challenge method must be S256 or plain",
    );
    pub(crate) const ACCESS_DENIED: Self =
        Self::new("access_denied", "The resource owner denied the request");

    pub(crate) const fn invalid_request(description: &'static str) -> Self {
        Self::new("invalid_request", description)
    }
}

/// Token answers are never stored (RFC 6749, 5.1).
fn no_store(answer: &mut Answer) {
    set(answer, "cache-control", "no-store");
    set(answer, "pragma", "no-cache");
}
