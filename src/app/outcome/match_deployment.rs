//! Which deployment a redeploy became. Cloud 66 names an action and not its deployment (fact sheet 4.5, 4.6), so
//! it is found by what both carry: their times, which come from one clock, and who asked for them.
//!
//! Invariants:
//! * A stack does one thing after another, in the order in which it was asked: while something that was asked for
//!   earlier has not ended, ours has not begun, whatever runs.
//! * Where it is not certain, there is none. Somebody may stop a deployment because this app called it theirs.

use time::{Duration, OffsetDateTime};

use super::{CLOCKS_AGREE, FULL_PAGE};
use crate::domain::{Action, Deployment, Outcome, Redeploy};

/// How far the end of an action and the end of its deployment may lie apart.
const APART: Duration = Duration::seconds(30);

/// The deployment of a finished action: the one already known; or else the only one that may be it and ended in the
/// same second; or else the only one that may be it at all.
pub(super) fn at_the_end(row: &Redeploy, action: &Action, history: &[Deployment]) -> Option<Deployment> {
    if let Some(id) = row.deployment {
        return history.iter().find(|deployment| deployment.id == id).cloned();
    }
    let ended = action.finished_at?;
    let apart = |deployment: &Deployment| Some((deployment.finished_at? - ended).abs());
    let near = |most: Duration| {
        let near = history.iter().filter(move |deployment| {
            row.before.is_older_than(deployment.id)
                && is_not_anothers(action, deployment)
                && began_after_it_was_asked(action, deployment)
                && ended_alike(action, deployment)
                && apart(deployment).is_some_and(|apart| apart <= most)
        });
        near.collect::<Vec<_>>()
    };
    let only = |found: Vec<&Deployment>| match found.as_slice() {
        [one] => Some((*one).clone()),
        _ => None,
    };
    only(near(Duration::ZERO)).or_else(|| only(near(APART)))
}

/// Whether an action that has not ended waits for something that was asked for earlier, or nobody can tell.
/// `actions` is the first page of the stack's: where ours is the last of a full one, what was asked for before it is not
/// known.
pub(super) fn waits(action: &Action, actions: &[Action]) -> bool {
    let may_be_elsewhere = actions.len() >= FULL_PAGE && earlier(action, actions).next().is_none();
    may_be_elsewhere || earlier(action, actions).any(|other| !other.is_finished())
}

/// The deployment that runs for an action whose turn it is. None until its row is there, and none where the queue
/// has not been seen to move although ours waited: what runs then is what ours waits for.
pub(super) fn so_far(
    row: &Redeploy,
    action: &Action,
    actions: &[Action],
    history: &[Deployment],
) -> Option<Deployment> {
    let asked = action.started_at?;
    let sent = row.sent_at.unwrap_or(row.requested_at) - CLOCKS_AGREE;
    let ours = history
        .iter()
        .filter(|deployment| deployment.is_running() && row.before.is_older_than(deployment.id))
        .filter(|deployment| is_by_the_same(action, deployment))
        .filter(|deployment| deployment.started_at.is_some_and(|began| began >= asked))
        .min_by_key(|deployment| deployment.id)?;
    let began = ours.started_at?;
    // What ran or began since ours was sent, other than ours.
    let others = || history.iter().filter(|other| other.id < ours.id);
    let since = |at: &OffsetDateTime| *at >= sent;
    let waited = row.queued
        || others()
            .any(|other| other.finished_at.as_ref().is_none_or(since) && row.before.is_older_than(other.id));
    let ends = others()
        .filter_map(|other| other.finished_at)
        .chain(earlier(action, actions).filter_map(|other| other.finished_at))
        .filter(since);
    let (mut moved, mut overlaps) = (false, false);
    for end in ends {
        moved |= end <= began;
        overlaps |= end > began;
    }
    (!overlaps && (moved || !waited)).then(|| ours.clone())
}

fn earlier<'a>(action: &'a Action, actions: &'a [Action]) -> impl Iterator<Item = &'a Action> {
    actions.iter().filter(|other| other.id < action.id)
}

/// Whether both carry one person and one way of asking. Both tell it in the same words (fact sheet 4.3, 4.6).
fn is_by_the_same(action: &Action, deployment: &Deployment) -> bool {
    let asked_by = address(deployment.triggered_by.as_deref());
    let known = address(action.user.as_deref()).is_none() || asked_by.is_some();
    known && is_not_anothers(action, deployment)
}

/// The same, as far as it is told.
fn is_not_anothers(action: &Action, deployment: &Deployment) -> bool {
    let differ = |one: Option<&str>, other: Option<&str>| {
        let both = one.zip(other);
        both.is_some_and(|(one, other)| !one.eq_ignore_ascii_case(other))
    };
    let user = address(action.user.as_deref());
    let (via, other_via) = (action.started_via.as_deref(), deployment.triggered_via.as_deref());
    !differ(user, address(deployment.triggered_by.as_deref())) && !differ(via, other_via)
}

/// An e-mail address. One document has `user` or `system` in its place, which names nobody.
fn address(user: Option<&str>) -> Option<&str> {
    user.filter(|user| user.contains('@'))
}

fn began_after_it_was_asked(action: &Action, deployment: &Deployment) -> bool {
    let times = deployment.started_at.zip(action.started_at);
    times.is_none_or(|(began, asked)| began >= asked)
}

/// Whether the two ends can be of one thing: a success is no failure. Where the action gives no result, any may be.
fn ended_alike(action: &Action, deployment: &Deployment) -> bool {
    match (action.succeeded, &deployment.outcome) {
        (Some(succeeded), Outcome::Success) => succeeded,
        (Some(succeeded), Outcome::Failed | Outcome::Cancelled) => !succeeded,
        _ => true,
    }
}

#[cfg(test)]
pub(super) use tests::row_sent_at;

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
            heard_at: None,
            missed_at: None,
            took: None,
            followed: true,
            cancel_requested_at: None,
        }
    }

    /// The same, sent at this time.
    pub(in crate::app::outcome) fn row_sent_at(sent: OffsetDateTime) -> Redeploy {
        Redeploy {
            sent_at: Some(sent),
            ..row()
        }
    }

    fn action(id: i64, asked: i64, ended: Option<i64>) -> Action {
        Action {
            id: ActionId(id),
            name: "application_deployment".into(),
            user: None,
            started_via: None,
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
    fn where_ours_waited_nothing_is_ours_until_the_queue_has_moved() {
        // Somebody else's began in the second in which ours was asked for, and no action tells of it.
        let ours = action(12, 10, None);
        let theirs = [deployment(2, 10, None)];
        let queued = Redeploy {
            queued: true,
            ..row()
        };
        let found = |row: &Redeploy, history: &[Deployment]| {
            so_far(row, &ours, std::slice::from_ref(&ours), history).map(|one| one.id.0)
        };
        assert_eq!(found(&queued, &theirs), None);
        let moved = [deployment(3, 40, None), deployment(2, 10, Some(40))];
        assert_eq!(found(&queued, &moved), Some(3));
        // Two that ran at once: the stack did not do one thing after another.
        let odd = [deployment(3, 30, None), deployment(2, 10, Some(40))];
        assert_eq!(found(&row(), &odd), None);
    }

    #[test]
    fn what_another_person_asked_for_or_in_another_way_is_never_ours() {
        let by = |user: Option<&str>, via: Option<&str>| {
            let mut one = deployment(2, 10, None);
            one.triggered_by = user.map(str::to_owned);
            one.triggered_via = via.map(str::to_owned);
            one
        };
        let ours = Action {
            user: Some("maya@harbour.example".into()),
            started_via: Some("api".into()),
            ..action(12, 10, None)
        };
        for (user, via, is_ours) in [
            (Some("Maya@harbour.example"), Some("api"), true),
            (Some("maya@harbour.example"), None, true),
            (Some("tomas@harbour.example"), Some("api"), false),
            (Some("maya@harbour.example"), Some("web"), false),
            (None, Some("api"), false),
        ] {
            let running = by(user, via);
            let found = so_far(
                &row(),
                &ours,
                std::slice::from_ref(&ours),
                std::slice::from_ref(&running),
            );
            assert_eq!(found.is_some(), is_ours, "{user:?} {via:?}");
        }
    }

    #[test]
    fn at_the_end_ours_is_the_only_one_that_ended_with_its_action() {
        let history = [
            deployment(4, 70, Some(99)),
            deployment(3, 40, Some(70)),
            deployment(2, 10, Some(40)),
            deployment(1, 1, Some(70)),
        ];
        let found = |ended| at_the_end(&row(), &action(12, 11, Some(ended)), &history).map(|one| one.id.0);
        assert_eq!(found(70), Some(3));
        assert_eq!(found(71), None, "two of them may be it");
        assert_eq!(found(120), Some(4));
        assert_eq!(found(200), None);
    }

    #[test]
    fn a_success_is_not_what_was_cancelled_meanwhile_but_what_is_known_to_be_ours_stays() {
        let cancelled = |id| Deployment {
            outcome: Outcome::Cancelled,
            ..deployment(id, 40, Some(70))
        };
        let ended = action(12, 11, Some(70));
        assert_eq!(at_the_end(&row(), &ended, &[cancelled(3)]), None);
        let failed = Action {
            succeeded: Some(false),
            ..ended.clone()
        };
        assert!(at_the_end(&row(), &failed, &[cancelled(3)]).is_some());
        let known = Redeploy {
            deployment: Some(DeploymentId(2)),
            ..row()
        };
        let history = [cancelled(3), deployment(2, 12, Some(60))];
        assert_eq!(at_the_end(&known, &ended, &history).map(|one| one.id.0), Some(2));
    }
}
