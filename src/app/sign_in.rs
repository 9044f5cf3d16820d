//! Signing in with Cloud 66: the authorization code flow (RFC 6749 section 4.1, fact sheet 3).
//!
//! Invariants:
//! * A sign-in is one value, begun by a form, finished once, gone after ten minutes, and only ever finished by
//!   the browser that began it.
//! * The state is checked before anything goes to Cloud 66, and it is used up whatever happens afterwards: an
//!   authorization code is never sent twice, because a second use may revoke the first one's token.

use thiserror::Error;
use url::Url;

use super::{App, SignedIn};
use crate::cloud66::{self, Budget, ExchangeError, Oauth};
use crate::domain::{AccountId, Grant, Person, ReturnTo};
use crate::store::{SignIn, StoreError};

/// The longest authorization code that is passed on; tokens and codes are known to 255 characters (fact sheet
/// 3.4).
const LONGEST_CODE: usize = 2048;

/// What the person wants to be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// See stacks and redeploy them.
    Redeploy,
    /// See stacks.
    Read,
}

impl Access {
    /// The word in forms and addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redeploy => "redeploy",
            Self::Read => "read",
        }
    }

    /// Reads the word. Everything but `read` is the usual sign-in.
    pub fn parse(word: &str) -> Self {
        if word == "read" {
            Self::Read
        } else {
            Self::Redeploy
        }
    }
}

/// What Cloud 66 sent back with the browser, as far as it was well formed.
#[derive(Debug)]
pub enum Answer {
    /// The person allowed it.
    Code {
        /// The authorization code.
        code: String,
    },
    /// Cloud 66 says no, in one of OAuth's error words (RFC 6749 section 4.1.2.1).
    Error {
        /// The error word, as it came; never shown.
        word: String,
    },
}

/// Why a sign-in did not succeed. Each has its page.
#[derive(Debug, Error)]
pub enum SignInError {
    /// The application is not registered at Cloud 66 yet.
    #[error("no client id is set")]
    NotSetUp,
    /// The state is unknown, used, expired, or another browser's.
    #[error("the sign-in is not one that this browser began in the last ten minutes")]
    Expired,
    /// What came back is not an answer to a sign-in at all.
    #[error("the answer is not well formed")]
    Malformed,
    /// The person said no on Cloud 66's page.
    #[error("the person did not allow it")]
    Denied,
    /// Cloud 66 refused for a reason of its own.
    #[error("Cloud 66 refused the sign-in")]
    Provider,
    /// Cloud 66 does not accept the authorization code.
    #[error("Cloud 66 refused the authorization code")]
    CodeRefused,
    /// Cloud 66 does not accept our client id and secret.
    #[error("Cloud 66 refused the client id and secret")]
    WrongClient,
    /// Cloud 66 wants a paid plan.
    #[error("the trial of the person's account is over")]
    TrialOver,
    /// The person's requests of this hour are used up.
    #[error("Cloud 66 takes no more of this person's requests for now")]
    Throttled,
    /// Cloud 66 does not answer.
    #[error("Cloud 66 does not answer")]
    Down,
    /// Cloud 66 answers something else.
    #[error("Cloud 66 answered something that cannot be read")]
    Unreadable,
    /// The person's account is not among those that the operator named.
    #[error("the person's account may not sign in here")]
    NotAllowed,
    /// Our own database failed.
    #[error("store: {0}")]
    Store(#[from] StoreError),
}

impl App {
    /// Cloud 66's origin, where the sign-in's form leads; none while the application is not registered there.
    pub fn sign_in_origin(&self) -> Option<String> {
        self.oauth().map(Oauth::authorize_origin)
    }

    /// Begins a sign-in for the browser that holds `browser`, and gives the address at Cloud 66 to send it to.
    /// The state and, with PKCE, the verifier stay here; only their hash and a sealed copy are kept.
    pub async fn begin_sign_in(
        &self,
        access: Access,
        return_to: ReturnTo,
        browser: &str,
    ) -> Result<Url, SignInError> {
        let oauth = self.oauth().ok_or(SignInError::NotSetUp)?;
        let scopes = match access {
            Access::Redeploy => self.policy().scopes.clone(),
            Access::Read => self.policy().scopes.read_only(),
        };
        let begun = oauth.begin(&scopes, self.random()).await;
        let sign_in = SignIn {
            verifier: begun.verifier,
            return_to,
            scopes,
        };
        self.store()
            .sign_ins()
            .begin(&begun.state, browser, &sign_in)
            .await?;
        Ok(begun.authorize_url)
    }

    /// Finishes the sign-in named by `state`, which has to be one that `browser` began.
    pub async fn finish_sign_in(
        &self,
        state: &str,
        browser: &str,
        answer: Answer,
    ) -> Result<(SignedIn, ReturnTo), SignInError> {
        let begun = self
            .store()
            .sign_ins()
            .consume(state, browser)
            .await?
            .ok_or(SignInError::Expired)?;
        self.redeem(begun, answer).await
    }

    /// Finishes the newest sign-in that `browser` began, with a code that the person pasted (fact sheet 3.2,
    /// out of band). There is no state to compare, so the browser's own cookie is the whole proof.
    pub async fn finish_pasted_sign_in(
        &self,
        browser: &str,
        code: String,
    ) -> Result<(SignedIn, ReturnTo), SignInError> {
        if !well_formed(&code) {
            return Err(SignInError::Malformed);
        }
        let begun = self
            .store()
            .sign_ins()
            .latest_of(browser)
            .await?
            .ok_or(SignInError::Expired)?;
        self.redeem(begun, Answer::Code { code }).await
    }

    async fn redeem(&self, begun: SignIn, answer: Answer) -> Result<(SignedIn, ReturnTo), SignInError> {
        let code = match answer {
            Answer::Error { word } if word == "access_denied" => return Err(SignInError::Denied),
            Answer::Error { .. } => return Err(SignInError::Provider),
            Answer::Code { code } if !well_formed(&code) => return Err(SignInError::Malformed),
            Answer::Code { code } => code,
        };
        let oauth = self.oauth().ok_or(SignInError::NotSetUp)?;
        let grant = oauth
            .exchange(&code, begun.verifier.as_ref(), &begun.scopes)
            .await
            .map_err(|error| exchange_error(&error))?;
        let (person, accounts) = self.whose(&grant).await?;
        let who = SignedIn {
            person,
            accounts,
            grant,
        };
        self.follow_on_as(&who).await;
        Ok((who, begun.return_to))
    }

    /// Who the token belongs to, with the accounts that are known of that person, if one of them may sign in here.
    async fn whose(&self, grant: &Grant) -> Result<(Person, Vec<AccountId>), SignInError> {
        let api = self
            .cloud66()
            .api(&grant.token, &Budget::new(self.clock().clone()));
        let person = api.whoami().await.map_err(|error| api_error(&error))?;
        let mut accounts = vec![person.account];
        if self.policy().admits(&accounts) {
            return Ok((person, accounts));
        }
        // A person in several accounts may have another one as the token's own. Only a token with the `users`
        // scope can list them; for all others the answer stays no.
        let others = api.accounts().await.unwrap_or_default();
        accounts.extend(others.into_iter().map(|(account, _)| account));
        if self.policy().admits(&accounts) {
            Ok((person, accounts))
        } else {
            Err(SignInError::NotAllowed)
        }
    }
}

/// Whether a text can be an authorization code: printable, without white space, of a sane length.
fn well_formed(code: &str) -> bool {
    !code.is_empty() && code.len() <= LONGEST_CODE && code.bytes().all(|b| b.is_ascii_graphic())
}

fn exchange_error(error: &ExchangeError) -> SignInError {
    match error {
        ExchangeError::Refused { .. } => SignInError::CodeRefused,
        ExchangeError::WrongClient => SignInError::WrongClient,
        ExchangeError::Down => SignInError::Down,
        ExchangeError::Unreadable => SignInError::Unreadable,
    }
}

fn api_error(error: &cloud66::Error) -> SignInError {
    match error {
        cloud66::Error::Unreadable => SignInError::Unreadable,
        cloud66::Error::SignedOut => SignInError::CodeRefused,
        cloud66::Error::TrialOver => SignInError::TrialOver,
        cloud66::Error::Throttled { .. } => SignInError::Throttled,
        cloud66::Error::Down => SignInError::Down,
        // It answered, and said no.
        _ => SignInError::Provider,
    }
}
