//! The stage: the app and a sandbox on free ports, and browsers that behave like browsers.
//!
//! * [`TestApp`]: the whole program as it runs, with a clock that can be pushed.
//! * [`Stream`]: an event stream, read as browsers read it.
//! * [`Browser`]: keeps cookies, follows redirects, submits the forms that it finds in the HTML.

mod app;
mod browser;
mod stream;

pub use app::{TestApp, Wish};
pub use browser::{Browser, Page};
pub use stream::Stream;
