//! What is compiled into the program: how many crates, which ones, and from where. Known vulnerabilities and
//! licences need the network or a copy of the database: `bin/supply-chain`.
#![expect(clippy::unwrap_used, reason = "tests end where they go wrong")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// How many crates the release build for Linux may have, ours included.
const BUDGET: usize = 300;

fn in_the_checkout(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Name and version of every crate of the release build, ours left out.
fn crates() -> BTreeSet<String> {
    let tree = output(in_the_checkout(env!("CARGO")).args([
        "tree",
        "--locked",
        "--offline",
        "--edges",
        "normal",
        "--target",
        "x86_64-unknown-linux-gnu",
        "--prefix",
        "none",
    ]));
    tree.lines()
        .map(|line| line.split(" (").next().unwrap_or_default().replace(" v", "@"))
        .filter(|name| !name.starts_with("stackdeck@"))
        .collect()
}

/// Y04: each crate is somebody else's to break.
#[test]
fn the_release_build_keeps_to_its_budget_of_crates() {
    let crates = crates();
    println!("{} crates of at most {BUDGET}", crates.len());
    assert!(crates.len() > 100, "the list is not the whole: {crates:?}");
    assert!(crates.len() <= BUDGET, "{} crates", crates.len());
}

/// Y04: the bill of materials names each of them, with its licence and checksum.
#[test]
fn the_bill_of_materials_is_complete() {
    let text = output(in_the_checkout("bin/sbom").env("CARGO_NET_OFFLINE", "true"));
    let bill: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let listed: BTreeSet<String> = bill["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|component| {
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            assert_eq!(text(&component["hashes"][0]["content"]).len(), 64, "{component}");
            assert!(!text(&component["licenses"][0]["expression"]).is_empty());
            format!("{}@{}", text(&component["name"]), text(&component["version"]))
        })
        .collect();
    assert_eq!(listed, crates());
}

/// Y01: what deny.toml bans is not there, even where nobody ran cargo-deny.
#[test]
fn there_is_one_tls_stack_and_no_mysql() {
    for banned in [
        "openssl",
        "openssl-sys",
        "native-tls",
        "aws-lc-rs",
        "sqlx-mysql",
        "rsa",
    ] {
        let start = format!("{banned}@");
        assert!(!crates().iter().any(|name| name.starts_with(&start)), "{banned}");
    }
}

/// Y03: everything comes from the registry, by its checksum.
#[test]
fn every_crate_of_the_lock_file_comes_from_the_registry() {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let mut count = 0;
    for package in lock.split("[[package]]").skip(1) {
        let name = package.lines().find(|line| line.starts_with("name")).unwrap();
        if name == "name = \"stackdeck\"" {
            continue;
        }
        assert!(
            package.contains("source = \"registry+https://github.com/rust-lang/crates.io-index\""),
            "{name}"
        );
        assert!(package.contains("checksum = "), "{name}");
        count += 1;
    }
    assert!(count > 200, "{count}");
}
