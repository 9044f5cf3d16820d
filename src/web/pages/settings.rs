//! A person's settings: look, live updates, keys, sessions, this hour's requests.

use askama::Template;
use askama_web::WebTemplate;
use time::OffsetDateTime;

use super::frame::{Frame, Here, Theme};
use super::words::When;

/// One of the person's sessions.
#[derive(Debug, Clone)]
pub struct SessionLine {
    /// Its short public handle.
    pub handle: String,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When it was last used.
    pub last_seen_at: OffsetDateTime,
    /// Whether it is the one that looks at this page.
    pub current: bool,
}

/// This hour's requests to Cloud 66.
#[derive(Debug, Clone, Copy)]
pub struct Requests {
    /// How many there may be.
    pub limit: u32,
    /// How many there were.
    pub used: u32,
    /// When they begin anew.
    pub resets_at: Option<OffsetDateTime>,
}

/// The settings page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/settings.html")]
pub struct SettingsPage {
    f: Frame,
    scopes: String,
    sessions: Vec<SessionView>,
    requests: Option<RequestsView>,
}

#[derive(Debug)]
struct SessionView {
    end: String,
    created: When,
    seen: When,
    current: bool,
}

#[derive(Debug)]
struct RequestsView {
    used: u32,
    left: u32,
    limit: u32,
    resets: Option<When>,
}

impl SettingsPage {
    /// Builds the page. `scopes` is what Cloud 66 granted; `requests` is none before the first one.
    pub fn new(frame: Frame, scopes: &str, sessions: &[SessionLine], requests: Option<Requests>) -> Self {
        Self {
            scopes: scopes.to_owned(),
            sessions: sessions
                .iter()
                .map(|session| SessionView {
                    end: frame.urls.end_session(&session.handle),
                    created: frame.ago(session.created_at),
                    seen: frame.ago(session.last_seen_at),
                    current: session.current,
                })
                .collect(),
            requests: requests.map(|requests| RequestsView {
                used: requests.used,
                left: requests.limit.saturating_sub(requests.used),
                limit: requests.limit,
                resets: requests.resets_at.map(When::clock),
            }),
            f: frame.titled("Settings", Here::Settings),
        }
    }
}
