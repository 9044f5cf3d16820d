//! Everything that can go wrong for a visitor, and the one place where it becomes a page.
//!
//! A handler returns a [`Problem`]; its response carries a status and the problem itself, and the layer
//! [`pages_for_problems`] writes the page, because only there the request's theme, person and id are known.
//! Refusals that axum makes by itself (no such route, wrong method, too large) pass through the same place, so
//! no visitor ever sees a bare line of text.
//!
//! Invariant: words for the visitor are fixed texts. What is inside (a database's error, an address, a type's
//! name) goes to the log, once, with the request id, and nowhere else.

use axum::extract::rejection::BytesRejection;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::looks::{self, Seen};
use super::pages::trouble::{SignInTrouble, Trouble, TroublePage};
use super::state::WebState;
use super::trace::RequestId;
use crate::app::sign_in::SignInError;
use crate::app::{self, Cloud66Error, StoreError};
use crate::domain::ReturnTo;

/// When to come again where as many sign-ins are under way as are kept.
const WHEN_FULL_RETRY_AFTER_SECONDS: u32 = 60;

/// When to come again where the database does not answer: it is asked anew each time, so it may be soon.
const WITHOUT_DATABASE_RETRY_AFTER_SECONDS: u32 = 5;

/// What went wrong.
#[derive(Debug, Clone)]
pub enum Problem {
    /// A page that needs a signed-in person: 303 to the sign-in, which returns there.
    SignInFirst {
        /// The page.
        return_to: ReturnTo,
    },
    /// Somebody is faster than they may be: 429.
    TooFast {
        /// When to come again, for `Retry-After`.
        retry_after_seconds: u32,
    },
    /// Everything else has a page.
    Page(Trouble),
}

impl Problem {
    /// There is no such thing.
    pub const NOT_FOUND: Self = Self::Page(Trouble::NotFound);
    /// The form does not come from a page of this session.
    pub const FORGED: Self = Self::Page(Trouble::Forged);
    /// The form cannot be read.
    pub const WRONG_FORM: Self = Self::Page(Trouble::WrongForm);

    /// The session store failed. What it says may quote a record, so only that it failed is logged here; the
    /// store has logged its cause.
    pub fn session_store() -> Self {
        tracing::error!("the session store failed");
        Self::Page(Trouble::Storage)
    }

    /// A body that could not be read.
    pub fn body(rejection: &BytesRejection) -> Self {
        Self::Page(Trouble::Refused(rejection.status().as_u16()))
    }

    /// The status that goes with it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SignInFirst { .. } => StatusCode::SEE_OTHER,
            Self::TooFast { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Page(trouble) => status(trouble),
        }
    }
}

fn status(trouble: &Trouble) -> StatusCode {
    match trouble {
        Trouble::NotFound | Trouble::StackGone | Trouble::NoReceipt | Trouble::NotInThisVersion => {
            StatusCode::NOT_FOUND
        }
        Trouble::SignedOut { .. } | Trouble::SignedOutByCloud66 { .. } => StatusCode::UNAUTHORIZED,
        Trouble::Forged | Trouble::NeedsRedeploy { .. } | Trouble::RoleTooSmall | Trouble::TrialOver => {
            StatusCode::FORBIDDEN
        }
        Trouble::WrongForm | Trouble::StaleForm { .. } => StatusCode::BAD_REQUEST,
        Trouble::Conflict | Trouble::Rejected(_) => StatusCode::CONFLICT,
        Trouble::Cloud66Down | Trouble::Cloud66Unreadable | Trouble::NotOffered => StatusCode::BAD_GATEWAY,
        Trouble::Throttled | Trouble::Storage => StatusCode::SERVICE_UNAVAILABLE,
        Trouble::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Trouble::Refused(status) => StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST),
        Trouble::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        Trouble::SignIn(kind) => match kind {
            SignInTrouble::Expired | SignInTrouble::Malformed | SignInTrouble::CodeRefused => {
                StatusCode::BAD_REQUEST
            }
            SignInTrouble::Denied | SignInTrouble::NotAllowed | SignInTrouble::TrialOver => {
                StatusCode::FORBIDDEN
            }
            SignInTrouble::Throttled => StatusCode::SERVICE_UNAVAILABLE,
            SignInTrouble::Provider
            | SignInTrouble::WrongCallback { .. }
            | SignInTrouble::WrongClient
            | SignInTrouble::Down
            | SignInTrouble::Unreadable => StatusCode::BAD_GATEWAY,
        },
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        let retry_after_seconds = match &self {
            Self::TooFast { retry_after_seconds } => Some(*retry_after_seconds),
            Self::Page(Trouble::Storage) => Some(WITHOUT_DATABASE_RETRY_AFTER_SECONDS),
            _ => None,
        };
        if let Some(seconds) = retry_after_seconds {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the page of every response that carries a problem, or that is an error of axum's own.
pub async fn pages_for_problems(State(state): State<WebState>, mut request: Request, next: Next) -> Response {
    let seen = Seen::default();
    request.extensions_mut().insert(seen.clone());
    let headers = request.headers().clone();
    let id = request.extensions().get::<RequestId>().cloned();
    let response = next.run(request).await;
    let Some(problem) = problem_of(&response) else {
        return response;
    };
    let mut page = match &problem {
        Problem::SignInFirst { return_to } => {
            Redirect::to(&state.urls().home_then(*return_to)).into_response()
        }
        Problem::TooFast { .. } => page(&state, &headers, &seen, id.as_ref(), &Trouble::TooMany),
        Problem::Page(trouble) => {
            if matches!(trouble, Trouble::SignedOutByCloud66 { .. }) {
                end_session(&seen).await;
            }
            page(&state, &headers, &seen, id.as_ref(), trouble)
        }
    };
    for name in [ALLOW, RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}

/// The problem that a response is about. Errors of axum's own are bare text or nothing; a page of ours with an
/// error status is HTML already, and answers of the health checks and of static files are for programs.
fn problem_of(response: &Response) -> Option<Problem> {
    if let Some(problem) = response.extensions().get::<Problem>() {
        return Some(problem.clone());
    }
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .map_or(&b""[..], HeaderValue::as_bytes);
    if kind.starts_with(b"text/html") || response.extensions().get::<ForPrograms>().is_some() {
        return None;
    }
    Some(match status {
        StatusCode::NOT_FOUND => Problem::NOT_FOUND,
        StatusCode::INTERNAL_SERVER_ERROR => Problem::Page(Trouble::Internal { nothing_sent: false }),
        status => Problem::Page(Trouble::Refused(status.as_u16())),
    })
}

/// Marks a response whose reader is a program: it keeps its plain body.
#[derive(Debug, Clone, Copy)]
pub struct ForPrograms;

async fn end_session(seen: &Seen) {
    if let Some(visitor) = seen.visitor() {
        // The page is shown either way; a session that cannot be ended now has a token that no longer works.
        let _ = visitor.sign_out().await;
    }
}

fn page(
    state: &WebState,
    headers: &HeaderMap,
    seen: &Seen,
    id: Option<&RequestId>,
    trouble: &Trouble,
) -> Response {
    let signed_out = matches!(
        trouble,
        Trouble::SignedOut { .. } | Trouble::SignedOutByCloud66 { .. }
    );
    let visitor = seen.visitor().filter(|_| !signed_out);
    let frame = looks::frame(state, headers, visitor.as_ref(), id);
    let mut response = TroublePage::new(frame, trouble).into_response();
    // A page that could not be rendered is a 500 of its own.
    if !response.status().is_server_error() {
        *response.status_mut() = status(trouble);
    }
    response
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        Self::Page(trouble)
    }
}

impl From<SignInTrouble> for Problem {
    fn from(trouble: SignInTrouble) -> Self {
        Self::Page(Trouble::SignIn(trouble))
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        tracing::info!(%error, "a sign-in did not succeed");
        match error {
            SignInError::Store(store) => store.into(),
            SignInError::Expired => SignInTrouble::Expired.into(),
            SignInError::Malformed => SignInTrouble::Malformed.into(),
            SignInError::Denied => SignInTrouble::Denied.into(),
            SignInError::Provider => SignInTrouble::Provider.into(),
            SignInError::CodeRefused => SignInTrouble::CodeRefused.into(),
            SignInError::WrongClient => SignInTrouble::WrongClient.into(),
            SignInError::Down => SignInTrouble::Down.into(),
            SignInError::Unreadable => SignInTrouble::Unreadable.into(),
            SignInError::NotAllowed => SignInTrouble::NotAllowed.into(),
            SignInError::TrialOver => SignInTrouble::TrialOver.into(),
            SignInError::Throttled => SignInTrouble::Throttled.into(),
            SignInError::NotSetUp => Self::SignInFirst {
                return_to: ReturnTo::Home,
            },
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error == StoreError::Full {
            return Self::TooFast {
                retry_after_seconds: WHEN_FULL_RETRY_AFTER_SECONDS,
            };
        }
        tracing::error!(%error, "the database failed");
        Self::Page(match error {
            StoreError::Broken => Trouble::Internal { nothing_sent: true },
            _ => Trouble::Storage,
        })
    }
}

impl From<Cloud66Error> for Problem {
    fn from(error: Cloud66Error) -> Self {
        use Cloud66Error as E;
        Self::Page(match error {
            E::SignedOut => Trouble::SignedOutByCloud66 {
                return_to: ReturnTo::Home,
            },
            E::Gone => Trouble::StackGone,
            E::TrialOver => Trouble::TrialOver,
            E::Forbidden { .. } => Trouble::RoleTooSmall,
            E::Conflict { .. } => Trouble::Conflict,
            E::Throttled { .. } => Trouble::Throttled,
            E::NotImplemented => Trouble::NotOffered,
            E::Rejected { words, .. } => Trouble::Rejected(words),
            E::Unreadable => Trouble::Cloud66Unreadable,
            _ => Trouble::Cloud66Down,
        })
    }
}

impl From<app::Error> for Problem {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::Cloud66(error) => error.into(),
            app::Error::Store(error) => error.into(),
            app::Error::NotFound => Self::Page(Trouble::StackGone),
            app::Error::NeedsRedeployScope => Self::Page(Trouble::NeedsRedeploy { stack: None }),
            app::Error::NotInThisVersion => Self::Page(Trouble::NotInThisVersion),
        }
    }
}

/// No such route.
pub async fn not_found() -> Problem {
    Problem::NOT_FOUND
}

/// A route that does not take the method.
pub async fn method_not_allowed() -> Problem {
    Problem::Page(Trouble::Refused(StatusCode::METHOD_NOT_ALLOWED.as_u16()))
}

/// A handler panicked. That is a defect of ours: it is logged, without what the panic said to nobody else.
pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::Page(Trouble::Internal { nothing_sent: false }).into_response()
}
