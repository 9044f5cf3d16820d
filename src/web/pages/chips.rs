//! The filters above the list, with how many stacks are behind each, and what an open list is told of them.

use askama::Template;

use super::frame::{Frame, Html, PageIcon};
use crate::domain::query::StateFilter;
use crate::domain::{Fleet, Stack, StackQuery, Tone};
use crate::web::urls::Urls;

/// A filter above the list, with how many stacks are behind it.
#[derive(Debug)]
pub(super) struct Chip {
    pub(super) id: &'static str,
    pub(super) label: &'static str,
    pub(super) count: usize,
    pub(super) href: String,
    pub(super) current: bool,
    pub(super) tone: &'static str,
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
pub(super) fn chip_id(filter: StateFilter) -> &'static str {
    match filter {
        StateFilter::All => "all",
        named => named.as_str(),
    }
}

/// How many stacks are behind each chip.
pub(super) struct Counts {
    chips: [usize; StateFilter::ALL.len()],
    /// How many failed, are impaired, deploy.
    tones: [usize; TONES.len()],
}

/// The tones that the title counts, in its words.
const TONES: [(Tone, &str); 3] = [
    (Tone::Bad, "failed"),
    (Tone::Warn, "impaired"),
    (Tone::Busy, "deploying"),
];

impl Counts {
    pub(super) fn of(fleet: &Fleet, is_production: impl Fn(&Stack) -> bool) -> Self {
        let mut counts = Self {
            chips: [0; StateFilter::ALL.len()],
            tones: [0; TONES.len()],
        };
        for stack in &fleet.stacks {
            let verdict = fleet.verdict(stack);
            for (count, filter) in counts.chips.iter_mut().zip(StateFilter::ALL) {
                *count += usize::from(filter.holds(stack, verdict, is_production(stack)));
            }
            for (count, (tone, _)) in counts.tones.iter_mut().zip(TONES) {
                *count += usize::from(verdict.tone() == tone);
            }
        }
        counts
    }

    fn get(&self, wanted: StateFilter) -> usize {
        let found = StateFilter::ALL
            .iter()
            .zip(self.chips)
            .find(|(filter, _)| **filter == wanted);
        found.map_or(0, |(_, count)| count)
    }

    /// "Stacks (1 failed, 1 deploying)".
    pub(super) fn title(&self) -> String {
        let parts: Vec<String> = self
            .tones
            .iter()
            .zip(TONES)
            .filter(|(count, _)| **count > 0)
            .map(|(count, (_, words))| format!("{count} {words}"))
            .collect();
        if parts.is_empty() {
            "Stacks".to_owned()
        } else {
            format!("Stacks ({})", parts.join(", "))
        }
    }

    pub(super) fn icon(&self) -> PageIcon {
        if self.get(StateFilter::Attention) > 0 {
            PageIcon::Bad
        } else if self.get(StateFilter::Progress) > 0 {
            PageIcon::Busy
        } else {
            PageIcon::Plain
        }
    }
}

pub(super) fn chips(frame: &Frame, query: &StackQuery, counts: &Counts) -> Vec<Chip> {
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
