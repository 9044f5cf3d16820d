//! What was Stackdeck told? Every setting: its name, its default, its rules and the remedy for each mistake.
//!
//! * [`table`]: the settings as data; the command line, `.env.example` and the documents are made from it.
//! * [`settings`]: the typed result, and how it is read.
//! * [`sources`]: command line, environment and `.env`, and which of them wins.
//! * [`mistakes`]: what stands in the way, in words, all of it at once.
//! * the other modules: one kind of value each.
//!
//! Invariants:
//! * Nothing outside this folder reads the environment, and inside it only [`sources`] does.
//! * A value that may be a secret never appears in a message, in `Debug` or in [`Settings::describe`].
//! * What is in a [`Settings`] has passed every rule: nobody checks a setting again.

pub mod table;
pub mod settings;
mod describe;
pub mod sources;
pub mod mistakes;
mod reading;
mod secret_file;
mod dotenv;
mod spelling;

pub mod address;
pub mod public_url;
pub mod secrets;
pub mod database;
pub mod cloud66;
pub mod environments;
pub mod session;
pub mod logging;
pub mod hsts;

pub use cloud66::{ApiVersion, ClientCredentials, Cloud66, Pkce, Redirect};
pub use database::DatabaseUrl;
pub use dotenv::parse as parse_dotenv;
pub use environments::{Confirm, EnvironmentPatterns};
pub use hsts::Hsts;
pub use logging::LogFormat;
pub use mistakes::{Mistake, Mistakes};
pub use public_url::{AllowedHosts, PublicUrl};
pub use secret_file::SecretText;
pub use secrets::Secrets;
pub use session::SessionLimits;
pub use settings::{Mode, Settings};
pub use sources::{Sources, from_env};
pub use table::{Fallback, SETTINGS, Setting, env_example};
