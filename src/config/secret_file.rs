//! Files that hold a secret, named by `NAME_FILE`.
//!
//! Invariant: a file that every user of this machine can read or change is not a secret, and is refused. What its group
//! or another owner can do is said and not refused: platforms share a secret with one program by a group (Kubernetes'
//! `fsGroup`) or an owner of their own, and a mode cannot tell that group from a careless one. Folders in which a
//! platform puts secrets for one container or one service are exempt from both.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::{Component, Path};

use zeroize::Zeroizing;

use super::sources;

/// More than any secret needs; a wrong path shall not fill the memory.
const MAX_BYTES: u64 = 64 * 1024;

/// Where container platforms mount secrets, for the whole container to read (mode 0444).
const CONTAINER_SECRETS: [&str; 2] = ["/run/secrets", "/var/run/secrets"];

/// A secret's text, and what the operator should know about its file.
#[derive(Clone, Default)]
pub struct SecretText {
    /// The file's text as it stands.
    pub text: Zeroizing<String>,
    /// Reads on from the variable's name.
    pub note: Option<String>,
}

impl<T: Into<String>> From<T> for SecretText {
    fn from(text: T) -> Self {
        Self {
            text: Zeroizing::new(text.into()),
            note: None,
        }
    }
}

/// Takes a path, returns the file's text. The error is in words that read on from the variable's name and never
/// repeat what is in the file.
pub(super) fn read(path: &Path) -> Result<SecretText, String> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| format!("names {shown}, which cannot be read: {error}.");

    let file = File::open(path).map_err(unreadable)?;
    // Asked of the open file, not of its name: the name could lead elsewhere by now.
    let metadata = file.metadata().map_err(unreadable)?;
    let mut note = None;
    if !is_platforms(path, sources::credentials_directory().as_deref()) {
        if is_open_to_all(&metadata) {
            return Err(format!(
                "names {shown}, which every user of this machine can read or change. Run: chmod o-rwx {shown} \
                 (in Kubernetes, set the volume's defaultMode to 0440)"
            ));
        }
        note =
            shared_with(&metadata).map(|whom| format!("names {shown}, which {whom} can read or change too."));
    }

    let mut text = Zeroizing::new(String::new());
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(format!(
            "names {shown}, which is larger than 64 KiB. Name the file that holds the secret."
        ));
    }
    Ok(SecretText { text, note })
}

/// Whether the path is below a folder in which a platform puts secrets: a container's, or the one that systemd names
/// in `CREDENTIALS_DIRECTORY` (`LoadCredential=`), whose files have mode 0440 and an ACL for the service's user.
fn is_platforms(path: &Path, credentials: Option<&Path>) -> bool {
    let climbs = path.components().any(|part| part == Component::ParentDir);
    let folders = CONTAINER_SECRETS.iter().map(Path::new);
    let credentials = credentials.filter(|folder| folder.is_absolute() && folder.parent().is_some());
    !climbs && folders.chain(credentials).any(|folder| path.starts_with(folder))
}

/// Whether everybody on the machine can read or write the file.
#[cfg(unix)]
pub(super) fn is_open_to_all(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o006 != 0
}

/// Who else than us and root can read or write the file, in words.
#[cfg(unix)]
pub(super) fn shared_with(metadata: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let us = rustix::process::geteuid().as_raw();
    let owner = metadata.uid();
    if owner != 0 && owner != us {
        // Root reads everybody's files, and has not to be told.
        return (us != 0).then(|| format!("its owner (user {owner})"));
    }
    (metadata.mode() & 0o060 != 0).then(|| format!("its group ({})", metadata.gid()))
}

/// Other systems keep rights elsewhere; nothing is claimed about them.
#[cfg(not(unix))]
pub(super) fn is_open_to_all(_metadata: &Metadata) -> bool {
    false
}

#[cfg(not(unix))]
pub(super) fn shared_with(_metadata: &Metadata) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_folders_of_platforms_are_exempt() {
        let systemd = Path::new("/run/credentials/stackdeck.service");
        for (path, credentials, exempt) in [
            ("/run/secrets/stackdeck", None, true),
            ("/var/run/secrets/stackdeck/key", None, true),
            ("/run/secrets-of-mine/key", None, false),
            ("/run/secrets/../../home/me/key", None, false),
            ("run/secrets/key", None, false),
            ("/home/me/run/secrets/key", None, false),
            ("/run/credentials/stackdeck.service/key", None, false),
            ("/run/credentials/stackdeck.service/key", Some(systemd), true),
            ("/run/credentials/other.service/key", Some(systemd), false),
            (
                "/run/credentials/stackdeck.service/../x/key",
                Some(systemd),
                false,
            ),
            ("/home/me/key", Some(Path::new("/")), false),
            ("home/me/key", Some(Path::new("home")), false),
        ] {
            assert_eq!(
                is_platforms(Path::new(path), credentials),
                exempt,
                "{path} {credentials:?}"
            );
        }
    }
}
