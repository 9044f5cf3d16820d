//! What one person could see at one moment, and what of it changed when.
//!
//! Invariant: whatever changes is marked with the revision of the change, so that a page which knows an older
//! revision can be told what it missed, and no more.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use crate::cloud66::{self, Allowance};
use crate::domain::{
    Deployment, DeploymentId, Fleet, OperationId, Redeploy, RedeployState, Stack, StackUid, Status, Version,
};

/// Rows of a page of Cloud 66's lists (fact sheet 5.2).
const ROWS_PER_PAGE: usize = 30;

/// How many stacks' whole histories are kept: those whose pages were opened last.
const MOST_HISTORIES: usize = 16;

/// How long a refusal of the person's role is believed: roles are changed at Cloud 66, which tells nobody.
const REFUSAL_BELIEVED: Duration = Duration::minutes(10);

/// How many steps of redeploys are kept for pages that were away for a moment.
const MOST_MOVES: usize = 64;

/// What one person could see at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The stacks.
    pub fleet: Fleet,
    /// When the list was read; none if it never was.
    pub listed_at: Option<OffsetDateTime>,
    /// Whether something was changed since, so that the next page reads the list first.
    pub outdated: bool,
    /// Why the last attempt to read it failed, and when.
    pub problem: Option<(cloud66::Error, OffsetDateTime)>,
    /// Cloud 66's own warning with the last answer that had one, until a list comes without: its words, plain and short.
    pub warning: Option<String>,
    /// The person's redeploys that have not reached their end, as they were read last.
    pub open: Vec<Redeploy>,
    /// Grows with every change, so that what was rendered from a snapshot can be told to be old.
    pub revision: u64,
    /// How many attempts in a row have failed.
    pub(super) failures: u32,
    /// Stacks of which a deployment runs, as far as is known.
    pub(super) running: Vec<StackUid>,
    /// Whether there are stacks whose version is not known, or old.
    pub(super) moved: bool,
    /// Stacks on which Cloud 66 refused this person a redeploy, and when it did so last.
    refused: HashMap<StackUid, OffsetDateTime>,
    /// Stacks whose last answer of their own could not be used, and why: said on their pages, and not on others.
    unread: HashMap<StackUid, cloud66::Error>,
    /// When stacks were asked for by themselves.
    asked: HashMap<StackUid, OffsetDateTime>,
    /// When each row changed last, by revision.
    changed: HashMap<StackUid, u64>,
    moves: VecDeque<Move>,
    /// Where those redeploys stood of which open pages were told last. A page that loads shows more at once, and
    /// the others are still to be told of it.
    told: HashMap<OperationId, RedeployState>,
    histories: VecDeque<(StackUid, Arc<[Deployment]>)>,
}

/// A step of one of the person's redeploys.
#[derive(Debug, Clone)]
pub struct Move {
    /// The row as it is now.
    pub redeploy: Redeploy,
    /// Where it stood when it was last seen; none where it was not.
    pub from: Option<RedeployState>,
    revision: u64,
}

impl Snapshot {
    /// The stacks whose rows changed after this revision; some of them may be gone.
    pub fn changed_since(&self, revision: u64) -> Vec<StackUid> {
        let newer = |(_, at): &(&StackUid, &u64)| **at > revision;
        self.changed.iter().filter(newer).map(|(uid, _)| *uid).collect()
    }

    /// The revision in which what is known of this stack changed last; 0 where it never did.
    pub fn changed_at(&self, uid: StackUid) -> u64 {
        self.changed.get(&uid).copied().unwrap_or_default()
    }

    /// What became of the person's redeploys after this revision.
    pub fn moves_since(&self, revision: u64) -> impl Iterator<Item = &Move> {
        self.moves.iter().filter(move |step| step.revision > revision)
    }

    /// When what is known of this stack was true.
    pub fn known_at(&self, uid: StackUid) -> Option<OffsetDateTime> {
        self.asked.get(&uid).copied().max(self.listed_at)
    }

    /// Why the last attempt to read this stack failed.
    pub fn problem_of(&self, uid: StackUid) -> Option<&cloud66::Error> {
        let of_all = self.problem.as_ref().map(|(problem, _)| problem);
        of_all.or_else(|| self.unread.get(&uid))
    }

    /// When Cloud 66 refused this person a redeploy of the stack, while that is believed.
    pub fn refused_at(&self, uid: StackUid, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let at = self.refused.get(&uid).copied();
        at.filter(|at| now - *at < REFUSAL_BELIEVED)
    }

    /// The stack's deployments, newest first, where they are kept.
    pub fn history(&self, uid: StackUid) -> Option<&[Deployment]> {
        let (_, history) = self.histories.iter().find(|(known, _)| *known == uid)?;
        Some(history)
    }

    /// The redeploy of this stack that the person asked for and that has not ended.
    pub fn open_on(&self, uid: StackUid) -> Option<&Redeploy> {
        self.open.iter().find(|redeploy| redeploy.stack == uid)
    }

    /// Where this redeploy stood when open pages were last told of it; none if they never were.
    pub(super) fn told_of(&self, id: OperationId) -> Option<RedeployState> {
        self.told.get(&id).copied()
    }

    /// Whether this is not what open pages were told of the person's redeploys that have not ended.
    pub(super) fn is_news(&self, open: &[Redeploy]) -> bool {
        self.open != open
            || self.told.len() != open.len()
            || open.iter().any(|now| self.told_of(now.id) != Some(now.state))
    }

    /// Whether what is left for watching does not pay for one more reading of the list.
    pub fn rests(&self, allowance: &Allowance) -> bool {
        allowance.left < self.pages()
    }

    /// How many requests one reading of the list takes.
    pub(super) fn pages(&self) -> u32 {
        let rows = self.fleet.stacks.len() + self.fleet.unreadable.len();
        u32::try_from(rows.div_ceil(ROWS_PER_PAGE).max(1)).unwrap_or(u32::MAX)
    }

    /// Whether the version of this stack is not known, or something happened to the stack since.
    pub(in crate::app) fn has_moved(&self, stack: &Stack) -> bool {
        match self.fleet.versions.get(&stack.uid) {
            None => true,
            Some(version) => stack.last_activity != version.at_activity,
        }
    }

    /// Takes in a list that was just read.
    pub(super) fn take_list(&mut self, listing: cloud66::Listing, at: OffsetDateTime) {
        let before: HashMap<StackUid, Stack> = std::mem::take(&mut self.fleet.stacks)
            .into_iter()
            .map(|stack| (stack.uid, stack))
            .collect();
        for stack in &listing.stacks {
            if before.get(&stack.uid) != Some(stack) {
                self.changed.insert(stack.uid, self.revision);
            }
        }
        self.fleet.stacks = listing.stacks;
        self.fleet.unreadable = listing.unreadable;
        self.fleet.incomplete = listing.incomplete;
        let known: std::collections::HashSet<StackUid> =
            self.fleet.stacks.iter().map(|stack| stack.uid).collect();
        if !listing.incomplete {
            for uid in before.keys().filter(|uid| !known.contains(*uid)) {
                self.changed.insert(*uid, self.revision);
            }
        }
        self.fleet.versions.retain(|uid, _| known.contains(uid));
        self.asked.retain(|uid, _| known.contains(uid));
        self.unread.retain(|uid, _| known.contains(uid));
        self.warning = listing.warning;
        self.listed_at = Some(at);
        self.forget_old_refusals(at);
        self.outdated = false;
        self.took_something();
    }

    /// Takes in one stack that was just asked for.
    pub(super) fn take_stack(&mut self, stack: &Stack, at: OffsetDateTime) {
        self.asked.insert(stack.uid, at);
        self.took_something();
        let uid = stack.uid;
        self.forget_old_refusals(at);
        if self.unread.remove(&uid).is_some() {
            self.changed.insert(uid, self.revision);
        }
        match self.fleet.stacks.iter_mut().find(|known| known.uid == uid) {
            Some(known) if known == stack => return,
            Some(known) => *known = stack.clone(),
            None => self.fleet.stacks.push(stack.clone()),
        }
        self.changed.insert(uid, self.revision);
    }

    /// Takes in a stack's deployments that were just asked for, as old as `at_activity`. Answers whether the
    /// newest of them is another one than before, or in another state.
    pub(super) fn take_history(
        &mut self,
        uid: StackUid,
        history: &[Deployment],
        at_activity: Option<OffsetDateTime>,
        at: OffsetDateTime,
    ) -> bool {
        self.took_something();
        let version = Version {
            at_activity,
            ..Version::of(history, at)
        };
        if let Some(kept) = self.histories.iter_mut().find(|(known, _)| *known == uid) {
            kept.1 = history.into();
        }
        let before = self.fleet.versions.get(&uid);
        let newest = before.map(|before| &before.newest) != Some(&version.newest);
        if before.is_none_or(|before| !before.says_the_same(&version)) {
            self.changed.insert(uid, self.revision);
        }
        self.fleet.versions.insert(uid, version);
        newest
    }

    /// Keeps a stack's whole history, because its page is open.
    pub(super) fn keep_history(&mut self, uid: StackUid, history: &[Deployment]) {
        self.histories.retain(|(known, _)| *known != uid);
        self.histories.truncate(MOST_HISTORIES - 1);
        self.histories.push_front((uid, history.into()));
    }

    /// Takes a stack out that is gone.
    pub(super) fn lose(&mut self, uid: StackUid) {
        self.fleet.stacks.retain(|stack| stack.uid != uid);
        self.fleet.versions.remove(&uid);
        self.refused.remove(&uid);
        self.unread.remove(&uid);
        self.changed.insert(uid, self.revision);
    }

    /// Remembers that Cloud 66 refused this person a redeploy of the stack.
    pub(super) fn refuse(&mut self, uid: StackUid, at: OffsetDateTime) {
        self.refused.insert(uid, at);
        self.changed.insert(uid, self.revision);
    }

    /// Cloud 66 has accepted something from this person on the stack: an earlier refusal holds no longer.
    pub(super) fn allow(&mut self, uid: StackUid) {
        if self.refused.remove(&uid).is_some() {
            self.changed.insert(uid, self.revision);
        }
    }

    fn forget_old_refusals(&mut self, now: OffsetDateTime) {
        let (changed, revision) = (&mut self.changed, self.revision);
        self.refused.retain(|uid, at| {
            let is_believed = now - *at < REFUSAL_BELIEVED;
            if !is_believed {
                changed.insert(*uid, revision);
            }
            is_believed
        });
    }

    /// Calls a deployment cancelled, because the ledger has Cloud 66's word for it.
    pub(super) fn call_cancelled(&mut self, uid: StackUid, id: DeploymentId) {
        let version = self.fleet.versions.get_mut(&uid);
        let mut changed = version.is_some_and(|version| version.call_cancelled(id));
        for (_, history) in self.histories.iter_mut().filter(|(known, _)| *known == uid) {
            let mut called = history.to_vec();
            let mut its = called.iter_mut().filter(|deployment| deployment.id == id);
            changed |= its.any(Deployment::call_cancelled);
            *history = called.into();
        }
        if changed {
            self.changed.insert(uid, self.revision);
        }
    }

    /// Takes in that an answer about one stack could not be used.
    pub(super) fn cannot_read(&mut self, uid: StackUid, problem: cloud66::Error) {
        self.unread.insert(uid, problem);
    }

    /// Takes in that an attempt failed.
    pub(super) fn fail(&mut self, problem: cloud66::Error, at: OffsetDateTime) {
        self.failures = self.failures.saturating_add(1);
        self.problem = Some((problem, at));
    }

    /// Takes in the person's redeploys as the ledger has them: those that have not ended, and those that ended
    /// lately.
    pub(super) fn take_redeploys(&mut self, open: Vec<Redeploy>, ended: &[Redeploy]) {
        for now in open.iter().chain(ended) {
            let from = self.told_of(now.id);
            if from != Some(now.state) {
                self.moves.push_back(Move {
                    redeploy: now.clone(),
                    from,
                    revision: self.revision,
                });
            }
        }
        while self.moves.len() > MOST_MOVES {
            self.moves.pop_front();
        }
        self.need_not_tell(&open);
        self.show_redeploys(open);
    }

    /// Counts the person's redeploys, where they stand now, as told.
    pub(super) fn need_not_tell(&mut self, open: &[Redeploy]) {
        self.told = open.iter().map(|now| (now.id, now.state)).collect();
    }

    /// Takes in the person's redeploys that have not ended, as a page shows them.
    pub(super) fn show_redeploys(&mut self, open: Vec<Redeploy>) {
        let before = std::mem::replace(&mut self.open, open);
        let (gone, news) = (
            before.iter().filter(|redeploy| !self.open.contains(redeploy)),
            self.open.iter().filter(|redeploy| !before.contains(redeploy)),
        );
        for redeploy in gone.chain(news) {
            self.changed.insert(redeploy.stack, self.revision);
        }
    }

    /// What follows from the rest; to be called after every change.
    pub(super) fn conclude(&mut self) {
        let fleet = &self.fleet;
        let runs = |stack: &&Stack| {
            let version = fleet.versions.get(&stack.uid);
            version.is_some_and(|version| version.running().is_some())
                || matches!(stack.status, Status::QueuedForDeploying | Status::Deploying)
        };
        self.running = fleet.stacks.iter().filter(runs).map(|stack| stack.uid).collect();
        self.moved = fleet.stacks.iter().any(|stack| self.has_moved(stack));
        let pending = |redeploy: &Redeploy| Some((redeploy.stack, fleet.pending_of(redeploy)?));
        let pending = self.open.iter().filter_map(pending).collect();
        self.fleet.pending = pending;
    }

    /// Cloud 66 answered.
    fn took_something(&mut self) {
        self.failures = 0;
        self.problem = None;
    }
}
