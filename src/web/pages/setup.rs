//! The page before the app is registered at Cloud 66: what to do there, with the exact address to enter.

use askama::Template;
use askama_web::WebTemplate;

use super::frame::{Frame, Here};

/// The setup page: `serve` without an Application Id and Secret shows nothing else.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/setup.html")]
pub struct SetupPage {
    f: Frame,
    callback: String,
    by_code: bool,
}

impl SetupPage {
    /// `callback` is the exact redirect URI to register: the public address with `/oauth/callback`, or the
    /// `oob` name, then with `by_code`.
    pub fn new(frame: Frame, callback: &str, by_code: bool) -> Self {
        Self {
            f: frame.titled("Set up", Here::Elsewhere),
            callback: callback.to_owned(),
            by_code,
        }
    }
}
