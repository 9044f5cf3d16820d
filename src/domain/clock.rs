//! Time is a parameter. The system's clock is read in one function of this file and nowhere else.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};

/// Where a part of the program gets the time from; cheap to clone. Always UTC.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is where the ambient clock becomes a value"
        )]
        Self(Arc::new(OffsetDateTime::now_utc))
    }

    /// A clock that shows what this one does at `start`, and from then on runs `times` as fast; for tests of what
    /// takes a quarter of an hour, in which several processes agree on the time by agreeing on `start`. Only
    /// what is read from the clock runs faster: whoever sleeps has to divide by `times` himself.
    #[must_use]
    pub fn faster(&self, start: OffsetDateTime, times: u32) -> Self {
        let base = self.clone();
        Self(Arc::new(move || start + (base.now() - start) * times))
    }

    /// The time, in UTC.
    pub fn now(&self) -> OffsetDateTime {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// A clock that moves with another one but can be pushed ahead; for tests of everything that expires.
#[derive(Clone, Debug)]
pub struct ManualClock {
    base: Clock,
    ahead_millis: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that shows what `base` shows until it is pushed.
    pub fn over(base: Clock) -> Self {
        Self {
            base,
            ahead_millis: Arc::default(),
        }
    }

    /// A clock that stands still at `at` until it is pushed.
    pub fn frozen_at(at: OffsetDateTime) -> Self {
        Self::over(Clock(Arc::new(move || at)))
    }

    /// Pushes the clock ahead (or back, for a negative duration) for everybody who holds it.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.whole_milliseconds()).unwrap_or(i64::MAX);
        self.ahead_millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// The handle to pass to what is tested.
    pub fn clock(&self) -> Clock {
        let this = self.clone();
        Clock(Arc::new(move || {
            this.base.now() + Duration::milliseconds(this.ahead_millis.load(Ordering::SeqCst))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pushed_clock_is_ahead_for_every_holder() {
        let start = OffsetDateTime::UNIX_EPOCH;
        let manual = ManualClock::frozen_at(start);
        let (one, other) = (manual.clock(), manual.clock());
        manual.advance(Duration::minutes(11));
        assert_eq!(one.now(), start + Duration::minutes(11));
        assert_eq!(one.now(), other.now());
    }

    #[test]
    fn a_faster_clock_begins_with_the_other_one_and_runs_ahead_of_it() {
        let start = OffsetDateTime::UNIX_EPOCH;
        let manual = ManualClock::frozen_at(start);
        let faster = manual.clock().faster(start, 20);
        assert_eq!(faster.now(), start);
        manual.advance(Duration::seconds(3));
        assert_eq!(faster.now(), start + Duration::minutes(1));
    }
}
