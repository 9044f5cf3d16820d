//! How many redeploys this process saw end, by how they ended: for the operator's metrics. Every statement that
//! ends a row is called in this folder, so none is missed here and none counted twice.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::RedeployState;

/// The ends, in the order of [`Ends`]' fields.
const ENDS: [RedeployState; 6] = [
    RedeployState::Refused,
    RedeployState::Lost,
    RedeployState::Succeeded,
    RedeployState::Failed,
    RedeployState::Cancelled,
    RedeployState::Ended,
];

/// One count for each end, since the start of the process.
#[derive(Debug, Default)]
pub(super) struct Ends([AtomicU64; ENDS.len()]);

impl Ends {
    /// Counts an end that came about, and says whether it did.
    pub(super) fn add(&self, state: RedeployState, came_about: bool) -> bool {
        self.add_many(state, u64::from(came_about));
        came_about
    }

    /// Counts several rows that ended by one statement.
    pub(super) fn add_many(&self, state: RedeployState, rows: u64) {
        if let Some((_, count)) = ENDS.iter().zip(&self.0).find(|(end, _)| **end == state) {
            count.fetch_add(rows, Ordering::Relaxed);
        }
    }

    /// Every end with its count.
    pub(super) fn read(&self) -> Vec<(&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        ENDS.iter().map(|end| end.as_str()).zip(counts).collect()
    }
}
