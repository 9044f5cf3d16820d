//! What a run has checked, written down as it happens, so that the counts in SECURITY.md come from a run and not
//! from hope: one line for each check, in `target/security/run.log`. `bin/check` empties it before and adds it up
//! after; see `bin/security-counts`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// What a line counts.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Something that was expected and came true.
    Check,
    /// Bytes or words from outside that make no sense, or not the wanted one.
    BadInput,
    /// Something that went wrong at Cloud 66, in the database, on the network or with the process.
    Fault,
}

/// Notes one check of a case.
pub fn note(kind: Kind, case: &str) {
    let kind = match kind {
        Kind::Check => "check",
        Kind::BadInput => "input",
        Kind::Fault => "fault",
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/security");
    std::fs::create_dir_all(&folder).unwrap();
    // One write of one short line: tests run side by side.
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("run.log"))
        .unwrap()
        .write_all(format!("{kind} {case}\n").as_bytes())
        .unwrap();
}
