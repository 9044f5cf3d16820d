//! Addresses of Cloud 66's own pages.

use std::sync::Arc;

use crate::domain::{StackUid, WebLink};

/// Pages of Cloud 66 itself, below the origin that the settings name, or in the demo below a path of ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cloud66Pages {
    /// Scheme, host and port, or a path; without a slash at the end.
    origin: Arc<str>,
}

impl Cloud66Pages {
    /// Below this address; its path and query do not count.
    pub fn new(address: &WebLink) -> Self {
        let origin = url::Url::parse(address.as_str()).map(|url| url.origin().ascii_serialization());
        Self {
            origin: origin.unwrap_or_default().into(),
        }
    }

    /// Below this path of our own address, without a slash at its end.
    pub fn below(path: &str) -> Self {
        Self { origin: path.into() }
    }

    /// Its first page.
    pub fn home(&self) -> String {
        format!("{}/", self.origin)
    }

    /// A stack's page, where logs and servers are.
    pub fn stack(&self, uid: StackUid) -> String {
        format!("{}/stacks/{uid}", self.origin)
    }

    /// Where a person sees and takes back what apps may do (fact sheet 3.10).
    pub fn authorized_applications(&self) -> String {
        format!("{}/oauth/authorized_applications", self.origin)
    }

    /// Where applications are registered (fact sheet 2).
    pub fn applications(&self) -> String {
        format!("{}/oauth/applications", self.origin)
    }
}
