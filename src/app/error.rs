//! Why a verb could not be done. The web turns each kind into a page; nothing else does.

use thiserror::Error;

use crate::cloud66;
use crate::store::StoreError;

/// A verb's failure.
#[derive(Debug, Error)]
pub enum Error {
    /// Cloud 66 did not answer as hoped.
    #[error("Cloud 66: {0}")]
    Cloud66(#[from] cloud66::Error),
    /// Our own database did not.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// There is no such thing, or it belongs to somebody else; the two are not told apart.
    #[error("not found")]
    NotFound,
    /// The token carries no scope for it.
    #[error("the token's scopes do not allow it")]
    NeedsRedeployScope,
    /// The version of Cloud 66's API that is spoken has no such command.
    #[error("this version of Cloud 66's API has no such command")]
    NotInThisVersion,
}
