//! How long a session lives.

use std::time::Duration;

/// Browsers keep no cookie longer than 400 days (RFC 6265bis section 5.5), so no session can last longer.
const LONGEST: Duration = Duration::from_hours(400 * 24);

/// The two ends of a session; `idle` is never longer than `lifetime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// It ends when it was not used for this long.
    pub idle: Duration,
    /// It ends this long after sign-in.
    pub lifetime: Duration,
}

/// Parses a whole number and one of `s`, `m`, `h`, `d`. The error reads on from the setting's name.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text)
        .ok_or_else(|| format!("is {text:?}. Write a number and s, m, h or d, such as 30m, from 1s to 400d."))
}

fn parse(text: &str) -> Option<Duration> {
    let (number, seconds) = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
        .into_iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))?;
    // Digits only: `parse` alone would take a plus sign.
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let duration = Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?);
    (!duration.is_zero() && duration <= LONGEST).then_some(duration)
}

/// A duration in the largest unit that divides it, as it would be written in a setting.
pub(super) fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    [(86_400, "d"), (3600, "h"), (60, "m")]
        .into_iter()
        .find(|(unit, _)| seconds.is_multiple_of(*unit))
        .map_or_else(
            || format!("{seconds}s"),
            |(unit, name)| format!("{}{name}", seconds / unit),
        )
}
