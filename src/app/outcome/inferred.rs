//! What may be inferred of a redeploy that Cloud 66 accepted and then names nowhere: neither an action nor a
//! reference tells it from what others do with the stack.
//!
//! Invariants:
//! * Nothing is inferred while the stack is at work, and for [`SETTLED`] after. Until then what runs may be what ours
//!   waits for, and ours may still be about to begin.
//! * An end is inferred only where exactly one thing has run since. It is told as inferred ([`Reason`](crate::domain::Reason)).

use time::{Duration, OffsetDateTime};

use super::{CLOCKS_AGREE, FULL_PAGE};
use crate::domain::{Deployment, Outcome, Redeploy, RedeployState, Stack, Status};

/// For how long a stack has to have stood still. Cloud 66's own tools look once a minute (fact sheet 6.1).
pub(super) const SETTLED: Duration = Duration::minutes(2);

/// What the stack's deployments show.
#[derive(Debug, PartialEq)]
pub(super) enum Inferred {
    /// Nothing yet.
    NotYet,
    /// One has run since, and only one.
    Only(Box<Deployment>),
    /// Several have, or may have: nobody can tell which one is ours.
    OneOfSeveral,
}

/// What the deployments show, newest first; `now` is the time at which they were read.
pub(super) fn by_deployments(row: &Redeploy, history: &[Deployment], now: OffsetDateTime) -> Inferred {
    let sent = sent(row);
    let may_be_ours = |deployment: &&Deployment| {
        row.before.is_older_than(deployment.id) && deployment.started_at.is_none_or(|began| began >= sent)
    };
    let candidates: Vec<&Deployment> = history.iter().filter(may_be_ours).collect();
    let stands_still = |deployment: &&Deployment| {
        let ended = deployment.finished_at;
        !deployment.is_running() && ended.is_none_or(|ended| now - ended >= SETTLED)
    };
    let has_times = |deployment: &&Deployment| deployment.finished_at.is_some();
    if !history.iter().all(|deployment| stands_still(&deployment)) || !candidates.iter().all(has_times) {
        return Inferred::NotYet;
    }
    match candidates.as_slice() {
        [] => Inferred::NotYet,
        [only] if history.len() < FULL_PAGE || candidates.len() < history.len() => {
            Inferred::Only(Box::new((*only).clone()))
        }
        _ => Inferred::OneOfSeveral,
    }
}

/// How a deployment ended; `Ended` where Cloud 66 gives a result that no document lists.
pub(super) fn state_of(deployment: &Deployment) -> RedeployState {
    match deployment.outcome {
        Outcome::Success => RedeployState::Succeeded,
        Outcome::Failed => RedeployState::Failed,
        Outcome::Cancelled => RedeployState::Cancelled,
        _ => RedeployState::Ended,
    }
}

/// What the stack's status shows, where there is no history either: version 2 (fact sheet 1.3). Something has ended
/// since, and the stack has stood still for long enough.
pub(super) fn by_status(row: &Redeploy, stack: &Stack, now: OffsetDateTime) -> Option<RedeployState> {
    let moved = stack.last_activity.filter(|moved| *moved >= sent(row))?;
    if stack.is_busy() || now - moved < SETTLED {
        return None;
    }
    match stack.status {
        Status::Deployed => Some(RedeployState::Succeeded),
        Status::Failed | Status::TerminalFailure => Some(RedeployState::Failed),
        _ => None,
    }
}

fn sent(row: &Redeploy) -> OffsetDateTime {
    row.sent_at.unwrap_or(row.requested_at) - CLOCKS_AGREE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DeploymentId;
    use crate::domain::deployment::sample;

    const NOW: i64 = 1_000;

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::seconds(second)
    }

    fn deployment(id: i64, began: i64, ended: Option<i64>) -> Deployment {
        sample(|one| {
            one.id = DeploymentId(id);
            one.started_at = Some(at(began));
            one.finished_at = ended.map(at);
            if ended.is_none() {
                one.outcome = Outcome::Pending;
            }
        })
    }

    /// What is inferred of a redeploy that was sent at 500, when deployment 1 was the newest that was known.
    fn inferred(history: &[Deployment]) -> Inferred {
        let row = super::super::match_deployment::row_sent_at(at(500));
        by_deployments(&row, history, at(NOW))
    }

    #[test]
    fn only_what_is_the_only_one_and_long_over_is_taken_for_ours() {
        let before = || deployment(1, 100, Some(200));
        let ours = || deployment(3, 502, Some(600));
        assert_eq!(inferred(&[ours(), before()]), Inferred::Only(Box::new(ours())));
        assert_eq!(inferred(&[before()]), Inferred::NotYet, "nothing has run since");
        let others = [
            // In the same second, before and after.
            (deployment(2, 500, Some(501)), Inferred::OneOfSeveral),
            (deployment(4, 600, Some(700)), Inferred::OneOfSeveral),
            // A few seconds before: clocks may differ by as much.
            (deployment(2, 497, Some(501)), Inferred::OneOfSeveral),
            // Well before.
            (deployment(2, 450, Some(501)), Inferred::Only(Box::new(ours()))),
            // Still at work, and just over.
            (deployment(4, 600, None), Inferred::NotYet),
            (deployment(4, 600, Some(NOW - 60)), Inferred::NotYet),
        ];
        for (other, expected) in others {
            assert_eq!(
                inferred(&[other.clone(), ours(), before()]),
                expected,
                "{other:?}"
            );
        }
        let no_times = sample(|one| {
            (one.id, one.started_at, one.finished_at) = (DeploymentId(2), None, None);
        });
        assert_eq!(inferred(&[no_times, before()]), Inferred::NotYet);
    }
}
