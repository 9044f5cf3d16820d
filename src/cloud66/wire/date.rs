//! The forms in which Cloud 66 writes dates (fact sheet 5.6).

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// Reads `2014-06-15T14:13:18+00:00`, `…Z`, `2014-08-14 00:38:14 UTC` and their mixtures, with or without
/// fractions of a second. A date without a zone is in UTC, as the documents promise of all of them.
pub(super) fn parse(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    // Long enough for every form, and a bound on the copies below.
    if text.len() > 40 {
        return None;
    }
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let rest = rest.trim();
    let at = rest
        .find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.'))
        .unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(at)?;
    let zone = zone.trim();
    let zone = match zone.to_ascii_uppercase().as_str() {
        "" | "Z" | "UTC" | "GMT" => "Z".to_owned(),
        // `+0000`, as Ruby's own `to_s` writes it.
        short if short.len() == 5 && !short.contains(':') => {
            let (hours, minutes) = zone.split_at_checked(3)?;
            format!("{hours}:{minutes}")
        }
        _ => zone.to_owned(),
    };
    OffsetDateTime::parse(&format!("{date}T{clock}{zone}"), &Rfc3339)
        .ok()?
        .checked_to_offset(UtcOffset::UTC)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn every_form_of_the_fact_sheet_is_the_same_moment() {
        let moment = datetime!(2014-08-14 00:38:14 UTC);
        for text in [
            "2014-08-14T00:38:14+00:00",
            "2014-08-14T00:38:14Z",
            "2014-08-14 00:38:14 UTC",
            "2014-08-14 00:38:14 +0000",
            "2014-08-14 00:38:14",
            "2014-08-14T00:38:14",
            "2014-08-14t00:38:14z",
            "2014-08-14T02:38:14+02:00",
            "2014-08-13 22:38:14 -0200",
            " 2014-08-14T00:38:14.000Z ",
        ] {
            assert_eq!(parse(text), Some(moment), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_date() {
        for text in [
            "",
            "yesterday",
            "2014-08-14",
            "2014-13-14T00:38:14Z",
            "2014-08-14T00:38:14 CEST",
            "9999-12-31T23:59:59-23:00",
            "2014-08-14T00:38:14+é0",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,50}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_near_date_makes_it_panic(text in "[0-9]{1,5}-[0-9é]{1,3}-[0-9]{2}[T ][0-9:.]{0,12} ?[-+Z]?[0-9:é]{0,6}") {
            let _ = parse(&text);
        }
    }
}
