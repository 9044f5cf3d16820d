//! The stage: the app and a sandbox on free ports, and browsers that behave like browsers.
//!
//! * [`TestApp`]: the whole program as it runs, with a clock that can be pushed.
//! * [`confirm`], [`until`]: a redeploy and its receipt.
//! * [`Stream`]: an event stream, read as browsers read it.
//! * [`Browser`]: keeps cookies, follows redirects, submits the forms that it finds in the HTML.
//! * [`Ask`]: one request with every header chosen by the test.
//! * [`Cases`]: counts the cases of `tests/it/security` and what is held against each.

mod app;
mod ask;
mod browser;
mod cases;
mod redeploys;
mod stream;

pub use app::{TestApp, Wish};
pub use ask::Ask;
pub use browser::{Browser, Form, Page};
pub use cases::{Case, Cases};
pub use redeploys::{answered, confirm, id_of, until, with_quick_deploys};
pub use stream::Stream;
