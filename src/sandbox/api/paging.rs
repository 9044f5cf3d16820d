//! Pages of 30 with their `pagination` (fact sheet 5.2).
//!
//! `per_page` is not honoured: its upper limit is not known, so no client may count on it.

use super::{Asked, Reply};
use crate::sandbox::fault::{Effect, Shift};
use serde_json::{Value, json as value};

const PER_PAGE: usize = 30;

/// The page that was asked for; the first when the parameter is missing or no number from 1 on.
fn page(asked: &Asked<'_>) -> usize {
    let asked = asked.request.param("page").and_then(|text| text.parse().ok());
    asked.filter(|page| *page > 0).unwrap_or(1)
}

/// One page of `all`, each item written by `write`.
pub(super) fn list<T>(asked: &Asked<'_>, all: &[T], write: impl Fn(&T) -> Value) -> Reply {
    let page = page(asked);
    let total = all.len();
    let pages = total.div_ceil(PER_PAGE).max(1);
    let first = (page - 1).saturating_mul(PER_PAGE);
    let (mut first, mut most) = (first, PER_PAGE);
    for effect in asked.effects {
        match effect {
            Effect::MovedPages(Shift::Repeat) if page > 1 => first = first.saturating_sub(1),
            Effect::MovedPages(Shift::Skip) if page > 1 => first = first.saturating_add(1),
            Effect::EmptyPage(empty) if usize::try_from(*empty) == Ok(page) => most = 0,
            _ => {}
        }
    }
    let items: Vec<Value> = all.iter().skip(first).take(most).map(write).collect();
    let body = value!({
        "count": items.len(),
        "response": items,
        "pagination": {
            "previous": (page > 1).then(|| (page - 1).min(pages)),
            "next": (page < pages).then_some(page + 1),
            "current": page,
            "per_page": PER_PAGE,
            "count": total,
            "pages": pages,
        },
    });
    Reply { body, warning: None }
}
