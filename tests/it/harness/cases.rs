//! Counts what the security tests check: cases by their numbers, and what was held against each.
//!
//! A test begins with [`Cases::of`] and holds everything against a case by [`Case::check`] or [`Case::same`]. When
//! it passes, its counts are added to `target/security/run.log`, in the lines that `security/tally.rs` writes, with
//! a number: `check S09 12`. A test that fails adds nothing.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

/// The counts of one test.
pub struct Cases {
    group: &'static str,
    test: &'static str,
    counts: Mutex<BTreeMap<String, Count>>,
}

#[derive(Default, Clone, Copy)]
struct Count {
    checks: u64,
    inputs: u64,
}

/// One case of one test.
pub struct Case<'c> {
    cases: &'c Cases,
    id: String,
}

impl Cases {
    /// Begins the counts of a test. `test` is its name, or any word that no other test of the group has.
    pub fn of(group: &'static str, test: &'static str) -> Self {
        Self {
            group,
            test,
            counts: Mutex::default(),
        }
    }

    /// The case with this number: a letter and digits, such as `S09`.
    pub fn case(&self, id: impl Into<String>) -> Case<'_> {
        let id = id.into();
        let digits = id.trim_start_matches(|c: char| c.is_ascii_uppercase());
        assert!(
            digits.len() >= 2 && digits.len() < id.len() && digits.bytes().all(|byte| byte.is_ascii_digit()),
            "{id} is no case number"
        );
        Case { cases: self, id }
    }
}

impl Case<'_> {
    /// Holds something against the case.
    #[track_caller]
    pub fn check(&self, holds: bool, what: impl Display) {
        assert!(holds, "{}: {what}", self.id);
        self.count(|count| count.checks += 1);
    }

    /// Holds two values against each other.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what is found is most often made in the call"
    )]
    pub fn same<T: PartialEq<U> + Debug, U: Debug>(&self, found: T, wanted: U, what: impl Display) {
        assert!(
            found == wanted,
            "{}: {what}: found {found:?}, wanted {wanted:?}",
            self.id
        );
        self.count(|count| count.checks += 1);
    }

    /// Notes that one more bad input was thrown at the program.
    pub fn input(&self) {
        self.count(|count| count.inputs += 1);
    }

    fn count(&self, add: impl FnOnce(&mut Count)) {
        let mut counts = self.cases.counts.lock().unwrap();
        add(counts.entry(self.id.clone()).or_default());
    }
}

impl Drop for Cases {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/security");
        std::fs::create_dir_all(&folder).unwrap();
        let mut text = String::new();
        for (id, Count { checks, inputs }) in self.counts.lock().unwrap().iter() {
            assert!(*checks > 0, "{id} of {} {} checks nothing", self.group, self.test);
            text += format!("check {id} {checks}\n").as_str();
            if *inputs > 0 {
                text += format!("input {id} {inputs}\n").as_str();
            }
        }
        // One write: tests run side by side.
        let mut log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("run.log"))
            .unwrap();
        log.write_all(text.as_bytes()).unwrap();
    }
}
