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
    /// Its deployments, newest first; none where Cloud 66 cannot tell (API version 2, or it did not answer).
    pub history: Option<Vec<Deployment>>,
    /// What runs on it.
    pub version: Option<Version>,
    /// When Cloud 66 was asked.
    pub known_at: OffsetDateTime,
    /// Why this is what was known before and not what is known now.
    pub problem: Option<cloud66::Error>,
}

impl App {
    /// Asks Cloud 66 for the stack and its deployments at once. Where Cloud 66 is out of reach, what is
    /// remembered of the stack is given instead, with the problem beside it.
    pub async fn show_stack(&self, who: &SignedIn, uid: StackUid) -> Result<StackView, Error> {
        let api = self.api(who);
        let (stack, history) = tokio::join!(api.stack(uid), api.deployments(uid));
        let now = self.clock().now();
        let stack = match stack {
            Ok(stack) => stack,
            Err(cloud66::Error::Gone) => {
                self.watcher(who).forget(uid);
                return Err(Error::NotFound);
            }
            Err(problem) => return self.remembered(who, uid, problem),
        };
        let history = match history {
            Ok(history) => Some(history),
            Err(cloud66::Error::SignedOut) => return Err(cloud66::Error::SignedOut.into()),
            Err(_) => None,
        };
        let version = history.as_deref().map(|history| Version {
            at_activity: stack.last_activity,
            ..Version::of(history, now)
        });
        self.watcher(who).learn(&stack, history.as_deref());
        Ok(StackView {
            stack,
            history,
            version,
            known_at: now,
            problem: None,
        })
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
            (Some((stack, known_at)), _) => {
                let version = snapshot.fleet.versions.get(&uid).cloned();
                Ok(StackView {
                    stack,
                    history: None,
                    version,
                    known_at,
                    problem: Some(problem),
                })
            }
        }
    }
}
