//! Sign-ins under way: from pressing "Sign in" until Cloud 66 sends the person back.
//!
//! Invariants:
//! * A sign-in is found by its `state` together with the browser that began it, or not at all; both are
//!   stored as hashes, and compared by the database as such.
//! * It is taken out by one `DELETE … RETURNING`: of any number of callbacks one gets it, and it is gone
//!   before the authorization code is sent anywhere.
//! * The PKCE verifier is sealed.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use time::Duration;

use super::hash::{Kind, hash, hex};
use super::rows::Rows;
use super::rows::sign_ins::SignInRow;
use super::seal::{Purpose, Sealer};
use super::{StoreError, millis};
use crate::domain::{Clock, ReturnTo, Scopes};

/// How long a person may take at Cloud 66: as long as an authorization code lives there (fact sheet 3.9).
pub const LIFE: Duration = Duration::minutes(10);
/// How many sign-ins one browser may have under way (in tabs, say); the oldest one goes when there would be
/// more.
pub const MOST_PER_BROWSER: u32 = 5;
/// How many sign-ins may be under way in all; more are refused until some end.
pub const MOST: u32 = 10_000;

/// How many rows one statement of the sweep deletes.
const SWEEP_BATCH: u32 = 100;

/// What is kept of a sign-in under way.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The PKCE verifier, where one is used.
    pub verifier: Option<SecretString>,
    /// The page to go to afterwards.
    pub return_to: ReturnTo,
    /// What was asked for, for an answer that does not say what was granted.
    pub scopes: Scopes,
}

/// The sign-ins under way. Cheap to clone.
#[derive(Clone)]
pub struct SignIns {
    rows: Arc<dyn Rows>,
    sealer: Arc<Sealer>,
    clock: Clock,
}

impl SignIns {
    pub(crate) fn new(rows: Arc<dyn Rows>, sealer: Arc<Sealer>, clock: Clock) -> Self {
        Self { rows, sealer, clock }
    }

    /// Keeps a sign-in for ten minutes. `state` and `browser` are random texts: the OAuth `state`, and the
    /// value of the short-lived cookie of the browser that begins. [`StoreError::Full`] while 10,000 are
    /// under way (give or take those that begin at the same moment in another process).
    pub async fn begin(&self, state: &str, browser: &str, sign_in: &SignIn) -> Result<(), StoreError> {
        let now_ms = self.now_ms();
        let state_hash = hash(Kind::State, state.as_bytes());
        let browser_hash = hash(Kind::Browser, browser.as_bytes());
        let seal = |verifier: &SecretString| {
            let plain = verifier.expose_secret().as_bytes();
            self.sealer.seal(Purpose::Verifier, &hex(&state_hash), plain)
        };
        let row = SignInRow {
            state_hash: state_hash.to_vec(),
            browser_hash: browser_hash.to_vec(),
            expires_at_ms: now_ms + millis::of(LIFE),
            sealed_verifier: sign_in.verifier.as_ref().map(seal).transpose()?,
            return_to: sign_in.return_to.to_string(),
            scopes: sign_in.scopes.to_string(),
        };
        if !self.rows.insert_sign_in(&row, MOST.into(), now_ms).await? {
            tracing::warn!(
                most = MOST,
                "too many sign-ins are under way; one more was refused"
            );
            return Err(StoreError::Full);
        }
        self.rows
            .trim_sign_ins(&browser_hash, MOST_PER_BROWSER.into())
            .await?;
        Ok(())
    }

    /// Takes a sign-in out. None where the state is unknown, used or more than ten minutes old, where another
    /// browser began it (it then stays, for that browser), or where its verifier does not open any more.
    pub async fn consume(&self, state: &str, browser: &str) -> Result<Option<SignIn>, StoreError> {
        let state_hash = hash(Kind::State, state.as_bytes());
        let browser_hash = hash(Kind::Browser, browser.as_bytes());
        let row = self
            .rows
            .take_sign_in(&state_hash, &browser_hash, self.now_ms())
            .await?;
        Ok(row.and_then(|row| self.read(&row)))
    }

    /// Takes out the newest sign-in that this browser began: for a code that was pasted, which comes without
    /// a state (fact sheet 3.2). None as for [`SignIns::consume`].
    pub async fn latest_of(&self, browser: &str) -> Result<Option<SignIn>, StoreError> {
        let browser_hash = hash(Kind::Browser, browser.as_bytes());
        let row = self
            .rows
            .take_newest_sign_in(&browser_hash, self.now_ms())
            .await?;
        Ok(row.and_then(|row| self.read(&row)))
    }

    /// Deletes the rows of sign-ins that nobody came back from; answers how many. To be called every few
    /// minutes.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        let now_ms = self.now_ms();
        let mut swept = 0;
        loop {
            let batch = self.rows.sweep_sign_ins(SWEEP_BATCH.into(), now_ms).await?;
            swept += batch;
            if batch < u64::from(SWEEP_BATCH) {
                break;
            }
        }
        self.rows.forget_deleted().await?;
        Ok(swept)
    }

    fn now_ms(&self) -> i64 {
        millis::from_time(self.clock.now())
    }

    fn read(&self, row: &SignInRow) -> Option<SignIn> {
        let verifier = match &row.sealed_verifier {
            None => None,
            Some(sealed) => {
                let Some(verifier) = self.open(&row.state_hash, sealed) else {
                    tracing::warn!(
                        "the verifier of a sign-in does not open, so the sign-in counts as unknown: its row \
                         was changed, or the secret that sealed it is no longer listed"
                    );
                    return None;
                };
                Some(verifier)
            }
        };
        Some(SignIn {
            verifier,
            return_to: ReturnTo::parse(&row.return_to),
            scopes: Scopes::parse(&row.scopes),
        })
    }

    fn open(&self, state_hash: &[u8], sealed: &[u8]) -> Option<SecretString> {
        let plain = self.sealer.open(Purpose::Verifier, &hex(state_hash), sealed)?;
        std::str::from_utf8(&plain).ok().map(SecretString::from)
    }
}

impl std::fmt::Debug for SignIns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignIns")
    }
}
