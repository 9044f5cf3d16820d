//! The settings: each rule with the words that mend its mistake, all mistakes at once, nothing secret shown,
//! and `.env.example` equal to the code.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test ends where its own words are wrong"
)]

mod public_url;
mod readers;
mod rules;
mod sources;
mod table;

use std::collections::HashMap;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use stackdeck::config::{
    ApiVersion, Confirm, DatabaseUrl, Hsts, LogFormat, Mistakes, Mode, Pkce, Redirect, Settings,
};

/// 32 bytes: 0, 1, 2 …
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// 32 other bytes, which need `-` and `_` in the URL-safe alphabet, without padding.
const URL_SAFE_SECRET: &str = "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA";

/// Reads the given values, one `NAME=value` a line, over the least that `serve` needs. An empty value takes a
/// name away.
fn read(values: &str) -> Result<Settings, Mistakes> {
    read_for(Mode::Serve, values)
}

fn read_for(mode: Mode, values: &str) -> Result<Settings, Mistakes> {
    let mut all = HashMap::from([("STACKDECK_SECRET", SECRET)]);
    all.extend(
        values
            .lines()
            .map(|line| line.split_once('=').expect("NAME=value")),
    );
    Settings::read(|name| all.get(name).map(|value| (*value).to_owned()), mode)
}

#[test]
fn a_secret_is_all_that_serve_needs() {
    let settings = read("").unwrap();

    assert_eq!(settings.public_url.to_string(), "http://localhost:8066");
    assert_eq!(
        settings.public_url.callback(),
        "http://localhost:8066/oauth/callback"
    );
    assert_eq!(settings.bind.to_string(), "127.0.0.1:8066");
    assert_eq!(settings.secrets.first(), (0..32).collect::<Vec<u8>>());
    assert_eq!(settings.database.to_string(), "sqlite:stackdeck.db");
    assert!(settings.cloud66.client.is_none());
    assert_eq!(settings.cloud66.url.as_str(), "https://app.cloud66.com/");
    assert_eq!(settings.cloud66.api_version, ApiVersion::V3);
    assert_eq!(settings.cloud66.scopes, ["public", "redeploy"]);
    assert_eq!(settings.cloud66.redirect, Redirect::Callback);
    assert_eq!(settings.cloud66.pkce, Pkce::Auto);
    assert_eq!(settings.accounts, None);
    assert_eq!(settings.confirm, Confirm::Production);
    assert!(settings.production.matches("Production") && !settings.production.matches("staging"));
    assert_eq!(settings.session.idle, Duration::from_hours(12));
    assert_eq!(settings.session.lifetime, Duration::from_hours(7 * 24));
    assert!(settings.trusted_proxies.is_empty());
    assert_eq!(settings.metrics_bind, None);
    assert_eq!(
        (settings.log.as_str(), settings.log_format),
        ("info", LogFormat::Text)
    );
    assert!(!settings.insecure_http);
    assert_eq!(settings.warnings, Vec::<String>::new());
}

#[test]
fn each_setting_takes_its_values() {
    let settings = read(&format!(
        "STACKDECK_PUBLIC_URL=https://Example.com:8443/tools/deck/\n\
         STACKDECK_BIND=[::1]:9000\n\
         STACKDECK_SECRET={URL_SAFE_SECRET} , {SECRET}\n\
         STACKDECK_DATABASE_URL=postgresql://me:p%40ss@db.internal:5433/deck?sslmode=require\n\
         CLOUD66_CLIENT_ID=id\n\
         CLOUD66_CLIENT_SECRET=  client-secret\n\
         CLOUD66_URL=http://127.0.0.1:8067/\n\
         CLOUD66_API_VERSION=2\n\
         CLOUD66_SCOPES=public  users public\n\
         CLOUD66_REDIRECT=oob\n\
         CLOUD66_PKCE=off\n\
         STACKDECK_ACCOUNTS=12, 34,\n\
         STACKDECK_CONFIRM=never\n\
         STACKDECK_PRODUCTION=eu-*\n\
         STACKDECK_SESSION_IDLE=90s\n\
         STACKDECK_SESSION_LIFETIME=30m\n\
         STACKDECK_TRUSTED_PROXIES=127.0.0.1, 10.1.2.3/8,fd00::/8\n\
         STACKDECK_METRICS_BIND=127.0.0.1:9066\n\
         STACKDECK_HSTS=include-subdomains\n\
         STACKDECK_LOG=warn,stackdeck::web=TRACE\n\
         STACKDECK_LOG_FORMAT=json\n\
         STACKDECK_INSECURE_HTTP=true"
    ))
    .unwrap();

    assert_eq!(
        settings.public_url.to_string(),
        "https://example.com:8443/tools/deck"
    );
    assert_eq!(settings.bind.to_string(), "[::1]:9000");
    let secrets: Vec<_> = settings.secrets.iter().map(<[u8]>::to_vec).collect();
    assert_eq!(
        secrets,
        [(224..=255).rev().collect::<Vec<u8>>(), (0..32).collect()]
    );
    let DatabaseUrl::Postgres { url } = &settings.database else {
        panic!("{:?}", settings.database)
    };
    assert_eq!(
        url.expose_secret(),
        "postgresql://me:p%40ss@db.internal:5433/deck?sslmode=require"
    );
    let client = settings.cloud66.client.as_ref().unwrap();
    assert_eq!(
        (client.id.as_str(), client.secret.expose_secret()),
        ("id", "client-secret")
    );
    assert_eq!(settings.cloud66.url.as_str(), "http://127.0.0.1:8067/");
    assert_eq!(settings.cloud66.api_version.number(), 2);
    assert_eq!(settings.cloud66.scopes, ["public", "users"]);
    assert_eq!(settings.cloud66.redirect, Redirect::OutOfBand);
    assert_eq!(settings.cloud66.pkce, Pkce::Off);
    assert_eq!(settings.accounts, Some(vec![12, 34]));
    assert_eq!(settings.confirm, Confirm::Never);
    assert!(settings.production.matches("EU-1") && !settings.production.matches("production"));
    assert_eq!(settings.session.idle, Duration::from_secs(90));
    assert_eq!(settings.session.lifetime, Duration::from_mins(30));
    let proxies: Vec<_> = settings.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]);
    assert_eq!(settings.metrics_bind.unwrap().port(), 9066);
    assert_eq!(settings.hsts, Hsts::IncludeSubdomains);
    assert_eq!(
        (settings.log.as_str(), settings.log_format),
        ("warn,stackdeck::web=TRACE", LogFormat::Json)
    );
    assert!(settings.insecure_http);
}

#[test]
fn databases_are_told_apart() {
    for (text, shown) in [
        ("sqlite:stackdeck.db", "sqlite:stackdeck.db"),
        ("sqlite://data/deck.db", "sqlite:data/deck.db"),
        ("sqlite:///var/lib/deck.db", "sqlite:/var/lib/deck.db"),
        ("postgres://u:p@h/d", "postgres://[redacted]@h/d"),
        (
            "postgres:///d?host=/run/postgresql&password=p",
            "postgres://[redacted]@/d",
        ),
    ] {
        assert_eq!(
            read(&format!("STACKDECK_DATABASE_URL={text}"))
                .unwrap()
                .database
                .to_string(),
            shown,
            "{text}"
        );
    }
    let demo = read_for(Mode::Demo, "STACKDECK_DATABASE_URL=sqlite::memory:").unwrap();
    assert!(demo.database.is_in_memory());
}
