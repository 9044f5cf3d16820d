//! The tasks that an instance consists of.
//!
//! Invariant: none ends unseen. One that ends although nobody has asked for the end (it panicked, or returned) ends
//! the whole instance, with a message that names it: half an instance would take clicks and send nothing.

use std::collections::HashMap;

use thiserror::Error;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

/// An instance ended although nobody asked it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0} ended by itself")]
pub struct EndedByItself(&'static str);

/// Tasks, each under a name that a message can use.
pub(super) struct Tasks {
    stop: CancellationToken,
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    /// No tasks yet. All of them have to end when `stop` is cancelled.
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self {
            stop,
            running: JoinSet::new(),
            names: HashMap::new(),
        }
    }

    pub(super) fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.running.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits until all have ended. Asks the others to end where one has ended by itself.
    pub(super) async fn ended(mut self) -> Result<(), EndedByItself> {
        let mut result = Ok(());
        while let Some(ended) = self.running.join_next_with_id().await {
            let id = match &ended {
                Ok((id, ())) => *id,
                Err(error) => error.id(),
            };
            let name = self.names.get(&id).copied().unwrap_or("a task");
            if let Err(error) = &ended {
                tracing::error!(%error, task = name, "a task ended badly");
            }
            if result.is_ok() && (ended.is_err() || !self.stop.is_cancelled()) {
                result = Err(EndedByItself(name));
                if !self.stop.is_cancelled() {
                    tracing::error!(task = name, "a task ended by itself; the program ends");
                    self.stop.cancel();
                }
            }
        }
        result
    }

    /// Ends all of them where they are.
    pub(super) fn abort(mut self) {
        self.running.abort_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn until(stop: CancellationToken) {
        stop.cancelled().await;
    }

    #[tokio::test]
    async fn a_task_that_panics_or_returns_ends_all_and_is_named() {
        for panics in [true, false] {
            let stop = CancellationToken::new();
            let mut tasks = Tasks::new(stop.clone());
            tasks.spawn("the server", until(stop.clone()));
            tasks.spawn("the worker", async move {
                assert!(!panics, "as if something in it were wrong");
            });
            let ended = tasks.ended().await;
            assert_eq!(ended, Err(EndedByItself("the worker")), "{panics}");
            assert!(stop.is_cancelled());
        }
    }

    #[tokio::test]
    async fn the_end_that_was_asked_for_is_a_good_one() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new(stop.clone());
        tasks.spawn("the server", until(stop.clone()));
        tasks.spawn("the worker", until(stop.clone()));
        stop.cancel();
        assert_eq!(tasks.ended().await, Ok(()));
    }
}
