//! Which deployment a redeploy became. Cloud 66 names an action and not its deployment (fact sheet 4.5, 4.6), so
//! it is found by the times that both carry; they come from one clock.
//!
//! Invariants:
//! * A stack does one thing after another, in the order in which it was asked: while something that was asked for
//!   earlier has not ended, ours has not begun, whatever runs.
//! * Where it is not certain, there is none. Somebody may stop a deployment because this app called it theirs.

use time::Duration;

use crate::domain::{Action, Deployment, Redeploy};

/// How far the end of an action and the end of its deployment may lie apart.
const APART: Duration = Duration::seconds(30);

/// How many actions Cloud 66 gives at a time (fact sheet 5.2): where ours is the last of so many, what was asked
/// for before it is not known.
const FULL_PAGE: usize = 30;

/// The deployment of a finished action: the one that ended when it did.
pub(super) fn at_the_end(row: &Redeploy, action: &Action, history: &[Deployment]) -> Option<Deployment> {
    let ended = action.finished_at?;
    let apart = |deployment: &Deployment| Some((deployment.finished_at? - ended).abs());
    history
        .iter()
        .filter(|deployment| is_newer(row, deployment))
        .filter_map(|deployment| Some((apart(deployment)?, deployment)))
        .filter(|(apart, _)| *apart <= APART)
        .min_by_key(|(apart, _)| *apart)
        .map(|(_, deployment)| deployment.clone())
}

/// Whether an action that has not ended waits for something that was asked for earlier, or nobody can tell.
/// `actions` is the first page of the stack's.
pub(super) fn waits(action: &Action, actions: &[Action]) -> bool {
    let may_be_elsewhere = actions.len() >= FULL_PAGE && earlier(action, actions).next().is_none();
    may_be_elsewhere || earlier(action, actions).any(|other| !other.is_finished())
}

/// The deployment of an action whose turn it is: the first that began after it was asked for, and is not what
/// ended before. None until its row is there.
pub(super) fn so_far(
    row: &Redeploy,
    action: &Action,
    actions: &[Action],
    history: &[Deployment],
) -> Option<Deployment> {
    let asked = action.started_at?;
    let last_end = earlier(action, actions)
        .filter_map(|other| other.finished_at)
        .max();
    let ours = |deployment: &&Deployment| {
        let began_after = deployment.started_at.is_some_and(|began| began >= asked);
        let ended_before = deployment
            .finished_at
            .zip(last_end)
            .is_some_and(|(ended, last)| ended <= last);
        is_newer(row, deployment) && began_after && !ended_before
    };
    let first = history.iter().filter(ours).min_by_key(|deployment| deployment.id);
    first.cloned()
}

fn earlier<'a>(action: &'a Action, actions: &'a [Action]) -> impl Iterator<Item = &'a Action> {
    actions.iter().filter(|other| other.id < action.id)
}

fn is_newer(row: &Redeploy, deployment: &Deployment) -> bool {
    row.before
        .newest_deployment
        .is_none_or(|newest| deployment.id > newest)
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::domain::redeploy::Before;
    use crate::domain::{
        ActionId, Command, DeploymentId, OperationId, Outcome, RedeployOptions, RedeployState, StackUid,
        UserId,
    };

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::seconds(second)
    }

    /// A redeploy before which deployment 1 was the newest that was known.
    fn row() -> Redeploy {
        Redeploy {
            id: OperationId::from(1),
            command: Command::Redeploy,
            stack: StackUid::from(1),
            stack_name: String::new(),
            environment: String::new(),
            asked_by: UserId(1),
            asked_by_name: String::new(),
            options: RedeployOptions::default(),
            before: Before {
                newest_deployment: Some(DeploymentId(1)),
                ..Before::default()
            },
            state: RedeployState::Accepted,
            requested_at: at(0),
            sent_at: None,
            answered_at: None,
            finished_at: None,
            queued: false,
            action: None,
            deployment: None,
            git_hash: None,
            reason: None,
            message: None,
            attempts: 1,
            looks: 0,
            cancel_requested_at: None,
        }
    }

    fn action(id: i64, asked: i64, ended: Option<i64>) -> Action {
        Action {
            id: ActionId(id),
            name: "application_deployment".into(),
            started_at: Some(at(asked)),
            finished_at: ended.map(at),
            succeeded: ended.map(|_| true),
            message: None,
            user_reference: None,
        }
    }

    fn deployment(id: i64, began: i64, ended: Option<i64>) -> Deployment {
        Deployment {
            id: DeploymentId(id),
            outcome: if ended.is_some() {
                Outcome::Success
            } else {
                Outcome::Pending
            },
            triggered_by: None,
            triggered_via: None,
            kind: None,
            started_at: Some(at(began)),
            finished_at: ended.map(at),
            git_hash: None,
            git_ref: None,
            is_head: false,
            is_live: false,
            reverted: false,
            commit_url: None,
        }
    }

    fn found(ours: &Action, actions: &[Action], history: &[Deployment]) -> Option<i64> {
        so_far(&row(), ours, actions, history).map(|one| one.id.0)
    }

    #[test]
    fn what_was_running_before_is_not_ours_although_it_is_newer_than_what_was_known() {
        // Deployment 2 ran already when ours was asked for, in the same second.
        let ours = action(12, 10, None);
        let actions = [ours.clone(), action(11, 9, None)];
        assert!(waits(&ours, &actions));

        let actions = [ours.clone(), action(11, 9, Some(40))];
        assert!(!waits(&ours, &actions));
        let history = [deployment(2, 10, Some(40))];
        assert_eq!(found(&ours, &actions, &history), None);
        let history = [deployment(3, 40, None), deployment(2, 10, Some(40))];
        assert_eq!(found(&ours, &actions, &history), Some(3));
    }

    #[test]
    fn behind_two_others_ours_waits_until_both_have_ended() {
        let ours = action(13, 12, None);
        let actions = [ours.clone(), action(12, 11, None), action(11, 9, Some(40))];
        assert!(waits(&ours, &actions));
        let actions = [ours.clone(), action(12, 11, Some(70)), action(11, 9, Some(40))];
        assert!(!waits(&ours, &actions));
    }

    #[test]
    fn where_earlier_actions_may_be_on_the_next_page_it_waits() {
        let ours = action(12, 10, None);
        let mut actions: Vec<Action> = (13..42).map(|id| action(id, 20, None)).collect();
        actions.push(ours.clone());
        assert!(waits(&ours, &actions));
        actions.remove(0);
        assert!(!waits(&ours, &actions));
        assert_eq!(found(&ours, &actions, &[deployment(2, 11, None)]), Some(2));
    }

    #[test]
    fn at_the_end_ours_is_the_one_that_ended_with_its_action() {
        let history = [
            deployment(4, 70, Some(99)),
            deployment(3, 40, Some(70)),
            deployment(2, 10, Some(40)),
            deployment(1, 1, Some(70)),
        ];
        let found = |ended| at_the_end(&row(), &action(12, 11, Some(ended)), &history).map(|one| one.id.0);
        assert_eq!(found(70), Some(3));
        assert_eq!(found(71), Some(3));
        assert_eq!(found(200), None);
    }
}
