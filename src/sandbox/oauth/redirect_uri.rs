//! Which redirect URIs an application may be sent back to (fact sheet 3.7).

use crate::sandbox::options::Strictness;
use crate::sandbox::world::{Application, OUT_OF_BAND};
use url::{Host, Url};

/// Whether the application may be sent back to `requested`.
pub(super) fn allowed(application: &Application, requested: &str, strictness: Strictness) -> bool {
    if requested == OUT_OF_BAND {
        // Up to Doorkeeper 4.3 for every client, later only where it is registered.
        return strictness == Strictness::Document2013
            || application
                .callbacks
                .iter()
                .any(|callback| callback == OUT_OF_BAND);
    }
    if application.any_loopback && is_loopback_callback(requested) {
        return true;
    }
    application.callbacks.iter().any(|registered| match strictness {
        Strictness::Document2013 => same_host_and_port(registered, requested),
        Strictness::Doorkeeper => registered == requested || same_but_loopback_port(registered, requested),
    })
}

/// The registered callback that stands in when none is sent, which only the 2013 document allows.
pub(super) fn default(application: &Application) -> Option<&str> {
    application.callbacks.first().map(String::as_str)
}

/// Why a callback URL cannot be registered; `None` when it can.
pub(crate) fn fault_of(callback: &str) -> Option<&'static str> {
    if callback == OUT_OF_BAND {
        return None;
    }
    let Ok(url) = Url::parse(callback) else {
        return Some("must be an absolute URI");
    };
    if url.fragment().is_some() {
        return Some("must not contain a fragment");
    }
    if matches!(
        url.scheme(),
        "javascript" | "data" | "vbscript" | "file" | "blob" | "about"
    ) {
        return Some("must not use this scheme");
    }
    if matches!(url.scheme(), "http" | "https") && url.host().is_none() {
        return Some("must name a host");
    }
    None
}

/// The 2013 rule: the host and a port that is not the scheme's own must be equal; scheme and path are free.
fn same_host_and_port(registered: &str, requested: &str) -> bool {
    let (Ok(registered), Ok(requested)) = (Url::parse(registered), Url::parse(requested)) else {
        return false;
    };
    let web = |url: &Url| matches!(url.scheme(), "http" | "https");
    let scheme_fits = if web(&registered) {
        web(&requested)
    } else {
        registered.scheme() == requested.scheme()
    };
    scheme_fits
        && requested.fragment().is_none()
        && requested.username().is_empty()
        && registered.host() == requested.host()
        && registered.port() == requested.port()
}

/// From Doorkeeper 5.2 on the port of a loopback address is free (RFC 8252, 7.3): addresses, not names.
fn same_but_loopback_port(registered: &str, requested: &str) -> bool {
    let (Ok(mut registered), Ok(mut requested)) = (Url::parse(registered), Url::parse(requested)) else {
        return false;
    };
    let literal = match requested.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    if !literal || requested.fragment().is_some() {
        return false;
    }
    // Of an http URL with a host the port can always be set.
    registered.set_port(None).is_ok() && requested.set_port(None).is_ok() && registered == requested
}

fn is_loopback_callback(requested: &str) -> bool {
    let Ok(url) = Url::parse(requested) else {
        return false;
    };
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    loopback && matches!(url.scheme(), "http" | "https") && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Strictness::{Document2013, Doorkeeper};

    fn application(callback: &str) -> Application {
        Application {
            id: 1,
            name: "A".to_owned(),
            client_id: String::new(),
            client_secret: String::new(),
            callbacks: vec![callback.to_owned()],
            any_loopback: false,
            owner: None,
        }
    }

    #[test]
    fn section_3_7_the_five_rows_of_the_2013_document() {
        let application = application("http://example.com");
        for (requested, good) in [
            ("https://example.com", true),
            ("http://example.com/bar", true),
            ("http://example.com:8080", false),
            ("http://oauth.example.com:8080", false),
            ("http://example.org", false),
        ] {
            assert_eq!(
                allowed(&application, requested, Document2013),
                good,
                "{requested}"
            );
            assert!(
                !allowed(&application, requested, Doorkeeper),
                "only the registered one: {requested}"
            );
        }
        assert!(allowed(&application, "http://example.com", Doorkeeper));
    }

    #[test]
    fn section_3_7_what_follows_from_the_rule_of_host_and_port() {
        let application = application("http://example.com:3000/callback");
        for (requested, good) in [
            ("http://example.com:3000/other?x=1", true),
            ("http://example.com/callback", false),
            ("http://oauth.example.com:3000/callback", false),
            ("http://example.com:3000/callback#part", false),
            ("http://example.com:3000@evil.example/callback", false),
            ("javascript://example.com:3000/", false),
            ("not a url", false),
            ("", false),
        ] {
            assert_eq!(
                allowed(&application, requested, Document2013),
                good,
                "{requested}"
            );
        }
    }

    #[test]
    fn section_3_7_out_of_band_is_for_every_client_in_2013_and_registered_in_doorkeeper() {
        assert!(allowed(
            &application("http://example.com"),
            OUT_OF_BAND,
            Document2013
        ));
        assert!(!allowed(
            &application("http://example.com"),
            OUT_OF_BAND,
            Doorkeeper
        ));
        assert!(allowed(&application(OUT_OF_BAND), OUT_OF_BAND, Doorkeeper));
    }

    #[test]
    fn section_3_7_the_port_of_a_loopback_address_is_free() {
        let registered = application("http://127.0.0.1/callback");
        assert!(allowed(
            &registered,
            "http://127.0.0.1:34543/callback",
            Doorkeeper
        ));
        assert!(!allowed(&registered, "http://127.0.0.1:34543/other", Doorkeeper));
        assert!(!allowed(
            &application("http://localhost/callback"),
            "http://localhost:1/callback",
            Doorkeeper
        ));
    }

    #[test]
    fn the_ready_application_takes_any_loopback_callback() {
        let ready = Application {
            any_loopback: true,
            ..application(OUT_OF_BAND)
        };
        for strictness in [Document2013, Doorkeeper] {
            assert!(allowed(
                &ready,
                "http://localhost:8066/oauth/callback",
                strictness
            ));
            assert!(allowed(&ready, "http://[::1]:9/x", strictness));
            assert!(!allowed(&ready, "http://example.com/", strictness));
            assert!(!allowed(&ready, "http://localhost.example.com/", strictness));
            assert!(!allowed(&ready, "http://localhost/#x", strictness));
        }
    }

    #[test]
    fn section_2_what_can_be_registered() {
        for good in [
            "http://example.com",
            "https://a.example/cb?x=1",
            "cloud66://oauth",
            OUT_OF_BAND,
        ] {
            assert_eq!(fault_of(good), None, "{good}");
        }
        for bad in [
            "",
            "/callback",
            "http://example.com/#x",
            "javascript:alert(1)",
            "data:text/html,x",
        ] {
            assert!(fault_of(bad).is_some(), "{bad}");
        }
    }
}
