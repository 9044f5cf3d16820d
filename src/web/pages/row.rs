//! One stack in the list, and the three parts of it that change while the page is open.
//!
//! Invariants: a row is as high in every state as in every other; it holds nothing that differs per page load
//! (the operation id and the token stand once in `#page-op`), so it is rendered once per change and shown to
//! all pages of one person. Ages are true at `now`; with JavaScript they stay true, without it they are as
//! old as the rendering, so render a row again when it is a minute old.

use std::borrow::Cow;

use askama::Template;
use time::{Duration, OffsetDateTime};

use super::frame::Html;
use super::words::{self, When};
use crate::domain::deployment::short_hash;
use crate::domain::{
    Deployment, OperationId, Redeploy, RedeployState, Repository, ReturnTo, Stack, StackUid, Tone, Verdict,
    Version,
};
use crate::web::urls::{Access, Cloud66Pages, Urls};

/// What the person may do with a stack, as far as is known before Cloud 66 is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// The token may redeploy.
    Redeploy,
    /// The token may only see; the person can allow more.
    ScopeMissing,
    /// Cloud 66 has said that the person's role cannot deploy this stack.
    RoleMissing,
}

/// What stands in a row's action slot. It never becomes another action under the pointer: while something
/// runs, the same button is there and does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// A redeploy may be asked for.
    Redeploy {
        /// Whether the confirm page always comes first.
        ask: bool,
    },
    /// The sign-in did not ask for redeploys.
    AllowRedeploys,
    /// The person's role cannot.
    ViewOnly,
    /// Something runs.
    Busy {
        /// The words on the inert button: "Deploying".
        words: Cow<'static, str>,
    },
    /// The person asked, and Cloud 66 has not answered yet.
    Asked {
        /// The receipt to follow.
        receipt: OperationId,
    },
}

impl Slot {
    /// The slot for a stack. `ask` says that the confirm page comes first; `open` is the redeploy of the
    /// ledger that has not reached its end.
    pub fn of(rights: Rights, ask: bool, verdict: Verdict, open: Option<&Redeploy>) -> Self {
        match (rights, open.map(|redeploy| (redeploy.state, redeploy))) {
            (Rights::RoleMissing, _) => Self::ViewOnly,
            (Rights::ScopeMissing, _) => Self::AllowRedeploys,
            (_, Some((state, redeploy))) if state.is_unanswered() => Self::Asked { receipt: redeploy.id },
            (_, Some((RedeployState::Accepted, redeploy))) if redeploy.queued => Self::busy("Queued"),
            (_, Some((state, _))) if !state.is_end() => Self::busy("Deploying"),
            _ if verdict.in_progress() => Self::Busy {
                words: verdict.words(),
            },
            _ => Self::Redeploy { ask },
        }
    }

    fn busy(words: &'static str) -> Self {
        Self::Busy {
            words: Cow::Borrowed(words),
        }
    }
}

/// What a row is made from.
#[derive(Debug, Clone)]
pub struct RowInput<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// What is known of its code.
    pub version: Option<&'a Version>,
    /// The verdict on it (`Fleet::verdict`).
    pub verdict: Verdict,
    /// Whether its environment counts as production.
    pub production: bool,
    /// What may be done.
    pub slot: Slot,
    /// Whether the person keeps it at the top.
    pub pinned: bool,
    /// Whether rows name their account.
    pub show_account: bool,
    /// The moment that ages are counted from.
    pub now: OffsetDateTime,
}

/// A whole row.
#[derive(Debug, Template)]
#[template(path = "fragments/row.html")]
pub struct Row {
    uid: StackUid,
    href: String,
    name: String,
    environment: String,
    production: bool,
    pinned: bool,
    address: Option<(String, String)>,
    place: String,
    rank: u8,
    state: StatePart,
    version: VersionPart,
    action: ActionPart,
}

impl askama::filters::HtmlSafe for Row {}

impl Row {
    /// Builds the row.
    pub fn new(urls: &Urls, cloud66: &Cloud66Pages, input: &RowInput<'_>) -> Self {
        let stack = input.stack;
        let mut place: Vec<&str> = Vec::new();
        place.extend(stack.cloud.as_deref());
        if input.show_account {
            place.extend(stack.account_name.as_deref());
        }
        Self {
            uid: stack.uid,
            href: urls.stack(stack.uid),
            name: stack.name.clone(),
            environment: stack.environment.as_str().to_owned(),
            production: input.production,
            pinned: input.pinned,
            address: stack
                .address
                .as_ref()
                .map(|link| (link.as_str().to_owned(), link.host().to_owned())),
            place: place.join(" · "),
            rank: rank(input.verdict),
            state: StatePart::new(input),
            version: VersionPart::new(input),
            action: ActionPart::new(urls, cloud66, input),
        }
    }
}

/// The three parts of a row that change, addressed to the places where they stand. What the event stream
/// sends.
#[derive(Debug, Template)]
#[template(path = "fragments/row_parts.html")]
pub struct RowParts {
    uid: StackUid,
    state: StatePart,
    version: VersionPart,
    action: ActionPart,
}

impl askama::filters::HtmlSafe for RowParts {}

impl RowParts {
    /// Builds the parts.
    pub fn new(urls: &Urls, cloud66: &Cloud66Pages, input: &RowInput<'_>) -> Self {
        Self {
            uid: input.stack.uid,
            state: StatePart::new(input),
            version: VersionPart::new(input),
            action: ActionPart::new(urls, cloud66, input),
        }
    }

    /// Renders them.
    pub fn html(&self) -> Result<Html, askama::Error> {
        Html::of(self)
    }
}

/// `#state-<uid>`: the verdict and the reason or time.
#[derive(Debug, Template)]
#[template(path = "fragments/state.html")]
pub(super) struct StatePart {
    verdict: VerdictView,
    maintenance: bool,
    why: Why,
    rank: u8,
}

impl askama::filters::HtmlSafe for StatePart {}

impl StatePart {
    fn new(input: &RowInput<'_>) -> Self {
        Self {
            verdict: VerdictView::of(input.verdict),
            maintenance: input.stack.maintenance,
            why: Why::of(input.verdict, input.version, input.now),
            rank: rank(input.verdict),
        }
    }
}

/// A verdict's words, tone and outline.
#[derive(Debug, Clone, Template)]
#[template(path = "fragments/verdict.html")]
pub(super) struct VerdictView {
    pub(super) words: Cow<'static, str>,
    pub(super) tone: &'static str,
    pub(super) icon: &'static str,
}

impl askama::filters::HtmlSafe for VerdictView {}

impl VerdictView {
    pub(super) fn of(verdict: Verdict) -> Self {
        Self {
            words: verdict.words(),
            tone: tone(verdict.tone()),
            icon: icon(verdict.icon()),
        }
    }
}

/// A tone's class in the stylesheet.
pub(super) fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Bad => "bad",
        Tone::Warn => "warn",
        Tone::Busy => "busy",
        Tone::Ok => "ok",
        Tone::Idle => "idle",
    }
}

/// An outline's symbol in the page.
pub(super) fn icon(icon: crate::domain::Icon) -> &'static str {
    use crate::domain::Icon;
    match icon {
        Icon::Ring => "ring",
        Icon::Clock => "clock",
        Icon::Octagon => "octagon",
        Icon::Triangle => "triangle",
        Icon::Tick => "tick",
        Icon::Dash => "dash",
    }
}

/// Where a verdict stands in the default order: 0 trouble, 1 in progress, 2 the rest.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        _ if verdict.needs_attention() => 0,
        _ if verdict.in_progress() => 1,
        _ => 2,
    }
}

/// The line below a verdict.
#[derive(Debug, Clone, Template)]
#[template(path = "fragments/why.html")]
pub(super) enum Why {
    /// Words.
    Words(String),
    /// What runs although the last deploy failed.
    Still(String),
    /// A deploy under way.
    Progress(Progress),
}

impl askama::filters::HtmlSafe for Why {}

/// How far a deploy is, against what deploys of the stack usually take.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    since: When,
    usual: Option<Usual>,
}

#[derive(Debug, Clone)]
struct Usual {
    seconds: i64,
    passed: i64,
    started: String,
    words: String,
}

impl Why {
    pub(super) fn of(verdict: Verdict, version: Option<&Version>, now: OffsetDateTime) -> Self {
        let words = match verdict {
            Verdict::Deploying | Verdict::BuildingImage => {
                return Self::deploying(version, now);
            }
            Verdict::DeployFailed => {
                if let Some(hash) = version.and_then(|version| version.live.as_ref()?.short_hash()) {
                    return Self::Still(hash.to_owned());
                }
                "The last deploy did not end well"
            }
            Verdict::Queued => "Starts when Cloud 66 is free",
            Verdict::HealthFailed => "Cloud 66 reports it as broken",
            Verdict::CannotAnalyse => "Cloud 66 cannot read the code",
            Verdict::Impaired => "Part of it is in trouble",
            Verdict::Analysing => "Cloud 66 is reading the code",
            Verdict::Building => "First build",
            Verdict::NotDeployed => "No deploy so far",
            Verdict::Healthy => {
                let took = version.and_then(|version| version.live.as_ref()?.duration());
                return Self::Words(took.map_or_else(
                    || "Deployed".to_owned(),
                    |took| format!("Deployed in {}", words::long(took)),
                ));
            }
            Verdict::NoHealthData => "Deployed",
            Verdict::New(_) => "See Cloud 66 for its meaning",
        };
        Self::Words(words.to_owned())
    }

    fn deploying(version: Option<&Version>, now: OffsetDateTime) -> Self {
        let running = version.and_then(Version::running);
        let Some(started) = running.and_then(|deployment| deployment.started_at) else {
            return Self::Words("Started a moment ago".to_owned());
        };
        Self::Progress(Progress::new(
            started,
            version.and_then(|version| version.usual),
            now,
        ))
    }
}

impl Progress {
    pub(super) fn new(started: OffsetDateTime, usual: Option<Duration>, now: OffsetDateTime) -> Self {
        let passed = now - started;
        let usual = usual.filter(|usual| usual.is_positive()).map(|usual| Usual {
            seconds: usual.whole_seconds(),
            passed: passed.whole_seconds().clamp(0, usual.whole_seconds()),
            started: words::iso(started),
            words: against(passed, usual),
        });
        Self {
            since: When::lasting(started, now),
            usual,
        }
    }
}

/// "usually 7 min", or how much longer it takes by now. A minute's grace, because a median is not a promise.
fn against(passed: Duration, usual: Duration) -> String {
    let over = passed - usual;
    if over < Duration::MINUTE {
        format!("usually {}", words::short(usual))
    } else {
        format!("{} longer than usual", words::short(over))
    }
}

/// `#ver-<uid>`: what runs, since when, by whom.
#[derive(Debug, Template)]
#[template(path = "fragments/version.html")]
pub(super) struct VersionPart {
    branch: Option<String>,
    hash: Option<String>,
    commit: Option<String>,
    when: Option<When>,
    who: String,
    known: bool,
}

impl askama::filters::HtmlSafe for VersionPart {}

impl VersionPart {
    fn new(input: &RowInput<'_>) -> Self {
        let live = input.version.and_then(|version| version.live.as_ref());
        let at = live.and_then(|live| live.finished_at.or(live.started_at));
        Self {
            branch: live
                .and_then(|live| live.git_ref.clone())
                .or_else(|| input.stack.git_branch.clone())
                .map(|branch| {
                    if is_hash(&branch) {
                        short_hash(&branch).to_owned()
                    } else {
                        branch
                    }
                }),
            hash: live.and_then(Deployment::short_hash).map(str::to_owned),
            commit: live.and_then(|live| commit_link(input.stack, live)),
            when: at.map(|at| When::ago(at, input.now)),
            who: live.map(by).unwrap_or_default(),
            known: input.version.is_some(),
        }
    }
}

/// The page of a deployment's commit: Cloud 66's link, or one made from the repository's address.
pub(super) fn commit_link(stack: &Stack, deployment: &Deployment) -> Option<String> {
    if let Some(link) = &deployment.commit_url {
        return Some(link.as_str().to_owned());
    }
    let repository = Repository::parse(stack.git.as_deref()?)?;
    Some(
        repository
            .commit(deployment.git_hash.as_deref()?)?
            .as_str()
            .to_owned(),
    )
}

/// "ana@example.com · web".
pub(super) fn by(deployment: &Deployment) -> String {
    let parts = [
        deployment.triggered_by.as_deref(),
        deployment.triggered_via.as_deref(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Whether a ref is a commit's full hash, which nobody wants to read whole.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `#act-<uid>`: the slot of fixed width and the menu beside it.
#[derive(Debug, Template)]
#[template(path = "fragments/action.html")]
pub(super) struct ActionPart {
    uid: StackUid,
    /// "checkout, production": added to each button's name for those who do not see the row.
    who: String,
    slot: Slot,
    redeploy: String,
    stack: String,
    allow: String,
    receipt: Option<String>,
    compare: Option<String>,
    site: Option<String>,
    cloud66: String,
    may_act: bool,
}

impl askama::filters::HtmlSafe for ActionPart {}

impl ActionPart {
    fn new(urls: &Urls, cloud66: &Cloud66Pages, input: &RowInput<'_>) -> Self {
        let stack = input.stack;
        let uid = stack.uid;
        Self {
            uid,
            who: spoken(stack),
            slot: input.slot.clone(),
            redeploy: urls.redeploy(uid),
            stack: urls.stack(uid),
            allow: urls.sign_in_page(Access::Redeploy, ReturnTo::Stack(uid)),
            receipt: match input.slot {
                Slot::Asked { receipt } => Some(urls.receipt(receipt)),
                _ => None,
            },
            compare: compare_to_branch(stack, input.version),
            site: stack.address.as_ref().map(|link| link.as_str().to_owned()),
            cloud66: cloud66.stack(uid),
            may_act: !matches!(input.slot, Slot::AllowRedeploys | Slot::ViewOnly),
        }
    }
}

/// "checkout, production".
pub(super) fn spoken(stack: &Stack) -> String {
    let environment = stack.environment.as_str();
    if environment.is_empty() {
        stack.name.clone()
    } else {
        format!("{}, {environment}", stack.name)
    }
}

/// The page that shows what lies between the live commit and the branch.
pub(super) fn compare_to_branch(stack: &Stack, version: Option<&Version>) -> Option<String> {
    let live = version?.live.as_ref()?.git_hash.as_deref()?;
    let repository = Repository::parse(stack.git.as_deref()?)?;
    let link = repository.compare(short_hash(live), stack.git_branch.as_deref()?)?;
    Some(link.as_str().to_owned())
}
