//! The stage: the app and a sandbox on free ports, and browsers that behave like browsers.
//!
//! * [`TestApp`]: the whole program as it runs, with a clock that can be pushed.
//! * [`Browser`]: keeps cookies, follows redirects, submits the forms that it finds in the HTML.

mod app;
mod browser;

pub use app::TestApp;
pub use browser::{Browser, Form, Page};
