//! Cloud 66's JSON, read leniently (fact sheet 4 and 8), and turned into the domain's types.
//!
//! * `cell`: one value of any type; `date`: the ways in which dates are written.
//! * `envelope`: the answer around an object or a list, and the pages of a list.
//! * the other files: one object each, and what it becomes.
//!
//! Invariants: nothing here fails on a value of the wrong type, it only lacks that value; unknown fields are
//! skipped without being read; no bytes, however nested or broken, end in more than "this cannot be read".

mod action;
mod answer;
mod cell;
mod date;
mod deployment;
mod envelope;
mod people;
mod service;
mod setting;
mod stack;

pub(super) use action::{WireAction, action};
pub(super) use answer::{Answered, Failure};
pub(super) use cell::Cell;
pub(super) use deployment::deployment;
pub(super) use envelope::{Page, Row, one, rows};
pub(super) use people::{NAMELESS, account, person};
pub(super) use service::service;
pub(super) use setting::continuous_deploy;
pub(super) use stack::{UNNAMED, stack, unreadable_name};
