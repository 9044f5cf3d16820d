//! What a stack has been through before the sandbox started.

use crate::sandbox::random::Seeded;
use crate::sandbox::world::{Action, DeployType, Deployment, Finished, Outcome, Stack, Via, jitter};
use std::time::Duration as StdDuration;
use time::{Duration, OffsetDateTime};

/// The numbers that grow over all stacks.
pub(super) struct Numbers {
    pub(super) deployment: u64,
    pub(super) action: u64,
}

/// How a history ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Success,
    Failure,
}

/// Gives the stack `count` deployments before `start`, the first a build, the last ending as `ending` says,
/// and the actions that tell of them.
pub(super) fn write(
    stack: &mut Stack,
    draws: &mut Seeded,
    people: &[String],
    count: u64,
    ending: Ending,
    start: OffsetDateTime,
    numbers: &mut Numbers,
) {
    let mut begins = start - Duration::minutes(draws.between(50, 60 * 24 * 9).cast_signed());
    let mut times = Vec::new();
    for _ in 0..count {
        times.push(begins);
        begins -= Duration::minutes(draws.between(90, 60 * 24 * 5).cast_signed());
    }
    stack.created_at = begins;
    times.reverse();
    let last = times.len().saturating_sub(1);
    for (index, begins) in times.into_iter().enumerate() {
        let fails = match ending {
            Ending::Failure if index == last => true,
            // The one before a failed last one succeeded, so that a live commit is there.
            _ if index == 0 || index + 1 >= last => false,
            _ => draws.chance(8),
        };
        let ends = begins + length(stack.typical, draws);
        let (deployment, action) = one(stack, draws, people, begins, ends, fails, numbers);
        stack.deployments.push(deployment);
        stack.actions.push(action);
        stack.updated_at = ends;
        stack.last_activity = Some(ends);
        stack.revision += u64::from(!fails);
    }
    if let Some(newest) = stack.deployments.last_mut() {
        newest.is_head = true;
    }
    let live = stack
        .deployments
        .iter_mut()
        .rev()
        .find(|one| one.outcome == Outcome::Success);
    if let Some(live) = live {
        live.is_live = true;
    }
}

fn one(
    stack: &mut Stack,
    draws: &mut Seeded,
    people: &[String],
    begins: OffsetDateTime,
    ends: OffsetDateTime,
    fails: bool,
    numbers: &mut Numbers,
) -> (Deployment, Action) {
    let by = draws.pick(people).cloned();
    let via = match draws.below(10) {
        0..=4 => Via::Web,
        5..=7 => Via::Api,
        _ => Via::Hook,
    };
    let reverts = draws.chance(3) && stack.deployments.len() > 2 && !fails;
    let mut git_hash = stack.git.is_some().then(|| draws.hex(40));
    if reverts && let [.., before, undone] = stack.deployments.as_mut_slice() {
        undone.reverted = by.clone().map(|by| (by, begins));
        git_hash.clone_from(&before.git_hash);
    }
    let deployment = Deployment {
        id: numbers.deployment,
        operation_uid: draws.hex(22),
        triggered_by: by.clone().filter(|_| via != Via::Hook),
        via,
        started_at: begins,
        finished_at: Some(ends),
        outcome: if fails { Outcome::Failed } else { Outcome::Success },
        git_hash,
        git_ref: stack.git_branch.clone(),
        deploy_session: draws.letters(10),
        deploy_type: match (stack.deployments.is_empty(), reverts) {
            (true, _) => DeployType::FirstBuild,
            (false, true) => DeployType::Revert,
            (false, false) => DeployType::Redeploy,
        },
        is_head: false,
        is_live: false,
        reverted: None,
    };
    let message = if fails {
        "Deployment failed: a migration ended with an error"
    } else {
        "Completed successfully"
    };
    let action = Action {
        id: numbers.action,
        user: by.unwrap_or_default(),
        action: "application_deployment",
        started_via: match via {
            Via::Web => "web",
            Via::Api => "api",
            Via::Hook => "hook",
        },
        started_at: begins,
        finished: Some(Finished {
            at: ends,
            success: !fails,
            message: message.to_owned(),
        }),
        user_reference: None,
        deployment: Some(numbers.deployment),
    };
    numbers.deployment += 1;
    numbers.action += 1;
    (deployment, action)
}

fn length(typical: StdDuration, draws: &mut Seeded) -> StdDuration {
    typical.mul_f64(jitter(draws))
}
