//! What does a person see?

pub mod server;
