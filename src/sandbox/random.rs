//! Two sources of chance, kept apart on purpose.
//!
//! [`Seeded`] draws the world: the same seed gives the same uids, names and history on every machine and in
//! every release, so its algorithm (`SplitMix64`) is written here. [`Random`] issues what must not be
//! guessed: authorization codes, tokens, secrets and sign-in cookies; it is seeded once from the operating
//! system.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _};
use std::fmt::Write as _;

/// Unguessable strings for things that are issued at run time.
pub(crate) struct Random(StdRng);

impl Random {
    /// Seeds the generator from the operating system; `None` when that has no randomness to give.
    pub(crate) fn from_system() -> Option<Self> {
        StdRng::try_from_rng(&mut SysRng).ok().map(Self)
    }

    /// `2 * BYTES` hexadecimal digits.
    pub(crate) fn hex<const BYTES: usize>(&mut self) -> String {
        let mut bytes = [0_u8; BYTES];
        self.0.fill_bytes(&mut bytes);
        hex(&bytes)
    }

    /// 43 characters of `A-Z a-z 0-9 - _`, the form of tokens since 2022 (fact sheet 3.4).
    pub(crate) fn url_safe(&mut self) -> String {
        let mut bytes = [0_u8; 32];
        self.0.fill_bytes(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// `SplitMix64`: a small generator whose sequence is the same everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Seeded(u64);

impl Seeded {
    /// A sequence of its own for each `(seed, about)`, so that drawing more for one thing moves no other.
    pub(crate) fn new(seed: u64, about: &str) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in about.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let mut this = Self(hash);
        this.next();
        this
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, not including, `end`; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True for about `percent` of the calls.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `all`; `None` only when there is none.
    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let index = self.below(u64::try_from(all.len()).unwrap_or(0));
        usize::try_from(index).ok().and_then(|index| all.get(index))
    }

    /// `digits` hexadecimal digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            // Writing to a String cannot fail.
            let _ = write!(text, "{:016x}", self.next());
        }
        text.truncate(digits);
        text
    }

    /// `length` letters and digits.
    pub(crate) fn letters(&mut self, length: usize) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        (0..length)
            .filter_map(|_| self.pick(ALPHABET).map(|byte| char::from(*byte)))
            .collect()
    }
}

/// Lower-case hexadecimal digits of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeded_sequence_is_pinned() {
        let mut first = Seeded::new(66, "stack 1");
        let mut again = Seeded::new(66, "stack 1");
        assert_eq!(first.hex(32), again.hex(32));
        assert_ne!(first.hex(32), Seeded::new(67, "stack 1").hex(32));
        assert_ne!(
            Seeded::new(66, "stack 1").hex(8),
            Seeded::new(66, "stack 2").hex(8)
        );
    }

    #[test]
    fn a_range_holds_both_its_ends() {
        let mut seeded = Seeded::new(1, "range");
        let drawn: Vec<u64> = (0..200).map(|_| seeded.between(3, 5)).collect();
        assert!(drawn.iter().all(|number| (3..=5).contains(number)));
        assert!([3, 4, 5].iter().all(|number| drawn.contains(number)));
        assert_eq!(seeded.below(0), 0);
    }

    #[test]
    fn issued_strings_have_the_documented_forms() {
        let mut random = Random::from_system().unwrap();
        assert_eq!(random.hex::<32>().len(), 64);
        assert_eq!(random.url_safe().len(), 43);
        assert_ne!(random.url_safe(), random.url_safe());
    }
}
