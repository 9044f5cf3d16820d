//! What stands in the way of a start, in words: all of it at once, each with its remedy.

use std::fmt;

/// One mistake in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What it is about: the name of a variable, or a line of `.env`.
    pub subject: String,
    /// What is wrong and how to mend it; reads on from the subject. Never holds a secret.
    pub words: String,
}

impl Mistake {
    /// Takes the subject and the words that read on from it.
    pub fn new(subject: impl Into<String>, words: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            words: words.into(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.subject, self.words)
    }
}

/// Every mistake that was found, and what else is worth knowing. `Display` is one line each.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub struct Mistakes {
    /// What must be mended; not empty where this stands in an `Err`.
    pub mistakes: Vec<Mistake>,
    /// What does not stop a start but may explain a mistake, such as a misspelt name.
    pub warnings: Vec<String>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.mistakes.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}
