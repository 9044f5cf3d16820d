//! Which database, and where.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::spelling;

const REMEDY: &str =
    "Write sqlite: and a file, such as sqlite:stackdeck.db, or postgres://user:password@host/database.";

/// Where sessions, sign-ins and the ledger are kept.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite {
        /// Relative to the folder in which the program was started, unless absolute. `:memory:` in the demo.
        path: PathBuf,
    },
    /// A PostgreSQL database.
    Postgres {
        /// The whole address, with its password.
        url: SecretString,
    },
}

impl DatabaseUrl {
    /// Takes the setting's text. The error reads on from the setting's name and repeats nothing of the text:
    /// it may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Self::sqlite(path.strip_prefix("//").unwrap_or(path));
        }
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return Self::postgres(text);
        }
        Err(format!("is neither SQLite nor PostgreSQL. {REMEDY}"))
    }

    /// Whether it is kept in memory, and gone with the process.
    pub fn is_in_memory(&self) -> bool {
        matches!(self, Self::Sqlite { path } if path.as_os_str() == ":memory:")
    }

    fn sqlite(path: &str) -> Result<Self, String> {
        if path.is_empty() {
            return Err(format!("names no file. {REMEDY}"));
        }
        if path.contains(['?', '#', '\0']) {
            return Err(format!(
                "has options after the file, and there are none. {REMEDY}"
            ));
        }
        Ok(Self::Sqlite {
            path: PathBuf::from(path),
        })
    }

    fn postgres(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|_| {
            format!(
                "is not a full PostgreSQL address (write %40 for @ and %2F for / in a password). {REMEDY}"
            )
        })?;
        // A socket's folder stands in ?host=, with no host before it.
        let names_host = url.has_host() || url.query_pairs().any(|(name, _)| name == "host");
        if !names_host {
            return Err(format!("names no host. {REMEDY}"));
        }
        if url.path().trim_matches('/').is_empty() {
            return Err(format!("names no database. {REMEDY}"));
        }
        check_parameters(&url)?;
        Ok(Self::Postgres {
            url: text.to_owned().into(),
        })
    }
}

/// The parameters that an address may have, as libpq names them and as other programs spell them; and
/// `options[NAME]`, one of the server's own settings.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];

/// How a connection is protected (postgresql.org/docs/current/libpq-ssl.html).
const SSL_MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// A parameter that is not known would be passed over, and with it what it was to protect. The error repeats nothing
/// but names of ours: a password that is not escaped can look like a parameter.
fn check_parameters(url: &Url) -> Result<(), String> {
    let mut seen: Vec<String> = Vec::new();
    for (at, (name, value)) in url.query_pairs().enumerate() {
        let known = match name
            .strip_prefix("options[")
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(setting) => !setting.is_empty(),
            None => PARAMETERS.contains(&&*name),
        };
        if !known {
            let near = PARAMETERS.iter().find(|known| spelling::is_near(&name, known));
            let did_you_mean = near
                .map(|near| format!(" Did you mean {near}?"))
                .unwrap_or_default();
            return Err(format!(
                "has a parameter after the ? (number {}) that is not known.{did_you_mean} Known are sslmode, \
                 sslrootcert, sslcert, sslkey, host, port, dbname, user, password, application_name and options.",
                at + 1
            ));
        }
        if seen.iter().any(|seen| *seen == name) {
            return Err(format!("has the parameter {name} twice. Keep one of them."));
        }
        let is_good = match &*name {
            "sslmode" | "ssl-mode" => SSL_MODES.contains(&&*value),
            "port" => value.parse::<u16>().is_ok(),
            "hostaddr" => value.parse::<std::net::IpAddr>().is_ok(),
            "statement-cache-capacity" => value.parse::<usize>().is_ok(),
            _ => true,
        };
        if !is_good {
            let wanted = match &*name {
                "port" | "statement-cache-capacity" => "a number".to_owned(),
                "hostaddr" => "an IP address".to_owned(),
                _ => SSL_MODES.join(", "),
            };
            return Err(format!("has a {name} that cannot be used. Write {wanted}."));
        }
        seen.push(name.into_owned());
    }
    Ok(())
}

/// Without user name, password and options: what is left tells where it is, and nothing else.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite:{}", path.display()),
            Self::Postgres { url } => {
                let url = Url::parse(url.expose_secret()).map_err(|_| fmt::Error)?;
                let host = url.host_str().unwrap_or_default();
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                write!(f, "postgres://[redacted]@{host}{port}{}", url.path())
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
