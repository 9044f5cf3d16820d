//! One reading of all settings: looks values up, parses them, and notes every mistake instead of ending at
//! the first.

use std::path::Path;

use zeroize::Zeroizing;

use super::mistakes::{Mistake, Mistakes};
use super::secret_file::SecretText;
use super::table::Setting;

/// Reads a secret's file; the error reads on from the variable's name.
pub(super) type ReadFile<'a> = &'a dyn Fn(&Path) -> Result<SecretText, String>;

/// What has been noted so far, and where values come from.
pub(super) struct Reading<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    files: ReadFile<'a>,
    noted: Mistakes,
}

impl<'a> Reading<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>, files: ReadFile<'a>) -> Self {
        Self {
            lookup,
            files,
            noted: Mistakes::default(),
        }
    }

    /// Parses the setting's value, or its default where it is not set. `parse` answers a mistake with words
    /// that read on from the setting's name. `None` where a mistake was noted, or nothing is set and there is
    /// no default.
    pub(super) fn value<T>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.value_or(setting, setting.default_value(), parse)
    }

    /// As [`value`](Self::value), with a default that depends on other settings.
    pub(super) fn value_or<T>(
        &mut self,
        setting: &Setting,
        default: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let before = self.noted.mistakes.len();
        let set = self.text(setting);
        if self.noted.mistakes.len() > before {
            return None;
        }
        if let Some(words) = set.as_ref().and_then(|text| of_another_reader(text)) {
            self.mistake(setting, words);
            return None;
        }
        match parse(set.as_ref().map(|text| text.as_str()).or(default)?) {
            Ok(value) => Some(value),
            Err(words) => {
                self.mistake(setting, words);
                None
            }
        }
    }

    /// Whether the setting, or its file, is set at all.
    pub(super) fn is_set(&self, setting: &Setting) -> bool {
        self.named(setting.name).is_some() || (setting.file && self.named(&setting.file_name()).is_some())
    }

    pub(super) fn mistake(&mut self, setting: &Setting, words: impl Into<String>) {
        self.noted.mistakes.push(Mistake::new(setting.name, words));
    }

    pub(super) fn warn(&mut self, setting: &Setting, words: &str) {
        self.noted.warnings.push(format!("{} {words}", setting.name));
    }

    /// What was noted.
    pub(super) fn into_noted(self) -> Mistakes {
        self.noted
    }

    /// The setting's text, from itself or from its file.
    fn text(&mut self, setting: &Setting) -> Option<Zeroizing<String>> {
        let value = self.named(setting.name);
        let file = if setting.file {
            self.named(&setting.file_name())
        } else {
            None
        };
        match (value, file) {
            (value, None) => value,
            (None, Some(path)) => self.text_of_file(setting, Path::new(path.as_str())),
            (Some(_), Some(_)) => {
                self.mistake(
                    setting,
                    format!("and {} are both set. Keep one of them.", setting.file_name()),
                );
                None
            }
        }
    }

    fn text_of_file(&mut self, setting: &Setting, path: &Path) -> Option<Zeroizing<String>> {
        let words = match (self.files)(path) {
            Ok(read) if read.text.trim().is_empty() => format!("names {}, which is empty.", path.display()),
            Ok(read) => {
                let note = read.note.map(|note| format!("{} {note}", setting.file_name()));
                self.noted.warnings.extend(note);
                return Some(Zeroizing::new(read.text.trim().to_owned()));
            }
            Err(words) => words,
        };
        self.noted.mistakes.push(Mistake::new(setting.file_name(), words));
        None
    }

    /// The value of a variable; blank counts as not set.
    fn named(&self, name: &str) -> Option<Zeroizing<String>> {
        let value = Zeroizing::new((self.lookup)(name)?);
        let trimmed = value.trim();
        if trimmed.is_empty() {
            None
        } else {
            Some(Zeroizing::new(trimmed.to_owned()))
        }
    }
}

/// What is wrong with a value that was written for a reader of another kind: a shell takes quotes and comments away,
/// Docker's `--env-file` leaves both in the value, where quotes around a pattern would fit nothing. No setting has use
/// for either. Reads on from the setting's name, and repeats nothing of the value.
fn of_another_reader(text: &str) -> Option<&'static str> {
    if text.starts_with(['\'', '"']) || text.ends_with(['\'', '"']) {
        return Some(
            "has a quotation mark at its beginning or end, which is a part of the value here: Docker's --env-file keeps \
             quotation marks. Write the value without them.",
        );
    }
    let comment = text.starts_with('#') || text.contains(" #") || text.contains("\t#");
    comment.then_some(
        "has a # after a space, which is a part of the value here: Docker's --env-file and systemd keep what follows a \
         value. Put the comment on a line of its own.",
    )
}
