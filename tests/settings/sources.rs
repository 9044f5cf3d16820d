//! Where values come from: options, environment, `.env`, and files for secrets, none of which is shown.

use std::collections::HashMap;

use secrecy::ExposeSecret as _;
use stackdeck::config::{DatabaseUrl, Mode, SETTINGS, Settings, Sources};

use super::{SECRET, read};

#[test]
fn a_command_line_option_wins_over_the_environment_and_that_over_dotenv() {
    let map = |value: &str| HashMap::from([("STACKDECK_LOG".to_owned(), value.to_owned())]);
    for (options, environment, dotenv, expected) in [
        ("error", "warn", "debug", Some("error")),
        (" ", "warn", "debug", Some("warn")),
        ("", "", "debug", Some("debug")),
        ("", "", "", None),
    ] {
        let sources = Sources {
            options: map(options),
            environment: map(environment),
            dotenv: map(dotenv),
        };
        assert_eq!(sources.lookup("STACKDECK_LOG", Mode::Serve).as_deref(), expected);
    }
}

#[test]
fn the_demo_takes_nothing_real_from_outside() {
    let all: HashMap<String, String> = SETTINGS
        .iter()
        .map(|setting| (setting.name.to_owned(), "outside".to_owned()))
        .collect();
    let options = HashMap::from([("CLOUD66_URL".to_owned(), "http://localhost:1".to_owned())]);
    let sources = Sources {
        options,
        environment: all.clone(),
        dotenv: all,
    };

    assert_eq!(
        sources.lookup("CLOUD66_URL", Mode::Demo).as_deref(),
        Some("http://localhost:1")
    );
    for name in [
        "STACKDECK_SECRET",
        "STACKDECK_DATABASE_URL",
        "STACKDECK_ACCOUNTS",
        "CLOUD66_CLIENT_SECRET_FILE",
    ] {
        assert_eq!(sources.lookup(name, Mode::Demo), None, "{name}");
    }
    for setting in SETTINGS
        .iter()
        .filter(|setting| setting.name.starts_with("CLOUD66_") && setting.name != "CLOUD66_URL")
    {
        assert_eq!(sources.lookup(setting.name, Mode::Demo), None, "{}", setting.name);
    }
    assert_eq!(
        sources.lookup("STACKDECK_LOG", Mode::Demo).as_deref(),
        Some("outside")
    );
    let dotenv_only = Sources {
        environment: HashMap::new(),
        ..sources
    };
    assert_eq!(dotenv_only.lookup("STACKDECK_LOG", Mode::Demo), None);
}

/// Case G07.
#[test]
fn misspelt_names_are_reported_once() {
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| ((*name).to_owned(), "1".to_owned()))
            .collect()
    };
    let sources = Sources {
        environment: names(&["STACKDECK_SECRT", "STACKDECK_BIND", "PATH", "CLOUD66_FOO_BAR_BAZ"]),
        dotenv: names(&["STACKDECK_SECRT", "CLOUD66_CLIENT_SECRET_FILE"]),
        ..Sources::default()
    };
    assert_eq!(
        sources.unknown_names(),
        [
            "CLOUD66_FOO_BAR_BAZ is not a setting of Stackdeck.",
            "STACKDECK_SECRT is not a setting of Stackdeck. Did you mean STACKDECK_SECRET?",
        ]
    );
}

#[cfg(unix)]
#[test]
fn secrets_come_from_files_that_not_everybody_can_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let file = path.to_str().unwrap();
    let values = format!("STACKDECK_SECRET=\nSTACKDECK_SECRET_FILE={file}");

    let words = read(&values).unwrap_err().to_string();
    assert!(
        words.starts_with(&format!(
            "STACKDECK_SECRET_FILE names {file}, which cannot be read"
        )),
        "{words}"
    );

    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    for (mode, accepted, warned) in [
        (0o600, true, false),
        (0o400, true, false),
        // As Kubernetes mounts a secret for an fsGroup.
        (0o440, true, true),
        (0o640, true, true),
        (0o660, true, true),
        (0o604, false, false),
        (0o602, false, false),
        (0o644, false, false),
        (0o444, false, false),
    ] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        match read(&values) {
            Ok(settings) => {
                assert!(accepted, "{mode:o} was accepted");
                assert_eq!(settings.secrets.first(), (0..32).collect::<Vec<u8>>());
                let told = settings.warnings.iter().any(|words| {
                    words.starts_with(&format!("STACKDECK_SECRET_FILE names {file}, which its group ("))
                });
                assert_eq!(told, warned, "{mode:o}: {:?}", settings.warnings);
            }
            Err(mistakes) => {
                assert!(!accepted, "{mode:o}: {mistakes}");
                assert!(
                    mistakes.to_string().starts_with(&format!(
                        "STACKDECK_SECRET_FILE names {file}, which every user of this machine can read or change. \
                         Run: chmod o-rwx {file}"
                    )),
                    "{mode:o}: {mistakes}"
                );
            }
        }
    }

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    for (content, words) in [
        (String::new(), "which is empty"),
        ("A".repeat(70_000), "which is larger than 64 KiB"),
    ] {
        std::fs::write(&path, content).unwrap();
        let text = read(&values).unwrap_err().to_string();
        assert!(text.contains(words), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn every_secret_can_come_from_a_file() {
    let files = HashMap::from([
        ("/run/secrets/key", SECRET),
        ("/run/secrets/id", "the-id\n"),
        ("/run/secrets/client", "client-secret\r\n"),
        ("/run/secrets/db", "postgres://u:p@h/d\n"),
    ]);
    let values = HashMap::from([
        ("STACKDECK_SECRET_FILE", "/run/secrets/key"),
        ("CLOUD66_CLIENT_ID_FILE", "/run/secrets/id"),
        ("CLOUD66_CLIENT_SECRET_FILE", "/run/secrets/client"),
        ("STACKDECK_DATABASE_URL_FILE", "/run/secrets/db"),
    ]);
    let settings = Settings::read_with(
        |name| values.get(name).map(|value| (*value).to_owned()),
        |path| Ok(files[path.to_str().unwrap()].to_owned().into()),
        Mode::Serve,
    )
    .unwrap();

    let client = settings.cloud66.client.unwrap();
    assert_eq!(
        (client.id.as_str(), client.secret.expose_secret()),
        ("the-id", "client-secret")
    );
    let DatabaseUrl::Postgres { url } = settings.database else {
        panic!("not PostgreSQL")
    };
    assert_eq!(url.expose_secret(), "postgres://u:p@h/d");
    for setting in SETTINGS.iter().filter(|setting| setting.secret) {
        assert!(
            setting.file,
            "{} is a secret that cannot come from a file",
            setting.name
        );
    }
}

/// Case T08.
#[test]
fn nothing_secret_is_shown() {
    let secrets = ["top-secret-client", SECRET, "hunter2", "dbuser"];
    let settings = read(
        "STACKDECK_DATABASE_URL=postgres://dbuser:hunter2@db/deck?password=hunter2\n\
         CLOUD66_CLIENT_ID=the-id\n\
         CLOUD66_CLIENT_SECRET=top-secret-client",
    )
    .unwrap();
    let described = settings.describe();
    let shown = format!("{settings:?} {settings:#?} {described:?} {}", settings.database);

    for secret in secrets {
        assert!(!shown.contains(secret), "{secret} is shown: {shown}");
    }
    // The secret's bytes as a list of numbers would be it, too.
    assert!(!shown.contains("0, 1, 2, 3"), "{shown}");
    let value = |name: &str| {
        described
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap()
            .1
            .as_str()
    };
    assert_eq!(value("STACKDECK_SECRET"), "[redacted]");
    assert_eq!(value("CLOUD66_CLIENT_SECRET"), "[redacted]");
    assert_eq!(value("CLOUD66_CLIENT_ID"), "the-id");
    assert_eq!(value("STACKDECK_DATABASE_URL"), "postgres://[redacted]@db/deck");
}
