//! The operator's rules: who may sign in, what counts as production, when to ask first.

use std::fmt;
use std::sync::Arc;

use crate::domain::{AccountId, Scopes, Stack};

/// When a redeploy is confirmed on a page of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskFirst {
    /// For environments that count as production.
    Production,
    /// For every stack.
    Always,
    /// Never, but for the risks that a confirm page has to name.
    Never,
}

/// The rules, from the settings.
#[derive(Clone)]
pub struct Policy {
    /// Accounts whose members may sign in; everybody where none are named.
    pub accounts: Option<Vec<AccountId>>,
    /// The scopes that a sign-in with redeploys asks for.
    pub scopes: Scopes,
    /// When to ask first.
    pub ask_first: AskFirst,
    /// Whether an environment's name counts as production.
    pub production: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl Policy {
    /// Whether a member of these accounts may sign in, and stay signed in.
    pub fn admits(&self, accounts: &[AccountId]) -> bool {
        let named = |allowed: &Vec<AccountId>| accounts.iter().any(|account| allowed.contains(account));
        self.accounts.as_ref().is_none_or(named)
    }

    /// Whether the stack's environment counts as production.
    pub fn is_production(&self, stack: &Stack) -> bool {
        self.is_production_name(stack.environment.as_str())
    }

    /// Whether an environment of this name counts as production.
    pub fn is_production_name(&self, environment: &str) -> bool {
        (self.production)(environment)
    }

    /// Whether a redeploy of this stack is confirmed on a page of its own, its state aside.
    pub fn asks_first(&self, stack: &Stack) -> bool {
        match self.ask_first {
            AskFirst::Always => true,
            AskFirst::Never => false,
            AskFirst::Production => self.is_production(stack),
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("accounts", &self.accounts)
            .field("scopes", &self.scopes)
            .field("ask_first", &self.ask_first)
            .finish_non_exhaustive()
    }
}
