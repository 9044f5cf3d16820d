//! How many streams there may be, and whose they are.
//!
//! A browser opens six connections to a host at most (HTTP/1.1), and streams that held them all would leave
//! none for pages: hence the limit per session. A new stream beyond a limit is refused; ending the oldest
//! instead would make two windows push each other out for ever.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tower_sessions::session::Id;

use crate::domain::UserId;

const PER_SESSION: usize = 4;
const PER_PERSON: usize = 20;
const IN_ALL: usize = 10_000;

/// The streams that are open, by session and by person.
#[derive(Clone, Default)]
pub(super) struct Seats(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    all: usize,
    given: u64,
    sessions: HashMap<Id, (usize, CancellationToken)>,
    people: HashMap<UserId, usize>,
}

/// One stream's place; given back when it is dropped.
pub(super) struct Seat {
    seats: Seats,
    session: Id,
    person: UserId,
    over: CancellationToken,
    number: u64,
}

impl Seats {
    /// A place for one more stream; none where a limit is reached.
    pub(super) fn take(&self, session: Id, person: UserId) -> Option<Seat> {
        let mut taken = self.lock();
        let of_session = taken.sessions.get(&session).map_or(0, |(count, _)| *count);
        let of_person = taken.people.get(&person).copied().unwrap_or_default();
        if of_session >= PER_SESSION || of_person >= PER_PERSON || taken.all >= IN_ALL {
            return None;
        }
        taken.all += 1;
        taken.given += 1;
        let number = taken.given;
        *taken.people.entry(person).or_default() += 1;
        let (count, over) = taken.sessions.entry(session).or_default();
        *count += 1;
        Some(Seat {
            seats: self.clone(),
            session,
            person,
            over: over.clone(),
            number,
        })
    }

    /// The sessions that have streams.
    pub(super) fn sessions(&self) -> Vec<Id> {
        self.lock().sessions.keys().copied().collect()
    }

    /// Ends the streams of those of the `asked` sessions that are not `alive`.
    pub(super) fn keep_only(&self, alive: &[Id], asked: &[Id]) {
        let alive: HashSet<&Id> = alive.iter().collect();
        let taken = self.lock();
        for id in asked.iter().filter(|id| !alive.contains(id)) {
            if let Some((_, over)) = taken.sessions.get(id) {
                over.cancel();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Cancelled when the session has ended.
    pub(super) fn over(&self) -> &CancellationToken {
        &self.over
    }

    /// Which stream of this process it is.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.all = taken.all.saturating_sub(1);
        if let Some((count, _)) = taken.sessions.get_mut(&self.session) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.sessions.remove(&self.session);
            }
        }
        if let Some(count) = taken.people.get_mut(&self.person) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.people.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_four_a_person_twenty_and_each_is_given_back() {
        let seats = Seats::default();
        let ana = UserId(1);
        let mut held: Vec<Seat> = (0..20).map(|n| seats.take(Id(n / 4), ana).unwrap()).collect();
        assert!(seats.take(Id(0), ana).is_none(), "a fifth of one session");
        assert!(seats.take(Id(9), ana).is_none(), "the 21st of one person");
        let other = seats.take(Id(10), UserId(2)).unwrap();
        held.pop();
        assert!(seats.take(Id(9), ana).is_some());
        drop((held, other));
        let taken = seats.lock();
        assert_eq!((taken.all, taken.sessions.len(), taken.people.len()), (0, 0, 0));
    }

    /// N16.
    #[test]
    fn there_are_ten_thousand_in_all() {
        let seats = Seats::default();
        let held: Vec<Option<Seat>> = (0..10_001_i64)
            .map(|n| seats.take(Id(n.into()), UserId(n)))
            .collect();
        assert_eq!(held.iter().flatten().count(), 10_000);
        assert!(held.last().unwrap().is_none());
    }

    #[test]
    fn only_sessions_that_were_asked_for_and_have_ended_lose_their_streams() {
        let seats = Seats::default();
        let (ends, stays, later) = (
            seats.take(Id(1), UserId(1)).unwrap(),
            seats.take(Id(2), UserId(1)).unwrap(),
            seats.take(Id(3), UserId(1)).unwrap(),
        );
        seats.keep_only(&[Id(2)], &[Id(1), Id(2)]);
        assert!(ends.over().is_cancelled());
        assert!(!stays.over().is_cancelled() && !later.over().is_cancelled());
    }
}
