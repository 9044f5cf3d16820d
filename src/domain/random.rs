//! Randomness is a parameter. The operating system's generator is asked in one function of this file.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _, TryRng as _};

/// Where a part of the program gets random bytes from; cheap to clone.
#[derive(Clone)]
pub struct Random(Arc<Fill>);

/// Fills a buffer with random bytes.
type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Random {
    /// The operating system's generator. A system that cannot give random bytes cannot run a sign-in, so its
    /// failure ends the process rather than yielding a guessable value.
    pub fn system() -> Self {
        Self(Arc::new(|buffer| {
            if SysRng.try_fill_bytes(buffer).is_err() {
                std::process::abort();
            }
        }))
    }

    /// The same bytes for the same seed; for tests only.
    pub fn seeded(seed: u64) -> Self {
        let generator = Mutex::new(StdRng::seed_from_u64(seed));
        Self(Arc::new(move |buffer| {
            generator
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .fill_bytes(buffer);
        }))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut buffer = [0; N];
        (self.0)(&mut buffer);
        buffer
    }

    /// A random number of 128 bits.
    pub fn u128(&self) -> u128 {
        u128::from_le_bytes(self.bytes())
    }

    /// A random text of 43 characters of the URL-safe base64 alphabet: 256 bits.
    pub fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_43_characters_and_never_comes_twice() {
        let random = Random::system();
        let (one, other) = (random.token(), random.token());
        assert_eq!(one.len(), 43);
        assert_ne!(one, other);
    }

    #[test]
    fn a_seed_repeats() {
        assert_eq!(Random::seeded(7).u128(), Random::seeded(7).u128());
        assert_ne!(Random::seeded(7).u128(), Random::seeded(8).u128());
    }
}
