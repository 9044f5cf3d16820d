//! The threat model as tests: one file for each group of cases, each check under its case's number.
//! SECURITY.md says what the groups are about and has the counts, which these tests produce.

mod cloud66;
mod flow;
mod routes;

mod authorization;
mod cookies;
mod csrf;
mod headers;
mod out_of_band;
mod return_to;
mod state;
mod stock;
mod text;
mod token;
