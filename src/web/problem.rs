//! Everything that can go wrong for a visitor, and the one place where it becomes a page.
//!
//! A handler returns a [`Problem`]; its response carries a status and the problem itself, and the outermost
//! layer ([`super::render`]) writes the page, because only there the request's theme, person and request id are
//! known. Refusals that axum makes by itself (no such route, wrong method, too large) pass through the same
//! place, so no visitor ever sees a bare line of text.
//!
//! Invariant: words for the visitor are fixed texts. What is inside (a database's error, an address, a type's
//! name) goes to the log, once, with the request id, and nowhere else.

use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::app::sign_in::SignInError;
use crate::app::{self, Cloud66Error, StoreError};
use crate::domain::{ReturnTo, StackUid};

/// What went wrong, as far as the visitor can act on it.
#[derive(Debug, Clone)]
pub enum Problem {
    /// 303: a page that needs a signed-in person; the sign-in returns there.
    SignInFirst {
        /// The page.
        return_to: ReturnTo,
    },
    /// 401: a form was posted without a session.
    SignedOut,
    /// 401: Cloud 66 no longer accepts the token; the session is ended.
    SignedOutByCloud66,
    /// 403: the form does not come from a page of this session.
    Forged,
    /// 400: the form lacks a field, has one twice, or is not a form.
    WrongForm,
    /// 400: the operation id of the form is too old or not ours; the confirm page gives a new one.
    StaleForm {
        /// Whose confirm page.
        stack: StackUid,
    },
    /// 404: no such page, stack or receipt, or somebody else's.
    NotFound,
    /// 404: the stack is gone, or out of reach.
    StackGone,
    /// 403: the token may not redeploy.
    NeedsRedeployScope {
        /// For which stack it was wanted.
        stack: Option<StackUid>,
    },
    /// The sign-in did not succeed.
    SignIn(SignInKind),
    /// Cloud 66 cannot be asked now, or says no.
    Cloud66(Cloud66Kind),
    /// 503: our database does not answer.
    Storage,
    /// 429: too many sign-ins under way.
    TooMany,
    /// 405, 408, 413, 414, 415, 421, 431 and the like, by number.
    Http(StatusCode),
    /// 500.
    Internal,
}

/// Why a sign-in did not succeed, as [`SignInError`] without what is for the log only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInKind {
    /// 400: not begun here, used, or too old.
    Expired,
    /// 400: what came back is not an answer.
    Malformed,
    /// 403: the person said no.
    Denied,
    /// 502: Cloud 66 refused for a reason of its own.
    Provider,
    /// 400: the code is not accepted.
    CodeRefused,
    /// 502: our id and secret are not accepted.
    WrongClient,
    /// 502: Cloud 66 does not answer.
    Down,
    /// 502: the answer cannot be read.
    Unreadable,
    /// 403: the account is not among the allowed ones.
    NotAllowed,
    /// 503: not registered yet.
    NotSetUp,
}

/// Why Cloud 66 did not give what a page needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cloud66Kind {
    /// 502: it does not answer.
    Down,
    /// 502: it answers something else.
    Unreadable,
    /// 503: this hour's requests are used up.
    Throttled,
    /// 402 there: the trial has ended.
    TrialOver,
    /// 403 there: the role does not allow it.
    Forbidden,
    /// 409 there.
    Conflict(String),
    /// It refused, in its words.
    Rejected(String),
    /// It does not offer this.
    NotImplemented,
}

impl Problem {
    /// The session store failed; the cause is logged here, without what it may quote.
    pub fn storage(error: &tower_sessions::session::Error) -> Self {
        tracing::error!(%error, "the session store failed");
        Self::Storage
    }

    /// A body that could not be read.
    pub fn body(rejection: &BytesRejection) -> Self {
        Self::Http(rejection.status())
    }

    /// The status that goes with it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SignInFirst { .. } => StatusCode::SEE_OTHER,
            Self::SignedOut | Self::SignedOutByCloud66 => StatusCode::UNAUTHORIZED,
            Self::Forged | Self::NeedsRedeployScope { .. } => StatusCode::FORBIDDEN,
            Self::WrongForm | Self::StaleForm { .. } => StatusCode::BAD_REQUEST,
            Self::NotFound | Self::StackGone => StatusCode::NOT_FOUND,
            Self::SignIn(kind) => match kind {
                SignInKind::Expired | SignInKind::Malformed | SignInKind::CodeRefused => StatusCode::BAD_REQUEST,
                SignInKind::Denied | SignInKind::NotAllowed => StatusCode::FORBIDDEN,
                SignInKind::NotSetUp => StatusCode::SERVICE_UNAVAILABLE,
                SignInKind::Provider | SignInKind::WrongClient | SignInKind::Down | SignInKind::Unreadable => {
                    StatusCode::BAD_GATEWAY
                }
            },
            Self::Cloud66(kind) => match kind {
                Cloud66Kind::Down | Cloud66Kind::Unreadable | Cloud66Kind::NotImplemented => StatusCode::BAD_GATEWAY,
                Cloud66Kind::Throttled => StatusCode::SERVICE_UNAVAILABLE,
                Cloud66Kind::TrialOver | Cloud66Kind::Forbidden => StatusCode::FORBIDDEN,
                Cloud66Kind::Conflict(_) | Cloud66Kind::Rejected(_) => StatusCode::CONFLICT,
            },
            Self::Storage => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Http(status) => *status,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        let kind = match &error {
            SignInError::Store(store) => return store.into(),
            SignInError::Expired => SignInKind::Expired,
            SignInError::Malformed => SignInKind::Malformed,
            SignInError::Denied => SignInKind::Denied,
            SignInError::Provider => SignInKind::Provider,
            SignInError::CodeRefused => SignInKind::CodeRefused,
            SignInError::WrongClient => SignInKind::WrongClient,
            SignInError::Down => SignInKind::Down,
            SignInError::Unreadable => SignInKind::Unreadable,
            SignInError::NotAllowed => SignInKind::NotAllowed,
            SignInError::NotSetUp => SignInKind::NotSetUp,
        };
        tracing::info!(%error, "a sign-in did not succeed");
        Self::SignIn(kind)
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Full => Self::TooMany,
            StoreError::Unavailable => Self::Storage,
            StoreError::Broken => Self::Internal,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the database failed");
        (&error).into()
    }
}

impl From<Cloud66Error> for Problem {
    fn from(error: Cloud66Error) -> Self {
        use Cloud66Error as E;
        Self::Cloud66(match error {
            E::SignedOut => return Self::SignedOutByCloud66,
            E::Gone => return Self::StackGone,
            E::TrialOver => Cloud66Kind::TrialOver,
            E::Forbidden { .. } => Cloud66Kind::Forbidden,
            E::Conflict { words } => Cloud66Kind::Conflict(words),
            E::Throttled { .. } => Cloud66Kind::Throttled,
            E::NotImplemented => Cloud66Kind::NotImplemented,
            E::Rejected { words, .. } => Cloud66Kind::Rejected(words),
            E::Unreadable => Cloud66Kind::Unreadable,
            _ => Cloud66Kind::Down,
        })
    }
}

impl From<app::Error> for Problem {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::Cloud66(error) => error.into(),
            app::Error::Store(error) => error.into(),
            app::Error::NotFound => Self::StackGone,
            app::Error::NeedsRedeployScope => Self::NeedsRedeployScope { stack: None },
        }
    }
}
