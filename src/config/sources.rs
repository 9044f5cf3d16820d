//! Where values come from: the command line, the environment, the `.env` file; the first that has one wins.
//!
//! Invariant: this is the only place that reads the process's environment.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::dotenv;
use super::mistakes::{Mistake, Mistakes};
use super::public_url::PublicUrl;
use super::secret_file;
use super::settings::{self, Mode, Settings};
use super::spelling;
use super::table::SETTINGS;

/// More than any `.env` needs.
const MAX_DOTENV_BYTES: u64 = 1024 * 1024;

/// Reads and checks all settings. Takes the command line's options by the *name* of their setting (or
/// `NAME_FILE`), which win over everything else, and what for. The demo passes what it makes up, such as its
/// secret, in the same way.
pub fn from_env(
    options: impl IntoIterator<Item = (String, String)>,
    mode: Mode,
) -> Result<Settings, Mistakes> {
    let mut sources = Sources {
        options: options.into_iter().collect(),
        ..Sources::default()
    };
    let mut noted = Mistakes::default();
    sources.add_environment(&mut noted);
    if mode != Mode::Demo {
        sources.add_dotenv(Path::new(dotenv::FILE), &mut noted);
        noted.warnings.extend(sources.unknown_names());
        noted.warnings.extend(ignored_proxy());
    }

    let read = Settings::read(|name| sources.lookup(name, mode), mode);
    match read {
        Ok(mut settings) if noted.mistakes.is_empty() => {
            settings.warnings.splice(0..0, noted.warnings);
            Ok(settings)
        }
        Ok(settings) => {
            noted.warnings.extend(settings.warnings);
            Err(noted)
        }
        Err(more) => {
            noted.mistakes.extend(more.mistakes);
            noted.warnings.extend(more.warnings);
            Err(noted)
        }
    }
}

/// What the health check has to know.
pub struct Addresses {
    /// Where the instance listens.
    pub bind: SocketAddr,
    /// The address that people open; none where it is not set.
    pub public_url: Option<PublicUrl>,
}

/// Reads them as `serve` does. A mistake in any other setting is nothing to the health check.
pub fn addresses(options: impl IntoIterator<Item = (String, String)>) -> Result<Addresses, Mistakes> {
    let mut sources = Sources {
        options: options.into_iter().collect(),
        ..Sources::default()
    };
    // What else is wrong is for `serve` and `check` to say.
    sources.add_environment(&mut Mistakes::default());
    sources.add_dotenv(Path::new(dotenv::FILE), &mut Mistakes::default());
    settings::read_addresses(|name| sources.lookup(name, Mode::Serve))
}

/// A warning where the environment names a proxy for other programs: an operator who sees that Cloud 66 cannot be
/// reached would look everywhere else first. Its value is not told, for it may hold a password.
fn ignored_proxy() -> Option<String> {
    let is_set = |name: &str| std::env::vars_os().any(|(known, value)| known == name && !value.is_empty());
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let name = names.into_iter().find(|name| is_set(name))?;
    Some(format!(
        "{name} is set and is not followed: Cloud 66 is asked directly. Where only a proxy leads out, let this machine \
         through to Cloud 66's address."
    ))
}

/// Where systemd has put this service's credentials (systemd.exec(5), `LoadCredential=`).
pub(super) fn credentials_directory() -> Option<PathBuf> {
    std::env::vars_os()
        .find(|(name, _)| name == "CREDENTIALS_DIRECTORY")
        .map(|(_, folder)| PathBuf::from(folder))
}

/// Values by name, one map for each source.
#[derive(Default)]
pub struct Sources {
    /// The command line's, by the name of the setting.
    pub options: HashMap<String, String>,
    /// The process's environment.
    pub environment: HashMap<String, String>,
    /// The `.env` file's.
    pub dotenv: HashMap<String, String>,
}

impl Sources {
    /// The value of a variable, from the first source that has one that is not blank. The demo takes from the
    /// environment only what [`Setting::in_demo`](super::Setting::in_demo) says, and nothing from `.env`.
    pub fn lookup(&self, name: &str, mode: Mode) -> Option<String> {
        let filled = |source: &HashMap<String, String>| {
            source.get(name).filter(|value| !value.trim().is_empty()).cloned()
        };
        let ambient = mode != Mode::Demo
            || SETTINGS
                .iter()
                .any(|setting| setting.in_demo && setting.name == name);
        filled(&self.options)
            .or_else(|| if ambient { filled(&self.environment) } else { None })
            .or_else(|| {
                if mode == Mode::Demo {
                    None
                } else {
                    filled(&self.dotenv)
                }
            })
    }

    /// A warning for each name that begins like one of ours and is none, in order of the alphabet.
    pub fn unknown_names(&self) -> Vec<String> {
        let mut names: Vec<&String> = self.environment.keys().chain(self.dotenv.keys()).collect();
        names.sort_unstable();
        names.dedup();
        names
            .into_iter()
            .filter_map(|name| spelling::warning(name))
            .collect()
    }

    fn add_environment(&mut self, noted: &mut Mistakes) {
        // `vars_os`, not `vars`: a stranger's variable that is not text would end the program.
        for (name, value) in std::env::vars_os() {
            let Some(name) = name
                .into_string()
                .ok()
                .filter(|name| spelling::looks_like_ours(name))
            else {
                continue;
            };
            match value.into_string() {
                Ok(value) => {
                    self.environment.insert(name, value);
                }
                Err(_) => noted
                    .mistakes
                    .push(Mistake::new(name, "is not UTF-8 text. Set it again.")),
            }
        }
    }

    fn add_dotenv(&mut self, path: &Path, noted: &mut Mistakes) {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                noted
                    .mistakes
                    .push(Mistake::new(dotenv::FILE, format!("cannot be read: {error}.")));
                return;
            }
        };
        let metadata = file.metadata().ok();
        let mut text = Zeroizing::new(String::new());
        match file.take(MAX_DOTENV_BYTES + 1).read_to_string(&mut text) {
            Ok(bytes) if bytes as u64 <= MAX_DOTENV_BYTES => {}
            Ok(_) => {
                noted.mistakes.push(Mistake::new(
                    dotenv::FILE,
                    "is larger than 1 MiB. Keep settings only in it.",
                ));
                return;
            }
            Err(error) => {
                noted
                    .mistakes
                    .push(Mistake::new(dotenv::FILE, format!("cannot be read: {error}.")));
                return;
            }
        }
        let (values, mistakes) = dotenv::parse(&text);
        noted.mistakes.extend(mistakes);
        self.dotenv = values
            .into_iter()
            .filter(|(name, _)| spelling::looks_like_ours(name))
            .collect();

        let holds_a_secret = SETTINGS
            .iter()
            .any(|setting| setting.secret && self.dotenv.contains_key(setting.name));
        let Some(metadata) = metadata.filter(|_| holds_a_secret) else {
            return;
        };
        let file = dotenv::FILE;
        if secret_file::is_open_to_all(&metadata) {
            noted.warnings.push(format!(
                "{file} holds a secret, and every user of this machine can read it. Run: chmod o-rwx {file}"
            ));
        } else if let Some(whom) = secret_file::shared_with(&metadata) {
            noted.warnings.push(format!(
                "{file} holds a secret, which {whom} can read or change too."
            ));
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn read_dotenv(text: &str, mode: u32) -> (HashMap<String, String>, Mistakes) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(dotenv::FILE);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut sources = Sources::default();
        let mut noted = Mistakes::default();
        sources.add_dotenv(&path, &mut noted);
        (sources.dotenv, noted)
    }

    #[test]
    fn only_names_that_can_be_ours_are_kept() {
        let (values, noted) = read_dotenv("STACKDECK_LOG=warn\nAWS_SECRET_ACCESS_KEY=x\n", 0o644);
        assert_eq!(
            values,
            HashMap::from([("STACKDECK_LOG".to_owned(), "warn".to_owned())])
        );
        assert_eq!(noted, Mistakes::default());
    }

    /// Case G05.
    #[test]
    fn a_secret_that_others_can_read_is_a_warning() {
        let text = "STACKDECK_SECRET=x\n";
        for (mode, warning) in [
            (0o600, None),
            (0o640, Some(".env holds a secret, which its group (")),
            (
                0o644,
                Some(
                    ".env holds a secret, and every user of this machine can read it. Run: chmod o-rwx .env",
                ),
            ),
        ] {
            let noted = read_dotenv(text, mode).1;
            assert_eq!(noted.mistakes, [], "{mode:o}");
            assert_eq!(noted.warnings.len(), usize::from(warning.is_some()), "{mode:o}");
            for words in noted.warnings {
                assert!(words.starts_with(warning.unwrap()), "{mode:o}: {words}");
            }
        }
    }

    #[test]
    fn a_file_that_is_missing_is_nothing_and_one_that_cannot_be_used_is_a_mistake() {
        let mut noted = Mistakes::default();
        Sources::default().add_dotenv(Path::new("/nowhere/.env"), &mut noted);
        assert_eq!(noted, Mistakes::default());

        Sources::default().add_dotenv(&std::env::temp_dir(), &mut noted);
        let too_large = read_dotenv(&"#".repeat(2 * 1024 * 1024), 0o600).1;
        for (noted, words) in [
            (noted, ".env cannot be read"),
            (too_large, ".env is larger than 1 MiB"),
        ] {
            let [mistake] = noted.mistakes.as_slice() else {
                panic!("{noted:?}")
            };
            assert!(mistake.to_string().starts_with(words), "{mistake}");
        }
    }
}
