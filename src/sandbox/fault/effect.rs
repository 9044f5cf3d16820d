//! What a fault does, and its text form.

use super::FaultError;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Whether the request took its effect before things went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The request is lost.
    Before,
    /// The request was carried out and its answer is lost.
    After,
}

/// What somebody who reads page by page gets to see when the list changes in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// A stack came in front: the last of one page is the first of the next.
    Repeat,
    /// A stack left: the first of the next page is never seen.
    Skip,
}

/// Which action the answer to a redeploy names in place of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongAction {
    /// One that somebody else asked for in the same moment, with a reference of its own; it has succeeded.
    Other,
    /// One that ended before the redeploy was sent; it carries no reference.
    Ended,
    /// A number that no action has.
    Unknown,
}

/// How `metadata` of actions is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// Not there, as before October 2023.
    Missing,
    /// `{}`: the reference was not kept.
    Empty,
    /// Null.
    Null,
    /// JSON as text within JSON.
    Text,
    /// A list.
    List,
}

/// When somebody else deploys the same stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// In the same second, just before.
    Before,
    /// The same, and no list of actions ever shows it.
    Unlisted,
    /// In the same second, just after.
    After,
}

/// What a fault does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Waits, then goes on as usual.
    Delay(Duration),
    /// Nothing is ever answered; the connection stays open.
    NoAnswer(When),
    /// The connection is closed without an answer.
    Close(When),
    /// The connection is reset (TCP RST) without an answer.
    Reset(When),
    /// The connection is closed in the middle of the body.
    CloseBody,
    /// The connection is reset in the middle of the body.
    ResetBody,
    /// The body comes in pieces over this time.
    SlowBody(Duration),
    /// An error page of a proxy with this status.
    Status(u16, When),
    /// 503 `throttled`, with this many seconds in `Retry-After`.
    Throttled(Option<u64>),
    /// 429, with this many seconds in `Retry-After`.
    TooMany(Option<u64>),
    /// A documented error (fact sheet 5.4), by its code.
    Error(&'static str),
    /// A page of HTML with status 200.
    Html,
    /// An answer with status 200 and no body.
    Empty,
    /// The first half of the body, as if it were all.
    Truncated,
    /// A body of this many MiB.
    Huge(u64),
    /// JSON nested this deep.
    Nested(u64),
    /// A body that unpacks to this many MiB.
    GzipBomb(u64),
    /// 302 to this address.
    Redirect(String),
    /// `pagination` promises more pages and items than there are.
    LyingPages,
    /// The list changes between two pages.
    MovedPages(Shift),
    /// Numbers that no document lists for status, health, outcome and the like.
    UnknownCodes,
    /// Null for every value but ids.
    Nulls,
    /// Numbers and booleans as text.
    NumberStrings,
    /// Text codes in deployments, as one page of the documents shows them (fact sheet 4.4).
    StringCodes,
    /// The bare object or list, without `response`.
    NoEnvelope,
    /// `async_action_id` is null.
    NoActionId,
    /// `async_action_id` is another action's.
    WrongAction(WrongAction),
    /// `metadata` of actions in another form; with [`Metadata::Empty`], references are not kept at all.
    Metadata(Metadata),
    /// The filter `user_reference` is ignored.
    Unfiltered,
    /// This page of a list is empty, though `pagination` counts its items.
    EmptyPage(u64),
    /// `finished_success` is null in actions that have ended.
    NoSuccess,
    /// Somebody else deploys the stack that is redeployed.
    ForeignDeploy(Foreign),
    /// The answer to a redeploy says `queued: false` although it waits.
    NotQueued,
    /// The redeploy begins this much later than its turn comes; until then the stack stands idle.
    LateStart(Duration),
    /// A stack that is at work is shown as idle.
    StatusGap,
    /// The `Date` header and every time in the body are this many seconds off.
    ClockSkew(i64),
    /// `X-Cloud66-Warning` with this text beside the answer (fact sheet 5.5).
    Warning(String),
}

/// The documented errors that can be answered on demand.
const ERRORS: [&str; 8] = [
    "unauthenticated",
    "trial-expired",
    "forbidden",
    "not-found",
    "time-out",
    "conflict",
    "not-implemented",
    "bad-request",
];

impl Effect {
    /// Whether it goes together with whatever else hits the same call: a delay, or something that Cloud 66 does
    /// or writes otherwise while the answer stays whole.
    pub(crate) fn adds_up(&self) -> bool {
        matches!(
            self,
            Self::Delay(_)
                | Self::WrongAction(_)
                | Self::Metadata(_)
                | Self::Unfiltered
                | Self::EmptyPage(_)
                | Self::NoSuccess
                | Self::ForeignDeploy(_)
                | Self::NotQueued
                | Self::LateStart(_)
                | Self::StatusGap
        )
    }

    /// The names of all effects, for messages and the documents.
    pub(crate) fn known() -> String {
        format!(
            "delay:SECONDS, no-answer-before, no-answer-after, close-before, close-after, reset-before, \
             reset-after, close-body, reset-body, slow-body:SECONDS, status:CODE, status-after:CODE, \
             throttled[:SECONDS], too-many[:SECONDS], {}, html, empty, truncated, huge[:MIB], \
             nested[:DEPTH], \
             gzip-bomb[:MIB], redirect[:URL], lying-pages, moved-pages:repeat, moved-pages:skip, \
             unknown-codes, nulls, number-strings, string-codes, no-envelope, no-action-id, \
             wrong-action:other, wrong-action:ended, wrong-action:unknown, metadata:missing, metadata:empty, \
             metadata:null, metadata:text, metadata:list, unfiltered, empty-page:NUMBER, no-success, \
             foreign-deploy:before, foreign-deploy:unlisted, foreign-deploy:after, not-queued, \
             late-start:SECONDS, status-gap, clock-skew:SECONDS, warning[:TEXT]",
            ERRORS.join(", ")
        )
    }
}

impl FromStr for Effect {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, value) = text
            .split_once(':')
            .map_or((text, None), |(name, value)| (name, Some(value)));
        let needs = |what: &'static str| FaultError::Value(name.to_owned(), what);
        let seconds = || {
            let number = value
                .and_then(|value| value.parse::<f64>().ok())
                .ok_or(needs("seconds"))?;
            Duration::try_from_secs_f64(number).map_err(|_| needs("seconds"))
        };
        let status = || {
            let code = value.and_then(|value| value.parse::<u16>().ok());
            code.filter(|code| (200..600).contains(code))
                .ok_or(needs("a status from 200 to 599"))
        };
        let maybe = || {
            value
                .map(|value| value.parse::<u64>().map_err(|_| needs("a number")))
                .transpose()
        };
        let effect = match name {
            "delay" => Self::Delay(seconds()?),
            "no-answer-before" => Self::NoAnswer(When::Before),
            "no-answer-after" => Self::NoAnswer(When::After),
            "close-before" => Self::Close(When::Before),
            "close-after" => Self::Close(When::After),
            "reset-before" => Self::Reset(When::Before),
            "reset-after" => Self::Reset(When::After),
            "close-body" => Self::CloseBody,
            "reset-body" => Self::ResetBody,
            "slow-body" => Self::SlowBody(seconds()?),
            "status" => Self::Status(status()?, When::Before),
            "status-after" => Self::Status(status()?, When::After),
            "throttled" => Self::Throttled(maybe()?),
            "too-many" => Self::TooMany(maybe()?),
            "html" => Self::Html,
            "empty" => Self::Empty,
            "truncated" => Self::Truncated,
            "huge" => Self::Huge(maybe()?.unwrap_or(64)),
            "nested" => Self::Nested(maybe()?.unwrap_or(100_000)),
            "gzip-bomb" => Self::GzipBomb(maybe()?.unwrap_or(512)),
            "redirect" => Self::Redirect(value.unwrap_or("https://elsewhere.invalid/").to_owned()),
            "lying-pages" => Self::LyingPages,
            "moved-pages" => match value {
                Some("repeat") => Self::MovedPages(Shift::Repeat),
                Some("skip") => Self::MovedPages(Shift::Skip),
                _ => return Err(needs("repeat or skip")),
            },
            "unknown-codes" => Self::UnknownCodes,
            "nulls" => Self::Nulls,
            "number-strings" => Self::NumberStrings,
            "string-codes" => Self::StringCodes,
            "no-envelope" => Self::NoEnvelope,
            "no-action-id" => Self::NoActionId,
            "wrong-action" => Self::WrongAction(match value {
                Some("other") => WrongAction::Other,
                Some("ended") => WrongAction::Ended,
                Some("unknown") => WrongAction::Unknown,
                _ => return Err(needs("other, ended or unknown")),
            }),
            "metadata" => Self::Metadata(match value {
                Some("missing") => Metadata::Missing,
                Some("empty") => Metadata::Empty,
                Some("null") => Metadata::Null,
                Some("text") => Metadata::Text,
                Some("list") => Metadata::List,
                _ => return Err(needs("missing, empty, null, text or list")),
            }),
            "unfiltered" => Self::Unfiltered,
            "empty-page" => Self::EmptyPage(maybe()?.ok_or(needs("a page number"))?),
            "no-success" => Self::NoSuccess,
            "foreign-deploy" => Self::ForeignDeploy(match value {
                Some("before") => Foreign::Before,
                Some("unlisted") => Foreign::Unlisted,
                Some("after") => Foreign::After,
                _ => return Err(needs("before, unlisted or after")),
            }),
            "not-queued" => Self::NotQueued,
            "late-start" => Self::LateStart(seconds()?),
            "status-gap" => Self::StatusGap,
            "clock-skew" => {
                let skew = value.and_then(|value| value.parse().ok());
                let bounded = skew.filter(|skew: &i64| skew.unsigned_abs() <= 3_155_760_000);
                Self::ClockSkew(bounded.ok_or(needs("seconds"))?)
            }
            "warning" => Self::Warning(value.unwrap_or("Your plan ends soon").to_owned()),
            other => match ERRORS.iter().find(|known| **known == other) {
                Some(known) => Self::Error(known),
                None => return Err(FaultError::UnknownEffect(other.to_owned())),
            },
        };
        Ok(effect)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = |when: &When| if *when == When::Before { "before" } else { "after" };
        match self {
            Self::Delay(time) => write!(f, "delay:{}", time.as_secs_f64()),
            Self::NoAnswer(at) => write!(f, "no-answer-{}", when(at)),
            Self::Close(at) => write!(f, "close-{}", when(at)),
            Self::Reset(at) => write!(f, "reset-{}", when(at)),
            Self::CloseBody => f.write_str("close-body"),
            Self::ResetBody => f.write_str("reset-body"),
            Self::SlowBody(time) => write!(f, "slow-body:{}", time.as_secs_f64()),
            Self::Status(code, When::Before) => write!(f, "status:{code}"),
            Self::Status(code, When::After) => write!(f, "status-after:{code}"),
            Self::Throttled(None) => f.write_str("throttled"),
            Self::Throttled(Some(seconds)) => write!(f, "throttled:{seconds}"),
            Self::TooMany(None) => f.write_str("too-many"),
            Self::TooMany(Some(seconds)) => write!(f, "too-many:{seconds}"),
            Self::Error(code) => f.write_str(code),
            Self::Html => f.write_str("html"),
            Self::Empty => f.write_str("empty"),
            Self::Truncated => f.write_str("truncated"),
            Self::Huge(mib) => write!(f, "huge:{mib}"),
            Self::Nested(depth) => write!(f, "nested:{depth}"),
            Self::GzipBomb(mib) => write!(f, "gzip-bomb:{mib}"),
            Self::Redirect(url) => write!(f, "redirect:{url}"),
            Self::LyingPages => f.write_str("lying-pages"),
            Self::MovedPages(Shift::Repeat) => f.write_str("moved-pages:repeat"),
            Self::MovedPages(Shift::Skip) => f.write_str("moved-pages:skip"),
            Self::UnknownCodes => f.write_str("unknown-codes"),
            Self::Nulls => f.write_str("nulls"),
            Self::NumberStrings => f.write_str("number-strings"),
            Self::StringCodes => f.write_str("string-codes"),
            Self::NoEnvelope => f.write_str("no-envelope"),
            Self::NoActionId => f.write_str("no-action-id"),
            Self::WrongAction(WrongAction::Other) => f.write_str("wrong-action:other"),
            Self::WrongAction(WrongAction::Ended) => f.write_str("wrong-action:ended"),
            Self::WrongAction(WrongAction::Unknown) => f.write_str("wrong-action:unknown"),
            Self::Metadata(Metadata::Missing) => f.write_str("metadata:missing"),
            Self::Metadata(Metadata::Empty) => f.write_str("metadata:empty"),
            Self::Metadata(Metadata::Null) => f.write_str("metadata:null"),
            Self::Metadata(Metadata::Text) => f.write_str("metadata:text"),
            Self::Metadata(Metadata::List) => f.write_str("metadata:list"),
            Self::Unfiltered => f.write_str("unfiltered"),
            Self::EmptyPage(page) => write!(f, "empty-page:{page}"),
            Self::NoSuccess => f.write_str("no-success"),
            Self::ForeignDeploy(Foreign::Before) => f.write_str("foreign-deploy:before"),
            Self::ForeignDeploy(Foreign::Unlisted) => f.write_str("foreign-deploy:unlisted"),
            Self::ForeignDeploy(Foreign::After) => f.write_str("foreign-deploy:after"),
            Self::NotQueued => f.write_str("not-queued"),
            Self::LateStart(time) => write!(f, "late-start:{}", time.as_secs_f64()),
            Self::StatusGap => f.write_str("status-gap"),
            Self::ClockSkew(seconds) => write!(f, "clock-skew:{seconds}"),
            Self::Warning(words) => write!(f, "warning:{words}"),
        }
    }
}
