//! The same app elsewhere: stacks with the same repository, and what their code differs by.

use super::frame::Frame;
use super::stack::StackInput;
use super::verdict::VerdictView;
use crate::domain::deployment::short_hash;
use crate::domain::{RedeployOptions, Repository, Stack, Verdict, Version};
use crate::web::urls::Urls;

/// Another stack of the same app.
#[derive(Debug)]
pub struct SiblingInput<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// What runs on it.
    pub version: Option<&'a Version>,
    /// The verdict on it.
    pub verdict: Verdict,
    /// Whether its environment counts as production.
    pub production: bool,
}

/// Another stack, seen from this one.
#[derive(Debug)]
pub(super) struct Sibling {
    pub(super) href: String,
    pub(super) name: String,
    pub(super) environment: String,
    pub(super) production: bool,
    pub(super) verdict: VerdictView,
    pub(super) hash: Option<String>,
    /// "Same code", "Differs", or nothing where it is not known.
    pub(super) compared: &'static str,
    pub(super) compare: Option<String>,
    /// Deploys to production what runs on the other one, through the confirm page.
    pub(super) promote: Option<Promote>,
}

/// Code that runs in one environment, offered to production.
#[derive(Debug)]
pub(super) struct Promote {
    pub(super) href: String,
    pub(super) label: String,
}

impl Sibling {
    pub(super) fn new(frame: &Frame, this: &StackInput<'_>, other: &SiblingInput<'_>) -> Self {
        let here = hash(this.version);
        let there = hash(other.version);
        let differ = here.is_some() && there.is_some() && here != there;
        let repository = this.stack.git.as_deref().and_then(Repository::parse);
        let compare = repository
            .zip(here.zip(there))
            .filter(|_| differ)
            .and_then(|(repository, (here, there))| repository.compare(short_hash(here), short_hash(there)));
        Self {
            href: frame.urls.stack(other.stack.uid),
            name: other.stack.name.clone(),
            environment: other.stack.environment.as_str().to_owned(),
            production: other.production,
            verdict: VerdictView::of(other.verdict),
            hash: there.map(short_hash).map(str::to_owned),
            compared: match (here, there) {
                (Some(_), Some(_)) if differ => "Differs",
                (Some(_), Some(_)) => "Same code",
                _ => "",
            },
            compare: compare.map(|link| link.as_str().to_owned()),
            promote: Promote::offer(frame, this, other, differ),
        }
    }
}

impl Promote {
    /// Between a production stack and one that is not, where both choose their code by commit.
    fn offer(frame: &Frame, this: &StackInput<'_>, other: &SiblingInput<'_>, differ: bool) -> Option<Self> {
        let (from, to) = match (this.production, other.production) {
            (true, false) => ((other.stack, other.version), this.stack),
            (false, true) => ((this.stack, this.version), other.stack),
            _ => return None,
        };
        differ
            .then(|| Self::of(&frame.urls, from.0, hash(from.1)?, to))
            .flatten()
    }

    /// The way from one stack's live commit to another stack; none where a commit cannot be chosen.
    pub(super) fn of(urls: &Urls, from: &Stack, commit: &str, to: &Stack) -> Option<Self> {
        if from.is_docker() || to.is_docker() {
            return None;
        }
        let options = RedeployOptions {
            git_ref: Some(commit.to_owned()),
            ..RedeployOptions::default()
        };
        Some(Self {
            href: urls.redeploy_with(to.uid, &options),
            label: format!("Promote {} to {}…", short_hash(commit), to.environment.as_str()),
        })
    }
}

fn hash(version: Option<&Version>) -> Option<&str> {
    version?.live.as_ref()?.git_hash.as_deref()
}
