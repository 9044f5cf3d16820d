//! A service: one of the containers that a Docker stack runs.

/// A service of a stack, as far as a redeploy needs to know it (fact sheet 4.11). Texts are as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// What it is called in the `services` of a redeploy.
    pub name: String,
    /// The image tag that runs now; none for services built from Git.
    pub image_tag: Option<String>,
    /// The Git ref that runs now; none for services taken as an image.
    pub git_ref: Option<String>,
    /// `image` or `git`, in lower case.
    pub source: Option<String>,
}
