//! How is it wired and run?

pub mod telemetry;
