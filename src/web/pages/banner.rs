//! Banners: what has to be said above everything else.

use askama::Template;
use time::OffsetDateTime;

use super::words::When;
use crate::domain::ReturnTo;
use crate::web::urls::{Access, Urls};

/// What has to be said above everything else. One at a time: the worst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Banner {
    /// Cloud 66 has not answered for more than two minutes.
    Stale {
        /// When what the page shows was true.
        known_at: OffsetDateTime,
    },
    /// Cloud 66 does not answer.
    Down,
    /// This hour's requests are used up.
    Throttled {
        /// When they begin anew, where Cloud 66 says so.
        until: Option<OffsetDateTime>,
    },
    /// Less than a fifth of this hour's requests is left.
    Slow {
        /// When they begin anew.
        until: OffsetDateTime,
    },
    /// The half of this hour's requests that may go into watching is used up.
    Resting {
        /// When they begin anew.
        until: OffsetDateTime,
    },
    /// The session on this browser has ended.
    SessionOver {
        /// What to ask for again.
        access: Access,
        /// Where to come back to.
        return_to: ReturnTo,
    },
    /// Cloud 66 refuses the token.
    SignedOut {
        /// What to ask for again.
        access: Access,
        /// Where to come back to.
        return_to: ReturnTo,
    },
    /// Cloud 66 wants a paid plan.
    TrialOver,
}

/// Where Cloud 66 says how it is (fact sheet 1.1).
pub const CLOUD66_STATUS: &str = "https://status.cloud66.com/";

/// A banner, as it stands in the page and in the event stream.
#[derive(Debug, Template)]
#[template(path = "fragments/banner.html")]
pub struct BannerView {
    bad: bool,
    before: &'static str,
    at: Option<When>,
    after: &'static str,
    way: Option<(&'static str, String)>,
}

impl askama::filters::HtmlSafe for BannerView {}

impl BannerView {
    /// Puts a banner into words.
    pub fn new(urls: &Urls, banner: &Banner) -> Self {
        let plain = Self {
            bad: false,
            before: "",
            at: None,
            after: "",
            way: None,
        };
        match banner {
            Banner::Stale { known_at } => Self {
                before: "Showing what we knew at ",
                at: Some(When::clock(*known_at)),
                after: ". Cloud 66 has not answered since. We try again every 30 seconds.",
                way: Some(("Try now", String::new())),
                ..plain
            },
            Banner::Down => Self {
                before: "Cloud 66 is not answering. You can still try a redeploy; we will tell you if it was \
                         accepted.",
                way: Some(("Cloud 66 status ↗", CLOUD66_STATUS.to_owned())),
                ..plain
            },
            Banner::Throttled { until: Some(until) } => Self {
                before: "You have used this hour’s Cloud 66 requests. Updates continue at ",
                at: Some(When::clock(*until)),
                after: ". Redeploy may be refused until then.",
                ..plain
            },
            Banner::Throttled { until: None } => Self {
                before: "You have used this hour’s Cloud 66 requests. Updates continue within the hour. \
                         Redeploy may be refused until then.",
                ..plain
            },
            Banner::Slow { until } => Self {
                before: "Little is left of this hour’s Cloud 66 requests. Until ",
                at: Some(When::clock(*until)),
                after: " this page updates every 2 minutes at most. Redeploys go through.",
                ..plain
            },
            Banner::Resting { until } => Self {
                before: "Half of this hour’s Cloud 66 requests went into keeping pages up to date. Updates \
                         continue at ",
                at: Some(When::clock(*until)),
                after: ". Redeploys go through.",
                ..plain
            },
            Banner::SessionOver { access, return_to } => Self {
                bad: true,
                before: "You are signed out in this browser. Sign in again to continue.",
                way: Some(("Sign in again", urls.sign_in_page(*access, return_to))),
                ..plain
            },
            Banner::SignedOut { access, return_to } => Self {
                bad: true,
                before: "Cloud 66 signed you out. Sign in again to continue.",
                way: Some(("Sign in again", urls.sign_in_page(*access, return_to))),
                ..plain
            },
            Banner::TrialOver => Self {
                before: "Cloud 66 says the trial for this account has ended.",
                ..plain
            },
        }
    }
}
