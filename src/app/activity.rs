//! What changed: every deployment of every stack in the last day, from what is remembered, and what the person asked for
//! and Cloud 66 does not show yet, from the ledger.

use std::sync::Arc;

use time::OffsetDateTime;

use super::watch::{Snapshot, Stale};
use super::{App, SignedIn};
use crate::domain::{Command, Deployment, Redeploy, RedeployState, Stack};
use crate::store::StoreError;

/// How far back the ledger is read for it, and how many rows at most.
const DAY: time::Duration = time::Duration::hours(24);
const MOST_ASKED: u32 = 200;

/// A deployment of a stack.
#[derive(Debug, Clone, Copy)]
pub struct Change<'s> {
    /// The stack.
    pub stack: &'s Stack,
    /// The deployment.
    pub deployment: &'s Deployment,
    /// The commit that ran before it, where that is known.
    pub before: Option<&'s str>,
}

impl App {
    /// The person's snapshot, once the deployments of all stacks that moved within the last day are in it, or
    /// after a bounded wait. A quiet fleet costs nothing: only stacks that moved are asked for.
    pub async fn recent_snapshot(&self, who: &SignedIn) -> Arc<Snapshot> {
        let snapshot = self.watcher(who).view(Stale::IsReadFirst).await;
        let now = self.clock().now();
        if snapshot.listed_at.is_none() || self.is_old_api() || snapshot.knows_changes_of(now) {
            return snapshot;
        }
        let watcher = self.watcher(who);
        let mut revisions = watcher.revisions();
        let known = async {
            while !watcher.snapshot().knows_changes_of(now) {
                if revisions.changed().await.is_err() {
                    break;
                }
            }
        };
        let reading = tokio::spawn(Arc::clone(&watcher).read_versions_in_turn());
        // What is still not known when all was asked for does not come by waiting.
        let known_or_asked = async {
            tokio::select! {
                () = known => {}
                _ = reading => {}
            }
        };
        let _ = tokio::time::timeout(self.patience().changes, known_or_asked).await;
        watcher.snapshot()
    }

    /// The person's redeploys of the last day that are not among these deployments, the newest first: those that Cloud
    /// 66 does not show yet, and those that ended since it was asked.
    pub async fn asked_lately(
        &self,
        who: &SignedIn,
        changes: &[Change<'_>],
    ) -> Result<Vec<Redeploy>, StoreError> {
        let since = self.clock().now() - DAY;
        let ledger = self.store().ledger();
        let mut rows = ledger.of_person(who.person.id, MOST_ASKED, None).await?;
        rows.retain(|row| {
            row.command == Command::Redeploy && row.requested_at >= since && !is_shown(row, changes)
        });
        Ok(rows)
    }
}

/// Whether a redeploy stands among these deployments, or has become none.
fn is_shown(row: &Redeploy, changes: &[Change<'_>]) -> bool {
    let of_stack = || changes.iter().filter(|change| change.stack.uid == row.stack);
    match (row.state, row.deployment) {
        (RedeployState::Refused | RedeployState::Lost, _) => true,
        (_, Some(id)) => of_stack().any(|change| change.deployment.id == id),
        (state, None) if state.is_unanswered() || (state == RedeployState::Accepted && row.queued) => false,
        // Which one it is may not be known yet: one that is newer than all before it is taken for shown, so that it
        // never stands there twice.
        (state, None) => {
            let is_newer = |change: &Change<'_>| row.before.is_older_than(change.deployment.id);
            state.is_end() || of_stack().any(is_newer)
        }
    }
}

impl Snapshot {
    /// Whether the deployments of all stacks that moved within the day before `now` are known.
    pub fn knows_changes_of(&self, now: OffsetDateTime) -> bool {
        let moved_lately = |stack: &&Stack| {
            let at = stack.last_activity;
            stack.is_busy() || at.is_none_or(|at| now - at <= time::Duration::hours(24))
        };
        self.fleet
            .stacks
            .iter()
            .filter(moved_lately)
            .all(|stack| !self.has_moved(stack))
    }

    /// What is known of the last day's deployments, in no order.
    pub fn changes(&self) -> Vec<Change<'_>> {
        let mut changes = Vec::new();
        for stack in &self.fleet.stacks {
            let Some(version) = self.fleet.versions.get(&stack.uid) else {
                continue;
            };
            let earlier = version.recent.iter().skip(1).map(Some).chain([None]);
            changes.extend(
                version
                    .recent
                    .iter()
                    .zip(earlier)
                    .map(|(deployment, before)| Change {
                        stack,
                        deployment,
                        before: before.and_then(|before| before.git_hash.as_deref()),
                    }),
            );
        }
        changes
    }
}
