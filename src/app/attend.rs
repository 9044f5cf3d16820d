//! Keeping an open page true: what a person sees, again and again, each time something of it changed.

use std::sync::Arc;

use tokio::sync::watch;

use super::watch::{Interest, Snapshot, Viewer, Watcher};
use super::{App, SignedIn};
use crate::domain::{OperationId, Redeploy};

/// An open page. While it is held, Cloud 66 and the ledger are asked for what it shows.
#[derive(Debug)]
pub struct Attending {
    watcher: Arc<Watcher>,
    revisions: watch::Receiver<u64>,
    _open: Viewer,
}

impl App {
    /// Opens a page that shows this.
    pub fn attend(&self, who: &SignedIn, interest: Interest) -> Attending {
        let watcher = self.watcher(who);
        let attending = Attending {
            revisions: watcher.revisions(),
            _open: watcher.attend(interest),
            watcher,
        };
        self.watchers().wake();
        attending
    }

    /// Notes that a page shows these redeploys, so that the ends among them are not told again.
    pub async fn note_shown(&self, who: &SignedIn, shown: &[Redeploy]) {
        if !shown.iter().any(|redeploy| redeploy.state.is_end()) {
            return;
        }
        match self.store().ledger().unseen_ends(who.person.id).await {
            Ok(mut unseen) => {
                unseen.retain(|redeploy| shown.iter().any(|shown| shown.id == redeploy.id));
                let ids: Vec<OperationId> = unseen.iter().map(|redeploy| redeploy.id).collect();
                self.note_told(&ids).await;
            }
            Err(error) => tracing::warn!(%error, "it could not be noted that ends were shown"),
        }
    }

    /// Notes that a page has told the person how these redeploys ended. A failure costs that they are told again.
    pub async fn note_told(&self, ended: &[OperationId]) {
        for id in ended {
            if let Err(error) = self.store().ledger().seen(*id).await {
                tracing::warn!(%error, "it could not be noted that an end was told");
            }
        }
    }
}

impl Attending {
    /// What is known now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.watcher.snapshot()
    }

    /// Waits until more is known, or something else. What changes meanwhile comes together.
    pub async fn changed(&mut self) -> Arc<Snapshot> {
        // The sender lives in the watcher, which is held here.
        let _ = self.revisions.changed().await;
        self.watcher.snapshot()
    }
}
