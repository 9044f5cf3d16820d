//! Reads of a stack that several redeploys wait for, made once for all of them.
//!
//! Invariants:
//! * What is shared is shared among holders of one and the same token.
//! * Whoever takes part began before the read did: nobody is given what was read before they asked.
//! * Deployments are shared only where they were read after the actions. An action that has ended is then followed by
//!   deployments in which its end is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use super::error::Error;
use crate::domain::{AccessToken, Action, Deployment, StackUid};

/// What was read for polls that began together. To be made anew for each such round; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct SharedReads(Arc<Mutex<HashMap<Key, Arc<StackReads>>>>);

/// The SHA-256 of the token, and the stack.
type Key = ([u8; 32], StackUid);

#[derive(Debug, Default)]
struct StackReads {
    actions: OnceCell<Result<Vec<Action>, Error>>,
    deployments: OnceCell<Result<Vec<Deployment>, Error>>,
}

impl SharedReads {
    /// The stack's actions: read by whoever comes first.
    pub(super) async fn actions(
        &self,
        token: &AccessToken,
        uid: StackUid,
        read: impl Future<Output = Result<Vec<Action>, Error>>,
    ) -> Result<Vec<Action>, Error> {
        self.of(token, uid).actions.get_or_init(|| read).await.clone()
    }

    /// The stack's deployments, likewise; read for the caller alone while the actions were not.
    pub(super) async fn deployments(
        &self,
        token: &AccessToken,
        uid: StackUid,
        read: impl Future<Output = Result<Vec<Deployment>, Error>>,
    ) -> Result<Vec<Deployment>, Error> {
        let reads = self.of(token, uid);
        if !reads.actions.initialized() {
            return read.await;
        }
        reads.deployments.get_or_init(|| read).await.clone()
    }

    fn of(&self, token: &AccessToken, uid: StackUid) -> Arc<StackReads> {
        let key = (Sha256::digest(token.expose()).into(), uid);
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(reads.entry(key).or_default())
    }
}
