//! Whether the process lives, and whether it can serve. Cloud 66 being down makes neither fail: a restart would
//! not bring it back.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use super::problem::ForPrograms;
use super::state::WebState;

/// `GET /healthz`: the process answers.
pub async fn alive() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: the database answers too.
pub async fn ready(State(state): State<WebState>) -> (StatusCode, Extension<ForPrograms>, &'static str) {
    match state.app().store_answers().await {
        Ok(()) => (StatusCode::OK, Extension(ForPrograms), "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                Extension(ForPrograms),
                "the database does not answer\n",
            )
        }
    }
}
