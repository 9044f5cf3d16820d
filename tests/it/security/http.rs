//! N: HTTP as attackers write it, against the whole app as it is wired. Each deadline and cap alone, with short
//! times, is tested in `tests/connections`.

use super::raw::{address, authority, exchange, rest, status};
use super::tally::{Kind, note};
use crate::harness::TestApp;

fn get(app: &TestApp, path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n",
        authority(app)
    )
}

fn post(app: &TestApp, headers: &str, body: &str) -> String {
    format!(
        "POST /sign-in HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nConnection: close\r\nContent-Type: \
         application/x-www-form-urlencoded\r\n{headers}\r\n{body}",
        authority(app),
        app.url
    )
}

/// The app's own page for a refusal, and never a library's line of text.
fn assert_our_page(answer: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let head = head.to_ascii_lowercase();
    assert!(
        head.contains("content-type: text/html; charset=utf-8"),
        "{answer}"
    );
    assert!(
        head.contains("content-security-policy: default-src 'none'"),
        "{answer}"
    );
    assert!(
        body.contains("<!doctype html>") || body.contains("<!DOCTYPE html>"),
        "{answer}"
    );
}

/// N05 to N09: each part has a largest size, and who passes it gets our page where there is one to write.
#[tokio::test]
async fn what_is_too_large_is_refused_by_the_app_as_it_is_wired() {
    let app = TestApp::with()
        .limits(|limits| limits.body = std::time::Duration::from_secs(3))
        .start()
        .await;
    let long = |length: usize| "a".repeat(length);
    let chunked = format!("400\r\n{}\r\n", long(1024)).repeat(70);
    let rows = [
        ("N05", get(&app, "/", &"X: v\r\n".repeat(63)), 431, false),
        ("N05", get(&app, "/", &"X: v\r\n".repeat(10_000)), 431, false),
        ("N06", get(&app, &format!("/{}", long(8_192)), ""), 414, true),
        ("N06", get(&app, &format!("/?q={}", long(12_000)), ""), 414, true),
        ("N06", get(&app, &format!("/{}", long(70_000)), ""), 431, false),
        (
            "N07",
            get(&app, "/", &format!("X: {}\r\n", long(17_000))),
            431,
            false,
        ),
        (
            "N07",
            get(&app, "/", &format!("Cookie: {}\r\n", long(64_000))),
            431,
            false,
        ),
        (
            "N09",
            post(&app, "Content-Length: 17408\r\n", &long(17_408)),
            413,
            true,
        ),
        (
            "N09",
            post(&app, "Content-Length: 3145728\r\n", &long(100)),
            413,
            true,
        ),
        (
            "N09",
            post(&app, "Transfer-Encoding: chunked\r\n", &chunked),
            413,
            true,
        ),
        (
            "N09",
            post(&app, "Content-Length: 500\r\n", "too=short"),
            408,
            false,
        ),
    ];
    for (case, request, expected, page) in rows {
        let answer = exchange(address(&app), &request).await;
        let shown = &request[..request.len().min(60)];
        if status(&answer).is_some() || page {
            assert_eq!(status(&answer), Some(expected), "{case} {shown}: {answer}");
        }
        if page {
            assert_our_page(&answer);
        }
        note(Kind::BadInput, case);
    }
    let begun = app.world().journal().entries().len();
    assert_eq!(begun, 0, "none of them began a sign-in");
}

/// N10: whatever two parsers could read in two ways gets one answer at most, and what hides behind it is never
/// carried out: the hidden request would begin a sign-in, which sets a cookie.
#[tokio::test]
async fn a_hidden_request_is_never_carried_out() {
    let app = TestApp::start().await;
    let body = "access=redeploy&return_to=%2F";
    let hidden = format!(
        "POST /sign-in HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        authority(&app),
        app.url,
        body.len()
    );
    for headers in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5\r\naaaaa\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 41\r\n\r\n",
        "Content-Length: +0\r\n\r\n",
        "Content-Length: 0, 0\r\n\r\n",
        "Content-Length: 99999999999999999999\r\n\r\n",
        "X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "X: a\rContent-Length: 0\r\n\r\n",
        "X: a\0b\r\nContent-Length: 0\r\n\r\n",
    ] {
        let open = format!(
            "POST /no-such-page HTTP/1.1\r\nHost: {}\r\n{headers}{hidden}",
            authority(&app)
        );
        let answer = exchange(address(&app), open).await;
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{headers:?}: {answer}");
        assert!(
            !answer.to_ascii_lowercase().contains("set-cookie"),
            "{headers:?}: {answer}"
        );
        note(Kind::BadInput, "N10");
    }
    // In the open it is carried out: the rows above were not refused for want of a sign-in.
    let answer = exchange(address(&app), hidden).await;
    assert_eq!(status(&answer), Some(303), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("set-cookie"), "{answer}");
}

/// N13: a method that a page does not have.
#[tokio::test]
async fn unusual_methods_change_nothing() {
    let app = TestApp::start().await;
    let uid = app.quiet_stack("staging");
    for (line, allowed) in [
        ("TRACE /", &[405][..]),
        ("BREW /", &[403, 405]),
        ("PUT /sign-in", &[403, 405]),
        ("DELETE /", &[403, 405]),
        ("CONNECT /", &[405, 403]),
        ("OPTIONS *", &[400, 404, 405, 421]),
        ("CONNECT localhost:443", &[400, 404, 405, 421]),
        (&format!("PUT /stacks/{uid}/redeploy"), &[403, 405]),
        (&format!("PATCH /stacks/{uid}/redeploy"), &[403, 405]),
    ] {
        let answer = exchange(
            address(&app),
            format!(
                "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                authority(&app)
            ),
        )
        .await;
        let status = status(&answer).unwrap_or_default();
        assert!(allowed.contains(&status), "{line}: {answer}");
        note(Kind::BadInput, "N13");
    }
    assert_eq!(app.world().journal().entries().len(), 0);
}

/// N14, N08: other protocols on this port.
#[tokio::test]
async fn other_protocols_are_closed() {
    let app = TestApp::start().await;
    let rows: [(&str, &[u8]); 6] = [
        ("N14", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
        ("N14", b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n"),
        ("N08", b"GET /\r\n"),
        (
            "N08",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a handshake\r\n\r\n",
        ),
        ("N08", b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("N08", b"\0\0\0\0\0\0\0\0\r\n\r\n"),
    ];
    for (case, bytes) in rows {
        let answer = exchange(address(&app), bytes).await;
        assert!(
            matches!(status(&answer), None | Some(400 | 421)),
            "{case} {bytes:?}: {answer}"
        );
        note(Kind::BadInput, case);
    }
    let answer = exchange(
        address(&app),
        get(&app, "/healthz", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n")
            .replace("close", "close, Upgrade"),
    )
    .await;
    assert_eq!(status(&answer), Some(200), "{answer}");
}

/// N20: many requests in one go, a body that is announced and not sent, and a peer that stops sending.
#[tokio::test]
async fn pipelines_and_half_closed_connections_get_their_answers() {
    let app = TestApp::start().await;
    let one = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", authority(&app));
    let answer = exchange(address(&app), one.repeat(1000)).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1000);
    note(Kind::Check, "N20");
    let expect = post(&app, "Content-Length: 20\r\nExpect: 100-continue\r\n", "");
    let answer = exchange(address(&app), expect).await;
    assert!(!answer.contains(" 303 "), "{answer}");
    note(Kind::BadInput, "N20");
    let mut half = tokio::net::TcpStream::connect(address(&app)).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut half, b"GET / HTTP/1.1\r\nHost: lo")
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut half).await.unwrap();
    let half = rest(half).await;
    assert!(matches!(status(&half), None | Some(400)), "{half}");
    note(Kind::BadInput, "N20");
}

/// N21: queries and paths that are not text, or twice. M9: a library would answer 400 in its own words, or guess.
#[tokio::test]
async fn odd_queries_and_paths_get_a_page_of_ours() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    for path in [
        "/?q=%ff",
        "/?q=%00",
        "/?q=%zz",
        "/?q=a&q=b",
        "/?state=%F0%9F%92%A9&sort=',(&page=-1",
        "/?page=99999999999999999999",
        "/sign-in?access=a&access=b",
        "/oauth/callback?state=a&state=b&code=c",
        "/oauth/callback?%ff=%ff&state=%00",
        "/stacks/%2e%2e",
        "/stacks/..%2f..%2foauth",
        "/stacks/%00",
        "/stacks/%ff%fe",
        "/redeploys/%2e%2e%2fadmin",
        "/static/..%2f..%2fCargo.toml",
        "/static/%2e%2e/Cargo.toml",
        "/redeploys?before=nonsense",
        "/search?q=%ff",
    ] {
        let page = browser.get(path).await;
        assert!(!page.status.is_server_error(), "{path}: {}", page.status);
        for words in [
            "Failed to deserialize",
            "Invalid URL",
            "duplicate field",
            "[package]",
            "axum",
            "serde",
        ] {
            assert!(!page.body.contains(words), "{path}: {}", page.body);
        }
        note(Kind::BadInput, "N21");
    }
}

/// N18: with few files to open, silent clients cannot take the ones that the app itself needs.
#[tokio::test]
async fn silent_clients_leave_files_for_the_app() {
    let mut served = super::process::Served::start_in("ulimit -n 300").await;
    let browser = crate::harness::Browser::new(&served.url);
    // Kept alive from before the crowd came.
    assert_eq!(browser.get("/readyz").await.status, 200);
    let mut crowd = Vec::new();
    for _ in 0..400 {
        if let Ok(stream) = tokio::net::TcpStream::connect(served.address).await {
            crowd.push(stream);
        }
    }
    for _ in 0..5 {
        let page = browser.get("/readyz").await;
        assert_eq!(page.status, 200, "the database can still be asked");
        // It asks Cloud 66 first whether it takes a verifier.
        let begun = browser
            .send_once(&browser.get("/").await.form("Sign in with Cloud 66"))
            .await;
        assert_eq!(begun.status, 303, "Cloud 66 can still be asked: {}", begun.text());
        note(Kind::Check, "N18");
    }
    for stream in crowd {
        rest(stream).await;
    }
    // Everybody is served again once the silent ones were cut off.
    assert_eq!(
        crate::harness::Browser::new(&served.url).get("/").await.status,
        200
    );
    assert!(served.terminate().success());
}
