//! Stackdeck: a self-hosted dashboard for teams that run their applications with Cloud 66.
//!
//! Read the modules in this order; each answers one question and may import only what stands before it
//! in the table of `ARCHITECTURE.md` (kept true by `tests/architecture.rs`).
#![forbid(unsafe_code)]

pub mod domain;
pub mod config;
pub mod cloud66;
pub mod store;
pub mod app;
pub mod web;
pub mod sandbox;
pub mod cli;
