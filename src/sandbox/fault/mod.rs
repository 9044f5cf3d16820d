//! Faults: what goes wrong on demand, where, and how often.
//!
//! A fault is aimed at an operation (or at `api`, `oauth`, `all`) and lasts for a count or a share of its
//! calls, of everybody or of one person. Its text form is
//! `TARGET=EFFECT[:VALUE][;count=N][;share=PERCENT][;skip=N][;by=EMAIL]`, for example
//! `redeploy=no-answer-after;count=1`. What is armed first is tried first; delays and what Cloud 66 does or writes
//! otherwise add up ([`Effect::adds_up`]), and of the other effects the first that hits is applied.

mod effect;
pub(crate) mod distort;

pub use effect::{Effect, Foreign, Metadata, Shift, When, WrongAction};

use super::operation::Operation;
use super::random::Seeded;
use std::fmt;
use std::str::FromStr;

/// One fault: an effect, what it is aimed at, and how often it hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What it is aimed at.
    pub target: Target,
    /// What it does.
    pub effect: Effect,
    /// How many calls it hits; `None`: until it is cleared.
    pub count: Option<u64>,
    /// The percentage of calls that it hits; 100 for each.
    pub share: u8,
    /// How many matching calls pass before it begins.
    pub skip: u64,
    /// Whose calls it hits, by email; `None`: everybody's.
    pub by: Option<String>,
}

/// What a fault is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target(Aim);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    All,
    Api,
    OAuth,
    One(Operation),
}

impl Target {
    fn matches(self, operation: Operation) -> bool {
        match self.0 {
            Aim::All => operation.is_api() || operation.is_oauth() || operation == Operation::RedeployHook,
            Aim::Api => operation.is_api(),
            Aim::OAuth => operation.is_oauth(),
            Aim::One(one) => operation == one,
        }
    }
}

/// Why a fault's text form cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is no `=`.
    #[error(
        "\"{0}\" has no '='; a fault is written TARGET=EFFECT, for example redeploy=no-answer-after;count=1"
    )]
    NoEffect(String),
    /// Nothing to aim at has that name.
    #[error("\"{0}\" is nothing that a fault can be aimed at; known: {names}", names = target_names())]
    UnknownTarget(String),
    /// No effect has that name.
    #[error("\"{0}\" is no effect; known: {names}", names = Effect::known())]
    UnknownEffect(String),
    /// The effect needs a value, or another kind of value.
    #[error("\"{0}\" needs {1} after a colon")]
    Value(String, &'static str),
    /// After `;` stands something else than count, share, skip or by.
    #[error("\"{0}\" is not count=NUMBER, share=PERCENT, skip=NUMBER or by=EMAIL")]
    Option(String),
}

fn target_names() -> String {
    format!(
        "all, api, oauth, {}",
        Operation::AIMABLE.map(Operation::name).join(", ")
    )
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (target, rest) = text
            .split_once('=')
            .ok_or_else(|| FaultError::NoEffect(text.to_owned()))?;
        let mut parts = rest.split(';').map(str::trim);
        let effect = parts.next().unwrap_or_default().parse()?;
        let mut fault = Self {
            target: target.trim().parse()?,
            effect,
            count: None,
            share: 100,
            skip: 0,
            by: None,
        };
        for part in parts {
            let wrong = || FaultError::Option(part.to_owned());
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            match name {
                "count" => fault.count = Some(value.parse().map_err(|_| wrong())?),
                "skip" => fault.skip = value.parse().map_err(|_| wrong())?,
                "share" => {
                    let share = value
                        .strip_suffix('%')
                        .unwrap_or(value)
                        .parse()
                        .map_err(|_| wrong())?;
                    fault.share = Some(share).filter(|share| *share <= 100).ok_or_else(wrong)?;
                }
                "by" if value.contains('@') => fault.by = Some(value.to_owned()),
                _ => return Err(wrong()),
            }
        }
        Ok(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.target, self.effect)?;
        if let Some(count) = self.count {
            write!(f, ";count={count}")?;
        }
        if self.share != 100 {
            write!(f, ";share={}", self.share)?;
        }
        if self.skip != 0 {
            write!(f, ";skip={}", self.skip)?;
        }
        if let Some(by) = &self.by {
            write!(f, ";by={by}")?;
        }
        Ok(())
    }
}

impl FromStr for Target {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        Ok(Self(match text {
            "all" => Aim::All,
            "api" => Aim::Api,
            "oauth" => Aim::OAuth,
            name => Operation::AIMABLE
                .into_iter()
                .find(|operation| operation.name() == name)
                .map(Aim::One)
                .ok_or_else(|| FaultError::UnknownTarget(name.to_owned()))?,
        }))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Aim::All => "all",
            Aim::Api => "api",
            Aim::OAuth => "oauth",
            Aim::One(operation) => operation.name(),
        })
    }
}

/// The faults that are armed, and how far each has come.
#[derive(Debug)]
pub(crate) struct Faults {
    armed: Vec<Fault>,
    draws: Seeded,
}

impl Faults {
    pub(crate) fn new(seed: u64, armed: Vec<Fault>) -> Self {
        Self {
            armed,
            draws: Seeded::new(seed, "faults"),
        }
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        self.armed.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    /// Disarms one, as it was armed.
    pub(crate) fn remove(&mut self, fault: &Fault) {
        self.armed.retain(|armed| armed != fault);
    }

    pub(crate) fn list(&self) -> &[Fault] {
        &self.armed
    }

    /// The faults that hit this call of this person. Counts go down; what is used up is disarmed.
    pub(crate) fn hit(&mut self, operation: Operation, person: Option<&str>) -> Vec<Fault> {
        let mut hits: Vec<Fault> = Vec::new();
        for fault in self
            .armed
            .iter_mut()
            .filter(|fault| fault.target.matches(operation))
            .filter(|fault| fault.by.is_none() || fault.by.as_deref() == person)
        {
            if !fault.effect.adds_up() && hits.iter().any(|hit| !hit.effect.adds_up()) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if fault.count == Some(0) || !self.draws.chance(u64::from(fault.share)) {
                continue;
            }
            fault.count = fault.count.map(|count| count.saturating_sub(1));
            hits.push(fault.clone());
        }
        self.armed.retain(|fault| fault.count != Some(0));
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_reads_back_as_it_is_written() {
        for text in [
            "redeploy=no-answer-after;count=1",
            "stacks=delay:2.5;share=25",
            "all=status:502;count=3;skip=2",
            "token=html",
            "api=throttled:60",
            "stacks=moved-pages:skip",
            "stack=redirect:http://example.com/",
            "ping-auth=clock-skew:-300",
            "redeploy=delay:5;count=2;by=ana@example.com",
            "redeploy=wrong-action:other",
            "redeploy=wrong-action:ended",
            "redeploy=wrong-action:unknown",
            "actions=metadata:missing",
            "actions=metadata:empty",
            "actions=metadata:null",
            "action=metadata:text",
            "action=metadata:list",
            "actions=unfiltered",
            "actions=empty-page:2",
            "action=no-success",
            "redeploy=foreign-deploy:before",
            "redeploy=foreign-deploy:unlisted",
            "redeploy=foreign-deploy:after",
            "redeploy=not-queued",
            "redeploy=late-start:8",
            "stack=status-gap;count=2",
            "redeploy=delay:5;count=2;by=ana@example.com",
            "stacks=warning:Your plan ends soon",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_in_words() {
        for (text, words) in [
            ("redeploy", "has no '='"),
            ("deploy=html", "nothing that a fault can be aimed at"),
            ("redeploy=explode", "is no effect"),
            ("redeploy=delay", "needs seconds"),
            ("redeploy=status:20", "needs a status"),
            ("redeploy=html;times=3", "is not count=NUMBER"),
            ("redeploy=html;share=101", "is not count=NUMBER"),
            ("redeploy=html;count=-1", "is not count=NUMBER"),
            ("redeploy=html;by=ana", "by=EMAIL"),
            ("redeploy=wrong-action", "needs other, ended or unknown"),
            ("actions=metadata:odd", "needs missing, empty, null, text or list"),
            ("actions=empty-page", "needs a page number"),
            ("redeploy=foreign-deploy:now", "needs before, unlisted or after"),
            ("redeploy=late-start", "needs seconds"),
            ("redeploy=html;by=ana", "by=EMAIL"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn a_count_is_used_up_by_matching_calls_only() {
        let mut faults = Faults::new(1, vec!["redeploy=html;count=2;skip=1".parse().unwrap()]);
        assert!(faults.hit(Operation::Stacks, None).is_empty());
        assert!(faults.hit(Operation::Redeploy, None).is_empty(), "skipped");
        assert_eq!(faults.hit(Operation::Redeploy, None).len(), 1);
        assert_eq!(faults.hit(Operation::Redeploy, None).len(), 1);
        assert!(faults.hit(Operation::Redeploy, None).is_empty());
        assert!(faults.list().is_empty());
    }

    #[test]
    fn delays_add_up_and_only_the_first_other_effect_is_taken() {
        let armed = [
            "api=delay:1",
            "stacks=html",
            "stacks=truncated;count=1",
            "stacks=delay:2",
        ];
        let mut faults = Faults::new(1, armed.iter().map(|text| text.parse().unwrap()).collect());
        let hits: Vec<String> = faults
            .hit(Operation::Stacks, None)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(hits, ["api=delay:1", "stacks=html", "stacks=delay:2"]);
        assert_eq!(faults.list().len(), 4, "what was not applied is not used up");
    }

    #[test]
    fn what_cloud_66_does_otherwise_adds_up_with_everything_else() {
        let armed = [
            "redeploy=foreign-deploy:before",
            "redeploy=no-action-id",
            "redeploy=late-start:8",
            "redeploy=html",
        ];
        let mut faults = Faults::new(1, armed.iter().map(|text| text.parse().unwrap()).collect());
        let hits: Vec<String> = faults
            .hit(Operation::Redeploy, None)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(hits, armed.get(..3).unwrap());
    }

    #[test]
    fn a_fault_of_one_person_hits_nobody_else() {
        let mut faults = Faults::new(1, vec!["api=html;count=1;by=ana@example.com".parse().unwrap()]);
        assert!(faults.hit(Operation::Stacks, None).is_empty());
        assert!(faults.hit(Operation::Stacks, Some("ben@example.com")).is_empty());
        assert_eq!(faults.hit(Operation::Stacks, Some("ana@example.com")).len(), 1);
    }

    #[test]
    fn a_share_hits_about_that_part() {
        let mut faults = Faults::new(1, vec!["all=html;share=30".parse().unwrap()]);
        let hits = (0..1000)
            .filter(|_| !faults.hit(Operation::Token, None).is_empty())
            .count();
        assert!((230..370).contains(&hits), "{hits}");
    }

    #[test]
    fn pages_and_the_control_endpoint_are_never_hit() {
        let mut faults = Faults::new(1, vec!["all=html".parse().unwrap()]);
        assert!(faults.hit(Operation::Page, None).is_empty());
        assert!(faults.hit(Operation::Control, None).is_empty());
    }
}
