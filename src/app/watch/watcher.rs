//! One token's view of Cloud 66: asking for it, and taking in what was answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt as _, stream};
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

use super::pace::Pace;
use super::patience::Patience;
use super::plan::Plan;
use super::snapshot::Snapshot;
use super::viewers::{Interest, Viewer, Viewers};
use crate::app::cancelled::Cancelled;
use crate::cloud66::{self, Api, ApiVersion, Budget};
use crate::domain::{Clock, Deployment, Stack, StackQuery, StackUid, UserId};

/// A list younger than this is shown at once and read again behind the page; an older one is read first.
const STALE: Duration = Duration::minutes(2);

/// After a failed attempt, how long pages go without another one.
const PAUSE: Duration = Duration::seconds(5);

/// How many stacks are asked for their deployments at a time.
const VERSIONS_AT_ONCE: usize = 6;

/// What happened within this is asked for before what is only listed first: it is what "What changed" shows.
const LATELY: Duration = Duration::hours(24);

/// See the module above for the invariants.
pub struct Watcher {
    /// Tells watchers apart; part of the ids of events.
    id: u64,
    person: UserId,
    api: Api,
    budget: Budget,
    pub(super) clock: Clock,
    patience: Patience,
    pub(super) cancelled: Arc<Cancelled>,
    snapshot: Mutex<Arc<Snapshot>>,
    revision: watch::Sender<u64>,
    viewers: Viewers,
    plan: Plan,
    listing: tokio::sync::Mutex<()>,
    versioning: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watcher")
    }
}

impl Watcher {
    /// For one token; `api` counts what it asks as watching.
    pub(super) fn new(
        id: u64,
        person: UserId,
        (api, budget): (Api, Budget),
        clock: Clock,
        patience: Patience,
        cancelled: Arc<Cancelled>,
    ) -> Self {
        Self {
            id,
            person,
            api,
            budget,
            clock,
            patience,
            cancelled,
            snapshot: Mutex::default(),
            revision: watch::Sender::default(),
            viewers: Viewers::default(),
            plan: Plan::default(),
            listing: tokio::sync::Mutex::default(),
            versioning: tokio::sync::Mutex::default(),
        }
    }

    /// A number that no other watcher of this process has, nor, but for chance, one of another process.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whose token it is.
    pub fn person(&self) -> UserId {
        self.person
    }

    /// What is remembered now; asks nobody.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.lock())
    }

    /// This person's count of requests.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The revisions as they come.
    pub(in crate::app) fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    pub(super) fn viewers(&self) -> &Viewers {
        &self.viewers
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn is_old_api(&self) -> bool {
        self.api.version() == ApiVersion::V2
    }

    /// Says that a page is open, until what is returned is dropped.
    pub fn attend(self: &Arc<Self>, interest: Interest) -> Viewer {
        Viewer::new(Arc::clone(self), interest)
    }

    /// What a page shows (stale-while-revalidate): a fresh list as it is, a stale one at once while it is read
    /// again, and where there is none or only an old one, the page waits a bounded time for the next. Fresh is
    /// what is younger than the pace at which an open page reads it, so that loading pages costs no more.
    pub async fn view(self: Arc<Self>, stale: Stale) -> Arc<Snapshot> {
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
        let fresh = Pace::of(&self.budget.allowance(), snapshot.pages(), 0, now).list;
        match snapshot.listed_at {
            Some(_) if fresh.is_none() || !self.budget.may_watch() => snapshot,
            Some(at) if fresh.is_some_and(|fresh| lately(at, fresh)) && !snapshot.outdated => snapshot,
            Some(at)
                if stale == Stale::IsShown
                    && lately(at, STALE.max(fresh.unwrap_or(STALE) * 2))
                    && !snapshot.outdated =>
            {
                tokio::spawn(self.refresh(now));
                snapshot
            }
            known => {
                let patience = if known.is_some() {
                    self.patience.newer_list
                } else {
                    self.patience.first_list
                };
                // The refresh goes on when the patience ends: its answer serves the next page.
                let refresh = tokio::spawn(Arc::clone(&self).refresh(now));
                let _ = tokio::time::timeout(patience, refresh).await;
                self.snapshot()
            }
        }
    }

    /// Reads the list, unless one was read since `asked_at`. Returns when it is there; the versions of the
    /// stacks that moved are then read behind the page.
    pub(super) async fn refresh(self: Arc<Self>, asked_at: OffsetDateTime) {
        {
            let _one_at_a_time = self.listing.lock().await;
            let snapshot = self.snapshot();
            if !snapshot.outdated && snapshot.listed_at.is_some_and(|at| at > asked_at) {
                return;
            }
            let listing = self.api.stacks().await;
            let at = self.clock.now();
            self.change(|snapshot| match listing {
                Ok(listing) => snapshot.take_list(listing, at),
                Err(problem) => snapshot.fail(problem, at),
            });
        }
        if self.snapshot().problem.is_none() {
            tokio::spawn(self.read_versions());
        }
    }

    /// Asks for the deployments of the stacks that moved since they were last asked for, a few at a time, in
    /// the order of the page, what happened lately first, as many as the budget allows.
    pub(in crate::app) async fn read_versions(self: Arc<Self>) {
        if let Ok(_one_at_a_time) = self.versioning.try_lock() {
            self.read_versions_now().await;
        }
    }

    /// The same, after what is being read now: that may have begun with an older list, in which a stack that moved
    /// since had not moved.
    pub(in crate::app) async fn read_versions_in_turn(self: Arc<Self>) {
        let _one_at_a_time = self.versioning.lock().await;
        self.read_versions_now().await;
    }

    async fn read_versions_now(&self) {
        if self.is_old_api() {
            return;
        }
        let this = self;
        let snapshot = self.snapshot();
        let pace = self.pace(&snapshot);
        let most = usize::try_from(pace.versions).unwrap_or(usize::MAX);
        let wanted = wanted(&snapshot, self.clock.now());
        let mut answers = stream::iter(wanted.into_iter().take(most))
            .map(|(uid, at_activity)| async move {
                let at = this.clock.now();
                this.plan.asked(uid, at);
                let refused = this.snapshot().problem.is_some();
                let ask = !refused && this.budget.may_watch();
                match ask.then(|| this.api.deployments(uid))?.await {
                    Ok(history) => Some((uid, history, at_activity)),
                    // It would be the same for each of the others.
                    Err(problem @ cloud66::Error::SignedOut) => {
                        this.failed(uid, problem);
                        None
                    }
                    Err(_) => None,
                }
            })
            .buffered(VERSIONS_AT_ONCE)
            .ready_chunks(VERSIONS_AT_ONCE);
        while let Some(chunk) = answers.next().await {
            let at = self.clock.now();
            self.change(|snapshot| {
                for (uid, mut history, at_activity) in chunk.into_iter().flatten() {
                    self.cancelled.name(uid, &mut history);
                    snapshot.take_history(uid, &history, at_activity, at);
                }
            });
        }
    }

    /// Asks for one stack: its deployments where one of them runs, itself too where those have news or `all`
    /// is wanted. Answers whether a deployment that ran has ended.
    pub(super) async fn look(&self, uid: StackUid, all: Look) -> bool {
        let at = self.clock.now();
        self.plan.asked(uid, at);
        let before = self.snapshot();
        let ran = before.running.contains(&uid);
        let at_activity = before.fleet.stack(uid).and_then(|stack| stack.last_activity);
        let mut news = all == Look::Whole || self.is_old_api() || !ran;
        if !self.is_old_api() && (ran || all == Look::Whole) {
            match self.api.deployments(uid).await {
                Ok(mut history) => {
                    let at = self.clock.now();
                    news |= self.change(|snapshot| {
                        self.cancelled.name(uid, &mut history);
                        snapshot.take_history(uid, &history, at_activity, at)
                    });
                    // Where no deployment runs, the stack has to say what it is busy with.
                    news |= !history.first().is_some_and(Deployment::is_running);
                }
                Err(problem) => return self.failed(uid, problem),
            }
        }
        if news {
            match self.api.stack(uid).await {
                Ok(stack) => {
                    let at = self.clock.now();
                    self.change(|snapshot| {
                        snapshot.take_stack(&stack, at);
                        // The history is as new as the stack: it is not asked for again.
                        if let Some(version) = snapshot.fleet.versions.get_mut(&uid)
                            && version.known_at >= before.known_at(uid).unwrap_or(at)
                        {
                            version.at_activity = stack.last_activity;
                        }
                    });
                }
                Err(problem) => return self.failed(uid, problem),
            }
        }
        ran && !self.snapshot().running.contains(&uid)
    }

    /// The paces as the budget allows them now.
    pub(super) fn pace(&self, snapshot: &Snapshot) -> Pace {
        let running = u32::try_from(snapshot.running.len()).unwrap_or(u32::MAX);
        Pace::of(
            &self.budget.allowance(),
            snapshot.pages(),
            running,
            self.clock.now(),
        )
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Snapshot) -> T) -> T {
        let mut held = self.lock();
        let snapshot = Arc::make_mut(&mut held);
        snapshot.revision += 1;
        let answer = change(snapshot);
        snapshot.conclude();
        let revision = snapshot.revision;
        drop(held);
        self.revision.send_replace(revision);
        answer
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Snapshot>> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is done with a list that is not fresh and not old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// It is shown, and read again behind the page.
    IsShown,
    /// The page waits for the next one, as it does for an old list.
    IsReadFirst,
}

/// How much of a stack is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Look {
    /// Whether there is news.
    News,
    /// The stack and its deployments.
    Whole,
}

/// The stacks whose versions are wanted, each with the activity that its version will then be as old as.
fn wanted(snapshot: &Snapshot, now: OffsetDateTime) -> Vec<(StackUid, Option<OffsetDateTime>)> {
    let in_order = StackQuery::default().select(&snapshot.fleet, |_| false);
    let mut wanted: Vec<&Stack> = in_order
        .into_iter()
        .filter(|stack| snapshot.has_moved(stack))
        .collect();
    let lately = |stack: &&Stack| stack.last_activity.is_some_and(|at| now - at < LATELY);
    wanted.sort_by_key(|stack| !lately(stack));
    wanted
        .into_iter()
        .map(|stack| (stack.uid, stack.last_activity))
        .collect()
}
