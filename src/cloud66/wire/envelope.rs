//! What is around an object or a list: `{"response": …}`, with `pagination` beside a list (fact sheet 5.1,
//! 5.2). Some documented answers lack it, so an answer without `response` is the object itself (fact sheet
//! 8.5), and a bare list is a list (8.18).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::cell::Cell;

/// Rows that are kept of one page. Version 3 sends 30, version 2 all there are.
const MOST_ROWS: usize = 4_000;

/// One row of a list, not read yet, so that a broken one costs nothing but itself.
pub(in crate::cloud66) struct Row<'a>(&'a str);

/// One page of a list, and what it says of the others.
pub(in crate::cloud66) struct Page<T> {
    /// The rows, read.
    pub(in crate::cloud66) rows: Vec<T>,
    /// How many pages there are, as far as this one knows; at least 1.
    pub(in crate::cloud66) pages: u32,
    /// Whether this page held more rows than are kept.
    pub(in crate::cloud66) cut: bool,
}

impl<'r> Row<'r> {
    /// A value within another one.
    pub(super) fn of(value: &'r RawValue) -> Self {
        Self(value.get())
    }

    /// Reads the row; none where it is not an object or names a field twice.
    pub(in crate::cloud66) fn read<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        self.0
            .starts_with('{')
            .then(|| serde_json::from_str(self.0).ok())?
    }
}

/// Reads an answer that is one object.
pub(in crate::cloud66) fn one<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Option<T> {
    let text = text(bytes);
    match outer(&text)? {
        Outer::Object {
            whole,
            response: None,
            ..
        } => Row(whole).read(),
        Outer::Object {
            response: Some(response),
            ..
        } => Row(response.get()).read(),
        Outer::List(_) => None,
    }
}

/// Reads an answer that is a list, row by row. None where there is no list: an answer without one must not
/// pass for an empty one.
pub(in crate::cloud66) fn rows<T>(bytes: &[u8], read: impl Fn(&Row<'_>) -> T) -> Option<Page<T>> {
    let text = text(bytes);
    let (list, pagination) = match outer(&text)? {
        Outer::List(list) => (list, Pagination::default()),
        Outer::Object {
            response, pagination, ..
        } => (response?.get(), pagination),
    };
    let kept: List<'_> = serde_json::from_str(list).ok()?;
    Some(Page {
        rows: kept.rows.iter().map(|row| read(&Row(row.get()))).collect(),
        pages: pagination.known_pages(),
        cut: kept.cut,
    })
}

/// The text of an answer: without a byte order mark, and with a stand-in for what is not UTF-8, so that one
/// bad byte in a name does not cost the list.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

enum Outer<'a> {
    List(&'a str),
    Object {
        whole: &'a str,
        response: Option<&'a RawValue>,
        pagination: Pagination,
    },
}

fn outer(text: &str) -> Option<Outer<'_>> {
    let text = text.trim();
    if text.starts_with('[') {
        return Some(Outer::List(text));
    }
    if !text.starts_with('{') {
        return None;
    }
    let Envelope { response, pagination } = serde_json::from_str(text).ok()?;
    let pagination = pagination
        .and_then(|pagination| Row(pagination.get()).read())
        .unwrap_or_default();
    Some(Outer::Object {
        whole: text,
        response,
        pagination,
    })
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pagination: Option<&'a RawValue>,
}

/// The pages of a list. Half of it may be missing or null.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Pagination {
    pages: Cell,
    next: Cell,
}

impl Pagination {
    fn known_pages(&self) -> u32 {
        let named = [&self.pages, &self.next].into_iter().filter_map(Cell::number);
        u32::try_from(named.max().unwrap_or(1).max(1)).unwrap_or(u32::MAX)
    }
}

/// A list of which the first rows are kept and the others skipped.
struct List<'a> {
    rows: Vec<&'a RawValue>,
    cut: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for List<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kept<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Kept<'a> {
            type Value = List<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<'a>, A::Error> {
                let mut rows = Vec::new();
                while rows.len() < MOST_ROWS {
                    match list.next_element::<&'a RawValue>()? {
                        Some(row) => rows.push(row),
                        None => return Ok(List { rows, cut: false }),
                    }
                }
                let mut cut = false;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    cut = true;
                }
                Ok(List { rows, cut })
            }
        }
        deserializer.deserialize_seq(Kept(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Thing {
        name: Cell,
    }

    fn names(json: &str) -> Option<(Vec<Option<String>>, u32)> {
        let rows = rows(json.as_bytes(), |row| {
            row.read::<Thing>().and_then(|thing| thing.name.name())
        })?;
        Some((rows.rows, rows.pages))
    }

    #[test]
    fn a_list_is_found_with_and_without_its_envelope() {
        let some = |name: &str| Some(name.to_owned());
        let cases = [
            // 5.1, 5.2: the documented form.
            (
                r#"{"response":[{"name":"a"}],"count":1,"pagination":{"previous":null,"next":2,"current":1,"per_page":30,"count":48,"pages":2}}"#,
                Some((vec![some("a")], 2)),
            ),
            // 5.1: lists without pagination.
            (
                r#"{"response":[{"name":"a"}],"count":1}"#,
                Some((vec![some("a")], 1)),
            ),
            // 8.18: a bare list.
            ("[]", Some((vec![], 1))),
            ("\u{feff} [] ", Some((vec![], 1))),
            // 5.2: numbers as text, nulls, lies.
            (
                r#"{"response":[],"pagination":{"pages":"3","next":null}}"#,
                Some((vec![], 3)),
            ),
            (
                r#"{"response":[],"pagination":{"pages":1,"next":2}}"#,
                Some((vec![], 2)),
            ),
            (r#"{"response":[],"pagination":{"pages":-5}}"#, Some((vec![], 1))),
            (
                r#"{"response":[],"pagination":{"pages":99999999999}}"#,
                Some((vec![], u32::MAX)),
            ),
            (r#"{"response":[],"pagination":"none"}"#, Some((vec![], 1))),
            (r#"{"response":[],"pagination":null}"#, Some((vec![], 1))),
            // A broken row costs itself: of the wrong kind, or with a field named twice.
            (
                r#"{"response":[null,7,"x",[{"name":"no"}],{"name":"b"},{"name":"c","name":"d"},{}]}"#,
                Some((vec![None, None, None, None, some("b"), None, None], 1)),
            ),
            // No list is not an empty list.
            (r#"{"response":null}"#, None),
            (r#"{"response":{}}"#, None),
            ("{}", None),
            (r#"{"response":[{"name":"a"}"#, None),
            (r#"{"response":[NaN]}"#, None),
            ("", None),
            ("<html></html>", None),
            // V2H's example, which is not JSON.
            (r#"{["uid":"x"]}"#, None),
        ];
        for (json, expected) in cases {
            assert_eq!(names(json), expected, "{json}");
        }
    }

    #[test]
    fn an_object_is_found_with_and_without_its_envelope() {
        let name = |json: &str| one::<Thing>(json.as_bytes()).map(|thing| thing.name.name());
        assert_eq!(name(r#"{"response":{"name":"a"}}"#), Some(Some("a".into())));
        assert_eq!(name(r#"{"name":"a","x":{"y":[1]}}"#), Some(Some("a".into())));
        assert_eq!(name("{}"), Some(None));
        assert_eq!(name(r#"{"response":"Healthy"}"#), None);
        assert_eq!(name(r#"{"response":null,"name":"a"}"#), Some(Some("a".into())));
        assert_eq!(name("[]"), None);
        assert_eq!(name("null"), None);
    }

    #[test]
    fn bytes_that_are_not_utf_8_cost_one_letter() {
        let bytes = b"[{\"name\":\"caf\xe9\"}]";
        let read = rows(bytes, |row| {
            row.read::<Thing>().and_then(|thing| thing.name.name())
        })
        .unwrap();
        assert_eq!(read.rows, [Some("caf\u{fffd}".to_owned())]);
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = format!("[{{\"name\":{}{}}}]", "[".repeat(100_000), "]".repeat(100_000));
        assert!(names(&deep).is_none_or(|(names, _)| names == [None]));
        let deep = "[".repeat(100_000);
        assert_eq!(names(&deep), None);
        let many = format!("[{}0]", "0,".repeat(900_000));
        let read = rows(many.as_bytes(), |_| ()).unwrap();
        assert_eq!((read.rows.len(), read.cut), (MOST_ROWS, true));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = one::<Thing>(&bytes);
            let _ = rows(&bytes, |row| row.read::<Thing>());
        }

        #[test]
        fn no_near_json_makes_it_panic(text in r#"[\[\]{}:,"\\a-z0-9 .eun-]{0,80}"#) {
            let _ = one::<Thing>(text.as_bytes());
            let _ = rows(text.as_bytes(), |row| row.read::<Thing>());
        }
    }
}
