//! The public address: what is made from it, and which hosts are answered.

use stackdeck::config::PublicUrl;

use super::read;

#[test]
fn the_public_port_follows_the_listener_unless_it_is_set() {
    for (values, url) in [
        ("STACKDECK_BIND=127.0.0.1:9000", "http://localhost:9000"),
        (
            "STACKDECK_BIND=127.0.0.1:9000\nSTACKDECK_PUBLIC_URL=http://localhost:80",
            "http://localhost",
        ),
    ] {
        assert_eq!(read(values).unwrap().public_url.to_string(), url);
    }
}

#[test]
fn a_public_address_answers_for_links_cookies_and_callback() {
    for (text, origin, prefix, cookie, cookie_path, callback) in [
        (
            "https://Deck.Example.com",
            "https://deck.example.com",
            "",
            "__Host-s",
            "/",
            "https://deck.example.com/oauth/callback",
        ),
        (
            "https://e.com:443/",
            "https://e.com",
            "",
            "__Host-s",
            "/",
            "https://e.com/oauth/callback",
        ),
        (
            "https://e.com/deck/",
            "https://e.com",
            "/deck",
            "__Secure-s",
            "/deck",
            "https://e.com/deck/oauth/callback",
        ),
        (
            "https://e.com/a/./b/../c",
            "https://e.com",
            "/a/c",
            "__Secure-s",
            "/a/c",
            "https://e.com/a/c/oauth/callback",
        ),
        (
            "http://localhost:8066",
            "http://localhost:8066",
            "",
            "s",
            "/",
            "http://localhost:8066/oauth/callback",
        ),
        (
            "http://[::1]:80/d",
            "http://[::1]",
            "/d",
            "s",
            "/d",
            "http://[::1]/d/oauth/callback",
        ),
        (
            "https://bücher.example",
            "https://xn--bcher-kva.example",
            "",
            "__Host-s",
            "/",
            "https://xn--bcher-kva.example/oauth/callback",
        ),
    ] {
        let url = PublicUrl::parse(text).unwrap();
        assert_eq!(url.origin(), origin, "{text}");
        assert_eq!(url.path_prefix(), prefix, "{text}");
        assert_eq!(url.cookie_name("s"), cookie, "{text}");
        assert_eq!(url.cookie_path(), cookie_path, "{text}");
        assert_eq!(url.callback(), callback, "{text}");
        assert_eq!(url.is_https(), text.starts_with("https"), "{text}");
        assert_eq!(url.join("/stacks"), format!("{origin}{prefix}/stacks"), "{text}");
    }
}

#[test]
fn only_our_own_hosts_are_answered() {
    for (url, listen_port, answered, refused) in [
        (
            "https://deck.example.com/x",
            8066,
            &[
                "deck.example.com",
                "DECK.example.com:443",
                "localhost:8066",
                "127.0.0.1:8066",
                "[::1]:8066",
            ] as &[_],
            &[
                "deck.example.com:80",
                "deck.example.com:8066",
                "localhost",
                "evil.example",
                "deck.example.com.evil.example",
            ] as &[_],
        ),
        (
            "https://deck.example.com:8443",
            8066,
            &["deck.example.com:8443", "deck.example.com"],
            &["deck.example.com:443"],
        ),
        (
            "http://deck.example.com",
            80,
            &["deck.example.com:80", "localhost", "[::1]"],
            &["localhost:8066"],
        ),
        (
            "http://localhost:9000",
            8066,
            &["localhost:9000", "localhost:8066", "127.0.0.1:8066"],
            &["127.0.0.1:9000"],
        ),
        (
            "https://deck.example.com",
            8066,
            &[],
            &[
                "",
                " ",
                "evil/../@deck.example.com",
                "deck.example.com@evil",
                "deck.example.com ",
                "deck.example.com:",
                "deck.example.com:443:443",
                "deck.example.com,evil",
                "deck.example.com\0",
                "127.1:8066",
                "[::1]",
            ],
        ),
    ] {
        let hosts = PublicUrl::parse(url).unwrap().allowed_hosts(listen_port);
        for host in answered {
            assert!(hosts.contains(host), "{url}: {host:?}");
        }
        for host in refused {
            assert!(!hosts.contains(host), "{url}: {host:?}");
        }
    }
}
