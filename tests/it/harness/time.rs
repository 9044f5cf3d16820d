//! Letting time pass while the worker waits for it, so that nobody else has to.

use std::sync::{Arc, Mutex};

use stackdeck::app::App;
use stackdeck::domain::ManualClock;
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

    /// Lets a moment pass and wakes the worker. While Cloud 66 has a request to answer no time passes: on a busy
    /// machine an answer may take a second, in which the app would otherwise live through minutes, and give up what it
    /// waits for.
    pub async fn let_pass(&self, moment: time::Duration) {
        if self.world.being_answered() == 0 {
            self.clock.advance(moment);
            if let Some(app) = self.running.lock().unwrap().as_ref() {
                app.store().ledger().wake().notify_one();
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
