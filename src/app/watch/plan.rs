//! What is to be asked next, for the pages that are open.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};

use super::pace::Pace;
use super::viewers::Interest;
use super::watcher::{Look, Watcher};
use crate::cloud66;
use crate::domain::StackUid;

/// One thing to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// The whole list.
    List,
    /// The versions of the stacks that moved.
    Versions,
    /// One stack.
    Stack(StackUid, Look),
}

/// What was asked when, what is being asked, and what somebody wants at once.
#[derive(Debug, Default)]
pub(super) struct Plan(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    asked: HashMap<StackUid, OffsetDateTime>,
    under_way: HashSet<Step>,
    at_once: HashSet<StackUid>,
    versions_at: Option<OffsetDateTime>,
}

/// Versions are wanted again no sooner than this, should some of them not be had.
const VERSIONS_AGAIN: Duration = Duration::seconds(10);

/// Until when this watcher may be left alone, and what is due before.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) steps: Vec<Step>,
    pub(super) next: Option<OffsetDateTime>,
}

impl Due {
    fn add(&mut self, step: Step, at: OffsetDateTime, now: OffsetDateTime) {
        if at <= now {
            self.steps.push(step);
        } else {
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
    }
}

impl Plan {
    /// Notes that a stack was asked for.
    pub(super) fn asked(&self, uid: StackUid, at: OffsetDateTime) {
        let mut noted = self.lock();
        noted.asked.insert(uid, at);
        noted.at_once.remove(&uid);
    }

    /// Wants a stack to be looked at now, because something happened to it.
    pub(super) fn look_at(&self, uid: StackUid) {
        self.lock().at_once.insert(uid);
    }

    /// Notes that a step begins; false where it is under way already.
    pub(super) fn begin(&self, step: Step, now: OffsetDateTime) -> bool {
        let mut noted = self.lock();
        if step == Step::Versions {
            noted.versions_at = Some(now + VERSIONS_AGAIN);
        }
        noted.under_way.insert(step)
    }

    /// Notes that a step has ended.
    pub(super) fn end(&self, step: Step) {
        self.lock().under_way.remove(&step);
    }

    /// Forgets what it knows of stacks, when nobody looks any more.
    pub(super) fn rest(&self) {
        let mut noted = self.lock();
        if noted.under_way.is_empty() {
            *noted = Noted::default();
        }
    }

    /// What is due now, and when the next thing is.
    pub(super) fn due(&self, watcher: &Watcher, now: OffsetDateTime) -> Due {
        let mut due = Due::default();
        let interests = watcher.viewers().interests();
        let snapshot = watcher.snapshot();
        let refused = matches!(snapshot.problem, Some((cloud66::Error::SignedOut, _)));
        if interests.is_empty() || refused {
            return due;
        }
        let allowance = watcher.budget().allowance();
        let noted = self.lock();
        let not_before = allowance
            .refused_until
            .max(retry_at(snapshot.problem.as_ref(), snapshot.failures));
        let listed = interests.contains(&Interest::List);
        let running = u32::try_from(snapshot.running.len()).unwrap_or(u32::MAX);
        let pace = Pace::of(&allowance, snapshot.pages(), running, now);
        let looked_at = |uid: StackUid| interests.contains(&Interest::Stack(uid));

        if listed {
            let at = match (snapshot.listed_at, pace.list) {
                (None, _) => now,
                (Some(at), Some(every)) => at + every,
                (Some(_), None) => allowance.resets_at,
            };
            due.add(Step::List, at, now);
        }
        if let Some(until) = not_before {
            // While Cloud 66 does not answer, one thing is tried, and nothing else.
            due = Due::default();
            due.add(first_try(&interests, listed), until, now);
            due.steps.retain(|step| !noted.under_way.contains(step));
            return due;
        }
        if listed && snapshot.moved && pace.versions > 0 && !watcher.is_old_api() {
            due.add(Step::Versions, noted.versions_at.unwrap_or(now), now);
        }
        for uid in &noted.at_once {
            due.add(Step::Stack(*uid, Look::Whole), now, now);
        }
        let asked = |uid: StackUid| {
            noted
                .asked
                .get(&uid)
                .copied()
                .max(snapshot.listed_at)
                .unwrap_or(now)
        };
        for uid in snapshot.running.iter().filter(|uid| listed || looked_at(**uid)) {
            if let Some(every) = pace.deploy {
                let at = noted.asked.get(uid).map_or(now, |at| *at + every);
                due.add(Step::Stack(*uid, Look::News), at, now);
            }
        }
        for interest in &interests {
            if let (Interest::Stack(uid), Some(every)) = (interest, pace.stack)
                && !snapshot.running.contains(uid)
            {
                due.add(Step::Stack(*uid, Look::News), asked(*uid) + every, now);
            }
        }
        due.steps.retain(|step| !noted.under_way.contains(step));
        // Together they cost no more than what is left; what does not fit is due again.
        let mut left = allowance.left;
        due.steps.retain(|step| {
            let cost = match step {
                Step::List => snapshot.pages(),
                Step::Versions => 1,
                Step::Stack(..) => 2,
            };
            let is_paid = cost <= left;
            left = left.saturating_sub(if is_paid { cost } else { 0 });
            is_paid
        });
        due
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is tried first when Cloud 66 did not answer.
fn first_try(interests: &[Interest], listed: bool) -> Step {
    match interests.first() {
        Some(Interest::Stack(uid)) if !listed => Step::Stack(*uid, Look::News),
        _ => Step::List,
    }
}

fn retry_at(problem: Option<&(cloud66::Error, OffsetDateTime)>, failures: u32) -> Option<OffsetDateTime> {
    let (problem, at) = problem?;
    match problem {
        // The budget knows until when.
        cloud66::Error::Throttled { .. } => None,
        _ => Some(*at + Pace::retry(failures)),
    }
}
