//! The task that sends and follows. One runs in every instance; the ledger's claims keep them apart.
//!
//! Invariants:
//! * Nothing is claimed before this start has begun an epoch, and what may not be sent as it is has been set aside.
//! * A row is sent by whoever claimed it, and by nobody else; see [`super::send`].
//! * When the program is asked to stop, nothing new is claimed, and what is on its way is waited for, for a
//!   bounded time. What is not answered by then is written down as unknown; the next start, or another instance,
//!   looks it up. A program that is killed instead leaves that to its leases.

use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::polls::Polls;
use super::send::LEASE;
use super::{App, sweep};
use crate::store::StoreError;

/// How long nothing is asked of the ledger when nobody wakes the worker.
const TICK: Duration = Duration::from_millis(500);

/// How many requests are on their way at a time. Of one person
/// [`SENDS_OF_ONE_PERSON`](crate::store::SENDS_OF_ONE_PERSON) are, so eight slow accounts leave as much again for
/// everybody else; a request that waits for its answer costs a connection and little memory.
const SENDS_AT_ONCE: usize = 64;

/// How long requests on their way are waited for at the end. Container platforms commonly kill after 30 s.
pub const GRACE: Duration = Duration::from_secs(25);

/// How often what has expired is swept, in ticks: once a minute.
const SWEEP_EVERY: u32 = 120;

/// Works until `stop`, then waits for what is on its way. `begun` says whether this start's epoch has begun in the
/// ledger; without it nothing is claimed, and it is begun here as soon as the database allows it.
pub async fn run(app: App, stop: CancellationToken, mut begun: bool) {
    let name = app.random().token();
    let wake = app.store().ledger().wake();
    let mut sends = JoinSet::new();
    let mut polls = Polls::default();
    let mut ticks: u32 = 0;
    while !stop.is_cancelled() {
        while let Some(ended) = sends.try_join_next() {
            note_panic(ended);
        }
        if !begun {
            begun = app.store().ledger().begin_epoch().await.is_ok();
        }
        if begun && let Err(error) = round(&app, &name, &mut sends, &mut polls).await {
            tracing::warn!(%error, "the ledger cannot be read; trying again");
        }
        if ticks.is_multiple_of(SWEEP_EVERY) {
            sweep::sweep(&app).await;
        }
        ticks = ticks.wrapping_add(1);
        tokio::select! {
            () = stop.cancelled() => {}
            () = wake.notified() => {}
            Some(ended) = sends.join_next() => note_panic(ended),
            () = tokio::time::sleep(TICK) => {}
        }
    }
    polls.shutdown().await;
    let on_their_way = sends.len();
    if on_their_way > 0 {
        tracing::info!(on_their_way, "waiting for redeploys on their way");
    }
    let all = async { while sends.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all).await.is_ok() {
        return;
    }
    sends.shutdown().await;
    match app.store().ledger().give_up(&name).await {
        Ok(unanswered) => tracing::warn!(
            unanswered,
            "stopped before Cloud 66 answered; the next start looks it up"
        ),
        // Then the lease ends by itself, and the next start looks it up a minute later.
        Err(error) => tracing::error!(%error, "what is on its way could not be written down as unanswered"),
    }
}

/// Says that a task panicked. Its row is not lost: the lease ends, and the row is looked up.
fn note_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "the task of a redeploy ended badly; the redeploy will be looked up");
    }
}

async fn round(app: &App, name: &str, sends: &mut JoinSet<()>, polls: &mut Polls) -> Result<(), StoreError> {
    let ledger = app.store().ledger();
    ledger.expire_leases().await?;
    ledger.set_aside().await?;
    while sends.len() < SENDS_AT_ONCE {
        let Some(claim) = ledger.claim(name, LEASE).await? else {
            break;
        };
        let app = app.clone();
        sends.spawn(async move {
            if let Err(error) = app.send(&claim).await {
                tracing::error!(operation = %claim.redeploy().id, %error, "an answer could not be written down; it will be looked up");
            }
        });
    }
    polls.begin_due(app).await
}
