//! Time is a parameter. The system's clocks are read in one function of this file and nowhere else.
//!
//! A reading has three parts, because a machine's clock may be wrong and may be set while the program runs:
//! what the clock on the wall shows, how much time has really passed, and, in tests and the chaos run only, how
//! far time was moved on for the whole world.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use time::{Duration, OffsetDateTime};

/// Where a part of the program gets the time from; cheap to clone. Always UTC.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Reading + Send + Sync>);

/// What a clock says at one moment.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// What it shows. Somebody may set it, forwards or backwards.
    shown: OffsetDateTime,
    /// The same as if nobody had set it since the clock was made: it only ever moves on, as fast as time does.
    steady: OffsetDateTime,
    /// How far time was moved on for everybody, other machines as well. Nothing, but for tests.
    moved: Duration,
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is where the ambient clock becomes a value"
        )]
        let now = OffsetDateTime::now_utc;
        let (start, began) = (now(), Instant::now());
        Self(Arc::new(move || Reading {
            shown: now(),
            steady: start + began.elapsed(),
            moved: Duration::ZERO,
        }))
    }

    /// A clock that shows what this one does at `start`, and from then on runs `times` as fast; for tests of what
    /// takes a quarter of an hour, in which several processes agree on the time by agreeing on `start`. Only
    /// what is read from the clock runs faster: whoever sleeps has to divide by `times` himself.
    #[must_use]
    pub fn faster(&self, start: OffsetDateTime, times: u32) -> Self {
        let base = self.clone();
        Self(Arc::new(move || {
            let Reading { shown, steady, moved } = (base.0)();
            let faster = |at: OffsetDateTime| start + (at - start) * times;
            Reading {
                shown: faster(shown),
                steady: faster(steady),
                moved: moved + (faster(shown) - shown),
            }
        }))
    }

    /// The time, in UTC.
    pub fn now(&self) -> OffsetDateTime {
        (self.0)().shown
    }

    /// The time as it was when this clock was made, plus what has passed since: whoever sets the machine's clock
    /// does not move it. It says how long something took, and nothing of what another machine shows.
    pub fn steady(&self) -> OffsetDateTime {
        (self.0)().steady
    }

    /// How far a test has moved time on, for what is told the time by another machine, such as a database. Nothing
    /// for the clock of the machine.
    pub fn moved(&self) -> Duration {
        (self.0)().moved
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
    wrong_millis: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that shows what `base` shows until it is pushed.
    pub fn over(base: Clock) -> Self {
        Self {
            base,
            ahead_millis: Arc::default(),
            wrong_millis: Arc::default(),
        }
    }

    /// A clock that stands still at `at` until it is pushed.
    pub fn frozen_at(at: OffsetDateTime) -> Self {
        let machine = Clock::system();
        Self::over(Clock(Arc::new(move || Reading {
            shown: at,
            steady: at,
            moved: at - machine.now(),
        })))
    }

    /// Lets time pass (or takes it back, for a negative duration) for everybody who holds it.
    pub fn advance(&self, by: Duration) {
        self.ahead_millis.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Sets the clock forwards (or back) by that much, while no time passes: as an operator, or a bad time server,
    /// does to one machine.
    pub fn jump(&self, by: Duration) {
        self.wrong_millis.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// The handle to pass to what is tested.
    pub fn clock(&self) -> Clock {
        let this = self.clone();
        Clock(Arc::new(move || {
            let Reading { shown, steady, moved } = (this.base.0)();
            let ahead = Duration::milliseconds(this.ahead_millis.load(Ordering::SeqCst));
            let wrong = Duration::milliseconds(this.wrong_millis.load(Ordering::SeqCst));
            Reading {
                shown: shown + ahead + wrong,
                steady: steady + ahead,
                moved: moved + ahead,
            }
        }))
    }

    /// The same time, on a machine whose clock is wrong by its own amount.
    #[must_use]
    pub fn of_another_machine(&self) -> Self {
        Self {
            wrong_millis: Arc::default(),
            ..self.clone()
        }
    }
}

fn millis(by: Duration) -> i64 {
    i64::try_from(by.whole_milliseconds()).unwrap_or(i64::MAX)
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

    #[test]
    fn a_clock_that_is_set_shows_another_time_while_none_has_passed() {
        let start = OffsetDateTime::UNIX_EPOCH;
        let manual = ManualClock::frozen_at(start);
        let other = manual.of_another_machine();
        manual.jump(Duration::days(730));
        manual.advance(Duration::minutes(1));
        let (clock, minute) = (manual.clock(), Duration::minutes(1));
        assert_eq!(clock.now(), start + Duration::days(730) + minute);
        assert_eq!(clock.steady(), start + minute);
        assert_eq!(other.clock().now(), start + minute, "another machine's");
    }
}
