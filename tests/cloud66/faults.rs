//! Reads from a server that is slow, broken or hostile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stackdeck::cloud66::{ApiVersion, Error};
use stackdeck::domain::StackUid;

use super::fake::{Fake, Reaction, Then, api, client, json, nowhere, patient};

const EMPTY: &str = r#"{"response":[]}"#;

#[tokio::test]
async fn a_read_is_tried_three_times_in_all() {
    for status in [500, 502, 503, 504, 521] {
        let fake = Fake::start(move |_, number| {
            if number < 2 {
                json(status, "")
            } else {
                json(200, EMPTY)
            }
        })
        .await;
        let (api, budget) = api(&fake.client());
        assert!(api.stacks().await.is_ok(), "{status}");
        assert_eq!(fake.seen().len(), 3, "{status}");
        assert_eq!(budget.usage().used, 3);
    }
    let fake = Fake::start(|_, _| json(500, "")).await;
    assert_eq!(fake.api().stacks().await, Err(Error::Down));
    assert_eq!(fake.seen().len(), 3);
}

#[tokio::test]
async fn a_broken_connection_is_tried_again() {
    for cut in ["", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"response\":["] {
        let fake = Fake::start(move |_, number| match number {
            0 => Reaction::Raw(cut.into(), Then::Reset),
            1 => Reaction::Raw(cut.into(), Then::Close),
            _ => json(200, EMPTY),
        })
        .await;
        assert!(fake.api().stacks().await.is_ok(), "{cut}");
        assert_eq!(fake.seen().len(), 3, "{cut}");
    }
    let fake = Fake::start(|_, _| {
        Reaction::Raw(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]".into(),
            Then::Close,
        )
    });
    assert_eq!(fake.await.api().stacks().await, Err(Error::Down));
}

#[tokio::test]
async fn what_cannot_get_better_is_not_tried_again() {
    for (status, body) in [
        (400, ""),
        (401, ""),
        (404, ""),
        (429, ""),
        (307, ""),
        (503, r#"{"error":"throttled"}"#),
        (503, r#"{"error":"not_implemented"}"#),
        (200, "<html>"),
        (200, "{"),
    ] {
        let fake = Fake::start(move |_, _| json(status, body)).await;
        assert!(fake.api().stacks().await.is_err(), "{status} {body}");
        assert_eq!(fake.seen().len(), 1, "{status} {body}");
    }
}

/// Cases U01, U03.
#[tokio::test]
async fn a_silent_server_is_down_after_one_try() {
    for head in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
    ] {
        let fake = Fake::start(move |_, _| Reaction::Raw(head.into(), Then::Silence)).await;
        let (api, _) = api(&hasty(&fake));
        assert_eq!(api.stacks().await, Err(Error::Down), "{head}");
    }
}

fn hasty(fake: &Fake) -> stackdeck::cloud66::Client {
    let timeouts = stackdeck::cloud66::Timeouts {
        total: super::fake::HASTY,
        ..patient()
    };
    client(fake.url.clone(), ApiVersion::V3, timeouts)
}

#[tokio::test]
async fn nobody_there_is_down() {
    let (api, budget) = api(&client(nowhere().await, ApiVersion::V3, patient()));
    assert_eq!(api.stacks().await, Err(Error::Down));
    assert_eq!(budget.usage().used, 3);
}

/// Case U19; the measurement M16: `.bytes()` inflates all of it.
#[tokio::test]
async fn a_flood_and_a_bomb_are_stopped_at_the_cap() {
    // Both would be an empty list if they were read to the end.
    let fake = Fake::start(|_, _| Reaction::flood()).await;
    assert_eq!(fake.api().stacks().await, Err(Error::Unreadable));
    assert!(fake.written() < 50 << 20, "all of it was taken");
    let fake = Fake::start(|_, _| Reaction::gzip_bomb()).await;
    assert_eq!(fake.api().stacks().await, Err(Error::Unreadable));
    assert_eq!(fake.seen().len(), 1);
    assert_eq!(fake.seen()[0].header("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn a_list_may_be_larger_than_an_object() {
    let wide = format!(r#"{{"response":[],"padding":"{}"}}"#, "x".repeat(100 * 1024));
    let fake = Fake::start(move |_, _| json(200, wide.clone())).await;
    assert!(fake.api().stacks().await.is_ok());
    assert_eq!(fake.api().stack(StackUid::from(1)).await, Err(Error::Unreadable));
}

#[tokio::test]
async fn a_redirected_read_stays_here_and_so_does_the_token() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Fake::start(|_, _| json(200, EMPTY)).await;
        let target = elsewhere.url.join("/there").unwrap().to_string();
        let fake = Fake::start(move |_, _| json(status, "").with("Location", target.clone())).await;
        assert_eq!(fake.api().stacks().await, Err(Error::Unreadable), "{status}");
        assert_eq!((fake.seen().len(), elsewhere.seen().len()), (1, 0), "{status}");
    }
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = down.clone();
    let fake = Fake::start(move |_, _| {
        if is_down.load(Ordering::SeqCst) {
            json(502, "")
        } else {
            json(200, EMPTY)
        }
    });
    let fake = fake.await;
    let api = fake.api();
    assert_eq!(api.stacks().await, Err(Error::Down));
    down.store(false, Ordering::SeqCst);
    assert!(api.stacks().await.is_ok());
}

/// Case U15.
#[tokio::test]
async fn odd_encodings_of_json_are_read_or_refused() {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let utf_16: Vec<u8> = EMPTY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (body, readable) in [
        (bytes("\u{feff}{\"response\":[]}"), true),
        (bytes("[]"), true),
        (b"{\"response\":[{\"name\":\"caf\xe9\"}]}".to_vec(), true),
        (bytes(r#"{"response":[NaN]}"#), false),
        (utf_16, false),
        (bytes(&"[".repeat(100_000)), false),
        (bytes(r#"{"response":[],"response":[]}"#), false),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let fake = Fake::start(move |_, _| json(200, "").with_body(body.clone())).await;
        assert_eq!(fake.api().stacks().await.is_ok(), readable, "{shown}");
    }
}
