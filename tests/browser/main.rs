//! The pages in a real browser: Debian's Chromium, driven by its own driver, against the demo and the gallery.
//!
//! * [`site`]: what is looked at. [`chromium`]: who looks, and how a test waits for what it expects to see.
//! * [`visit`]: one visit from signing in to signing out. [`without_scripts`]: the same with JavaScript off.
//! * [`live`], [`keys`], [`phone`]: pages that change while they are open, keys, touch.
//! * [`accessible`]: axe-core on every page. [`weight`]: what a first view costs. [`pictures`]: for people.
//!
//! Each test is ignored where there is no Chromium; `bin/check` runs them. They wait for facts: for words on the
//! page, never for time.

#![expect(
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "one program of several files, and a test ends where it goes wrong"
)]

mod accessible;
mod chromium;
mod keys;
mod live;
mod phone;
mod pictures;
mod relay;
mod site;
mod visit;
mod weight;
mod without_scripts;
