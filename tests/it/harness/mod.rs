//! The stage: the app and a sandbox on free ports, and browsers that behave like browsers.
//!
//! * [`TestApp`]: the whole program as it runs, with a clock that can be pushed.
//! * [`confirm`], [`until`]: a redeploy and its receipt.
//! * [`Browser`]: keeps cookies, follows redirects, submits the forms that it finds in the HTML.

mod app;
mod browser;
mod redeploys;

pub use app::TestApp;
pub use browser::{Browser, Page};
pub use redeploys::{confirm, until, with_quick_deploys};
