//! The cookies that this room sets by itself: the one that binds a sign-in to the browser that began it, and
//! the theme. The session's cookie is tower-sessions' business, but for one flaw that is mended here.

use axum::extract::{Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::state::{Site, WebState};

/// Base names; the settings decide on a prefix.
const SESSION: &str = "stackdeck_session";
const SIGN_IN: &str = "stackdeck_sign_in";
const THEME: &str = "stackdeck_theme";

/// How long the browser keeps the cookie of a sign-in under way: as long as the sign-in lives.
const SIGN_IN_SECONDS: u32 = 600;

/// The session cookie's name.
pub fn session_name(site: &Site) -> String {
    site.public_url.cookie_name(SESSION)
}

/// The value that binds this browser's sign-ins to it, if it has one of the right shape.
pub fn sign_in_browser(site: &Site, headers: &HeaderMap) -> Option<String> {
    let value = read(headers, &site.public_url.cookie_name(SIGN_IN))?;
    let shaped = value.len() == 43 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    shaped.then(|| value.to_owned())
}

/// The cookie that keeps that value, for as long as a sign-in lives.
pub fn set_sign_in_browser(site: &Site, value: &str) -> HeaderValue {
    set(site, SIGN_IN, value, SIGN_IN_SECONDS, "; HttpOnly")
}

/// The theme that the person chose: `light`, `dark`, or none for the system's.
pub fn theme<'h>(site: &Site, headers: &'h HeaderMap) -> Option<&'h str> {
    read(headers, &site.public_url.cookie_name(THEME)).filter(|theme| matches!(*theme, "light" | "dark"))
}

/// The cookie that keeps the theme; an empty one for the system's.
pub fn set_theme(site: &Site, theme: &str) -> HeaderValue {
    let year = 365 * 24 * 60 * 60;
    match theme {
        "light" | "dark" => set(site, THEME, theme, year, "; HttpOnly"),
        _ => set(site, THEME, "", 0, "; HttpOnly"),
    }
}

/// The first cookie of this name. The header is taken apart by hand because it may hold anything.
fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

fn set(site: &Site, base: &str, value: &str, seconds: u32, more: &str) -> HeaderValue {
    let name = site.public_url.cookie_name(base);
    let path = site.public_url.cookie_path();
    let secure = if site.public_url.is_https() { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path={path}; Max-Age={seconds}; SameSite=Lax{secure}{more}");
    // Names and paths come from checked settings and values from our own alphabet.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// The cookie with which tower-sessions 0.15 removes a session's lacks `Secure`, and browsers therefore keep a
/// `__Host-` cookie after signing out. This layer, outside of it, adds the word.
pub async fn secure_removal(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if !state.site().public_url.is_https() {
        return response;
    }
    let prefix = format!("{}=", session_name(state.site()));
    let mended: Vec<HeaderValue> = response
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .map(|cookie| match cookie.to_str() {
            Ok(text) if text.starts_with(&prefix) && !text.contains("; Secure") => {
                HeaderValue::from_str(&format!("{text}; Secure")).unwrap_or_else(|_| cookie.clone())
            }
            _ => cookie.clone(),
        })
        .collect();
    let headers = response.headers_mut();
    headers.remove(SET_COOKIE);
    for cookie in mended {
        headers.append(SET_COOKIE, cookie);
    }
    response
}
