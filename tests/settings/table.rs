//! The table of settings: sound in itself, equal to `.env.example` and to what is in effect.

use stackdeck::config::{Fallback, SETTINGS, env_example};

use super::read;

#[test]
fn the_table_is_sound() {
    for (at, setting) in SETTINGS.iter().enumerate() {
        let short = setting.name.strip_prefix("STACKDECK_").unwrap_or(setting.name);
        assert_eq!(
            setting.option,
            short.to_lowercase().replace('_', "-"),
            "{}",
            setting.name
        );
        assert!(setting.meaning.ends_with('.'), "{}", setting.name);
        assert!(
            !SETTINGS[..at].iter().any(|earlier| earlier.name == setting.name),
            "{} twice",
            setting.name
        );
        // Each example is a value that is accepted, except the secret's, which must not be.
        let other = match setting.name {
            "CLOUD66_CLIENT_ID" => "\nCLOUD66_CLIENT_SECRET=x",
            "CLOUD66_CLIENT_SECRET" => "\nCLOUD66_CLIENT_ID=x",
            _ => "",
        };
        let read = read(&format!("{}={}{other}", setting.name, setting.example));
        assert_eq!(
            read.is_ok(),
            setting.name != "STACKDECK_SECRET",
            "{}: {read:?}",
            setting.name
        );
    }
}

#[test]
fn the_description_holds_every_setting_as_it_would_be_written() {
    let settings = read("").unwrap();
    let described = settings.describe();

    let names: Vec<_> = described.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>()
    );
    for (setting, (_, value)) in SETTINGS.iter().zip(&described) {
        let expected = match setting.fallback {
            _ if setting.name == "STACKDECK_SECRET" => "[redacted]",
            Fallback::Value(value) => value,
            Fallback::Words(words) => words,
        };
        assert_eq!(value, expected, "{}", setting.name);
    }
}

#[test]
fn the_example_file_says_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example");
    if std::fs::read_to_string(path).unwrap_or_default() != env_example() {
        let wanted = concat!(env!("CARGO_TARGET_TMPDIR"), "/env.example");
        std::fs::write(wanted, env_example()).unwrap();
        panic!(".env.example differs from the settings. Read the new one, then: cp {wanted} {path}");
    }
}
