//! The only place that sends. Every request has a deadline, a cap on the (decompressed) answer, no redirects,
//! no cookies and no proxy.
//!
//! There are two clients. Reads share a pool of connections. What changes something goes out over HTTP/1.1 on
//! a connection of its own, because on a reused one a failure never tells whether the request arrived, while
//! "could not connect" on a fresh one is proof that it did not.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response, redirect};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use url::Url;

use super::budget::Budget;
use super::client::{ClientError, Timeouts};
use super::counts::Counts;
use super::refusal;
use super::reply::{Cut, NoReply, Reply};
use super::skew::Skew;
use crate::domain::{AccessToken, Clock, Random};

/// The longest answer that is a list, in bytes after decompression.
pub(super) const LIST_CAP: usize = 2 * 1024 * 1024;
/// The longest other answer.
pub(super) const OBJECT_CAP: usize = 64 * 1024;
/// How often a read is repeated after a fault that may pass.
const READ_RETRIES: u32 = 2;
/// Open connections that are kept for reads, and for how long: shorter than what middle boxes forget after.
const IDLE_CONNECTIONS: usize = 16;
const IDLE_FOR: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Sends requests to one origin; cheap to clone.
#[derive(Clone)]
pub(super) struct Http(Arc<Inner>);

struct Inner {
    reads: reqwest::Client,
    writes: reqwest::Client,
    origin: Url,
    timeouts: Timeouts,
    clock: Clock,
    random: Random,
    counts: Arc<Counts>,
    skew: Skew,
}

/// One request. Its path is made of words of ours and of parsed ids only.
pub(super) struct Request<'a> {
    /// What it is for, in the log.
    pub(super) operation: &'static str,
    pub(super) method: Method,
    /// Absolute, without a query.
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) token: Option<&'a AccessToken>,
    /// Who pays for it; nobody, for requests without a token.
    pub(super) budget: Option<&'a Budget>,
    pub(super) body: Option<Body>,
    /// The longest answer that is read, in bytes.
    pub(super) cap: usize,
}

/// What is sent along.
pub(super) struct Body {
    pub(super) content_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl Http {
    /// Prepares both clients. Where `origin` is https, nothing else is ever spoken; whether plain http may be
    /// used at all was decided by the settings.
    pub(super) fn new(
        origin: Url,
        timeouts: Timeouts,
        clock: Clock,
        random: Random,
    ) -> Result<Self, ClientError> {
        let origin = web_origin(origin)?;
        // reqwest is built without a provider of its own. An error means that one is installed already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let base = || {
            reqwest::Client::builder()
                .user_agent(concat!("stackdeck/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .no_proxy()
                .https_only(origin.scheme() == "https")
                .connect_timeout(timeouts.connect)
                .timeout(timeouts.total)
                .tcp_keepalive(KEEP_ALIVE)
        };
        let reads = base()
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_FOR)
            .build();
        let writes = base().http1_only().pool_max_idle_per_host(0).build();
        Ok(Self(Arc::new(Inner {
            reads: reads.map_err(|_| ClientError::Tls)?,
            writes: writes.map_err(|_| ClientError::Tls)?,
            origin,
            timeouts,
            clock,
            random,
            counts: Arc::default(),
            skew: Skew::default(),
        })))
    }

    /// The same clients for another origin.
    pub(super) fn at(&self, origin: Url) -> Result<Self, ClientError> {
        let Inner {
            reads,
            writes,
            timeouts,
            clock,
            random,
            counts,
            ..
        } = &*self.0;
        Ok(Self(Arc::new(Inner {
            reads: reads.clone(),
            writes: writes.clone(),
            origin: web_origin(origin)?,
            timeouts: *timeouts,
            clock: clock.clone(),
            random: random.clone(),
            counts: counts.clone(),
            // Another server has another clock.
            skew: Skew::default(),
        })))
    }

    /// The address of `path` at the origin.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.0.origin.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}{path}"));
        url.set_query(None);
        url.set_fragment(None);
        url
    }

    /// The clock that the answers' times are compared with.
    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What time it is for the server, as far as its answers have said.
    pub(super) fn time(&self) -> Option<OffsetDateTime> {
        self.0.skew.time(self.0.clock.steady())
    }

    /// What came back so far.
    pub(super) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// How long to wait for what.
    pub(super) fn timeouts(&self) -> Timeouts {
        self.0.timeouts
    }

    /// Asks for something. A fault that may pass is tried again, at most twice, a little later each time, all
    /// within one deadline. Neither a time-out nor a request to slow down is such a fault.
    pub(super) async fn read(&self, request: &Request<'_>) -> Result<Reply, NoReply> {
        let deadline = Instant::now() + self.0.timeouts.total;
        let mut tries = 0;
        loop {
            let outcome = self.attempt(&self.0.reads, request, deadline).await;
            let pause = self.pause(tries);
            if tries == READ_RETRIES || !may_pass(&outcome) || Instant::now() + pause >= deadline {
                return outcome;
            }
            tries += 1;
            sleep(pause).await;
        }
    }

    /// Sends something that changes something: once, on a connection of its own.
    pub(super) async fn write(&self, request: &Request<'_>) -> Result<Reply, NoReply> {
        let deadline = Instant::now() + self.0.timeouts.total;
        self.attempt(&self.0.writes, request, deadline).await
    }

    /// One request on the wire, counted and logged.
    async fn attempt(
        &self,
        client: &reqwest::Client,
        request: &Request<'_>,
        deadline: Instant,
    ) -> Result<Reply, NoReply> {
        let request_id = self.request_id();
        let began = Instant::now();
        if let Some(budget) = request.budget {
            budget.spend();
        }
        let outcome = self.exchange(client, request, &request_id, deadline).await;
        if let (Some(budget), Ok(reply)) = (request.budget, &outcome) {
            budget.learn(reply.limit, reply.remaining);
        }
        self.0.counts.add(&outcome);
        let (status, bytes, fault) = match &outcome {
            Ok(reply) => match &reply.body {
                Ok(body) => (Some(reply.status), body.len(), None),
                Err(cut) => (Some(reply.status), 0, Some(format!("{cut:?}"))),
            },
            Err(no_reply) => (None, 0, Some(format!("{no_reply:?}"))),
        };
        tracing::debug!(
            operation = request.operation,
            method = %request.method,
            status,
            bytes,
            ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            request_id,
            fault,
            "asked Cloud 66"
        );
        outcome
    }

    async fn exchange(
        &self,
        client: &reqwest::Client,
        request: &Request<'_>,
        request_id: &str,
        deadline: Instant,
    ) -> Result<Reply, NoReply> {
        let mut url = self.url(&request.path);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let mut builder = client
            .request(request.method.clone(), url)
            .headers(headers(request, request_id).ok_or(NoReply::NotSent)?)
            .timeout(deadline.saturating_duration_since(Instant::now()));
        if let Some(body) = &request.body {
            builder = builder
                .header(CONTENT_TYPE, body.content_type)
                .body(body.bytes.clone());
        } else if request.method == Method::POST {
            // Some servers want a length even where there is nothing.
            builder = builder.body(Vec::new());
        }
        // The error's text holds the address; only its kind leaves this function.
        let response = builder.send().await.map_err(|error| no_reply(&error))?;
        let (status, now) = (response.status().as_u16(), self.0.clock.now());
        let mut reply = Reply::head(status, response.headers(), now);
        reply.ahead = self.0.skew.learn(reply.date, now, self.0.clock.steady());
        reply.body = body(response, request.cap).await;
        Ok(reply)
    }

    /// How long to wait before try number `tries + 1` of a read: the named pause, doubled each time, plus up
    /// to as much again by chance, so that those who failed together do not come back together.
    fn pause(&self, tries: u32) -> Duration {
        let pause = self.0.timeouts.retry_pause.saturating_mul(1 << tries.min(8));
        let [chance] = self.0.random.bytes::<1>();
        pause + pause.mul_f64(f64::from(chance) / 256.0)
    }

    /// A random UUID (version 4) to find the request by in both logs (fact sheet 5.5).
    fn request_id(&self) -> String {
        let bits = self.0.random.u128();
        let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        let mut id = String::with_capacity(36);
        for (n, digit) in hex.chars().enumerate() {
            if matches!(n, 8 | 12 | 16 | 20) {
                id.push('-');
            }
            id.push(digit);
        }
        id
    }
}

fn web_origin(origin: Url) -> Result<Url, ClientError> {
    let is_web = matches!(origin.scheme(), "http" | "https") && origin.has_host();
    is_web.then_some(origin).ok_or(ClientError::Url)
}

/// The headers of a request; none where the token holds characters that no header may carry.
fn headers(request: &Request<'_>, request_id: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert("request-id", HeaderValue::from_str(request_id).ok()?);
    if let Some(token) = request.token {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok()?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    Some(headers)
}

/// Reads a body chunk by chunk and stops at the cap, whatever the head promised: the chunks are decompressed,
/// so a small answer cannot become a large one unnoticed.
async fn body(mut response: Response, cap: usize) -> Result<Vec<u8>, Cut> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Cut::Broken)? {
        if body.len() + chunk.len() > cap {
            return Err(Cut::TooBig);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn no_reply(error: &reqwest::Error) -> NoReply {
    match (error.is_connect() || error.is_builder(), error.is_timeout()) {
        (true, false) => NoReply::NotSent,
        (true, true) => NoReply::NotReached,
        (false, true) => NoReply::TimedOut,
        (false, false) => NoReply::Broken,
    }
}

/// Whether a read may do better a moment later.
fn may_pass(outcome: &Result<Reply, NoReply>) -> bool {
    match outcome {
        Err(NoReply::TimedOut | NoReply::NotReached) => false,
        Err(NoReply::NotSent | NoReply::Broken) => true,
        Ok(reply) if reply.body == Err(Cut::Broken) => true,
        Ok(reply) => reply.status >= 500 && !refusal::is_spoken(reply),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(origin: &str) -> Http {
        let clock = Clock::system();
        Http::new(
            origin.parse().unwrap(),
            Timeouts::default(),
            clock,
            Random::seeded(1),
        )
        .unwrap()
    }

    #[test]
    fn a_path_is_put_behind_the_origin_and_its_prefix() {
        for (origin, url) in [
            (
                "https://app.cloud66.com",
                "https://app.cloud66.com/api/3/ping.json",
            ),
            (
                "http://localhost:8067/c66/?x#y",
                "http://localhost:8067/c66/api/3/ping.json",
            ),
        ] {
            assert_eq!(http(origin).url("/api/3/ping.json").as_str(), url);
        }
    }

    #[test]
    fn request_ids_are_random_uuids() {
        let http = http("https://app.cloud66.com");
        let (one, other) = (http.request_id(), http.request_id());
        assert_ne!(one, other);
        let shape: String = one
            .chars()
            .map(|c| if c.is_ascii_hexdigit() { 'x' } else { c })
            .collect();
        assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert_eq!(one.get(14..15), Some("4"));
        assert!(one.get(19..20).is_some_and(|digit| "89ab".contains(digit)));
    }

    #[test]
    fn the_token_is_marked_and_only_in_its_header() {
        let token = AccessToken::new("s3cret-token".into());
        let mut request = Request {
            operation: "test",
            method: Method::GET,
            path: "/".into(),
            query: Vec::new(),
            token: Some(&token),
            budget: None,
            body: None,
            cap: OBJECT_CAP,
        };
        let sent = headers(&request, "id").unwrap();
        assert!(sent.get(AUTHORIZATION).unwrap().is_sensitive());
        assert!(!format!("{sent:?}").contains("s3cret"));
        let broken = AccessToken::new("a\r\nb".into());
        request.token = Some(&broken);
        assert!(headers(&request, "id").is_none());
    }
}
