//! What the database keeps instead of a value that would let its holder in: a SHA-256 hash.
//!
//! The values are 128 bits of randomness or more, so no salt and no slow hash is needed: they cannot be
//! guessed from the hash. Each kind of value has its own prefix, so that a hash of one is never one of
//! another.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// A hash as the database holds it.
pub(crate) type Hash = [u8; 32];

/// What is hashed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A session's id.
    Session,
    /// The `state` of a sign-in under way.
    State,
    /// The value of the short-lived cookie of a browser that began a sign-in.
    Browser,
}

/// The hash of a value.
pub(crate) fn hash(kind: Kind, value: &[u8]) -> Hash {
    let prefix: &[u8] = match kind {
        Kind::Session => b"stackdeck session id\0",
        Kind::State => b"stackdeck sign-in state\0",
        Kind::Browser => b"stackdeck sign-in browser\0",
    };
    Sha256::new()
        .chain_update(prefix)
        .chain_update(value)
        .finalize()
        .into()
}

/// Bytes as lower-case hex digits: how a hash names its row when the row's content is sealed.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_do_not_mix() {
        assert_ne!(hash(Kind::State, b"x"), hash(Kind::Browser, b"x"));
        assert_eq!(hex(&[0x00, 0xab, 0x1f]), "00ab1f");
    }
}
