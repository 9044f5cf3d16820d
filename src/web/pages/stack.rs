//! One stack: its verdict, what runs, what happened to it, what can be done, and its facts.

use askama::Template;
use askama_web::WebTemplate;
use time::OffsetDateTime;

use super::commit::{compare_to_branch, spoken};
use super::facts::Facts;
use super::frame::{Frame, Here, Html, PageIcon};
use super::history::{HistoryLine, history_lines};
use super::row::Slot;
use super::siblings::{Sibling, SiblingInput};
use super::verdict::{VerdictView, Why};
use super::words::{self, When};
use crate::app::show_stack::HistoryKnown;
use crate::domain::deployment::short_hash;
use crate::domain::{
    Command, Deployment, Redeploy, RedeployOptions, ReturnTo, Stack, Tone, Verdict, Version,
};
use crate::web::urls::Access;

/// What a stack's page is made from.
#[derive(Debug)]
pub struct StackInput<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// Its deployments, newest first; none where Cloud 66 cannot tell or did not.
    pub history: Option<&'a [Deployment]>,
    /// How those are known.
    pub history_known: HistoryKnown,
    /// What runs on it.
    pub version: Option<&'a Version>,
    /// The verdict on it.
    pub verdict: Verdict,
    /// Whether its environment counts as production.
    pub production: bool,
    /// What the person may do, and whether something runs.
    pub slot: Slot,
    /// When Cloud 66 last refused the person a redeploy of it, where that is believed.
    pub refused_at: Option<OffsetDateTime>,
    /// The redeploy of the ledger that has not reached its end.
    pub open: Option<&'a Redeploy>,
    /// Whether the person keeps it at the top of the list.
    pub pinned: bool,
    /// Other stacks of the same app.
    pub siblings: Vec<SiblingInput<'a>>,
    /// The commands that Cloud 66 has besides a redeploy.
    pub commands: &'a [Command],
    /// Whether Cloud 66 is spoken to in the 2013 dialect, which has no history.
    pub old_api: bool,
    /// When Cloud 66 was asked.
    pub known_at: OffsetDateTime,
}

/// One stack's page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/stack.html")]
pub struct StackPage {
    f: Frame,
    s: StackState,
    name: String,
    environment: String,
    production: bool,
    pinned: bool,
    pin: String,
    known: When,
    siblings: Vec<Sibling>,
    facts: Facts,
    old_api: bool,
}

impl StackPage {
    /// Builds the page.
    pub fn new(frame: Frame, input: &StackInput<'_>) -> Self {
        let stack = input.stack;
        let mut frame = frame.titled(title(stack, input.verdict), Here::Stacks);
        frame.icon = icon(input.verdict);
        let events = frame.urls.events_stack(stack.uid);
        let frame = frame.following(events);
        Self {
            s: StackState::new(&frame, input),
            name: stack.name.clone(),
            environment: stack.environment.as_str().to_owned(),
            production: input.production,
            pinned: input.pinned,
            pin: frame.urls.pin(stack.uid),
            known: When::ago_in_full(input.known_at, frame.now),
            siblings: input
                .siblings
                .iter()
                .map(|other| Sibling::new(&frame, input, other))
                .collect(),
            facts: Facts::of(stack),
            old_api: input.old_api,
            f: frame,
        }
    }
}

/// The parts of a stack's page that change while it is open, for the event stream.
#[derive(Debug, Template)]
#[template(path = "fragments/stack_live.html")]
pub struct StackLive {
    title: String,
    icon: String,
    s: StackState,
}

impl StackLive {
    /// The document's title and the icon's address alone, for a tab that is hidden.
    pub fn head(frame: &Frame, stack: &Stack, verdict: Verdict) -> (String, String) {
        (
            format!("{} · Stackdeck", words::straight(&title(stack, verdict))),
            frame.urls.asset(icon(verdict).asset()),
        )
    }

    /// Renders them. The frame gives addresses and the moment; nothing of the person goes in.
    pub fn html(frame: &Frame, input: &StackInput<'_>) -> Result<Html, askama::Error> {
        Html::of(&Self {
            title: words::straight(&title(input.stack, input.verdict)),
            icon: frame.urls.asset(icon(input.verdict).asset()),
            s: StackState::new(frame, input),
        })
    }
}

/// `#stack-state` and `#stack-history`.
#[derive(Debug)]
pub(super) struct StackState {
    who: String,
    verdict: VerdictView,
    why: Why,
    raw: String,
    maintenance: bool,
    slot: Slot,
    production: bool,
    redeploy: String,
    allow: String,
    receipt: Option<String>,
    compare: Option<String>,
    site: Option<(String, String)>,
    cloud66: String,
    running: Option<String>,
    remedy: Option<Remedy>,
    history: Option<Vec<HistoryLine>>,
    /// When the history was known, where Cloud 66 did not tell it now.
    history_at: Option<When>,
    /// Whether older deployments are missing from it.
    history_in_part: bool,
    refused_at: Option<When>,
    commands: Vec<CommandLine>,
}

/// What to do about a failed deploy: the commit that was good, and the one that was not.
#[derive(Debug)]
struct Remedy {
    live: Option<String>,
    failed: Option<String>,
    again: Option<(String, String)>,
}

/// A command with what it does, as a link to the page that asks.
#[derive(Debug)]
struct CommandLine {
    label: &'static str,
    href: String,
    does: &'static str,
}

impl StackState {
    fn new(frame: &Frame, input: &StackInput<'_>) -> Self {
        let (stack, urls) = (input.stack, &frame.urls);
        let uid = stack.uid;
        let may_act = !matches!(input.slot, Slot::AllowRedeploys | Slot::ViewOnly);
        let running = input.version.and_then(Version::running);
        Self {
            who: spoken(stack),
            verdict: VerdictView::of(input.verdict),
            why: Why::of(input.verdict, input.version, frame.now),
            raw: raw(stack),
            maintenance: stack.maintenance,
            slot: input.slot.clone(),
            production: input.production,
            redeploy: urls.redeploy(uid),
            allow: urls.sign_in_page(Access::Redeploy, ReturnTo::Stack(uid)),
            receipt: input.open.map(|open| urls.receipt(open.id)),
            compare: compare_to_branch(stack, input.version),
            site: stack
                .address
                .as_ref()
                .map(|link| (link.as_str().to_owned(), link.host().to_owned())),
            cloud66: frame.cloud66.stack(uid),
            running: running
                .filter(|_| may_act)
                .map(|running| urls.cancel(uid, running.id)),
            remedy: (input.verdict == Verdict::DeployFailed).then(|| Remedy::of(frame, input, may_act)),
            history: input
                .history
                .map(|history| history_lines(frame, stack, history, may_act)),
            history_at: match input.history_known {
                HistoryKnown::Now => None,
                HistoryKnown::Before { at, .. } => Some(When::clock(at)),
            },
            history_in_part: matches!(input.history_known, HistoryKnown::Before { in_part: true, .. }),
            refused_at: input.refused_at.map(|at| frame.ago(at)),
            commands: if may_act {
                commands(frame, stack, input.commands)
            } else {
                Vec::new()
            },
        }
    }

    fn is_view_only(&self) -> bool {
        self.slot == Slot::ViewOnly
    }

    /// Where maintenance mode is turned off.
    fn maintenance_off(&self) -> Option<&str> {
        let off = self.commands.iter().find(|line| line.label == MAINTENANCE_OFF)?;
        Some(&off.href)
    }
}

/// Status and health as Cloud 66 has them: number and label.
fn raw(stack: &Stack) -> String {
    let status = stack
        .status
        .code()
        .map(|code| format!("{code} "))
        .unwrap_or_default();
    format!(
        "Status {status}{} · Health {} {}",
        stack.status.label(),
        stack.health.code(),
        stack.health.label()
    )
}

impl Remedy {
    fn of(frame: &Frame, input: &StackInput<'_>, may_act: bool) -> Self {
        let live = input.version.and_then(|version| version.live.as_ref());
        let hash = live.and_then(|live| live.git_hash.clone());
        let failed = input.version.and_then(|version| version.newest.as_ref());
        let again = hash
            .clone()
            .filter(|_| may_act && !input.stack.is_docker())
            .map(|hash| {
                let label = format!("Deploy {} again…", short_hash(&hash));
                let options = RedeployOptions {
                    git_ref: Some(hash),
                    ..RedeployOptions::default()
                };
                (frame.urls.redeploy_with(input.stack.uid, &options), label)
            });
        Self {
            live: hash.as_deref().map(short_hash).map(str::to_owned),
            failed: failed.and_then(Deployment::short_hash).map(str::to_owned),
            again,
        }
    }
}

const MAINTENANCE_OFF: &str = "Turn off maintenance…";

fn commands(frame: &Frame, stack: &Stack, offered: &[Command]) -> Vec<CommandLine> {
    let line = |command| {
        let (label, does) = match command {
            Command::Restart => ("Restart…", "Restarts web servers and databases. No new code."),
            Command::ClearCaches => (
                "Clear caches…",
                "Empties the application’s caches. The next requests may be slower.",
            ),
            Command::MaintenanceOff if stack.maintenance => {
                (MAINTENANCE_OFF, "Visitors see the application again.")
            }
            Command::MaintenanceOn if !stack.maintenance => (
                "Turn on maintenance…",
                "Visitors see the maintenance page until it is turned off.",
            ),
            Command::Redeploy | Command::MaintenanceOn | Command::MaintenanceOff => return None,
        };
        Some(CommandLine {
            label,
            href: frame.urls.action(stack.uid, command),
            does,
        })
    };
    offered.iter().copied().filter_map(line).collect()
}

/// "Deploying… checkout production", "✗ Failed checkout production", or just its name.
fn title(stack: &Stack, verdict: Verdict) -> String {
    let name = stack.title();
    match (verdict, verdict.tone()) {
        (Verdict::Deploying, _) => format!("Deploying… {name}"),
        (_, Tone::Busy) => format!("{}… {name}", verdict.words()),
        (_, Tone::Bad) => format!("✗ {} {name}", verdict.words()),
        _ => name,
    }
}

fn icon(verdict: Verdict) -> PageIcon {
    match verdict.tone() {
        Tone::Busy => PageIcon::Busy,
        Tone::Bad => PageIcon::Bad,
        Tone::Warn | Tone::Ok | Tone::Idle => PageIcon::Plain,
    }
}
