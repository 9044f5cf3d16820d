//! A press on a stack whose earlier request, of whomever, has no answer: what is known of that request is looked up
//! with the token of the person who presses now.
//!
//! Invariants:
//! * Only one's own token: whoever waits asks with theirs, and it counts against their hour. A request whose own token
//!   was revoked then holds the stack no longer than Cloud 66 needs to answer somebody else.
//! * Tokens of those who wait are kept in memory, no longer than the request may be without an answer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use super::follow::ASKING_WINDOW;
use super::{App, SignedIn};
use crate::domain::{OperationId, Redeploy, RedeployState};
use crate::store::StoreError;

/// For how many requests somebody may wait at a time; further ones are looked up when the person presses, and not
/// again by themselves. Each is a row without an answer, of which there are few.
const MOST: usize = 1_000;

/// Who waits for the answer to which request: the one who pressed last.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<HashMap<OperationId, (SignedIn, OffsetDateTime)>>);

impl Waiting {
    fn add(&self, id: OperationId, who: &SignedIn, now: OffsetDateTime) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (_, until)| *until > now);
        if waiting.len() < MOST || waiting.contains_key(&id) {
            waiting.insert(id, (who.clone(), now + ASKING_WINDOW));
        }
    }

    fn of(&self, id: OperationId) -> Option<SignedIn> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get(&id).map(|(who, _)| who.clone())
    }

    fn remove(&self, id: OperationId) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&id);
    }
}

impl App {
    /// Looks an unanswered request up for somebody whose press it stands in the way of, and remembers that they wait
    /// where it stays without an answer. Gives the request as it is then.
    pub(super) async fn look_up_for(&self, who: &SignedIn, row: Redeploy) -> Result<Redeploy, StoreError> {
        // What has not been sent, or is being sent, Cloud 66 cannot know yet.
        if row.state != RedeployState::Unknown {
            return Ok(row);
        }
        let now = self.store().ledger().now().await?;
        self.look_up(&row, &self.api(who), now).await?;
        let row = self.store().ledger().get(row.id).await?.unwrap_or(row);
        self.wait_for(who, &row);
        Ok(row)
    }

    /// Remembers that somebody waits for the answer to somebody else's request.
    pub(super) fn wait_for(&self, who: &SignedIn, row: &Redeploy) {
        if row.state == RedeployState::Unknown && row.asked_by != who.person.id {
            self.waiting().add(row.id, who, self.clock().now());
        }
    }

    /// After a request was looked up with its own token: the same for whoever waits for it, if it is still without an
    /// answer. Their hour is used as following uses it, not to its end.
    pub(super) async fn look_up_for_who_waits(
        &self,
        id: OperationId,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let Some(who) = self.waiting().of(id) else {
            return Ok(());
        };
        let row = self.store().ledger().get(id).await?;
        let Some(row) = row.filter(|row| row.state == RedeployState::Unknown) else {
            self.waiting().remove(id);
            return Ok(());
        };
        if self.watchers().budget(who.person.id).may_follow() {
            self.look_up(&row, &self.api(&who), now).await?;
        }
        Ok(())
    }
}
