//! Who looks at what: an open page holds a [`Viewer`], and only while one does is Cloud 66 asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Watcher;
use crate::domain::StackUid;

/// What an open page shows, as far as it decides what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interest {
    /// The stacks.
    List,
    /// One stack, on its own page or on the receipt of a redeploy.
    Stack(StackUid),
}

/// How many pages show what.
#[derive(Debug, Default)]
pub(super) struct Viewers(Mutex<HashMap<Interest, usize>>);

impl Viewers {
    /// What somebody looks at.
    pub(super) fn interests(&self) -> Vec<Interest> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.keys().copied().collect()
    }

    /// Whether anybody looks.
    pub(super) fn any(&self) -> bool {
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn add(&self, interest: Interest) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(interest).or_default() += 1;
    }

    fn remove(&self, interest: Interest) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&interest) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&interest);
            }
        }
    }
}

/// The proof that a page is open; dropped when it closes.
#[derive(Debug)]
pub struct Viewer {
    watcher: Arc<Watcher>,
    interest: Interest,
}

impl Viewer {
    pub(super) fn new(watcher: Arc<Watcher>, interest: Interest) -> Self {
        watcher.viewers().add(interest);
        Self { watcher, interest }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.watcher.viewers().remove(self.interest);
    }
}
