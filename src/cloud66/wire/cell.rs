//! One JSON value whose type is not to be relied upon: ids come as numbers and as text, booleans as text, and
//! whatever may be null will be (fact sheet 8.3, 8.4, 4.4).

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use time::OffsetDateTime;

use super::date;

/// The longest text that becomes part of the domain, in characters: far more than any name, far less than an
/// answer. Nothing but names may be cut: half a token or half an id is another one.
const LONGEST_NAME: usize = 2_000;

/// A value that was read, whatever it was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::cloud66) enum Cell {
    /// Missing, null, a list or an object.
    #[default]
    Nothing,
    Flag(bool),
    Number(i64),
    /// Text, or a number that is not whole.
    Text(String),
}

impl Cell {
    /// The text, without surrounding white space; none where it is blank or not text. Blank and null both
    /// mean "not given" (fact sheet 7).
    pub(in crate::cloud66) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// The text of a text or a number, for names may be all digits; cut where it is beyond all measure. A sign that
    /// is no text in HTML and a command to a terminal (NUL, escape) becomes the one that stands for such.
    pub(in crate::cloud66) fn name(&self) -> Option<String> {
        match self {
            Self::Number(number) => Some(number.to_string()),
            _ => self
                .text()
                .map(|text| text.chars().take(LONGEST_NAME).map(printable).collect()),
        }
    }

    /// The number of a number or of digits.
    pub(in crate::cloud66) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The flag of a boolean, of 0 or 1, or of the words for them.
    pub(in crate::cloud66) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Number(0) => Some(false),
            Self::Number(1) => Some(true),
            Self::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Some(true),
                "false" | "0" | "no" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The moment of a date in any of its forms.
    pub(in crate::cloud66) fn date(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Number(seconds) => OffsetDateTime::from_unix_timestamp(*seconds).ok(),
            _ => date::parse(self.text()?),
        }
    }

    /// An id: a whole number above zero.
    pub(in crate::cloud66) fn id(&self) -> Option<i64> {
        self.number().filter(|id| *id > 0)
    }
}

fn printable(sign: char) -> char {
    if sign.is_control() && !matches!(sign, '\n' | '\r' | '\t') {
        char::REPLACEMENT_CHARACTER
    } else {
        sign
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Cell, E> {
        Ok(Cell::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Cell, E> {
        Ok(Cell::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Cell, E> {
        Ok(i64::try_from(number).map_or_else(|_| Cell::Text(number.to_string()), Cell::Number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Cell, E> {
        // `1.0` prints as `1`; what still has a point or an exponent then is no number of ours.
        let text = number.to_string();
        Ok(text.parse().map_or(Cell::Text(text), Cell::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cell, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cell::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Cell, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(json: &str) -> Cell {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_come_as_text_and_text_as_numbers() {
        // Fact sheet 8.3: `resource_id` is a string of digits, `version` a string.
        for (json, number) in [
            ("7", Some(7)),
            (r#""8812""#, Some(8812)),
            (r#"" 4 ""#, Some(4)),
            ("1.0", Some(1)),
            ("1.5", None),
            ("1e400", None),
            ("18446744073709551615", None),
            ("-3", Some(-3)),
            (r#""x""#, None),
            ("null", None),
            ("[1]", None),
            (r#"{"a":1}"#, None),
            ("true", None),
        ] {
            match serde_json::from_str::<Cell>(json) {
                Ok(cell) => assert_eq!(cell.number(), number, "{json}"),
                Err(_) => assert_eq!(number, None, "{json}"),
            }
        }
        assert_eq!(cell("42").name().as_deref(), Some("42"));
        assert_eq!(cell(r#""  shop ""#).name().as_deref(), Some("shop"));
        assert_eq!(cell(r#""  ""#).name(), None);
        assert_eq!(cell("0").id(), None);
        assert_eq!(cell("-4").id(), None);
    }

    #[test]
    fn flags_come_as_text() {
        // Fact sheet 4.5: a setting's `ok` is the text "true".
        for (json, flag) in [
            ("true", Some(true)),
            (r#""true""#, Some(true)),
            (r#""False""#, Some(false)),
            ("1", Some(true)),
            ("0", Some(false)),
            ("2", None),
            ("null", None),
            (r#""maybe""#, None),
        ] {
            assert_eq!(cell(json).flag(), flag, "{json}");
        }
    }

    #[test]
    fn long_names_are_cut_and_nothing_else_is() {
        let cell = cell(&format!("\"{}\"", "ü".repeat(10_000)));
        assert_eq!(cell.name().unwrap().chars().count(), LONGEST_NAME);
        assert_eq!(cell.text().unwrap().chars().count(), 10_000);
    }
}
