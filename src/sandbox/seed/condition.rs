//! Putting a stack into the condition that the catalogue says.

use super::catalogue::Condition;
use super::history::Numbers;
use crate::sandbox::random::Seeded;
use crate::sandbox::world::{Action, Deploy, Health, Kind, Stack, Status, Step, Via, Work};
use std::time::Duration as StdDuration;
use time::OffsetDateTime;

impl Condition {
    /// Whether the stack has ever been deployed.
    pub(super) fn has_history(self) -> bool {
        !matches!(
            self,
            Self::NeverDeployed | Self::Analysing | Self::PendingAnalysis | Self::UnableToAnalyse
        )
    }

    /// Whether its last deploy failed.
    pub(super) fn ends_badly(self) -> bool {
        matches!(self, Self::Failed | Self::AlwaysFails)
    }
}

/// Puts a stack into its condition.
pub(super) fn afflict(
    stack: &mut Stack,
    condition: Condition,
    draws: &mut Seeded,
    deploy_time: StdDuration,
    start: OffsetDateTime,
    numbers: &mut Numbers,
) {
    match condition {
        Condition::Fine => {}
        Condition::Failed => stack.status = Status::FAILED,
        Condition::AlwaysFails => {
            stack.status = Status::FAILED;
            stack.always_fails = true;
        }
        Condition::Impaired => stack.health = Health::PARTIAL,
        Condition::Broken => stack.health = Health::BROKEN,
        Condition::Maintenance => stack.maintenance_mode = true,
        Condition::NeverDeployed => stack.status = Status::ANALYSED,
        Condition::PendingAnalysis => stack.status = Status::QUEUED,
        Condition::UnableToAnalyse => stack.status = Status::TERMINAL_FAILURE,
        Condition::UnknownCodes => (stack.status, stack.health) = (Status(42), Health(9)),
        Condition::Warned => {
            let words = "The servers of this stack run Ubuntu 20.04, whose support has ended";
            stack.warnings.push(words.to_owned());
        }
        Condition::Hostile => {
            stack.git = Some("https://github.com/finch-labs/\" onmouseover=\"alert(2).git".to_owned());
            stack.git_branch = Some("<i>feature</i>/\"quoted\" & $(reboot)".to_owned());
            stack.application_address = Some("javascript:alert(3)".to_owned());
        }
        Condition::Analysing => {
            stack.status = Status::ANALYSING;
            stack.work.push_back(Work {
                kind: Kind::Analyse,
                action: None,
                begins_at: Some(start),
                late: StdDuration::ZERO,
                length: deploy_time * 40,
                step: Step::Accepted,
                cancelled: None,
            });
        }
        Condition::LongDeploy => long_deploy(stack, draws, deploy_time, start, numbers),
    }
}

/// A deploy that began two deploy times ago and takes twenty.
fn long_deploy(
    stack: &mut Stack,
    draws: &mut Seeded,
    deploy_time: StdDuration,
    start: OffsetDateTime,
    numbers: &mut Numbers,
) {
    let begins_at = start - deploy_time * 2;
    let by = "tomas@harbourfinch.example";
    stack.actions.push(Action {
        id: numbers.action,
        user: by.to_owned(),
        action: "application_deployment",
        started_via: "web",
        started_at: begins_at,
        finished: None,
        user_reference: None,
        deployment: None,
    });
    stack.work.push_back(Work {
        kind: Kind::Deploy(Deploy {
            deployment_id: numbers.deployment,
            operation_uid: draws.hex(22),
            by: Some(by.to_owned()),
            via: Via::Web,
            git_ref: None,
            git_hash: stack.git.is_some().then(|| draws.hex(40)),
            session: draws.letters(10),
            services: Vec::new(),
            fails: false,
        }),
        action: Some(numbers.action),
        begins_at: Some(begins_at),
        late: StdDuration::ZERO,
        length: deploy_time * 20,
        step: Step::Accepted,
        cancelled: None,
    });
    numbers.action += 1;
    numbers.deployment += 1;
}
