//! Sending what the ledger holds: the only place in the program that sends a redeploy.
//!
//! Invariants:
//! * Nothing goes out before its row is `sending` and that is committed; a [`Claim`] is the proof.
//! * A claim is sent once. It goes back to `requested` only when no connection could be made, which proves that
//!   nothing was sent; every other doubt is `unknown`, and `unknown` is never sent.

use std::time::Duration;

use super::App;
use crate::cloud66::{self, Answer};
use crate::domain::{Reason, Redeploy};
use crate::store::{Claim, StoreError};

/// How long a claim lasts: well over the time limit of the request, so that a claim whose worker still runs
/// does not expire.
pub const LEASE: Duration = Duration::from_mins(1);

/// How long after a failure the database is asked again whether a claim holds.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// How many times a connection is tried.
const CONNECTION_ATTEMPTS: u32 = 3;

/// How many times an answer is written down before it is left to the look-up after the lease.
const WRITE_ATTEMPTS: u32 = 5;

impl App {
    /// Sends a claimed row and writes down what Cloud 66 answered.
    pub async fn send(&self, claim: &Claim) -> Result<(), StoreError> {
        if !self.may_be_sent(claim).await? {
            return Ok(());
        }
        let row = claim.redeploy();
        let api = self
            .cloud66()
            .api(claim.token(), &self.watchers().budget(row.asked_by));
        let answer = api.send(row.stack, row.id, row.command, &row.options).await;
        self.remember_warning(row, api.warning().as_deref());
        tracing::info!(operation = %row.id, stack = %row.stack, answer = kind(&answer), "redeploy sent");
        if matches!(answer, Answer::Refused(cloud66::Error::Forbidden { .. })) {
            tracing::warn!(person = row.asked_by.0, stack = %row.stack, "Cloud 66 does not let this person deploy it");
        }
        self.remember_answer(claim, &answer);
        for attempt in 1.. {
            match self.record(claim, &answer).await {
                Ok(()) => break,
                Err(error) if attempt >= WRITE_ATTEMPTS => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(200 * u64::from(attempt))).await,
            }
        }
        self.told().news_for(row.asked_by);
        Ok(())
    }

    /// Whether the claim holds, asked right before the first byte. A database that is away for a moment is asked
    /// again while the lease can last: nothing is sent so far, and the lease itself says when it is too late.
    async fn may_be_sent(&self, claim: &Claim) -> Result<bool, StoreError> {
        let ledger = self.store().ledger();
        let too_late = self.clock().steady() + LEASE;
        loop {
            match ledger.still_held(claim).await {
                Err(_) if self.clock().steady() < too_late => tokio::time::sleep(ASK_AGAIN).await,
                answered => return answered,
            }
        }
    }

    async fn record(&self, claim: &Claim, answer: &Answer) -> Result<(), StoreError> {
        let ledger = self.store().ledger();
        let row = claim.redeploy();
        match answer {
            Answer::Accepted {
                action,
                queued,
                message,
            } => {
                ledger.accepted(claim, *action, *queued, message).await?;
            }
            Answer::Refused(error) => {
                ledger.refused(claim, reason(error), error.words()).await?;
            }
            Answer::NotOffered => {
                ledger.refused(claim, Reason::NotInThisVersion, None).await?;
            }
            Answer::NotSent if row.attempts < CONNECTION_ATTEMPTS => {
                let again_at = self.clock().now() + Duration::from_secs(u64::from(row.attempts));
                ledger.not_sent(claim, again_at).await?;
            }
            Answer::NotSent => {
                ledger.refused(claim, Reason::Unreachable, None).await?;
            }
            Answer::NoAnswer => {
                ledger.unknown(claim).await?;
            }
        }
        Ok(())
    }

    /// What came beside the answer is for the person, in whichever session.
    fn remember_warning(&self, row: &Redeploy, warning: Option<&str>) {
        for watcher in self.watchers().of_person(row.asked_by) {
            watcher.warned(warning.map(str::to_owned));
        }
    }

    /// What this person's pages learn from the answer at once.
    fn remember_answer(&self, claim: &Claim, answer: &Answer) {
        let row = claim.redeploy();
        if matches!(answer, Answer::Accepted { .. }) {
            for watcher in self.watchers().of_person(row.asked_by) {
                watcher.allow(row.stack);
            }
        }
        let Some(watcher) = self.watchers().known(claim.token()) else {
            return;
        };
        if matches!(answer, Answer::Refused(cloud66::Error::Forbidden { .. })) {
            watcher.refuse(claim.redeploy().stack);
        }
        watcher.outdate();
    }
}

fn kind(answer: &Answer) -> &'static str {
    match answer {
        Answer::Accepted { .. } => "accepted",
        Answer::Refused(_) => "refused",
        Answer::NotOffered => "not offered",
        Answer::NotSent => "not sent",
        Answer::NoAnswer => "no answer",
    }
}

/// Why Cloud 66 refused, by kind; its own words stay apart.
fn reason(error: &cloud66::Error) -> Reason {
    use cloud66::Error as E;
    match error {
        E::SignedOut => Reason::SignedOut,
        E::TrialOver => Reason::TrialOver,
        E::Forbidden { .. } => Reason::Forbidden,
        E::Gone => Reason::Gone,
        E::Conflict { .. } => Reason::Conflict,
        E::Throttled { .. } => Reason::Throttled,
        E::NotImplemented => Reason::NotImplemented,
        _ => Reason::Rejected,
    }
}
