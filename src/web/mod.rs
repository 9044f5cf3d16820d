//! What does a person see? Routes, pages, guards, assets.
//!
//! * The routes stand in [`router`], all on one screen; the layers below them, each with its reason.
//! * [`pages`]: what is shown. [`urls`]: every address, once. [`assets`]: embedded files.
//! * One file for each thing that has an address: [`stacks`], [`stack`], [`redeploy`], [`several`], [`actions`],
//!   [`receipt`], [`receipts`], [`activity`], [`events`], [`find`], [`views`], [`sign_in`], [`settings`] and [`health`].
//! * The guards: [`session`], [`form`], [`origin`], [`pace`], [`headers`] and [`cookies`].
//! * How old a page is: [`freshness`]. Whatever goes wrong: [`problem`]. Connections: [`server`]. For the operator:
//!   [`metrics`]. For the demo: [`one_port`]. For those who work on the looks: [`gallery`].
//!
//! Invariants: every page works without JavaScript; a GET changes nothing; nothing about security is decided by
//! a request header that anybody can set.

pub mod actions;
pub mod activity;
pub mod assets;
pub mod cookies;
pub mod events;
pub mod find;
pub mod form;
pub mod freshness;
pub mod gallery;
pub mod headers;
pub mod health;
mod kept_rows;
pub mod looks;
pub mod metrics;
pub mod one_port;
pub mod origin;
pub mod pace;
pub mod pages;
pub mod problem;
pub mod receipt;
pub mod receipts;
pub mod redeploy;
pub mod server;
pub mod session;
pub mod settings;
pub mod several;
pub mod sign_in;
pub mod stack;
pub mod stacks;
pub mod state;
pub mod trace;
pub mod urls;
pub mod views;

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_sessions::{Expiry, SessionManagerLayer, SessionStore, cookie::SameSite};

use crate::config::AllowedHosts;
use server::{HostGuard, Limits, answer_within, host_guard, short_url, whole_body};
pub use state::{Site, WebState};
pub use urls::Urls;
use urls::route;

/// Every route, and every layer around them.
pub fn router(
    state: WebState,
    sessions: &(impl SessionStore + Clone),
    hosts: AllowedHosts,
    limits: Limits,
) -> Router {
    // Everybody.
    let open = Router::new()
        .route(route::HOME, get(stacks::home))
        .route(route::SIGN_IN, get(sign_in::ask).post(sign_in::begin))
        .route(route::HELP, get(find::help));
    let open = if state.site().out_of_band {
        open.route(
            route::OAUTH_CODE,
            get(sign_in::code_page).post(sign_in::paste_code),
        )
    } else {
        // Not for HEAD, which whoever looks at a link ahead may send: a state is good for one request.
        open.route(
            route::OAUTH_CALLBACK,
            get(sign_in::callback).head(problem::method_not_allowed),
        )
    };
    // Each of these asks for a `Visitor`, which only a session gives.
    let signed_in = Router::new()
        .route(route::SIGN_OUT, post(sign_in::sign_out))
        .route(route::SIGN_OUT_EVERYWHERE, post(sign_in::sign_out_everywhere))
        .route(route::STACK, get(stack::show))
        .route(route::REDEPLOY, get(redeploy::confirm).post(redeploy::send))
        .route(route::ACTION, get(actions::confirm).post(actions::send))
        .route(route::CANCEL, get(actions::confirm_cancel).post(actions::cancel))
        .route(route::RECEIPTS, get(receipts::list))
        .route(route::BULK, get(several::choose).post(several::send))
        .route(route::BATCH, get(several::batch))
        .route(route::RECEIPT, get(receipt::show))
        .route(route::ACTIVITY, get(activity::show))
        .route(route::PIN, post(find::pin))
        .route(route::VIEWS, post(views::keep))
        .route(route::SEARCH, get(find::search))
        .route(route::SETTINGS, get(settings::show).post(settings::save))
        .route(route::END_SESSION, post(settings::end_session));
    let pages = open
        .merge(signed_in)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(problem::not_found);
    // Answers those who are not signed in, too: that their stream is over.
    let streams = Router::new()
        .route(route::EVENTS, get(events::stream))
        .method_not_allowed_fallback(problem::method_not_allowed);
    // For programs: no session, no page.
    let plain = Router::new()
        .route(route::HEALTHZ, get(health::alive))
        .route(route::READYZ, get(health::ready))
        .route(route::STATIC, get(assets::serve));

    let in_session = |routes: Router<WebState>| {
        routes
            // Innermost: a panic becomes a problem, and the process lives.
            .layer(CatchPanicLayer::custom(problem::panicked))
            .layer(from_fn_with_state(state.clone(), origin::same_origin_only))
            .layer(from_fn_with_state(state.clone(), problem::pages_for_problems))
            // Outside of the pages, so that a page that ends the session also removes its cookie.
            .layer(session_layer(&state, sessions.clone()))
            .layer(from_fn_with_state(state.clone(), cookies::whole_removal))
    };
    let layered = in_session(pages)
        // The level at which a first view of the list keeps within its weight: docs/decisions/0020-first-view.md.
        .layer(CompressionLayer::new().quality(CompressionLevel::Precise(8)))
        // Beside it: it would hold room for its encoders, some 6 KB, for each stream that it does not compress.
        .merge(in_session(streams))
        .merge(plain);
    let guard = HostGuard::new(hosts, state.app().clock().clone());
    let prefix = state.urls().prefix().to_owned();
    let whole = layered
        .layer(from_fn_with_state(limits, whole_body))
        .layer(from_fn_with_state(limits, answer_within))
        .layer(from_fn_with_state(limits, short_url))
        .layer(from_fn_with_state(guard, host_guard))
        // Once more around what the guards refuse by themselves.
        .layer(from_fn_with_state(state.clone(), problem::pages_for_problems))
        .layer(from_fn_with_state(state.clone(), headers::security_headers))
        // Outermost, so that whatever happens has an id and a line in the log.
        .layer(from_fn_with_state(state.clone(), trace::trace))
        .with_state(state);
    if prefix.is_empty() {
        return whole;
    }
    // Outside of everything, so that routes, guards, the log and the metrics know one form of each path.
    Router::new().fallback_service(whole.map_request(move |request| without_prefix(request, &prefix)))
}

/// Takes the path prefix off: `/deck`, `/deck/` and `/deck/help` become `/`, `/` and `/help`. A path without it stays:
/// that is how a proxy asks that has taken it off itself (docs/decisions/0031-path-prefix.md).
fn without_prefix(mut request: Request, prefix: &str) -> Request {
    let uri = request.uri();
    let Some(rest) = uri.path().strip_prefix(prefix) else {
        return request;
    };
    let path = match rest {
        "" => "/",
        rest if rest.starts_with('/') => rest,
        // Another path that only begins alike.
        _ => return request,
    };
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}").parse(),
        None => path.parse(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = path_and_query.ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

fn session_layer<S: SessionStore + Clone>(state: &WebState, sessions: S) -> SessionManagerLayer<S> {
    let site = state.site();
    let lifetime = time::Duration::try_from(site.session_lifetime).unwrap_or(time::Duration::days(7));
    SessionManagerLayer::new(sessions)
        .with_name(cookies::session_name(site))
        .with_secure(site.public_url.is_https())
        .with_path(site.public_url.cookie_path().to_owned())
        .with_http_only(true)
        // Strict would leave it out on the way back from Cloud 66, and the sign-in would seem to fail.
        .with_same_site(SameSite::Lax)
        // The store keeps both ends by its own clock; this is only how long the browser keeps the cookie.
        .with_expiry(Expiry::OnInactivity(lifetime))
}
