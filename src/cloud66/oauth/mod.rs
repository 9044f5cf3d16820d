//! Signing in with Cloud 66: the OAuth 2.0 authorization code grant (RFC 6749 section 4.1, fact sheet 3).
//!
//! * [`Oauth::begin`] makes the address to send the browser to, with a fresh `state` and PKCE verifier.
//! * [`Oauth::exchange`] turns the authorization code that comes back into a [`Grant`].
//! * `token_answer` reads the token endpoint's answers; `pkce` finds out whether it takes a verifier.
//!
//! Invariants: a code is sent once, never again. The client's id and secret travel in the body, and only
//! there (two ways at once are `invalid_request` for some servers). The redirect URI is byte for byte what
//! was registered. No error holds a token, a code or an answer's text.

mod pkce;
mod token_answer;
mod token_xml;
mod transport;

use std::fmt;
use std::sync::Arc;

use oauth2::basic::{
    BasicClient, BasicErrorResponse, BasicErrorResponseType, BasicTokenResponse, BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse as _, TokenUrl,
};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use url::Url;

use self::pkce::Pkce;
use self::transport::{TokenEndpoint, Unanswered};
use super::client::{Client, ClientError};
use crate::domain::{AccessToken, Grant, Random, Scopes};

/// The longest access token that is taken, in bytes. Tokens are opaque (fact sheet 3.4) but become a header.
const LONGEST_TOKEN: usize = 4_096;
const AUTHORIZE: &str = "/oauth/authorize";
const TOKEN: &str = "/oauth/token";

/// How this app is known to Cloud 66, and how it signs people in.
#[derive(Debug, Clone)]
pub struct OauthOptions {
    /// Origin of `/oauth/authorize` and `/oauth/token`.
    pub url: Url,
    /// Application Id.
    pub client_id: String,
    /// Secret of the application.
    pub client_secret: SecretString,
    /// The registered callback, or `urn:ietf:wg:oauth:2.0:oob`. Sent as it is.
    pub redirect_uri: String,
    /// What a full sign-in asks for.
    pub scopes: Scopes,
    /// Whether a PKCE verifier is used.
    pub pkce: PkceMode,
}

/// Whether a PKCE verifier is used (RFC 7636). Cloud 66 documents none, and some versions of its server
/// refuse one (fact sheet 3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PkceMode {
    /// Yes, unless the token endpoint refuses one when it is asked; see `pkce`.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Signs people in; cheap to clone.
#[derive(Clone)]
pub struct Oauth(Arc<Inner>);

struct Inner {
    client: ConfiguredClient,
    endpoint: TokenEndpoint,
    options: OauthOptions,
    pkce: Pkce,
}

type ConfiguredClient = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// A sign-in that has begun. What is needed to finish it must be kept on the server.
#[derive(Clone)]
pub struct Begun {
    /// Where to send the browser.
    pub authorize_url: Url,
    /// Comes back with the code; 43 characters of URL-safe base64, 256 random bits.
    pub state: String,
    /// Goes with the code to the token endpoint; none where PKCE is off.
    pub verifier: Option<SecretString>,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begun")
    }
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExchangeError {
    /// The token endpoint said no.
    #[error("Cloud 66 refused the authorization code ({error})")]
    Refused {
        /// A word of RFC 6749 section 5.2, or `other`.
        error: String,
    },
    /// Application Id or Secret are wrong: a mistake in the settings, not of the person.
    #[error("Cloud 66 does not know this application, or its secret is another one")]
    WrongClient,
    /// No answer: not reached, no time left, or the server is in trouble. The code may be used up.
    #[error("Cloud 66 cannot be reached")]
    Down,
    /// An answer that is neither a bearer token nor a refusal.
    #[error("Cloud 66 gave an answer that this app cannot read")]
    Unreadable,
}

impl Oauth {
    /// Prepares the sign-in; nothing is sent yet. Requests go out through `client`, with its deadlines.
    pub fn new(client: &Client, options: OauthOptions) -> Result<Self, ClientError> {
        let http = client.http().at(options.url.clone())?;
        let authorize = AuthUrl::from_url(http.url(AUTHORIZE));
        let token = TokenUrl::from_url(http.url(TOKEN));
        let redirect =
            RedirectUrl::new(options.redirect_uri.clone()).map_err(|_| ClientError::RedirectUri)?;
        let configured = BasicClient::new(ClientId::new(options.client_id.clone()))
            .set_client_secret(ClientSecret::new(
                options.client_secret.expose_secret().to_owned(),
            ))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(authorize)
            .set_token_uri(token)
            .set_redirect_uri(redirect);
        Ok(Self(Arc::new(Inner {
            client: configured,
            pkce: Pkce::new(options.pkce, http.timeouts().probe),
            endpoint: TokenEndpoint::new(http),
            options,
        })))
    }

    /// Begins a sign-in that asks for `scopes`. With PKCE on `auto`, the first call of a process asks the
    /// token endpoint whether it takes a verifier, and may take as long as that question may (see `pkce`).
    pub async fn begin(&self, scopes: &Scopes, random: &Random) -> Begun {
        let with_verifier = self.0.pkce.is_on(|| self.refuses_verifier(random)).await;
        let state = random.token();
        let mut request = self.0.client.authorize_url(|| CsrfToken::new(state.clone()));
        for scope in scopes.iter() {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
        let verifier = with_verifier.then(|| PkceCodeVerifier::new(random.token()));
        if let Some(verifier) = &verifier {
            request = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(verifier));
        }
        let (authorize_url, _) = request.url();
        Begun {
            authorize_url,
            state,
            verifier: verifier.map(|verifier| verifier.secret().clone().into()),
        }
    }

    /// Exchanges an authorization code for a grant; sent once, whatever happens. `verifier` is the one that
    /// the sign-in began with, `asked` the scopes that it asked for: they are taken as granted where the
    /// answer names none (RFC 6749 section 5.1).
    pub async fn exchange(
        &self,
        code: &str,
        verifier: Option<&SecretString>,
        asked: &Scopes,
    ) -> Result<Grant, ExchangeError> {
        let outcome = self.request_token(code, verifier).await;
        let response = outcome.map_err(|error| {
            let error = explain(&error);
            let refused = ExchangeError::Refused {
                error: pkce::REFUSAL.to_owned(),
            };
            if verifier.is_some() && error == refused {
                self.0.pkce.was_refused();
            }
            error
        })?;
        if *response.token_type() != BasicTokenType::Bearer {
            return Err(ExchangeError::Unreadable);
        }
        let token = response.access_token().secret();
        let is_plain = token.len() <= LONGEST_TOKEN && token.bytes().all(|b| b.is_ascii_graphic());
        if token.is_empty() || !is_plain {
            return Err(ExchangeError::Unreadable);
        }
        let granted = response.scopes().filter(|scopes| !scopes.is_empty());
        let scopes = granted.map_or_else(
            || asked.clone(),
            |scopes| {
                let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
                Scopes::parse(&words.join(" "))
            },
        );
        Ok(Grant {
            token: AccessToken::new(token.clone()),
            scopes,
        })
    }

    /// Where the sign-in form leads in the end: the origin for a page's `form-action`.
    pub fn authorize_origin(&self) -> String {
        self.0.options.url.origin().ascii_serialization()
    }

    /// The scopes that a full sign-in asks for.
    pub fn scopes(&self) -> &Scopes {
        &self.0.options.scopes
    }

    async fn request_token(
        &self,
        code: &str,
        verifier: Option<&SecretString>,
    ) -> Result<BasicTokenResponse, TokenError> {
        let mut request = self
            .0
            .client
            .exchange_code(AuthorizationCode::new(code.to_owned()));
        if let Some(verifier) = verifier {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
        }
        request.request_async(&self.0.endpoint).await
    }

    /// Asks with a made-up code and a verifier. None: no answer that says anything.
    async fn refuses_verifier(&self, random: &Random) -> Option<bool> {
        let (code, verifier) = (random.token(), random.token().into());
        match self.request_token(&code, Some(&verifier)).await {
            Ok(_) => Some(false),
            Err(error) => match explain(&error) {
                ExchangeError::Down => None,
                ExchangeError::Refused { error } => Some(error == pkce::REFUSAL),
                ExchangeError::WrongClient | ExchangeError::Unreadable => Some(false),
            },
        }
    }
}

type TokenError = RequestTokenError<Unanswered, BasicErrorResponse>;

/// What a failed token request means. `Parse` holds the answer's text, so nothing of it is passed on.
fn explain(error: &TokenError) -> ExchangeError {
    match error {
        RequestTokenError::Request(Unanswered::Down) => ExchangeError::Down,
        RequestTokenError::Request(Unanswered::Unreadable)
        | RequestTokenError::Parse(..)
        | RequestTokenError::Other(_) => ExchangeError::Unreadable,
        RequestTokenError::ServerResponse(refusal) => match refusal.error() {
            BasicErrorResponseType::InvalidClient => ExchangeError::WrongClient,
            word => ExchangeError::Refused {
                error: known_word(word).to_owned(),
            },
        },
    }
}

/// The word as one of ours, so that no text of the server's is ever shown or logged.
fn known_word(word: &BasicErrorResponseType) -> &'static str {
    match word {
        BasicErrorResponseType::InvalidGrant => "invalid_grant",
        BasicErrorResponseType::InvalidRequest => "invalid_request",
        BasicErrorResponseType::InvalidScope => "invalid_scope",
        BasicErrorResponseType::UnauthorizedClient => "unauthorized_client",
        BasicErrorResponseType::UnsupportedGrantType => "unsupported_grant_type",
        _ => "other",
    }
}

/// Whether bytes are a token answer or a refusal of one; see `parsers`.
pub(super) fn is_token_answer(status: u16, content_type: Option<&str>, body: &[u8]) -> bool {
    token_answer::read(status, content_type, body).is_some()
}
