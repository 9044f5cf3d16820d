//! What version 2 of the API does not say, and this client has to make up for.

use sha2::{Digest as _, Sha256};

use crate::domain::{AccessToken, UserId};

/// A stable id from a token: 63 bits of the SHA-256 of a label and the token.
pub(super) fn user_of_token(token: &AccessToken) -> UserId {
    let digest = Sha256::new()
        .chain_update(b"stackdeck: person of a version 2 token\0")
        .chain_update(token.expose())
        .finalize();
    let bits = digest
        .iter()
        .take(8)
        .fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    UserId(i64::try_from(bits >> 1).unwrap_or(i64::MAX).max(1))
}
