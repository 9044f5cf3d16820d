//! A verdict as it is shown: words, outline and tone, and the line below it.

use std::borrow::Cow;

use askama::Template;
use time::{Duration, OffsetDateTime};

use super::words::{self, When};
use crate::domain::{Icon, Tone, Verdict, Version};

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
pub(super) fn icon(icon: Icon) -> &'static str {
    match icon {
        Icon::Ring => "ring",
        Icon::Clock => "clock",
        Icon::Octagon => "octagon",
        Icon::Triangle => "triangle",
        Icon::Tick => "tick",
        Icon::Dash => "dash",
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
            Verdict::DeployFailed | Verdict::DeployCancelled => {
                if let Some(hash) = version.and_then(|version| version.live.as_ref()?.short_hash()) {
                    return Self::Still(hash.to_owned());
                }
                if verdict == Verdict::DeployFailed {
                    "The last deploy did not end well"
                } else {
                    "The last deploy was stopped"
                }
            }
            Verdict::Starting => "Accepted by Cloud 66",
            Verdict::Busy => "Cloud 66 is at work on it",
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
            Verdict::NotGiven => "Cloud 66 gives no status",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deploy_is_late_only_after_a_minutes_grace() {
        let usual = Duration::minutes(7);
        for (passed, words) in [
            (Duration::minutes(3), "usually 7 min"),
            (Duration::seconds(7 * 60 + 59), "usually 7 min"),
            (Duration::minutes(9), "2 min longer than usual"),
        ] {
            assert_eq!(against(passed, usual), words);
        }
    }

    #[test]
    fn progress_never_leaves_its_bar() {
        let now = OffsetDateTime::UNIX_EPOCH;
        for started in [now - Duration::hours(5), now + Duration::hours(5)] {
            let progress = Progress::new(started, Some(Duration::minutes(7)), now);
            let usual = progress.usual.unwrap();
            assert!((0..=usual.seconds).contains(&usual.passed));
        }
        assert!(Progress::new(now, Some(Duration::ZERO), now).usual.is_none());
    }
}
