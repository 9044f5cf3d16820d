//! Sealing: what is secret in a row is encrypted and authenticated, and opens in that row only.
//!
//! A sealed value is `key id (1 byte) | nonce (24 bytes) | ciphertext and tag`, made by XChaCha20-Poly1305.
//! * The key is HKDF-SHA-256 (RFC 5869) of one of the operator's secrets, with the purpose as its info: a key
//!   for session records never opens a token.
//! * The nonce is random; at 192 bits it does not come twice.
//! * The associated data is `table|row id|purpose|origin`: a value copied to another row or column does not open,
//!   and neither does one of another Cloud 66 than the one that the settings name. What was sealed before origins
//!   were part of it is opened without; its row is taken over once, by the first start afterwards.
//! * The key id is derived from the secret as well, so it says which secret sealed a value, in whatever order
//!   the secrets are listed. One byte is a hint, not a name: of secrets with the same key id each is tried.
//!
//! Invariant: the first secret seals, all of them open. Rotating is: put a new secret in front; once
//! everything that the old one sealed has ended or been saved again, take the old one away. What no secret
//! opens is not there, as far as the callers are concerned.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{OpenError, StoreError};
use crate::domain::Random;

/// The shortest secret that is taken, in bytes.
const SHORTEST_SECRET: usize = 32;
/// The length of a nonce, in bytes.
const NONCE: usize = 24;

/// What is sealed, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The content of a session.
    Session,
    /// The PKCE verifier of a sign-in under way.
    Verifier,
    /// A redeploy's own copy of the access token.
    Token,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::Session, Self::Verifier, Self::Token];

    fn table(self) -> &'static str {
        match self {
            Self::Session => "sessions",
            Self::Verifier => "sign_ins",
            Self::Token => "redeploys",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Session => "record",
            Self::Verifier => "verifier",
            Self::Token => "token",
        }
    }
}

/// Seals and opens; made once, shared by everything in the store.
pub(crate) struct Sealer {
    first: Keys,
    older: Vec<Keys>,
    random: Random,
    origin: String,
}

impl Sealer {
    /// Takes the operator's secrets, each of 32 bytes or more; the first one seals. `origin` is the Cloud 66 that
    /// what is sealed belongs to.
    pub(crate) fn new(
        secrets: &[Zeroizing<Vec<u8>>],
        random: Random,
        origin: &str,
    ) -> Result<Self, OpenError> {
        let (first, older) = secrets.split_first().ok_or(OpenError::Secret)?;
        Ok(Self {
            first: Keys::derive(first)?,
            older: older.iter().map(Keys::derive).collect::<Result<_, _>>()?,
            random,
            origin: origin.to_owned(),
        })
    }

    /// Seals `plain` for one row. Fails only for texts beyond 256 GB.
    pub(crate) fn seal(&self, purpose: Purpose, row: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let nonce: [u8; NONCE] = self.random.bytes();
        let payload = Payload {
            msg: plain,
            aad: &associated_data(purpose, row, Some(&self.origin)),
        };
        let ciphertext = self
            .first
            .cipher(purpose)
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Broken)?;
        let mut sealed = Vec::with_capacity(1 + NONCE + ciphertext.len());
        sealed.push(self.first.id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what [`Sealer::seal`] made for this purpose and row; none for everything else. The caller logs:
    /// it knows what the loss means.
    pub(crate) fn open(&self, purpose: Purpose, row: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (id, rest) = sealed.split_first()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>()?;
        let with_origin = associated_data(purpose, row, Some(&self.origin));
        let without = associated_data(purpose, row, None);
        std::iter::once(&self.first)
            .chain(&self.older)
            .filter(|keys| keys.id == *id)
            .flat_map(|keys| [(keys, &with_origin), (keys, &without)])
            .find_map(|(keys, aad)| {
                let payload = Payload { msg: ciphertext, aad };
                keys.cipher(purpose).decrypt(&XNonce::from(*nonce), payload).ok()
            })
            .map(Zeroizing::new)
    }
}

fn associated_data(purpose: Purpose, row: &str, origin: Option<&str>) -> Vec<u8> {
    let (table, name) = (purpose.table(), purpose.name());
    match origin {
        Some(origin) => format!("{table}|{row}|{name}|{origin}"),
        None => format!("{table}|{row}|{name}"),
    }
    .into_bytes()
}

/// What is derived from one secret.
struct Keys {
    id: u8,
    session: Zeroizing<[u8; 32]>,
    verifier: Zeroizing<[u8; 32]>,
    token: Zeroizing<[u8; 32]>,
}

impl Keys {
    fn derive(secret: &Zeroizing<Vec<u8>>) -> Result<Self, OpenError> {
        if secret.len() < SHORTEST_SECRET {
            return Err(OpenError::Secret);
        }
        let hkdf = Hkdf::<Sha256>::new(Some(b"stackdeck sealing 1"), secret);
        let expand = |info: &str, key: &mut [u8]| {
            // Fails for outputs beyond 8,160 bytes only.
            hkdf.expand(info.as_bytes(), key).map_err(|_| OpenError::Secret)
        };
        let mut id = [0];
        expand("key id", &mut id)?;
        let mut keys = Self {
            id: id[0],
            session: Zeroizing::default(),
            verifier: Zeroizing::default(),
            token: Zeroizing::default(),
        };
        for purpose in Purpose::ALL {
            let info = format!("{}|{}", purpose.table(), purpose.name());
            expand(&info, keys.key_mut(purpose))?;
        }
        Ok(keys)
    }

    fn cipher(&self, purpose: Purpose) -> XChaCha20Poly1305 {
        let key = match purpose {
            Purpose::Session => &self.session,
            Purpose::Verifier => &self.verifier,
            Purpose::Token => &self.token,
        };
        XChaCha20Poly1305::new((&**key).into())
    }

    fn key_mut(&mut self, purpose: Purpose) -> &mut [u8; 32] {
        match purpose {
            Purpose::Session => &mut self.session,
            Purpose::Verifier => &mut self.verifier,
            Purpose::Token => &mut self.token,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "https://app.cloud66.example";

    fn secret(byte: u8) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(vec![byte; 32])
    }

    fn sealer(secrets: &[u8]) -> Sealer {
        let secrets: Vec<_> = secrets.iter().map(|byte| secret(*byte)).collect();
        Sealer::new(&secrets, Random::system(), HERE).unwrap()
    }

    #[test]
    fn a_value_opens_in_its_own_row_and_for_its_own_purpose_only() {
        let sealer = sealer(&[1]);
        let sealed = sealer.seal(Purpose::Token, "a", b"plain").unwrap();
        assert_eq!(**sealer.open(Purpose::Token, "a", &sealed).unwrap(), *b"plain");
        assert!(sealer.open(Purpose::Token, "b", &sealed).is_none());
        for other in [Purpose::Session, Purpose::Verifier] {
            assert!(sealer.open(other, "a", &sealed).is_none());
        }
    }

    #[test]
    fn a_value_opens_for_its_own_cloud66_only_and_an_old_one_for_every() {
        let here = sealer(&[1]);
        let there = Sealer::new(&[secret(1)], Random::system(), "https://cloud66.evil.example").unwrap();
        let sealed = here.seal(Purpose::Token, "a", b"plain").unwrap();
        assert!(here.open(Purpose::Token, "a", &sealed).is_some());
        assert!(there.open(Purpose::Token, "a", &sealed).is_none());

        // As versions before origins sealed.
        let payload = Payload {
            msg: b"plain",
            aad: b"redeploys|a|token",
        };
        let nonce = [7; NONCE];
        let ciphertext = here
            .first
            .cipher(Purpose::Token)
            .encrypt(&XNonce::from(nonce), payload)
            .unwrap();
        let old = [&[here.first.id][..], &nonce[..], &ciphertext].concat();
        assert!(here.open(Purpose::Token, "a", &old).is_some());
        assert!(here.open(Purpose::Token, "b", &old).is_none());
    }

    #[test]
    fn a_changed_value_does_not_open() {
        let sealer = sealer(&[1]);
        let sealed = sealer.seal(Purpose::Session, "a", b"plain").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(
                sealer.open(Purpose::Session, "a", &changed).is_none(),
                "byte {at}"
            );
            assert!(
                sealer.open(Purpose::Session, "a", &sealed[..at]).is_none(),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_alike() {
        let sealer = sealer(&[1]);
        let seal = || sealer.seal(Purpose::Session, "a", b"plain").unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn every_listed_secret_opens_in_any_order() {
        let sealed = sealer(&[1]).seal(Purpose::Session, "a", b"plain").unwrap();
        assert!(sealer(&[2, 1]).open(Purpose::Session, "a", &sealed).is_some());
        assert!(sealer(&[1, 2]).open(Purpose::Session, "a", &sealed).is_some());
        assert!(sealer(&[3, 2, 1]).open(Purpose::Session, "a", &sealed).is_some());
        assert!(sealer(&[2, 3]).open(Purpose::Session, "a", &sealed).is_none());
    }

    #[test]
    fn secrets_with_the_same_key_id_are_all_tried() {
        let id = |n: u16| {
            let secret = Zeroizing::new(n.to_le_bytes().repeat(16));
            Keys::derive(&secret).unwrap().id
        };
        let twin = (1..=u16::MAX).find(|n| id(*n) == id(0)).unwrap();
        let secrets = [0, twin].map(|n: u16| Zeroizing::new(n.to_le_bytes().repeat(16)));
        let older = Sealer::new(&secrets[1..], Random::system(), HERE).unwrap();
        let sealed = older.seal(Purpose::Token, "a", b"plain").unwrap();
        let both = Sealer::new(&secrets, Random::system(), HERE).unwrap();
        assert!(both.open(Purpose::Token, "a", &sealed).is_some());
    }

    #[test]
    fn a_short_secret_or_none_is_refused() {
        assert!(Sealer::new(&[], Random::system(), HERE).is_err());
        let short = Zeroizing::new(vec![1; 31]);
        assert!(Sealer::new(&[secret(1), short], Random::system(), HERE).is_err());
    }
}
