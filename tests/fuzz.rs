//! Readers of what comes from outside, under inputs that nobody thought of: kept ones, and mutations of them.
//!
//! `STACKDECK_FUZZ_INPUTS` is how many inputs each reader gets; `bin/fuzz` runs many, `cargo test` a few. The
//! seed is fixed unless `STACKDECK_FUZZ_SEED` says otherwise, so a failure comes back. An input that failed once
//! belongs into `tests/fuzz/*.txt`, a line each, with `\xNN` for what is no printable ASCII.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests end where they go wrong, and read their own settings"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use axum::http::{HeaderMap, HeaderValue};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use stackdeck::cloud66::parsers;
use stackdeck::config::{Mode, PublicUrl, SETTINGS, Settings};
use stackdeck::domain::{OperationId, ReturnTo, StackUid, WebLink};
use stackdeck::web::events::message;
use stackdeck::web::server::ClientAddr;
use stackdeck::web::urls::Cloud66Pages;
use stackdeck::web::{Site, Urls, cookies, sign_in, stacks};

/// What `cargo test` gives each reader.
const FEW: u64 = 20_000;

/// Pieces that parsers stumble over.
const PIECES: &[&[u8]] = &[
    b"//",
    b"\\",
    b"/\t/",
    b"%2f",
    b"%00",
    b"%0d%0a",
    b"\r\n\r\n",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"..",
    b"%2e%2e",
    b"@",
    b"?",
    b"#",
    b":",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\"",
    b",",
    b"null",
    b"-1",
    b"1e999",
    b"NaN",
    b"18446744073709551616",
    b"\xe2\x80\xa8",
    b"<![CDATA[",
    b"]]>",
    b"<!DOCTYPE x [",
    b"&amp;",
    b"=",
    b"&",
    b";",
    b"javascript:",
    b"https://evil.example",
    b"::1",
    b"\\u0000",
    b"\\ud800",
];

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The kept inputs of a reader.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fuzz/{name}.txt"));
    let text = std::fs::read_to_string(path).unwrap();
    let inputs: Vec<Vec<u8>> = text.lines().map(unescaped).collect();
    assert!(!inputs.is_empty());
    inputs
}

fn unescaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let [first, more @ ..] = rest {
        let hex = rest
            .strip_prefix(b"\\x")
            .and_then(|hex| std::str::from_utf8(hex.get(..2)?).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = hex {
            bytes.push(byte);
            rest = &rest[4..];
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    bytes
}

fn escaped(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b' '..=b'~' => char::from(*byte).to_string(),
            byte => format!("\\x{byte:02x}"),
        })
        .collect()
}

/// A kept input, changed in a few places.
fn mutated(corpus: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut input = corpus[random.random_range(0..corpus.len())].clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=input.len());
        match random.random_range(0..7) {
            0 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
            1 if at < input.len() => drop(input.remove(at)),
            2 => input.insert(at, random.random()),
            3 => {
                let piece = PIECES[random.random_range(0..PIECES.len())];
                input.splice(at..at, piece.iter().copied());
            }
            4 => {
                let other = &corpus[random.random_range(0..corpus.len())];
                let cut = random.random_range(0..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[cut..]);
            }
            5 => {
                let end = (at + random.random_range(0..16)).min(input.len());
                let copy = input[at..end].repeat(random.random_range(1..5));
                input.splice(at..at, copy);
            }
            _ => input.truncate(at),
        }
        input.truncate(4_096);
    }
    input
}

/// Gives a reader its kept inputs, and then as many others as was asked for.
fn fuzz(name: &str, reader: impl Fn(&[u8])) {
    let corpus = corpus(name);
    // Each input is tried as every setting.
    let share = if name == "settings" {
        SETTINGS.len() as u64
    } else {
        1
    };
    let inputs = setting("STACKDECK_FUZZ_INPUTS").unwrap_or(FEW) / share;
    let mut random = StdRng::seed_from_u64(setting("STACKDECK_FUZZ_SEED").unwrap_or(66));
    let take = |input: &[u8]| {
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| reader(input))) {
            eprintln!("{name} failed with: {}", escaped(input));
            std::panic::resume_unwind(cause);
        }
    };
    for input in &corpus {
        take(input);
    }
    for _ in 0..inputs {
        take(&mutated(&corpus, &mut random));
    }
    println!("{name}: {} inputs", corpus.len() as u64 + inputs);
}

/// Y06, R26: a place to return to is a page of ours, and says so however it was made.
#[test]
fn return_to() {
    let base: url::Url = "https://deck.example.com".parse().unwrap();
    fuzz("return_to", |input| {
        let place = ReturnTo::parse(&String::from_utf8_lossy(input)).to_string();
        let url = base.join(&place).unwrap();
        assert_eq!(url.origin(), base.origin(), "{place}");
        assert_eq!(
            url.as_str(),
            format!("https://deck.example.com{place}"),
            "a browser reads it as it is"
        );
        assert_eq!(ReturnTo::parse(&place).to_string(), place);
    });
}

/// Y06, A06: a uid is 32 small hexadecimal digits and nothing else.
#[test]
fn uid() {
    fuzz("uid", |input| {
        let text = String::from_utf8_lossy(input);
        let shape = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        assert_eq!(
            text.parse::<StackUid>().map(|uid| uid.to_string()).ok(),
            shape.then(|| text.to_string())
        );
        if let Ok(id) = text.parse::<OperationId>() {
            assert_eq!(id.to_string(), text);
        }
        if let Some(link) = WebLink::parse(&text) {
            let link = link.as_str();
            assert!(
                link.starts_with("http://") || link.starts_with("https://"),
                "{link}"
            );
        }
    });
}

/// Y06, S09: a callback's query has one state of printable characters, or is none.
#[test]
fn callback_query() {
    fuzz("callback_query", |input| {
        let query = String::from_utf8_lossy(input);
        if let Some(state) = sign_in::state_in_callback(&query) {
            assert!(!state.is_empty() && state.len() <= 128 && state.bytes().all(|b| b.is_ascii_graphic()));
            let states = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
            assert_eq!(states.count(), 1);
        }
        let _ = stacks::read_query(&query);
    });
}

fn site() -> Site {
    Site {
        urls: Urls::new(""),
        public_url: PublicUrl::parse("https://deck.example.com").unwrap(),
        demo: false,
        out_of_band: false,
        cloud66: Cloud66Pages::new(&WebLink::parse("https://app.cloud66.com").unwrap()),
        hsts: None,
        session_lifetime: std::time::Duration::from_mins(1),
    }
}

/// Y06, C07: what a browser sends as cookies, and what of it is written back.
#[test]
fn cookie() {
    let site = site();
    fuzz("cookie", |input| {
        let mut headers = HeaderMap::new();
        // Two header lines where the input has a line end; what no header can carry never arrives.
        for line in input.split(|byte| *byte == b'\n') {
            let Ok(value) = HeaderValue::from_bytes(line) else {
                continue;
            };
            headers.append("cookie", value);
        }
        if let Some(browser) = cookies::sign_in_browser(&site, &headers) {
            let written = cookies::set_sign_in_browser(&site, &browser);
            let written = written.to_str().unwrap();
            assert!(
                written.starts_with("__Host-") && !written.contains(['\r', '\n']),
                "{written}"
            );
            assert_eq!(written.matches("Secure").count(), 1, "{written}");
        }
        let pins = cookies::pins(&site, &headers);
        assert!(cookies::set_pins(&site, &pins).len() < 4_096);
        if let Some(written) = cookies::set_views(&site, &cookies::views(&site, &headers)) {
            assert!(written.len() < 4_096 && !written.is_empty());
        }
        let _ = (
            cookies::theme(&site, &headers),
            cookies::live(&site, &headers),
            cookies::keys(&site, &headers),
        );
    });
}

/// Y06, S28: a token answer in any form.
#[test]
fn token_answer() {
    fuzz("token_answer", |input| {
        for kind in [
            None,
            Some("application/json"),
            Some("text/xml"),
            Some("application/x-www-form-urlencoded"),
        ] {
            let read = parsers::is_token_answer(200, kind, input);
            // Nothing is taken for one that does not name what it carries.
            let names = |word: &[u8]| input.windows(word.len()).any(|window| window == word);
            let spelt = names(b"access_token")
                || names(b"error")
                || input.contains(&b'\\')
                || input.contains(&b'%')
                || input.contains(&b'&');
            assert!(!read || spelt);
            assert!(!parsers::is_token_answer(500, kind, input));
        }
    });
}

/// Y06, U15, U23: lists of stacks, and deployments.
#[test]
fn stack_json() {
    fuzz("stack_json", |input| {
        if let Some((read, unreadable)) = parsers::stacks_in(input) {
            assert!(read + unreadable <= input.len());
        }
        let _ = parsers::is_deployment(input);
    });
}

/// Y06, V03: whatever a fragment holds, a reader of the stream finds one event, and in it the fragment's lines.
#[test]
fn event() {
    fuzz("event", |input| {
        let html = String::from_utf8_lossy(input);
        let event = message::rows("1.2", &html);
        let lines: Vec<&str> = event.split(['\n', '\r']).collect();
        let [name, id, data @ .., "", ""] = lines.as_slice() else {
            panic!("{event:?}");
        };
        assert_eq!((*name, *id), ("event: rows", "id: 1.2"));
        let data: Vec<&str> = data
            .iter()
            .map(|line| line.strip_prefix("data: ").unwrap())
            .collect();
        assert_eq!(data.join("\n"), html.replace('\r', "\n"));
    });
}

/// Y06, P04: whoever asks is the socket's address, or one that a trusted proxy wrote.
#[test]
fn forwarded_for() {
    let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
    let (proxy, stranger) = ("10.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap());
    fuzz("forwarded_for", |input| {
        let mut headers = HeaderMap::new();
        for line in input.split(|byte| *byte == b'\n') {
            let Ok(value) = HeaderValue::from_bytes(line) else {
                continue;
            };
            headers.append("x-forwarded-for", value);
        }
        assert_eq!(ClientAddr::find(stranger, &headers, &trusted).0, stranger);
        assert_eq!(ClientAddr::find(proxy, &headers, &[]).0, proxy);
        let found = ClientAddr::find(proxy, &headers, &trusted).0;
        assert_eq!(found, found.to_canonical());
    });
}

/// Y06, T08: settings of any text are refused or taken, and never shown where they are secret.
#[test]
fn settings() {
    // Behind each input, to be looked for in what is said of it.
    const MARKER: &str = "zqx-marker-7731";
    fuzz("settings", |input| {
        let text = String::from_utf8_lossy(input).into_owned() + MARKER;
        for setting in SETTINGS {
            let lookup = |name: &str| match name {
                name if name == setting.name => Some(text.clone()),
                "STACKDECK_SECRET" => Some("dGhlIHRlc3RzJyBvd24gc2VjcmV0LCBsb25nIGVub3VnaA==".to_owned()),
                _ => None,
            };
            let shown = match Settings::read(lookup, Mode::Check) {
                Ok(settings) => format!("{settings:?}"),
                Err(mistakes) => mistakes.to_string(),
            };
            // The id is no secret, and the place of a database is shown without its password.
            let may_be_shown = matches!(setting.name, "CLOUD66_CLIENT_ID" | "STACKDECK_DATABASE_URL");
            assert!(
                !setting.secret || may_be_shown || !shown.contains(MARKER),
                "{}: {shown}",
                setting.name
            );
        }
    });
}
