//! Times, durations and counts as people read them. `static/app.js` says ages and durations with the same
//! words, because it keeps them true while the page is open.

use askama::Template;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::domain::StackQuery;
use crate::domain::query::{LONGEST_SEARCH, MOST_WORDS};

/// A moment: "12 min ago", with the exact time behind it. Writes itself into a template as `<time>`.
#[derive(Debug, Clone, Template)]
#[template(path = "fragments/when.html")]
pub struct When {
    iso: String,
    exact: String,
    words: String,
    kind: &'static str,
}

impl askama::filters::HtmlSafe for When {}

impl When {
    /// How long ago `at` was, seen from `now`.
    pub fn ago(at: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self::new(at, ago(now - at), "ago")
    }

    /// How long ago, in the long form of the freshness line: "4 seconds ago".
    pub fn ago_in_full(at: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self::new(at, ago_in_full(now - at), "ago-full")
    }

    /// How long it has lasted since `at`: "3 min".
    pub fn lasting(at: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self::new(at, short(now - at), "for")
    }

    /// The exact time, in words and behind them.
    pub fn exactly(at: OffsetDateTime) -> Self {
        Self::new(at, exact(at), "")
    }

    /// The time of day, for what happened or will happen close to now: "14:02 UTC".
    pub fn clock(at: OffsetDateTime) -> Self {
        Self::new(at, clock(at), "")
    }

    fn new(at: OffsetDateTime, words: String, kind: &'static str) -> Self {
        Self {
            iso: iso(at),
            exact: exact(at),
            words,
            kind,
        }
    }
}

/// How long ago: "just now", "40 s ago", "12 min ago", "3 h ago", "2 days ago". What lies ahead, because two
/// clocks disagree, is "just now".
pub fn ago(age: Duration) -> String {
    if age.whole_seconds() < 5 {
        "just now".to_owned()
    } else {
        format!("{} ago", short(age))
    }
}

/// When [`ago`] has other words of `at` than it has `now`; at the end of what can be reckoned, now.
pub fn next(at: OffsetDateTime, now: OffsetDateTime) -> OffsetDateTime {
    let age = now - at;
    let unit = match age.whole_seconds() {
        ..60 => 1,
        60..3_600 => 60,
        3_600..172_800 => 3_600,
        _ => 86_400,
    };
    let passed = age.whole_seconds().div_euclid(unit);
    at.checked_add(Duration::seconds((passed + 1) * unit))
        .unwrap_or(now)
}

/// How long ago, in full: "4 seconds ago", "2 minutes ago".
fn ago_in_full(age: Duration) -> String {
    let seconds = age.whole_seconds().max(0);
    match seconds {
        0 => "just now".to_owned(),
        1..60 => format!("{} ago", count(seconds, "second", "seconds")),
        60..3_600 => format!("{} ago", count(seconds / 60, "minute", "minutes")),
        _ => format!("{} ago", count(seconds / 3_600, "hour", "hours")),
    }
}

/// One unit: "40 s", "3 min", "5 h", "2 days".
pub fn short(length: Duration) -> String {
    let seconds = length.whole_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => count(seconds / 86_400, "day", "days"),
    }
}

/// Two units: "6 min 40 s", "1 h 5 min".
pub fn long(length: Duration) -> String {
    let seconds = length.whole_seconds().max(0);
    let (big, big_name, rest, rest_name) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3_600 => (seconds / 60, "min", seconds % 60, "s"),
        _ => (seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
    };
    if rest == 0 {
        format!("{big} {big_name}")
    } else {
        format!("{big} {big_name} {rest} {rest_name}")
    }
}

/// The usual time, in words for a sentence: "7 minutes", "40 seconds".
pub fn in_sentence(length: Duration) -> String {
    let seconds = length.whole_seconds().max(0);
    match seconds {
        0..60 => count(seconds, "second", "seconds"),
        60..3_600 => count((seconds + 30) / 60, "minute", "minutes"),
        _ => long(length),
    }
}

/// A sentence that quotes foreign text, without the characters that would turn the rest of it around
/// (Unicode's embeddings, overrides and isolates). Elsewhere such text stands in an element of its own.
pub fn straight(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .collect()
}

/// "1 stack", "2 stacks".
pub fn count(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What is said where a search is longer than what is looked for.
pub fn search_cut(query: &StackQuery) -> Option<String> {
    query.search_is_cut.then(|| {
        format!(
            "Only the first {MOST_WORDS} words, and {LONGEST_SEARCH} characters, of a search are looked for. The rest \
             was left out."
        )
    })
}

/// "14:02 UTC".
pub fn clock(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC)
        .format(format_description!("[hour]:[minute] UTC"))
        .unwrap_or_default()
}

/// "4 Mar 2026, 09:03:10 UTC".
pub fn exact(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC)
        .format(format_description!(
            "[day padding:none] [month repr:short] [year], [hour]:[minute]:[second] UTC"
        ))
        .unwrap_or_default()
}

/// For the `datetime` attribute: "2026-03-04T09:03:10Z".
pub fn iso(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC)
        .format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second]Z"
        ))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_age_change_at_the_next_moment_and_not_before() {
        let at = OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(300);
        for seconds in [
            0, 3, 4, 5, 59, 60, 119, 3_599, 3_600, 7_100, 172_799, 172_800, 400_000,
        ] {
            let now = at + Duration::milliseconds(seconds * 1_000 + 400);
            let next = next(at, now);
            let said = ago(now - at);
            assert_eq!(ago(next - Duration::milliseconds(1) - at), said, "{seconds}");
            assert!(seconds < 4 || ago(next - at) != said, "{seconds}");
        }
        assert!(next(at + Duration::hours(1), at) > at, "what lies ahead");
        let last = time::PrimitiveDateTime::MAX.assume_utc();
        assert_eq!(next(last, last), last);
    }
    use time::macros::datetime;

    #[test]
    fn ages_are_said_in_one_unit() {
        for (seconds, words) in [
            (-90, "just now"),
            (0, "just now"),
            (5, "5 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3_599, "59 min ago"),
            (3_600, "1 h ago"),
            (172_799, "47 h ago"),
            (172_800, "2 days ago"),
        ] {
            assert_eq!(ago(Duration::seconds(seconds)), words);
        }
        assert_eq!(ago_in_full(Duration::seconds(1)), "1 second ago");
        assert_eq!(ago_in_full(Duration::seconds(-1)), "just now");
        assert_eq!(ago_in_full(Duration::seconds(125)), "2 minutes ago");
    }

    #[test]
    fn lengths_are_said_in_two_units() {
        for (seconds, words) in [
            (9, "9 s"),
            (60, "1 min"),
            (400, "6 min 40 s"),
            (3_600, "1 h"),
            (3_900, "1 h 5 min"),
        ] {
            assert_eq!(long(Duration::seconds(seconds)), words);
        }
        assert_eq!(in_sentence(Duration::seconds(415)), "7 minutes");
    }

    #[test]
    fn a_quoted_name_does_not_turn_the_sentence() {
        assert_eq!(straight("\u{202e}gnp.exe\u{2066}: done"), "gnp.exe: done");
    }

    #[test]
    fn moments_are_utc() {
        let at = datetime!(2026-03-04 10:03:10 +1);
        assert_eq!(exact(at), "4 Mar 2026, 09:03:10 UTC");
        assert_eq!(iso(at), "2026-03-04T09:03:10Z");
        assert_eq!(clock(at), "09:03 UTC");
        assert_eq!(
            When::ago(at, at + Duration::minutes(2)).to_string(),
            "<time datetime=\"2026-03-04T09:03:10Z\" title=\"4 Mar 2026, 09:03:10 UTC\" data-as=\"ago\">\
             2 min ago</time>"
        );
    }
}
