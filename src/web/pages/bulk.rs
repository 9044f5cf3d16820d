//! Several stacks at once: choose them, check what will happen, and what became of each.
//!
//! They are sent one at a time, each with an operation id and a receipt of its own.

use std::collections::HashSet;

use askama::Template;
use askama_web::WebTemplate;
use time::OffsetDateTime;

use super::commit::spoken;
use super::frame::{Frame, Here, PageIcon};
use super::receipts::ReceiptLine;
use super::row::Rights;
use super::stack_taken::had_asked;
use super::verdict::VerdictView;
use super::words::{self, When};
use crate::domain::{Redeploy, RedeployState, Stack, StackUid, UserId, Verdict};
use crate::web::urls::Urls;

/// A stack that may be chosen.
#[derive(Debug, Clone, Copy)]
pub struct BulkInput<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// The verdict on it.
    pub verdict: Verdict,
    /// Whether its environment counts as production.
    pub production: bool,
    /// What the person may do with it.
    pub rights: Rights,
}

/// Choosing: a list with boxes to tick.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/bulk_choose.html")]
pub struct BulkChoosePage {
    f: Frame,
    groups: [Group; 2],
    mistake: bool,
}

/// Checking: each chosen stack with its warnings, and one button.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/bulk_check.html")]
pub struct BulkCheckPage {
    f: Frame,
    op: String,
    groups: [Group; 2],
    count: usize,
    back: String,
    mistake: Option<BulkMistake>,
}

/// Why the check page came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkMistake {
    /// The box for production was not ticked.
    ProductionNotTicked,
    /// A stack became busy since the page was shown, so the page did not say that a deploy would wait.
    BusyMeanwhile,
}

/// Stacks that count as production, or those that do not.
#[derive(Debug)]
struct Group {
    title: &'static str,
    production: bool,
    choices: Vec<Choice>,
}

#[derive(Debug)]
struct Choice {
    uid: StackUid,
    who: String,
    name: String,
    environment: String,
    verdict: VerdictView,
    allowed: bool,
    chosen: bool,
    busy: bool,
    warnings: Vec<&'static str>,
}

impl BulkChoosePage {
    /// Builds the page. `chosen` is ticked already; `mistake` says that the form came back with nothing chosen.
    pub fn new(frame: Frame, stacks: &[BulkInput<'_>], chosen: &HashSet<StackUid>, mistake: bool) -> Self {
        let title = if mistake {
            "Error: redeploy several stacks"
        } else {
            "Redeploy several stacks"
        };
        Self {
            groups: groups(stacks, chosen),
            mistake,
            f: frame.titled(title, Here::Stacks),
        }
    }

    fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.choices.is_empty())
    }
}

impl BulkCheckPage {
    /// Builds the page for what was chosen. `op` is the batch's operation id; `mistake` says why the form came
    /// back.
    pub fn new(frame: Frame, stacks: &[BulkInput<'_>], op: &str, mistake: Option<BulkMistake>) -> Self {
        let count = words::count(i64::try_from(stacks.len()).unwrap_or(i64::MAX), "stack", "stacks");
        let title = format!(
            "{}Redeploy {count}",
            if mistake.is_some() { "Error: " } else { "" }
        );
        Self {
            op: op.to_owned(),
            groups: groups(stacks, &HashSet::new()),
            count: stacks.len(),
            back: frame.urls.bulk(),
            mistake,
            f: frame.titled(title, Here::Stacks),
        }
    }

    fn count_words(&self) -> String {
        words::count(i64::try_from(self.count).unwrap_or(i64::MAX), "stack", "stacks")
    }
}

fn groups(stacks: &[BulkInput<'_>], chosen: &HashSet<StackUid>) -> [Group; 2] {
    let group = |title, production: bool| Group {
        title,
        production,
        choices: stacks
            .iter()
            .filter(|input| input.production == production)
            .map(|input| Choice::new(input, chosen))
            .collect(),
    };
    [group("Not production", false), group("Production", true)]
}

impl Choice {
    fn new(input: &BulkInput<'_>, chosen: &HashSet<StackUid>) -> Self {
        let stack = input.stack;
        let mut warnings = Vec::new();
        if stack.is_busy() {
            warnings.push("Another deploy is running. This one starts when it ends.");
        }
        if stack.maintenance {
            warnings.push("Maintenance mode is on. Visitors keep seeing the maintenance page.");
        }
        if input.verdict.needs_attention() {
            warnings.push("It is in trouble already.");
        }
        Self {
            uid: stack.uid,
            who: spoken(stack),
            name: stack.name.clone(),
            environment: stack.environment.as_str().to_owned(),
            verdict: VerdictView::of(input.verdict),
            allowed: input.rights == Rights::Redeploy,
            chosen: chosen.contains(&stack.uid),
            busy: stack.is_busy(),
            warnings,
        }
    }
}

/// What became of several stacks at once.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/batch.html")]
pub struct BatchPage {
    f: Frame,
    summary: String,
    lines: Vec<ReceiptLine>,
    left_out: Vec<LeftOut>,
    known: Option<When>,
    ended: bool,
    here: String,
}

impl BatchPage {
    /// Builds the page. `here` is its own address, with the query; `known_at` says when Cloud 66 was last heard of all
    /// that is under way.
    pub fn new(
        frame: Frame,
        here: String,
        (redeploys, known_at): (&[Redeploy], Option<OffsetDateTime>),
        left_out: Vec<LeftOut>,
        is_production: impl Fn(&str) -> bool,
    ) -> Self {
        let ended = !redeploys.iter().any(Redeploy::is_followed);
        let summary = summary(redeploys);
        let mut frame = frame.titled(summary.clone(), Here::Redeploys);
        frame.icon = if ended { PageIcon::Plain } else { PageIcon::Busy };
        Self {
            summary,
            lines: redeploys
                .iter()
                .map(|redeploy| ReceiptLine::new(&frame, redeploy, is_production(&redeploy.environment)))
                .collect(),
            left_out,
            known: known_at.map(|at| When::ago_in_full(at, frame.now)),
            ended,
            here,
            f: frame,
        }
    }
}

/// A chosen stack that was left out.
#[derive(Debug, Clone)]
pub struct LeftOut {
    name: String,
    why: String,
    /// The receipt of the person's own earlier request.
    receipt: Option<String>,
}

impl LeftOut {
    /// An earlier request on it had no answer.
    pub fn because_taken(urls: &Urls, taken: &Redeploy, person: UserId) -> Self {
        Self {
            name: format!("{} {}", taken.stack_name, taken.environment),
            why: format!("{}, and that had no answer yet.", had_asked(taken, person)),
            receipt: (taken.asked_by == person).then(|| urls.receipt(taken.id)),
        }
    }

    /// The person's role is too small.
    pub fn role_missing(stack: &Stack) -> Self {
        Self::plain(stack.title(), "your Cloud 66 role cannot deploy it.")
    }

    /// It is not among the person's stacks, so all that is known of it is its uid.
    pub fn gone(uid: StackUid) -> Self {
        Self::plain(
            format!("The stack {uid}"),
            "it is not among your stacks any more. It was deleted or left the account, or you lost access to it.",
        )
    }

    /// Nothing is known but that there is no redeploy of it.
    pub fn unexplained(stack: &Stack) -> Self {
        Self::plain(
            stack.title(),
            "Cloud 66 did not let it be seen in that moment. Look at it before you ask again.",
        )
    }

    fn plain(name: String, why: &str) -> Self {
        Self {
            name,
            why: why.to_owned(),
            receipt: None,
        }
    }
}

/// "3 deployed, 1 refused, 2 under way".
fn summary(redeploys: &[Redeploy]) -> String {
    use RedeployState as S;
    let count = |states: &[S]| redeploys.iter().filter(|row| states.contains(&row.state)).count();
    let accepted = |followed| {
        let open = redeploys
            .iter()
            .filter(|row| matches!(row.state, S::Accepted | S::Running));
        open.filter(|row| row.followed == followed).count()
    };
    let parts: Vec<String> = [
        (count(&[S::Succeeded]), "deployed"),
        (count(&[S::Failed]), "failed"),
        (count(&[S::Refused]), "refused"),
        (count(&[S::Lost]), "without a record"),
        (count(&[S::Cancelled]), "cancelled"),
        (count(&[S::Ended]), "ended without a result"),
        (accepted(true), "accepted"),
        (accepted(false), "accepted and not heard of again"),
        (count(&[S::Unknown]), "without an answer yet"),
        (count(&[S::Requested, S::Sending]), "waiting to be sent"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{count} {words}"))
    .collect();
    if parts.is_empty() {
        "Nothing was sent".to_owned()
    } else {
        parts.join(", ")
    }
}
