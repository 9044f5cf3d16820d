//! Registered applications, authorization codes, tokens and sign-ins of browsers.

use std::fmt;
use time::{Duration, OffsetDateTime};

/// The redirect URI that means "show the code on a page" (fact sheet 2).
pub(crate) const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";

/// A code ends after ten minutes (fact sheet 3.2).
pub(crate) const CODE_LIFETIME: Duration = Duration::minutes(10);

/// A scope (fact sheet 3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read only; the default.
    Public,
    /// Redeploy, cancel and run actions.
    Redeploy,
    /// Scheduled jobs.
    Jobs,
    /// People, devices and accounts.
    Users,
    /// Settings.
    Admin,
}

impl Scope {
    /// Every scope that can be asked for.
    pub const ALL: [Self; 5] = [Self::Public, Self::Redeploy, Self::Jobs, Self::Users, Self::Admin];

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Redeploy => "redeploy",
            Self::Jobs => "jobs",
            Self::Users => "users",
            Self::Admin => "admin",
        }
    }

    /// What it lets an application do, as the consent page says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Public => "See your stacks and their deployments",
            Self::Redeploy => "Redeploy your stacks, cancel deployments and run actions on them",
            Self::Jobs => "See the scheduled jobs of your stacks",
            Self::Users => "See your accounts and the people in them, and manage your mobile devices",
            Self::Admin => "Read and change settings and environment variables of your stacks",
        }
    }

    /// The scope of a word on the wire.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == word)
    }
}

/// Scopes as one string, separated by spaces, in the given order.
pub(crate) fn join(scopes: &[Scope]) -> String {
    scopes
        .iter()
        .map(|scope| scope.name())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether both lists hold the same scopes.
pub(crate) fn same_scopes(one: &[Scope], other: &[Scope]) -> bool {
    one.len() == other.len() && one.iter().all(|scope| other.contains(scope))
}

/// An application that can ask people for access.
#[derive(Clone, Debug)]
pub struct Application {
    /// The number in the developer pages' paths.
    pub id: u64,
    /// The name on the consent page.
    pub name: String,
    /// Application Id.
    pub client_id: String,
    /// Secret.
    pub client_secret: String,
    /// The callback URLs; any may match.
    pub callbacks: Vec<String>,
    /// Whether it also takes any callback on the loopback interface.
    pub any_loopback: bool,
    /// The person who registered it; `None` for the ready one.
    pub owner: Option<u64>,
}

/// An authorization code that was issued.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) application: u64,
    pub(crate) person: u64,
    /// As it was sent in the authorization request, or the registered one when it was not.
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<Scope>,
    /// Method and challenge.
    pub(crate) challenge: Option<(String, String)>,
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) used: bool,
}

/// An access token.
#[derive(Clone)]
pub struct Token {
    /// The secret itself.
    pub value: String,
    /// The application it was issued to; `None` for a personal access token.
    pub application: Option<u64>,
    /// Its name, for a personal access token.
    pub name: Option<String>,
    /// The person in whose name it acts.
    pub person: u64,
    /// What it may do, in the order asked for.
    pub scopes: Vec<Scope>,
    /// When it was issued.
    pub created_at: OffsetDateTime,
    /// Whether it has been revoked.
    pub revoked: bool,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("fingerprint", &crate::sandbox::journal::fingerprint(&self.value))
            .field("person", &self.person)
            .field("scopes", &join(&self.scopes))
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

/// A browser that has opened the sandbox's pages.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    /// Who signed in.
    pub(crate) person: Option<u64>,
    /// What every form must carry.
    pub(crate) form_token: String,
    /// For forgetting the oldest.
    pub(crate) number: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_3_6_scopes_are_the_documented_words() {
        for scope in Scope::ALL {
            assert_eq!(Scope::named(scope.name()), Some(scope));
        }
        assert_eq!(
            Scope::named("reboot"),
            None,
            "a label on endpoints, never in a scope list"
        );
        assert_eq!(join(&[Scope::Redeploy, Scope::Public]), "redeploy public");
        assert!(same_scopes(
            &[Scope::Redeploy, Scope::Public],
            &[Scope::Public, Scope::Redeploy]
        ));
        assert!(!same_scopes(&[Scope::Public], &[Scope::Public, Scope::Redeploy]));
    }

    #[test]
    fn the_debug_form_of_a_token_does_not_hold_it() {
        let token = Token {
            value: "very-secret-token".to_owned(),
            application: None,
            name: None,
            person: 1,
            scopes: vec![Scope::Public],
            created_at: OffsetDateTime::UNIX_EPOCH,
            revoked: false,
        };
        assert!(!format!("{token:?}").contains("very-secret"));
    }
}
