//! Views of the stack list that a person keeps: what was searched for and how it was arranged, as links above the list.
//! They are this browser's alone, and each is an address that can be sent to somebody else.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::cookies;
use super::form::SignedForm;
use super::pages::notes::Notice;
use super::problem::Problem;
use super::stacks::read_query;
use super::state::WebState;
use crate::domain::StackQuery;

/// The fields of "Keep this view" and "Keep it no more".
#[derive(Debug, Deserialize)]
pub struct ViewFields {
    /// The view, as it stands in the list's address.
    #[serde(default)]
    view: String,
    /// `yes`, or anything else to let go of it.
    #[serde(default)]
    keep: String,
}

/// `POST /views`: keeps a view, or lets go of it, and shows it.
pub async fn keep(
    State(state): State<WebState>,
    headers: HeaderMap,
    form: SignedForm<ViewFields>,
) -> Result<Response, Problem> {
    let view = StackQuery {
        page: String::new(),
        search_is_cut: false,
        ..read_query(&form.fields.view)
    };
    let mut response = Redirect::to(&state.urls().stacks(&view)).into_response();
    let mut views = cookies::views(state.site(), &headers);
    views.retain(|known| *known != view);
    let keep = form.fields.keep == "yes" && view != StackQuery::default();
    if keep {
        views.push(view);
    }
    let notice = match (cookies::set_views(state.site(), &views), keep) {
        (None, _) => Notice::ViewTooLong,
        (Some(cookie), keep) => {
            response.headers_mut().append(SET_COOKIE, cookie);
            if keep { Notice::ViewKept } else { Notice::ViewLetGo }
        }
    };
    form.visitor.leave_notice(notice).await?;
    Ok(response)
}
