//! One stack, asked for now: itself, its history, and what runs on it.

use time::OffsetDateTime;

use super::watch::Snapshot;
use super::{App, Error, SignedIn};
use crate::cloud66;
use crate::domain::{Deployment, Stack, StackUid, Version};

/// A stack as its own page and its confirm pages show it.
#[derive(Debug, Clone)]
pub struct StackView {
    /// The stack.
    pub stack: Stack,
    /// Its deployments; none where Cloud 66 cannot tell (API version 2), or nothing of them is known.
    pub history: Option<History>,
    /// What runs on it.
    pub version: Option<Version>,
    /// When Cloud 66 was asked.
    pub known_at: OffsetDateTime,
    /// Why some of this is what was known before and not what is known now.
    pub problem: Option<cloud66::Error>,
}

/// A stack's deployments.
#[derive(Debug, Clone)]
pub struct History {
    /// Newest first.
    pub deployments: Vec<Deployment>,
    /// How they are known.
    pub known: HistoryKnown,
}

/// How a stack's deployments are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryKnown {
    /// Cloud 66 was asked now.
    Now,
    /// As its page or the list showed them before.
    Before {
        /// When Cloud 66 told them.
        at: OffsetDateTime,
        /// Whether there may be older ones, because only the list knew them.
        in_part: bool,
    },
}

impl App {
    /// Asks Cloud 66 for the stack and its deployments at once. What Cloud 66 does not tell is given as it is
    /// remembered, with the problem beside it.
    pub async fn show_stack(&self, who: &SignedIn, uid: StackUid) -> Result<StackView, Error> {
        let api = self.api(who);
        let watcher = self.watcher(who);
        let (stack, history) = tokio::join!(api.stack(uid), api.deployments(uid));
        // It costs a page nothing but that a cancelled deploy may be called a failed one.
        if let Err(error) = self.learn_cancelled().await {
            tracing::warn!(%error, "cancelled deployments could not be read");
        }
        watcher.warned(api.warning());
        let now = self.clock().now();
        let stack = match stack {
            Ok(stack) => stack,
            Err(cloud66::Error::Gone) => {
                watcher.forget(uid);
                return Err(Error::NotFound);
            }
            Err(problem) => return self.remembered(who, uid, problem),
        };
        match history {
            Ok(mut deployments) => {
                watcher.learn(&stack, Some(&mut deployments));
                let version = Version {
                    at_activity: stack.last_activity,
                    ..Version::of(&deployments, now)
                };
                Ok(StackView {
                    stack,
                    history: Some(History {
                        deployments,
                        known: HistoryKnown::Now,
                    }),
                    version: Some(version),
                    known_at: now,
                    problem: None,
                })
            }
            Err(cloud66::Error::SignedOut) => Err(cloud66::Error::SignedOut.into()),
            Err(problem) => {
                watcher.learn(&stack, None);
                let snapshot = watcher.snapshot();
                // That it has none to tell, as in version 2, or does not tell this person, is an answer.
                let problem = problem.leaves_unknown().then_some(problem);
                if let Some(problem) = &problem {
                    watcher.cannot_read(uid, problem.clone());
                }
                Ok(StackView {
                    history: remembered_history(&snapshot, uid),
                    version: snapshot.fleet.versions.get(&uid).cloned(),
                    stack,
                    known_at: now,
                    problem,
                })
            }
        }
    }

    /// Other stacks with the same repository, with what runs on them, as they are remembered.
    pub fn siblings<'s>(
        &self,
        snapshot: &'s Snapshot,
        stack: &Stack,
    ) -> Vec<(&'s Stack, Option<&'s Version>)> {
        let same_app =
            |other: &&Stack| other.uid != stack.uid && other.git.is_some() && other.git == stack.git;
        let fleet = &snapshot.fleet;
        fleet
            .stacks
            .iter()
            .filter(same_app)
            .map(|other| (other, fleet.versions.get(&other.uid)))
            .collect()
    }

    fn remembered(&self, who: &SignedIn, uid: StackUid, problem: cloud66::Error) -> Result<StackView, Error> {
        let snapshot = self.watcher(who).snapshot();
        let known = snapshot.fleet.stack(uid).cloned().zip(snapshot.listed_at);
        match (known, &problem) {
            (_, cloud66::Error::SignedOut) | (None, _) => Err(problem.into()),
            (Some((stack, listed_at)), _) => {
                self.watcher(who).cannot_read(uid, problem.clone());
                Ok(StackView {
                    stack,
                    history: remembered_history(&snapshot, uid),
                    version: snapshot.fleet.versions.get(&uid).cloned(),
                    known_at: snapshot.known_at(uid).unwrap_or(listed_at),
                    problem: Some(problem),
                })
            }
        }
    }
}

impl Snapshot {
    /// How a stack's kept deployments are known.
    pub fn history_known(&self, uid: StackUid) -> HistoryKnown {
        match (self.problem_of(uid), self.fleet.versions.get(&uid)) {
            (Some(_), Some(version)) => HistoryKnown::Before {
                at: version.known_at,
                in_part: false,
            },
            _ => HistoryKnown::Now,
        }
    }
}

/// A stack's deployments as they were told before: all of them where its page was open lately, else those that the
/// list knows.
fn remembered_history(snapshot: &Snapshot, uid: StackUid) -> Option<History> {
    let version = snapshot.fleet.versions.get(&uid)?;
    let (deployments, in_part) = match snapshot.history(uid) {
        Some(whole) => (whole.to_vec(), false),
        None => (version.known(), true),
    };
    let at = version.known_at;
    (!deployments.is_empty()).then_some(History {
        deployments,
        known: HistoryKnown::Before { at, in_part },
    })
}
