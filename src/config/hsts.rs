//! Strict transport security (RFC 6797): whether browsers are told to come back over https only, and at which names.

use super::public_url::PublicUrl;

/// What browsers are told, where it can be told at all: see [`Hsts::header`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hsts {
    /// That this host answers over https only.
    Host,
    /// The same of every name below it.
    IncludeSubdomains,
    /// Nothing.
    Off,
}

impl Hsts {
    /// Parses one of the three words. The error reads on from the setting's name.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "host" => Ok(Self::Host),
            "include-subdomains" => Ok(Self::IncludeSubdomains),
            "off" => Ok(Self::Off),
            _ => Err(format!("is {text:?}. Write host, include-subdomains or off.")),
        }
    }

    /// The word in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::IncludeSubdomains => "include-subdomains",
            Self::Off => "off",
        }
    }

    /// The header's value for an app at this address. None below a path prefix, where the host is shared, and on a port
    /// of its own: browsers keep the promise for the whole host on all ports, so it is not this app's to make.
    pub fn header(self, at: &PublicUrl) -> Option<&'static str> {
        match self {
            _ if !at.is_https() || !at.has_host_to_itself() => None,
            Self::Host => Some("max-age=63072000"),
            Self::IncludeSubdomains => Some("max-age=63072000; includeSubDomains"),
            Self::Off => None,
        }
    }
}
