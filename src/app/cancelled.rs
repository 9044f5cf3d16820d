//! Which deployments were cancelled. No document lists an outcome for what was stopped (fact sheet 6.5): Cloud 66 calls
//! it a failed deployment, and only the words of its action tell the two apart. Whoever followed that action has
//! written its end into the ledger, and what is written there is said wherever the deployment is shown.
//!
//! Invariants:
//! * Only what the ledger calls cancelled by Cloud 66's word is called so here.
//! * A deployment is named to those alone whose own token shows it; whose redeploy it was is not said.
//! * The ledger is asked every few seconds at most, however many pages are loaded.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use super::App;
use crate::domain::{Deployment, DeploymentId, Redeploy, RedeployState, StackUid};
use crate::store::StoreError;

/// How long the answer "nothing new" is believed of other instances; what this one writes is known at once.
const BELIEVED: Duration = Duration::seconds(5);

/// How far back is asked again, so that clocks of instances may differ a little.
const OVERLAP: Duration = Duration::minutes(1);

/// The deployments that were cancelled, as far as they were read from the ledger.
#[derive(Debug, Default)]
pub(super) struct Cancelled(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    deployments: HashSet<(StackUid, DeploymentId)>,
    read_at: Option<OffsetDateTime>,
    /// How many this process had seen cancelled when it read.
    ended_here: u64,
}

impl Cancelled {
    /// Calls those of a stack's deployments cancelled that are.
    pub(super) fn name(&self, uid: StackUid, history: &mut [Deployment]) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for deployment in history {
            if known.deployments.contains(&(uid, deployment.id)) {
                deployment.call_cancelled();
            }
        }
    }

    /// Takes in rows of the ledger; answers which of their deployments were not known as cancelled.
    fn learn(&self, rows: &[Redeploy]) -> Vec<(StackUid, DeploymentId)> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.iter()
            .filter(|row| row.state == RedeployState::Cancelled)
            .filter_map(|row| Some((row.stack, row.deployment?)))
            .filter(|deployment| known.deployments.insert(*deployment))
            .collect()
    }

    /// Since when the ledger is to be read, if it is to be read now; it then counts as read.
    fn is_due(&self, now: OffsetDateTime, ended_here: u64) -> Option<OffsetDateTime> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = known.read_at.is_some_and(|at| now - at < BELIEVED && at <= now);
        if is_fresh && known.ended_here == ended_here {
            return None;
        }
        known.ended_here = ended_here;
        let since = known.read_at.replace(now);
        Some(since.map_or(OffsetDateTime::UNIX_EPOCH, |at| at.min(now) - OVERLAP))
    }

    fn forget_reading(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read_at = None;
    }
}

impl App {
    /// Brings what the ledger knows of cancelled deployments to what is remembered of stacks.
    pub async fn learn_cancelled(&self) -> Result<(), StoreError> {
        let ended_here = self
            .redeploy_ends()
            .into_iter()
            .find(|(state, _)| *state == RedeployState::Cancelled.as_str())
            .map_or(0, |(_, count)| count);
        let Some(since) = self.cancelled().is_due(self.clock().now(), ended_here) else {
            return Ok(());
        };
        match self.store().ledger().cancelled_since(since).await {
            Ok(rows) => {
                for (uid, deployment) in self.cancelled().learn(&rows) {
                    for watcher in self.watchers().all() {
                        watcher.call_cancelled(uid, deployment);
                    }
                }
            }
            Err(error) => {
                self.cancelled().forget_reading();
                return Err(error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_is_read_whole_once_and_then_what_is_new_every_few_seconds() {
        let cancelled = Cancelled::default();
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(9_000);
        assert_eq!(cancelled.is_due(now, 0), Some(OffsetDateTime::UNIX_EPOCH));
        assert_eq!(cancelled.is_due(now + Duration::seconds(4), 0), None);
        let at_once = cancelled.is_due(now + Duration::seconds(4), 1);
        assert_eq!(at_once, Some(now - OVERLAP), "one was cancelled here");
        let later = now + Duration::seconds(10);
        assert_eq!(
            cancelled.is_due(later, 1),
            Some(now + Duration::seconds(4) - OVERLAP)
        );
        let set_back = now - Duration::hours(1);
        assert_eq!(cancelled.is_due(set_back, 1), Some(set_back - OVERLAP));
        cancelled.forget_reading();
        assert_eq!(cancelled.is_due(later, 1), Some(OffsetDateTime::UNIX_EPOCH));
    }
}
