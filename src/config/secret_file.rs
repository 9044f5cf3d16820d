//! Files that hold a secret, named by `NAME_FILE`.
//!
//! Invariant: a file that others on this machine can read, or that belongs to another of them, is not a secret, and is refused. Containers mount
//! secrets for the whole container to read (mode 0444), so files below `/run/secrets` and `/var/run/secrets`
//! are exempt.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use zeroize::Zeroizing;

/// More than any secret needs; a wrong path shall not fill the memory.
const MAX_BYTES: u64 = 64 * 1024;

/// Where container platforms mount secrets.
const CONTAINER_SECRETS: [&str; 2] = ["/run/secrets", "/var/run/secrets"];

/// Takes a path, returns the file's text as it stands. The error is in words that read on from the variable's
/// name and never repeat what is in the file.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| format!("names {shown}, which cannot be read: {error}.");

    let file = File::open(path).map_err(unreadable)?;
    // Asked of the open file, not of its name: the name could lead elsewhere by now.
    let metadata = file.metadata().map_err(unreadable)?;
    if !is_container_secret(path) && is_open_to_others(&metadata) {
        return Err(format!(
            "names {shown}, which other users can read. Run: chmod 600 {shown}"
        ));
    }

    if !is_container_secret(path) && is_of_another_user(&metadata) {
        return Err(format!(
            "names {shown}, which belongs to another user. Run: chown $(id -un) {shown}"
        ));
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
    Ok(text)
}

fn is_container_secret(path: &Path) -> bool {
    let climbs = path
        .components()
        .any(|part| part == std::path::Component::ParentDir);
    !climbs && CONTAINER_SECRETS.iter().any(|folder| path.starts_with(folder))
}

/// Whether the group or all others have any right on the file.
#[cfg(unix)]
pub(super) fn is_open_to_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

/// Whether the file is neither ours nor root's: its owner could read and change it whatever its mode.
#[cfg(unix)]
fn is_of_another_user(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    belongs_to_another(metadata.uid(), rustix::process::geteuid().as_raw())
}

#[cfg(unix)]
fn belongs_to_another(owner: u32, us: u32) -> bool {
    owner != 0 && owner != us
}

#[cfg(not(unix))]
fn is_of_another_user(_metadata: &std::fs::Metadata) -> bool {
    false
}

/// Other systems keep rights elsewhere; nothing is claimed about them.
#[cfg(not(unix))]
pub(super) fn is_open_to_others(_metadata: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_is_ours_or_roots_or_anothers() {
        for (owner, us, another) in [
            (1000, 1000, false),
            (0, 1000, false),
            (1001, 1000, true),
            (1000, 0, true),
        ] {
            assert_eq!(belongs_to_another(owner, us), another, "{owner} {us}");
        }
    }

    #[test]
    fn only_the_folders_of_container_platforms_are_exempt() {
        for (path, exempt) in [
            ("/run/secrets/stackdeck", true),
            ("/var/run/secrets/stackdeck/key", true),
            ("/run/secrets-of-mine/key", false),
            ("/run/secrets/../../home/me/key", false),
            ("run/secrets/key", false),
            ("/home/me/run/secrets/key", false),
        ] {
            assert_eq!(is_container_secret(Path::new(path)), exempt, "{path}");
        }
    }
}
