//! The secrets that Stackdeck itself makes keys from.
//!
//! Invariant: there is always one to seal with; each has 32 bytes or more; none is ever shown, and all are
//! overwritten in memory when they are dropped.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::table::EXAMPLE_SECRET;

/// As many bytes as the keys that are derived from it have.
const MIN_BYTES: usize = 32;

const REMEDY: &str = "Make one: openssl rand -base64 32";

/// Secrets in the order of the setting.
#[derive(Clone)]
pub struct Secrets {
    first: Zeroizing<Vec<u8>>,
    older: Vec<Zeroizing<Vec<u8>>>,
}

impl Secrets {
    /// Takes base64 (standard or URL-safe alphabet, padded or not), several separated by commas. The error
    /// reads on from the setting's name and repeats nothing of the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let several = text.contains(',');
        let mut decoded = text.split(',').enumerate().map(|(at, part)| {
            let which = if several {
                format!("(number {} of the list) ", at + 1)
            } else {
                String::new()
            };
            decode(part.trim()).map_err(|words| format!("{which}{words} {REMEDY}"))
        });
        let first = decoded
            .next()
            .unwrap_or_else(|| Err(format!("is empty. {REMEDY}")))?;
        let older = decoded.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { first, older })
    }

    /// The secret that seals.
    pub fn first(&self) -> &[u8] {
        &self.first
    }

    /// Every secret that opens: the first, then the older ones in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.first)
            .chain(&self.older)
            .map(|secret| secret.as_slice())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let bytes = from_base64(text).ok_or("is not base64.")?;
    if bytes.len() < MIN_BYTES {
        return Err("is too short: it needs 32 bytes or more before base64.");
    }
    if bytes.windows(2).all(|pair| pair.first() == pair.last()) {
        return Err("is one byte over and over, which anybody can guess.");
    }
    if Some(bytes.as_slice()) == from_base64(EXAMPLE_SECRET).as_deref().map(Vec::as_slice) {
        return Err("is the example from .env.example, which everybody can read.");
    }
    Ok(bytes)
}

fn from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [&STANDARD, &URL_SAFE]
        .into_iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(text).ok())
        .map(Zeroizing::new)
}
