//! Why Cloud 66 could not be reached, as a class that an operator can act on; and the line in the log when it changes.
//!
//! Invariant: neither holds an address beyond the host, nor anything of a request.

use std::error::Error as StdError;
use std::io;
use std::sync::{Mutex, PoisonError};

use rustls::CertificateError as Certificate;
use thiserror::Error;
use url::Url;

/// A class of causes. `Display` reads on from the host's name, and ends with what to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Cause {
    /// The name has no address.
    #[error("its name is not known to DNS. Check the spelling, and this machine's name servers")]
    Name,
    /// Nothing listens.
    #[error("the connection was refused. Check the port, and whether something listens there")]
    Refused,
    /// No way there.
    #[error("there is no way through the network to it. Check this machine's routes and firewall")]
    NoRoute,
    /// No connection came about in time.
    #[error("no connection came about in time. Check firewalls in between, and whether a proxy is needed")]
    ConnectTimeout,
    /// The connection stands, and no answer came in time.
    #[error("it took the connection and did not answer in time")]
    NoAnswer,
    /// The certificate's issuer is not trusted.
    #[error(
        "its certificate is signed by nobody whom this machine trusts. Add the authority to the system's certificates"
    )]
    UnknownAuthority,
    /// The certificate has expired, or is not valid yet.
    #[error("its certificate is not valid today. Check its dates and this machine's clock")]
    Expired,
    /// The certificate is another host's.
    #[error("its certificate is for another name. Check the spelling, and who answers in between")]
    WrongName,
    /// The certificate is no good for another reason.
    #[error("its certificate is not good")]
    Certificate,
    /// What answers does not speak TLS.
    #[error("it does not speak TLS there. Write http:// where that is meant, or another port")]
    NotTls,
    /// The two sides do not agree on TLS.
    #[error("TLS could not be agreed on")]
    Tls,
    /// The connection broke.
    #[error(
        "the connection broke before an answer came. Check what is in between, and whether it is https there"
    )]
    Broken,
}

impl Cause {
    /// Finds the cause in what reqwest wraps.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() && !error.is_connect() {
            return Self::NoAnswer;
        }
        let mut found = None;
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(error) = next {
            // The innermost one that says something says it best.
            found = of_one(error).or(found);
            next = error.source();
        }
        match found {
            Some(cause) => cause,
            None if error.is_timeout() => Self::ConnectTimeout,
            None => Self::Broken,
        }
    }
}

fn of_one(error: &(dyn StdError + 'static)) -> Option<Cause> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    // hyper-util has no type for it; the text is a constant of its own.
    if error.to_string() == "dns error" {
        return Some(Cause::Name);
    }
    let error = error.downcast_ref::<io::Error>()?;
    // An error inside of an `io::Error` is no link of the chain.
    if let Some(inner) = error.get_ref() {
        return of_one(inner);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Cause::Refused),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some(Cause::NoRoute),
        io::ErrorKind::TimedOut => Some(Cause::ConnectTimeout),
        _ => None,
    }
}

fn of_tls(error: &rustls::Error) -> Cause {
    match error {
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer) => Cause::UnknownAuthority,
        rustls::Error::InvalidCertificate(
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. },
        ) => Cause::Expired,
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => Cause::WrongName,
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Cause::Certificate,
        rustls::Error::InvalidMessage(_) => Cause::NotTls,
        _ => Cause::Tls,
    }
}

/// Whether Cloud 66 was reached by the last request, and if not, why. Says so when that changes, and not for each of
/// the many requests that fail for one reason.
#[derive(Debug, Default)]
pub(super) struct Reachability(Mutex<Option<Cause>>);

impl Reachability {
    /// Notes how a request fared.
    pub(super) fn note(&self, origin: &Url, now: Option<Cause>) {
        let host = origin.host_str().unwrap_or_default();
        let before = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), now);
        match now {
            Some(cause) if before != now => tracing::warn!(host, "Cloud 66 cannot be reached: {cause}"),
            None if before.is_some() => tracing::info!(host, "Cloud 66 can be reached again"),
            _ => {}
        }
    }

    /// Why the last request did not reach it.
    pub(super) fn cause(&self) -> Option<Cause> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
