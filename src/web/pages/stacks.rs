//! The stack list.

use std::collections::{BTreeMap, HashSet};

use askama::Template;
use askama_web::WebTemplate;
use time::OffsetDateTime;

pub use super::chips::ListLive;
use super::chips::{Chip, Counts, chips};
use super::frame::{Frame, Here, Html};
use super::sections::{Section, sections};
use super::views::{KeptView, ThisView, kept_views, this_view};
use super::words::{self, When};
use crate::domain::{Fleet, Stack, StackQuery, StackUid};

/// How many rows a page holds; more are on further pages.
pub const ROWS_PER_PAGE: usize = 300;

/// The list of stacks, in every state but "never loaded".
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/stacks.html")]
pub struct StacksPage {
    f: Frame,
    query: StackQuery,
    /// Carried by the one-click redeploys of this page; each stack's operation id is derived from it.
    op: String,
    known: Known,
    chips: Vec<Chip>,
    views: Vec<KeptView>,
    this_view: Option<ThisView>,
    sorts: Vec<Choice>,
    groups: Vec<Choice>,
    environments: Vec<Choice>,
    accounts: Vec<Choice>,
    sections: Vec<Section>,
    pages: Vec<Choice>,
    shown: usize,
    total: usize,
    unreadable: Vec<String>,
    incomplete: bool,
}

/// When the list was true. `None` while it is being fetched for the first time.
pub type Known = Option<OffsetDateTime>;

/// One option of a select.
#[derive(Debug)]
struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

/// What the list is made from.
#[derive(Debug)]
pub struct StacksInput<'a> {
    /// Every stack of the person.
    pub fleet: &'a Fleet,
    /// What the URL asks for.
    pub query: &'a StackQuery,
    /// The stacks that the person keeps at the top.
    pub pins: &'a HashSet<StackUid>,
    /// The views of the list that the person keeps.
    pub views: &'a [StackQuery],
    /// When the fleet was known.
    pub known_at: OffsetDateTime,
    /// Random, new for each page load.
    pub op: &'a str,
}

impl StacksPage {
    /// Builds the page. `is_production` says which stacks count as production; `row` gives a stack's rendered
    /// row, from memory where it has not changed.
    pub fn new(
        frame: Frame,
        input: &StacksInput<'_>,
        is_production: impl Fn(&Stack) -> bool,
        mut row: impl FnMut(&Stack) -> Html,
    ) -> Self {
        let StacksInput {
            fleet, query, pins, ..
        } = *input;
        let mut selected = query.select(fleet, &is_production);
        if !matches!(query.sort.as_str(), "name" | "activity" | "environment") {
            selected.sort_by_key(|stack| !pins.contains(&stack.uid));
        }
        let shown = selected.len();
        let (page, pages) = Page::of(shown, &query.page);
        let on_page: Vec<&Stack> = selected
            .into_iter()
            .skip(page.first)
            .take(ROWS_PER_PAGE)
            .collect();
        let counts = Counts::of(fleet, &is_production);
        let mut frame = frame.titled(counts.title(), Here::Stacks);
        frame.icon = counts.icon();
        let events = frame.urls.events_stacks();
        let frame = frame.following(events);
        Self {
            chips: chips(&frame, query, &counts),
            views: kept_views(&frame, fleet, query, input.views),
            this_view: this_view(fleet, query, input.views),
            sorts: sorts(query),
            groups: groups(query),
            environments: environments(fleet, query),
            accounts: accounts(fleet, query),
            sections: sections(&frame.urls, fleet, query, &on_page, &is_production, &mut row),
            pages: page_links(&frame, query, page.number, pages),
            query: query.clone(),
            op: input.op.to_owned(),
            known: Some(input.known_at),
            shown,
            total: fleet.stacks.len(),
            unreadable: fleet.unreadable.clone(),
            incomplete: fleet.incomplete,
            f: frame,
        }
    }

    /// The page while the list is fetched for the first time; it asks for itself again until the list is there.
    pub fn loading(frame: Frame, query: &StackQuery) -> Self {
        let events = frame.urls.events_stacks();
        Self {
            f: frame.titled("Stacks", Here::Stacks).following(events),
            query: query.clone(),
            op: String::new(),
            known: None,
            chips: Vec::new(),
            views: Vec::new(),
            this_view: None,
            sorts: Vec::new(),
            groups: Vec::new(),
            environments: Vec::new(),
            accounts: Vec::new(),
            sections: Vec::new(),
            pages: Vec::new(),
            shown: 0,
            total: 0,
            unreadable: Vec::new(),
            incomplete: false,
        }
    }

    fn everything(&self) -> String {
        self.f.urls.home()
    }

    fn here(&self) -> String {
        self.f.urls.stacks(&self.query)
    }

    fn search_cut(&self) -> Option<String> {
        words::search_cut(&self.query)
    }

    fn shown_words(&self) -> String {
        words::count(i64::try_from(self.shown).unwrap_or(i64::MAX), "stack", "stacks")
    }

    fn known_words(&self) -> Option<When> {
        self.known.map(|at| When::ago_in_full(at, self.f.now))
    }
}

/// Which part of a long list is shown.
struct Page {
    number: usize,
    first: usize,
}

impl Page {
    /// The page that the URL asks for, and how many there are.
    fn of(rows: usize, wanted: &str) -> (Self, usize) {
        let pages = rows.div_ceil(ROWS_PER_PAGE).max(1);
        let number = wanted.parse().unwrap_or(1).clamp(1, pages);
        let first = (number - 1) * ROWS_PER_PAGE;
        (Self { number, first }, pages)
    }
}

/// A link to each page of a long list; none for a short one.
fn page_links(frame: &Frame, query: &StackQuery, current: usize, pages: usize) -> Vec<Choice> {
    let all = 1..=pages;
    all.filter(|_| pages > 1)
        .map(|number| Choice {
            value: frame.urls.stacks(&StackQuery {
                page: if number == 1 {
                    String::new()
                } else {
                    number.to_string()
                },
                ..query.clone()
            }),
            label: number.to_string(),
            chosen: number == current,
        })
        .collect()
}

fn choices(chosen: &str, all: &[(&str, &str)]) -> Vec<Choice> {
    all.iter()
        .map(|(value, label)| Choice {
            value: (*value).to_owned(),
            label: (*label).to_owned(),
            chosen: *value == chosen,
        })
        .collect()
}

fn sorts(query: &StackQuery) -> Vec<Choice> {
    choices(
        &query.sort,
        &[
            ("", "Needs attention first"),
            ("name", "By name"),
            ("activity", "Latest change first"),
            ("environment", "By environment"),
        ],
    )
}

fn groups(query: &StackQuery) -> Vec<Choice> {
    choices(
        &query.group,
        &[
            ("", "No groups"),
            ("app", "Group by app"),
            ("account", "Group by account"),
        ],
    )
}

fn environments(fleet: &Fleet, query: &StackQuery) -> Vec<Choice> {
    let names: BTreeMap<&str, &str> = fleet
        .stacks
        .iter()
        .map(|stack| (stack.environment.as_str(), stack.environment.as_str()))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    let mut all = vec![("", "Every environment")];
    all.extend(names);
    choices(&query.env, &all)
}

fn accounts(fleet: &Fleet, query: &StackQuery) -> Vec<Choice> {
    let names: BTreeMap<String, &str> = fleet
        .stacks
        .iter()
        .filter_map(|stack| Some((stack.account?.to_string(), stack.account_name.as_deref()?)))
        .collect();
    let mut all = vec![("", "Every account")];
    all.extend(names.iter().map(|(id, name)| (id.as_str(), *name)));
    choices(&query.account, &all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_has_pages_and_any_number_finds_one() {
        for (rows, wanted, number, first, pages) in [
            (0, "", 1, 0, 1),
            (300, "2", 1, 0, 1),
            (301, "2", 2, 300, 2),
            (650, "3", 3, 600, 3),
            (650, "99999999999999999999", 1, 0, 3),
            (650, "-1", 1, 0, 3),
            (650, "0", 1, 0, 3),
            (650, "7", 3, 600, 3),
        ] {
            let (page, count) = Page::of(rows, wanted);
            assert_eq!(
                (page.number, page.first, count),
                (number, first, pages),
                "{rows} {wanted}"
            );
        }
    }
}
