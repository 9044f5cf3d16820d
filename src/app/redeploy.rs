//! Asking for a redeploy, or for another command on a stack: the row in the ledger, and nothing more.
//!
//! Invariants:
//! * This only writes; [`super::send`] sends. The person's browser may go away at once and nothing is lost.
//! * The rules of asking first are kept here, whatever page the form came from.

use time::{Duration, OffsetDateTime};

use super::{App, Error, SignedIn};
use crate::domain::redeploy::Before;
use crate::domain::{Command, OperationId, Redeploy, RedeployOptions, Stack, StackUid, Version};
use crate::store::{Entered, NewRedeploy, StoreError};

/// How old what is remembered of a stack may be when its state decides whether the person has to be asked.
const FRESH: Duration = Duration::seconds(20);

/// What a form asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The operation id that the form carried.
    pub id: OperationId,
    /// Of which stack.
    pub stack: StackUid,
    /// What.
    pub command: Command,
    /// With which options.
    pub options: RedeployOptions,
    /// What the person was told before pressing.
    pub told: Told,
    /// Which others were asked for by the same POST.
    pub batch: Option<OperationId>,
    /// When the page with the form was made.
    pub form_made_at: OffsetDateTime,
}

/// What the page said before the button was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing: one click in the list.
    Nothing,
    /// The confirm page, which did not name a running deployment.
    Confirmed,
    /// The confirm page, which said that this one starts when the running one ends.
    ConfirmedBehindAnother,
}

/// What became of it.
#[derive(Debug)]
pub enum Asked {
    /// It is written down, or was before; this is its receipt.
    Receipt(OperationId),
    /// Nothing was written and nothing is sent: this earlier request on the stack, of whomever, has no answer yet.
    StackTaken(Box<Redeploy>),
    /// The confirm page has to be seen first.
    ConfirmFirst,
}

/// What became of writing it down.
enum Entering {
    Receipt(OperationId),
    StackTaken(Box<Redeploy>),
}

impl App {
    /// Writes the request down. The same operation id leads to the first one's receipt, however often and
    /// from wherever it is posted.
    pub async fn request(&self, who: &SignedIn, request: Request) -> Result<Asked, Error> {
        if let Some(known) = self.store().ledger().get(request.id).await? {
            return if known.asked_by == who.person.id {
                Ok(Asked::Receipt(known.id))
            } else {
                Err(Error::NotFound)
            };
        }
        if !who.grant.scopes.allow_redeploy() {
            return Err(Error::NeedsRedeployScope);
        }
        if !self.offers(request.command) {
            return Err(Error::NotInThisVersion);
        }
        let (stack, version) = self.reachable(who, request.stack).await?;
        if self.must_be_told(&stack, &request) {
            return Ok(Asked::ConfirmFirst);
        }
        let is_one_of_many = request.batch.is_some();
        let row = NewRedeploy {
            id: request.id,
            command: request.command,
            stack: stack.uid,
            stack_name: stack.name.clone(),
            environment: stack.environment.as_str().to_owned(),
            asked_by: who.person.id,
            asked_by_name: who.person.name.clone(),
            options: request.options,
            before: before(request.command, &stack, version.as_ref()),
            token: who.grant.token.clone(),
            batch: request.batch,
            form_made_at: request.form_made_at,
        };
        let taken = match self.enter(who, row.clone()).await? {
            Entering::Receipt(id) => return Ok(Asked::Receipt(id)),
            Entering::StackTaken(taken) => taken,
        };
        // What stands in the way is looked up with this person's own token. Once it has an answer, the way is free. For
        // a batch that would be many questions one after another; there the worker asks.
        let taken = if is_one_of_many {
            self.wait_for(who, &taken);
            *taken
        } else {
            self.look_up_for(who, *taken).await?
        };
        if taken.state.is_unanswered() {
            return Ok(Asked::StackTaken(Box::new(taken)));
        }
        Ok(match self.enter(who, row).await? {
            Entering::Receipt(id) => Asked::Receipt(id),
            Entering::StackTaken(taken) => Asked::StackTaken(taken),
        })
    }

    /// Writes a row down, if nothing of the stack is without an answer.
    async fn enter(&self, who: &SignedIn, row: NewRedeploy) -> Result<Entering, Error> {
        let (command, options) = (row.command, row.options.clone());
        Ok(match self.store().ledger().request(row).await? {
            Entered::New(row) => {
                tracing::info!(operation = %row.id, stack = %row.stack, command = row.command.as_str(), "redeploy requested");
                Entering::Receipt(row.id)
            }
            Entered::Already(row) if row.asked_by == who.person.id => Entering::Receipt(row.id),
            Entered::Already(_) => return Err(Error::NotFound),
            Entered::StackTaken(row) => {
                // The same thing asked for twice by one person, as from two tabs, is one request.
                let is_the_same =
                    row.asked_by == who.person.id && row.command == command && row.options == options;
                if is_the_same {
                    Entering::Receipt(row.id)
                } else {
                    Entering::StackTaken(Box::new(row))
                }
            }
        })
    }

    /// Whether Cloud 66 has this command, in the version of its API that is spoken.
    pub fn offers(&self, command: Command) -> bool {
        self.cloud66().version().offers(command)
    }

    /// What else than a redeploy it has.
    pub fn commands(&self) -> Vec<Command> {
        let other = |command: &Command| *command != Command::Redeploy && self.offers(*command);
        Command::ALL.into_iter().filter(other).collect()
    }

    /// The person's redeploys that have not reached their end.
    pub async fn open_redeploys(&self, who: &SignedIn) -> Result<Vec<Redeploy>, StoreError> {
        self.store().ledger().open_of_person(who.person.id).await
    }

    /// One of the person's redeploys. Somebody else's is not there.
    pub async fn receipt(&self, who: &SignedIn, id: OperationId) -> Result<Redeploy, Error> {
        let row = self.store().ledger().get(id).await?;
        row.filter(|row| row.asked_by == who.person.id)
            .ok_or(Error::NotFound)
    }

    /// The person's redeploys that were asked for together.
    pub async fn batch(&self, who: &SignedIn, batch: OperationId) -> Result<Vec<Redeploy>, StoreError> {
        let mut rows = self.store().ledger().of_batch(batch).await?;
        rows.retain(|row| row.asked_by == who.person.id);
        Ok(rows)
    }

    /// Requests of whomever that stood in the way of this person's, as far as they are of these stacks.
    pub async fn in_the_way(
        &self,
        ids: &[OperationId],
        is_reachable: impl Fn(StackUid) -> bool,
    ) -> Result<Vec<Redeploy>, StoreError> {
        let mut rows = Vec::new();
        for id in ids {
            let row = self.store().ledger().get(*id).await?;
            rows.extend(row.filter(|row| is_reachable(row.stack)));
        }
        Ok(rows)
    }

    /// The person's redeploys, newest first, those before another one where that is given.
    pub async fn receipts(
        &self,
        who: &SignedIn,
        most: u32,
        before: Option<OperationId>,
    ) -> Result<Vec<Redeploy>, StoreError> {
        self.store().ledger().of_person(who.person.id, most, before).await
    }

    /// The stack as this person's token sees it: from memory where it was listed a moment ago, else asked for.
    /// Where Cloud 66 does not answer, what is remembered has to do: it is no reason to refuse a redeploy.
    pub(super) async fn reachable(
        &self,
        who: &SignedIn,
        uid: StackUid,
    ) -> Result<(Stack, Option<Version>), Error> {
        let snapshot = self.watcher(who).snapshot();
        let now = self.clock().now();
        let is_fresh = !snapshot.outdated && snapshot.listed_at.is_some_and(|at| now - at < FRESH);
        if let Some(stack) = snapshot.fleet.stack(uid).filter(|_| is_fresh) {
            return Ok((stack.clone(), snapshot.fleet.versions.get(&uid).cloned()));
        }
        let view = self.show_stack(who, uid).await?;
        Ok((view.stack, view.version))
    }

    /// Whether the person has to see the confirm page, or see it again because the stack became busy.
    fn must_be_told(&self, stack: &Stack, request: &Request) -> bool {
        match request.told {
            Told::ConfirmedBehindAnother => false,
            Told::Confirmed => request.command == Command::Redeploy && stack.is_busy(),
            Told::Nothing => {
                request.command != Command::Redeploy
                    || request.options != RedeployOptions::default()
                    || stack.is_busy()
                    || stack.maintenance
                    || self.policy().asks_first(stack)
            }
        }
    }
}

/// What is known before, to be compared with afterwards; nothing for commands that deploy no code.
fn before(command: Command, stack: &Stack, version: Option<&Version>) -> Before {
    if command != Command::Redeploy {
        return Before::default();
    }
    Before {
        newest_deployment: version
            .and_then(|version| version.newest.as_ref())
            .map(|newest| newest.id),
        live_hash: version
            .and_then(|version| version.live.as_ref())
            .and_then(|live| live.git_hash.clone()),
        branch: stack.git_branch.clone(),
        git: stack.git.clone(),
        usual_seconds: version
            .and_then(|version| version.usual)
            .map(Duration::whole_seconds),
    }
}
