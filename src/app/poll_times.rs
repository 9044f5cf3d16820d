//! How often Cloud 66 is asked about redeploys that have not ended.
//!
//! A person's hour has to last for all of that person's redeploys: the more stacks have open ones, and the less is left
//! of the hour, the longer the intervals. They are made anew for each poll from what is left then, so that what is left
//! gets less ever more slowly and does not run out before the hour does: each redeploy can be told its end in it.
//!
//! Redeploys of one stack are polled at the same times, so that one read of the stack's actions serves all of them
//! ([`crate::cloud66::SharedReads`]). To this end the times are multiples of the interval, and the intervals double:
//! a time of the longer one is also a time of the shorter one. Each stack's times begin elsewhere, so that stacks take
//! turns.

use time::{Duration, OffsetDateTime};

use super::App;
use crate::cloud66::Budget;
use crate::domain::{Redeploy, StackUid};
use crate::store::StoreError;

/// What a poll of a stack costs: the actions each time; the deployments, too, until it is known which deployment a
/// redeploy became, and at its end.
const REQUESTS_OF_A_POLL: f64 = 2.0;

/// How long redeploys are expected to go on, when it is judged how often they can be polled. Should they go on longer,
/// the intervals grow with what was spent.
const EXPECTED_TO_GO_ON: Duration = Duration::minutes(10);

impl App {
    /// How long to wait until the next poll of a redeploy: `natural`, or longer where the person's hour has to last for
    /// many stacks.
    pub(super) async fn poll_interval(
        &self,
        redeploy: &Redeploy,
        natural: Duration,
        now: OffsetDateTime,
    ) -> Result<Duration, StoreError> {
        let stacks = self
            .store()
            .ledger()
            .open_stacks_of_person(redeploy.asked_by)
            .await?;
        let budget = self.watchers().budget(redeploy.asked_by);
        Ok(interval(natural, stacks, &budget, now))
    }

    /// When a redeploy is polled next: the next of the stack's times.
    pub(super) async fn next_poll(
        &self,
        redeploy: &Redeploy,
        natural: Duration,
        now: OffsetDateTime,
    ) -> Result<OffsetDateTime, StoreError> {
        let interval = self.poll_interval(redeploy, natural, now).await?;
        Ok(next_time(now, redeploy.stack, interval))
    }
}

/// `natural`, doubled as often as needed for so many stacks to be polled until the hour ends, or for as long as they
/// are expected to go on. Never much longer than the hour, because then there is more to spend.
fn interval(natural: Duration, stacks: u32, budget: &Budget, now: OffsetDateTime) -> Duration {
    let until_reset = budget.usage().resets_at - now;
    let goes_on = until_reset.min(EXPECTED_TO_GO_ON).as_seconds_f64();
    let left = f64::from(budget.left_to_follow().max(1));
    let affordable = f64::from(stacks) * REQUESTS_OF_A_POLL * goes_on / left;
    let longest = affordable.min(until_reset.as_seconds_f64());
    let mut interval = natural;
    while (interval * 2_i32).as_seconds_f64() <= longest {
        interval *= 2_i32;
    }
    interval
}

/// The first time after `now` at which a stack is polled that is polled so often.
fn next_time(now: OffsetDateTime, stack: StackUid, interval: Duration) -> OffsetDateTime {
    let every = interval.whole_milliseconds().max(1);
    let offset = i128::try_from(stack.number() % every.unsigned_abs()).unwrap_or_default();
    let now_ms = now.unix_timestamp_nanos().div_euclid(1_000_000);
    let wait = every - (now_ms - offset).rem_euclid(every);
    now + Duration::milliseconds(i64::try_from(wait).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::ManualClock;

    const NATURAL: Duration = Duration::seconds(5);

    fn budget_with(left: u32) -> (Budget, OffsetDateTime) {
        let clock = ManualClock::frozen_at(datetime!(2026-11-23 10:00:01 UTC));
        let budget = Budget::new(clock.clock());
        budget.learn(Some(3_000), Some(left));
        (budget, clock.clock().now())
    }

    #[test]
    fn a_few_stacks_are_polled_as_often_as_is_natural() {
        let (budget, now) = budget_with(3_000);
        for stacks in [0, 1, 10] {
            assert_eq!(interval(NATURAL, stacks, &budget, now), NATURAL, "{stacks}");
        }
    }

    #[test]
    fn the_more_stacks_and_the_less_is_left_the_longer_it_takes() {
        for (stacks, left, seconds) in [
            (100, 3_000, 40),
            (100, 1_500, 80),
            (100, 400, 640),
            (100, 300, 2_560),
            (3, 320, 160),
            (1_000, 3_000, 320),
        ] {
            let (budget, now) = budget_with(left);
            let found = interval(NATURAL, stacks, &budget, now);
            assert_eq!(found.whole_seconds(), seconds, "{stacks} stacks, {left} left");
        }
    }

    #[test]
    fn a_stack_has_its_times_and_those_of_longer_intervals_are_among_them() {
        let now = datetime!(2026-11-23 10:00:01.234 UTC);
        for stack in [0, 1, 4_999, 5_000, u128::MAX].map(StackUid::from) {
            let mut time = next_time(now, stack, NATURAL * 4);
            for _ in 0..3 {
                assert_eq!(next_time(time - Duration::milliseconds(1), stack, NATURAL), time);
                assert_eq!(next_time(time, stack, NATURAL), time + NATURAL);
                time = next_time(time, stack, NATURAL * 4);
            }
            let first = next_time(now, stack, NATURAL);
            assert!(first > now && first <= now + NATURAL);
        }
    }

    #[test]
    fn stacks_take_turns() {
        let now = datetime!(2026-11-23 10:00:01 UTC);
        let times: std::collections::BTreeSet<_> = (0..100)
            .map(|number| next_time(now, StackUid::from(number * 7_919), NATURAL))
            .collect();
        assert!(times.len() > 90, "{} different times", times.len());
    }
}
