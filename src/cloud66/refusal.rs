//! What an answer that is not a 2xx means (fact sheet 5.4).

use time::{Duration, OffsetDateTime};

use super::budget::next_hour;
use super::error::Error;
use super::reply::Reply;
use super::wire;
use super::words;
use crate::domain::AccessToken;

/// How long to wait after a 429 that does not say (the one client that meets them waits this long).
const PAUSE_AFTER_429: Duration = Duration::seconds(60);

/// What a refusing answer says, with the words of the body where it has a readable one. The token is passed
/// so that it can be taken out of those words.
pub(super) fn read(reply: &Reply, token: Option<&AccessToken>, now: OffsetDateTime) -> Error {
    let said = said(reply);
    let words = || words::plain(&said.words, token);
    match (reply.status, said.code) {
        (401, _) => Error::SignedOut,
        (402, _) => Error::TrialOver,
        (403, _) => Error::Forbidden { words: words() },
        (404 | 410, _) => Error::Gone,
        (409, _) => Error::Conflict { words: words() },
        (429, _) => Error::Throttled {
            retry_at: Some(reply.retry_at.unwrap_or(now + PAUSE_AFTER_429)),
        },
        (503, Some(Code::Throttled)) => {
            Error::Throttled {
                // The hour that is used up is one of Cloud 66's clock.
                retry_at: Some(reply.retry_at.unwrap_or_else(|| {
                    next_hour(now.saturating_add(reply.ahead)).saturating_sub(reply.ahead)
                })),
            }
        }
        (503, Some(Code::NotImplemented)) => Error::NotImplemented,
        (408 | 500.., _) => Error::Down,
        (status @ 400.., _) => Error::Rejected {
            status,
            words: words(),
        },
        // Redirects are not followed, and nothing of ours asks for a 1xx.
        _ => Error::Unreadable,
    }
}

/// Whether a 5xx is Cloud 66 speaking (throttled, not implemented) rather than something in trouble.
pub(super) fn is_spoken(reply: &Reply) -> bool {
    reply.status == 503 && said(reply).code.is_some()
}

/// The two meanings of 503 (fact sheet 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Throttled,
    NotImplemented,
}

struct Said {
    code: Option<Code>,
    words: String,
}

fn said(reply: &Reply) -> Said {
    let body = reply.body.as_deref().unwrap_or_default();
    let failure = wire::one::<wire::Failure>(body).unwrap_or_default();
    let code = match failure.error.text().map(str::to_ascii_lowercase).as_deref() {
        Some("throttled") => Some(Code::Throttled),
        Some("not_implemented") => Some(Code::NotImplemented),
        // The documents write the refusal as "503: throttled", so it may come as bare text; and an answer
        // that says that nothing is left has said the same.
        None if reply.remaining == Some(0) || is_short_text(body, "throttled") => Some(Code::Throttled),
        None if is_short_text(body, "not_implemented") => Some(Code::NotImplemented),
        _ => None,
    };
    let words = [&failure.details, &failure.error_description, &failure.message]
        .into_iter()
        .find_map(wire::Cell::text)
        .unwrap_or_default()
        .to_owned();
    Said { code, words }
}

fn is_short_text(body: &[u8], word: &str) -> bool {
    body.len() < 100
        && std::str::from_utf8(body).is_ok_and(|text| {
            text.to_ascii_lowercase()
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .any(|part| part == word)
        })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 10:20:30 UTC);

    type Headers = &'static [(&'static str, &'static str)];

    fn answer(status: u16, headers: Headers, body: &str) -> Error {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let mut reply = Reply::head(status, &map, NOW);
        reply.body = Ok(body.as_bytes().to_vec());
        read(&reply, Some(&AccessToken::new("tok-1234567890".into())), NOW)
    }

    fn words(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn every_status_of_the_fact_sheet_has_its_error() {
        let body = r#"{"error":"x","error_description":"described","details":"detailed"}"#;
        let cases = [
            (
                400,
                Error::Rejected {
                    status: 400,
                    words: words("detailed"),
                },
            ),
            (401, Error::SignedOut),
            (402, Error::TrialOver),
            (
                403,
                Error::Forbidden {
                    words: words("detailed"),
                },
            ),
            (404, Error::Gone),
            (408, Error::Down),
            (
                409,
                Error::Conflict {
                    words: words("detailed"),
                },
            ),
            (410, Error::Gone),
            (
                422,
                Error::Rejected {
                    status: 422,
                    words: words("detailed"),
                },
            ),
            (
                405,
                Error::Rejected {
                    status: 405,
                    words: words("detailed"),
                },
            ),
            (500, Error::Down),
            (503, Error::Down),
            (521, Error::Down),
            (302, Error::Unreadable),
            (307, Error::Unreadable),
        ];
        for (status, expected) in cases {
            assert_eq!(answer(status, &[], body), expected, "{status}");
        }
    }

    #[test]
    fn words_are_details_then_description_then_message() {
        for (body, expected) in [
            (r#"{"details":"","error_description":"described"}"#, "described"),
            (r#"{"details":null,"message":"messaged"}"#, "messaged"),
            (r#"{"details":{"a":1}}"#, ""),
            (
                r#"{"details":"the token tok-1234567890 at https://x.example/y"}"#,
                "the token (hidden) at (address)",
            ),
            ("<html>not JSON</html>", ""),
            ("", ""),
        ] {
            assert_eq!(
                answer(403, &[], body),
                Error::Forbidden {
                    words: words(expected)
                },
                "{body}"
            );
        }
    }

    #[test]
    fn throttled_is_told_from_not_implemented() {
        let next = Some(datetime!(2026-11-23 11:00 UTC));
        let throttled = |retry_at| Error::Throttled { retry_at };
        let cases: [(u16, Headers, &str, Error); 8] = [
            (503, &[], r#"{"error":"throttled"}"#, throttled(next)),
            (
                503,
                &[("retry-after", "5")],
                r#"{"error":"Throttled"}"#,
                throttled(Some(NOW + Duration::seconds(5))),
            ),
            (503, &[], "503: throttled", throttled(next)),
            (503, &[("x-ratelimit-remaining", "0")], "", throttled(next)),
            (503, &[], r#"{"error":"not_implemented"}"#, Error::NotImplemented),
            (
                503,
                &[("retry-after", "5")],
                "<html>maintenance</html>",
                Error::Down,
            ),
            (429, &[], "", throttled(Some(NOW + Duration::seconds(60)))),
            (
                429,
                &[("retry-after", "7200")],
                "",
                throttled(Some(NOW + Duration::hours(1))),
            ),
        ];
        for (status, headers, body, expected) in cases {
            assert_eq!(
                answer(status, headers, body),
                expected,
                "{status} {headers:?} {body}"
            );
        }
    }
}
