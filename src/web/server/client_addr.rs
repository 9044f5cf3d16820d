//! Who is asking, for the log and for rate limits. Nothing that matters for security may depend on it beyond
//! that: behind a proxy it is the proxy's word.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;
use axum::http::header::FORWARDED;
use ipnet::IpNet;

/// The client's address; in the extensions of every request.
///
/// It is the socket's address, unless that is a trusted proxy: then it is the rightmost address in
/// `X-Forwarded-For` that is not a trusted proxy, because only what trusted proxies wrote can be believed,
/// and each writes at the end. What cannot be read leads back to the socket's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddr(pub IpAddr);

impl ClientAddr {
    /// Takes the socket's address, the request's headers and the networks of trusted proxies.
    pub fn find(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
        if !is_trusted(&peer) {
            return Self(peer);
        }
        // Several lines are one list (RFC 9110 section 5.3).
        let mut furthest = peer;
        for line in headers.get_all("x-forwarded-for").iter().rev() {
            let Ok(line) = line.to_str() else {
                return Self(peer);
            };
            for hop in line.rsplit(',') {
                let Some(hop) = parse_hop(hop.trim()) else {
                    return Self(peer);
                };
                if !is_trusted(&hop) {
                    return Self(hop);
                }
                furthest = hop;
            }
        }
        // Trusted all the way: a client inside the trusted network.
        Self(furthest)
    }
}

/// Says once that a proxy seems to be in front that nobody has named. Anybody can send such a header, so more than a
/// line in the log it cannot be.
#[derive(Debug, Default)]
pub(super) struct UnnamedProxy(AtomicBool);

impl UnnamedProxy {
    /// Notes a request's headers, and who sent them.
    pub(super) fn note(&self, peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) {
        let peer = peer.to_canonical();
        let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key(FORWARDED);
        if !forwarded || trusted.iter().any(|network| network.contains(&peer)) {
            return;
        }
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "a request was forwarded by an address that STACKDECK_TRUSTED_PROXIES does not name; if that is your \
                 proxy, name it: until then all visitors behind it have the limits of one, health checks included"
            );
        }
    }
}

/// An address as proxies write it: alone, with a port, IPv6 with or without brackets.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const TRUSTED: [&str; 2] = ["10.0.0.0/8", "fd00::/8"];

    fn find(peer: &str, lines: &[&[u8]], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        ClientAddr::find(peer.parse().unwrap(), &headers, &trusted)
            .0
            .to_string()
    }

    /// Case P03.
    #[test]
    fn a_direct_client_cannot_say_who_it_is() {
        assert_eq!(find("192.0.2.1", &[b"1.1.1.1"], &[]), "192.0.2.1");
        assert_eq!(find("192.0.2.1", &[b"1.1.1.1"], &TRUSTED), "192.0.2.1");
        assert_eq!(find("::ffff:192.0.2.1", &[b"1.1.1.1"], &TRUSTED), "192.0.2.1");
    }

    /// Case P04.
    #[test]
    fn behind_trusted_proxies_it_is_the_rightmost_stranger() {
        let many = vec!["1.1.1.1"; 500].join(", ");
        for (lines, expected) in [
            (&[] as &[&[u8]], "10.0.0.1"),
            (&[b"1.1.1.1"], "1.1.1.1"),
            (&[b"6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            (&[b"6.6.6.6, 1.1.1.1, 10.0.0.2"], "1.1.1.1"),
            (&[b"6.6.6.6, 1.1.1.1", b"10.0.0.2 , 10.0.0.3"], "1.1.1.1"),
            (&[b"6.6.6.6", b"1.1.1.1"], "1.1.1.1"),
            (&[b"1.1.1.1:50123"], "1.1.1.1"),
            (&[b"2001:db8::1"], "2001:db8::1"),
            (&[b"[2001:db8::1]"], "2001:db8::1"),
            (&[b"[2001:db8::1]:50123, fd00::2"], "2001:db8::1"),
            (&[b"::ffff:1.1.1.1"], "1.1.1.1"),
            (&[b"10.9.9.9, 10.0.0.2"], "10.9.9.9"),
            (&[many.as_bytes()], "1.1.1.1"),
            // What cannot be read, where it counts.
            (&[b"6.6.6.6, unknown"], "10.0.0.1"),
            (&[b"6.6.6.6, "], "10.0.0.1"),
            (&[b""], "10.0.0.1"),
            (&[b"1.1.1.1.1"], "10.0.0.1"),
            (&[b"[1.1.1.1"], "10.0.0.1"),
            (&[b"\xff\xfe"], "10.0.0.1"),
            (&[b"6.6.6.6, <script>, 10.0.0.2"], "10.0.0.1"),
            // What cannot be read, where it does not.
            (&[b"<script>, 1.1.1.1"], "1.1.1.1"),
        ] {
            let shown: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
            assert_eq!(find("10.0.0.1", lines, &TRUSTED), expected, "{shown:?}");
        }
    }
}
