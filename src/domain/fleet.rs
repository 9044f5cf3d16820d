//! The fleet: all stacks that one person can reach, as they were known at one moment.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};

use super::deployment::{Deployment, Outcome, usual_duration};
use super::ids::{DeploymentId, StackUid};
use super::redeploy::{Command, Redeploy, RedeployState};
use super::stack::Stack;
use super::verdict::{Pending, Verdict};

/// All stacks of a person, with what is known of their versions.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    /// The stacks, in the order in which Cloud 66 gave them.
    pub stacks: Vec<Stack>,
    /// What runs on each of them, as far as it has been asked for.
    pub versions: HashMap<StackUid, Version>,
    /// What was asked of stacks here, that Cloud 66 has accepted and does not show on them yet.
    pub pending: HashMap<StackUid, Pending>,
    /// Names of stacks that Cloud 66 listed in a form that this app cannot read: shown, never acted on.
    pub unreadable: Vec<String>,
    /// Whether pages are missing: some stacks are not in this list.
    pub incomplete: bool,
}

/// What is known of a stack's code and deployments.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// The deployment whose code is on the servers.
    pub live: Option<Deployment>,
    /// The newest deployment; the live one, a running one, or a failed one.
    pub newest: Option<Deployment>,
    /// What deployments of the stack usually take.
    pub usual: Option<Duration>,
    /// The deployments of the last day when Cloud 66 was asked, newest first, and the one before them.
    pub recent: Vec<Deployment>,
    /// When Cloud 66 was asked.
    pub known_at: OffsetDateTime,
    /// The stack's last activity at that time; when it moves, this is old.
    pub at_activity: Option<OffsetDateTime>,
}

/// What counts as recent: as far back as "What changed" looks.
const RECENT: Duration = Duration::hours(24);

impl Version {
    /// From a stack's deployments, newest first.
    pub fn of(history: &[Deployment], known_at: OffsetDateTime) -> Self {
        let is_recent = |deployment: &&Deployment| {
            let at = deployment.last_at();
            deployment.is_running() || at.is_some_and(|at| known_at - at <= RECENT)
        };
        let recent = history.iter().take_while(is_recent).count();
        Self {
            recent: if recent == 0 {
                Vec::new()
            } else {
                history.iter().take(recent + 1).cloned().collect()
            },
            live: history.iter().find(|deployment| deployment.is_live).cloned(),
            newest: history.first().cloned(),
            usual: usual_duration(history),
            known_at,
            at_activity: None,
        }
    }

    /// Whether the two differ in nothing but when they were asked for.
    pub fn says_the_same(&self, other: &Self) -> bool {
        (&self.live, &self.newest, self.usual) == (&other.live, &other.newest, other.usual)
    }

    /// The deployments that are known, newest first, each once.
    pub fn known(&self) -> Vec<Deployment> {
        let ends = self.newest.iter().chain(&self.live);
        let mut known: Vec<Deployment> = self.recent.iter().chain(ends).cloned().collect();
        known.sort_by_key(|deployment| std::cmp::Reverse(deployment.id));
        known.dedup_by_key(|deployment| deployment.id);
        known
    }

    /// Calls this deployment cancelled where Cloud 66 has it as failed. Answers whether that changed anything.
    pub fn call_cancelled(&mut self, id: DeploymentId) -> bool {
        let ends = self.newest.iter_mut().chain(&mut self.live);
        let mut changed = false;
        for deployment in self.recent.iter_mut().chain(ends) {
            changed |= deployment.id == id && deployment.call_cancelled();
        }
        changed
    }

    /// The deployment that runs now.
    pub fn running(&self) -> Option<&Deployment> {
        self.newest.as_ref().filter(|deployment| deployment.is_running())
    }
}

impl Fleet {
    /// The stack with this uid.
    pub fn stack(&self, uid: StackUid) -> Option<&Stack> {
        self.stacks.iter().find(|stack| stack.uid == uid)
    }

    /// The verdict on one of its stacks.
    pub fn verdict(&self, stack: &Stack) -> Verdict {
        let newest = self
            .versions
            .get(&stack.uid)
            .and_then(|version| version.newest.as_ref());
        let deploying = newest.is_some_and(Deployment::is_running);
        let cancelled = newest.is_some_and(|newest| newest.outcome == Outcome::Cancelled);
        let pending = self.pending.get(&stack.uid).copied();
        Verdict::of(stack, deploying && stack.is_busy()).knowing(cancelled, pending)
    }

    /// What a redeploy that has not ended means for the verdict on its stack: nothing once the stack itself, or a
    /// newer deployment than the last before it, tells how it goes on.
    pub fn pending_of(&self, redeploy: &Redeploy) -> Option<Pending> {
        if !matches!(redeploy.state, RedeployState::Accepted | RedeployState::Running) {
            return None;
        }
        if redeploy.command != Command::Redeploy {
            return Some(Pending::Command);
        }
        let newest = self
            .versions
            .get(&redeploy.stack)
            .and_then(|version| version.newest.as_ref())
            .map(|newest| newest.id);
        // Without a history only the status can show it; it has when the redeploy is called running.
        let is_shown = match (newest, redeploy.before.newest_deployment) {
            (Some(newest), Some(before)) => newest > before,
            (Some(_), None) | (None, _) => redeploy.state == RedeployState::Running,
        };
        match (is_shown, redeploy.queued) {
            (true, _) => None,
            (false, true) => Some(Pending::Queued),
            (false, false) => Some(Pending::Deploy),
        }
    }

    /// Whether its stacks belong to more than one account, so that rows name theirs.
    pub fn spans_accounts(&self) -> bool {
        let mut accounts = self.stacks.iter().filter_map(|stack| stack.account);
        accounts
            .next()
            .is_some_and(|first| accounts.any(|account| account != first))
    }
}
