//! Signing in.

use std::collections::HashMap;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use stackdeck::cloud66::{ApiVersion, ClientError, ExchangeError, Oauth, OauthOptions, PkceMode, Timeouts};
use stackdeck::domain::{Random, Scopes};
use url::Url;

use super::fake::{Fake, Reaction, Seen, Then, client, json, nowhere, patient};

const CALLBACK: &str = "http://localhost:8066/a b/oauth/callback?x=%7e";
const OOB: &str = "urn:ietf:wg:oauth:2.0:oob";
const CODE: &str = "the/code+1";
const SECRET: &str = "cl1ent-s3cret&x";

fn options(url: &Url, redirect_uri: &str, pkce: PkceMode) -> OauthOptions {
    OauthOptions {
        url: url.clone(),
        client_id: "application id".into(),
        client_secret: SECRET.into(),
        redirect_uri: redirect_uri.into(),
        scopes: asked(),
        pkce,
    }
}

fn oauth_with(url: &Url, redirect_uri: &str, pkce: PkceMode, timeouts: Timeouts) -> Oauth {
    let client = client(url.clone(), ApiVersion::V3, timeouts);
    Oauth::new(&client, options(url, redirect_uri, pkce)).unwrap()
}

fn oauth(url: &Url, pkce: PkceMode) -> Oauth {
    oauth_with(url, CALLBACK, pkce, patient())
}

fn asked() -> Scopes {
    Scopes::parse("public redeploy")
}

fn parameters(url: &Url) -> HashMap<String, String> {
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let map: HashMap<String, String> = pairs.iter().cloned().collect();
    assert_eq!(pairs.len(), map.len(), "a parameter came twice: {url}");
    map
}

fn challenge(verifier: &SecretString) -> String {
    use base64::Engine as _;
    let digest = Sha256::digest(verifier.expose_secret());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

async fn exchange(
    react: impl Fn() -> Reaction + Send + Sync + 'static,
) -> Result<(String, String), ExchangeError> {
    let fake = Fake::start(move |_, _| react()).await;
    let oauth = oauth(&fake.url, PkceMode::On);
    let verifier = "v".repeat(43).into();
    let grant = oauth.exchange(CODE, Some(&verifier), &asked()).await;
    // Whatever came back: one request.
    assert_eq!(fake.seen().len(), 1);
    grant.map(|grant| (grant.token.expose().to_owned(), grant.scopes.to_string()))
}

#[tokio::test]
async fn the_authorize_address_holds_what_is_needed_and_nothing_else() {
    let url: Url = "https://app.cloud66.com".parse().unwrap();
    for redirect in [CALLBACK, OOB] {
        let oauth = oauth_with(&url, redirect, PkceMode::On, patient());
        let begun = oauth.begin(&asked(), &Random::system()).await;
        let verifier = begun.verifier.as_ref().unwrap();
        assert_eq!(
            begun.authorize_url.as_str().split('?').next(),
            Some("https://app.cloud66.com/oauth/authorize")
        );
        let expected: HashMap<String, String> = [
            ("response_type", "code"),
            ("client_id", "application id"),
            ("redirect_uri", redirect),
            ("scope", "public redeploy"),
            ("state", &begun.state),
            ("code_challenge", &challenge(verifier)),
            ("code_challenge_method", "S256"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        assert_eq!(parameters(&begun.authorize_url), expected);
        let is_url_safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(begun.state.len() == 43 && begun.state.chars().all(is_url_safe));
        assert!((43..=128).contains(&verifier.expose_secret().len()));
        assert_eq!(format!("{begun:?}"), "Begun");
    }
    let off = oauth_with(&url, CALLBACK, PkceMode::Off, patient());
    let begun = off.begin(&asked().read_only(), &Random::system()).await;
    assert!(begun.verifier.is_none());
    let parameters = parameters(&begun.authorize_url);
    assert_eq!((parameters.len(), parameters["scope"].as_str()), (5, "public"));
    assert_eq!(off.authorize_origin(), "https://app.cloud66.com");
}

#[tokio::test]
async fn no_two_sign_ins_share_a_state_or_a_verifier() {
    let oauth = oauth(&"https://app.cloud66.com".parse().unwrap(), PkceMode::On);
    let random = Random::system();
    let mut values = std::collections::HashSet::new();
    for _ in 0..1_000 {
        let begun = oauth.begin(&asked(), &random).await;
        assert!(values.insert(begun.state));
        assert!(values.insert(begun.verifier.unwrap().expose_secret().to_owned()));
    }
}

#[tokio::test]
async fn the_token_request_is_one_form_with_the_credentials_in_the_body() {
    for (redirect, verifier) in [(CALLBACK, Some("v".repeat(43))), (OOB, None)] {
        let fake = Fake::start(|_, _| json(200, r#"{"access_token":"t","token_type":"bearer"}"#)).await;
        let oauth = oauth_with(&fake.url, redirect, PkceMode::On, patient());
        let secret = verifier.clone().map(SecretString::from);
        oauth.exchange(CODE, secret.as_ref(), &asked()).await.unwrap();
        let seen: Seen = fake.only();
        assert_eq!(
            (seen.method.as_str(), seen.path.as_str()),
            ("POST", "/oauth/token")
        );
        assert!(seen.query.is_empty());
        assert_eq!(seen.header("authorization"), None);
        assert_eq!(seen.header("accept"), Some("application/json"));
        assert_eq!(
            seen.header("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        let mut form = seen.form();
        form.sort();
        let mut expected = vec![
            ("client_id".to_owned(), "application id".to_owned()),
            ("client_secret".into(), SECRET.into()),
            ("code".into(), CODE.into()),
            ("grant_type".into(), "authorization_code".into()),
            ("redirect_uri".into(), redirect.into()),
        ];
        expected.splice(
            3..3,
            verifier.map(|verifier| ("code_verifier".to_owned(), verifier)),
        );
        assert_eq!(form, expected);
    }
}

#[tokio::test]
async fn all_three_forms_of_a_token_are_read() {
    let labelled = |status, content_type: &'static str, body: &'static str| {
        move || json(status, body).with("Content-Type", content_type)
    };
    let xml = "<OAuth><token_type>bearer</token_type><access_token><![CDATA[a/b]]></access_token></OAuth>";
    for react in [
        labelled(
            200,
            "application/json; charset=utf-8",
            r#"{"access_token":"a/b","token_type":"Bearer"}"#,
        ),
        labelled(
            201,
            "application/json",
            r#"{"access_token":"a/b","expires_in":"3600"}"#,
        ),
        labelled(
            200,
            "application/x-www-form-urlencoded",
            "access_token=a%2Fb&token_type=BEARER",
        ),
        labelled(200, "text/html", "access_token=a%2Fb&token_type=bearer"),
        labelled(200, "application/xml; charset=utf-8", xml),
        labelled(200, "application/json", xml),
    ] {
        // Nothing is said of scopes: what was asked for was granted (RFC 6749 section 5.1).
        assert_eq!(
            exchange(react).await,
            Ok(("a/b".into(), "public redeploy".into()))
        );
    }
    for body in [
        r#"{"access_token":"t","scope":"public"}"#,
        r#"{"access_token":"t","scope":"public,"}"#,
    ] {
        assert_eq!(
            exchange(move || json(200, body)).await,
            Ok(("t".into(), "public".into()))
        );
    }
}

#[tokio::test]
async fn every_failure_of_the_token_endpoint_is_told_apart() {
    let refused = |error: &str| ExchangeError::Refused { error: error.into() };
    let cases = [
        (400, r#"{"error":"invalid_grant"}"#, refused("invalid_grant")),
        (401, r#"{"error":"invalid_grant"}"#, refused("invalid_grant")),
        (200, r#"{"error":"invalid_grant"}"#, refused("invalid_grant")),
        (400, r#"{"error":"invalid_request"}"#, refused("invalid_request")),
        (400, r#"{"error":"<script>"}"#, refused("other")),
        (401, r#"{"error":"invalid_client"}"#, ExchangeError::WrongClient),
        (500, r#"{"access_token":"t"}"#, ExchangeError::Down),
        (429, "", ExchangeError::Down),
        (200, "<html>", ExchangeError::Unreadable),
        (200, "{}", ExchangeError::Unreadable),
        (200, "", ExchangeError::Unreadable),
        (
            200,
            r#"{"access_token":"t","token_type":"mac"}"#,
            ExchangeError::Unreadable,
        ),
        (200, r#"{"access_token":"t\r\nX: y"}"#, ExchangeError::Unreadable),
        (200, r#"{"access_token":"t t"}"#, ExchangeError::Unreadable),
        (400, "<html>", ExchangeError::Unreadable),
        (302, r#"{"access_token":"t"}"#, ExchangeError::Unreadable),
    ];
    for (status, body, expected) in cases {
        let outcome = exchange(move || json(status, body)).await;
        assert_eq!(outcome, Err(expected), "{status} {body}");
    }
    let long = format!(r#"{{"access_token":"{}"}}"#, "t".repeat(5_000));
    assert_eq!(
        exchange(move || json(200, long.clone())).await,
        Err(ExchangeError::Unreadable)
    );
    assert_eq!(exchange(Reaction::flood).await, Err(ExchangeError::Unreadable));
    assert_eq!(
        exchange(Reaction::gzip_bomb).await,
        Err(ExchangeError::Unreadable)
    );
    let reset = || Reaction::Raw(Vec::new(), Then::Reset);
    assert_eq!(exchange(reset).await, Err(ExchangeError::Down));
    let cut = || {
        Reaction::Raw(
            b"HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n{".to_vec(),
            Then::Close,
        )
    };
    assert_eq!(exchange(cut).await, Err(ExchangeError::Down));
}

#[tokio::test]
async fn a_token_endpoint_that_redirects_is_not_followed() {
    let elsewhere = Fake::start(|_, _| json(200, r#"{"access_token":"t"}"#)).await;
    let target = elsewhere.url.to_string();
    let outcome = exchange(move || json(307, "").with("Location", target.clone())).await;
    assert_eq!(outcome, Err(ExchangeError::Unreadable));
    assert_eq!(elsewhere.seen().len(), 0);
}

#[tokio::test]
async fn a_token_endpoint_that_is_silent_or_gone_is_down() {
    let fake = Fake::start(|_, _| Reaction::Raw(Vec::new(), Then::Silence)).await;
    let hasty = Timeouts {
        total: super::fake::HASTY,
        ..patient()
    };
    let oauth = oauth_with(&fake.url, CALLBACK, PkceMode::Off, hasty);
    assert_eq!(
        oauth.exchange(CODE, None, &asked()).await.map(|_| ()),
        Err(ExchangeError::Down)
    );
    assert_eq!(fake.seen().len(), 1);
    let oauth = oauth_with(&nowhere().await, CALLBACK, PkceMode::Off, patient());
    assert_eq!(
        oauth.exchange(CODE, None, &asked()).await.map(|_| ()),
        Err(ExchangeError::Down)
    );
}

#[tokio::test]
async fn the_server_is_asked_once_whether_it_takes_a_verifier() {
    for (status, body, takes_it) in [
        (400, r#"{"error":"invalid_grant"}"#, true),
        (401, r#"{"error":"invalid_grant"}"#, true),
        (400, r#"{"error":"invalid_request"}"#, false),
        (401, r#"{"error":"invalid_client"}"#, true),
        (404, "<html>", true),
    ] {
        let fake = Fake::start(move |_, _| json(status, body)).await;
        let oauth = oauth(&fake.url, PkceMode::Auto);
        for _ in 0..3 {
            let begun = oauth.begin(&asked(), &Random::system()).await;
            assert_eq!(begun.verifier.is_some(), takes_it, "{status} {body}");
            assert_eq!(
                parameters(&begun.authorize_url).contains_key("code_challenge"),
                takes_it
            );
        }
        let form: HashMap<String, String> = fake.only().form().into_iter().collect();
        assert!(form["code_verifier"].len() >= 43 && form["code"].len() >= 43);
        assert_eq!(
            (form["grant_type"].as_str(), form["client_secret"].as_str()),
            ("authorization_code", SECRET)
        );
    }
}

#[tokio::test]
async fn no_answer_about_verifiers_is_asked_for_again() {
    let fake = Fake::start(|_, number| match number {
        0 => Reaction::Raw(Vec::new(), Then::Reset),
        1 => json(502, ""),
        _ => json(400, r#"{"error":"invalid_request"}"#),
    })
    .await;
    let oauth = oauth(&fake.url, PkceMode::Auto);
    let mut found = Vec::new();
    for _ in 0..4 {
        found.push(oauth.begin(&asked(), &Random::system()).await.verifier.is_some());
    }
    assert_eq!(found, [true, true, false, false]);
    assert_eq!(fake.seen().len(), 3);
}

#[tokio::test]
async fn an_exchange_that_is_refused_for_its_verifier_is_remembered() {
    let fake = Fake::start(|_, number| match number {
        0 => json(400, r#"{"error":"invalid_grant"}"#),
        _ => json(400, r#"{"error":"invalid_request"}"#),
    })
    .await;
    let oauth = oauth(&fake.url, PkceMode::Auto);
    let begun = oauth.begin(&asked(), &Random::system()).await;
    let outcome = oauth.exchange(CODE, begun.verifier.as_ref(), &asked()).await;
    assert_eq!(
        outcome.map(|_| ()),
        Err(ExchangeError::Refused {
            error: "invalid_request".into()
        })
    );
    assert!(oauth.begin(&asked(), &Random::system()).await.verifier.is_none());
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn a_client_of_an_https_origin_sends_no_code_in_the_clear() {
    let fake = Fake::start(|_, _| json(200, r#"{"access_token":"t"}"#)).await;
    let https = client(
        "https://app.cloud66.com".parse().unwrap(),
        ApiVersion::V3,
        patient(),
    );
    let oauth = Oauth::new(&https, options(&fake.url, CALLBACK, PkceMode::Off)).unwrap();
    let outcome = oauth.exchange(CODE, None, &asked()).await;
    assert_eq!(outcome.map(|_| ()), Err(ExchangeError::Down));
    assert_eq!(fake.seen().len(), 0);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let url: Url = "https://app.cloud66.com".parse().unwrap();
    let client = client(url.clone(), ApiVersion::V3, patient());
    let refused = |options| Oauth::new(&client, options).map(|_| ()).unwrap_err();
    assert_eq!(
        refused(options(&url, "not a uri", PkceMode::Auto)),
        ClientError::RedirectUri
    );
    assert_eq!(
        refused(options(
            &"ftp://x.example".parse().unwrap(),
            CALLBACK,
            PkceMode::Auto
        )),
        ClientError::Url
    );
    assert_eq!(
        refused(options(
            &"mailto:x@y.example".parse().unwrap(),
            CALLBACK,
            PkceMode::Auto
        )),
        ClientError::Url
    );
}
