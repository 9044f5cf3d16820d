//! docs/security-cases.md is true: each case of a finished group is named by the files that are said to prove it,
//! and no test names a case that is not in the list.
#![expect(clippy::unwrap_used, reason = "tests end where they go wrong")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

struct Case {
    id: String,
    says: String,
    place: String,
}

fn list() -> String {
    fs::read_to_string(root().join("docs/security-cases.md")).unwrap()
}

fn is_id(text: &str) -> bool {
    matches!(text.as_bytes(), [b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9'])
}

/// The rows of all tables.
fn cases() -> Vec<Case> {
    let list = list();
    let rows = list.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.split('|').map(str::trim).collect();
        let [id, says, place, ..] = cells.as_slice() else {
            return None;
        };
        is_id(id).then(|| Case {
            id: (*id).to_owned(),
            says: (*says).to_owned(),
            place: (*place).to_owned(),
        })
    });
    rows.collect()
}

/// The letters of the groups whose list is complete.
fn finished() -> BTreeSet<char> {
    let list = list().replace('\n', " ");
    let (_, rest) = list.split_once("Groups whose list is complete: ").unwrap();
    let (letters, _) = rest.split_once('.').unwrap();
    letters.chars().filter(char::is_ascii_uppercase).collect()
}

/// The paths between back quotes.
fn files(place: &str) -> Vec<&str> {
    place.split('`').skip(1).step_by(2).collect()
}

/// Whether a text names a case, as a word of its own.
fn names(text: &str, id: &str) -> bool {
    text.match_indices(id).any(|(at, _)| {
        let around = [
            text[..at].chars().next_back(),
            text[at + id.len()..].chars().next(),
        ];
        around
            .iter()
            .flatten()
            .all(|c| !c.is_ascii_alphanumeric() && *c != '_')
    })
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn each_case_is_listed_once_and_says_something() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        assert!(seen.insert(case.id.clone()), "{} is listed twice", case.id);
        assert!(case.says.len() > 15, "{} says nothing", case.id);
    }
    assert!(seen.len() > 200, "{} cases", seen.len());
}

#[test]
fn each_case_of_a_finished_group_is_proven_where_the_list_says() {
    let finished = finished();
    assert!(!finished.is_empty());
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases() {
        let files = files(&case.place);
        let kind = if case.place.is_empty() {
            if case.id.starts_with(|letter| finished.contains(&letter)) {
                wrong.push(format!("{}: nowhere", case.id));
            }
            "waiting"
        } else if let Some(reason) = case.place.strip_prefix("not here:") {
            if reason.len() < 20 {
                wrong.push(format!("{}: no reason", case.id));
            }
            "not tested here"
        } else {
            if files.is_empty() {
                wrong.push(format!("{}: no file", case.id));
            }
            for file in files {
                match fs::read_to_string(root().join(file)) {
                    Ok(text) if names(&text, &case.id) => {}
                    Ok(_) => wrong.push(format!("{}: {file} does not name it", case.id)),
                    Err(_) => wrong.push(format!("{}: {file} is not there", case.id)),
                }
            }
            "tested"
        };
        *counts.entry(kind).or_default() += 1;
    }
    println!("cases: {counts:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// In a table of a test a case's number is a string of its own.
#[test]
fn no_test_names_a_case_that_is_not_listed() {
    let known: BTreeSet<String> = cases().into_iter().map(|case| case.id).collect();
    let mut wrong = Vec::new();
    for file in sources(&root().join("tests")) {
        let text = fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices('"') {
            let word: String = text[at + 1..].chars().take_while(|c| *c != '"').take(4).collect();
            if is_id(&word) && !known.contains(&word) {
                wrong.push(format!("{}: {word}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
