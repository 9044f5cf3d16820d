//! The client of one Cloud 66: made once, from the settings.

use std::time::Duration;

use reqwest::Method;
use thiserror::Error as ThisError;
use time::OffsetDateTime;
use url::Url;

use super::api::Api;
use super::budget::Budget;
use super::error::Error;
use super::http::{Http, OBJECT_CAP, Request};
use super::refusal;
use super::shared_reads::SharedReads;
use super::wire;
use crate::domain::{AccessToken, Clock, Command, Random};

/// Which Cloud 66 to speak to, and how.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Origin of `/oauth/*` and `/api/*`. An https origin is never spoken to in plain http; whether a plain
    /// http origin is acceptable is for the settings to say.
    pub url: Url,
    /// The dialect.
    pub version: ApiVersion,
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// The versions of Cloud 66's API that this client speaks (fact sheet 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    /// The dialect of 2013: stacks, redeploy, restart and maintenance; no history, no actions.
    V2,
    /// The current one.
    V3,
}

impl ApiVersion {
    /// Whether it has this command (fact sheet 1.3): version 2 cannot clear caches.
    pub fn offers(self, command: Command) -> bool {
        self == Self::V3 || command != Command::ClearCaches
    }
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For everything, from the connection to the last byte of the answer, repeats included.
    pub total: Duration,
    /// For the answer to the question whether the server takes a PKCE verifier; a sign-in waits for it.
    pub probe: Duration,
    /// Before the first repeat of a read; twice as long before the second. Up to as much again is added by
    /// chance.
    pub retry_pause: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(15),
            probe: Duration::from_secs(5),
            retry_pause: Duration::from_millis(250),
        }
    }
}

/// Why a client cannot be made. Each names a setting to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum ClientError {
    /// The address is not an http or https origin.
    #[error("the address of Cloud 66 is not an http or https address with a host")]
    Url,
    /// The machine's TLS cannot be set up; usually it has no list of certificate authorities.
    #[error("TLS cannot be set up: no usable certificate authorities on this machine")]
    Tls,
    /// The redirect URI is not a URI.
    #[error("the redirect URI is not a URI")]
    RedirectUri,
}

/// Speaks to one Cloud 66; cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: Http,
    version: ApiVersion,
}

/// Cloud 66 answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// What time it is for Cloud 66, to the second; none where it did not say.
    pub date: Option<OffsetDateTime>,
    /// How far its clock is ahead of ours, negative when behind.
    pub ahead: Option<time::Duration>,
}

impl Client {
    /// Prepares a client; nothing is sent yet. Request ids and the spread of repeats are taken from the
    /// system's randomness; neither is a secret.
    pub fn new(options: ClientOptions, clock: Clock) -> Result<Self, ClientError> {
        let ClientOptions {
            url,
            version,
            timeouts,
        } = options;
        let http = Http::new(url, timeouts, clock, Random::system())?;
        Ok(Self { http, version })
    }

    /// The client in one person's hands: every request carries `token` and counts against `budget`.
    pub fn api(&self, token: &AccessToken, budget: &Budget) -> Api {
        Api::new(self.http.clone(), self.version, token.clone(), budget.clone())
    }

    /// The same for a poll, which shares what is read of a stack's actions and deployments with others.
    pub fn api_sharing(&self, token: &AccessToken, budget: &Budget, shared: SharedReads) -> Api {
        self.api(token, budget).sharing(shared)
    }

    /// The dialect that it speaks.
    pub fn version(&self) -> ApiVersion {
        self.version
    }

    /// Asks whether Cloud 66 is there, without a token: `GET /ping` (fact sheet 4.9). Version 2 has no such
    /// question, so there any answer to a list without a token will do, the refusal that is due above all.
    pub async fn reachable(&self) -> Result<Reached, Error> {
        let path = match self.version {
            ApiVersion::V2 => "/api/2/stacks.json",
            ApiVersion::V3 => "/api/3/ping.json",
        };
        let reply = self
            .http
            .read(&Request {
                operation: "ping",
                method: Method::GET,
                path: path.to_owned(),
                query: Vec::new(),
                token: None,
                budget: None,
                body: None,
                cap: OBJECT_CAP,
            })
            .await
            .map_err(|_| Error::Down)?;
        let now = self.http.clock().now();
        let body = reply.body.as_deref().unwrap_or_default();
        let refused = self.version == ApiVersion::V2 && reply.status == 401;
        if !reply.is_success() && !refused {
            return Err(refusal::read(&reply, None, now));
        }
        // A page of a proxy or of another site is a 200 as well.
        if !refused && wire::one::<wire::Failure>(body).is_none() {
            return Err(Error::Unreadable);
        }
        Ok(Reached {
            date: reply.date,
            ahead: reply.date.map(|server| server - now),
        })
    }

    /// What time it is for Cloud 66: the `Date` of its last answer, plus what has passed since. None before its
    /// first answer, and where it gives no date. It does not depend on what this machine's clock shows.
    pub fn time(&self) -> Option<OffsetDateTime> {
        self.http.time()
    }

    /// How many requests this process sent to Cloud 66, by what came back.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        self.http.counts().read()
    }

    pub(super) fn http(&self) -> &Http {
        &self.http
    }
}
