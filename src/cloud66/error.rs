//! Why Cloud 66 did not give what was asked for, in the few kinds that a person can be told apart.
//!
//! Invariant: `Display` is a fixed sentence, and `words` is Cloud 66's own text made plain and short (see
//! `words`); neither ever holds a body, an address or a token.

use thiserror::Error;
use time::OffsetDateTime;

/// Why a request gave nothing. Status codes: fact sheet 5.4.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// 401: the token is not accepted, or no longer.
    #[error("Cloud 66 does not accept this sign-in any longer")]
    SignedOut,
    /// 402: the account's trial has ended.
    #[error("the trial of this Cloud 66 account is over")]
    TrialOver,
    /// 403: the token's scopes or the person's role do not reach so far.
    #[error("Cloud 66 does not allow this")]
    Forbidden {
        /// Cloud 66's explanation; may be empty.
        words: String,
    },
    /// 404, 410: there is no such thing, or not for this person.
    #[error("Cloud 66 knows of no such thing")]
    Gone,
    /// 409: it does not go together with the stack's present state.
    #[error("this conflicts with what Cloud 66 is doing")]
    Conflict {
        /// Cloud 66's explanation; may be empty.
        words: String,
    },
    /// 503 `throttled` or 429: this hour's requests are used up (fact sheet 5.3).
    #[error("Cloud 66 takes no more requests for now")]
    Throttled {
        /// When to ask again; between one second and one hour ahead.
        retry_at: Option<OffsetDateTime>,
    },
    /// 503 `not_implemented`, or known to be missing from this version of the API.
    #[error("this version of the Cloud 66 API cannot do this")]
    NotImplemented,
    /// 400, 422, other 4xx, or a 200 that says `ok: false`.
    #[error("Cloud 66 refused this")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// Cloud 66's explanation; may be empty.
        words: String,
    },
    /// Another 5xx, 408, no connection, a time-out, or a connection that broke.
    #[error("Cloud 66 cannot be reached")]
    Down,
    /// An answer that makes no sense: garbled, too big, a redirect.
    #[error("Cloud 66 gave an answer that this app cannot read")]
    Unreadable,
}

impl Error {
    /// Whether it says nothing about what was asked for, so that what was known before is still the best there is.
    pub fn leaves_unknown(&self) -> bool {
        matches!(
            self,
            Self::Down | Self::Unreadable | Self::Throttled { .. } | Self::TrialOver
        )
    }

    /// Cloud 66's own explanation, where it gave one. Plain text of at most 300 characters, never markup.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Forbidden { words } | Self::Conflict { words } | Self::Rejected { words, .. } => {
                Some(words.as_str()).filter(|words| !words.is_empty())
            }
            _ => None,
        }
    }
}
