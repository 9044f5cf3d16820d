//! How long a page waits for Cloud 66 before it says what is known without it.

use std::time::Duration;

/// The waits of a page. The defaults are what is served: so long a person may look at an empty window. A test waits
/// for the answer itself, because on a busy machine any of these passes before it is there.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the first list, where nothing is known yet.
    pub first_list: Duration,
    /// For a newer list than the one that is known.
    pub newer_list: Duration,
    /// For the deployments of the stacks that moved lately.
    pub changes: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_list: Duration::from_secs(12),
            newer_list: Duration::from_secs(3),
            changes: Duration::from_secs(3),
        }
    }
}
