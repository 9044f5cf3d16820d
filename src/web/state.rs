//! What every handler can reach.

use std::sync::Arc;

use super::events::Events;
use super::kept_rows::KeptRows;
use super::metrics::Counts;
use super::pace::Pace;
use super::urls::{Cloud66Pages, Urls};
use crate::app::App;
use crate::config::PublicUrl;

/// The redirect URI that stands for "show the code to the person" (fact sheet 2).
pub const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";

/// The verbs and the site's own facts; cheap to clone.
#[derive(Clone)]
pub struct WebState(Arc<Inner>);

struct Inner {
    app: App,
    site: Site,
    events: Events,
    pace: Pace,
    rows: KeptRows,
    counts: Counts,
}

/// Facts of this installation that pages need, all from the settings and none from a request.
#[derive(Debug, Clone)]
pub struct Site {
    /// The address that people open.
    pub public_url: PublicUrl,
    /// Every path of ours under it.
    pub urls: Urls,
    /// Whether this is the demo, which says so on each page.
    pub demo: bool,
    /// Whether the person pastes the authorization code (out of band) instead of being sent back with it.
    pub out_of_band: bool,
    /// Cloud 66's own pages, to link to.
    pub cloud66: Cloud66Pages,
    /// What browsers are told about https, if anything: the value of `Strict-Transport-Security`.
    pub hsts: Option<&'static str>,
    /// The longest life of a session, which is the cookie's too.
    pub session_lifetime: std::time::Duration,
}

impl Site {
    /// What has to be registered at Cloud 66 as the callback, to the letter.
    pub fn redirect_uri(&self) -> String {
        if self.out_of_band {
            OUT_OF_BAND.to_owned()
        } else {
            self.public_url.callback()
        }
    }
}

impl WebState {
    /// From the wiring.
    pub fn new(app: App, site: Site) -> Self {
        let counts = Counts::new(app.clock());
        Self(Arc::new(Inner {
            app,
            site,
            events: Events::default(),
            pace: Pace::default(),
            rows: KeptRows::default(),
            counts,
        }))
    }

    /// The verbs.
    pub fn app(&self) -> &App {
        &self.0.app
    }

    /// The site's facts.
    pub fn site(&self) -> &Site {
        &self.0.site
    }

    /// The open event streams.
    pub fn events(&self) -> &Events {
        &self.0.events
    }

    /// How fast addresses and people may go.
    pub fn pace(&self) -> &Pace {
        &self.0.pace
    }

    /// Rows as they were rendered last.
    pub fn rows(&self) -> &KeptRows {
        &self.0.rows
    }

    /// What the operator's metrics count.
    pub fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// Every path of ours.
    pub fn urls(&self) -> &Urls {
        &self.0.site.urls
    }
}
