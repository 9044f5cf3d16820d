//! The task that keeps open pages true: it asks Cloud 66 for what is due, and the ledger for what moved.
//!
//! Invariants:
//! * Nothing is asked of anybody while no page is open.
//! * The ledger is asked once for all people, whatever their number, so that a redeploy which another instance
//!   follows reaches the pages here.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::Watcher;
use super::plan::Step;
use crate::app::App;
use crate::domain::Redeploy;

/// The longest and the shortest pause between two rounds. The longest also bounds how late it is seen that
/// another page was opened or that a clock was set.
const LONGEST: Duration = Duration::from_millis(250);
const SHORTEST: Duration = Duration::from_millis(10);

/// How often the ledger is asked while a redeploy is under way, and while none is known to be.
const LEDGER: time::Duration = time::Duration::milliseconds(250);
const QUIET_LEDGER: time::Duration = time::Duration::seconds(1);

/// Without a reading for so long, the ledger was not followed.
const PAUSED: time::Duration = time::Duration::seconds(5);

/// How far back ends are looked for, so that clocks of instances may differ a little.
const ENDED_WITHIN: time::Duration = time::Duration::seconds(15);

/// When the ledger was read, and what of it was told already.
#[derive(Debug, Default)]
pub(super) struct LedgerRead {
    next: Option<OffsetDateTime>,
    told: Vec<Redeploy>,
}

/// Keeps open pages true until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let next = round(&app, Waiting::ForNobody).await;
        let pause = next
            .map_or(LONGEST, |next| {
                Duration::try_from(next - app.clock().now()).unwrap_or(SHORTEST)
            })
            .clamp(SHORTEST, LONGEST);
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.watchers().woken() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Whether a round waits for what it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// It goes on at once; a slow answer for one person keeps nobody else waiting.
    ForNobody,
    /// It returns when all is answered. For those who drive the rounds themselves.
    ForAll,
}

/// Does what is due; answers when the next thing is.
pub async fn round(app: &App, waiting: Waiting) -> Option<OffsetDateTime> {
    let now = app.clock().now();
    let attended = app.watchers().attended();
    read_ledger(app, &attended, now).await;
    let mut next = None;
    let mut begun = Vec::new();
    for watcher in attended {
        let due = watcher.plan().due(&watcher, now);
        next = [next, due.next].into_iter().flatten().min();
        for step in due.steps {
            if watcher.plan().begin(step, now) {
                begun.push(tokio::spawn(take(app.clone(), Arc::clone(&watcher), step)));
            }
        }
    }
    if waiting == Waiting::ForAll {
        join_all(begun).await;
    }
    next
}

async fn take(app: App, watcher: Arc<Watcher>, step: Step) {
    match step {
        Step::List => Arc::clone(&watcher).refresh(app.clock().now()).await,
        Step::Versions => Arc::clone(&watcher).read_versions().await,
        Step::Stack(uid, look) => {
            let ended = watcher.look(uid, look).await;
            let snapshot = watcher.snapshot();
            if let Some(open) = snapshot.open_on(uid).filter(|_| ended) {
                hurry(&app, open).await;
            }
        }
    }
    watcher.plan().end(step);
    app.watchers().wake();
}

/// A deployment of a followed redeploy's stack has ended: whoever follows it looks now and not at the next turn.
async fn hurry(app: &App, open: &Redeploy) {
    let ledger = app.store().ledger();
    if let Err(error) = ledger.look_now(open.id).await {
        tracing::warn!(%error, "a look could not be brought forward");
    }
    ledger.wake().notify_one();
}

/// Brings what moved in the ledger to those who look.
async fn read_ledger(app: &App, attended: &[Arc<Watcher>], now: OffsetDateTime) {
    let mut read = app.watchers().ledger_read().await;
    if attended.is_empty() || read.next.is_some_and(|next| now < next) {
        return;
    }
    let moving = match app.store().ledger().moving_within(ENDED_WITHIN).await {
        Ok(moving) => moving,
        Err(error) => {
            tracing::warn!(%error, "the ledger cannot be read for open pages; trying again");
            read.next = Some(now + QUIET_LEDGER);
            return;
        }
    };
    let (ended, open): (Vec<Redeploy>, Vec<Redeploy>) =
        moving.into_iter().partition(|redeploy| redeploy.state.is_end());
    if let Err(error) = app.learn_cancelled().await {
        tracing::warn!(%error, "cancelled deployments could not be read; trying again");
    }
    // After a pause, what ended in it was told by the page that was opened since.
    let goes_on = read.next.is_some_and(|next| now - next < PAUSED);
    read.next = Some(now + if open.is_empty() { QUIET_LEDGER } else { LEDGER });
    for watcher in attended {
        let theirs = |redeploy: &&Redeploy| redeploy.asked_by == watcher.person();
        let known = watcher.snapshot();
        let news = |redeploy: &&Redeploy| {
            known.told_of(redeploy.id).is_some()
                || (goes_on && !read.told.iter().any(|told| told.id == redeploy.id))
        };
        let ended: Vec<Redeploy> = ended.iter().filter(theirs).filter(news).cloned().collect();
        let open: Vec<Redeploy> = open.iter().filter(theirs).cloned().collect();
        let moved = |redeploy: &&Redeploy| known.told_of(redeploy.id) != Some(redeploy.state);
        for redeploy in ended.iter().chain(&open).filter(moved) {
            watcher.plan().look_at(redeploy.stack);
        }
        watcher.take_redeploys(open, &ended);
    }
    read.told = ended;
}
