//! One token's view of Cloud 66: the list and the versions, and when to ask again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt as _, stream};
use time::{Duration, OffsetDateTime};

use super::Snapshot;
use crate::cloud66::{self, Api, Budget};
use crate::domain::{Clock, Stack, StackUid, Version};

/// A list younger than this is shown as it is.
const FRESH: Duration = Duration::seconds(20);

/// A list younger than this is shown at once and read again behind the page; an older one is read first.
const STALE: Duration = Duration::minutes(2);

/// After a failed attempt, how long pages go without another one.
const PAUSE: Duration = Duration::seconds(5);

/// How long a page with no list waits for one, and how long a page with an old list waits for a newer one.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(12);
const PATIENCE_WITH_OLD: std::time::Duration = std::time::Duration::from_secs(3);

/// How long the first page waits for versions once the list is there.
const PATIENCE_FOR_VERSIONS: std::time::Duration = std::time::Duration::from_millis(400);

/// How many stacks are asked for their deployments at a time.
const VERSIONS_AT_ONCE: usize = 6;

/// See the module above for the invariants.
pub struct Watcher {
    api: Api,
    budget: Budget,
    clock: Clock,
    snapshot: Mutex<Arc<Snapshot>>,
    listing: tokio::sync::Mutex<()>,
    versioning: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watcher")
    }
}

impl Watcher {
    pub(super) fn new(api: Api, budget: Budget, clock: Clock) -> Self {
        Self {
            api,
            budget,
            clock,
            snapshot: Mutex::default(),
            listing: tokio::sync::Mutex::default(),
            versioning: tokio::sync::Mutex::default(),
        }
    }

    /// What is remembered now; asks nobody.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.lock())
    }

    /// This person's count of requests.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What a page shows (stale-while-revalidate): a fresh list as it is, a stale one at once while it is read
    /// again, and where there is none or only an old one, the page waits a bounded time for the next.
    pub async fn view(self: Arc<Self>) -> Arc<Snapshot> {
        let snapshot = self.snapshot();
        let now = self.clock.now();
        let lately = |at: OffsetDateTime, within: Duration| now - at < within;
        if snapshot
            .problem
            .as_ref()
            .is_some_and(|(_, at)| lately(*at, PAUSE))
        {
            return snapshot;
        }
        match snapshot.listed_at {
            Some(at) if lately(at, FRESH) && !snapshot.outdated => snapshot,
            Some(_) if !self.budget.may_watch() => snapshot,
            Some(at) if lately(at, STALE) && !snapshot.outdated => {
                tokio::spawn(self.refresh(now));
                snapshot
            }
            known => {
                let patience = if known.is_some() {
                    PATIENCE_WITH_OLD
                } else {
                    PATIENCE
                };
                // The refresh goes on when the patience ends: its answer serves the next page.
                let refresh = tokio::spawn(Arc::clone(&self).refresh(now));
                let _ = tokio::time::timeout(patience, refresh).await;
                self.snapshot()
            }
        }
    }

    /// Reads the list, unless one was read since `asked_at`, then the versions that moved. Returns when the
    /// list is there and the versions are, or their patience has ended; the latter go on being read.
    pub async fn refresh(self: Arc<Self>, asked_at: OffsetDateTime) {
        {
            let _one_at_a_time = self.listing.lock().await;
            let snapshot = self.snapshot();
            if !snapshot.outdated && snapshot.listed_at.is_some_and(|at| at > asked_at) {
                return;
            }
            match self.api.stacks().await {
                Ok(listing) => self.take(listing),
                Err(problem) => {
                    let at = self.clock.now();
                    self.change(|snapshot| snapshot.problem = Some((problem, at)));
                    return;
                }
            }
        }
        let versions = tokio::spawn(Arc::clone(&self).read_versions());
        let _ = tokio::time::timeout(PATIENCE_FOR_VERSIONS, versions).await;
    }

    fn take(&self, listing: cloud66::Listing) {
        let at = self.clock.now();
        self.change(|snapshot| {
            let fleet = &mut snapshot.fleet;
            fleet.stacks = listing.stacks;
            fleet.unreadable = listing.unreadable;
            fleet.incomplete = listing.incomplete;
            let known: std::collections::HashSet<StackUid> =
                fleet.stacks.iter().map(|stack| stack.uid).collect();
            fleet.versions.retain(|uid, _| known.contains(uid));
            snapshot.warning = listing.warning;
            snapshot.listed_at = Some(at);
            snapshot.outdated = false;
            snapshot.problem = None;
        });
    }

    /// Asks for the deployments of the stacks that moved since they were last asked for, a few at a time, in
    /// the order of the list, as long as the budget for watching lasts.
    async fn read_versions(self: Arc<Self>) {
        let Ok(_one_at_a_time) = self.versioning.try_lock() else {
            return;
        };
        let this = &self;
        let mut answers = stream::iter(moved(&self.snapshot()))
            .map(|(uid, at_activity)| async move {
                if !this.budget.may_watch() {
                    return None;
                }
                let history = this.api.deployments(uid).await.ok()?;
                Some((
                    uid,
                    Version {
                        at_activity,
                        ..Version::of(&history, this.clock.now())
                    },
                ))
            })
            .buffered(VERSIONS_AT_ONCE)
            .ready_chunks(VERSIONS_AT_ONCE);
        while let Some(chunk) = answers.next().await {
            self.change(|snapshot| snapshot.fleet.versions.extend(chunk.into_iter().flatten()));
        }
    }

    /// Takes in what a page of one stack learnt.
    pub fn learn(&self, stack: &Stack, version: Option<Version>) {
        self.change(|snapshot| {
            if let Some(known) = snapshot
                .fleet
                .stacks
                .iter_mut()
                .find(|known| known.uid == stack.uid)
            {
                *known = stack.clone();
            }
            if let Some(version) = version {
                snapshot.fleet.versions.insert(stack.uid, version);
            }
        });
    }

    /// Takes a stack out that is gone.
    pub fn forget(&self, uid: StackUid) {
        self.change(|snapshot| {
            snapshot.fleet.stacks.retain(|stack| stack.uid != uid);
            snapshot.fleet.versions.remove(&uid);
        });
    }

    /// Remembers that Cloud 66 refused this person a redeploy of the stack.
    pub fn refuse(&self, uid: StackUid) {
        self.change(|snapshot| {
            if !snapshot.refused.contains(&uid) {
                snapshot.refused.push(uid);
            }
        });
    }

    /// Makes the next page read the list first, because something was changed there.
    pub fn outdate(&self) {
        self.change(|snapshot| snapshot.outdated = true);
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = self.lock();
        let snapshot = Arc::make_mut(&mut snapshot);
        change(snapshot);
        snapshot.revision += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Snapshot>> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stacks whose versions are not known, or about which something happened since they were asked for, each
/// with the activity that its version will then be as old as.
fn moved(snapshot: &Snapshot) -> Vec<(StackUid, Option<OffsetDateTime>)> {
    let fleet = &snapshot.fleet;
    let moved = |stack: &&Stack| match fleet.versions.get(&stack.uid) {
        None => true,
        Some(version) => {
            version.running().is_some() || stack.is_busy() || stack.last_activity != version.at_activity
        }
    };
    fleet
        .stacks
        .iter()
        .filter(moved)
        .map(|stack| (stack.uid, stack.last_activity))
        .collect()
}
