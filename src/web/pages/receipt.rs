//! A receipt: what was asked of a stack, what Cloud 66 answered, and how it ended.
//!
//! Invariant: every sentence says only what the ledger's row knows. "Cancelled" is said when Cloud 66 has said
//! so, "nothing was started" only where that is proven.

use askama::Template;
use askama_web::WebTemplate;
use time::{Duration, OffsetDateTime};

use super::frame::{Frame, Here, Html, PageIcon};
use super::reason::explain;
use super::receipt_words::{Sentence, as_text, asked_words, command_noun, is_given_up, sentence_of};
use super::verdict::Progress;
use super::words::{self, When};
use crate::domain::deployment::short_hash;
use crate::domain::{Command, Reason, Redeploy, RedeployState, Repository, ReturnTo};

/// What a receipt is made from.
#[derive(Debug, Clone, Copy)]
pub struct ReceiptInput<'a> {
    /// The row.
    pub redeploy: &'a Redeploy,
    /// Whether its environment counts as production.
    pub production: bool,
    /// Whether Cloud 66 is spoken to in the 2013 dialect, where nothing can be looked up.
    pub old_api: bool,
    /// Whether Cloud 66 cannot be heard now, by what stands above the page or by the row itself.
    pub silent: bool,
    /// When Cloud 66 was last heard of it, while it is followed.
    pub known_at: Option<OffsetDateTime>,
    /// The public address of this receipt, for the text to copy.
    pub address: &'a str,
}

/// A receipt's page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/receipt.html")]
pub struct ReceiptPage {
    f: Frame,
    r: ReceiptState,
    known: Option<When>,
    name: String,
    environment: String,
    production: bool,
    stack: String,
    noun: &'static str,
}

impl ReceiptPage {
    /// Builds the page.
    pub fn new(frame: Frame, input: &ReceiptInput<'_>) -> Self {
        let redeploy = input.redeploy;
        let mut frame = frame.titled(title(redeploy), Here::Redeploys);
        frame.icon = icon(redeploy);
        if redeploy.is_followed() {
            let events = frame.urls.events_receipt(redeploy.id);
            frame = frame.following(events);
        }
        Self {
            r: ReceiptState::new(&frame, input),
            known: input.known_at.map(|at| When::ago_in_full(at, frame.now)),
            name: redeploy.stack_name.clone(),
            environment: redeploy.environment.clone(),
            production: input.production,
            stack: frame.urls.return_to(ReturnTo::Stack(redeploy.stack)),
            noun: command_noun(redeploy.command),
            f: frame,
        }
    }
}

/// The part of a receipt that changes while it is open, for the event stream.
#[derive(Debug, Template)]
#[template(path = "fragments/receipt_live.html")]
pub struct ReceiptLive {
    title: String,
    icon: String,
    r: ReceiptState,
}

impl ReceiptLive {
    /// The document's title and the icon's address alone, for a tab that is hidden.
    pub fn head(frame: &Frame, redeploy: &Redeploy) -> (String, String) {
        (
            format!("{} · Stackdeck", words::straight(&title(redeploy))),
            frame.urls.asset(icon(redeploy).asset()),
        )
    }

    /// Renders it.
    pub fn html(frame: &Frame, input: &ReceiptInput<'_>) -> Result<Html, askama::Error> {
        Html::of(&Self {
            title: words::straight(&title(input.redeploy)),
            icon: frame.urls.asset(icon(input.redeploy).asset()),
            r: ReceiptState::new(frame, input),
        })
    }
}

/// `#receipt`.
#[derive(Debug)]
pub(super) struct ReceiptState {
    sentence: Sentence,
    progress: Option<ProgressView>,
    message: Option<String>,
    /// Whether the message is Cloud 66's, word for word.
    spoken: bool,
    facts: Vec<(&'static str, Value)>,
    times: Vec<Moment>,
    /// Whether more may come.
    moving: bool,
    cancel: Option<String>,
    again: Option<(String, String)>,
    text: String,
}

/// How far it is.
#[derive(Debug, Template)]
#[template(source = "{{ words }}", ext = "html")]
struct ProgressView {
    words: super::verdict::Why,
}

impl askama::filters::HtmlSafe for ProgressView {}

/// A fact's value.
#[derive(Debug)]
enum Value {
    Text(String),
    Mono(String),
    Link { words: String, href: String },
}

/// A step that has been reached.
#[derive(Debug)]
struct Moment {
    what: &'static str,
    when: When,
}

impl ReceiptState {
    fn new(frame: &Frame, input: &ReceiptInput<'_>) -> Self {
        let redeploy = input.redeploy;
        let moving = redeploy.is_followed();
        let running = redeploy.state == RedeployState::Running && redeploy.cancel_requested_at.is_none();
        Self {
            sentence: sentence_of(redeploy, input.old_api, input.silent),
            progress: progress(frame, redeploy, input.silent),
            message: message(redeploy),
            spoken: matches!(
                redeploy.state,
                RedeployState::Succeeded
                    | RedeployState::Failed
                    | RedeployState::Cancelled
                    | RedeployState::Ended
            ),
            facts: facts(redeploy),
            times: times(redeploy),
            moving,
            cancel: redeploy
                .deployment
                .filter(|_| running && moving)
                .map(|deployment| frame.urls.cancel(redeploy.stack, deployment)),
            again: (!moving).then(|| {
                let href = match redeploy.command {
                    Command::Redeploy => frame.urls.redeploy_with(redeploy.stack, &redeploy.options),
                    command => frame.urls.action(redeploy.stack, command),
                };
                (href, format!("{} again…", command_noun(redeploy.command)))
            }),
            text: as_text(redeploy, input.address),
        }
    }
}

/// What the row says beyond the sentence above it; of a refusal or a loss, the sentence has said it.
fn message(redeploy: &Redeploy) -> Option<String> {
    let said = matches!(redeploy.state, RedeployState::Refused | RedeployState::Lost)
        || (redeploy.state.is_end() && redeploy.reason.is_some());
    words_of(redeploy).filter(|_| !said)
}

/// What the row says, for a list where no sentence stands beside it.
pub(super) fn words_of(redeploy: &Redeploy) -> Option<String> {
    let message = || redeploy.message.clone();
    explain(redeploy)
        .or_else(message)
        .filter(|words| !words.trim().is_empty())
}

fn progress(frame: &Frame, redeploy: &Redeploy, silent: bool) -> Option<ProgressView> {
    // Of one that waited its turn it is not known here when it began, and of one that is not heard of nothing is.
    let unclear = redeploy.queued || silent || !redeploy.is_followed();
    if redeploy.state != RedeployState::Running || unclear {
        return None;
    }
    let since = redeploy.answered_at.or(redeploy.sent_at)?;
    let deploys = redeploy.command == Command::Redeploy;
    let usual = redeploy
        .before
        .usual_seconds
        .filter(|_| deploys)
        .map(Duration::seconds);
    let progress = Progress::new(since, usual, frame.now);
    Some(ProgressView {
        words: super::verdict::Why::Progress(progress),
    })
}

fn facts(redeploy: &Redeploy) -> Vec<(&'static str, Value)> {
    let mut facts = vec![("Asked", Value::Text(asked_words(redeploy)))];
    if redeploy.command == Command::Redeploy {
        if let Some(hash) = &redeploy.git_hash {
            facts.push(("Commit", Value::Mono(short_hash(hash).to_owned())));
        }
        if let Some(hash) = &redeploy.before.live_hash {
            facts.push(("Ran before", Value::Mono(short_hash(hash).to_owned())));
        }
        facts.extend(compare(redeploy).map(|link| ("Changes", link)));
    }
    facts.push(("By", Value::Text(redeploy.asked_by_name.clone())));
    if let Some(note) = &redeploy.options.note {
        facts.push(("Note", Value::Text(note.clone())));
    }
    if let Some(deployment) = redeploy.deployment {
        facts.push(("Deployment", Value::Mono(deployment.to_string())));
    }
    if let Some(took) = took(redeploy) {
        facts.push(("Took", Value::Text(words::long(took))));
    }
    facts.push(("Reference", Value::Mono(redeploy.id.to_string())));
    facts
}

/// How long it ran, by Cloud 66's times: every page says the same of one deploy. None where Cloud 66 has not said it.
pub(super) fn took(redeploy: &Redeploy) -> Option<Duration> {
    let ran = matches!(
        redeploy.state,
        RedeployState::Succeeded | RedeployState::Failed | RedeployState::Cancelled | RedeployState::Ended
    );
    redeploy.took.filter(|_| ran)
}

/// What lies between the commit before and the commit that ran.
fn compare(redeploy: &Redeploy) -> Option<Value> {
    let before = short_hash(redeploy.before.live_hash.as_deref()?);
    let after = short_hash(redeploy.git_hash.as_deref()?);
    if before == after {
        return Some(Value::Text("none: the same commit again".to_owned()));
    }
    let repository = Repository::parse(redeploy.before.git.as_deref()?)?;
    Some(Value::Link {
        words: format!("{before}…{after} on {} ↗", repository.host_name()),
        href: repository.compare(before, after)?.as_str().to_owned(),
    })
}

fn times(redeploy: &Redeploy) -> Vec<Moment> {
    // Claimed by a worker is not sent: only an answer proves that it was, and its absence leaves it open.
    let unsent = redeploy.reason.is_some_and(Reason::is_unsent);
    let (sent, sent_at) = match redeploy.state {
        RedeployState::Requested => ("", None),
        RedeployState::Refused if unsent => ("", None),
        RedeployState::Sending | RedeployState::Unknown | RedeployState::Lost => {
            ("Sending began", redeploy.sent_at)
        }
        _ => ("Sent to Cloud 66", redeploy.sent_at),
    };
    let answered = match redeploy.state {
        RedeployState::Refused if unsent => "Given up",
        RedeployState::Refused => "Refused",
        RedeployState::Unknown | RedeployState::Lost => "No answer",
        _ => "Accepted",
    };
    let deploys = redeploy.command == Command::Redeploy;
    let finished = match redeploy.state {
        RedeployState::Lost => "Given up",
        RedeployState::Succeeded if deploys => "Deployed",
        RedeployState::Succeeded => "Done",
        RedeployState::Failed => "Failed",
        RedeployState::Cancelled => "Cancelled",
        _ => "Ended",
    };
    let ended = redeploy
        .finished_at
        .filter(|at| Some(*at) != redeploy.answered_at);
    [
        ("Asked", Some(redeploy.requested_at)),
        (sent, sent_at),
        (answered, redeploy.answered_at),
        ("Cancel asked", redeploy.cancel_requested_at),
        (finished, ended),
    ]
    .into_iter()
    .filter_map(|(what, at)| {
        Some(Moment {
            what,
            when: When::exactly(at?),
        })
    })
    .collect()
}

/// "Deploying… checkout production", "✓ Deployed checkout production", "✗ Failed checkout production".
fn title(redeploy: &Redeploy) -> String {
    let name = format!("{} {}", redeploy.stack_name, redeploy.environment);
    let noun = command_noun(redeploy.command);
    match (redeploy.state, redeploy.command) {
        _ if is_given_up(redeploy) => format!("Not known {name}"),
        (RedeployState::Running | RedeployState::Accepted, Command::Redeploy) => format!("Deploying… {name}"),
        (RedeployState::Succeeded, Command::Redeploy) => format!("✓ Deployed {name}"),
        (RedeployState::Succeeded, _) => format!("✓ {noun}: {name}"),
        (RedeployState::Failed, _) => format!("✗ Failed {name}"),
        (RedeployState::Refused, _) => format!("✗ Refused {name}"),
        (RedeployState::Lost, _) => format!("✗ Not known {name}"),
        (RedeployState::Cancelled, _) => format!("Cancelled {name}"),
        (RedeployState::Ended, _) => format!("Ended {name}"),
        _ => format!("{noun}… {name}"),
    }
}

fn icon(redeploy: &Redeploy) -> PageIcon {
    match redeploy.state {
        _ if is_given_up(redeploy) => PageIcon::Plain,
        RedeployState::Succeeded => PageIcon::Ok,
        RedeployState::Refused | RedeployState::Lost | RedeployState::Failed => PageIcon::Bad,
        RedeployState::Cancelled | RedeployState::Ended => PageIcon::Plain,
        _ => PageIcon::Busy,
    }
}
