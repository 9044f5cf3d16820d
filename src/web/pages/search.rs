//! Finding a stack from anywhere: a page, and with JavaScript a dialog on Ctrl or Cmd with K.

use askama::Template;
use askama_web::WebTemplate;

use super::frame::{Frame, Here};
use super::verdict::VerdictView;
use super::words;
use crate::domain::{Stack, StackQuery, Verdict};

/// How many stacks are shown; a longer list is what the stack list is for.
const SHOWN: usize = 12;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/search.html")]
pub struct SearchPage {
    f: Frame,
    q: String,
    hits: Vec<Hit>,
    more: usize,
    cut: Option<String>,
}

#[derive(Debug)]
struct Hit {
    href: String,
    name: String,
    environment: String,
    production: bool,
    verdict: VerdictView,
}

impl SearchPage {
    /// Builds the page. `found` is what the query selects, in the order of the list, with whether each counts as
    /// production.
    pub fn new(frame: Frame, query: &StackQuery, found: &[(&Stack, Verdict, bool)]) -> Self {
        let hit = |(stack, verdict, production): &(&Stack, Verdict, bool)| Hit {
            href: frame.urls.stack(stack.uid),
            name: stack.name.clone(),
            environment: stack.environment.as_str().to_owned(),
            production: *production,
            verdict: VerdictView::of(*verdict),
        };
        Self {
            q: query.q.clone(),
            cut: words::search_cut(query),
            hits: found.iter().take(SHOWN).map(hit).collect(),
            more: found.len().saturating_sub(SHOWN),
            f: frame.titled("Find a stack", Here::Elsewhere),
        }
    }

    fn found_words(&self) -> String {
        let found = i64::try_from(self.hits.len() + self.more).unwrap_or(i64::MAX);
        words::count(found, "stack", "stacks")
    }
}
