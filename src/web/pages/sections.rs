//! The list in parts: by app or by account, and whether an app's stacks run the same code.

use super::frame::Html;
use super::siblings::Promote;
use crate::domain::deployment::short_hash;
use crate::domain::{Fleet, Repository, Stack, StackQuery};
use crate::web::urls::Urls;

/// A part of the list: everything, or one group of it.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) title: Option<String>,
    pub(super) note: Option<String>,
    pub(super) compare: Option<String>,
    /// Deploys to production what runs beside it, through the confirm page.
    pub(super) promote: Option<Promote>,
    pub(super) rows: Vec<Html>,
}

/// The list, whole or in groups; groups stand in the order of their first stack.
pub(super) fn sections(
    urls: &Urls,
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
            let rows = selected.iter().map(|stack| row(stack)).collect();
            return vec![Section {
                title: None,
                note: None,
                compare: None,
                promote: None,
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
                .then(|| Difference::among(urls, fleet, &members, is_production))
                .flatten();
            let (note, compare, promote) = difference.map_or((None, None, None), Difference::into_parts);
            Section {
                title: Some(title),
                note,
                compare,
                promote,
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
pub(super) struct Difference {
    words: String,
    compare: Option<String>,
    promote: Option<Promote>,
}

impl Difference {
    /// Compares a production stack with one that is not; none without both, or while a version is unknown.
    fn among(
        urls: &Urls,
        fleet: &Fleet,
        members: &[&Stack],
        is_production: impl Fn(&Stack) -> bool,
    ) -> Option<Self> {
        let live = |stack: &Stack| fleet.versions.get(&stack.uid)?.live.as_ref()?.git_hash.clone();
        let production = members.iter().find(|stack| is_production(stack))?;
        // Of several, staging: what runs there is what production gets next.
        let others = || members.iter().filter(|stack| !is_production(stack));
        let is_staging = |stack: &&&Stack| stack.environment.as_str().to_lowercase().starts_with("stag");
        let other = others().find(is_staging).or_else(|| others().next())?;
        let (there, here) = (live(production)?, live(other)?);
        let (one, two) = (production.environment.as_str(), other.environment.as_str());
        if there == here {
            let words = format!("{one} and {two} run the same code");
            return Some(Self {
                words,
                compare: None,
                promote: None,
            });
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
            promote: Promote::of(urls, other, &here, production),
        })
    }

    fn into_parts(self) -> (Option<String>, Option<String>, Option<Promote>) {
        (Some(self.words), self.compare, self.promote)
    }
}
