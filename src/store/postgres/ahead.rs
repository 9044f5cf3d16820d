//! How far the database's clock is ahead of ours, asked for every few seconds and whenever somebody has set ours.

use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

/// For how long an answer is believed.
const FRESH: Duration = Duration::seconds(5);
/// How far our clock may run apart from the time that passes, before it counts as set.
const RUNS: Duration = Duration::seconds(1);

/// What the database has said.
#[derive(Debug, Default)]
pub(super) struct Ahead(Mutex<Option<Known>>);

#[derive(Debug, Clone, Copy)]
struct Known {
    ahead_ms: i64,
    now: OffsetDateTime,
    steady: OffsetDateTime,
}

impl Ahead {
    /// How far it is ahead in milliseconds, if that was asked lately, and our clock was not set since.
    pub(super) fn known(&self, now: OffsetDateTime, steady: OffsetDateTime) -> Option<i64> {
        let known = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let passed = steady - known.steady;
        let is_fresh = (Duration::ZERO..FRESH).contains(&passed);
        let was_set = (now - known.now - passed).abs() > RUNS;
        (is_fresh && !was_set).then_some(known.ahead_ms)
    }

    /// Takes in an answer.
    pub(super) fn learn(&self, ahead_ms: i64, now: OffsetDateTime, steady: OffsetDateTime) {
        let known = Known {
            ahead_ms,
            now,
            steady,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_again_after_five_seconds_and_when_the_clock_was_set() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let seconds = |seconds: i64| at + Duration::seconds(seconds);
        let ahead = Ahead::default();
        assert_eq!(ahead.known(at, at), None);
        ahead.learn(90_000, at, at);
        assert_eq!(ahead.known(seconds(4), seconds(4)), Some(90_000));
        assert_eq!(ahead.known(seconds(5), seconds(5)), None);
        assert_eq!(ahead.known(seconds(600), seconds(4)), None, "set ahead");
        assert_eq!(ahead.known(seconds(-600), seconds(4)), None, "set back");
    }
}
