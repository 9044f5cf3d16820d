//! The polls that are under way: questions to Cloud 66 about redeploys that have not ended.
//!
//! Invariant: at most [`POLLS_AT_ONCE`] are under way, and no person has so many of them that others wait: an account
//! for which Cloud 66 answers slowly holds its own share until the time limit of the requests.

use std::collections::HashMap;

use tokio::task::JoinSet;

use super::App;
use crate::cloud66::SharedReads;
use crate::domain::UserId;
use crate::store::{Due, StoreError};

/// How many polls are under way at a time.
const POLLS_AT_ONCE: usize = 128;

/// From how many polls under way on no more are begun for a person, and how many are begun for one person at a time.
/// Nobody has twice as many under way, so that three slow accounts leave room to everybody else.
const POLLS_OF_ONE_PERSON: usize = 16;

/// The polls that are under way.
#[derive(Debug, Default)]
pub(super) struct Polls {
    tasks: JoinSet<UserId>,
    of_person: HashMap<UserId, usize>,
}

impl Polls {
    /// Begins what is due, as much of it as there is room for.
    pub(super) async fn begin_due(&mut self, app: &App) -> Result<(), StoreError> {
        while let Some(ended) = self.tasks.try_join_next() {
            // A poll that panicked says no more whose it was; then all counts begin anew with the next one.
            match ended {
                Ok(person) => self.end_of(person),
                Err(_) => self.of_person.clear(),
            }
        }
        let room = POLLS_AT_ONCE.saturating_sub(self.tasks.len());
        if room == 0 {
            return Ok(());
        }
        let at_their_share: Vec<UserId> = self
            .of_person
            .iter()
            .filter(|(_, polls)| **polls >= POLLS_OF_ONE_PERSON)
            .map(|(person, _)| *person)
            .collect();
        let due = app
            .store()
            .ledger()
            .due(room, POLLS_OF_ONE_PERSON, &at_their_share)
            .await?;
        // What several of them want to know of one stack is asked once.
        let shared = SharedReads::default();
        for due in due {
            self.begin(app.clone(), due, shared.clone());
        }
        Ok(())
    }

    /// Ends them all; what they asked for is asked again later.
    pub(super) async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }

    fn begin(&mut self, app: App, due: Due, shared: SharedReads) {
        let person = due.redeploy.asked_by;
        *self.of_person.entry(person).or_default() += 1;
        self.tasks.spawn(async move {
            if let Err(error) = app.look(&due, shared).await {
                tracing::warn!(operation = %due.redeploy.id, %error, "a look could not be written down");
            }
            person
        });
    }

    fn end_of(&mut self, person: UserId) {
        if let Some(polls) = self.of_person.get_mut(&person) {
            *polls = polls.saturating_sub(1);
            if *polls == 0 {
                self.of_person.remove(&person);
            }
        }
    }
}
