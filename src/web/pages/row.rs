//! One stack in the list, and the three parts of it that change while the page is open.
//!
//! Invariants: a row is as high in every state as in every other; it holds nothing that differs per page load
//! (the operation id and the token stand once in `#page-op`), so it can be kept and shown to all pages of one
//! person until it changes or one of its ages has other words.

use std::borrow::Cow;

use askama::Template;
use time::OffsetDateTime;

use super::commit::{compare_to_branch, is_hash, short_commit_link, spoken};
use super::frame::Html;
use super::verdict::{VerdictView, Why};
use super::words::{self, When};
use crate::domain::deployment::short_hash;
use crate::domain::{
    Command, Deployment, OperationId, Redeploy, RedeployState, ReturnTo, Stack, StackUid, Verdict, Version,
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
            (_, Some((state, redeploy))) if !state.is_end() && redeploy.command != Command::Redeploy => {
                Self::busy("Busy")
            }
            (_, Some((RedeployState::Accepted, _))) if !verdict.in_progress() => Self::busy("Starting…"),
            _ if verdict.in_progress() => Self::Busy {
                words: verdict.words(),
            },
            (_, Some((state, _))) if !state.is_end() => Self::busy("Deploying"),
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

impl RowInput<'_> {
    /// Until when a row that is made from this says what is true: then one of its ages has other words. None where
    /// it has no age.
    pub fn true_until(&self) -> Option<OffsetDateTime> {
        if self.verdict.in_progress() {
            return Some(self.now);
        }
        let at = self.live().and_then(Deployment::last_at)?;
        Some(words::next(at, self.now))
    }

    fn live(&self) -> Option<&Deployment> {
        self.version.and_then(|version| version.live.as_ref())
    }
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
            place.extend(stack.account_name.as_deref().map(without_address));
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

/// The row of a stack that is not there any more. It stays where it is until the list is loaded anew.
#[derive(Debug, Template)]
#[template(path = "fragments/row_gone.html")]
pub struct RowGone {
    uid: StackUid,
}

impl RowGone {
    /// Renders it.
    pub fn html(uid: StackUid) -> Result<Html, askama::Error> {
        Html::of(&Self { uid })
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

/// Where a verdict stands in the default order: 0 trouble, 1 in progress, 2 the rest.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        _ if verdict.needs_attention() => 0,
        _ if verdict.in_progress() => 1,
        _ => 2,
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
    who: Option<String>,
    via: Option<String>,
    known: bool,
}

impl askama::filters::HtmlSafe for VersionPart {}

impl VersionPart {
    fn new(input: &RowInput<'_>) -> Self {
        let live = input.live();
        let at = live.and_then(Deployment::last_at);
        Self {
            branch: branch(input.stack, live),
            hash: live.and_then(Deployment::short_hash).map(str::to_owned),
            commit: live.and_then(|live| short_commit_link(input.stack, live)),
            when: at.map(|at| When::ago(at, input.now)),
            who: live.and_then(|live| live.triggered_by.clone()),
            via: live.and_then(|live| live.triggered_via.clone()),
            known: input.version.is_some(),
        }
    }
}

/// The name of what runs: its branch or tag, the stack's branch where Cloud 66 names none, and nothing where it was
/// deployed by its commit, which stands beside it.
fn branch(stack: &Stack, live: Option<&Deployment>) -> Option<String> {
    let named = match live.and_then(|live| Some((live, live.git_ref.as_deref()?))) {
        Some((live, _)) => live.named_ref(),
        None => stack.git_branch.as_deref(),
    }?;
    Some(if is_hash(named) { short_hash(named) } else { named }.to_owned())
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
            allow: urls.sign_in_page(Access::Redeploy, &ReturnTo::Stack(uid)),
            receipt: match input.slot {
                Slot::Asked { receipt } => Some(urls.receipt(receipt)),
                _ => None,
            },
            compare: compare_to_branch(stack, input.version),
            cloud66: cloud66.stack(uid),
            may_act: !matches!(input.slot, Slot::AllowRedeploys | Slot::ViewOnly),
        }
    }
}

/// An account's name without its owner's address: Cloud 66 writes "Name (e-mail)" (fact sheet 4.1).
fn without_address(account: &str) -> &str {
    let parts = account.rsplit_once(" (");
    parts
        .filter(|(name, address)| !name.is_empty() && address.contains('@'))
        .map_or(account, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_offers_nothing_that_cannot_be_done() {
        let slot = |rights, verdict| Slot::of(rights, false, verdict, None);
        assert_eq!(
            slot(Rights::Redeploy, Verdict::Healthy),
            Slot::Redeploy { ask: false }
        );
        assert_eq!(
            slot(Rights::Redeploy, Verdict::DeployFailed),
            Slot::Redeploy { ask: false },
            "a failed stack can always be redeployed"
        );
        assert_eq!(
            slot(Rights::Redeploy, Verdict::Deploying),
            Slot::busy("Deploying")
        );
        assert_eq!(
            slot(Rights::ScopeMissing, Verdict::Deploying),
            Slot::AllowRedeploys
        );
        assert_eq!(slot(Rights::RoleMissing, Verdict::Healthy), Slot::ViewOnly);
    }
}
