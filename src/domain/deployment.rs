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

    /// How long it took; none while it runs or where Cloud 66 gives no times.
    pub fn duration(&self) -> Option<Duration> {
        let took = self.finished_at? - self.started_at?;
        (!took.is_negative()).then_some(took)
    }
}

/// The first seven characters of a commit's hash.
pub fn short_hash(hash: &str) -> &str {
    hash.get(..7).unwrap_or(hash)
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
    fn clocks_that_disagree_give_no_duration() {
        assert_eq!(
            sample(|d| d.finished_at = d.started_at.map(|at| at - Duration::days(1))).duration(),
            None
        );
    }
}
