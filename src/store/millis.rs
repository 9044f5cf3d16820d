//! Time in the database: whole milliseconds since 1970, UTC, as a 64-bit integer.

use time::{Duration, OffsetDateTime};

use super::StoreError;

/// The moment as a number of milliseconds; what is finer is cut off.
pub(crate) fn from_time(at: OffsetDateTime) -> i64 {
    // The largest year that `time` knows is 9,999: about 2.5e14 milliseconds.
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// The moment that a column holds.
pub(crate) fn to_time(millis: i64) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).map_err(|_| {
        tracing::error!("a time in the database lies outside the calendar");
        StoreError::Broken
    })
}

/// The moment that a column holds, where it may hold none.
pub(crate) fn to_time_if_any(millis: Option<i64>) -> Result<Option<OffsetDateTime>, StoreError> {
    millis.map(to_time).transpose()
}

/// A length of time in milliseconds.
pub(crate) fn from_duration(length: std::time::Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// A length of time that may be negative, in milliseconds.
pub(crate) fn from_length(length: Duration) -> i64 {
    i64::try_from(length.whole_milliseconds()).unwrap_or(i64::MAX)
}

/// A length of time that is known when the program is written.
pub(crate) const fn of(length: Duration) -> i64 {
    length.whole_seconds() * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_comes_back_to_the_millisecond() {
        let at = OffsetDateTime::UNIX_EPOCH + Duration::nanoseconds(1_700_000_000_123_456_789);
        assert_eq!(from_time(at), 1_700_000_000_123);
        assert_eq!(from_time(to_time(from_time(at)).unwrap()), from_time(at));
        assert_eq!(
            from_time(OffsetDateTime::UNIX_EPOCH - Duration::nanoseconds(1)),
            -1
        );
        assert_eq!(to_time(i64::MAX), Err(StoreError::Broken));
    }
}
