//! Against cross-site request forgery, for every method that changes something, sign-in included.
//!
//! The browser says where a request came from. `Sec-Fetch-Site` has to be `same-origin`; a browser that does
//! not send it has to send an `Origin` equal to the address in the settings; a request with neither is refused.
//! (Under our `Referrer-Policy: no-referrer` browsers write `Origin: null` even for our own forms; next to
//! `same-origin` that says nothing against the request.)
//! Nothing is compared with `Host`, which the attacker of a DNS rebinding chooses.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::ORIGIN;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::problem::Problem;
use super::state::WebState;

/// Refuses requests that change something and do not come from a page of ours.
pub async fn same_origin_only(State(state): State<WebState>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || from_our_page(request.headers(), &state.site().public_url.origin()) {
        return next.run(request).await;
    }
    tracing::info!("a form from another site was refused");
    Problem::FORGED.into_response()
}

fn from_our_page(headers: &HeaderMap, our_origin: &str) -> bool {
    let only = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let first = values.next().map(|value| value.as_bytes().to_vec());
        // Two of them: whoever asks which one counts has been fooled already.
        if values.next().is_some() {
            Some(b"several".to_vec())
        } else {
            first
        }
    };
    let origin = only(ORIGIN.as_str());
    let origin_is_ours = origin.as_deref() == Some(our_origin.as_bytes());
    match only("sec-fetch-site").as_deref() {
        Some(b"same-origin") => origin_is_ours || matches!(origin.as_deref(), None | Some(b"null")),
        Some(_) => false,
        None => origin_is_ours,
    }
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
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(
                    axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    value.parse().unwrap(),
                );
            }
            assert_eq!(from_our_page(&map, ours), expected, "{headers:?}");
        }
    }
}
