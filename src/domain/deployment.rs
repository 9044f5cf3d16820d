//! A deployment: one run of code onto a stack's servers.

use time::{Duration, OffsetDateTime};

use super::ids::DeploymentId;
use super::link::WebLink;

/// A deployment as Cloud 66 recorded it (fact sheet 4.3). Texts are as they came.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Cloud 66's number for it.
    pub id: DeploymentId,
    /// How it ended, or that it has not.
    pub outcome: Outcome,
    /// An e-mail address, or the word `system`.
    pub triggered_by: Option<String>,
    /// `web`, `api`, `hook`, in lower case.
    pub triggered_via: Option<String>,
    /// `build`, `redeploy`, `revert`, …, in lower case.
    pub kind: Option<String>,
    /// When it began.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended; none while it runs.
    pub finished_at: Option<OffsetDateTime>,
    /// The commit that ran; none on image-only stacks.
    pub git_hash: Option<String>,
    /// The branch or tag.
    pub git_ref: Option<String>,
    /// The newest one.
    pub is_head: bool,
    /// The one whose code is on the servers now.
    pub is_live: bool,
    /// Whether a person undid it.
    pub reverted: bool,
    /// Where the commit can be looked at.
    pub commit_url: Option<WebLink>,
}

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It has not ended.
    Pending,
    /// The code is on the servers.
    Success,
    /// The code is not.
    Failed,
    /// Somebody stopped it. No document lists this outcome; the words seen elsewhere are understood.
    Cancelled,
    /// A word that this app does not know.
    Other(String),
}

impl Deployment {
    /// When it ended, or began where it has not ended.
    pub fn last_at(&self) -> Option<OffsetDateTime> {
        self.finished_at.or(self.started_at)
    }

    /// The first seven characters of the commit, the way people read them out.
    pub fn short_hash(&self) -> Option<&str> {
        self.git_hash.as_deref().map(short_hash)
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        self.outcome == Outcome::Pending && self.finished_at.is_none()
    }

    /// Whether this is a full or short hash of its commit, so that it says nothing more than the commit does.
    pub fn is_of_its_commit(&self, git_ref: &str) -> bool {
        git_ref.len() >= SHORT_HASH
            && self
                .git_hash
                .as_deref()
                .and_then(|hash| hash.get(..git_ref.len()))
                .is_some_and(|start| start.eq_ignore_ascii_case(git_ref))
    }

    /// The branch or tag, where it was not asked for by its commit.
    pub fn named_ref(&self) -> Option<&str> {
        self.git_ref
            .as_deref()
            .filter(|git_ref| !self.is_of_its_commit(git_ref))
    }

    /// Calls it cancelled where Cloud 66 lists it as failed: no document lists an outcome for what was stopped
    /// (fact sheet 6.5). Answers whether that changed it.
    pub fn call_cancelled(&mut self) -> bool {
        let failed = self.outcome == Outcome::Failed;
        if failed {
            self.outcome = Outcome::Cancelled;
        }
        failed
    }

    /// How long it took; none while it runs or where Cloud 66 gives no times.
    pub fn duration(&self) -> Option<Duration> {
        let took = self.finished_at? - self.started_at?;
        (!took.is_negative()).then_some(took)
    }
}

/// As many characters of a hash as people read out.
const SHORT_HASH: usize = 7;

/// The first seven characters of a commit's hash.
pub fn short_hash(hash: &str) -> &str {
    hash.get(..SHORT_HASH).unwrap_or(hash)
}

/// What a stack's deployments usually take: the median of the last five that ended well, newest first in
/// `history`. None without any.
pub fn usual_duration(history: &[Deployment]) -> Option<Duration> {
    let mut took: Vec<Duration> = history
        .iter()
        .filter(|deployment| deployment.outcome == Outcome::Success)
        .filter_map(Deployment::duration)
        .take(5)
        .collect();
    took.sort_unstable();
    took.get(took.len() / 2).copied()
}

#[cfg(test)]
pub(crate) fn sample(change: impl FnOnce(&mut Deployment)) -> Deployment {
    let mut deployment = Deployment {
        id: DeploymentId(5120),
        outcome: Outcome::Success,
        triggered_by: Some("ana@harbour.example".into()),
        triggered_via: Some("web".into()),
        kind: Some("redeploy".into()),
        started_at: Some(OffsetDateTime::UNIX_EPOCH),
        finished_at: Some(OffsetDateTime::UNIX_EPOCH + Duration::minutes(7)),
        git_hash: Some("9c1185a5c5e9fc54612808977ee8f548b2258d31".into()),
        git_ref: Some("main".into()),
        is_head: true,
        is_live: true,
        reverted: false,
        commit_url: None,
    };
    change(&mut deployment);
    deployment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_duration_is_the_median_of_the_last_five_successes() {
        let history: Vec<Deployment> = [90, 7, 99, 5, 6, 8, 1000]
            .into_iter()
            .enumerate()
            .map(|(n, minutes)| {
                sample(|d| {
                    d.finished_at = d.started_at.map(|at| at + Duration::minutes(minutes));
                    if n == 0 {
                        d.outcome = Outcome::Failed;
                    }
                })
            })
            .collect();
        assert_eq!(usual_duration(&history), Some(Duration::minutes(7)));
        assert_eq!(usual_duration(&history[..1]), None);
    }

    #[test]
    fn a_ref_that_is_the_commit_is_no_name() {
        for (git_ref, named) in [
            ("main", Some("main")),
            ("9c1185a", None),
            ("9C1185A5C5E9", None),
            ("9c1185a5c5e9fc54612808977ee8f548b2258d31", None),
            ("9c1185b", Some("9c1185b")),
            ("9c1", Some("9c1")),
        ] {
            let deployment = sample(|d| d.git_ref = Some(git_ref.to_owned()));
            assert_eq!(deployment.named_ref(), named, "{git_ref}");
        }
    }

    #[test]
    fn clocks_that_disagree_give_no_duration() {
        assert_eq!(
            sample(|d| d.finished_at = d.started_at.map(|at| at - Duration::days(1))).duration(),
            None
        );
    }
}
