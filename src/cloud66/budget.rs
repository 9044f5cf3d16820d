//! How many requests of this hour a person has used (fact sheet 5.3).
//!
//! Cloud 66 allows a number of requests per person and clock hour and answers 503 `throttled` beyond it.
//! Requests of other apps of the same person count too, so the headers of its answers are believed where they
//! leave less than our own count does.
//!
//! Invariants:
//! * The budget only counts and advises. What a person asked for is never held back here.
//! * Watching is counted apart ([`Budget::for_watching`]) and asks [`Budget::allowance`] first: half of the hour
//!   at most goes into it, and the last twentieth of what Cloud 66 says is left is never touched.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::domain::Clock;

/// The documented number of requests per hour, until a header says otherwise.
const DOCUMENTED_LIMIT: u32 = 3_000;
/// A header that promises more than this is not believed.
const HIGHEST_LIMIT: u32 = 1_000_000;
/// How often a throttled person is tried again before the time that Cloud 66 gave.
const PROBE_EVERY: Duration = Duration::seconds(60);

/// One person's requests of this hour; clones share the count.
#[derive(Clone, Debug)]
pub struct Budget {
    clock: Clock,
    count: Arc<Mutex<Count>>,
    purpose: Purpose,
}

/// What the requests of one handle are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// The person asked.
    Asked,
    /// An open page is kept true.
    Watching,
}

#[derive(Debug)]
struct Count {
    /// The clock hour that is counted: whole hours since 1970.
    hour: i64,
    /// Requests that this process made in it.
    made: u32,
    /// Those of them that were made to watch.
    watched: u32,
    /// Requests allowed in an hour.
    limit: u32,
    /// What the last answer of this hour said was left.
    left: Option<u32>,
    /// Until when Cloud 66 refuses to answer, and when it was last tried since.
    throttled: Option<Throttle>,
}

#[derive(Debug)]
struct Throttle {
    until: OffsetDateTime,
    last_try: OffsetDateTime,
}

/// What a person has used of this hour, for the settings page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Requests allowed in this hour.
    pub limit: u32,
    /// Used so far, by this app and, as far as Cloud 66 says, by others.
    pub used: u32,
    /// Left in this hour.
    pub remaining: u32,
    /// When the next hour begins.
    pub resets_at: OffsetDateTime,
}

/// What may be spent on watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests allowed in this hour.
    pub limit: u32,
    /// How many more may be made to watch in this hour.
    pub left: u32,
    /// Whether less than a fifth of the hour's requests is left, whoever used them.
    pub scarce: bool,
    /// While Cloud 66 refuses to answer: when it may be tried again, once.
    pub refused_until: Option<OffsetDateTime>,
    /// And until when it said that it would.
    pub throttled_until: Option<OffsetDateTime>,
    /// When the next hour begins.
    pub resets_at: OffsetDateTime,
}

impl Budget {
    /// A budget of which nothing is used yet.
    pub fn new(clock: Clock) -> Self {
        let count = Count {
            hour: hour_of(clock.now()),
            made: 0,
            watched: 0,
            limit: DOCUMENTED_LIMIT,
            left: None,
            throttled: None,
        };
        Self {
            clock,
            count: Arc::new(Mutex::new(count)),
            purpose: Purpose::Asked,
        }
    }

    /// The same count, for requests that are made to watch.
    #[must_use]
    pub fn for_watching(&self) -> Self {
        Self {
            purpose: Purpose::Watching,
            ..self.clone()
        }
    }

    /// What is used and left of this hour.
    pub fn usage(&self) -> Usage {
        let (count, now) = self.count();
        let remaining = count.remaining();
        Usage {
            limit: count.limit,
            used: count.limit.saturating_sub(remaining),
            remaining,
            resets_at: next_hour(now),
        }
    }

    /// What may be spent on watching: half of the hour in all, and nothing of the last three twentieths that
    /// Cloud 66 says are left. While it refuses to answer, one request a minute, to see whether it has changed its mind.
    pub fn allowance(&self) -> Allowance {
        let (count, now) = self.count();
        let remaining = count.remaining();
        let half = (count.limit / 2).saturating_sub(count.watched);
        Allowance {
            limit: count.limit,
            left: half.min(remaining.saturating_sub(count.limit / 20 * 3)),
            scarce: remaining <= count.limit / 5,
            refused_until: count
                .throttled
                .as_ref()
                .map(|throttle| throttle.until.min(throttle.last_try + PROBE_EVERY)),
            throttled_until: count.throttled.as_ref().map(|throttle| throttle.until),
            resets_at: next_hour(now),
        }
    }

    /// Whether one more request may be spent on watching now.
    pub fn may_watch(&self) -> bool {
        let allowance = self.allowance();
        match allowance.refused_until {
            Some(until) => until <= self.clock.now(),
            None => allowance.left > 0,
        }
    }

    /// Whether one more request may be spent on learning what became of a redeploy: as long as a tenth is left,
    /// so that watching ends first, and a round of looks that begins together does not use up the rest; where Cloud 66 refuses to answer, one a minute as above.
    pub fn may_follow(&self) -> bool {
        if let Some(until) = self.allowance().refused_until {
            return until <= self.clock.now();
        }
        self.left_to_follow() > 0
    }

    /// How many more requests may be spent in this hour on learning what became of redeploys.
    pub fn left_to_follow(&self) -> u32 {
        let (count, _) = self.count();
        count.remaining().saturating_sub(count.limit / 10)
    }

    /// Until when Cloud 66 refuses to answer; none when it answers.
    pub fn throttled_until(&self) -> Option<OffsetDateTime> {
        let (count, _) = self.count();
        count.throttled.as_ref().map(|throttle| throttle.until)
    }

    /// Counts one request that is about to be sent.
    pub(super) fn spend(&self) {
        let (mut count, now) = self.count();
        count.made = count.made.saturating_add(1);
        if self.purpose == Purpose::Watching {
            count.watched = count.watched.saturating_add(1);
        }
        if let Some(throttle) = &mut count.throttled {
            throttle.last_try = now;
        }
        count.left = count.left.map(|left| left.saturating_sub(1));
    }

    /// Takes in what an answer's headers say of limit and rest.
    pub(crate) fn learn(&self, limit: Option<u32>, left: Option<u32>) {
        let (mut count, _) = self.count();
        if let Some(limit) = limit.filter(|limit| (1..=HIGHEST_LIMIT).contains(limit)) {
            count.limit = limit;
        }
        if left.is_some() {
            count.left = left;
        }
    }

    /// Cloud 66 refuses to answer until `until`.
    pub(super) fn throttle(&self, until: OffsetDateTime) {
        let (mut count, now) = self.count();
        count.throttled = Some(Throttle { until, last_try: now });
    }

    /// Cloud 66 answered again.
    pub(super) fn answered(&self) {
        let (mut count, _) = self.count();
        count.throttled = None;
    }

    /// The count of the hour that it is now. The lock is held for arithmetic only, never across a wait.
    fn count(&self) -> (MutexGuard<'_, Count>, OffsetDateTime) {
        let now = self.clock.now();
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = hour_of(now);
        if hour != count.hour {
            count.hour = hour;
            count.made = 0;
            count.watched = 0;
            count.left = None;
        }
        if count
            .throttled
            .as_ref()
            .is_some_and(|throttle| throttle.until <= now)
        {
            count.throttled = None;
        }
        (count, now)
    }
}

impl Count {
    fn remaining(&self) -> u32 {
        let by_count = self.limit.saturating_sub(self.made);
        self.left.map_or(by_count, |left| left.min(by_count))
    }
}

/// When the hour after `now`'s begins.
pub(super) fn next_hour(now: OffsetDateTime) -> OffsetDateTime {
    let past = now.unix_timestamp().rem_euclid(3_600);
    let whole = now - Duration::nanoseconds(i64::from(now.nanosecond()));
    whole.saturating_add(Duration::seconds(3_600 - past))
}

fn hour_of(now: OffsetDateTime) -> i64 {
    now.unix_timestamp().div_euclid(3_600)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::ManualClock;

    fn budget() -> (Budget, ManualClock) {
        let clock = ManualClock::frozen_at(datetime!(2026-11-23 10:20:30.5 UTC));
        (Budget::new(clock.clock()), clock)
    }

    #[test]
    fn an_hour_holds_3000_requests_and_the_next_one_as_many() {
        let (budget, clock) = budget();
        for _ in 0..7 {
            budget.spend();
        }
        let usage = budget.usage();
        assert_eq!((usage.limit, usage.used, usage.remaining), (3_000, 7, 2_993));
        assert_eq!(usage.resets_at, datetime!(2026-11-23 11:00 UTC));
        clock.advance(Duration::minutes(40));
        assert_eq!(budget.usage().used, 0);
    }

    #[test]
    fn a_header_wins_where_it_leaves_less() {
        let (budget, _) = budget();
        budget.spend();
        budget.learn(Some(3_600), Some(100));
        assert_eq!(budget.usage().remaining, 100);
        assert_eq!(budget.usage().used, 3_500);
        budget.spend();
        assert_eq!(budget.usage().remaining, 99);
        budget.learn(Some(3_600), Some(9_999));
        assert_eq!(budget.usage().remaining, 3_598);
        budget.learn(Some(0), None);
        assert_eq!(budget.usage().limit, 3_600);
    }

    #[test]
    fn watching_spends_half_and_what_a_person_asks_for_is_not_counted_as_watching() {
        let (budget, clock) = budget();
        let watching = budget.for_watching();
        budget.learn(Some(100), None);
        for _ in 0..30 {
            budget.spend();
        }
        for left in (1..=50).rev() {
            assert_eq!(watching.allowance().left, left);
            assert!(watching.may_watch());
            watching.spend();
        }
        assert!(!watching.may_watch());
        assert_eq!(budget.usage().used, 80);
        clock.advance(Duration::minutes(40));
        assert_eq!(watching.allowance().left, 50, "a new hour");
    }

    #[test]
    fn watching_leaves_three_twentieths_and_says_when_little_is_left() {
        let (budget, _) = budget();
        for (left, allowed, scarce) in [
            (21, 6, false),
            (20, 5, true),
            (16, 1, true),
            (15, 0, true),
            (0, 0, true),
        ] {
            budget.learn(Some(100), Some(left));
            let allowance = budget.allowance();
            assert_eq!(
                (allowance.left, allowance.scarce),
                (allowed, scarce),
                "{left} left"
            );
            assert_eq!(budget.may_watch(), allowed > 0);
        }
    }

    #[test]
    fn following_goes_on_after_watching_and_leaves_a_tenth() {
        let (budget, _) = budget();
        budget.learn(Some(100), Some(15));
        assert!(!budget.may_watch());
        assert!(budget.may_follow());
        budget.learn(Some(100), Some(10));
        assert!(!budget.may_follow());
    }

    /// Case U06.
    #[test]
    fn a_throttled_person_is_tried_once_a_minute_until_the_time_is_over() {
        let (budget, clock) = budget();
        let until = datetime!(2026-11-23 11:00 UTC);
        budget.throttle(until);
        assert_eq!(budget.throttled_until(), Some(until));
        assert!(!budget.may_watch());
        clock.advance(Duration::seconds(60));
        assert!(budget.may_watch());
        budget.spend();
        assert!(!budget.may_watch());
        clock.advance(Duration::seconds(59));
        assert!(!budget.may_watch());
        budget.answered();
        assert!(budget.may_watch());
        budget.throttle(until);
        clock.advance(Duration::minutes(40));
        assert_eq!(budget.throttled_until(), None);
        assert!(budget.may_watch());
    }

    #[test]
    fn clones_and_threads_share_one_count() {
        let (budget, _) = budget();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let budget = budget.clone();
                scope.spawn(move || (0..100).for_each(|_| budget.spend()));
            }
        });
        assert_eq!(budget.usage().used, 400);
    }
}
