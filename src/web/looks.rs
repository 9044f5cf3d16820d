//! What every page knows of its request: who looks, in which theme, and what has to be said once.

use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::cookies;
use super::pages::away;
use super::pages::frame::{Frame, Theme};
use super::problem::Problem;
use super::session::Visitor;
use super::state::WebState;
use super::trace::RequestId;

/// Where the results of several redeploys stand.
const BATCHES: &str = "/redeploys/batches/";

/// Who was found to be looking, left on the request for the layer that writes error pages.
#[derive(Clone, Default)]
pub struct Seen(Arc<OnceLock<Visitor>>);

impl Seen {
    /// Remembers who looks.
    pub fn note(&self, visitor: &Visitor) {
        // The same visitor is found by every argument of a handler; the first one is as good as the last.
        let _ = self.0.set(visitor.clone());
    }

    /// Who looks, if somebody was found.
    pub fn visitor(&self) -> Option<Visitor> {
        self.0.get().cloned()
    }
}

/// A page's frame, as an argument of a handler.
pub struct Looks(pub Frame);

impl FromRequestParts<WebState> for Looks {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        let visitor =
            <Visitor as axum::extract::OptionalFromRequestParts<WebState>>::from_request_parts(parts, state)
                .await?;
        let request_id = parts.extensions.get::<RequestId>().cloned();
        let mut frame = frame(state, &parts.headers, visitor.as_ref(), request_id.as_ref());
        if let Some(visitor) = visitor.filter(|_| is_shown(&parts.headers)) {
            let told = visitor.take_notices().await?;
            frame.notes = told.iter().map(|notice| notice.note(&frame.urls)).collect();
            // The results of a batch stand on its own page; what ended besides is told on the next one.
            if !parts.uri.path().contains(BATCHES) {
                let mut ended = state.app().ended_while_away(&visitor.who).await?;
                // The receipt itself says how it ended.
                ended.retain(|redeploy| !parts.uri.path().ends_with(&redeploy.id.to_string()));
                frame.notes.extend(away::notes(&frame.urls, &ended));
            }
        }
        Ok(Self(frame))
    }
}

/// Whether the answer becomes the page that the person sees. What a script asks for is taken apart, so what has
/// to be said once waits for the next page. Browsers that do not say so get it with whatever they ask for.
pub fn is_shown(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-dest")
        .is_none_or(|destination| destination == "document")
}

/// The frame of a page for this request.
pub fn frame(
    state: &WebState,
    headers: &HeaderMap,
    visitor: Option<&Visitor>,
    request_id: Option<&RequestId>,
) -> Frame {
    let site = state.site();
    let app = state.app();
    let cloud66 = site.cloud66.clone();
    let mut frame = Frame::new(site.urls.clone(), cloud66, app.clock().now());
    frame.theme = cookies::theme(site, headers)
        .map(Theme::parse)
        .unwrap_or_default();
    frame.live = cookies::live(site, headers);
    frame.keys = cookies::keys(site, headers);
    frame.demo = site.demo;
    frame.request_id = request_id.map(|id| id.0.to_string());
    if let Some(visitor) = visitor {
        frame.person = Some(visitor.who.person.clone());
        frame.csrf = visitor.form_secret.token(app.random());
    }
    frame
}
