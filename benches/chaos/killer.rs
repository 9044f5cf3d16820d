//! Whoever does harm: kills at random moments of the run, half of them just after somebody pressed, and mishaps
//! (`mishaps`) between them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::Fallible;
use crate::dice::Dice;
use crate::mishaps::{Mishap, Mishaps};
use crate::options::Options;
use crate::person::Crowd;
use crate::processes::Process;

/// The lease of a claim, in seconds of the clock that is sped up (`src/app/send.rs`); a process that is stopped is
/// stopped for longer.
const LEASE_SECONDS: u32 = 60;

/// A process that was started again is left alone at least this long, so that it does something worth killing.
const REST: Duration = Duration::from_millis(400);

/// For so many kills, one process is asked to end and one is stopped for a while.
const TENTH: usize = 10;

/// For so many kills, there is one mishap of each kind.
const FIFTH: usize = 5;

/// What is done to the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    Kill,
    End,
    Freeze,
    Mishap(Mishap),
}

/// What was done.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Deaths {
    pub(crate) killed: usize,
    pub(crate) ended: usize,
    /// Of those, the ones that did not end cleanly.
    pub(crate) ended_badly: usize,
    pub(crate) frozen: usize,
    /// Processes that ended by themselves.
    pub(crate) died: usize,
}

/// All blows of a run, in the order in which they fall.
fn plan(options: &Options, dice: &Dice) -> Vec<Blow> {
    let mut plan = vec![Blow::Kill; options.kills];
    plan.extend(vec![Blow::End; options.kills.div_ceil(TENTH)]);
    plan.extend(vec![Blow::Freeze; options.kills.div_ceil(TENTH)]);
    let of_each = options.mishaps.unwrap_or(options.kills.div_ceil(FIFTH));
    for mishap in Mishap::ALL.into_iter().filter(|mishap| mishap.is_of(options)) {
        plan.extend(vec![Blow::Mishap(mishap); of_each]);
    }
    for at in (1..plan.len()).rev() {
        plan.swap(at, dice.below(at + 1));
    }
    plan
}

/// Does all of it, spread over the clicks of the run.
pub(crate) async fn run(
    crowd: &Crowd,
    processes: &[Process],
    mishaps: &Mishaps<'_>,
    options: &Options,
    dice: &Dice,
) -> Fallible<Deaths> {
    let plan = plan(options, dice);
    let mut deaths = Deaths::default();
    let clicks = options.clicks;
    let every = clicks / (plan.len() + 1);
    for (number, blow) in plan.iter().enumerate() {
        let due = clicks.saturating_sub((number + 1) * every + dice.below(every));
        crowd.floor.store(due.saturating_sub(every), Ordering::SeqCst);
        while crowd.left.load(Ordering::SeqCst) > due {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if dice.chance(50) {
            let pressed = crowd.pressed.notified();
            let _ = tokio::time::timeout(REST, pressed).await;
            tokio::time::sleep(dice.millis(0, 60)).await;
        }
        let Some(process) = dice.pick(processes) else {
            break;
        };
        if process.is_gone() {
            deaths.died += 1;
            process.start_again()?;
        }
        match blow {
            Blow::Kill => {
                process.kill()?;
                process.start_again()?;
                deaths.killed += 1;
            }
            Blow::End => {
                if !process.end_and_start().await?.success() {
                    deaths.ended_badly += 1;
                }
                deaths.ended += 1;
            }
            Blow::Freeze => {
                let lease = Duration::from_secs(LEASE_SECONDS.into()) / options.speed;
                process.freeze(lease + dice.millis(200, 1_500)).await?;
                deaths.frozen += 1;
            }
            Blow::Mishap(mishap) => mishaps.happen(*mishap, process).await?,
        }
        tokio::time::sleep(REST).await;
    }
    crowd.floor.store(0, Ordering::SeqCst);
    Ok(deaths)
}
