//! What came back over the wire, before anybody asks what it means.

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use thiserror::Error;
use time::format_description::well_known::Rfc2822;
use time::{Duration, OffsetDateTime, UtcOffset};

use super::words;

/// A pause that Cloud 66 asks for is obeyed within these bounds.
const SHORTEST_PAUSE: Duration = Duration::seconds(1);
const LONGEST_PAUSE: Duration = Duration::hours(1);

/// An answer of which at least the head arrived.
#[derive(Debug)]
pub(super) struct Reply {
    /// The HTTP status.
    pub(super) status: u16,
    /// The media type in lower case, without parameters.
    pub(super) content_type: Option<String>,
    /// What time it was for the server.
    pub(super) date: Option<OffsetDateTime>,
    /// How far the server's clock is ahead of ours; nothing until `http` has compared the two.
    pub(super) ahead: Duration,
    /// `X-Cloud66-Warning` as plain words (fact sheet 5.5).
    pub(super) warning: Option<String>,
    /// When to come back, where the answer says so.
    pub(super) retry_at: Option<OffsetDateTime>,
    /// `X-RateLimit-Limit` and `X-RateLimit-Remaining` (fact sheet 5.3).
    pub(super) limit: Option<u32>,
    pub(super) remaining: Option<u32>,
    /// The whole body, or why there is none.
    pub(super) body: Result<Vec<u8>, Cut>,
}

/// Why a body is missing although its head arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// It is larger than allowed.
    TooBig,
    /// The connection or the time ended before it did, or it could not be decompressed.
    Broken,
}

/// Why no head of an answer arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum NoReply {
    /// No connection could be made: proof that nothing was sent.
    #[error("no connection could be made")]
    NotSent,
    /// No connection came about in time: the same proof, but asking again would take as long again.
    #[error("no connection in time")]
    NotReached,
    /// The time ran out; the request may have arrived.
    #[error("no answer in time")]
    TimedOut,
    /// The connection broke; the request may have arrived.
    #[error("the connection broke")]
    Broken,
}

impl Reply {
    /// Reads the head of an answer; the body is still to come.
    pub(super) fn head(status: u16, headers: &HeaderMap, now: OffsetDateTime) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let content_type = text(CONTENT_TYPE.as_str()).map(|value| {
            value
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
        });
        // Header values are bytes; a warning in UTF-8 is still a warning.
        let warning = headers
            .get("x-cloud66-warning")
            .map(|value| words::plain(&String::from_utf8_lossy(value.as_bytes()), None))
            .filter(|words| !words.is_empty());
        let date = text(DATE.as_str()).and_then(http_date);
        Self {
            status,
            content_type,
            date,
            ahead: Duration::ZERO,
            warning,
            retry_at: text(RETRY_AFTER.as_str()).and_then(|value| retry_at(value, now, date)),
            limit: text("x-ratelimit-limit").and_then(|value| value.trim().parse().ok()),
            remaining: text("x-ratelimit-remaining").and_then(|value| value.trim().parse().ok()),
            body: Ok(Vec::new()),
        }
    }

    /// Whether the status says that the request was understood and done.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Reads `Retry-After`: seconds or an HTTP date (RFC 9110 section 10.2.3), clamped to one second up to one
/// hour from now. A date is one of the server's clock, so it counts from the answer's own `Date` where there is
/// one. None for anything else.
fn retry_at(text: &str, now: OffsetDateTime, date: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let pause = if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a number holds mean "very long" or, with a sign, "at once".
        match text.parse() {
            Ok(seconds) => Duration::seconds(seconds),
            Err(_) if text.starts_with('-') => SHORTEST_PAUSE,
            Err(_) => LONGEST_PAUSE,
        }
    } else {
        http_date(text)? - date.unwrap_or(now)
    };
    Some(now + pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE))
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text.trim(), &Rfc2822)
        .ok()?
        .checked_to_offset(UtcOffset::UTC)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    /// Case U07.
    #[test]
    fn retry_after_is_obeyed_between_a_second_and_an_hour() {
        let now = datetime!(2026-11-23 10:20:30 UTC);
        let cases = [
            ("5", Some(5)),
            (" 90 ", Some(90)),
            ("0", Some(1)),
            ("-1", Some(1)),
            ("3600", Some(3_600)),
            ("1000000000", Some(3_600)),
            ("99999999999999999999999999", Some(3_600)),
            ("-99999999999999999999999999", Some(1)),
            ("Mon, 23 Nov 2026 10:21:30 GMT", Some(60)),
            ("Mon, 23 Nov 2020 10:21:30 GMT", Some(1)),
            ("Sun, 23 Nov 2036 10:21:30 GMT", Some(3_600)),
            ("1e9", None),
            ("soon", None),
            ("", None),
            ("-", None),
        ];
        for (text, seconds) in cases {
            let expected = seconds.map(|seconds| now + Duration::seconds(seconds));
            assert_eq!(retry_at(text, now, None), expected, "{text:?}");
        }
        // By a server whose clock is two minutes ahead.
        let date = Some(now + Duration::minutes(2));
        assert_eq!(
            retry_at("Mon, 23 Nov 2026 10:23:30 GMT", now, date),
            Some(now + Duration::minutes(1))
        );
    }

    #[test]
    fn a_head_is_read_and_its_nonsense_left_out() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "Application/JSON; charset=utf-8"),
            ("date", "Mon, 23 Nov 2026 10:21:30 GMT"),
            ("x-ratelimit-limit", "3600"),
            ("x-ratelimit-remaining", "many"),
            ("x-cloud66-warning", "Key  expires\tsoon"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let reply = Reply::head(200, &headers, OffsetDateTime::UNIX_EPOCH);
        assert_eq!(reply.content_type.as_deref(), Some("application/json"));
        assert_eq!(reply.date, Some(datetime!(2026-11-23 10:21:30 UTC)));
        assert_eq!((reply.limit, reply.remaining), (Some(3_600), None));
        assert_eq!(reply.warning.as_deref(), Some("Key expires soon"));
    }
}
