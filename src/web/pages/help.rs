//! Help: the words of the pages, the keys, and where to turn.

use askama::Template;
use askama_web::WebTemplate;

use super::banner::CLOUD66_STATUS;
use super::frame::{Frame, Here};
use super::verdict::VerdictView;
use crate::domain::Verdict;

/// The help page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/help.html")]
pub struct HelpPage {
    f: Frame,
    verdicts: Vec<(VerdictView, &'static str)>,
    version: &'static str,
}

impl HelpPage {
    /// Builds the page.
    pub fn new(frame: Frame) -> Self {
        let meaning = [
            (Verdict::Healthy, "Deployed, and Cloud 66 finds nothing wrong."),
            (Verdict::Deploying, "A deploy is running."),
            (Verdict::Queued, "A deploy waits for the one before it."),
            (
                Verdict::Starting,
                "Cloud 66 accepted a redeploy and has not begun it yet.",
            ),
            (Verdict::Busy, "Cloud 66 is at work on it, as for a restart."),
            (Verdict::DeployCancelled, "The last deploy was stopped."),
            (
                Verdict::DeployFailed,
                "The last deploy failed. The code before it usually still runs.",
            ),
            (
                Verdict::HealthFailed,
                "Cloud 66 calls the stack broken, whatever the last deploy did.",
            ),
            (Verdict::Impaired, "Part of the stack is in trouble."),
            (Verdict::NotDeployed, "Made at Cloud 66, never deployed."),
        ];
        Self {
            verdicts: meaning
                .into_iter()
                .map(|(verdict, words)| (VerdictView::of(verdict), words))
                .collect(),
            version: env!("CARGO_PKG_VERSION"),
            f: frame.titled("Help", Here::Help),
        }
    }
}
