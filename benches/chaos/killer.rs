//! Whoever kills: each death at a random moment of the run, half of them just after somebody pressed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::Fallible;
use crate::dice::Dice;
use crate::person::Crowd;
use crate::processes::Process;

/// The lease of a claim, in seconds of the clock that is sped up (`src/app/send.rs`); a process that is stopped is
/// stopped for longer.
const LEASE_SECONDS: u32 = 60;

/// A process that was started again is left alone at least this long, so that it does something worth killing.
const REST: Duration = Duration::from_millis(400);

/// For so many kills, one process is asked to end and one is stopped for a while.
const TENTH: usize = 10;

/// How a process is ended, or held up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    Kill,
    End,
    Freeze,
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

/// Kills `kills` times, and a tenth as often ends and freezes, spread over the clicks of the run.
pub(crate) async fn run(
    crowd: &Crowd,
    processes: &[Process],
    clicks: usize,
    kills: usize,
    speed: u32,
    dice: &Dice,
) -> Fallible<Deaths> {
    let mut plan = vec![Death::Kill; kills];
    plan.extend(vec![Death::End; kills.div_ceil(TENTH)]);
    plan.extend(vec![Death::Freeze; kills.div_ceil(TENTH)]);
    for at in (1..plan.len()).rev() {
        plan.swap(at, dice.below(at + 1));
    }
    let mut deaths = Deaths::default();
    let every = clicks / (plan.len() + 1);
    for (number, death) in plan.iter().enumerate() {
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
        }
        match death {
            Death::Kill => {
                process.kill()?;
                deaths.killed += 1;
            }
            Death::End => {
                if !process.end_and_start().await?.success() {
                    deaths.ended_badly += 1;
                }
                deaths.ended += 1;
            }
            Death::Freeze => {
                let lease = Duration::from_secs(LEASE_SECONDS.into()) / speed;
                process.freeze(lease + dice.millis(200, 1_500)).await?;
                deaths.frozen += 1;
            }
        }
        tokio::time::sleep(REST).await;
    }
    crowd.floor.store(0, Ordering::SeqCst);
    Ok(deaths)
}
