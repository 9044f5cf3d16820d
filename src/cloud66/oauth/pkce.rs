//! Whether this Cloud 66 takes a PKCE verifier.
//!
//! Most servers ignore one that they do not expect, some check it, and some answer `invalid_request` to every
//! exchange that carries one (fact sheet 3.8). On `auto` the token endpoint is asked once per process with a
//! made-up code: the answer `invalid_request` turns PKCE off, every other answer (`invalid_grant` is the
//! usual one) leaves it on.
//!
//! Where there is no answer, PKCE is used for this sign-in and the next one asks again: to go without would
//! let whoever disturbs the network switch a protection off, and a server that cannot be reached will not
//! finish the sign-in either way. The cost: at a server that refuses verifiers, such a sign-in fails once. An
//! exchange that is refused with `invalid_request` is taken as the answer, so the next sign-in works.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

use super::PkceMode;

/// The word that a server says who takes no verifier.
pub(super) const REFUSAL: &str = "invalid_request";

/// The setting, and what was found out.
pub(super) struct Pkce {
    mode: PkceMode,
    patience: Duration,
    /// Held while the server is asked, so that it is asked once however many sign in at the same time.
    refused: Mutex<Option<bool>>,
}

impl Pkce {
    pub(super) fn new(mode: PkceMode, patience: Duration) -> Self {
        Self {
            mode,
            patience,
            refused: Mutex::new(None),
        }
    }

    /// Whether to use a verifier. `ask` is called where it is not known yet whether the server refuses one;
    /// all who wait for the same answer wait no longer than `patience`.
    pub(super) async fn is_on<F>(&self, ask: impl FnOnce() -> F) -> bool
    where
        F: Future<Output = Option<bool>>,
    {
        match self.mode {
            PkceMode::On => true,
            PkceMode::Off => false,
            PkceMode::Auto => {
                let found = timeout(self.patience, async {
                    let mut refused = self.refused.lock().await;
                    if refused.is_none() {
                        *refused = ask().await;
                    }
                    *refused
                });
                !found.await.ok().flatten().unwrap_or(false)
            }
        }
    }

    /// A real exchange with a verifier was refused in the way of a server that takes none.
    pub(super) fn was_refused(&self) {
        // While somebody holds the lock the server is being asked anyway.
        if let Ok(mut refused) = self.refused.try_lock() {
            *refused = Some(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;

    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn the_server_is_asked_once_however_many_sign_in() {
        for (answer, on) in [(false, true), (true, false)] {
            let pkce = Pkce::new(PkceMode::Auto, PATIENCE);
            let asked = AtomicU32::new(0);
            let ask = || async {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Some(answer)
            };
            let found = join_all((0..50).map(|_| pkce.is_on(ask))).await;
            assert!(found.iter().all(|found| *found == on));
            assert_eq!(asked.load(Ordering::SeqCst), 1);
        }
    }

    #[tokio::test]
    async fn no_answer_is_not_remembered_and_leaves_it_on() {
        let pkce = Pkce::new(PkceMode::Auto, PATIENCE);
        assert!(pkce.is_on(|| async { None }).await);
        assert!(!pkce.is_on(|| async { Some(true) }).await);
        assert!(!pkce.is_on(|| async { Some(false) }).await);
    }

    #[tokio::test]
    async fn a_silent_server_holds_nobody_up_for_long() {
        let pkce = Pkce::new(PkceMode::Auto, Duration::from_millis(1));
        assert!(pkce.is_on(std::future::pending).await);
    }

    #[tokio::test]
    async fn a_refused_exchange_is_an_answer() {
        let pkce = Pkce::new(PkceMode::Auto, PATIENCE);
        assert!(pkce.is_on(|| async { Some(false) }).await);
        pkce.was_refused();
        assert!(!pkce.is_on(|| async { Some(false) }).await);
    }

    #[tokio::test]
    async fn on_and_off_ask_nobody() {
        let unasked = || async { unreachable!("nobody may be asked") };
        assert!(Pkce::new(PkceMode::On, PATIENCE).is_on(unasked).await);
        assert!(!Pkce::new(PkceMode::Off, PATIENCE).is_on(unasked).await);
    }
}
