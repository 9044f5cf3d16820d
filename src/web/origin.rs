//! Against cross-site request forgery, for every method that changes something, sign-in included.
//!
//! The browser says where a request came from. `Sec-Fetch-Site` has to be `same-origin`; a browser that does
//! not send it has to send an `Origin` equal to the address in the settings; a request with neither is refused.
//! (Under our `Referrer-Policy: no-referrer` browsers write `Origin: null` even for our own forms; next to
//! `same-origin` that says nothing against the request.)
//! An event stream changes nothing, but it holds a place; [`may_follow`] keeps it for our own pages.
//! Nothing is compared with `Host`, which the attacker of a DNS rebinding chooses.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::ORIGIN;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::pages::trouble::Trouble;
use super::problem::Problem;
use super::state::WebState;

/// By which browsers say where a request comes from.
const SITE: &str = "sec-fetch-site";

/// Refuses requests that change something and do not come from a page of ours.
pub async fn same_origin_only(State(state): State<WebState>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || from_our_page(request.headers(), &state.site().public_url.origin()) {
        return next.run(request).await;
    }
    if is_at_another_address(request.headers()) {
        tracing::info!("a form was refused that was sent from another address of this app");
        let public = state.site().public_url.join("/");
        return Problem::from(Trouble::OtherAddress { public }).into_response();
    }
    tracing::info!("a form from another site was refused");
    Problem::FORGED.into_response()
}

/// Whether a stream may be opened: by a page of ours, or by somebody who says nothing of where it comes from. A
/// page of a sibling site could otherwise take all places of a session, because the cookie goes with its requests.
pub(super) fn may_follow(headers: &HeaderMap, our_origin: &str) -> bool {
    let is_quiet =
        only(headers, ORIGIN.as_str()).is_none() && matches!(only(headers, SITE), None | Some(b"none"));
    is_quiet || from_our_page(headers, our_origin)
}

/// Whether a form that was refused comes from a page of ours all the same: the browser says so, and names an origin.
/// It can only be one of this machine's names, which are answered beside the public one.
fn is_at_another_address(headers: &HeaderMap) -> bool {
    only(headers, SITE) == Some(b"same-origin")
        && only(headers, ORIGIN.as_str()).is_some_and(|origin| origin.starts_with(b"http"))
}

fn from_our_page(headers: &HeaderMap, our_origin: &str) -> bool {
    let origin = only(headers, ORIGIN.as_str());
    let origin_is_ours = origin == Some(our_origin.as_bytes());
    match only(headers, SITE) {
        Some(b"same-origin") => origin_is_ours || matches!(origin, None | Some(b"null")),
        Some(_) => false,
        None => origin_is_ours,
    }
}

fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    // Two of them: whoever asks which one counts has been fooled already.
    Some(values.next().map_or(first.as_bytes(), |_| b"several"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_may_post() {
        let ours = "https://deploy.example.com";
        let rows: [(&[(&str, &str)], bool); 12] = [
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", ours)], true),
            (
                &[
                    ("sec-fetch-site", "same-origin"),
                    ("origin", "https://evil.example"),
                ],
                false,
            ),
            (&[("sec-fetch-site", "cross-site"), ("origin", ours)], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", ours)], true),
            (&[("origin", "http://deploy.example.com")], false),
            (&[("origin", "null")], false),
            (&[("origin", ours), ("origin", ours)], false),
            (&[], false),
        ];
        for (headers, expected) in rows {
            assert_eq!(from_our_page(&map(headers), ours), expected, "{headers:?}");
        }
    }

    /// F12.
    #[test]
    fn our_own_pages_and_those_who_say_nothing_may_follow() {
        let ours = "https://deploy.example.com";
        let rows: [(&[(&str, &str)], bool); 9] = [
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("origin", ours)], true),
            (&[], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("sec-fetch-site", "none"), ("sec-fetch-site", "none")], false),
        ];
        for (headers, expected) in rows {
            assert_eq!(may_follow(&map(headers), ours), expected, "{headers:?}");
        }
    }

    fn map(headers: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        map
    }
}
