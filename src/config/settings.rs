//! The settings as the rest of the program sees them, and how they are read: pure, from a function that looks
//! values up.

use std::net::SocketAddr;
use std::path::Path;

use ipnet::IpNet;

use super::address::{parse_bind, parse_trusted_proxies};
use super::cloud66::{self, ClientCredentials, Cloud66, Redirect};
use super::database::DatabaseUrl;
use super::environments::{Confirm, EnvironmentPatterns, parse_confirm};
use super::hsts::Hsts;
use super::logging::{LogFormat, parse_filter, parse_format};
use super::mistakes::Mistakes;
use super::public_url::PublicUrl;
use super::reading::{ReadFile, Reading};
use super::secret_file::{self, SecretText};
use super::secrets::Secrets;
use super::session::{SessionLimits, parse_duration};
use super::sources::Addresses;
use super::table;

/// What the settings are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `stackdeck serve`.
    Serve,
    /// `stackdeck check`: the rules of `serve`.
    Check,
    /// `stackdeck demo`: takes little from outside, and may keep everything in memory.
    Demo,
}

/// Every setting, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address that people open.
    pub public_url: PublicUrl,
    /// Where to listen.
    pub bind: SocketAddr,
    /// What keys are made from.
    pub secrets: Secrets,
    /// Where everything is kept.
    pub database: DatabaseUrl,
    /// Everything about Cloud 66.
    pub cloud66: Cloud66,
    /// The accounts whose members may sign in; all where `None`. Never an empty list.
    pub accounts: Option<Vec<u64>>,
    /// When to ask before a redeploy.
    pub confirm: Confirm,
    /// Which environments count as production.
    pub production: EnvironmentPatterns,
    /// When sessions end.
    pub session: SessionLimits,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where `/metrics` listens, if it does.
    pub metrics_bind: Option<SocketAddr>,
    /// What browsers are told about https.
    pub hsts: Hsts,
    /// A log filter that can be parsed.
    pub log: String,
    /// The form of a log line.
    pub log_format: LogFormat,
    /// Plain http is permitted for hosts other than this machine.
    pub insecure_http: bool,
    /// What is worth knowing and does not stop a start; for the operator to read.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Reads all settings through `lookup`, which takes a variable's name. Secret files are read from disk.
    /// Finds every mistake, not only the first.
    pub fn read(lookup: impl Fn(&str) -> Option<String>, mode: Mode) -> Result<Self, Mistakes> {
        Self::read_with(lookup, secret_file::read, mode)
    }

    /// As [`read`](Self::read), with secret files read through `files`, whose error reads on from the
    /// variable's name ("names …, which …").
    pub fn read_with(
        lookup: impl Fn(&str) -> Option<String>,
        files: impl Fn(&Path) -> Result<SecretText, String>,
        mode: Mode,
    ) -> Result<Self, Mistakes> {
        let files: ReadFile<'_> = &files;
        let mut reading = Reading::new(&lookup, files);
        let settings = read_all(&mut reading, mode);
        let noted = reading.into_noted();
        match settings {
            Some(settings) if noted.mistakes.is_empty() => Ok(Self {
                warnings: noted.warnings,
                ..settings
            }),
            _ => Err(noted),
        }
    }
}

/// Reads where the instance listens and, where it is set, the address that people open; nothing else.
pub(super) fn read_addresses(lookup: impl Fn(&str) -> Option<String>) -> Result<Addresses, Mistakes> {
    let mut reading = Reading::new(&lookup, &secret_file::read);
    let bind = reading.value(&table::BIND, parse_bind);
    // Whether plain http is wise is for `serve` to judge.
    let public_url = reading.value_or(&table::PUBLIC_URL, None, PublicUrl::parse);
    let noted = reading.into_noted();
    match bind {
        Some(bind) if noted.mistakes.is_empty() => Ok(Addresses { bind, public_url }),
        _ => Err(noted),
    }
}

/// Reads everything, and only then gives up: `None` means that a mistake was noted.
fn read_all(reading: &mut Reading<'_>, mode: Mode) -> Option<Settings> {
    let insecure_http = reading.value(&table::INSECURE_HTTP, parse_bool);
    let bind = reading.value(&table::BIND, parse_bind);
    let public_url = read_public_url(reading, bind, insecure_http.unwrap_or_default());
    let secrets = read_secrets(reading);
    let database = read_database(reading, mode);
    let cloud66 = read_cloud66(reading, insecure_http.unwrap_or_default());
    let accounts = read_accounts(reading);
    let confirm = reading.value(&table::CONFIRM, parse_confirm);
    let production = reading.value(&table::PRODUCTION, EnvironmentPatterns::parse);
    let session = read_session(reading);
    let trusted_proxies = reading.value_or(&table::TRUSTED_PROXIES, Some(""), parse_trusted_proxies);
    warn_of_shared_limits(reading, public_url.as_ref(), trusted_proxies.as_deref());
    let metrics_bind = read_metrics_bind(reading, bind);
    let hsts = read_hsts(reading, public_url.as_ref());
    let log = reading.value(&table::LOG, parse_filter);
    let log_format = reading.value(&table::LOG_FORMAT, parse_format);

    Some(Settings {
        public_url: public_url?,
        bind: bind?,
        secrets: secrets?,
        database: database?,
        cloud66: cloud66?,
        accounts,
        confirm: confirm?,
        production: production?,
        session: session?,
        trusted_proxies: trusted_proxies?,
        metrics_bind,
        hsts: hsts?,
        log: log?,
        log_format: log_format?,
        insecure_http: insecure_http?,
        warnings: Vec::new(),
    })
}

fn read_public_url(
    reading: &mut Reading<'_>,
    bind: Option<SocketAddr>,
    insecure_http: bool,
) -> Option<PublicUrl> {
    let default = bind.map(|bind| format!("http://localhost:{}", bind.port()));
    let default = default.as_deref().or(table::PUBLIC_URL.default_value());
    let url = reading.value_or(&table::PUBLIC_URL, default, PublicUrl::parse)?;
    if url.is_https() {
        return Some(url);
    }
    if !url.is_loopback() && !insecure_http {
        reading.mistake(
            &table::PUBLIC_URL,
            "begins with http://, so that everybody on the way could read sessions. Write https://, or set \
             STACKDECK_INSECURE_HTTP=true where the network is yours alone.",
        );
        return None;
    }
    if !url.is_loopback() {
        reading.warn(
            &table::PUBLIC_URL,
            "begins with http://: everybody on the way can read sessions and act as the people who use it.",
        );
    } else if bind.is_some_and(|bind| !bind.ip().is_loopback()) {
        reading.warn(
            &table::BIND,
            "lets other machines connect, over plain http. Put a proxy with TLS in front and set \
             STACKDECK_PUBLIC_URL to its https:// address, or listen on 127.0.0.1.",
        );
    }
    Some(url)
}

/// TLS is always a proxy's, so behind an https address there is one.
fn warn_of_shared_limits(
    reading: &mut Reading<'_>,
    public_url: Option<&PublicUrl>,
    trusted_proxies: Option<&[IpNet]>,
) {
    if public_url.is_some_and(PublicUrl::is_https) && trusted_proxies.is_some_and(<[IpNet]>::is_empty) {
        reading.warn(
            &table::TRUSTED_PROXIES,
            "does not name the proxy in front of STACKDECK_PUBLIC_URL, so all visitors together have the connections and \
             sign-ins of one address, and the proxy's health checks with them. Set it to the proxy's address or network.",
        );
    }
}

fn read_secrets(reading: &mut Reading<'_>) -> Option<Secrets> {
    if !reading.is_set(&table::SECRET) {
        reading.mistake(&table::SECRET, "is not set. Make one: openssl rand -base64 32");
        return None;
    }
    reading.value(&table::SECRET, Secrets::parse)
}

fn read_database(reading: &mut Reading<'_>, mode: Mode) -> Option<DatabaseUrl> {
    let database = reading.value(&table::DATABASE_URL, DatabaseUrl::parse)?;
    if database.is_in_memory() && mode != Mode::Demo {
        reading.mistake(
            &table::DATABASE_URL,
            "keeps everything in memory, and a restart would forget redeploys under way. Name a file, \
             such as sqlite:stackdeck.db.",
        );
        return None;
    }
    Some(database)
}

fn read_cloud66(reading: &mut Reading<'_>, insecure_http: bool) -> Option<Cloud66> {
    let url = reading.value(&table::CLOUD66_URL, |text| {
        cloud66::parse_url(text, insecure_http)
    });
    let client = read_client(reading);
    let api_version = reading.value(&table::API_VERSION, cloud66::parse_api_version);
    let scopes = reading.value(&table::SCOPES, cloud66::parse_scopes);
    let redirect: Option<Redirect> = reading.value(&table::REDIRECT, cloud66::parse_redirect);
    let pkce = reading.value(&table::PKCE, cloud66::parse_pkce);

    if let Some(scope) = scopes.as_deref().and_then(cloud66::unknown_scope) {
        reading.warn(
            &table::SCOPES,
            &format!("has {scope}, which Cloud 66 does not document: it may refuse every sign-in."),
        );
    }
    Some(Cloud66 {
        url: url?,
        client,
        api_version: api_version?,
        scopes: scopes?,
        redirect: redirect?,
        pkce: pkce?,
    })
}

/// Both or neither. Where one was set and could not be read, the other is not called missing.
fn read_client(reading: &mut Reading<'_>) -> Option<ClientCredentials> {
    const WHERE: &str = "Get it from Cloud 66 → Account → Apps → Developers.";

    let has_id = reading.is_set(&table::CLIENT_ID);
    let has_secret = reading.is_set(&table::CLIENT_SECRET);
    if has_id != has_secret {
        let missing = if has_id {
            &table::CLIENT_SECRET
        } else {
            &table::CLIENT_ID
        };
        reading.mistake(missing, format!("is not set. {WHERE}"));
    }
    let id = reading.value(&table::CLIENT_ID, |text| parse_credential(text, WHERE));
    let secret = reading.value(&table::CLIENT_SECRET, |text| parse_credential(text, WHERE));
    Some(ClientCredentials {
        id: id?,
        secret: secret?.into(),
    })
}

/// Printable ASCII without spaces; RFC 6749 appendix A allows spaces, Cloud 66's are hexadecimal.
fn parse_credential(text: &str, remedy: &str) -> Result<String, String> {
    if text.chars().all(|c| c.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "has a space or a character that is not ASCII, so it was not copied whole. {remedy}"
        ))
    }
}

fn read_accounts(reading: &mut Reading<'_>) -> Option<Vec<u64>> {
    reading.value(&table::ACCOUNTS, |text| {
        let ids = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| {
                part.parse()
                    .map_err(|_| format!("has {part:?}. Write account numbers separated by commas: 12,34."))
            })
            .collect::<Result<Vec<u64>, String>>()?;
        if ids.is_empty() {
            return Err("names no account. Write account numbers separated by commas: 12,34.".to_owned());
        }
        Ok(ids)
    })
}

fn read_session(reading: &mut Reading<'_>) -> Option<SessionLimits> {
    let idle = reading.value(&table::SESSION_IDLE, parse_duration);
    let lifetime = reading.value(&table::SESSION_LIFETIME, parse_duration);
    let limits = SessionLimits {
        idle: idle?,
        lifetime: lifetime?,
    };
    if limits.idle > limits.lifetime {
        reading.mistake(
            &table::SESSION_IDLE,
            "is longer than STACKDECK_SESSION_LIFETIME, which ends a session first. Make it the same \
             or shorter.",
        );
        return None;
    }
    Some(limits)
}

fn read_metrics_bind(reading: &mut Reading<'_>, bind: Option<SocketAddr>) -> Option<SocketAddr> {
    let metrics = reading.value(&table::METRICS_BIND, parse_bind)?;
    if Some(metrics) == bind && metrics.port() != 0 {
        reading.mistake(
            &table::METRICS_BIND,
            "is the same as STACKDECK_BIND. Take another port, such as 127.0.0.1:9066.",
        );
        return None;
    }
    if !metrics.ip().is_loopback() {
        reading.warn(
            &table::METRICS_BIND,
            "lets other machines read the counts, without a password. Listen on 127.0.0.1, or let a firewall choose who.",
        );
    }
    Some(metrics)
}

fn read_hsts(reading: &mut Reading<'_>, public_url: Option<&PublicUrl>) -> Option<Hsts> {
    let hsts = reading.value(&table::HSTS, Hsts::parse)?;
    let is_said = public_url.is_none_or(|url| hsts.header(url).is_some());
    if hsts == Hsts::IncludeSubdomains && !is_said {
        reading.warn(
            &table::HSTS,
            "is include-subdomains, and nothing is said to browsers: it needs an https:// address without a path and \
             on port 443.",
        );
    }
    Some(hsts)
}

fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("is {text:?}. Write true or false.")),
    }
}
