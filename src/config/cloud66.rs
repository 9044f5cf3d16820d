//! What Stackdeck was told about Cloud 66: where it is, as which application to speak, and how.

use secrecy::SecretString;
use url::Url;

use super::public_url::{is_loopback, parse_http_url};

/// The scopes that Cloud 66 documents (fact sheet 3.6).
const KNOWN_SCOPES: [&str; 6] = ["public", "redeploy", "jobs", "users", "admin", "reboot"];

/// Everything about Cloud 66.
#[derive(Debug, Clone)]
pub struct Cloud66 {
    /// The origin of `/oauth/` and `/api/`; its path is `/`.
    pub url: Url,
    /// The application as which Stackdeck speaks; without it only the setup page can be shown.
    pub client: Option<ClientCredentials>,
    /// Which dialect of the API.
    pub api_version: ApiVersion,
    /// What is asked for at sign-in, in order, each once.
    pub scopes: Vec<String>,
    /// How the authorization code comes back.
    pub redirect: Redirect,
    /// Whether to send a code challenge.
    pub pkce: Pkce,
}

/// What Cloud 66 gave the registered application (RFC 6749 section 2.3.1).
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// "Application Id" in Cloud 66's words.
    pub id: String,
    /// "Secret" in Cloud 66's words.
    pub secret: SecretString,
}

/// A dialect of Cloud 66's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    /// The dialect of 2013: no history, no actions.
    V2,
    /// The present one.
    V3,
}

impl ApiVersion {
    /// As it stands in the path of a request.
    pub fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

/// How the authorization code comes back to Stackdeck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirect {
    /// The browser brings it to the callback.
    Callback,
    /// Cloud 66 shows it, and the person pastes it (`urn:ietf:wg:oauth:2.0:oob`).
    OutOfBand,
}

/// Whether a sign-in carries a code challenge and verifier (RFC 7636).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pkce {
    /// As the token endpoint answers when it is asked once with a made-up code.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Parses the origin of Cloud 66. The error reads on from the setting's name.
pub(super) fn parse_url(text: &str, insecure_http: bool) -> Result<Url, String> {
    const EXAMPLE: &str = "Write it like https://app.cloud66.com.";

    let url = parse_http_url(text).map_err(|words| format!("{words} {EXAMPLE}"))?;
    let host = url.host().ok_or_else(|| format!("has no host. {EXAMPLE}"))?;
    if url.path() != "/" {
        return Err(format!("has a path. Leave it out. {EXAMPLE}"));
    }
    if url.scheme() == "http" && !is_loopback(&host) && !insecure_http {
        return Err(
            "begins with http://, so that everybody on the way could read access tokens. Write https://."
                .to_owned(),
        );
    }
    Ok(url)
}

pub(super) fn parse_api_version(text: &str) -> Result<ApiVersion, String> {
    match text {
        "2" => Ok(ApiVersion::V2),
        "3" => Ok(ApiVersion::V3),
        _ => Err(format!("is {text:?}. Write 2 or 3.")),
    }
}

pub(super) fn parse_redirect(text: &str) -> Result<Redirect, String> {
    match text {
        "callback" => Ok(Redirect::Callback),
        "oob" => Ok(Redirect::OutOfBand),
        _ => Err(format!("is {text:?}. Write callback or oob.")),
    }
}

pub(super) fn parse_pkce(text: &str) -> Result<Pkce, String> {
    match text {
        "auto" => Ok(Pkce::Auto),
        "on" => Ok(Pkce::On),
        "off" => Ok(Pkce::Off),
        _ => Err(format!("is {text:?}. Write auto, on or off.")),
    }
}

/// Parses scopes separated by commas or spaces. A space is what OAuth writes (RFC 6749 section 3.3), and what a shell
/// and Docker's `--env-file` disagree about; no scope of Cloud 66 has a comma in its name. The error reads on from the setting's name.
pub(super) fn parse_scopes(text: &str) -> Result<Vec<String>, String> {
    let mut scopes: Vec<String> = Vec::new();
    for scope in text.split([',', ' ', '\t']).filter(|scope| !scope.is_empty()) {
        if !scope
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.:".contains(c))
        {
            return Err(format!(
                "has {scope:?}. A scope is a word in small letters, such as redeploy."
            ));
        }
        if !scopes.iter().any(|seen| seen == scope) {
            scopes.push(scope.to_owned());
        }
    }
    if !scopes.iter().any(|scope| scope == "public") {
        return Err("has no public. Without it nobody can be told who signed in: add public.".to_owned());
    }
    Ok(scopes)
}

/// The first scope that Cloud 66 does not document; it would refuse every sign-in with `invalid_scope`.
pub(super) fn unknown_scope(scopes: &[String]) -> Option<&str> {
    scopes
        .iter()
        .map(String::as_str)
        .find(|scope| !KNOWN_SCOPES.contains(scope))
}
