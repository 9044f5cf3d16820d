//! What a sandbox may be told at its start.

use super::clock::Clock;
use super::fault::Fault;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// How a sandbox is started. Write the fields that matter and `..Options::default()`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// The same seed gives the same world.
    pub seed: u64,
    /// Exactly this many stacks for the first person (at most [`Options::MOST_STACKS`]); `None`: the default
    /// world of about 40.
    pub stacks: Option<usize>,
    /// About how long one deploy takes; each stack has its own factor of it.
    pub deploy_time: Duration,
    /// Which rules the OAuth side follows.
    pub strictness: Strictness,
    /// What the OAuth side makes of PKCE.
    pub pkce: Pkce,
    /// Application Id of the ready application; by default drawn from the seed.
    pub client_id: Option<String>,
    /// Secret of the ready application; by default drawn from the seed.
    pub client_secret: Option<String>,
    /// Callback URLs of the ready application; with none it takes any loopback callback. It always takes
    /// the out-of-band URN.
    pub callbacks: Vec<String>,
    /// Faults that are armed from the start.
    pub faults: Vec<Fault>,
    /// Whether `/control` exists.
    pub control: bool,
    /// The origin under which clients reach the sandbox, when it is not the bound address (a container, a
    /// proxy): used in printed settings and in the links that answers carry.
    pub api_base: Option<String>,
    /// Where time comes from.
    pub clock: Clock,
}

impl Options {
    /// The most stacks a world is made with.
    pub const MOST_STACKS: usize = 10_000;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 66,
            stacks: None,
            deploy_time: Duration::from_secs(30),
            strictness: Strictness::default(),
            pkce: Pkce::default(),
            client_id: None,
            client_secret: None,
            callbacks: Vec::new(),
            faults: Vec::new(),
            control: false,
            api_base: None,
            clock: Clock::system(),
        }
    }
}

/// A word that is none of those an option takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{given}\" is not one of: {known}")]
pub struct UnknownWord {
    given: String,
    known: &'static str,
}

/// Which rules the OAuth side follows (fact sheet 3 and 10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// The 2013 document as it is written: scopes by comma or space, redirect URL optional and matched by
    /// host and port, token answers as form, JSON or XML.
    Document2013,
    /// What the live server most likely does, that is Doorkeeper 5: exact redirect URI, scopes by space,
    /// `response_type` and `grant_type` needed, JSON answers.
    #[default]
    Doorkeeper,
}

impl FromStr for Strictness {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "2013" => Ok(Self::Document2013),
            "doorkeeper" => Ok(Self::Doorkeeper),
            _ => Err(UnknownWord {
                given: text.to_owned(),
                known: "2013, doorkeeper",
            }),
        }
    }
}

impl fmt::Display for Strictness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Document2013 => "2013",
            Self::Doorkeeper => "doorkeeper",
        })
    }
}

/// What the OAuth side makes of PKCE (fact sheet 3.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pkce {
    /// A verifier is refused with `invalid_request`, as Doorkeeper 5.0 to 5.5 does without its columns.
    Off,
    /// A challenge is kept and the verifier is checked.
    On,
    /// Challenge and verifier are ignored.
    #[default]
    Ignored,
}

impl FromStr for Pkce {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "on" => Ok(Self::On),
            "ignored" => Ok(Self::Ignored),
            _ => Err(UnknownWord {
                given: text.to_owned(),
                known: "off, on, ignored",
            }),
        }
    }
}

impl fmt::Display for Pkce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Ignored => "ignored",
        })
    }
}

/// Requests per person and hour, and the status of the answer to one more (fact sheet 5.3).
/// Written `3000` or `3000/429`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests that a person has in each clock hour.
    pub per_hour: u32,
    /// How the next request is refused.
    pub refusal: Refusal,
}

/// How a request over the limit is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refusal {
    /// 503 `throttled`, as documented.
    #[default]
    ServiceUnavailable,
    /// 429, as one client has seen it.
    TooManyRequests,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            per_hour: 3000,
            refusal: Refusal::default(),
        }
    }
}

impl FromStr for RateLimit {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownWord {
            given: text.to_owned(),
            known: "NUMBER, NUMBER/503, NUMBER/429",
        };
        let (number, status) = text.split_once('/').unwrap_or((text, "503"));
        let refusal = match status {
            "503" => Refusal::ServiceUnavailable,
            "429" => Refusal::TooManyRequests,
            _ => return Err(unknown()),
        };
        Ok(Self {
            per_hour: number.parse().map_err(|_| unknown())?,
            refusal,
        })
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refusal {
            Refusal::ServiceUnavailable => write!(f, "{}", self.per_hour),
            Refusal::TooManyRequests => write!(f, "{}/429", self.per_hour),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_it_is_written() {
        for strictness in [Strictness::Document2013, Strictness::Doorkeeper] {
            assert_eq!(strictness.to_string().parse(), Ok(strictness));
        }
        for pkce in [Pkce::Off, Pkce::On, Pkce::Ignored] {
            assert_eq!(pkce.to_string().parse(), Ok(pkce));
        }
        for text in ["3000", "10/429"] {
            assert_eq!(text.parse::<RateLimit>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_known_ones() {
        let error = "loose".parse::<Strictness>().unwrap_err();
        assert_eq!(error.to_string(), "\"loose\" is not one of: 2013, doorkeeper");
        assert!("many".parse::<RateLimit>().is_err());
        assert!("10/500".parse::<RateLimit>().is_err());
        assert!("".parse::<Pkce>().is_err());
    }
}
