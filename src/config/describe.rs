//! The settings in effect, for the operator to read: `stackdeck check` prints them.

use super::cloud66::{Pkce, Redirect};
use super::environments::Confirm;
use super::logging::LogFormat;
use super::session::show_duration;
use super::settings::Settings;
use super::table::{self, Fallback, Setting};

const REDACTED: &str = "[redacted]";

impl Settings {
    /// Every setting and its value in effect, in the order of [`SETTINGS`](super::SETTINGS). A secret's value
    /// is `[redacted]`; of the database's address host and name remain.
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        let cloud66 = &self.cloud66;
        let client = cloud66.client.as_ref();
        let secrets = match self.secrets.iter().count() {
            1 => REDACTED.to_owned(),
            several => format!("{REDACTED} ({several} secrets)"),
        };
        let pkce = match cloud66.pkce {
            Pkce::Auto => "auto",
            Pkce::On => "on",
            Pkce::Off => "off",
        };
        let redirect = match cloud66.redirect {
            Redirect::Callback => "callback",
            Redirect::OutOfBand => "oob",
        };
        let confirm = match self.confirm {
            Confirm::Production => "production",
            Confirm::Always => "always",
            Confirm::Never => "never",
        };
        let log_format = match self.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        let proxies = (!self.trusted_proxies.is_empty()).then(|| joined(&self.trusted_proxies));
        [
            (table::PUBLIC_URL, Some(self.public_url.to_string())),
            (table::BIND, Some(self.bind.to_string())),
            (table::SECRET, Some(secrets)),
            (table::DATABASE_URL, Some(self.database.to_string())),
            (table::CLIENT_ID, client.map(|client| client.id.clone())),
            (table::CLIENT_SECRET, client.map(|_| REDACTED.to_owned())),
            (
                table::CLOUD66_URL,
                Some(cloud66.url.as_str().trim_end_matches('/').to_owned()),
            ),
            (table::API_VERSION, Some(cloud66.api_version.number().to_string())),
            (table::SCOPES, Some(cloud66.scopes.join(" "))),
            (table::REDIRECT, Some(redirect.to_owned())),
            (table::PKCE, Some(pkce.to_owned())),
            (table::ACCOUNTS, self.accounts.as_deref().map(joined)),
            (table::CONFIRM, Some(confirm.to_owned())),
            (
                table::PRODUCTION,
                Some(joined(&self.production.iter().collect::<Vec<_>>())),
            ),
            (table::SESSION_IDLE, Some(show_duration(self.session.idle))),
            (
                table::SESSION_LIFETIME,
                Some(show_duration(self.session.lifetime)),
            ),
            (table::TRUSTED_PROXIES, proxies),
            (
                table::METRICS_BIND,
                self.metrics_bind.map(|bind| bind.to_string()),
            ),
            (table::HSTS, Some(self.hsts.as_str().to_owned())),
            (table::LOG, Some(self.log.clone())),
            (table::LOG_FORMAT, Some(log_format.to_owned())),
            (table::INSECURE_HTTP, Some(self.insecure_http.to_string())),
        ]
        .map(|(setting, value)| (setting.name, value.unwrap_or_else(|| unset(&setting))))
        .into()
    }
}

/// What holds where nothing is set, in words.
fn unset(setting: &Setting) -> String {
    match setting.fallback {
        Fallback::Value(words) | Fallback::Words(words) => words.to_owned(),
    }
}

fn joined<T: ToString>(parts: &[T]) -> String {
    parts
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}
