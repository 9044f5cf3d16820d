//! What changed: the deployments of all stacks in the last hours, newest first. The first question of every
//! incident, on one page with one address.

use std::collections::BTreeSet;

use askama::Template;
use askama_web::WebTemplate;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::frame::{Frame, Here, Html, PageIcon};
use super::history::HistoryLine;
use super::receipt::took;
use super::receipt_words::sentence;
use super::words::{self, When};
use crate::domain::deployment::short_hash;
use crate::domain::{Deployment, Outcome, Redeploy, RedeployState, Repository, Stack};
use crate::web::urls::Urls;

const TITLE: &str = "What changed";

/// The page's query string. Unknown values count as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ActivityQuery {
    /// `1`, `4` or `24` (also where absent).
    pub hours: String,
    /// An environment's exact name.
    pub env: String,
    /// `failed`: only what failed.
    pub result: String,
}

impl ActivityQuery {
    /// How far back the page looks.
    pub fn span(&self) -> Duration {
        match self.hours.as_str() {
            "1" => Duration::hours(1),
            "4" => Duration::hours(4),
            _ => Duration::hours(24),
        }
    }

    fn holds(&self, change: &Change<'_>, now: OffsetDateTime) -> bool {
        let deployment = change.deployment;
        let at = deployment.last_at();
        let recent = deployment.is_running() || at.is_some_and(|at| now - at <= self.span());
        recent
            && (self.env.is_empty() || change.stack.environment.as_str() == self.env)
            && (self.result != "failed" || deployment.outcome == Outcome::Failed)
    }

    fn holds_asked(&self, redeploy: &Redeploy, now: OffsetDateTime) -> bool {
        let at = redeploy.finished_at.unwrap_or(redeploy.requested_at);
        (!redeploy.state.is_end() || now - at <= self.span())
            && (self.env.is_empty() || redeploy.environment == self.env)
            && (self.result != "failed" || redeploy.state == RedeployState::Failed)
    }
}

/// A deployment of a stack.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// Whether its environment counts as production.
    pub production: bool,
    /// The deployment.
    pub deployment: &'a Deployment,
    /// The commit that ran before it, where that is known.
    pub before: Option<&'a str>,
}

/// What the person asked for and Cloud 66 does not show among its deployments.
#[derive(Debug, Clone, Copy)]
pub struct AskedHere<'a> {
    /// The row of the ledger.
    pub redeploy: &'a Redeploy,
    /// Whether its environment counts as production.
    pub production: bool,
}

/// What the page is made from.
#[derive(Debug, Clone, Copy)]
pub struct ActivityInput<'a> {
    /// What is known; the page filters and sorts.
    pub changes: &'a [Change<'a>],
    /// What was asked for here besides, the newest first; it stands above them.
    pub asked: &'a [AskedHere<'a>],
    /// When it was known.
    pub known_at: OffsetDateTime,
    /// Whether every stack's deployments are known; where not, the page says so.
    pub complete: bool,
    /// Whether Cloud 66 is spoken to in the 2013 dialect, which tells nothing of deployments.
    pub old_api: bool,
}

/// What is sent to an open page when there are other deploys than it shows. They are not put in: lines would move
/// under the reader's eyes, and each page has filters of its own.
#[derive(Debug, Template)]
#[template(path = "fragments/activity_live.html")]
pub struct ActivityLive;

impl ActivityLive {
    /// The document's title and the icon's address alone, for a tab that is hidden.
    pub fn head(urls: &Urls) -> (String, String) {
        (
            format!("{TITLE} · Stackdeck"),
            urls.asset(PageIcon::Plain.asset()),
        )
    }

    /// Renders it.
    pub fn html() -> Result<Html, askama::Error> {
        Html::of(&Self)
    }
}

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/activity.html")]
pub struct ActivityPage {
    f: Frame,
    known: When,
    spans: Vec<Filter>,
    results: Vec<Filter>,
    environments: Vec<Filter>,
    lines: Vec<ChangeLine>,
    stacks: usize,
    complete: bool,
    old_api: bool,
}

#[derive(Debug)]
struct Filter {
    label: String,
    href: String,
    current: bool,
}

#[derive(Debug)]
struct ChangeLine {
    href: String,
    name: String,
    environment: String,
    production: bool,
    line: HistoryLine,
}

impl ActivityPage {
    /// Builds the page.
    pub fn new(frame: Frame, input: &ActivityInput<'_>, query: &ActivityQuery) -> Self {
        let ActivityInput {
            changes,
            asked,
            known_at,
            complete,
            old_api,
        } = *input;
        let mut shown: Vec<&Change<'_>> = changes
            .iter()
            .filter(|change| query.holds(change, frame.now))
            .collect();
        shown.sort_by_key(|change| {
            let deployment = change.deployment;
            let at = deployment.last_at();
            (
                std::cmp::Reverse(deployment.is_running()),
                std::cmp::Reverse(at),
                change.stack.uid,
            )
        });
        let events = frame.urls.events_activity();
        let asked: Vec<&AskedHere<'_>> = asked
            .iter()
            .filter(|asked| query.holds_asked(asked.redeploy, frame.now))
            .collect();
        let stacks: BTreeSet<_> = shown
            .iter()
            .map(|change| change.stack.uid)
            .chain(asked.iter().map(|asked| asked.redeploy.stack))
            .collect();
        Self {
            known: When::ago_in_full(known_at, frame.now),
            spans: spans(&frame, query),
            results: results(&frame, query),
            environments: environments(&frame, changes, query),
            lines: asked
                .into_iter()
                .map(|asked| ChangeLine::asked(&frame, asked))
                .chain(shown.into_iter().map(|change| ChangeLine::new(&frame, change)))
                .collect(),
            stacks: stacks.len(),
            complete,
            old_api,
            f: frame.titled(TITLE, Here::Activity).following(events),
        }
    }

    fn summary(&self) -> String {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        format!(
            "{} of {}",
            words::count(number(self.lines.len()), "deploy", "deploys"),
            words::count(number(self.stacks), "stack", "stacks")
        )
    }
}

impl ChangeLine {
    /// A line that leads to the receipt.
    fn asked(frame: &Frame, asked: &AskedHere<'_>) -> Self {
        let redeploy = asked.redeploy;
        let sentence = sentence(redeploy, false);
        Self {
            href: frame.urls.receipt(redeploy.id),
            name: redeploy.stack_name.clone(),
            environment: redeploy.environment.clone(),
            production: asked.production,
            line: HistoryLine {
                icon: sentence.icon,
                tone: sentence.tone,
                outcome: sentence.headline,
                hash: redeploy.git_hash.as_deref().map(short_hash).map(str::to_owned),
                commit: None,
                git_ref: None,
                when: Some(frame.ago(redeploy.finished_at.unwrap_or(redeploy.requested_at))),
                by: redeploy.asked_by_name.clone(),
                took: took(redeploy).map(words::long),
                live: false,
                reverted: false,
                again: None,
                changes: None,
            },
        }
    }

    fn new(frame: &Frame, change: &Change<'_>) -> Self {
        let stack = change.stack;
        let repository = stack.git.as_deref().and_then(Repository::parse);
        let pair = change.before.zip(change.deployment.git_hash.as_deref());
        let changes = repository
            .zip(pair)
            .filter(|(_, (before, after))| before != after)
            .and_then(|(repository, (before, after))| {
                repository.compare(short_hash(before), short_hash(after))
            });
        Self {
            href: frame.urls.stack(stack.uid),
            name: stack.name.clone(),
            environment: stack.environment.as_str().to_owned(),
            production: change.production,
            line: HistoryLine {
                changes: changes.map(|link| link.as_str().to_owned()),
                ..HistoryLine::of(frame, stack, change.deployment)
            },
        }
    }
}

fn spans(frame: &Frame, query: &ActivityQuery) -> Vec<Filter> {
    let all = [("1", "Last hour"), ("4", "Last 4 hours"), ("", "Last 24 hours")];
    all.into_iter()
        .map(|(hours, label)| Filter {
            label: label.to_owned(),
            href: frame.urls.activity_with(hours, &query.env, &query.result),
            current: ActivityQuery {
                hours: hours.to_owned(),
                ..query.clone()
            }
            .span()
                == query.span(),
        })
        .collect()
}

fn results(frame: &Frame, query: &ActivityQuery) -> Vec<Filter> {
    let failed = query.result == "failed";
    [("", "All", !failed), ("failed", "Failed only", failed)]
        .into_iter()
        .map(|(result, label, current)| Filter {
            label: label.to_owned(),
            href: frame.urls.activity_with(&query.hours, &query.env, result),
            current,
        })
        .collect()
}

/// A filter for each environment; none where there is only one.
fn environments(frame: &Frame, changes: &[Change<'_>], query: &ActivityQuery) -> Vec<Filter> {
    let names: BTreeSet<&str> = changes
        .iter()
        .map(|change| change.stack.environment.as_str())
        .filter(|name| !name.is_empty())
        .collect();
    if names.len() < 2 {
        return Vec::new();
    }
    let every = ("", "Every environment");
    std::iter::once(every)
        .chain(names.into_iter().map(|name| (name, name)))
        .map(|(env, label)| Filter {
            label: label.to_owned(),
            href: frame.urls.activity_with(&query.hours, env, &query.result),
            current: env == query.env,
        })
        .collect()
}
