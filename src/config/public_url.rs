//! The address under which people open Stackdeck. Links, cookies, the callback and the hosts that are
//! answered all come from it, and never from a request.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// The public address: `http` or `https`, a host, perhaps a port, perhaps a path prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    https: bool,
    /// As browsers write it in `Host`: lower case, IPv6 in brackets, no port.
    host: String,
    /// The port that the scheme does not imply, as browsers leave the implied one out.
    port: Option<u16>,
    /// `""` or `/deck`, `/a/deck`.
    prefix: String,
    loopback: bool,
}

impl PublicUrl {
    /// Takes the setting's text. The error reads on from the setting's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "Write it like https://deck.example.com or https://example.com/deck.";

        let url = parse_http_url(text).map_err(|words| format!("{words} {EXAMPLE}"))?;
        let host = url.host().ok_or_else(|| format!("has no host. {EXAMPLE}"))?;
        let prefix = url.path().trim_end_matches('/');
        if !prefix.split('/').skip(1).all(is_plain_segment) {
            return Err(format!(
                "has a path that holds more than letters, digits and - . _ ~ between single \
                 slashes. {EXAMPLE}"
            ));
        }
        Ok(Self {
            https: url.scheme() == "https",
            loopback: is_loopback(&host),
            host: host.to_string(),
            port: url.port(),
            prefix: prefix.to_owned(),
        })
    }

    /// Whether people open it over TLS: turns on `Secure` cookies and HSTS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether its host is this machine, so that plain http stays inside it.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether nothing else stands at its host, as far as the address says: no path prefix, and the port that the
    /// scheme implies.
    pub fn has_host_to_itself(&self) -> bool {
        self.prefix.is_empty() && self.port.is_none()
    }

    /// Scheme, host and port as browsers write them in `Origin` (RFC 6454 section 6.2).
    pub fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// Host and port as browsers write them in `Host`.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// What stands before each of our paths: `""`, or a slash and a name such as `/deck`.
    pub fn path_prefix(&self) -> &str {
        &self.prefix
    }

    /// The full address of one of our paths, which begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin(), self.prefix)
    }

    /// The redirect URI to register with Cloud 66.
    pub fn callback(&self) -> String {
        self.join("/oauth/callback")
    }

    /// The name of a cookie with the prefix that makes browsers keep its promises (RFC 6265bis section
    /// 4.1.3). `__Host-` demands the path `/`, so under a path prefix it can only be `__Secure-`; plain http
    /// has none.
    pub fn cookie_name(&self, base: &str) -> String {
        match (self.https, self.prefix.is_empty()) {
            (true, true) => format!("__Host-{base}"),
            (true, false) => format!("__Secure-{base}"),
            (false, _) => base.to_owned(),
        }
    }

    /// The `Path` of every cookie: the path prefix, or `/`.
    pub fn cookie_path(&self) -> &str {
        if self.prefix.is_empty() { "/" } else { &self.prefix }
    }

    /// The values of `Host` that are answered, given the port on which the process really listens.
    pub fn allowed_hosts(&self, listen_port: u16) -> AllowedHosts {
        // The public host also without its port: many proxies leave it out (nginx's $host).
        let public_port = self.port.unwrap_or(if self.https { 443 } else { 80 });
        let mut allowed = vec![self.host.clone(), format!("{}:{public_port}", self.host)];
        for name in ["localhost", "127.0.0.1", "[::1]"] {
            allowed.push(format!("{name}:{listen_port}"));
            if listen_port == 80 {
                allowed.push(name.to_owned());
            }
        }
        // A proxy on this machine has the public port, and asks at ours: where the two are one, or where it is the
        // public one that was asked for, nobody stands between, and the browser is at another name of this machine.
        let other_names = ["localhost", "127.0.0.1", "[::1]"]
            .into_iter()
            .filter(|name| self.loopback && *name != self.host)
            .map(|name| match self.port {
                Some(port) => format!("{name}:{port}"),
                None => name.to_owned(),
            })
            .collect();
        AllowedHosts {
            allowed,
            other_names,
            public: self.clone(),
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.join(""))
    }
}

/// The values of the `Host` header that are answered: the public host, and this machine's own names with the
/// port on which the process listens. A list of whole texts, so there is no host parser that could be misled.
#[derive(Debug, Clone)]
pub struct AllowedHosts {
    allowed: Vec<String>,
    other_names: Vec<String>,
    public: PublicUrl,
}

impl AllowedHosts {
    /// Whether a `Host` header, or the authority of a request target, is one of ours.
    pub fn contains(&self, host: &str) -> bool {
        self.allowed
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(host))
    }

    /// Whether a browser that names this host is at another name of this machine than the public one. What it keeps
    /// there, such as the cookie of a sign-in, is not there when it comes back from Cloud 66 to the public one.
    pub fn is_other_name(&self, host: &str) -> bool {
        self.other_names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
    }

    /// The address that people open.
    pub fn public(&self) -> &PublicUrl {
        &self.public
    }
}

/// Parses an `http` or `https` address that carries nothing but host, port and path. The error reads on from
/// a setting's name and repeats nothing of the text: it may hold a password.
pub(super) fn parse_http_url(text: &str) -> Result<Url, &'static str> {
    // The parser would silently mend these.
    if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err("has a space, a backslash or a control character.");
    }
    let url = Url::parse(text).map_err(|_| "is not a full address.")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("does not begin with http:// or https://.");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user name or password. Leave them out.");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a ? or #. Leave them and what follows out.");
    }
    Ok(url)
}

/// Whether a host is this machine: `localhost` and the names below it (RFC 6761 section 6.3), 127.0.0.0/8,
/// `::1`.
pub(super) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).to_canonical().is_loopback(),
    }
}

/// A path segment that means the same in a URL, a cookie and a router. The parser has resolved `.` and `..`.
fn is_plain_segment(segment: &str) -> bool {
    !segment.is_empty()
        && segment
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
}
