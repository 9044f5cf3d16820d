//! A redeploy: what a person asked of a stack through this app. A row of the ledger.
//!
//! The states and the only ways between them:
//!
//! ```text
//! requested ──► sending ──► accepted ──► running ──► succeeded
//!     ▲            │  │         ▲           │    ├──► failed
//!     └─(1)────────┘  │         │           │    ├──► cancelled
//!                     │         │           │    └──► ended
//!                     ├──► refused          │
//!                     └──► unknown ──► lost │ (accepted may go to any end at once)
//! ```
//!
//! Invariants, kept by the conditions of the ledger's statements:
//! * A row is `sending`, and that is committed, before the first byte of its request goes out.
//! * What was not sent in time, or was asked for in another database than this one, is not sent as it is: Cloud 66 is
//!   asked for it first, and from `requested` it may then become `accepted`, `refused` or `lost` at once
//!   (`store/ledger/epoch.rs`).
//! * (1) happens only with proof that nothing was sent: no connection could be made.
//! * `unknown` is never sent again; Cloud 66 is asked whether it knows the operation id, and the answer, or its
//!   absence for a bounded time, makes it `accepted` or `lost`.
//! * A stack has at most one row in `requested`, `sending` or `unknown`.
//! * What Cloud 66 stops speaking of is no longer followed: it keeps its last confirmed state, says so, and holds
//!   no token.
//! * `ended` is said where Cloud 66 says that it ended and not how.
//! * An end (`refused`, `lost`, `succeeded`, `failed`, `cancelled`, `ended`) is never left, and its row holds no token.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::Reason;
use super::ids::{ActionId, DeploymentId, OperationId, StackUid, UserId};

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeploy {
    /// Its name, known before it is asked for.
    pub id: OperationId,
    /// What was asked.
    pub command: Command,
    /// Of which stack.
    pub stack: StackUid,
    /// What the stack was called at the time.
    pub stack_name: String,
    /// Its environment at the time.
    pub environment: String,
    /// Who asked.
    pub asked_by: UserId,
    /// That person's name at the time.
    pub asked_by_name: String,
    /// Options and note, as the person gave them; all empty for commands other than a redeploy.
    pub options: RedeployOptions,
    /// What was known before, to be compared with afterwards.
    pub before: Before,
    /// Where it stands.
    pub state: RedeployState,
    /// When the row was written.
    pub requested_at: OffsetDateTime,
    /// When it was last claimed for sending.
    pub sent_at: Option<OffsetDateTime>,
    /// When Cloud 66 accepted or refused it, or the row became unknown.
    pub answered_at: Option<OffsetDateTime>,
    /// When it reached its end.
    pub finished_at: Option<OffsetDateTime>,
    /// Whether Cloud 66 said that it waits behind another operation.
    pub queued: bool,
    /// The action to follow, where Cloud 66 named one.
    pub action: Option<ActionId>,
    /// The deployment that it became, once known.
    pub deployment: Option<DeploymentId>,
    /// The commit that ran, once known.
    pub git_hash: Option<String>,
    /// Why it stands so, where the state alone does not say it.
    pub reason: Option<Reason>,
    /// What Cloud 66 said of it, in its own words. Text, never markup.
    pub message: Option<String>,
    /// How often a connection for it was tried.
    pub attempts: u32,
    /// How often Cloud 66 was asked about it since it became unknown or accepted.
    pub looks: u32,
    /// When Cloud 66 last answered a question about it.
    pub heard_at: Option<OffsetDateTime>,
    /// When a question about it last stayed without an answer.
    pub missed_at: Option<OffsetDateTime>,
    /// How long the work took by Cloud 66's own times, where they are known: of a redeploy its deployment's.
    pub took: Option<Duration>,
    /// Whether its copy of the access token is still there: without it nothing is sent and nobody is asked.
    pub followed: bool,
    /// Whether the person has asked to cancel it.
    pub cancel_requested_at: Option<OffsetDateTime>,
}

impl Redeploy {
    /// Whether it has not ended and Cloud 66 is still asked about it.
    pub fn is_followed(&self) -> bool {
        self.followed && !self.state.is_end()
    }

    /// When Cloud 66 last spoke of it: answered the request itself, or a question about it.
    pub fn last_heard_at(&self) -> Option<OffsetDateTime> {
        let answered = !matches!(self.state, RedeployState::Unknown | RedeployState::Lost);
        self.heard_at.max(self.answered_at.filter(|_| answered))
    }

    /// Whether Cloud 66 has not spoken of it since it was last asked.
    pub fn is_silent(&self) -> bool {
        self.is_followed() && self.missed_at.is_some() && self.missed_at > self.last_heard_at()
    }
}

/// What was asked of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Deploy code again.
    Redeploy,
    /// Restart web servers and databases; no new code.
    Restart,
    /// Clear the application's caches.
    ClearCaches,
    /// Show visitors the maintenance page.
    MaintenanceOn,
    /// Stop showing it.
    MaintenanceOff,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Redeploy,
        Self::Restart,
        Self::ClearCaches,
        Self::MaintenanceOn,
        Self::MaintenanceOff,
    ];

    /// The word in URLs and in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redeploy => "redeploy",
            Self::Restart => "restart",
            Self::ClearCaches => "clear-caches",
            Self::MaintenanceOn => "maintenance-on",
            Self::MaintenanceOff => "maintenance-off",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.as_str() == word)
    }
}

/// What a redeploy may carry (fact sheet 7). Empty means: as Cloud 66 would do by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RedeployOptions {
    /// Branch, tag or commit; never for Docker stacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// `name` or `name:tag`; Docker stacks only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// A deployment profile's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_profile: Option<String>,
    /// A note for our record; not sent to Cloud 66.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The stack as it was known when the redeploy was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Before {
    /// The newest deployment: a newer one afterwards is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_deployment: Option<DeploymentId>,
    /// The commit that was live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_hash: Option<String>,
    /// The branch that was going to be deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The repository address, for compare links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<String>,
    /// Seconds that the stack's deployments usually took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual_seconds: Option<i64>,
}

impl Before {
    /// Whether a deployment is newer than all that were known.
    pub fn is_older_than(&self, deployment: DeploymentId) -> bool {
        self.newest_deployment.is_none_or(|newest| deployment > newest)
    }
}

/// Where a redeploy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RedeployState {
    /// Written down, not sent.
    Requested,
    /// Claimed by a worker; the request may be on its way.
    Sending,
    /// Cloud 66 said yes.
    Accepted,
    /// Cloud 66 said no, or nothing could be sent. An end.
    Refused,
    /// No answer that says yes or no.
    Unknown,
    /// Cloud 66 has no record of it. An end.
    Lost,
    /// Cloud 66 is at work on it.
    Running,
    /// It ended well. An end.
    Succeeded,
    /// It ended badly. An end.
    Failed,
    /// It was stopped. An end.
    Cancelled,
    /// It ended, and Cloud 66 did not say how. An end.
    Ended,
}

impl RedeployState {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Requested,
        Self::Sending,
        Self::Accepted,
        Self::Refused,
        Self::Unknown,
        Self::Lost,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Ended,
    ];

    /// The word in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Lost => "lost",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Ended => "ended",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more will happen to it.
    pub fn is_end(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Lost | Self::Succeeded | Self::Failed | Self::Cancelled | Self::Ended
        )
    }

    /// Whether it is not known yet if Cloud 66 has it; a stack has at most one such row.
    pub fn is_unanswered(self) -> bool {
        matches!(self, Self::Requested | Self::Sending | Self::Unknown)
    }

    /// Whether `self` may become `next`: the arrows of the picture above.
    pub fn may_become(self, next: Self) -> bool {
        use RedeployState as S;
        matches!(
            (self, next),
            (S::Requested, S::Sending | S::Accepted | S::Refused | S::Lost)
                | (S::Sending, S::Requested | S::Accepted | S::Refused | S::Unknown)
                | (S::Unknown, S::Accepted | S::Lost)
                | (
                    S::Accepted,
                    S::Running | S::Succeeded | S::Failed | S::Cancelled | S::Ended
                )
                | (S::Running, S::Succeeded | S::Failed | S::Cancelled | S::Ended)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_end_is_ever_left() {
        for from in RedeployState::ALL {
            let ways = RedeployState::ALL
                .into_iter()
                .filter(|to| from.may_become(*to))
                .count();
            assert_eq!(ways == 0, from.is_end(), "{from:?}");
        }
    }

    #[test]
    fn an_unknown_redeploy_is_never_sent() {
        assert!(!RedeployState::Unknown.may_become(RedeployState::Sending));
        assert!(!RedeployState::Unknown.may_become(RedeployState::Requested));
    }

    #[test]
    fn words_read_back() {
        for state in RedeployState::ALL {
            assert_eq!(RedeployState::parse(state.as_str()), Some(state));
        }
        for command in Command::ALL {
            assert_eq!(Command::parse(command.as_str()), Some(command));
        }
    }
}
