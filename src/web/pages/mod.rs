//! The pages: what each shows, made from the domain's words by askama templates.
//!
//! * [`frame`]: what every page shares; [`banner`]: what is said above it; [`notes`] and [`away`]: what is said
//!   once.
//! * [`home`], [`setup`], [`code`], [`trouble`]: before somebody is signed in, and when something goes wrong.
//! * [`stacks`], [`row`]: the list. [`stack`]: one of them.
//! * [`redeploy`], [`confirm`]: the pages that ask. [`receipt`]: what became of it; [`reason`]: why.
//! * [`live`]: pieces for a page that is open.
//! * [`receipts`], [`bulk`]: many redeploys. [`activity`]: what changed. [`search`]: find a stack.
//! * [`settings`], [`help`].
//! * [`gallery`]: every page in every state, for the tests and for people to look at.
//!
//! Invariants: a page escapes every text, links only to parsed addresses, carries no script, style or handler
//! of its own, and works without JavaScript. Each page struct is built by `new` and is a response by itself.

pub mod frame;
pub mod banner;
pub mod notes;
pub mod away;
pub mod home;
pub mod setup;
pub mod code;
pub mod trouble;
pub mod stacks;
pub mod row;
pub mod stack;
pub mod redeploy;
pub mod confirm;
pub mod receipt;
pub mod receipts;
pub mod bulk;
pub mod activity;
pub mod search;
pub mod help;
pub mod settings;
pub mod live;
pub mod gallery;
pub mod chips;
mod commit;
mod facts;
mod history;
pub mod reason;
mod receipt_words;
mod sections;
pub mod siblings;
pub mod stack_taken;
mod verdict;
pub mod views;
pub mod words;
