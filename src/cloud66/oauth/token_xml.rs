//! A token in XML: `<OAuth><access_token>…</access_token>…</OAuth>` (fact sheet 3.4).
//!
//! Invariant: nothing is defined by the document itself. A DTD, and with it every entity but the five that
//! XML has from birth, makes it unreadable.

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, Event};

use super::token_answer::Fields;

/// Elements within elements; a token's are two.
const DEEPEST: usize = 8;

/// Reads the texts of the elements right below the root. None where the document is not well-formed, or
/// defines anything.
pub(super) fn read(text: &str) -> Option<Fields> {
    let mut reader = Reader::from_str(text);
    let mut fields = Fields::default();
    let (mut depth, mut name, mut value) = (0_usize, String::new(), String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                depth += 1;
                if depth > DEEPEST {
                    return None;
                }
                if depth == 2 {
                    element.local_name().into_inner().clone_into(&mut name);
                }
                value.clear();
            }
            Event::Text(text) => value.push_str(&text.xml10_content()),
            Event::CData(text) => value.push_str(&text),
            Event::GeneralRef(entity) => value.push_str(&resolved(&entity)?),
            Event::End(_) => {
                if depth == 2 {
                    fields.set(&name, value.trim().to_owned());
                }
                depth = depth.checked_sub(1)?;
                value.clear();
            }
            Event::DocType(_) => return None,
            Event::Eof => return (depth == 0).then_some(fields),
            _ => {}
        }
    }
}

fn resolved(entity: &BytesRef<'_>) -> Option<String> {
    match entity.resolve_char_ref().ok()? {
        Some(c) => Some(c.to_string()),
        None => resolve_xml_entity(entity).map(str::to_owned),
    }
}
