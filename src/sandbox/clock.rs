//! The sandbox's own clock: system time, shifted and frozen at will.
//!
//! Everything in the sandbox is a function of the time that this clock gives, so a frozen clock makes a
//! world that stands still until a test moves it. Time never runs backwards through this type.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;

/// A clock that tests and the control endpoint may move. Clones share one time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Reading>>);

#[derive(Debug)]
struct Reading {
    frozen_at: Option<OffsetDateTime>,
    ahead: Duration,
    /// Since when it runs how many times as fast as the system's.
    pace: Option<(OffsetDateTime, u32)>,
    /// What the `Date` of answers shows instead of this clock.
    dates: Option<Dates>,
}

/// A clock that is kept by somebody else.
#[derive(Clone)]
struct Dates(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl std::fmt::Debug for Dates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dates")
    }
}

impl Reading {
    /// What it shows when nobody has stopped it or moved it ahead.
    fn running(&self) -> OffsetDateTime {
        let now = system_time();
        match self.pace {
            Some((start, times)) => start + (now - start) * times,
            None => now,
        }
    }
}

impl Clock {
    /// The system's time, running.
    pub fn system() -> Self {
        Self(Arc::new(Mutex::new(Reading {
            frozen_at: None,
            ahead: Duration::ZERO,
            pace: None,
            dates: None,
        })))
    }

    /// A clock that shows the system's time at `start`, and from then on runs `times` as fast; for tests of
    /// what takes long. Pauses that a fault makes are not shortened by it.
    pub fn faster(start: OffsetDateTime, times: u32) -> Self {
        Self(Arc::new(Mutex::new(Reading {
            frozen_at: None,
            ahead: Duration::ZERO,
            pace: Some((start, times)),
            dates: None,
        })))
    }

    /// A clock that stands at `at` until [`Clock::advance`] moves it.
    pub fn frozen(at: OffsetDateTime) -> Self {
        Self(Arc::new(Mutex::new(Reading {
            frozen_at: Some(at),
            ahead: Duration::ZERO,
            pace: None,
            dates: None,
        })))
    }

    /// What this clock shows.
    pub fn now(&self) -> OffsetDateTime {
        let reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reading.frozen_at.unwrap_or_else(|| reading.running()) + reading.ahead
    }

    /// Lets the `Date` of answers show another clock than this one: a test that lets time pass for a client alone, so
    /// that this world stands still meanwhile, is not to look like a client whose clock is wrong.
    pub fn show_dates_of(&self, dates: impl Fn() -> OffsetDateTime + Send + Sync + 'static) {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reading.dates = Some(Dates(Arc::new(dates)));
    }

    /// What the `Date` of an answer shows.
    pub(crate) fn date(&self) -> OffsetDateTime {
        let dates = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .dates
            .clone();
        dates.map_or_else(|| self.now(), |dates| (dates.0)())
    }

    /// Moves the clock forward; it goes on running, or standing, as before.
    pub fn advance(&self, by: Duration) {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reading.ahead = reading.ahead.saturating_add(by);
    }

    /// Stops the clock where it is.
    pub fn freeze(&self) {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reading.frozen_at.is_none() {
            reading.frozen_at = Some(reading.running());
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where the sandbox's time comes in; all else asks Clock"
)]
fn system_time() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let clock = Clock::frozen(OffsetDateTime::UNIX_EPOCH);
        let other = clock.clone();
        assert_eq!(clock.now(), OffsetDateTime::UNIX_EPOCH);
        other.advance(Duration::from_mins(90));
        assert_eq!(clock.now().unix_timestamp(), 90 * 60, "clones share one time");
    }

    #[test]
    fn a_faster_clock_runs_ahead_and_stops_where_it_is() {
        let start = system_time() - Duration::from_mins(1);
        let clock = Clock::faster(start, 10);
        clock.freeze();
        assert!(clock.now() >= start + Duration::from_mins(10));
        assert_eq!(clock.now(), clock.now());
    }

    #[test]
    fn freezing_keeps_what_was_advanced() {
        let clock = Clock::system();
        clock.advance(Duration::from_hours(1));
        clock.freeze();
        let first = clock.now();
        assert_eq!(clock.now(), first);
        assert!(first > system_time() + Duration::from_secs(3500));
    }
}
