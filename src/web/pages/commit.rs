//! How stacks, deployments and commits are named and linked.

use crate::domain::deployment::short_hash;
use crate::domain::{Deployment, Repository, Stack, Version};

/// How many digits of a hash name a commit in a repository of any size.
const ENOUGH_OF_A_HASH: usize = 12;

/// "checkout, production".
pub(super) fn spoken(stack: &Stack) -> String {
    let environment = stack.environment.as_str();
    if environment.is_empty() {
        stack.name.clone()
    } else {
        format!("{}, {environment}", stack.name)
    }
}

/// The page that shows what lies between the live commit and the branch.
pub(super) fn compare_to_branch(stack: &Stack, version: Option<&Version>) -> Option<String> {
    let live = version?.live.as_ref()?.git_hash.as_deref()?;
    let repository = Repository::parse(stack.git.as_deref()?)?;
    let link = repository.compare(short_hash(live), stack.git_branch.as_deref()?)?;
    Some(link.as_str().to_owned())
}

/// The page of a deployment's commit: Cloud 66's link, or one made from the repository's address.
pub(super) fn commit_link(stack: &Stack, deployment: &Deployment) -> Option<String> {
    if let Some(link) = &deployment.commit_url {
        return Some(link.as_str().to_owned());
    }
    let repository = Repository::parse(stack.git.as_deref()?)?;
    Some(
        repository
            .commit(deployment.git_hash.as_deref()?)?
            .as_str()
            .to_owned(),
    )
}

/// The same with a hash of twelve digits, which the sites that keep repositories take for the whole one: in a list of
/// many commits the rest of it is the heaviest part of a row, because it can only be sent as it is.
pub(super) fn short_commit_link(stack: &Stack, deployment: &Deployment) -> Option<String> {
    let mut link = commit_link(stack, deployment)?;
    if let Some(hash) = deployment.git_hash.as_deref().filter(|hash| is_hash(hash))
        && link.ends_with(hash)
    {
        link.truncate(link.len() - hash.len() + ENOUGH_OF_A_HASH);
    }
    Some(link)
}

/// "ana@example.com · web".
pub(super) fn by(deployment: &Deployment) -> String {
    let parts = [
        deployment.triggered_by.as_deref(),
        deployment.triggered_via.as_deref(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Whether a ref is a commit's full hash, which nobody wants to read whole.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}
