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
}

impl Clock {
    /// The system's time, running.
    pub fn system() -> Self {
        Self(Arc::new(Mutex::new(Reading {
            frozen_at: None,
            ahead: Duration::ZERO,
        })))
    }

    /// A clock that stands at `at` until [`Clock::advance`] moves it.
    pub fn frozen(at: OffsetDateTime) -> Self {
        Self(Arc::new(Mutex::new(Reading {
            frozen_at: Some(at),
            ahead: Duration::ZERO,
        })))
    }

    /// What this clock shows.
    pub fn now(&self) -> OffsetDateTime {
        let reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reading.frozen_at.unwrap_or_else(system_time) + reading.ahead
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
            reading.frozen_at = Some(system_time());
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
    fn freezing_keeps_what_was_advanced() {
        let clock = Clock::system();
        clock.advance(Duration::from_hours(1));
        clock.freeze();
        let first = clock.now();
        assert_eq!(clock.now(), first);
        assert!(first > system_time() + Duration::from_secs(3500));
    }
}
