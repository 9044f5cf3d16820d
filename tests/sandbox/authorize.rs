//! The authorization request in both strictness modes (fact sheet 3.1, 3.6, 3.7, 3.9).

use crate::browser::{Browser, Page};
use crate::support::{LOOPBACK_CALLBACK, Lab, MAYA};
use stackdeck::sandbox::{Options, Pkce, Strictness};

const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";

async fn lab(strictness: Strictness) -> Lab {
    Lab::with(Options {
        strictness,
        ..Options::default()
    })
    .await
}

/// A field, its value, the error in 2013 mode, the error in Doorkeeper's and its status.
type Row = (
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    u16,
);

/// Asks with these fields and no others, and gives the page or redirect that follows.
async fn ask(lab: &Lab, fields: &[(&str, &str)]) -> Page {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    Browser::signed_in(lab, MAYA)
        .await
        .get(&format!("/oauth/authorize?{query}"))
        .await
}

#[tokio::test]
async fn section_3_1_parameters_in_both_modes() {
    use Strictness::{Document2013, Doorkeeper};
    // Which fields are left out or replaced; the error in 2013 mode and in Doorkeeper's; its status there.
    let rows: [Row; 10] = [
        ("state", "", None, None, 200),
        ("scope", "", None, None, 200),
        (
            "client_id",
            "",
            Some("invalid_client"),
            Some("invalid_request"),
            400,
        ),
        (
            "client_id",
            "nobody",
            Some("invalid_client"),
            Some("invalid_client"),
            401,
        ),
        ("redirect_uri", "", None, Some("invalid_redirect_uri"), 400),
        (
            "redirect_uri",
            "https://evil.example/",
            Some("invalid_redirect_uri"),
            Some("invalid_redirect_uri"),
            400,
        ),
        ("response_type", "", None, Some("invalid_request"), 400),
        (
            "response_type",
            "token",
            Some("unsupported_response_type"),
            Some("unsupported_response_type"),
            400,
        ),
        (
            "scope",
            "everything",
            Some("invalid_scope"),
            Some("invalid_scope"),
            400,
        ),
        ("scope", "public,redeploy", None, Some("invalid_scope"), 400),
    ];
    for strictness in [Document2013, Doorkeeper] {
        let lab = lab(strictness).await;
        for (name, value, document, doorkeeper, status) in rows {
            let mut fields = vec![
                ("client_id", lab.sandbox.client_id()),
                ("redirect_uri", LOOPBACK_CALLBACK),
                ("response_type", "code"),
                ("scope", "public"),
                ("state", "s"),
            ];
            fields.retain(|(field, _)| *field != name);
            if !value.is_empty() {
                fields.push((name, value));
            }
            let page = ask(&lab, &fields).await;
            let (error, status) = match strictness {
                Document2013 => (document, 200),
                Doorkeeper => (doorkeeper, status),
            };
            let case = format!("{strictness}: {name}={value}");
            assert!(!page.left(), "{case}: an error never redirects");
            assert_eq!(page.status, status, "{case}");
            match error {
                None => assert!(page.find("#authorize").is_some(), "{case}"),
                Some(error) => {
                    assert_eq!(page.find("h1").unwrap(), "An error has occurred", "{case}");
                    assert_eq!(page.headers["x-oauth-error"], error, "{case}");
                    assert!(!page.find("#error_description").unwrap().is_empty());
                }
            }
        }
    }
}

#[tokio::test]
async fn section_3_7_the_five_rows_through_the_server() {
    for (strictness, goods) in [
        (Strictness::Document2013, [true, true, false, false, false]),
        (Strictness::Doorkeeper, [false; 5]),
    ] {
        let callbacks = vec!["http://example.com".to_owned()];
        let lab = Lab::with(Options {
            strictness,
            callbacks,
            ..Options::default()
        })
        .await;
        let requested = [
            "https://example.com",
            "http://example.com/bar",
            "http://example.com:8080",
            "http://oauth.example.com:8080",
            "http://example.org",
        ];
        for (requested, good) in requested.into_iter().zip(goods) {
            let fields = [
                ("client_id", lab.sandbox.client_id()),
                ("redirect_uri", requested),
                ("response_type", "code"),
            ];
            let page = ask(&lab, &fields).await;
            assert_eq!(
                page.find("#authorize").is_some(),
                good,
                "{strictness}: {requested}"
            );
        }
        let exact = [("redirect_uri", "http://example.com"), ("response_type", "code")];
        let back = Browser::new(&lab).authorize(MAYA, &exact).await;
        assert!(back.at.starts_with("http://example.com/?code="), "{}", back.at);
        // With callbacks of its own the ready application takes no other loopback one.
        let other = [("redirect_uri", LOOPBACK_CALLBACK), ("response_type", "code")];
        assert!(!Browser::new(&lab).authorize(MAYA, &other).await.left());
    }
}

#[tokio::test]
async fn section_3_2_out_of_band_shows_the_code_on_a_page() {
    for strictness in [Strictness::Document2013, Strictness::Doorkeeper] {
        let lab = lab(strictness).await;
        let fields = [
            ("redirect_uri", OUT_OF_BAND),
            ("response_type", "code"),
            ("state", "s"),
        ];
        let page = Browser::new(&lab).authorize(MAYA, &fields).await;
        assert!(
            page.at.starts_with("/oauth/authorize/native?code="),
            "{}",
            page.at
        );
        assert_eq!(page.find("h1").unwrap(), "Authorization code:");
        let code = page.find("code#authorization_code").unwrap();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", OUT_OF_BAND),
        ];
        assert_eq!(lab.exchange(&fields).await.status, 200);
    }
}

#[tokio::test]
async fn section_3_9_refusing_out_of_band_answers_json() {
    for (strictness, status) in [(Strictness::Document2013, 401), (Strictness::Doorkeeper, 400)] {
        let lab = lab(strictness).await;
        let mut browser = Browser::signed_in(&lab, MAYA).await;
        let fields = [("redirect_uri", OUT_OF_BAND), ("response_type", "code")];
        let page = browser.get(&lab.authorize_path(&fields)).await;
        let denied = browser.submit(&page, "#deny", &[]).await;
        assert_eq!(denied.status, status);
        assert!(denied.text.contains("\"access_denied\""), "{}", denied.text);
    }
}

#[tokio::test]
async fn the_form_is_checked_again_when_it_is_sent() {
    let lab = lab(Strictness::Doorkeeper).await;
    let mut browser = Browser::signed_in(&lab, MAYA).await;
    let fields = [("redirect_uri", LOOPBACK_CALLBACK), ("response_type", "code")];
    let page = browser.get(&lab.authorize_path(&fields)).await;
    for form in ["#authorize", "#deny"] {
        let sent = browser
            .submit(&page, form, &[("redirect_uri", "https://evil.example/")])
            .await;
        assert!(!sent.left(), "{form}");
        assert_eq!(sent.status, 400, "{form}");
    }
}

#[tokio::test]
async fn section_3_8_an_unknown_challenge_method_is_refused_where_pkce_is_on() {
    for (pkce, refused) in [(Pkce::On, true), (Pkce::Off, false), (Pkce::Ignored, false)] {
        let lab = Lab::with(Options {
            pkce,
            ..Options::default()
        })
        .await;
        let fields = [
            ("redirect_uri", LOOPBACK_CALLBACK),
            ("response_type", "code"),
            ("code_challenge", "x"),
            ("code_challenge_method", "S512"),
        ];
        let page = Browser::signed_in(&lab, MAYA)
            .await
            .get(&lab.authorize_path(&fields))
            .await;
        let error = page
            .headers
            .get("x-oauth-error")
            .map(|error| error.to_str().unwrap().to_owned());
        assert_eq!(
            error,
            refused.then(|| "invalid_code_challenge_method".to_owned()),
            "{pkce}"
        );
    }
}

#[tokio::test]
async fn what_the_application_sends_is_escaped() {
    let lab = lab(Strictness::Doorkeeper).await;
    let fields = [
        ("redirect_uri", LOOPBACK_CALLBACK),
        ("response_type", "code"),
        ("state", "\"><script>alert(1)</script>"),
    ];
    let mut browser = Browser::signed_in(&lab, MAYA).await;
    let page = browser.get(&lab.authorize_path(&fields)).await;
    assert!(!page.text.contains("<script>"));
    let back = browser.submit(&page, "#authorize", &[]).await;
    assert_eq!(back.query("state").unwrap(), "\"><script>alert(1)</script>");
    let code = browser.get("/oauth/authorize/native?code=%3Cscript%3E").await;
    assert_eq!(code.find("#authorization_code").unwrap(), "<script>");
}
