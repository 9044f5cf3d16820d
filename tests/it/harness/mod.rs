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
mod ports;
mod redeploys;
mod stream;
mod time;

pub use app::{TestApp, Wish};
pub use ask::Ask;
pub use browser::{Browser, Form, Page};
pub use cases::{Case, Cases};
pub use ports::free_port;
pub use redeploys::{answered, confirm, id_of, until, with_quick_deploys};
pub use stream::Stream;
pub use time::PAUSE;

/// Looks at something until it is so: a pass of a loop for each look, as long as a test waits at all. The loop pauses by
/// itself, and fails when it ends.
pub fn looks() -> impl Iterator<Item = ()> {
    let began = std::time::Instant::now();
    std::iter::repeat(()).take_while(move |()| began.elapsed() < PATIENCE)
}

/// How long a test waits for what has to come: what does not come by then never does, however busy the machine is.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_mins(5);
