//! Why a redeploy stands where it stands, where the state alone does not say it. The ledger keeps the reason by its
//! name; pages make the sentence (`web/pages/reason.rs`). What Cloud 66 itself said stands beside it, in
//! [`Redeploy::message`](super::Redeploy::message), and is never ours.

/// Why a redeploy was refused, is lost or is no longer followed; or on what its end rests where Cloud 66 did not tell
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Lost: Cloud 66 was asked, and has no record of it.
    NoRecord,
    /// Lost: version 2 of the API has nothing to ask.
    OldApi,
    /// Lost: Cloud 66 does not say which requests it has.
    NotSaid,
    /// Lost: Cloud 66 could not be asked for the whole of the bounded time.
    NotAsked,
    /// Lost, or no longer followed: no token is held with which to ask.
    NoSignIn,
    /// Refused, nothing sent: no connection could be made.
    Unreachable,
    /// Refused, nothing sent: it was not sent in time, and Cloud 66 has no record of it.
    TooLate,
    /// Lost: it was not sent in time, and nobody can be asked whether it was sent from an earlier copy of the database.
    TooLateNotAsked,
    /// Refused, nothing sent: its sealed token does not open any more.
    NoToken,
    /// Refused, nothing sent: the version of Cloud 66's API that is spoken has no such command.
    NotInThisVersion,
    /// Refused by Cloud 66: the token is no longer accepted (401).
    SignedOut,
    /// Refused by Cloud 66: the account's trial has ended (402).
    TrialOver,
    /// Refused by Cloud 66: the person's role or the token's scope does not allow it (403).
    Forbidden,
    /// Refused by Cloud 66: there is no such stack for this person (404).
    Gone,
    /// Refused by Cloud 66: it conflicts with what the stack is doing (409).
    Conflict,
    /// Refused by Cloud 66: this hour's requests are used up (429, or 503 `throttled`).
    Throttled,
    /// Refused by Cloud 66: its API does not offer this (503 `not_implemented`).
    NotImplemented,
    /// Refused by Cloud 66 for another cause.
    Rejected,
    /// No longer followed: the token does not reach the stack any more.
    AccessLost,
    /// No longer followed: Cloud 66 told no end for the whole of the bounded time.
    NoEndTold,
    /// Ended, by inference: Cloud 66 names no action; it is the only deployment that the stack has had since.
    OnlyDeployment,
    /// Ended, by inference: version 2 has no actions and no history; it is the stack's status afterwards.
    StackStatus,
    /// Ended, and not known how: Cloud 66 names no action, and the stack has had several deployments since.
    OneOfSeveral,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::NoRecord,
        Self::OldApi,
        Self::NotSaid,
        Self::NotAsked,
        Self::NoSignIn,
        Self::Unreachable,
        Self::TooLate,
        Self::TooLateNotAsked,
        Self::NoToken,
        Self::NotInThisVersion,
        Self::SignedOut,
        Self::TrialOver,
        Self::Forbidden,
        Self::Gone,
        Self::Conflict,
        Self::Throttled,
        Self::NotImplemented,
        Self::Rejected,
        Self::AccessLost,
        Self::NoEndTold,
        Self::OnlyDeployment,
        Self::StackStatus,
        Self::OneOfSeveral,
    ];

    /// The name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoRecord => "no-record",
            Self::OldApi => "old-api",
            Self::NotSaid => "not-said",
            Self::NotAsked => "not-asked",
            Self::NoSignIn => "no-sign-in",
            Self::Unreachable => "unreachable",
            Self::TooLate => "too-late",
            Self::TooLateNotAsked => "too-late-not-asked",
            Self::NoToken => "no-token",
            Self::NotInThisVersion => "not-in-this-version",
            Self::SignedOut => "signed-out",
            Self::TrialOver => "trial-over",
            Self::Forbidden => "forbidden",
            Self::Gone => "gone",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::NotImplemented => "not-implemented",
            Self::Rejected => "rejected",
            Self::AccessLost => "access-lost",
            Self::NoEndTold => "no-end-told",
            Self::OnlyDeployment => "only-deployment",
            Self::StackStatus => "stack-status",
            Self::OneOfSeveral => "one-of-several",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// Whether an end rests on inference, and not on Cloud 66's word for this very redeploy.
    pub fn is_inference(self) -> bool {
        matches!(self, Self::OnlyDeployment | Self::StackStatus)
    }

    /// Whether nothing was sent to Cloud 66.
    pub fn is_unsent(self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::TooLate | Self::NoToken | Self::NotInThisVersion
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        }
    }
}
