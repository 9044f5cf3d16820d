//! Asking Cloud 66 to stop a deployment. Cancelling is itself asynchronous there (fact sheet 6.5): what is known
//! here is that it was asked, and whether Cloud 66 took it.
//!
//! Invariants:
//! * Everything is asked with the token of the person who cancels, and counts against that person's hour, whoever
//!   asked for the redeploy that is cancelled.
//! * Nothing is canceled that Cloud 66 does not list as a running deployment of the stack: a made-up number costs one
//!   read and no request to cancel.

use super::outcome;
use super::{App, Error, SignedIn};
use crate::cloud66;
use crate::domain::{Deployment, DeploymentId, OperationId, Redeploy, Stack, StackUid};

/// What became of asking.
#[derive(Debug)]
pub struct Cancelling {
    /// The stack's title.
    pub stack: String,
    /// What Cloud 66 made of it.
    pub outcome: Outcome,
    /// The receipt of the redeploy that is being stopped, where it is one of this person's.
    pub receipt: Option<OperationId>,
}

/// What Cloud 66 made of a request to stop a deployment.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took it.
    Asked,
    /// Nothing was asked: the deployment has ended.
    TooLate,
    /// Nothing was asked: the stack has no such deployment.
    NoSuchDeployment,
    /// It did not take it, or was not asked; why.
    Refused(String),
}

impl App {
    /// Asks once. A running deployment is stopped by the second of two requests as well as by the first, so no
    /// harm is done by pressing twice.
    pub async fn cancel(&self, who: &SignedIn, uid: StackUid, id: DeploymentId) -> Result<Cancelling, Error> {
        if !who.grant.scopes.allow_redeploy() {
            return Err(Error::NeedsRedeployScope);
        }
        let (stack, _) = self.reachable(who, uid).await?;
        // Deployments that run are the newest ones, so the first page has them.
        let history = match self.api(who).deployments(uid).await {
            Ok(history) => history,
            Err(cloud66::Error::SignedOut) => return Err(cloud66::Error::SignedOut.into()),
            Err(error) => return Ok(without_receipt(&stack, Outcome::Refused(refusal_words(&error)))),
        };
        match history.iter().find(|deployment| deployment.id == id) {
            None => return Ok(without_receipt(&stack, Outcome::NoSuchDeployment)),
            Some(deployment) if !deployment.is_running() => {
                return Ok(without_receipt(&stack, Outcome::TooLate));
            }
            Some(_) => {}
        }
        let asked_for_here = self.redeploy_of(who, uid, id, &history).await?;
        let outcome = match self.api(who).cancel(uid, id).await {
            Ok(_) => Outcome::Asked,
            Err(cloud66::Error::SignedOut) => return Err(cloud66::Error::SignedOut.into()),
            Err(error) => Outcome::Refused(refusal_words(&error)),
        };
        if let Some(row) = asked_for_here.as_ref().filter(|_| outcome == Outcome::Asked) {
            self.store().ledger().cancel_requested(row.id).await?;
        }
        self.watcher(who).outdate();
        tracing::info!(stack = %uid, deployment = %id, taken = outcome == Outcome::Asked, "cancel asked");
        Ok(Cancelling {
            stack: stack.title(),
            outcome,
            receipt: asked_for_here
                .filter(|row| row.asked_by == who.person.id)
                .map(|row| row.id),
        })
    }

    /// The redeploy that became this deployment, whoever asked for it: its receipt says that it is being canceled.
    /// Which deployment a redeploy became may be seen here before the worker sees it. Then it is found as the worker
    /// would find it, but with this person's own token.
    async fn redeploy_of(
        &self,
        who: &SignedIn,
        uid: StackUid,
        id: DeploymentId,
        history: &[Deployment],
    ) -> Result<Option<Redeploy>, Error> {
        let ledger = self.store().ledger();
        if let Some(known) = ledger.open_of_deployment(uid, id).await? {
            return Ok(Some(known));
        }
        let unplaced = ledger.unplaced_of_stack(uid).await?;
        if unplaced.is_empty() {
            return Ok(None);
        }
        // Without the actions the deployment can still be stopped; only the receipt does not say so at once.
        let actions = self.api(who).actions(uid).await.unwrap_or_default();
        let ahead = ledger.now().await? - self.clock().now();
        let mut rows = unplaced.into_iter();
        Ok(rows.find(|row| {
            let running = outcome::running_as(row, ahead, &actions, history);
            running.is_some_and(|deployment| deployment.id == id)
        }))
    }
}

fn without_receipt(stack: &Stack, outcome: Outcome) -> Cancelling {
    Cancelling {
        stack: stack.title(),
        outcome,
        receipt: None,
    }
}

fn refusal_words(error: &cloud66::Error) -> String {
    use cloud66::Error as E;
    match error {
        E::Gone => "It is not there any more.".to_owned(),
        E::Forbidden { .. } => "Your Cloud 66 role cannot cancel it.".to_owned(),
        E::Conflict { words } | E::Rejected { words, .. } if !words.is_empty() => words.clone(),
        E::Conflict { .. } | E::Rejected { .. } => "It may have ended already.".to_owned(),
        E::Throttled { .. } => "This hour's requests are used up.".to_owned(),
        E::NotImplemented => "Cloud 66 does not offer this.".to_owned(),
        _ => "Cloud 66 did not answer. Look at the stack before you try again.".to_owned(),
    }
}
