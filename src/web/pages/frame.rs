//! What every page shares: who looks at it, its title, its theme, its banner and its notes.

use std::fmt;
use std::sync::Arc;

use askama::Template;
use time::OffsetDateTime;

pub use super::banner::Banner;
use super::banner::BannerView;
use super::notes::Note;
use super::words::When;
use crate::domain::Person;
use crate::web::assets::{self, Asset};
use crate::web::urls::{Cloud66Pages, Urls};

/// What a handler knows of the request before it knows the page. Each page's constructor takes one and sets
/// what is the page's own: title, place in the navigation, event stream, icon.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Builds every address of ours.
    pub urls: Urls,
    /// Builds the addresses of Cloud 66's own pages.
    pub cloud66: Cloud66Pages,
    /// Who is signed in; nobody on public pages.
    pub person: Option<Person>,
    /// The token that each form carries.
    pub csrf: String,
    /// Light, dark, or as the system has it.
    pub theme: Theme,
    /// Whether the person wants pages to update themselves.
    pub live: bool,
    /// Whether the person wants single-key shortcuts.
    pub keys: bool,
    /// Whether this is the demo.
    pub demo: bool,
    /// What has to be said above everything else.
    pub banner: Option<Banner>,
    /// What Cloud 66 wants the person to know, in its words: text, never markup.
    pub warning: Option<String>,
    /// What is said once, about what was just done.
    pub notes: Vec<Note>,
    /// The request's id, on pages that report trouble.
    pub request_id: Option<String>,
    /// The moment that ages are counted from.
    pub now: OffsetDateTime,
    /// The document's title, without the app's name. Set by the page.
    pub title: String,
    /// The page's place in the navigation. Set by the page.
    pub here: Here,
    /// The page's event stream. Set by the page; none where nothing moves.
    pub events: Option<String>,
    /// The event after which that stream goes on from here; empty where nothing moves.
    pub since: String,
    /// The icon in the browser's tab. Set by the page.
    pub icon: PageIcon,
}

impl Frame {
    /// For somebody who is not signed in; everything else has its plainest value.
    pub fn new(urls: Urls, cloud66: Cloud66Pages, now: OffsetDateTime) -> Self {
        Self {
            urls,
            cloud66,
            person: None,
            csrf: String::new(),
            theme: Theme::System,
            live: true,
            keys: true,
            demo: false,
            banner: None,
            warning: None,
            notes: Vec::new(),
            request_id: None,
            now,
            title: String::new(),
            here: Here::Elsewhere,
            events: None,
            since: String::new(),
            icon: PageIcon::Plain,
        }
    }

    /// Names the page.
    pub(super) fn titled(mut self, title: impl Into<String>, here: Here) -> Self {
        self.title = super::words::straight(&title.into());
        self.here = here;
        self
    }

    /// Gives the page its event stream, unless the person has paused live updates.
    pub(super) fn following(mut self, events: String) -> Self {
        self.events = self.live.then_some(events);
        self
    }

    /// Whether the page stands at this place of the navigation.
    pub(super) fn at(&self, place: &str) -> bool {
        self.here.as_str() == place
    }

    /// For the `color-scheme` of the first paint.
    pub(super) fn color_scheme(&self) -> &'static str {
        match self.theme {
            Theme::System => "light dark",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// The page's moment, from which the script learns how far the browser's clock is off.
    pub(super) fn now_iso(&self) -> String {
        super::words::iso(self.now)
    }

    pub(super) fn stylesheet(&self) -> String {
        self.urls.asset(&assets::APP_CSS)
    }

    pub(super) fn icon_href(&self) -> String {
        self.urls.asset(self.icon.asset())
    }

    pub(super) fn touch_icon(&self) -> String {
        self.urls.asset(&assets::ICON_TOUCH)
    }

    pub(super) fn manifest(&self) -> String {
        self.urls.asset(&assets::MANIFEST)
    }

    /// The scripts: those by others only where somebody is signed in, ours everywhere.
    pub(super) fn scripts(&self) -> Vec<(String, &'static str)> {
        let vendor = self.person.is_some().then_some(&assets::VENDOR_JS);
        let all = vendor.into_iter().chain([&assets::APP_JS]);
        all.map(|script| (self.urls.asset(script), script.integrity))
            .collect()
    }

    /// How long ago, from the page's moment.
    pub(super) fn ago(&self, at: OffsetDateTime) -> When {
        When::ago(at, self.now)
    }

    /// The name's first character, for the round button.
    pub(super) fn initial(&self) -> String {
        let name = self.person.as_ref().map_or("", |person| person.name.trim());
        name.chars()
            .next()
            .map(|first| first.to_uppercase().to_string())
            .unwrap_or_default()
    }
}

/// The theme that a person chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them, in the order of the settings page.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The word in the form and in the cookie.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads the word; every other word is the system's theme.
    pub fn parse(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|theme| theme.as_str() == word)
            .unwrap_or_default()
    }

    /// The words on the settings page.
    pub fn label(self) -> &'static str {
        match self {
            Self::System => "Same as the system",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

/// The page's place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// The stacks and everything below them.
    Stacks,
    /// What changed.
    Activity,
    /// The receipts.
    Redeploys,
    /// Settings.
    Settings,
    /// Help.
    Help,
    /// None of these.
    Elsewhere,
}

impl Here {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stacks => "stacks",
            Self::Activity => "activity",
            Self::Redeploys => "redeploys",
            Self::Settings => "settings",
            Self::Help => "help",
            Self::Elsewhere => "",
        }
    }
}

/// The icon in the browser's tab: four outlines, not only four colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageIcon {
    /// The name mark.
    Plain,
    /// An open ring: something runs.
    Busy,
    /// A tick: it ended well.
    Ok,
    /// An octagon with a cross: something failed.
    Bad,
}

impl PageIcon {
    /// The file.
    pub fn asset(self) -> &'static Asset {
        match self {
            Self::Plain => &assets::ICON,
            Self::Busy => &assets::ICON_BUSY,
            Self::Ok => &assets::ICON_OK,
            Self::Bad => &assets::ICON_BAD,
        }
    }
}

impl Frame {
    pub(super) fn banner_view(&self) -> Option<BannerView> {
        Some(BannerView::new(&self.urls, self.banner.as_ref()?))
    }
}

/// Markup that one of our own templates made; the only text that stands in a page unescaped. Cheap to clone,
/// so a row is rendered once and shown to many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Html(Arc<str>);

impl Html {
    /// Renders a template.
    pub fn of(template: &impl Template) -> Result<Self, askama::Error> {
        Ok(Self(template.render()?.into()))
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::FastWritable for Html {
    fn write_into(&self, dest: &mut dyn fmt::Write, _: &dyn askama::Values) -> askama::Result<()> {
        Ok(dest.write_str(&self.0)?)
    }
}

impl askama::filters::HtmlSafe for Html {}
