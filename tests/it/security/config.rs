//! G: settings that would not be safe. Each stops the start with exit code 2 and a line that says what to mend,
//! before anything listens. Every rule alone is tested in `tests/settings`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use stackdeck::sandbox::{Options, Sandbox};

use crate::harness::free_port;

use super::process::{SECRET, Served, serve_for_a_while, settings, stackdeck};
use super::tally::{Kind, note};

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + String::from_utf8_lossy(&output.stderr).as_ref()
}

fn private(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The case, a setting, its value (`HERE` is a folder), and the words that say what is wrong.
const UNSAFE: &[(&str, &str, &str, &str)] = &[
    ("G01", "STACKDECK_SECRET", "", "STACKDECK_SECRET is not set"),
    ("G01", "STACKDECK_SECRET", "c2hvcnQ=", "too short"),
    (
        "G01",
        "STACKDECK_SECRET",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "one byte over and over",
    ),
    (
        "G01",
        "STACKDECK_SECRET",
        "Q09QSUVEIEZST00gVEhFIEVYQU1QTEUgSVMgTk8gU0VDUkVU",
        "the example from",
    ),
    ("G02", "CLOUD66_URL", "http://app.cloud66.com", "http://"),
    (
        "G02",
        "CLOUD66_URL",
        "https://me:hunter2@app.cloud66.com",
        "user name or password",
    ),
    (
        "G02",
        "CLOUD66_URL",
        "https://app.cloud66.com?x=hunter2",
        "? or #",
    ),
    ("G02", "CLOUD66_URL", "https://app.cloud66.com#hunter2", "? or #"),
    (
        "G03",
        "STACKDECK_PUBLIC_URL",
        "http://deck.example.com",
        "begins with http://",
    ),
    (
        "G03",
        "STACKDECK_PUBLIC_URL",
        "http://127.0.0.1.example.com",
        "begins with http://",
    ),
    (
        "G03",
        "STACKDECK_PUBLIC_URL",
        "http://0.0.0.0:8066",
        "begins with http://",
    ),
    ("G04", "STACKDECK_SECRET_FILE", "HERE/for-all", "chmod 600"),
    ("G04", "STACKDECK_SECRET_FILE", "HERE/for-the-group", "chmod 600"),
    ("G04", "STACKDECK_SECRET_FILE", "HERE/empty", "empty"),
    ("G04", "STACKDECK_SECRET_FILE", "HERE/not-there", "cannot be read"),
    ("G04", "CLOUD66_CLIENT_SECRET_FILE", "HERE/for-all", "chmod 600"),
    (
        "G04",
        "STACKDECK_DATABASE_URL",
        "sqlite:HERE/open.db",
        "chmod 600",
    ),
    ("G04", "STACKDECK_DATABASE_URL", "sqlite:HERE/no.db", "no.db"),
    ("G08", "CLOUD66_REDIRECT", "callback,oob", "Write callback or oob"),
    (
        "P06",
        "STACKDECK_TRUSTED_PROXIES",
        "0.0.0.0/0",
        "takes in strangers",
    ),
    ("P06", "STACKDECK_TRUSTED_PROXIES", "::/0", "takes in strangers"),
    (
        "A11",
        "STACKDECK_METRICS_BIND",
        "everywhere",
        "IP address and a port",
    ),
    (
        "G07",
        "STACKDECK_CONFIRM",
        "nevr",
        "Write production, always or never",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_safe_does_not_start() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, text, mode) in [
        ("for-all", SECRET, 0o644),
        ("for-the-group", SECRET, 0o640),
        ("empty", "", 0o600),
        ("open.db", "", 0o644),
        ("no.db", "these are notes", 0o600),
    ] {
        private(&folder.path().join(name), text, mode);
    }
    let here = folder.path().display().to_string();
    for (case, name, value, expected) in UNSAFE {
        let value = value.replace("HERE", &here);
        let port = free_port();
        let mut command = serve_for_a_while(folder.path());
        command
            .envs(settings(&sandbox, port))
            .env("STACKDECK_DATABASE_URL", format!("sqlite:{here}/good.db"))
            .env(name, &value);
        if let Some(of_file) = name.strip_suffix("_FILE") {
            command.env_remove(of_file);
        }
        let output = command.output().unwrap();
        let words = words(&output);
        assert_eq!(output.status.code(), Some(2), "{case} {name}={value}: {words}");
        assert!(words.contains(expected), "{case} {name}={value}: {words}");
        assert!(
            !words.contains("hunter2") && !words.contains(SECRET),
            "{case}: {words}"
        );
        assert!(!words.contains("ready"), "{case} {name}={value}: {words}");
        note(Kind::BadInput, case);
    }
    sandbox.stop().await;
}

/// G04: what belongs to somebody else can be read and changed by somebody else, whatever its mode. Only root can
/// give files away, so elsewhere the rule alone is tested (`belongs_to_another`).
#[tokio::test(flavor = "multi_thread")]
async fn files_of_another_user_are_refused() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    let database = folder.path().join("deck.db");
    private(&secret, SECRET, 0o600);
    private(&database, "", 0o600);
    let given_away = [&secret, &database]
        .iter()
        .all(|path| std::os::unix::fs::chown(path, Some(65_534), None).is_ok());
    if !given_away {
        return;
    }
    for (name, value) in [
        ("STACKDECK_SECRET_FILE", secret.display().to_string()),
        ("STACKDECK_DATABASE_URL", format!("sqlite:{}", database.display())),
    ] {
        let mut command = serve_for_a_while(folder.path());
        command.envs(settings(&sandbox, free_port())).env(name, &value);
        if name.ends_with("_FILE") {
            command.env_remove("STACKDECK_SECRET");
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {}", words(&output));
        assert!(
            words(&output).contains("belongs to another user"),
            "{name}: {}",
            words(&output)
        );
        note(Kind::BadInput, "G04");
    }
    sandbox.stop().await;
}

/// G06: what every user of the machine can see of a process.
#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_processes_holds_no_secret() {
    let mut served = Served::start_in("true").await;
    let seen = std::fs::read(format!("/proc/{}/cmdline", served.pid())).unwrap();
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert!(seen.contains("serve"), "{seen}");
    for secret in [SECRET, served.sandbox.client_secret()] {
        assert!(!seen.contains(secret), "{seen}");
    }
    // The database that it made is for its owner alone.
    let mode = std::fs::metadata(served.folder.path().join("stackdeck.db")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    assert!(served.terminate().success());
    note(Kind::Check, "G06");
}

/// G06: nor can a secret be given as an option, where it would stand in that list.
#[test]
fn no_option_takes_a_secret() {
    let help = Command::new(env!("CARGO_BIN_EXE_stackdeck"))
        .args(["serve", "--help"])
        .output()
        .unwrap();
    let help = words(&help);
    for setting in stackdeck::config::SETTINGS
        .iter()
        .filter(|setting| setting.secret)
    {
        let takes_it = help
            .lines()
            .any(|line| line.trim_start().starts_with(&format!("--{} ", setting.option)));
        assert!(!takes_it, "--{} takes a secret: {help}", setting.option);
        note(Kind::Check, "G06");
    }
}

/// G09: a check before an upgrade changes nothing: it makes no database, and migrates none.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_leaves_the_database_as_it_is() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let check = || {
        stackdeck("true", "check", folder.path())
            .envs(settings(&sandbox, free_port()))
            .output()
            .unwrap()
    };
    let first = check();
    assert!(first.status.success(), "{}", words(&first));
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "{}",
        words(&first)
    );
    note(Kind::Check, "G09");

    // T08: what it prints of the settings holds no secret.
    for secret in [SECRET, sandbox.client_secret()] {
        assert!(!words(&first).contains(secret), "{}", words(&first));
    }
    note(Kind::Check, "T08");

    let file = folder.path().join("stackdeck.db");
    private(&file, "", 0o600);
    let second = check();
    assert!(second.status.success(), "{}", words(&second));
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 0, "it was migrated");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    private(&file, "these are notes", 0o600);
    let third = check();
    assert_eq!(third.status.code(), Some(1), "{}", words(&third));
    note(Kind::Check, "G09");
    sandbox.stop().await;
}
