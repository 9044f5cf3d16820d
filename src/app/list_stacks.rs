//! Every stack that the person can reach, with its age.

use std::sync::Arc;

use super::watch::{Snapshot, Stale};
use super::{App, SignedIn};

impl App {
    /// The person's fleet from memory, refreshed as [`super::watch::Watcher::view`] says. A failure to refresh
    /// is part of the snapshot, not an error: an old list with its age is better than none.
    pub async fn stacks(&self, who: &SignedIn) -> Arc<Snapshot> {
        self.watcher(who).view(Stale::IsShown).await
    }
}
