//! How fast somebody may go: sign-ins per address, forms per person.
//!
//! Both are buckets that fill up again with time, so that a burst is let through and a flood is not. A refusal is
//! 429 with `Retry-After`. What the buckets protect is written before anybody is known: a row for each sign-in
//! that is begun, a statement for each callback, and for each form a turn of the one writer that SQLite has.
//!
//! Invariants:
//! * The address is the socket's, or what a trusted proxy says of it; an IPv6 /64 is one address.
//! * Memory is bounded: beyond [`MOST_KEPT`] names those that come new share one bucket, and nobody is let
//!   through uncounted.
//! * Each instance counts by itself: with two of them the limits are twice as high.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use time::OffsetDateTime;

use super::problem::Problem;
use super::server::{ClientAddr, household};
use super::state::WebState;
use crate::domain::UserId;

/// Steps of a sign-in from one address: two for each, so a whole office can sign in on a Monday morning. In the
/// ten minutes that a sign-in lives, one address fills less than a tenth of the places for them.
const SIGN_INS: Rate = Rate {
    burst: 300,
    millis_each: 1_000,
};

/// Forms that one person sends. Far above what fingers do, and above the 3,000 requests an hour that Cloud 66
/// gives a person only for a moment.
const FORMS: Rate = Rate {
    burst: 1_000,
    millis_each: 100,
};

/// How many buckets of a kind are kept.
const MOST_KEPT: usize = 100_000;

/// How large a bucket is, and how fast it fills up again.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: i64,
    millis_each: i64,
}

/// The buckets of this process.
#[derive(Debug)]
pub struct Pace {
    sign_ins: Buckets<IpAddr>,
    forms: Buckets<UserId>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            sign_ins: Buckets::new(SIGN_INS),
            forms: Buckets::new(FORMS),
        }
    }
}

impl Pace {
    /// Counts one form of this person.
    pub fn form(&self, person: UserId, now: OffsetDateTime) -> Result<(), Problem> {
        self.forms.take(person, now).map_err(|wait| {
            tracing::warn!(
                person = person.0,
                "a person sends forms faster than anybody can press"
            );
            wait.into()
        })
    }
}

/// As an argument of a handler: the address that asks has not been too fast with its sign-ins.
#[derive(Debug, Clone, Copy)]
pub struct UnhurriedSignIn;

impl FromRequestParts<WebState> for UnhurriedSignIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        // Every connection of ours has its address; one without would share a bucket with its like.
        let nobody = IpAddr::from([0, 0, 0, 0]);
        let address = parts
            .extensions
            .get::<ClientAddr>()
            .map_or(nobody, |found| found.0);
        let taken = state
            .pace()
            .sign_ins
            .take(household(address), state.app().clock().now());
        taken.map(|()| Self).map_err(|wait| {
            tracing::info!(%address, "too many sign-ins from one address");
            wait.into()
        })
    }
}

/// After how many seconds to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wait(u32);

impl From<Wait> for Problem {
    fn from(wait: Wait) -> Self {
        Self::TooFast {
            retry_after_seconds: wait.0,
        }
    }
}

/// For each name, until when its bucket is not full, in milliseconds since 1970 (the generic cell rate
/// algorithm: one number for each name).
#[derive(Debug)]
struct Buckets<Name> {
    rate: Rate,
    full_at: Mutex<HashMap<Option<Name>, i64>>,
}

impl<Name: Eq + Hash> Buckets<Name> {
    fn new(rate: Rate) -> Self {
        Self {
            rate,
            full_at: Mutex::default(),
        }
    }

    fn take(&self, name: Name, now: OffsetDateTime) -> Result<(), Wait> {
        let now = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let mut name = Some(name);
        if full_at.len() >= MOST_KEPT && !full_at.contains_key(&name) {
            // A full bucket is as good as none.
            full_at.retain(|_, full_at| *full_at > now);
            if full_at.len() >= MOST_KEPT {
                name = None;
            }
        }
        let longest = self.rate.burst * self.rate.millis_each;
        // Further ahead than it can be, the clock was set back: nobody waits until it has caught up.
        let known = full_at.get(&name).filter(|full_at| **full_at <= now + longest);
        let after = known.map_or(now, |full_at| (*full_at).max(now)) + self.rate.millis_each;
        let too_long = after - now - longest;
        if too_long > 0 {
            return Err(Wait(u32::try_from(too_long / 1_000 + 1).unwrap_or(u32::MAX)));
        }
        full_at.insert(name, after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    const RATE: Rate = Rate {
        burst: 3,
        millis_each: 2_000,
    };

    #[test]
    fn a_burst_is_let_through_and_a_flood_is_told_when_to_come_again() {
        let buckets = Buckets::new(RATE);
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(1);
        for _ in 0..3 {
            assert_eq!(buckets.take(1, now), Ok(()));
        }
        assert_eq!(buckets.take(1, now), Err(Wait(3)));
        assert_eq!(buckets.take(2, now), Ok(()), "another name has its own");
        let later = now + Duration::seconds(2);
        assert_eq!(buckets.take(1, later), Ok(()));
        assert_eq!(buckets.take(1, later), Err(Wait(3)));
        // A refusal costs nothing, and time gives back no more than the burst.
        let much_later = now + Duration::hours(1);
        let let_through = (0..9).filter(|_| buckets.take(1, much_later).is_ok()).count();
        assert_eq!(let_through, 3);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let buckets = Buckets::new(RATE);
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(1);
        buckets.take(1, now).unwrap();
        assert_eq!(buckets.take(1, now - Duration::minutes(5)), Ok(()));
    }

    #[test]
    fn names_beyond_what_is_kept_share_one_bucket() {
        let buckets = Buckets::new(RATE);
        let now = OffsetDateTime::UNIX_EPOCH;
        for name in 0..MOST_KEPT {
            buckets.take(name, now).unwrap();
        }
        let let_through = (MOST_KEPT..MOST_KEPT + 9)
            .filter(|name| buckets.take(*name, now).is_ok())
            .count();
        assert_eq!(let_through, 3);
        assert!(buckets.full_at.lock().unwrap().len() <= MOST_KEPT + 1);
        // When the others' buckets are full again, there is room.
        assert_eq!(buckets.take(MOST_KEPT + 100, now + Duration::hours(1)), Ok(()));
        assert_eq!(buckets.full_at.lock().unwrap().len(), 1);
    }
}
