//! Lists that come in pages (fact sheet 5.2): the first page tells how many there are, the others are asked
//! for side by side.

use futures_util::{StreamExt as _, stream};

use super::error::Error;
use super::wire::Page;

/// How many pages after the first are asked for at once, so that 3,000 stacks take two round trips. Bounded, so that
/// a list which claims to be longer than it is costs no more than this.
const AT_ONCE: u32 = 99;
/// Rows that are kept in all: a bound on memory, should every page be as long as it may.
const MOST_ROWS: usize = 20_000;

/// A list put together from its pages, in their order.
pub(super) struct Gathered<T> {
    pub(super) rows: Vec<T>,
    /// Whether rows are missing: a later page failed or was empty although one after it is not, or there were more
    /// than are read.
    pub(super) incomplete: bool,
    /// Whether pages that were promised turned out to be empty. Most often there never was anything in them.
    pub(super) short: bool,
}

/// Asks `page` for page 1 and then for all the others that it names, at most `most` in all. `is_enough` looks
/// at the first page; where it says so, no other is asked for.
///
/// What a page says of the number of pages is not relied upon: empty pages end the list where nothing comes after
/// them, and a page that knows of later ones extends it. A failed first page is the list's failure; a failed later one leaves it
/// incomplete, except that a token that is not accepted any longer always counts.
pub(super) async fn gather<T, F>(
    most: u32,
    page: impl Fn(u32) -> F,
    is_enough: impl Fn(&[T]) -> bool,
) -> Result<Gathered<T>, Error>
where
    F: Future<Output = Result<Page<T>, Error>>,
{
    let first = page(1).await?;
    let mut gathered = Gathered {
        rows: first.rows,
        incomplete: first.cut,
        short: false,
    };
    if gathered.rows.is_empty() {
        (gathered.incomplete, gathered.short) = (first.pages > 1, first.pages > 1);
        return Ok(gathered);
    }
    if is_enough(&gathered.rows) {
        return Ok(gathered);
    }
    let (mut asked, mut known) = (1, first.pages);
    while asked < known.min(most) {
        let upto = known.min(most).min(asked.saturating_add(AT_ONCE));
        let mut pages = stream::iter(asked + 1..=upto)
            .map(&page)
            .buffered(AT_ONCE as usize);
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) if page.rows.is_empty() => gathered.short = true,
                Ok(page) => {
                    gathered.incomplete |= page.cut || gathered.short;
                    gathered.rows.extend(page.rows);
                    known = known.max(page.pages);
                    if gathered.rows.len() > MOST_ROWS {
                        gathered.incomplete = true;
                        return Ok(gathered);
                    }
                }
                Err(Error::SignedOut) => return Err(Error::SignedOut),
                Err(error) => {
                    gathered.incomplete = true;
                    if matches!(error, Error::Throttled { .. }) {
                        return Ok(gathered);
                    }
                }
            }
        }
        if gathered.short {
            return Ok(gathered);
        }
        asked = upto;
    }
    gathered.incomplete |= known > most;
    Ok(gathered)
}
