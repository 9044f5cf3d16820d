//! The stack list.

use std::collections::{BTreeMap, HashSet};

use askama::Template;
use askama_web::WebTemplate;
use time::OffsetDateTime;

use super::frame::{Frame, Here, Html, PageIcon};
use super::words::{self, When};
use crate::domain::deployment::short_hash;
use crate::domain::query::StateFilter;
use crate::domain::{Fleet, Repository, Stack, StackQuery, StackUid};
use crate::web::urls::Urls;

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

/// A filter above the list, with how many stacks are behind it.
#[derive(Debug)]
struct Chip {
    id: &'static str,
    label: &'static str,
    count: usize,
    href: String,
    current: bool,
    tone: &'static str,
}

/// One option of a select.
#[derive(Debug)]
struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

/// A part of the list: everything, or one group of it.
#[derive(Debug)]
struct Section {
    title: Option<String>,
    note: Option<String>,
    compare: Option<String>,
    rows: Vec<Html>,
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
            sorts: sorts(query),
            groups: groups(query),
            environments: environments(fleet, query),
            accounts: accounts(fleet, query),
            sections: sections(fleet, query, &on_page, &is_production, &mut row),
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
        Self {
            f: frame.titled("Stacks", Here::Stacks),
            query: query.clone(),
            op: String::new(),
            known: None,
            chips: Vec::new(),
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

/// The list's title, icon and counts, for the event stream.
#[derive(Debug, Template)]
#[template(path = "fragments/list_live.html")]
pub struct ListLive {
    title: String,
    icon: String,
    counts: Vec<(&'static str, usize)>,
}

impl ListLive {
    /// Renders them.
    pub fn html(
        urls: &Urls,
        fleet: &Fleet,
        is_production: impl Fn(&Stack) -> bool,
    ) -> Result<Html, askama::Error> {
        let counts = Counts::of(fleet, is_production);
        Html::of(&Self {
            title: counts.title(),
            icon: urls.asset(counts.icon().asset()),
            counts: StateFilter::ALL
                .into_iter()
                .map(|filter| (chip_id(filter), counts.get(filter)))
                .collect(),
        })
    }

    /// The title and the icon's address alone, for a tab that is hidden.
    pub fn head(urls: &Urls, fleet: &Fleet, is_production: impl Fn(&Stack) -> bool) -> (String, String) {
        let counts = Counts::of(fleet, is_production);
        (
            format!("{} · Stackdeck", counts.title()),
            urls.asset(counts.icon().asset()),
        )
    }
}

/// Names a chip's count in the page.
fn chip_id(filter: StateFilter) -> &'static str {
    match filter {
        StateFilter::All => "all",
        named => named.as_str(),
    }
}

/// How many stacks are behind each chip.
struct Counts([usize; StateFilter::ALL.len()]);

impl Counts {
    fn of(fleet: &Fleet, is_production: impl Fn(&Stack) -> bool) -> Self {
        let mut counts = [0; StateFilter::ALL.len()];
        for stack in &fleet.stacks {
            let verdict = fleet.verdict(stack);
            for (count, filter) in counts.iter_mut().zip(StateFilter::ALL) {
                *count += usize::from(filter.holds(stack, verdict, is_production(stack)));
            }
        }
        Self(counts)
    }

    fn get(&self, wanted: StateFilter) -> usize {
        let found = StateFilter::ALL
            .iter()
            .zip(self.0)
            .find(|(filter, _)| **filter == wanted);
        found.map_or(0, |(_, count)| count)
    }

    /// "Stacks (1 failed, 1 deploying)".
    fn title(&self) -> String {
        let mut parts = Vec::new();
        for (filter, words) in [
            (StateFilter::Attention, "need attention"),
            (StateFilter::Progress, "in progress"),
        ] {
            match self.get(filter) {
                0 => {}
                1 if filter == StateFilter::Attention => parts.push("1 needs attention".to_owned()),
                count => parts.push(format!("{count} {words}")),
            }
        }
        if parts.is_empty() {
            "Stacks".to_owned()
        } else {
            format!("Stacks ({})", parts.join(", "))
        }
    }

    fn icon(&self) -> PageIcon {
        if self.get(StateFilter::Attention) > 0 {
            PageIcon::Bad
        } else if self.get(StateFilter::Progress) > 0 {
            PageIcon::Busy
        } else {
            PageIcon::Plain
        }
    }
}

fn chips(frame: &Frame, query: &StackQuery, counts: &Counts) -> Vec<Chip> {
    let current = StateFilter::parse(&query.state);
    StateFilter::ALL
        .into_iter()
        .map(|filter| Chip {
            id: chip_id(filter),
            label: filter.label(),
            count: counts.get(filter),
            href: frame.urls.stacks(&StackQuery {
                state: filter.as_str().to_owned(),
                page: String::new(),
                ..query.clone()
            }),
            current: filter == current,
            tone: match filter {
                StateFilter::Attention => "bad",
                StateFilter::Progress => "busy",
                _ => "",
            },
        })
        .filter(|chip| chip.count > 0 || chip.current || chip.label == StateFilter::All.label())
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

/// The list, whole or in groups; groups stand in the order of their first stack.
fn sections(
    fleet: &Fleet,
    query: &StackQuery,
    selected: &[&Stack],
    is_production: &impl Fn(&Stack) -> bool,
    row: &mut impl FnMut(&Stack) -> Html,
) -> Vec<Section> {
    let key: fn(&Stack) -> String = match query.group.as_str() {
        "app" => app_of,
        "account" => |stack| {
            stack
                .account_name
                .clone()
                .unwrap_or_else(|| "No account name".to_owned())
        },
        _ => {
            let rows = selected
                .iter()
                .take(ROWS_PER_PAGE)
                .map(|stack| row(stack))
                .collect();
            return vec![Section {
                title: None,
                note: None,
                compare: None,
                rows,
            }];
        }
    };
    let mut grouped: Vec<(String, Vec<&Stack>)> = Vec::new();
    for stack in selected {
        let name = key(stack);
        match grouped.iter_mut().find(|(known, _)| *known == name) {
            Some((_, members)) => members.push(stack),
            None => grouped.push((name, vec![stack])),
        }
    }
    grouped
        .into_iter()
        .map(|(title, members)| {
            let difference = (query.group == "app")
                .then(|| Difference::among(fleet, &members, is_production))
                .flatten();
            let (note, compare) = difference.map_or((None, None), Difference::into_parts);
            Section {
                title: Some(title),
                note,
                compare,
                rows: members.into_iter().map(&mut *row).collect(),
            }
        })
        .collect()
}

/// What ties stacks together as one app: their repository, or else their name.
pub(super) fn app_of(stack: &Stack) -> String {
    let git = stack.git.as_deref().unwrap_or_default();
    match Repository::parse(git) {
        Some(repository) => repository.path().to_owned(),
        None if git.is_empty() => stack.name.clone(),
        None => git.to_owned(),
    }
}

/// Whether two stacks of one app run different code.
struct Difference {
    words: String,
    compare: Option<String>,
}

impl Difference {
    /// Compares a production stack with one that is not; none without both, or while a version is unknown.
    fn among(fleet: &Fleet, members: &[&Stack], is_production: impl Fn(&Stack) -> bool) -> Option<Self> {
        let live = |stack: &Stack| fleet.versions.get(&stack.uid)?.live.as_ref()?.git_hash.clone();
        let production = members.iter().find(|stack| is_production(stack))?;
        let other = members.iter().find(|stack| !is_production(stack))?;
        let (there, here) = (live(production)?, live(other)?);
        let (one, two) = (production.environment.as_str(), other.environment.as_str());
        if there == here {
            let words = format!("{one} and {two} run the same code");
            return Some(Self { words, compare: None });
        }
        let repository = production.git.as_deref().and_then(Repository::parse);
        Some(Self {
            words: format!(
                "{one} {}, {two} {}: they differ",
                short_hash(&there),
                short_hash(&here)
            ),
            compare: repository
                .and_then(|repository| repository.compare(short_hash(&there), short_hash(&here)))
                .map(|link| link.as_str().to_owned()),
        })
    }

    fn into_parts(self) -> (Option<String>, Option<String>) {
        (Some(self.words), self.compare)
    }
}
