//! Letting time pass while the worker waits for it, so that nobody else has to.

use std::sync::{Arc, Mutex};

use stackdeck::app::App;
use stackdeck::domain::{ManualClock, RedeployState};
use stackdeck::sandbox::World;

/// How long a test pauses between two looks at something that has to become so.
pub const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// The time of a running app.
#[derive(Clone)]
pub struct Time {
    clock: ManualClock,
    world: World,
    running: Arc<Mutex<Option<App>>>,
}

impl Time {
    pub fn of(clock: &ManualClock, world: &World) -> Self {
        Self {
            clock: clock.clone(),
            world: world.clone(),
            running: Arc::default(),
        }
    }

    /// This is what runs now.
    pub fn runs(&self, app: &App) {
        *self.running.lock().unwrap() = Some(app.clone());
    }

    /// Lets a moment pass and wakes the worker. No time passes while a redeploy is still to be sent for the first time,
    /// or Cloud 66 has a request to answer: on a busy machine either may take a second, in which the app would
    /// otherwise live through minutes, and give up what it waits for.
    pub async fn let_pass(&self, moment: time::Duration) {
        let running = self.running.lock().unwrap().clone();
        let is_free =
            self.world.being_answered() == 0 && !Self::has_unsent(running.as_ref(), &self.clock).await;
        if is_free {
            self.clock.advance(moment);
        }
        if let Some(app) = running {
            app.store().ledger().wake().notify_one();
        }
        tokio::time::sleep(PAUSE).await;
    }

    /// A database that cannot be read has nothing that could be sent.
    async fn has_unsent(app: Option<&App>, clock: &ManualClock) -> bool {
        let Some(app) = app else { return false };
        let rows = app.store().ledger().moving(clock.clock().now()).await;
        rows.unwrap_or_default()
            .iter()
            .any(|row| row.state == RedeployState::Requested && row.attempts == 0)
    }
}
