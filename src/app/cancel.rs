//! Asking Cloud 66 to stop a deployment. Cancelling is itself asynchronous there (fact sheet 6.5): what is known
//! here is that it was asked, and whether Cloud 66 took it.

use super::{App, Error, SignedIn};
use crate::cloud66;
use crate::domain::{DeploymentId, OperationId, StackUid};

/// What became of asking.
#[derive(Debug)]
pub struct Cancelling {
    /// The stack's title.
    pub stack: String,
    /// Why Cloud 66 did not take it, in its words; none where it did.
    pub refusal: Option<String>,
    /// The receipt of the redeploy that is being stopped, where it is one of this person's.
    pub receipt: Option<OperationId>,
}

impl App {
    /// Asks once. A running deployment is stopped by the second of two requests as well as by the first, so no
    /// harm is done by pressing twice.
    pub async fn cancel(&self, who: &SignedIn, uid: StackUid, id: DeploymentId) -> Result<Cancelling, Error> {
        if !who.grant.scopes.allow_redeploy() {
            return Err(Error::NeedsRedeployScope);
        }
        let (stack, _) = self.reachable(who, uid).await?;
        let ledger = self.store().ledger();
        // Whoever asked for it: their receipt says what was done to it. Which deployment a redeploy became may have
        // been seen by this person before it was seen by the worker, so where it is not known it is asked for now.
        let mut asked_for_here = ledger.open_of_deployment(uid, id).await?;
        if asked_for_here.is_none() {
            for unplaced in ledger.unplaced_of_stack(uid).await? {
                self.look(&unplaced).await?;
            }
            asked_for_here = ledger.open_of_deployment(uid, id).await?;
        }
        let refusal = match self.api(who).cancel(uid, id).await {
            Ok(_) => None,
            Err(cloud66::Error::SignedOut) => return Err(cloud66::Error::SignedOut.into()),
            Err(error) => Some(refusal_words(&error)),
        };
        if let Some(row) = asked_for_here.as_ref().filter(|_| refusal.is_none()) {
            ledger.cancel_requested(row.id).await?;
        }
        self.watcher(who).outdate();
        tracing::info!(
            person = who.person.id.0,
            stack = %uid,
            deployment = id.0,
            taken = refusal.is_none(),
            "cancel asked"
        );
        Ok(Cancelling {
            stack: stack.title(),
            refusal,
            receipt: asked_for_here
                .filter(|row| row.asked_by == who.person.id)
                .map(|row| row.id),
        })
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
