//! Searching, filtering and sorting the stack list. All of it stands in the page's URL.

use std::cmp::Ordering;

use serde::Deserialize;

use super::fleet::Fleet;
use super::stack::Stack;
use super::verdict::Verdict;

/// The longest search, in characters. A stack's name may be longer, but nobody types more of it than this to find it,
/// and the search stands in the page's address.
pub const LONGEST_SEARCH: usize = 200;

/// How many words of a search are looked for. Each word is compared with every text of every stack, so a search costs
/// words times stacks; four words tell 12,000 stacks apart.
pub const MOST_WORDS: usize = 10;

/// The stack list's query string: `q`, `state`, `env`, `account`, `sort`, `group`, `page`. Unknown values count as
/// absent, so that an old link still shows something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StackQuery {
    /// Plain words and `key:value` pairs: `checkout env:production branch:main state:failed`.
    pub q: String,
    /// One of the filter chips.
    pub state: String,
    /// An environment's exact name.
    pub env: String,
    /// An account's id.
    pub account: String,
    /// `attention` (default), `name`, `activity`, `environment`.
    pub sort: String,
    /// `app` or `account`; anything else is no grouping.
    pub group: String,
    /// A number from 1, where the list is longer than a page; anything else is the first.
    pub page: String,
    /// Whether what was asked for is longer than `q`: the page says so. No part of the address.
    #[serde(skip)]
    pub search_is_cut: bool,
}

/// The filter chips, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateFilter {
    /// No filter.
    All,
    /// Broken or in trouble.
    Attention,
    /// Something runs or waits to run.
    Progress,
    /// Visitors see the maintenance page.
    Maintenance,
    /// The environment counts as production.
    Production,
}

impl StateFilter {
    /// All of them, in the order of the chips.
    pub const ALL: [Self; 5] = [
        Self::All,
        Self::Attention,
        Self::Progress,
        Self::Maintenance,
        Self::Production,
    ];

    /// The word in the URL; empty for no filter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Attention => "attention",
            Self::Progress => "progress",
            Self::Maintenance => "maintenance",
            Self::Production => "production",
        }
    }

    /// The words on the chip.
    pub fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Attention => "Needs attention",
            Self::Progress => "In progress",
            Self::Maintenance => "Maintenance",
            Self::Production => "Production",
        }
    }

    /// Reads the word of the URL.
    pub fn parse(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|filter| filter.as_str() == word)
            .unwrap_or(Self::All)
    }

    /// Whether a stack is under this chip.
    pub fn holds(self, stack: &Stack, verdict: Verdict, is_production: bool) -> bool {
        match self {
            Self::All => true,
            Self::Attention => verdict.needs_attention(),
            Self::Progress => verdict.in_progress(),
            Self::Maintenance => stack.maintenance,
            Self::Production => is_production,
        }
    }
}

impl StackQuery {
    /// Sets the search, as much of it as is looked for: [`LONGEST_SEARCH`] characters and [`MOST_WORDS`] words.
    pub fn set_search(&mut self, text: &str) {
        let most = text.char_indices().nth(LONGEST_SEARCH).map(|(end, _)| end);
        let text_within = most.and_then(|end| text.get(..end)).unwrap_or(text);
        let words: Vec<&str> = text_within.split_whitespace().take(MOST_WORDS + 1).collect();
        self.search_is_cut = most.is_some() || words.len() > MOST_WORDS;
        self.q = match words.get(..MOST_WORDS) {
            Some(looked_for) if words.len() > MOST_WORDS => looked_for.join(" "),
            _ => text_within.to_owned(),
        };
    }

    /// The stacks of `fleet` that match, in the wanted order. `is_production` says which environments count as
    /// production. The order is total, so that the same data always gives the same page.
    pub fn select<'f>(&self, fleet: &'f Fleet, is_production: impl Fn(&Stack) -> bool) -> Vec<&'f Stack> {
        let words = Words::parse(&self.q);
        let filter = StateFilter::parse(&self.state);
        let mut found: Vec<Found<'_>> = fleet
            .stacks
            .iter()
            .map(|stack| (stack, fleet.verdict(stack)))
            .filter(|(stack, verdict)| {
                filter.holds(stack, *verdict, is_production(stack))
                    && (self.env.is_empty() || stack.environment.as_str() == self.env)
                    && (self.account.is_empty()
                        || stack
                            .account
                            .is_some_and(|account| account.to_string() == self.account))
                    && words.match_all(stack, *verdict)
            })
            .map(|(stack, verdict)| Found {
                stack,
                verdict,
                name: stack.name.to_lowercase(),
            })
            .collect();
        found.sort_by(|a, b| self.order(a, b));
        found.into_iter().map(|found| found.stack).collect()
    }

    /// Whether anything narrows the list, so that an empty one means "no match" and not "no stacks".
    pub fn narrows(&self) -> bool {
        !(self.q.trim().is_empty() && self.state.is_empty() && self.env.is_empty() && self.account.is_empty())
    }

    fn order(&self, one: &Found<'_>, other: &Found<'_>) -> Ordering {
        let (a, b) = (one.stack, other.stack);
        let by_name = || {
            one.name
                .cmp(&other.name)
                .then_with(|| a.environment.cmp(&b.environment))
                .then_with(|| a.uid.cmp(&b.uid))
        };
        match self.sort.as_str() {
            "name" => by_name(),
            "activity" => b.last_activity.cmp(&a.last_activity).then_with(by_name),
            "environment" => a.environment.cmp(&b.environment).then_with(by_name),
            _ => urgency(one.verdict)
                .cmp(&urgency(other.verdict))
                .then_with(by_name),
        }
    }
}

/// A stack that matches, with its name in lower case: made once, because sorting compares each name many times.
struct Found<'f> {
    stack: &'f Stack,
    verdict: Verdict,
    name: String,
}

/// Trouble first, then what is in progress, then the rest.
fn urgency(verdict: Verdict) -> u8 {
    match verdict {
        _ if verdict.needs_attention() => 0,
        _ if verdict.in_progress() => 1,
        _ => 2,
    }
}

/// A search, split into its words.
struct Words(Vec<Word>);

enum Word {
    Anywhere(String),
    Keyed(Key, String),
}

enum Key {
    Name,
    Environment,
    Branch,
    Repository,
    Cloud,
    Account,
    State,
}

impl Words {
    fn parse(q: &str) -> Self {
        let words = q.split_whitespace().take(MOST_WORDS).map(|word| {
            let word = word.to_lowercase();
            let keyed = word.split_once(':').and_then(|(key, value)| {
                let key = match key {
                    "name" => Key::Name,
                    "env" | "environment" => Key::Environment,
                    "branch" => Key::Branch,
                    "repo" | "git" => Key::Repository,
                    "cloud" => Key::Cloud,
                    "account" => Key::Account,
                    "state" | "status" => Key::State,
                    _ => return None,
                };
                Some(Word::Keyed(key, value.to_owned()))
            });
            keyed.unwrap_or(Word::Anywhere(word))
        });
        Self(words.collect())
    }

    fn match_all(&self, stack: &Stack, verdict: Verdict) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let texts = Texts::of(stack);
        self.0.iter().all(|word| word.matches(&texts, stack, verdict))
    }
}

/// What is searched of a stack, in lower case: made once for all words of a search.
struct Texts {
    name: String,
    environment: String,
    branch: String,
    repository: String,
    cloud: String,
    account: String,
}

impl Texts {
    fn of(stack: &Stack) -> Self {
        let lower = |text: &Option<String>| text.as_deref().unwrap_or_default().to_lowercase();
        Self {
            name: stack.name.to_lowercase(),
            environment: stack.environment.as_str().to_lowercase(),
            branch: lower(&stack.git_branch),
            repository: lower(&stack.git),
            cloud: lower(&stack.cloud),
            account: lower(&stack.account_name),
        }
    }
}

impl Word {
    fn matches(&self, texts: &Texts, stack: &Stack, verdict: Verdict) -> bool {
        match self {
            Self::Keyed(Key::Name, wanted) => texts.name.contains(wanted),
            Self::Keyed(Key::Environment, wanted) => texts.environment.contains(wanted),
            Self::Keyed(Key::Branch, wanted) => !texts.branch.is_empty() && texts.branch.contains(wanted),
            Self::Keyed(Key::Repository, wanted) => {
                !texts.repository.is_empty() && texts.repository.contains(wanted)
            }
            Self::Keyed(Key::Cloud, wanted) => !texts.cloud.is_empty() && texts.cloud.contains(wanted),
            Self::Keyed(Key::Account, wanted) => !texts.account.is_empty() && texts.account.contains(wanted),
            Self::Keyed(Key::State, wanted) => verdict.words().to_lowercase().contains(wanted),
            Self::Anywhere(wanted) => {
                texts.name.contains(wanted)
                    || texts.environment.contains(wanted)
                    || texts.branch.contains(wanted)
                    || texts.repository.contains(wanted)
                    || texts.account.contains(wanted)
                    || stack
                        .address
                        .as_ref()
                        .is_some_and(|address| address.host().to_lowercase().contains(wanted))
                    || stack.uid.to_string().starts_with(wanted)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::StackUid;
    use crate::domain::stack::{Environment, Health, Status, sample};

    fn fleet() -> Fleet {
        let row = |number: u128, name: &str, environment: &str, status: i64, health: i64| {
            sample(|stack| {
                stack.uid = StackUid::from(number);
                stack.name = name.into();
                stack.environment = Environment::new(environment);
                stack.status = Status::from_code(status);
                stack.health = Health::from_code(health);
            })
        };
        Fleet {
            stacks: vec![
                row(1, "web", "staging", 1, 3),
                row(2, "API", "production", 1, 3),
                row(3, "billing", "production", 2, 3),
                row(4, "search", "staging", 6, 3),
            ],
            ..Fleet::default()
        }
    }

    fn names(query: &StackQuery) -> Vec<String> {
        let fleet = fleet();
        let production = |stack: &Stack| stack.environment.as_str() == "production";
        query
            .select(&fleet, production)
            .iter()
            .map(|stack| stack.name.clone())
            .collect()
    }

    #[test]
    fn trouble_comes_first_then_progress_then_names() {
        assert_eq!(names(&StackQuery::default()), ["billing", "search", "API", "web"]);
        assert_eq!(
            names(&StackQuery {
                sort: "name".into(),
                ..StackQuery::default()
            }),
            ["API", "billing", "search", "web"]
        );
    }

    #[test]
    fn words_and_keys_narrow_the_list() {
        for (q, expected) in [
            ("env:production", vec!["billing", "API"]),
            ("ENV:Production api", vec!["API"]),
            ("state:failed", vec!["billing"]),
            ("branch:main state:deploying", vec!["search"]),
            ("nothing-like-it", vec![]),
            ("odd:key", vec![]),
            ("", vec!["billing", "search", "API", "web"]),
        ] {
            assert_eq!(
                names(&StackQuery {
                    q: q.into(),
                    ..StackQuery::default()
                }),
                expected,
                "{q}"
            );
        }
    }

    #[test]
    fn a_search_is_bounded_and_says_that_it_was_cut() {
        let mut query = StackQuery::default();
        query.set_search("  web  production ");
        assert_eq!(
            (query.q.as_str(), query.search_is_cut),
            ("  web  production ", false)
        );
        let words: Vec<String> = (0..MOST_WORDS).map(|number| format!("w{number}")).collect();
        query.set_search(&words.join(" "));
        assert!(!query.search_is_cut);
        query.set_search(&format!("{} nothing-like-it", words.join(" ")));
        assert_eq!((query.q, query.search_is_cut), (words.join(" "), true));

        let mut query = StackQuery::default();
        query.set_search(&"ä".repeat(LONGEST_SEARCH));
        assert!(!query.search_is_cut);
        query.set_search(&"ä".repeat(LONGEST_SEARCH + 1));
        assert_eq!(
            (query.q.chars().count(), query.search_is_cut),
            (LONGEST_SEARCH, true)
        );
    }

    /// A query that was made by other means than [`StackQuery::set_search`] costs no more.
    #[test]
    fn words_beyond_the_bound_are_not_looked_for() {
        let q = format!("{}nothing-like-it", "w ".repeat(MOST_WORDS));
        let query = StackQuery {
            q,
            ..StackQuery::default()
        };
        assert_eq!(names(&query), ["web"]);
    }

    #[test]
    fn chips_narrow_the_list() {
        for (state, expected) in [
            ("attention", vec!["billing"]),
            ("progress", vec!["search"]),
            ("production", vec!["billing", "API"]),
            ("maintenance", vec![]),
            ("no-such-chip", vec!["billing", "search", "API", "web"]),
        ] {
            assert_eq!(
                names(&StackQuery {
                    state: state.into(),
                    ..StackQuery::default()
                }),
                expected,
                "{state}"
            );
        }
    }
}
