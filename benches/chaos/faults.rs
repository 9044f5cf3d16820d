//! What goes wrong at the sandbox, how often, and what of it happened.
//!
//! Cloud 66 may be silent, slow, cut off or out of order, name the wrong action or none, drop the reference, and deploy
//! for somebody else in the same second. What it says of an action that carries our reference, and of a deployment, is
//! so: against a Cloud 66 that lies there, no client has a defence.

use std::collections::{BTreeMap, BTreeSet};

use stackdeck::sandbox::{Fault, World};
use time::OffsetDateTime;

use crate::Fallible;

/// Faults of the request that redeploys, with the share of requests that they hit, in per cent. Those that
/// let it be carried out and hide that, and those that stop it before, about half and half.
const SENDING: [(&str, u8); 22] = [
    ("close-before", 2),
    ("close-after", 2),
    ("reset-before", 2),
    ("reset-after", 2),
    ("no-answer-before", 1),
    ("no-answer-after", 2),
    ("close-body", 2),
    ("reset-body", 2),
    ("truncated", 1),
    ("empty", 1),
    ("html", 1),
    ("status:502", 1),
    ("status:503", 1),
    ("status:504", 1),
    ("status-after:500", 1),
    ("status-after:502", 1),
    ("status-after:504", 1),
    ("throttled:60", 1),
    ("too-many:60", 1),
    ("conflict", 1),
    ("time-out", 1),
    ("no-action-id", 5),
];

/// What Cloud 66 does or writes otherwise while it answers, with the share of the requests, in per cent.
const AT_ODDS: [(&str, &str, u8); 21] = [
    ("redeploy", "wrong-action:other", 1),
    ("redeploy", "wrong-action:ended", 1),
    ("redeploy", "wrong-action:unknown", 1),
    ("redeploy", "foreign-deploy:before", 2),
    ("redeploy", "foreign-deploy:after", 2),
    ("redeploy", "foreign-deploy:unlisted", 1),
    ("redeploy", "not-queued", 2),
    ("redeploy", "late-start:8", 2),
    ("actions", "metadata:missing", 1),
    ("actions", "metadata:empty", 1),
    ("actions", "metadata:null", 1),
    ("actions", "metadata:text", 1),
    ("actions", "metadata:list", 1),
    ("actions", "unfiltered", 2),
    ("actions", "no-success", 1),
    ("action", "metadata:missing", 1),
    ("action", "metadata:text", 1),
    ("action", "metadata:list", 1),
    ("action", "no-success", 1),
    ("stack", "status-gap", 1),
    ("stacks", "status-gap", 1),
];

/// Faults of each of the questions that are asked.
const READING: [(&str, u8); 10] = [
    ("close-before", 1),
    ("reset-after", 1),
    ("no-answer-before", 1),
    ("close-body", 1),
    ("reset-body", 1),
    ("truncated", 1),
    ("html", 1),
    ("status:502", 2),
    ("throttled:5", 1),
    ("too-many:5", 1),
];

/// The questions.
const QUESTIONS: [&str; 6] = ["stacks", "stack", "deployments", "actions", "action", "services"];

/// Part of the app's time limit, in seconds of the clock that is sped up: slow, but in time.
const SLOW: f64 = 6.0;
/// More than the app waits.
const TOO_SLOW: f64 = 20.0;

/// Arms them all, for as long as the run lasts.
pub(crate) fn arm(world: &World, speed: u32) -> Fallible<()> {
    let seconds = |of: f64| of / f64::from(speed);
    let add = |target: &str, effect: &str, share: u8| -> Fallible<()> {
        world.add_fault(format!("{target}={effect};share={share}").parse::<Fault>()?);
        Ok(())
    };
    for (effect, share) in SENDING {
        add("redeploy", effect, share)?;
    }
    add("redeploy", &format!("delay:{}", seconds(SLOW)), 10)?;
    add("redeploy", &format!("delay:{}", seconds(TOO_SLOW)), 2)?;
    for (target, effect, share) in AT_ODDS {
        add(target, effect, share)?;
    }
    for question in QUESTIONS {
        for (effect, share) in READING {
            add(question, effect, share)?;
        }
        add(question, &format!("delay:{}", seconds(SLOW)), 4)?;
    }
    Ok(())
}

/// What the sandbox's journal showed, added up as it was read.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// Requests of every kind.
    pub(crate) requests: u64,
    /// Requests to redeploy, whether or not they were carried out.
    pub(crate) sent: u64,
    /// The `user_reference` of each of them, and when it arrived.
    pub(crate) arrivals: Vec<(String, OffsetDateTime)>,
    /// Redeploys about which the sandbox was asked by their `user_reference`.
    pub(crate) looked_up: BTreeSet<String>,
    /// How often each fault hit a redeploy, and how often a question, by its name.
    pub(crate) faults: BTreeMap<String, (u64, u64)>,
}

impl Seen {
    /// Takes what the sandbox has noted since the last time.
    pub(crate) fn take(&mut self, world: &World) {
        for entry in world.take_journal().entries() {
            self.requests += 1;
            let sends = entry.operation == "redeploy";
            let reference = entry.user_reference.clone();
            if entry.operation == "actions" {
                self.looked_up.extend(reference);
            } else if sends {
                self.sent += 1;
                self.arrivals
                    .push((reference.unwrap_or_default(), entry.arrived_at));
            }
            let Some(fault) = &entry.fault else { continue };
            for name in fault.split(" + ") {
                // Delays and pauses by their kind, statuses by their number.
                let name = match name.split_once(':') {
                    Some((kind @ ("delay" | "throttled" | "too-many" | "late-start"), _)) => kind,
                    _ => name,
                };
                let count = self.faults.entry(name.to_owned()).or_default();
                if sends {
                    count.0 += 1;
                } else {
                    count.1 += 1;
                }
            }
        }
    }
}
