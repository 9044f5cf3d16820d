//! How far Cloud 66's clock is from ours, by the `Date` of its answers, so that its times can be told by ours.
//!
//! Every time that Cloud 66 gives is moved by that difference before it leaves [`super::api`]. An age on a page
//! and a comparison with our own times then mean what they say, however wrong this machine's clock is.
//!
//! Invariants:
//! * Clocks that agree within [`AGREE`] count as equal, so the time that an answer was on its way changes nothing.
//! * A difference stays the same until an answer differs from it by more than [`AGREE`]: the same deployment,
//!   read twice, has the same times.

use std::sync::{Arc, Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::domain::{Action, Deployment, Stack};

/// `Date` has whole seconds, and an answer may be on its way for a few.
const AGREE: Duration = Duration::seconds(5);

/// The difference that the last answers showed; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Skew(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    ahead: Duration,
    /// The last `Date`, and our steady time when it came.
    date: Option<(OffsetDateTime, OffsetDateTime)>,
}

impl Skew {
    /// Takes in when an answer was made, by its `Date`, and when it came, by our clock. Gives how far Cloud 66's
    /// clock is ahead of ours; negative when it is behind. Without a `Date` that is what it was before.
    pub(super) fn learn(
        &self,
        date: Option<OffsetDateTime>,
        now: OffsetDateTime,
        steady: OffsetDateTime,
    ) -> Duration {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(date) = date else {
            return known.ahead;
        };
        known.date = Some((date, steady));
        let seen = date - now;
        if seen.abs() <= AGREE {
            known.ahead = Duration::ZERO;
        } else if (seen - known.ahead).abs() > AGREE {
            known.ahead = Duration::seconds(seen.whole_seconds());
            tracing::warn!(
                seconds_ahead = known.ahead.whole_seconds(),
                "Cloud 66's clock and this machine's differ; its times are shown by this machine's"
            );
        }
        known.ahead
    }

    /// What time it is for Cloud 66, now that our steady clock shows this.
    pub(super) fn time(&self, steady: OffsetDateTime) -> Option<OffsetDateTime> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.date.map(|(date, came)| date.saturating_add(steady - came))
    }
}

/// Something of Cloud 66's that has times.
pub(super) trait Timed: Sized {
    /// Its times, each to be moved.
    fn times(&mut self) -> [&mut Option<OffsetDateTime>; 2];

    /// The same by our clock, where Cloud 66's is `ahead` of it.
    #[must_use]
    fn by_our_clock(mut self, ahead: Duration) -> Self {
        for time in self.times() {
            // A time at the edge of the calendar stays as it came.
            *time = time.map(|at| at.checked_sub(ahead).unwrap_or(at));
        }
        self
    }
}

impl Timed for Stack {
    fn times(&mut self) -> [&mut Option<OffsetDateTime>; 2] {
        [&mut self.last_activity, &mut self.created_at]
    }
}

impl Timed for Deployment {
    fn times(&mut self) -> [&mut Option<OffsetDateTime>; 2] {
        [&mut self.started_at, &mut self.finished_at]
    }
}

impl Timed for Action {
    fn times(&mut self) -> [&mut Option<OffsetDateTime>; 2] {
        [&mut self.started_at, &mut self.finished_at]
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_difference_counts_from_five_seconds_on_and_stays_while_it_is_about_the_same() {
        let now = datetime!(2026-11-23 10:00 UTC);
        let skew = Skew::default();
        for (seen, ahead) in [
            (4, 0),
            (-5, 0),
            (600, 600),
            (604, 600),
            (596, 600),
            (594, 594),
            (3, 0),
            (-90, -90),
        ] {
            let learnt = skew.learn(Some(now + Duration::seconds(seen)), now, now);
            assert_eq!(learnt.whole_seconds(), ahead, "{seen}");
        }
        assert_eq!(skew.learn(None, now, now).whole_seconds(), -90, "nothing said");
        let minute = Duration::minutes(1);
        assert_eq!(
            skew.time(now + minute),
            Some(now - Duration::seconds(90) + minute)
        );
    }
}
