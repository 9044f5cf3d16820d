//! What ended while the person was not looking: told once, on the next page.
//!
//! Invariants:
//! * The ledger knows what has been seen; nothing is told twice, also not by another instance.
//! * A page that loads often does not ask the database each time: an end that this process wrote is known here
//!   at once, and what another one wrote is asked for every few seconds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use super::{App, SignedIn};
use crate::domain::{Redeploy, UserId};
use crate::store::StoreError;

/// How long the answer "nothing new" is believed.
const BELIEVED: Duration = Duration::seconds(5);

/// Until when it is known that a person has been told of every end.
#[derive(Debug, Default)]
pub struct Told(Mutex<HashMap<UserId, OffsetDateTime>>);

impl Told {
    fn everything(&self, person: UserId, now: OffsetDateTime) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has not looked for a while is not kept.
        told.retain(|_, until| *until > now);
        told.contains_key(&person)
    }

    fn believe(&self, person: UserId, until: OffsetDateTime) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(person, until);
    }

    /// Something of this person has ended.
    pub(super) fn news_for(&self, person: UserId) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.remove(&person);
    }
}

impl App {
    /// The person's redeploys that ended since they last looked, newest first, and from now on counted as seen.
    pub async fn ended_while_away(&self, who: &SignedIn) -> Result<Vec<Redeploy>, StoreError> {
        let (person, now) = (who.person.id, self.clock().now());
        if self.told().everything(person, now) {
            return Ok(Vec::new());
        }
        // Believed before it is asked, so that an end that is written meanwhile takes this back.
        self.told().believe(person, now + BELIEVED);
        let ledger = self.store().ledger();
        let mut fresh = Vec::new();
        for row in ledger.unseen_ends(person).await? {
            // Two pages that load at once: one of them tells it.
            if ledger.seen(row.id).await? {
                fresh.push(row);
            }
        }
        Ok(fresh)
    }
}
