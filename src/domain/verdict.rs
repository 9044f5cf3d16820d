//! One verdict from a stack's status, health and running deployment.
//!
//! Words differ for each state and shapes for each tone; colour only repeats them. Maintenance is never part
//! of it: a stack in maintenance is as healthy as it is.

use std::borrow::Cow;

use super::stack::{Health, Stack, Status};

/// The state of a stack, in one word group. The first test that holds wins, in the order of [`Verdict::of`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A deployment runs.
    Deploying,
    /// A build runs, on a stack that only builds.
    BuildingImage,
    /// A deployment waits to start.
    Queued,
    /// Cloud 66 accepted a redeploy and has not shown its deployment yet.
    Starting,
    /// Cloud 66 is at work on it with something that is not known to be a deployment.
    Busy,
    /// Cloud 66 calls the stack broken.
    HealthFailed,
    /// The last deployment failed.
    DeployFailed,
    /// The last deployment was stopped.
    DeployCancelled,
    /// Cloud 66 cannot make sense of the code.
    CannotAnalyse,
    /// Some of it is in trouble.
    Impaired,
    /// Being analysed.
    Analysing,
    /// The first build runs.
    Building,
    /// Never deployed.
    NotDeployed,
    /// All is well.
    Healthy,
    /// Cloud 66 says nothing of its health.
    NoHealthData,
    /// A status code that this app does not know.
    New(i64),
    /// Cloud 66 gives neither a status nor a health.
    NotGiven,
}

/// What Cloud 66 has accepted from here, and does not show on the stack yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// A redeploy whose deployment is not known yet.
    Deploy,
    /// A redeploy that waits behind another operation.
    Queued,
    /// Another command.
    Command,
}

/// How much a verdict asks for attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Broken.
    Bad,
    /// In trouble.
    Warn,
    /// Something runs.
    Busy,
    /// Well.
    Ok,
    /// Nothing to say.
    Idle,
}

/// The outline that goes with a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// An open ring, which turns.
    Ring,
    /// A clock.
    Clock,
    /// An octagon with a cross.
    Octagon,
    /// A triangle with an exclamation mark.
    Triangle,
    /// A circle with a tick.
    Tick,
    /// A dash.
    Dash,
}

impl Verdict {
    /// The verdict on `stack`; `deploying` says that one of its deployments is known to run.
    pub fn of(stack: &Stack, deploying: bool) -> Self {
        match (stack.status, stack.health) {
            (Status::Deploying, _) if stack.is_skycap() => Self::BuildingImage,
            (Status::Deploying, _) => Self::Deploying,
            _ if deploying && stack.is_skycap() => Self::BuildingImage,
            _ if deploying => Self::Deploying,
            (Status::QueuedForDeploying, _) => Self::Queued,
            (_, Health::Broken) => Self::HealthFailed,
            // What it is at work on may change how the last deployment left it (fact sheet 11: status 2 and busy).
            (
                Status::Deployed
                | Status::Failed
                | Status::TerminalFailure
                | Status::Other(_)
                | Status::NotGiven,
                _,
            ) if stack.busy && stack.health != Health::Building => Self::Busy,
            (Status::Failed, _) => Self::DeployFailed,
            (Status::TerminalFailure, _) => Self::CannotAnalyse,
            (_, Health::Impaired) => Self::Impaired,
            (Status::Analysing, _) => Self::Analysing,
            (_, Health::Building) => Self::Building,
            (Status::Queued | Status::Analysed, _) => Self::NotDeployed,
            (_, Health::Healthy) => Self::Healthy,
            (Status::Deployed, _) => Self::NoHealthData,
            (Status::Other(code), _) => Self::New(code),
            (Status::NotGiven, _) => Self::NotGiven,
        }
    }

    /// The verdict once more is known than the stack itself says: how its newest deployment ended, and what was
    /// asked of it here.
    #[must_use]
    pub fn knowing(self, cancelled: bool, pending: Option<Pending>) -> Self {
        match (self, pending) {
            _ if self.tone() == Tone::Busy && self != Self::Busy => self,
            (_, Some(Pending::Deploy)) => Self::Starting,
            (_, Some(Pending::Queued)) => Self::Queued,
            (Self::HealthFailed, _) => self,
            (_, Some(Pending::Command)) => Self::Busy,
            (Self::DeployFailed, None) if cancelled => Self::DeployCancelled,
            _ => self,
        }
    }

    /// The words to show.
    pub fn words(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Deploying => "Deploying",
            Self::BuildingImage | Self::Building => "Building",
            Self::Queued => "Queued",
            Self::Starting => "Starting…",
            Self::Busy => "Busy",
            Self::HealthFailed => "Health failed",
            Self::DeployFailed => "Deploy failed",
            Self::DeployCancelled => "Cancelled",
            Self::CannotAnalyse => "Cannot analyse",
            Self::Impaired => "Impaired",
            Self::Analysing => "Analysing",
            Self::NotDeployed => "Not deployed yet",
            Self::Healthy => "Healthy",
            Self::NoHealthData => "No health data",
            Self::New(code) => return Cow::Owned(format!("State {code} (new to this app)")),
            Self::NotGiven => "State not given",
        })
    }

    /// How much it asks for attention.
    pub fn tone(self) -> Tone {
        match self {
            Self::Deploying
            | Self::BuildingImage
            | Self::Queued
            | Self::Starting
            | Self::Busy
            | Self::Analysing
            | Self::Building => Tone::Busy,
            Self::HealthFailed | Self::DeployFailed | Self::CannotAnalyse => Tone::Bad,
            Self::Impaired => Tone::Warn,
            Self::Healthy => Tone::Ok,
            Self::DeployCancelled
            | Self::NotDeployed
            | Self::NoHealthData
            | Self::New(_)
            | Self::NotGiven => Tone::Idle,
        }
    }

    /// The outline that goes with it.
    pub fn icon(self) -> Icon {
        match (self, self.tone()) {
            (Self::Queued, _) => Icon::Clock,
            (_, Tone::Busy) => Icon::Ring,
            (_, Tone::Bad) => Icon::Octagon,
            (_, Tone::Warn) => Icon::Triangle,
            (_, Tone::Ok) => Icon::Tick,
            (_, Tone::Idle) => Icon::Dash,
        }
    }

    /// Whether somebody should look at it: the "Needs attention" filter.
    pub fn needs_attention(self) -> bool {
        matches!(self.tone(), Tone::Bad | Tone::Warn)
    }

    /// Whether something runs or waits to run: the "In progress" filter.
    pub fn in_progress(self) -> bool {
        self.tone() == Tone::Busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::stack::sample;

    #[test]
    fn the_first_test_that_holds_wins() {
        let rows = [
            (6, 3, false, "Deploying"),
            (6, 4, false, "Deploying"),
            (1, 3, true, "Deploying"),
            (5, 3, false, "Queued"),
            (1, 4, false, "Health failed"),
            (2, 4, false, "Health failed"),
            (2, 3, false, "Deploy failed"),
            (7, 0, false, "Cannot analyse"),
            (1, 2, false, "Impaired"),
            (3, 0, false, "Analysing"),
            (1, 1, false, "Building"),
            (0, 0, false, "Not deployed yet"),
            (4, 0, false, "Not deployed yet"),
            (1, 3, false, "Healthy"),
            (1, 0, false, "No health data"),
            (1, 77, false, "No health data"),
            (9, 0, false, "State 9 (new to this app)"),
        ];
        for (status, health, deploying, words) in rows {
            let stack = sample(|stack| {
                stack.status = Status::from_code(status);
                stack.health = Health::from_code(health);
            });
            assert_eq!(
                Verdict::of(&stack, deploying).words(),
                words,
                "status {status}, health {health}"
            );
        }
    }

    #[test]
    fn what_runs_comes_before_how_the_last_deployment_ended() {
        for (status, health, words) in [
            (1, 3, "Busy"),
            (2, 3, "Busy"),
            (2, 2, "Busy"),
            (7, 0, "Busy"),
            (9, 0, "Busy"),
            (2, 4, "Health failed"),
            (3, 0, "Analysing"),
            (1, 1, "Building"),
            (6, 3, "Deploying"),
        ] {
            let stack = sample(|stack| {
                stack.status = Status::from_code(status);
                stack.health = Health::from_code(health);
                stack.busy = true;
            });
            assert_eq!(
                Verdict::of(&stack, false).words(),
                words,
                "status {status}, health {health}"
            );
        }
    }

    #[test]
    fn what_was_asked_here_is_starting_until_the_stack_shows_it() {
        let (deploy, queued, command) = (
            Some(Pending::Deploy),
            Some(Pending::Queued),
            Some(Pending::Command),
        );
        for (verdict, pending, expected) in [
            (Verdict::Healthy, deploy, Verdict::Starting),
            (Verdict::Busy, deploy, Verdict::Starting),
            (Verdict::DeployFailed, deploy, Verdict::Starting),
            (Verdict::Deploying, deploy, Verdict::Deploying),
            (Verdict::Healthy, queued, Verdict::Queued),
            (Verdict::Deploying, queued, Verdict::Deploying),
            (Verdict::Healthy, command, Verdict::Busy),
            (Verdict::HealthFailed, command, Verdict::HealthFailed),
            (Verdict::Healthy, None, Verdict::Healthy),
            (Verdict::DeployFailed, None, Verdict::DeployFailed),
        ] {
            assert_eq!(
                verdict.knowing(false, pending),
                expected,
                "{verdict:?} {pending:?}"
            );
        }
        assert_eq!(
            Verdict::DeployFailed.knowing(true, None),
            Verdict::DeployCancelled
        );
        assert_eq!(Verdict::Healthy.knowing(true, None), Verdict::Healthy);
    }

    #[test]
    fn without_a_status_the_health_speaks_or_nothing_is_said() {
        for (health, words) in [(3, "Healthy"), (4, "Health failed"), (0, "State not given")] {
            let stack = sample(|stack| {
                stack.status = Status::NotGiven;
                stack.health = Health::from_code(health);
            });
            assert_eq!(Verdict::of(&stack, false).words(), words);
        }
    }

    #[test]
    fn a_stack_that_only_builds_is_building() {
        let stack = sample(|stack| {
            stack.framework = Some("skycap".into());
            stack.status = Status::Deploying;
        });
        assert_eq!(Verdict::of(&stack, false).words(), "Building");
    }
}
