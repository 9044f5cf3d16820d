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
    ("G04", "STACKDECK_SECRET_FILE", "HERE/for-all", "chmod o-rwx"),
    ("G04", "STACKDECK_SECRET_FILE", "HERE/empty", "empty"),
    ("G04", "STACKDECK_SECRET_FILE", "HERE/not-there", "cannot be read"),
    ("G04", "CLOUD66_CLIENT_SECRET_FILE", "HERE/for-all", "chmod o-rwx"),
    (
        "G04",
        "STACKDECK_DATABASE_URL",
        "sqlite:HERE/open.db",
        "chmod o-rwx",
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
        "G41",
        "STACKDECK_PRODUCTION",
        "'prod*,live*'",
        "Write the value without them",
    ),
    (
        "G41",
        "STACKDECK_CONFIRM",
        "always # as agreed",
        "Put the comment on a line of its own",
    ),
    (
        "G42",
        "STACKDECK_DATABASE_URL",
        "postgres://deck@127.0.0.1:9/deck?sslmod=verify-full",
        "Did you mean sslmode?",
    ),
    (
        "G42",
        "STACKDECK_DATABASE_URL",
        "postgres://deck@127.0.0.1:9/deck?sslpassword=hunter2",
        "is not known",
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

/// Nobody's user and group, and two more that nobody has either.
const OWNER: u32 = 65_534;
const GROUP: u32 = 64_321;
const OTHER: u32 = 64_322;

/// A folder as a platform hands it to a service: secret and database belong to `owner` and `group`. None where this
/// user cannot give files away.
fn handed_over(owner: u32, group: u32, mode: u32) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let give = |path: &Path| std::os::unix::fs::chown(path, Some(owner), Some(group)).is_ok();
    for (name, text) in [("secret", SECRET), ("deck.db", "")] {
        private(&folder.path().join(name), text, mode);
        if !give(&folder.path().join(name)) {
            return None;
        }
    }
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o770)).unwrap();
    give(folder.path()).then_some(folder)
}

fn with_files_of(command: &mut Command, folder: &Path, sandbox: &Sandbox) {
    command
        .envs(settings(sandbox, free_port()))
        .env_remove("STACKDECK_SECRET")
        .env("STACKDECK_SECRET_FILE", folder.join("secret"))
        .env(
            "STACKDECK_DATABASE_URL",
            format!("sqlite:{}", folder.join("deck.db").display()),
        );
}

/// G40: root looks at a service's files and ends its sessions, and the service can use them as before. Only root can
/// give files away, so elsewhere the rules alone are tested (`tests/store/opening.rs`, `tests/settings/sources.rs`).
#[tokio::test(flavor = "multi_thread")]
async fn root_works_on_the_files_of_a_service_and_leaves_them_the_services() {
    use std::os::unix::fs::MetadataExt as _;
    let Some(folder) = handed_over(OWNER, GROUP, 0o600) else {
        return;
    };
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let belongs = |path: &Path| {
        let metadata = std::fs::metadata(path).unwrap();
        (metadata.uid(), metadata.gid(), metadata.mode() & 0o777)
    };
    for arguments in ["check", "sessions end --all", "check"] {
        let mut command = stackdeck("true", arguments, folder.path());
        with_files_of(&mut command, folder.path(), &sandbox);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", words(&output));
        assert!(
            !words(&output).contains("chmod") && !words(&output).contains("chown"),
            "{}",
            words(&output)
        );
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(belongs(&path), (OWNER, GROUP, 0o600), "{}", path.display());
        }
        note(Kind::Check, "G40");
    }

    // While it runs as root, the files beside the database are the service's too.
    let mut command = serve_for_a_while(folder.path());
    with_files_of(&mut command, folder.path(), &sandbox);
    let port = free_port();
    let mut serving = command
        .env("STACKDECK_BIND", format!("127.0.0.1:{port}"))
        .spawn()
        .unwrap();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err()
        || !folder.path().join("deck.db-shm").exists()
    {
        assert!(serving.try_wait().unwrap().is_none(), "it ended");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for ending in ["", "-wal", "-shm"] {
        let path = folder.path().join(format!("deck.db{ending}"));
        assert_eq!(belongs(&path), (OWNER, GROUP, 0o600), "{}", path.display());
    }
    let pid = serving.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    serving.wait().unwrap();
    note(Kind::Check, "G40");
    sandbox.stop().await;
}

/// G40: a service that reads its files by a group, whoever their owner is, starts and says so. Nobody is told to take
/// the right away from the other reader.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_a_group_may_use_are_used_with_a_warning() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    for (owner, mode, whom) in [
        // Kubernetes: fsGroup on a volume, and a secret's defaultMode of 0440.
        (OTHER, 0o660, format!("its group ({GROUP})")),
        (0, 0o660, format!("its group ({GROUP})")),
        (OWNER, 0o660, format!("its owner (user {OWNER})")),
    ] {
        let Some(folder) = handed_over(owner, GROUP, mode) else {
            return;
        };
        let program = env!("CARGO_BIN_EXE_stackdeck");
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", &OTHER.to_string(), "--regid", &GROUP.to_string()])
            .args(["--clear-groups", program, "check"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir(folder.path());
        with_files_of(&mut command, folder.path(), &sandbox);
        let output = command.output().unwrap();
        let said = words(&output);
        assert!(output.status.success(), "{owner} {mode:o}: {said}");
        assert_eq!(said.matches(&whom).count(), 2, "{owner} {mode:o}: {said}");
        assert!(!said.contains("chmod") && !said.contains("chown"), "{said}");
        note(Kind::Check, "G40");
    }
    sandbox.stop().await;
}

/// G40: systemd's `LoadCredential=` makes files of mode 0440 with an ACL, in a folder that only it and the service can
/// enter. They are taken as they are, and nothing is said about them.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_systemd_are_taken() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    private(&credentials.join("secret"), SECRET, 0o444);
    for (given, code) in [(Some(&credentials), 0), (None, 1)] {
        let mut command = stackdeck("true", "check", folder.path());
        command
            .envs(settings(&sandbox, free_port()))
            .env_remove("STACKDECK_SECRET")
            .env("STACKDECK_SECRET_FILE", credentials.join("secret"));
        if let Some(folder) = given {
            command.env("CREDENTIALS_DIRECTORY", folder);
        }
        let output = command.output().unwrap();
        let said = words(&output);
        assert_eq!(output.status.code(), Some(code), "{given:?}: {said}");
        assert_eq!(said.contains("STACKDECK_SECRET_FILE"), given.is_none(), "{said}");
        note(Kind::Check, "G40");
    }
    sandbox.stop().await;
}

/// G43: every command reads the same settings from the same places.
#[tokio::test(flavor = "multi_thread")]
async fn all_commands_read_the_same_settings() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let lines = settings(&sandbox, port);
    let lines: Vec<String> = lines
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let file = lines.join("\n");
    private(&folder.path().join(".env"), &file, 0o600);
    let mut served = stackdeck("true", "serve", folder.path()).spawn().unwrap();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(served.try_wait().unwrap().is_none(), "it ended");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let run = |arguments: &str, environment: &[(&str, String)]| {
        let mut command = stackdeck("true", arguments, folder.path());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let output = command.output().unwrap();
        (output.status.code(), words(&output))
    };
    for arguments in ["healthcheck", "check", "sessions end --all"] {
        let (code, said) = run(arguments, &[]);
        assert_eq!(code, Some(0), "{arguments}: {said}");
        note(Kind::Check, "G43");
    }
    // The environment wins over the file, an option over both, for each of them.
    let elsewhere = format!("127.0.0.1:{}", free_port());
    let (code, said) = run("healthcheck", &[("STACKDECK_BIND", elsewhere.clone())]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&elsewhere), "{said}");
    let (code, said) = run(
        &format!("healthcheck --bind 127.0.0.1:{port}"),
        &[("STACKDECK_BIND", elsewhere)],
    );
    assert_eq!(code, Some(0), "{said}");
    // One that listens there for somebody else is not taken for ours.
    let (code, said) = run(
        "healthcheck",
        &[("STACKDECK_PUBLIC_URL", "https://deck.example.com/x".to_owned())],
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another instance"), "{said}");
    note(Kind::Check, "G43");
    // A mistake is one for all of them, in the same words.
    for arguments in ["healthcheck", "check", "sessions end --all", "serve"] {
        let (code, said) = run(arguments, &[("STACKDECK_BIND", "localhost:9".to_owned())]);
        assert!(matches!(code, Some(1 | 2)), "{arguments}: {code:?} {said}");
        assert!(
            said.contains("STACKDECK_BIND is \"localhost:9\". Write an IP address and a port"),
            "{arguments}: {said}"
        );
        note(Kind::BadInput, "G43");
    }
    served.kill().unwrap();
    served.wait().unwrap();
    // Where there is no database, none is made: it would be another than the app's.
    let elsewhere = tempfile::tempdir().unwrap();
    let ended = stackdeck("true", "sessions end --all", elsewhere.path())
        .envs(settings(&sandbox, port))
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2), "{}", words(&ended));
    assert!(
        words(&ended).contains("there is no database stackdeck.db"),
        "{}",
        words(&ended)
    );
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    note(Kind::Check, "G43");
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
