//! The cookies that this room sets by itself: the one that binds a sign-in to the browser that began it, and
//! the person's preferences, which are this browser's and nobody else's business. The session's cookie is
//! tower-sessions' business, but for its removal, which is ours.

use std::collections::HashSet;
use std::hash::BuildHasher;

use axum::extract::{Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::stacks::read_query;
use super::state::{Site, WebState};
use super::urls::view_text;
use crate::domain::{StackQuery, StackUid};

/// Base names; the settings decide on a prefix.
const SESSION: &str = "stackdeck_session";
const SIGN_IN: &str = "stackdeck_sign_in";
const THEME: &str = "stackdeck_theme";
const LIVE: &str = "stackdeck_live";
const KEYS: &str = "stackdeck_keys";
const PINS: &str = "stackdeck_pins";
const VIEWS: &str = "stackdeck_views";

/// How many stacks can be pinned; their uids have to fit into one cookie.
const MOST_PINS: usize = 60;

/// How many views of the list can be kept, and the longest that is.
const MOST_VIEWS: usize = 6;
const LONGEST_VIEW: usize = 400;

/// How long a preference is kept: a year.
const PREFERENCE_SECONDS: u32 = 365 * 24 * 60 * 60;

/// How long the browser keeps the cookie of a sign-in under way: as long as the sign-in lives.
const SIGN_IN_SECONDS: u32 = 600;

/// The session cookie's name.
pub fn session_name(site: &Site) -> String {
    site.public_url.cookie_name(SESSION)
}

/// The value that binds this browser's sign-ins to it, if it has one of the right shape.
pub fn sign_in_browser(site: &Site, headers: &HeaderMap) -> Option<String> {
    let value = read(headers, &site.public_url.cookie_name(SIGN_IN))?;
    let shaped = value.len() == 43
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    shaped.then(|| value.to_owned())
}

/// The cookie that keeps that value, for as long as a sign-in lives.
pub fn set_sign_in_browser(site: &Site, value: &str) -> HeaderValue {
    set(site, SIGN_IN, value, SIGN_IN_SECONDS)
}

/// The theme that the person chose: `light`, `dark`, or none for the system's.
pub fn theme<'h>(site: &Site, headers: &'h HeaderMap) -> Option<&'h str> {
    read(headers, &site.public_url.cookie_name(THEME)).filter(|theme| matches!(*theme, "light" | "dark"))
}

/// The cookie that keeps the theme; every other word removes it.
pub fn set_theme(site: &Site, theme: &str) -> HeaderValue {
    let chosen = matches!(theme, "light" | "dark");
    if chosen {
        set(site, THEME, theme, PREFERENCE_SECONDS)
    } else {
        set(site, THEME, "", 0)
    }
}

/// Whether pages update themselves, which the person may pause.
pub fn live(site: &Site, headers: &HeaderMap) -> bool {
    read(headers, &site.public_url.cookie_name(LIVE)) != Some("off")
}

/// The cookie that keeps that choice.
pub fn set_live(site: &Site, live: bool) -> HeaderValue {
    if live {
        set(site, LIVE, "", 0)
    } else {
        set(site, LIVE, "off", PREFERENCE_SECONDS)
    }
}

/// Whether single keys are shortcuts, which the person may turn off.
pub fn keys(site: &Site, headers: &HeaderMap) -> bool {
    read(headers, &site.public_url.cookie_name(KEYS)) != Some("off")
}

/// The cookie that keeps that choice.
pub fn set_keys(site: &Site, keys: bool) -> HeaderValue {
    if keys {
        set(site, KEYS, "", 0)
    } else {
        set(site, KEYS, "off", PREFERENCE_SECONDS)
    }
}

/// The stacks that the person keeps at the top of the list.
pub fn pins(site: &Site, headers: &HeaderMap) -> HashSet<StackUid> {
    let pins = read(headers, &site.public_url.cookie_name(PINS)).unwrap_or_default();
    pins.split('.')
        .filter_map(|uid| uid.parse().ok())
        .take(MOST_PINS)
        .collect()
}

/// The cookie that keeps them. Beyond what fits, the rest is left out.
pub fn set_pins<S: BuildHasher>(site: &Site, pins: &HashSet<StackUid, S>) -> HeaderValue {
    let mut uids: Vec<String> = pins.iter().map(ToString::to_string).collect();
    uids.sort_unstable();
    uids.truncate(MOST_PINS);
    set(
        site,
        PINS,
        &uids.join("."),
        if uids.is_empty() { 0 } else { PREFERENCE_SECONDS },
    )
}

/// The views of the list that the person keeps, in the order in which they were.
pub fn views(site: &Site, headers: &HeaderMap) -> Vec<StackQuery> {
    let views = read(headers, &site.public_url.cookie_name(VIEWS)).unwrap_or_default();
    views
        .split('|')
        .filter(|view| !view.is_empty() && view.len() <= LONGEST_VIEW)
        .take(MOST_VIEWS)
        .map(read_query)
        .collect()
}

/// The cookie that keeps them, each as it stands in its address. Beyond what fits, the oldest go; a view that is too
/// long is none: `None`.
pub fn set_views(site: &Site, views: &[StackQuery]) -> Option<HeaderValue> {
    let latest = views.iter().skip(views.len().saturating_sub(MOST_VIEWS));
    let texts: Vec<String> = latest.map(view_text).collect();
    if texts.iter().any(|text| text.len() > LONGEST_VIEW) {
        return None;
    }
    let seconds = if texts.is_empty() { 0 } else { PREFERENCE_SECONDS };
    Some(set(site, VIEWS, &texts.join("|"), seconds))
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

fn set(site: &Site, base: &str, value: &str, seconds: u32) -> HeaderValue {
    let name = site.public_url.cookie_name(base);
    let path = site.public_url.cookie_path();
    let secure = if site.public_url.is_https() {
        "; Secure"
    } else {
        ""
    };
    let text = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    // Names and paths come from checked settings and values from our own alphabet.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// The cookie with which tower-sessions 0.15 removes a session's lacks `Secure`, and browsers therefore keep a
/// `__Host-` cookie after signing out. This layer, outside of it, puts one of ours in its place, with every
/// attribute that the cookie itself has.
pub async fn whole_removal(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let site = state.site();
    let removal = format!("{}=;", session_name(site));
    let is_removal = |cookie: &HeaderValue| cookie.as_bytes().starts_with(removal.as_bytes());
    if !response.headers().get_all(SET_COOKIE).iter().any(is_removal) {
        return response;
    }
    let headers = response.headers_mut();
    let kept: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    headers.remove(SET_COOKIE);
    for cookie in kept {
        let cookie = if is_removal(&cookie) {
            set(site, SESSION, "", 0)
        } else {
            cookie
        };
        headers.append(SET_COOKIE, cookie);
    }
    response
}
