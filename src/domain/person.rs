//! The person who signed in.

use serde::{Deserialize, Serialize};

use super::ids::{AccountId, UserId};

/// Who the token belongs to, as `/ping/auth` tells it (fact sheet 4.9). Holds no e-mail address: Cloud 66
/// gives none at this scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The person's id; sessions of one person are grouped by it.
    pub id: UserId,
    /// The name to show; may be any text.
    pub name: String,
    /// The account that the token works in.
    pub account: AccountId,
    /// That account's name; may be any text.
    pub account_name: String,
}
