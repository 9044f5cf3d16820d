//! The settings as data: one row each, in the order in which a newcomer meets them.
//!
//! The command line's options, `.env.example` and the documents are made from this table, and the parsers
//! take their defaults from it, so that none of them can say anything else.

use std::fmt::Write as _;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// The command-line option without its dashes. For a [secret](Self::secret) only `{option}-file` exists:
    /// a value on the command line can be read by every user of the machine (`ps`).
    pub option: &'static str,
    /// What holds when it is not set.
    pub fallback: Fallback,
    /// What it means, in one or two sentences.
    pub meaning: &'static str,
    /// A value that could stand there.
    pub example: &'static str,
    /// Whether its value may be a secret, and is therefore never shown.
    pub secret: bool,
    /// Whether `{name}_FILE` may name a file that holds the value.
    pub file: bool,
    /// Whether `stackdeck demo` takes it from the environment. It leaves out what would bind it to a real
    /// Cloud 66, a real database or a real team.
    pub in_demo: bool,
}

/// What holds when a setting is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// The same as if this text had been set.
    Value(&'static str),
    /// No value; what that means, in words.
    Words(&'static str),
}

impl Setting {
    /// The name of the variable that names a file with the value.
    pub fn file_name(&self) -> String {
        format!("{}_FILE", self.name)
    }

    /// The default as text, where there is one.
    pub fn default_value(&self) -> Option<&'static str> {
        match self.fallback {
            Fallback::Value(value) => Some(value),
            Fallback::Words(_) => None,
        }
    }
}

/// What a setting is unless its row says otherwise: not a secret, no file, read by the demo too.
const PLAIN: Setting = Setting {
    name: "",
    option: "",
    fallback: Fallback::Words(""),
    meaning: "",
    example: "",
    secret: false,
    file: false,
    in_demo: true,
};

pub(super) const PUBLIC_URL: Setting = Setting {
    name: "STACKDECK_PUBLIC_URL",
    option: "public-url",
    fallback: Fallback::Value("http://localhost:8066"),
    meaning: "The address that people open; may have a path prefix. The callback URL to register with \
              Cloud 66 is this + /oauth/callback. Not set, its port follows STACKDECK_BIND.",
    example: "https://deck.example.com",
    ..PLAIN
};

pub(super) const BIND: Setting = Setting {
    name: "STACKDECK_BIND",
    option: "bind",
    fallback: Fallback::Value("127.0.0.1:8066"),
    meaning: "Where to listen: an IP address and a port.",
    example: "0.0.0.0:8066",
    ..PLAIN
};

pub(super) const SECRET: Setting = Setting {
    name: "STACKDECK_SECRET",
    option: "secret",
    fallback: Fallback::Words("none, and serve needs it"),
    meaning: "32 random bytes or more in base64; seals sessions and tokens. A comma-separated list rotates: \
              the first seals, all of them open.",
    example: EXAMPLE_SECRET,
    secret: true,
    file: true,
    in_demo: false,
};

/// The secret that `.env.example` shows. It is public, so it is refused (`config::secrets`).
pub(super) const EXAMPLE_SECRET: &str = "Q09QSUVEIEZST00gVEhFIEVYQU1QTEUgSVMgTk8gU0VDUkVU";

pub(super) const DATABASE_URL: Setting = Setting {
    name: "STACKDECK_DATABASE_URL",
    option: "database-url",
    fallback: Fallback::Value("sqlite:stackdeck.db"),
    meaning: "Where sessions and the ledger of redeploys are kept: a SQLite file, or PostgreSQL when several \
              instances run behind one address.",
    example: "postgres://stackdeck:password@db.internal/stackdeck",
    secret: true,
    file: true,
    in_demo: false,
};

pub(super) const CLIENT_ID: Setting = Setting {
    name: "CLOUD66_CLIENT_ID",
    option: "cloud66-client-id",
    fallback: Fallback::Words("none: only the setup page is shown"),
    meaning: "The Application Id that Cloud 66 shows for your application.",
    example: "7f8e0c1d",
    file: true,
    in_demo: false,
    ..PLAIN
};

pub(super) const CLIENT_SECRET: Setting = Setting {
    name: "CLOUD66_CLIENT_SECRET",
    option: "cloud66-client-secret",
    fallback: Fallback::Words("none: only the setup page is shown"),
    meaning: "The Secret that Cloud 66 shows beside the Application Id.",
    example: "1d0c8e7f",
    secret: true,
    file: true,
    in_demo: false,
};

pub(super) const CLOUD66_URL: Setting = Setting {
    name: "CLOUD66_URL",
    option: "cloud66-url",
    fallback: Fallback::Value("https://app.cloud66.com"),
    meaning: "Where Cloud 66 is: the origin of /oauth/ and /api/.",
    example: "http://localhost:8067",
    in_demo: false,
    ..PLAIN
};

pub(super) const API_VERSION: Setting = Setting {
    name: "CLOUD66_API_VERSION",
    option: "cloud66-api-version",
    fallback: Fallback::Value("3"),
    meaning: "2 speaks the older dialect, without history and actions; the pages say what is missing.",
    example: "2",
    in_demo: false,
    ..PLAIN
};

pub(super) const SCOPES: Setting = Setting {
    name: "CLOUD66_SCOPES",
    option: "cloud66-scopes",
    fallback: Fallback::Value("public redeploy"),
    meaning: "What is asked for at sign-in, separated by commas or spaces.",
    example: "public",
    in_demo: false,
    ..PLAIN
};

pub(super) const REDIRECT: Setting = Setting {
    name: "CLOUD66_REDIRECT",
    option: "cloud66-redirect",
    fallback: Fallback::Value("callback"),
    meaning: "callback, or oob: no callback, people paste the code that Cloud 66 shows them.",
    example: "oob",
    in_demo: false,
    ..PLAIN
};

pub(super) const PKCE: Setting = Setting {
    name: "CLOUD66_PKCE",
    option: "cloud66-pkce",
    fallback: Fallback::Value("auto"),
    meaning: "on, off, or auto: ask the token endpoint once whether it refuses a verifier; S256 if not.",
    example: "off",
    in_demo: false,
    ..PLAIN
};

pub(super) const ACCOUNTS: Setting = Setting {
    name: "STACKDECK_ACCOUNTS",
    option: "accounts",
    fallback: Fallback::Words("members of any account"),
    meaning: "Ids of the Cloud 66 accounts whose members may sign in, separated by commas.",
    example: "1234,5678",
    in_demo: false,
    ..PLAIN
};

pub(super) const CONFIRM: Setting = Setting {
    name: "STACKDECK_CONFIRM",
    option: "confirm",
    fallback: Fallback::Value("production"),
    meaning: "When to ask before a redeploy: production, always or never.",
    example: "always",
    ..PLAIN
};

pub(super) const PRODUCTION: Setting = Setting {
    name: "STACKDECK_PRODUCTION",
    option: "production",
    fallback: Fallback::Value("prod*,live*"),
    meaning: "Environments that count as production, separated by commas; * stands for any text, and capital \
              and small letters are the same.",
    example: "production,*-live",
    ..PLAIN
};

pub(super) const SESSION_IDLE: Setting = Setting {
    name: "STACKDECK_SESSION_IDLE",
    option: "session-idle",
    fallback: Fallback::Value("12h"),
    meaning: "A session ends when it was not used for this long: a number and s, m, h or d.",
    example: "30m",
    ..PLAIN
};

pub(super) const SESSION_LIFETIME: Setting = Setting {
    name: "STACKDECK_SESSION_LIFETIME",
    option: "session-lifetime",
    fallback: Fallback::Value("7d"),
    meaning: "A session ends this long after sign-in, however much it is used.",
    example: "1d",
    ..PLAIN
};

pub(super) const TRUSTED_PROXIES: Setting = Setting {
    name: "STACKDECK_TRUSTED_PROXIES",
    option: "trusted-proxies",
    fallback: Fallback::Words("none"),
    meaning: "Networks or addresses of your reverse proxies, separated by commas; only their X-Forwarded-For \
              is believed. Without it all visitors behind a proxy share one connection limit.",
    example: "127.0.0.1,10.0.0.0/8",
    ..PLAIN
};

pub(super) const METRICS_BIND: Setting = Setting {
    name: "STACKDECK_METRICS_BIND",
    option: "metrics-bind",
    fallback: Fallback::Words("off"),
    meaning: "A second listener, for /metrics only: an IP address and a port.",
    example: "127.0.0.1:9066",
    ..PLAIN
};

pub(super) const HSTS: Setting = Setting {
    name: "STACKDECK_HSTS",
    option: "hsts",
    fallback: Fallback::Value("host"),
    meaning: "What browsers are told with https (HSTS): host, to use only https for this host; include-subdomains, \
              also for every name below it; or off. Below a path prefix or on another port than 443 it is always off.",
    example: "include-subdomains",
    ..PLAIN
};

pub(super) const LOG: Setting = Setting {
    name: "STACKDECK_LOG",
    option: "log",
    fallback: Fallback::Value("info"),
    meaning: "What is logged: error, warn, info, debug or trace, for all or per module.",
    example: "info,stackdeck::cloud66=debug",
    ..PLAIN
};

pub(super) const LOG_FORMAT: Setting = Setting {
    name: "STACKDECK_LOG_FORMAT",
    option: "log-format",
    fallback: Fallback::Value("text"),
    meaning: "text, or json with one object a line.",
    example: "json",
    ..PLAIN
};

pub(super) const INSECURE_HTTP: Setting = Setting {
    name: "STACKDECK_INSECURE_HTTP",
    option: "insecure-http",
    fallback: Fallback::Value("false"),
    meaning: "true permits plain http for hosts other than this machine: everybody on the way can then read \
              sessions and sign in as the people who use it.",
    example: "true",
    ..PLAIN
};

/// Every setting, in the order in which they are documented.
pub const SETTINGS: &[Setting] = &[
    PUBLIC_URL,
    BIND,
    SECRET,
    DATABASE_URL,
    CLIENT_ID,
    CLIENT_SECRET,
    CLOUD66_URL,
    API_VERSION,
    SCOPES,
    REDIRECT,
    PKCE,
    ACCOUNTS,
    CONFIRM,
    PRODUCTION,
    SESSION_IDLE,
    SESSION_LIFETIME,
    TRUSTED_PROXIES,
    METRICS_BIND,
    HSTS,
    LOG,
    LOG_FORMAT,
    INSECURE_HTTP,
];

/// The whole text of `.env.example`.
pub fn env_example() -> String {
    let mut text = String::from(EXAMPLE_HEAD);
    for setting in SETTINGS {
        text.push('\n');
        for line in wrapped(setting.meaning) {
            let _ = writeln!(text, "# {line}");
        }
        let default = match setting.fallback {
            Fallback::Value(value) => value,
            Fallback::Words(words) => words,
        };
        let _ = writeln!(text, "# Default: {default}");
        if setting.file {
            let _ = writeln!(text, "# Or from a file: {}", setting.file_name());
        }
        let _ = writeln!(text, "#{}={}", setting.name, setting.example);
    }
    text
}

const EXAMPLE_HEAD: &str = "\
# Settings of Stackdeck. Copy this file to .env and take the # away from the lines that you need.
# `stackdeck serve` and `stackdeck check` read .env from the folder in which they are started. The environment
# wins over .env, and a command-line option (stackdeck serve --help) over both. A blank value means not set.
#
# The file can also be read by Docker (--env-file), systemd (EnvironmentFile=) and a shell (set -a; . ./.env). They
# agree on lines like the ones below: no quotation marks, no spaces in a value, no comment after one.
#
# Files: a setting whose name ends in _FILE names a file that holds the value. The file must not be readable by every
# user of the machine, except below /run/secrets and systemd's CREDENTIALS_DIRECTORY, where secrets are for one
# container or one service.
";

/// The words of `text` in lines that fit the width of the file.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 108;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
