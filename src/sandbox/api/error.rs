//! The documented errors (fact sheet 5.4): a status, a code, a description, and details for this case.

use crate::sandbox::http::{Answer, json, set};
use hyper::StatusCode;
use serde_json::json as value;

/// An error as the API tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    description: &'static str,
    details: String,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, description: &'static str, details: &str) -> Self {
        Self {
            status,
            code,
            description,
            details: details.to_owned(),
        }
    }

    pub(crate) fn bad_request(details: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "A parameter is missing or cannot be used",
            details,
        )
    }

    pub(crate) fn unauthenticated() -> Self {
        let description = "There is no access token, or it is no longer valid";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", description, "")
    }

    pub(crate) fn trial_expired() -> Self {
        let description = "The trial of this account is over";
        Self::new(StatusCode::PAYMENT_REQUIRED, "trial_expired", description, "")
    }

    pub(crate) fn forbidden(details: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "You have no right to do this",
            details,
        )
    }

    pub(crate) fn not_found(details: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "The requested item does not exist",
            details,
        )
    }

    fn time_out() -> Self {
        let description = "The server took too long";
        Self::new(StatusCode::REQUEST_TIMEOUT, "time_out", description, "")
    }

    pub(crate) fn conflict(details: &str) -> Self {
        let description = "This does not fit the state of the resource";
        Self::new(StatusCode::CONFLICT, "conflict", description, details)
    }

    pub(crate) fn not_implemented() -> Self {
        let description = "This is not available in this version of the API";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_implemented",
            description,
            "",
        )
    }

    pub(crate) fn throttled() -> Self {
        let description = "Too many requests in this hour";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "throttled", description, "")
    }

    pub(crate) fn too_many() -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            ..Self::throttled()
        }
    }

    /// The answer, without an envelope.
    pub(crate) fn answer(&self) -> Answer {
        let body = value!({
            "error": self.code,
            "error_description": self.description,
            "details": self.details,
        });
        let mut answer = json(self.status, &body);
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = "Bearer realm=\"Doorkeeper\", error=\"invalid_token\", \
                             error_description=\"The access token is not valid\"";
            set(&mut answer, "www-authenticate", challenge);
        }
        answer
    }
}

/// The error that a fault names, such as `trial-expired`; anything unknown is a bad request.
pub(crate) fn of_code(code: &str) -> ApiError {
    let details = "Answered by a fault";
    match code {
        "unauthenticated" => ApiError::unauthenticated(),
        "trial-expired" => ApiError::trial_expired(),
        "forbidden" => ApiError::forbidden(details),
        "not-found" => ApiError::not_found(details),
        "time-out" => ApiError::time_out(),
        "conflict" => ApiError::conflict(details),
        "not-implemented" => ApiError::not_implemented(),
        _ => ApiError::bad_request(details),
    }
}
