//! Accounts, the people in them, and what each may do to a stack.
//!
//! A role never adds to what a token's scopes allow, nor the other way round: both must permit (fact
//! sheet 3.6).

use serde::Serialize;
use time::OffsetDateTime;

/// What somebody may do with a stack (fact sheet 4.8), the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Role {
    /// Sees the stack.
    Viewer,
    /// Also redeploys, cancels and runs actions.
    Deployer,
    /// Everything.
    Administrator,
}

impl Role {
    /// The word that the API uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::Deployer => "Deployer",
            Self::Administrator => "Administrator",
        }
    }
}

/// An account: the owner of stacks.
#[derive(Clone, Debug)]
pub struct Account {
    /// The value for `X-Account`.
    pub id: u64,
    /// Its name, for people.
    pub name: String,
    /// The owner's email.
    pub owner: String,
    /// When it was opened.
    pub created_at: OffsetDateTime,
    /// Whether its trial is over: every request of its people answers 402.
    pub trial_expired: bool,
}

impl Account {
    /// "Friendly (email)", as stacks carry it (fact sheet 4.1).
    pub fn label(&self) -> String {
        format!("{} ({})", self.name, self.owner)
    }
}

/// A membership of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Which account.
    pub account_id: u64,
    /// The role on each of its stacks; `None`: only the stacks that are named for the person.
    pub role: Option<Role>,
}

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The user id.
    pub id: u64,
    /// The email, by which the sandbox's people are told apart.
    pub email: String,
    /// The name shown.
    pub name: String,
    /// What the sign-in page says about them.
    pub about: &'static str,
    /// The account they are in when no `X-Account` is sent.
    pub primary_account: u64,
    /// The accounts they belong to.
    pub memberships: Vec<Membership>,
    /// Roles on single stacks, which replace the account's.
    pub stack_roles: Vec<(String, Role)>,
    /// Whether developer mode is on (fact sheet 2).
    pub developer: bool,
    /// When they joined.
    pub created_at: OffsetDateTime,
    /// When they last signed in to the sandbox.
    pub last_login: OffsetDateTime,
}

impl Person {
    /// Whether the person belongs to the account.
    pub fn belongs_to(&self, account_id: u64) -> bool {
        self.memberships
            .iter()
            .any(|membership| membership.account_id == account_id)
    }

    /// The role on a stack of `account_id`; `None` when the stack cannot be seen.
    pub fn role_on(&self, stack_uid: &str, account_id: u64) -> Option<Role> {
        let named = self
            .stack_roles
            .iter()
            .find(|(uid, _)| uid == stack_uid)
            .map(|(_, role)| *role);
        named.or_else(|| self.role_in(account_id))
    }

    /// The role on every stack of an account that is not named for the person.
    pub fn role_in(&self, account_id: u64) -> Option<Role> {
        self.memberships
            .iter()
            .find(|membership| membership.account_id == account_id)?
            .role
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_role_replaces_the_account_s() {
        let person = Person {
            id: 1,
            email: "a@b.example".to_owned(),
            name: "A".to_owned(),
            about: "",
            primary_account: 1,
            memberships: vec![
                Membership {
                    account_id: 1,
                    role: Some(Role::Deployer),
                },
                Membership {
                    account_id: 2,
                    role: None,
                },
            ],
            stack_roles: vec![("x".to_owned(), Role::Viewer)],
            developer: false,
            created_at: OffsetDateTime::UNIX_EPOCH,
            last_login: OffsetDateTime::UNIX_EPOCH,
        };
        assert_eq!(person.role_on("y", 1), Some(Role::Deployer));
        assert_eq!(person.role_on("x", 1), Some(Role::Viewer));
        assert_eq!(person.role_on("y", 2), None);
        assert_eq!(person.role_on("y", 3), None);
        assert!(Role::Viewer < Role::Deployer && Role::Deployer < Role::Administrator);
    }
}
