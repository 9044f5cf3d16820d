//! The shape of the house, kept by a test: who may import whom, which crate stays in which room, and the few
//! things that may be said in one place only. The table is the one of `ARCHITECTURE.md`.
#![expect(clippy::unwrap_used, reason = "tests end where they go wrong")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms that it may import.
const MAY_IMPORT: [(&str, &[&str]); 8] = [
    ("domain", &[]),
    ("config", &["domain"]),
    ("cloud66", &["domain"]),
    ("store", &["domain"]),
    ("app", &["domain", "cloud66", "store"]),
    ("web", &["domain", "config", "app"]),
    ("sandbox", &[]),
    (
        "cli",
        &["domain", "config", "cloud66", "store", "app", "web", "sandbox"],
    ),
];

/// A crate (or a module of the standard library), and the rooms that may name it.
const FENCED: [(&str, &[&str]); 11] = [
    ("std::env", &["config"]),
    ("reqwest", &["cloud66"]),
    ("oauth2", &["cloud66"]),
    ("quick_xml", &["cloud66"]),
    ("sqlx", &["store"]),
    ("chacha20poly1305", &["store"]),
    ("axum", &["web", "sandbox"]),
    ("askama", &["web", "sandbox"]),
    ("tower_sessions", &["web", "store"]),
    ("hyper", &["web", "sandbox"]),
    ("clap", &["cli"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The file's lines with their numbers, without comments.
fn code(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().enumerate();
    lines
        .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default().to_owned()))
        .filter(|(_, line)| !line.trim().is_empty())
        .collect()
}

fn room(file: &Path) -> String {
    let below = file.strip_prefix(root().join("src")).unwrap();
    below
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy()
        .into_owned()
}

/// Whether `line` names the path `name` as a whole word that a path goes on from.
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + name.len()..];
        let starts = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
        starts
            && (after.starts_with("::")
                || (line.trim_start().starts_with("use ") && after.starts_with([';', ' '])))
    })
}

#[test]
fn every_folder_is_in_the_table() {
    let folders: BTreeSet<String> = fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let table: BTreeSet<String> = MAY_IMPORT.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(folders, table);
}

#[test]
fn each_room_imports_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for (importer, allowed) in MAY_IMPORT {
        for file in rust_files(&root().join("src").join(importer)) {
            for (number, line) in code(&file) {
                for (other, _) in MAY_IMPORT {
                    let crosses = other != importer && !allowed.contains(&other);
                    if crosses
                        && (line.contains(&format!("crate::{other}::"))
                            || line.contains(&format!("crate::{other};")))
                    {
                        wrong.push(format!("{}:{number}: {importer} imports {other}", file.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_imported_from_the_crate_as_a_whole() {
    // `use crate::{a, b}` would slip through the test above.
    for file in rust_files(&root().join("src")) {
        for (number, line) in code(&file) {
            assert!(
                !line.contains("crate::{"),
                "{}:{number}: name the room first",
                file.display()
            );
        }
    }
}

#[test]
fn fenced_crates_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let room = room(&file);
        for (number, line) in code(&file) {
            for (name, allowed) in FENCED {
                if names(&line, name) && !allowed.contains(&room.as_str()) {
                    wrong.push(format!(
                        "{}:{number}: {name} belongs in {allowed:?}",
                        file.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_redeploy_is_sent_from_one_place() {
    let mut senders = Vec::new();
    for file in rust_files(&root().join("src/app")) {
        for (_, line) in code(&file) {
            if line.contains("api.send(") {
                senders.push(file.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    assert_eq!(senders, ["send.rs"]);
}

#[test]
fn the_architecture_document_names_every_room() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (room, _) in MAY_IMPORT {
        assert!(text.contains(&format!("`{room}/`")), "{room}");
    }
}

#[test]
fn migrations_come_in_pairs() {
    let names = |database: &str| -> BTreeSet<String> {
        let folder = root().join("migrations").join(database);
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    };
    let sqlite = names("sqlite");
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, names("postgres"));
}

#[test]
fn there_is_one_gate() {
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    let commands: Vec<&str> = ci
        .lines()
        .map(str::trim)
        .filter(|line| {
            !line.is_empty()
                && !line.starts_with('#')
                && !line.starts_with("set ")
                && !line.starts_with("cd ")
        })
        .collect();
    assert_eq!(commands, ["exec bin/check"]);
}

/// A test waits for a fact. A wait that ends after some seconds, or after a number of looks, ends too early on a
/// machine that is busy; and a port that the kernel gave out and took back may be somebody else's the moment after.
#[test]
fn tests_wait_for_facts() {
    let mut found = Vec::new();
    for file in rust_files(&root().join("tests")) {
        if file.ends_with("architecture.rs") {
            continue;
        }
        let lines = code(&file);
        let place = |number: usize| format!("{}:{number}", file.strip_prefix(root()).unwrap().display());
        for (at, (number, line)) in lines.iter().enumerate() {
            let is_short = ["from_secs(", "from_millis("].iter().any(|unit| {
                line.contains(unit) && line.contains("timeout(") && !line.contains("connect_timeout(")
            });
            let says_why = fs::read_to_string(&file)
                .unwrap()
                .lines()
                .nth(number - 2)
                .is_some_and(|before| before.trim_start().starts_with("//"));
            if is_short && !says_why {
                found.push(format!(
                    "{}: a wait of seconds, and no comment says why",
                    place(*number)
                ));
            }
            let indent = line.len() - line.trim_start().len();
            if line.trim_start().starts_with("for _ in 0..") {
                let body: Vec<&str> = lines
                    .iter()
                    .skip(at + 1)
                    .map(|(_, line)| line.as_str())
                    .take_while(|line| line.len() - line.trim_start().len() > indent)
                    .collect();
                let has = |word: &str| body.iter().any(|line| line.contains(word));
                if has("sleep(") && (has("break;") || has("return")) {
                    found.push(format!("{}: a counted wait", place(*number)));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
