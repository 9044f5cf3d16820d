//! What an open page shows, and what of it is sent when something changed.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use time::OffsetDateTime;

use super::told;
use crate::app::watch::{Interest, Snapshot};
use crate::app::{Cloud66Error, SignedIn};
use crate::domain::{OperationId, Redeploy, ReturnTo, StackUid, Verdict, Version};
use crate::web::freshness::{self, Heard};
use crate::web::pages::activity::ActivityLive;
use crate::web::pages::banner::Banner;
use crate::web::pages::chips::ListLive;
use crate::web::pages::frame::{Frame, Html};
use crate::web::pages::live::{LiveBanner, LiveFreshness, LiveNote};
use crate::web::pages::receipt::{ReceiptInput, ReceiptLive};
use crate::web::pages::row::{RowGone, RowParts, Slot};
use crate::web::pages::stack::{StackInput, StackLive};
use crate::web::pages::trouble::Trouble;
use crate::web::problem::Problem;
use crate::web::stacks::{Rows, parameter, rights};
use crate::web::state::WebState;

/// The longest list that is sent as a whole; a page of a longer one is loaded anew.
const MOST_ROWS: usize = 300;

/// What a page shows: the stream's `view`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum View {
    /// The stacks.
    Stacks,
    /// The deployments of all stacks.
    Activity,
    /// One stack.
    Stack(StackUid),
    /// A receipt, and the stack that it is of.
    Receipt(OperationId, StackUid),
}

/// What is sent for a change.
pub(super) struct Rendered {
    pub(super) html: String,
    /// Redeploys whose end it tells.
    pub(super) told: Vec<OperationId>,
    /// Whether nothing more will come.
    pub(super) is_last: bool,
}

impl View {
    /// From the stream's address. What is not there, or somebody else's, is no view.
    pub(super) async fn read(state: &WebState, who: &SignedIn, query: &str) -> Result<Self, Problem> {
        let read = |name| parameter(query, name).unwrap_or_default();
        match read("view").as_str() {
            "stacks" => Ok(Self::Stacks),
            "activity" => Ok(Self::Activity),
            "stack" => read("uid")
                .parse()
                .map(Self::Stack)
                .map_err(|_| Problem::NOT_FOUND),
            "receipt" => {
                let id = read("id").parse().map_err(|_| Problem::NOT_FOUND)?;
                let redeploy = state.app().receipt(who, id).await;
                let redeploy = redeploy.map_err(|_| Problem::from(Trouble::NoReceipt))?;
                Ok(Self::Receipt(id, redeploy.stack))
            }
            _ => Err(Problem::NOT_FOUND),
        }
    }

    /// What has to be asked for it.
    pub(super) fn interest(self) -> Interest {
        match self {
            Self::Stacks | Self::Activity => Interest::List,
            Self::Stack(uid) | Self::Receipt(_, uid) => Interest::Stack(uid),
        }
    }

    /// Title and icon alone, for a tab that is hidden.
    pub(super) async fn head(self, state: &WebState, who: &SignedIn) -> Result<(String, String), Problem> {
        let app = state.app();
        let frame = frame(state);
        Ok(match self {
            Self::Stacks => {
                let snapshot = app.stacks(who).await;
                ListLive::head(state.urls(), &snapshot.fleet, |stack| {
                    app.policy().is_production(stack)
                })
            }
            Self::Activity => ActivityLive::head(state.urls()),
            Self::Stack(uid) => {
                let snapshot = app.stacks(who).await;
                let stack = snapshot.fleet.stack(uid).ok_or(Problem::NOT_FOUND)?;
                StackLive::head(&frame, stack, snapshot.fleet.verdict(stack))
            }
            Self::Receipt(id, _) => ReceiptLive::head(&frame, &app.receipt(who, id).await?),
        })
    }

    fn return_to(self) -> ReturnTo {
        match self {
            Self::Stacks => ReturnTo::Home,
            Self::Activity => ReturnTo::Activity,
            Self::Stack(uid) => ReturnTo::Stack(uid),
            Self::Receipt(id, _) => ReturnTo::Receipt(id),
        }
    }
}

/// How old a page is, and what stands above it.
#[derive(PartialEq, Eq)]
struct Freshness {
    known_at: Option<OffsetDateTime>,
    banner: Option<Banner>,
    warning: Option<String>,
}

/// Renders what changed since it was last asked.
pub(super) struct Renderer {
    state: WebState,
    who: SignedIn,
    view: View,
    revision: u64,
    freshness: Option<Freshness>,
    /// The row that the page shows, and whether it says that Cloud 66 cannot be heard.
    receipt: Option<(bool, Redeploy)>,
    deploys: Option<u64>,
}

impl Renderer {
    /// For a page that was true at this revision.
    pub(super) fn new(state: &WebState, who: &SignedIn, view: View, revision: u64) -> Self {
        Self {
            state: state.clone(),
            who: who.clone(),
            view,
            revision,
            freshness: None,
            receipt: None,
            deploys: None,
        }
    }

    /// The same for a page that was made from this snapshot.
    pub(super) fn knowing(mut self, snapshot: &Snapshot) -> Self {
        if self.view == View::Activity {
            self.deploys = Some(deploys(snapshot));
        }
        self
    }

    /// What changed up to this snapshot; none where nothing of this view did.
    pub(super) async fn changes(&mut self, snapshot: &Snapshot) -> Option<Rendered> {
        let changed = snapshot.changed_since(self.revision);
        self.render(snapshot, &changed, self.revision).await
    }

    /// All that can change, for a page of which it is not known what it shows; none where that is too much.
    pub(super) async fn everything(&mut self, snapshot: &Snapshot) -> Option<Rendered> {
        let all: Vec<StackUid> = snapshot.fleet.stacks.iter().map(|stack| stack.uid).collect();
        if self.view == View::Stacks && all.len() > MOST_ROWS {
            return None;
        }
        self.render(snapshot, &all, snapshot.revision).await
    }

    async fn render(
        &mut self,
        snapshot: &Snapshot,
        changed: &[StackUid],
        told_until: u64,
    ) -> Option<Rendered> {
        self.revision = snapshot.revision;
        let frame = frame(&self.state);
        let mut html = String::new();
        let mut is_last = false;
        let rendered = match self.view {
            View::Stacks => self.list(&frame, snapshot, changed, &mut html),
            View::Activity if changed.is_empty() => Ok(()),
            View::Activity => self.activity(snapshot, &mut html),
            View::Stack(uid) if changed.contains(&uid) => self.stack(&frame, snapshot, uid, &mut html),
            View::Stack(_) => Ok(()),
            View::Receipt(id, _) => match self.state.app().receipt(&self.who, id).await {
                Ok(redeploy) => {
                    is_last = !redeploy.is_followed();
                    let now = (self.silence(&frame, snapshot, &redeploy).is_some(), redeploy);
                    if self.receipt.as_ref() == Some(&now) {
                        Ok(())
                    } else {
                        let rendered = self.receipt(&frame, &now.1, now.0, &mut html);
                        self.receipt = Some(now);
                        rendered
                    }
                }
                Err(_) => Ok(()),
            },
        };
        let rendered = rendered.and_then(|()| self.freshness(&frame, snapshot, &mut html));
        let mut told = match rendered.and_then(|()| self.notes(snapshot, told_until, &mut html)) {
            Ok(told) => told,
            Err(error) => {
                tracing::error!(%error, "a change could not be rendered");
                return None;
            }
        };
        // The receipt itself says how it ended.
        told.extend(
            self.receipt
                .iter()
                .filter(|_| is_last)
                .map(|(_, redeploy)| redeploy.id),
        );
        (!html.is_empty()).then_some(Rendered { html, told, is_last })
    }

    fn list(
        &self,
        frame: &Frame,
        snapshot: &Snapshot,
        changed: &[StackUid],
        html: &mut String,
    ) -> Result<(), askama::Error> {
        if changed.is_empty() {
            return Ok(());
        }
        let (urls, policy) = (&frame.urls, self.state.app().policy());
        let pins = HashSet::new();
        let rows = Rows::new(&self.state, &self.who, snapshot, &pins, &snapshot.open, frame);
        for uid in changed {
            let part = match snapshot.fleet.stack(*uid) {
                Some(stack) => RowParts::new(urls, &frame.cloud66, &rows.input(stack)).html()?,
                None => RowGone::html(*uid)?,
            };
            html.push_str(part.as_str());
        }
        let list = ListLive::html(urls, &snapshot.fleet, |stack| policy.is_production(stack))?;
        html.push_str(list.as_str());
        Ok(())
    }

    fn activity(&mut self, snapshot: &Snapshot, html: &mut String) -> Result<(), askama::Error> {
        let now = Some(deploys(snapshot));
        if self.deploys != now {
            self.deploys = now;
            html.push_str(ActivityLive::html()?.as_str());
        }
        Ok(())
    }

    fn stack(
        &self,
        frame: &Frame,
        snapshot: &Snapshot,
        uid: StackUid,
        html: &mut String,
    ) -> Result<(), askama::Error> {
        let Some(stack) = snapshot.fleet.stack(uid) else {
            return Ok(());
        };
        let policy = self.state.app().policy();
        let version: Option<&Version> = snapshot.fleet.versions.get(&uid);
        let verdict: Verdict = snapshot.fleet.verdict(stack);
        let open = snapshot.open_on(uid);
        let ask = policy.asks_first(stack) || stack.maintenance;
        let input = StackInput {
            stack,
            history: snapshot.history(uid),
            history_known: snapshot.history_known(uid),
            version,
            verdict,
            production: policy.is_production(stack),
            slot: Slot::of(rights(&self.who, snapshot, uid, frame.now), ask, verdict, open),
            refused_at: snapshot.refused_at(uid, frame.now),
            open,
            pinned: false,
            siblings: Vec::new(),
            commands: &self.state.app().commands(),
            old_api: self.state.app().is_old_api(),
            known_at: frame.now,
        };
        html.push_str(StackLive::html(frame, &input)?.as_str());
        Ok(())
    }

    /// What stands above a receipt.
    fn silence(&self, frame: &Frame, snapshot: &Snapshot, redeploy: &Redeploy) -> Option<Banner> {
        let (row, return_to) = (std::iter::once(redeploy), self.view.return_to());
        freshness::of_redeploys(&self.state, &self.who, snapshot, row, frame.now, return_to)
    }

    fn receipt(
        &self,
        frame: &Frame,
        redeploy: &Redeploy,
        silent: bool,
        html: &mut String,
    ) -> Result<(), askama::Error> {
        let address = self
            .state
            .site()
            .public_url
            .join(&format!("/redeploys/{}", redeploy.id));
        let input = ReceiptInput {
            redeploy,
            production: self
                .state
                .app()
                .policy()
                .is_production_name(&redeploy.environment),
            old_api: self.state.app().is_old_api(),
            silent,
            known_at: freshness::heard_at(std::iter::once(redeploy)),
            address: &address,
        };
        html.push_str(ReceiptLive::html(frame, &input)?.as_str());
        Ok(())
    }

    /// How old the page is and what stands above it, where that changed.
    fn freshness(
        &mut self,
        frame: &Frame,
        snapshot: &Snapshot,
        html: &mut String,
    ) -> Result<(), askama::Error> {
        let return_to = self.view.return_to();
        let allowance = self.state.app().allowance(&self.who);
        let banner = |heard| freshness::banner(heard, snapshot, &allowance, frame.now, return_to);
        let (known_at, banner) = match self.view {
            View::Stacks | View::Activity => (snapshot.listed_at, banner(Heard::list(snapshot))),
            View::Stack(uid) => (snapshot.known_at(uid), banner(Heard::stack(snapshot, uid))),
            View::Receipt(..) => {
                let row = self.receipt.as_ref().map(|(_, redeploy)| redeploy);
                let banner = row.and_then(|row| self.silence(frame, snapshot, row));
                (freshness::heard_at(row.into_iter()), banner)
            }
        };
        // A page of stacks that were never listed shows none; a receipt may be older than the first answer.
        if known_at.is_none() && !matches!(self.view, View::Receipt(..)) {
            return Ok(());
        }
        let now = Freshness {
            known_at,
            banner,
            warning: snapshot.warning.clone(),
        };
        if self.freshness.as_ref() == Some(&now) {
            return Ok(());
        }
        let (banner, warning) = (now.banner.as_ref(), now.warning.as_deref());
        html.push_str(LiveFreshness::html(&frame.urls, known_at, frame.now, (banner, warning))?.as_str());
        self.freshness = Some(now);
        Ok(())
    }

    fn notes(
        &self,
        snapshot: &Snapshot,
        since: u64,
        html: &mut String,
    ) -> Result<Vec<OperationId>, askama::Error> {
        let mut ended = Vec::new();
        for step in snapshot.moves_since(since) {
            let Some(notice) = told::notice(step) else {
                continue;
            };
            write!(html, "{}", LiveNote::html(self.state.urls(), &notice)?).map_err(askama::Error::from)?;
            if step.redeploy.state.is_end() {
                ended.push(step.redeploy.id);
            }
        }
        Ok(ended)
    }
}

/// Stands for all deployments that are known and for how each of them stands, and for what was asked for here.
fn deploys(snapshot: &Snapshot) -> u64 {
    let mut hasher = DefaultHasher::new();
    for redeploy in &snapshot.open {
        redeploy.id.hash(&mut hasher);
    }
    for change in snapshot.changes() {
        (change.deployment.id, &change.deployment.outcome).hash(&mut hasher);
    }
    hasher.finish()
}

/// The last word to a page whose token Cloud 66 refuses.
pub(super) fn signed_out_by_cloud66(state: &WebState, snapshot: &Snapshot, view: View) -> Option<Html> {
    let (problem, _) = snapshot.problem.as_ref()?;
    (*problem == Cloud66Error::SignedOut).then(|| banner(state, &freshness::signed_out(view.return_to())))
}

/// A banner for an open page.
pub(super) fn banner(state: &WebState, banner: &Banner) -> Html {
    LiveBanner::html(state.urls(), banner).unwrap_or_default()
}

/// What pieces of pages are made in; nothing of the person is in it.
fn frame(state: &WebState) -> Frame {
    let site = state.site();
    Frame::new(site.urls.clone(), site.cloud66.clone(), state.app().clock().now())
}
