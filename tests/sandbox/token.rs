//! The token endpoint in both strictness modes, token info and revocation (fact sheet 3.3, 3.4, 3.8, 3.9).

use crate::browser::Browser;
use crate::support::{Answer, LOOPBACK_CALLBACK, Lab, MAYA, read};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use stackdeck::sandbox::{Options, Pkce, Strictness};
use std::collections::BTreeMap;

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

/// A fresh code, and a browser's way to it.
async fn code(lab: &Lab, more: &[(&str, &str)]) -> String {
    let mut fields = vec![("redirect_uri", LOOPBACK_CALLBACK), ("response_type", "code")];
    fields.extend_from_slice(more);
    Browser::new(lab)
        .authorize(MAYA, &fields)
        .await
        .query("code")
        .unwrap()
}

fn fields(code: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", LOOPBACK_CALLBACK),
    ]
}

async fn exchange_accepting(lab: &Lab, accept: &str, code: &str) -> Answer {
    let mut form = vec![
        ("client_id", lab.sandbox.client_id()),
        ("client_secret", lab.sandbox.client_secret()),
    ];
    form.extend_from_slice(&fields(code));
    read(
        lab.request(Method::POST, "/oauth/token")
            .header("accept", accept)
            .form(&form),
    )
    .await
}

#[tokio::test]
async fn section_3_4_the_three_forms_of_the_2013_document() {
    let lab = lab(Strictness::Document2013).await;
    let code_of = || code(&lab, &[("scope", "public,redeploy")]);
    let form = exchange_accepting(&lab, "*/*", &code_of().await).await;
    assert_eq!(form.status, 200);
    assert!(
        form.header("content-type")
            .starts_with("application/x-www-form-urlencoded")
    );
    let parsed: BTreeMap<String, String> = url::form_urlencoded::parse(form.text.as_bytes())
        .into_owned()
        .collect();
    assert_eq!(parsed["token_type"], "bearer");
    assert_eq!(parsed["scope"], "public redeploy");
    assert_eq!(parsed["access_token"].len(), 64);

    let json = exchange_accepting(&lab, "application/json", &code_of().await).await;
    assert!(json.header("content-type").starts_with("application/json"));
    let token = json.json()["access_token"].clone();
    assert_eq!(
        json.json(),
        json!({"access_token": token, "token_type": "bearer", "scope": "public redeploy"})
    );
    assert_eq!(
        token, parsed["access_token"],
        "the same token again, as up to Doorkeeper 1.2"
    );

    let xml = exchange_accepting(&lab, "application/xml", &code_of().await).await;
    assert!(xml.header("content-type").starts_with("application/xml"));
    let (kind, value) = (
        xml.text.find("<token_type>bearer</token_type>"),
        xml.text.find("<access_token>"),
    );
    assert!(
        xml.text.contains("<OAuth>") && kind.unwrap() < value.unwrap(),
        "{}",
        xml.text
    );
}

#[tokio::test]
async fn section_3_4_doorkeeper_always_answers_json() {
    let lab = lab(Strictness::Doorkeeper).await;
    let mut tokens = Vec::new();
    for accept in ["*/*", "application/xml", "application/json"] {
        let answer =
            exchange_accepting(&lab, accept, &code(&lab, &[("scope", "redeploy public")]).await).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(
            (answer.header("cache-control"), answer.header("pragma")),
            ("no-store", "no-cache")
        );
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["scope"], "redeploy public", "in the order asked for");
        assert_eq!(body["created_at"], lab.world().clock().now().unix_timestamp());
        assert!(body.get("refresh_token").is_none() && body.get("expires_in").is_none());
        tokens.push(body["access_token"].as_str().unwrap().to_owned());
    }
    assert_eq!(tokens[0].len(), 43);
    assert!(
        tokens[0] != tokens[1] && tokens[1] != tokens[2],
        "a new one each time"
    );
    for token in &tokens {
        assert_eq!(lab.get("/api/3/ping/auth", token).await.response()["user_id"], 77);
    }
    lab.advance(86_400.0 * 3650.0);
    assert_eq!(
        lab.get("/api/3/ping/auth", &tokens[0]).await.status,
        200,
        "3.10: tokens do not expire"
    );
}

#[tokio::test]
async fn section_3_3_parameters_in_both_modes() {
    use Strictness::{Document2013, Doorkeeper};
    // Field, value ("" leaves it out), error in 2013 mode, error and status in Doorkeeper's.
    let rows: [Row; 10] = [
        ("state", "ignored", None, None, 200),
        ("grant_type", "", None, Some("invalid_request"), 400),
        (
            "grant_type",
            "password",
            Some("unsupported_grant_type"),
            Some("unsupported_grant_type"),
            400,
        ),
        ("code", "", Some("invalid_request"), Some("invalid_request"), 400),
        (
            "code",
            "made-up",
            Some("invalid_grant"),
            Some("invalid_grant"),
            400,
        ),
        ("redirect_uri", "", None, Some("invalid_request"), 400),
        (
            "redirect_uri",
            "http://localhost:9999/other",
            Some("invalid_grant"),
            Some("invalid_grant"),
            400,
        ),
        (
            "client_id",
            "nobody",
            Some("invalid_client"),
            Some("invalid_client"),
            401,
        ),
        (
            "client_secret",
            "wrong",
            Some("invalid_client"),
            Some("invalid_client"),
            401,
        ),
        (
            "client_secret",
            "",
            Some("invalid_client"),
            Some("invalid_client"),
            401,
        ),
    ];
    for strictness in [Document2013, Doorkeeper] {
        let lab = lab(strictness).await;
        for (name, value, document, doorkeeper, status) in rows {
            let code = code(&lab, &[]).await;
            let mut form = vec![
                ("client_id", lab.sandbox.client_id()),
                ("client_secret", lab.sandbox.client_secret()),
            ];
            form.extend_from_slice(&fields(&code));
            form.retain(|(field, _)| *field != name);
            if !value.is_empty() {
                form.push((name, value));
            }
            let request = lab
                .request(Method::POST, "/oauth/token")
                .header("accept", "application/json");
            let answer = read(request.form(&form)).await;
            let (error, status) = match strictness {
                Document2013 => (document, if document.is_some() { 401 } else { 200 }),
                Doorkeeper => (doorkeeper, status),
            };
            let case = format!("{strictness}: {name}={value}");
            assert_eq!(answer.status, status, "{case}");
            assert_eq!(
                answer.json().get("error").and_then(Value::as_str),
                error,
                "{case}"
            );
            if let Some(error) = error {
                assert!(answer.json()["error_description"].is_string());
                let challenge = answer.header("www-authenticate");
                assert!(
                    challenge.starts_with("Bearer realm=\"Doorkeeper\", error=\""),
                    "{challenge}"
                );
                assert!(challenge.contains(error), "{challenge}");
            }
        }
    }
}

#[tokio::test]
async fn section_3_2_a_code_is_used_once_and_for_ten_minutes() {
    for strictness in [Strictness::Document2013, Strictness::Doorkeeper] {
        let lab = lab(strictness).await;
        let used = code(&lab, &[]).await;
        assert_eq!(lab.exchange(&fields(&used)).await.status, 200);
        let again = exchange_accepting(&lab, "application/json", &used).await;
        assert_eq!(again.json()["error"], "invalid_grant");

        let (early, late) = (code(&lab, &[]).await, code(&lab, &[]).await);
        lab.advance(599.0);
        assert_eq!(lab.exchange(&fields(&early)).await.status, 200);
        lab.advance(1.0);
        let late = exchange_accepting(&lab, "application/json", &late).await;
        assert_eq!(late.json()["error"], "invalid_grant");
    }
}

#[tokio::test]
async fn a_code_is_used_once_however_many_ask_at_once() {
    let lab = lab(Strictness::Doorkeeper).await;
    let code = code(&lab, &[]).await;
    let fields = fields(&code);
    let all = futures_util::future::join_all((0..16).map(|_| lab.exchange(&fields))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 200).count(), 1);
}

#[tokio::test]
async fn section_3_3_basic_and_body_authentication() {
    let lab = lab(Strictness::Doorkeeper).await;
    let (id, secret) = (
        lab.sandbox.client_id().to_owned(),
        lab.sandbox.client_secret().to_owned(),
    );
    let basic = |secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    for (header, body, status) in [
        (Some(basic(&secret)), vec![], 200),
        // The vendor's own client sends its id both ways.
        (Some(basic(&secret)), vec![("client_id", id.as_str())], 200),
        (Some(basic("wrong")), vec![], 401),
        (Some("Basic not-base64!".to_owned()), vec![], 401),
        (
            None,
            vec![("client_id", id.as_str()), ("client_secret", secret.as_str())],
            200,
        ),
        (None, vec![], 401),
    ] {
        let code = code(&lab, &[]).await;
        let mut form = body;
        form.extend_from_slice(&fields(&code));
        let mut request = lab.request(Method::POST, "/oauth/token").form(&form);
        if let Some(header) = &header {
            request = request.header("authorization", header);
        }
        assert_eq!(read(request).await.status, status, "{header:?}");
    }
}

#[tokio::test]
async fn section_3_8_pkce_off_refuses_on_checks_and_ignored_ignores() {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let s256 = [
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let plain = [("code_challenge", verifier)];
    for (pkce, asked, sent, error) in [
        (Pkce::Off, &s256[..], Some(verifier), Some("invalid_request")),
        (Pkce::Off, &[], Some(verifier), Some("invalid_request")),
        (Pkce::Off, &s256, None, None),
        (Pkce::On, &s256, Some(verifier), None),
        (
            Pkce::On,
            &s256,
            Some("another-verifier-of-the-right-length-0000000"),
            Some("invalid_grant"),
        ),
        (Pkce::On, &s256, None, Some("invalid_request")),
        (Pkce::On, &plain, Some(verifier), None),
        (Pkce::On, &[], None, None),
        (Pkce::Ignored, &s256, Some("another"), None),
        (Pkce::Ignored, &s256, None, None),
    ] {
        let lab = Lab::with(Options {
            pkce,
            ..Options::default()
        })
        .await;
        let code = code(&lab, asked).await;
        let mut form = fields(&code).to_vec();
        form.extend(sent.map(|verifier| ("code_verifier", verifier)));
        let answer = lab.exchange(&form).await;
        let got = answer.json()["error"].as_str().map(str::to_owned);
        assert_eq!(got.as_deref(), error, "{pkce} {asked:?} {sent:?}");
    }
}

#[tokio::test]
async fn section_3_8_a_made_up_code_tells_whether_a_verifier_is_refused() {
    for (pkce, error) in [
        (Pkce::Off, "invalid_request"),
        (Pkce::On, "invalid_grant"),
        (Pkce::Ignored, "invalid_grant"),
    ] {
        let lab = Lab::with(Options {
            pkce,
            ..Options::default()
        })
        .await;
        let mut form = fields("made-up").to_vec();
        form.push(("code_verifier", "x"));
        assert_eq!(lab.exchange(&form).await.json()["error"], error, "{pkce}");
    }
}

#[tokio::test]
async fn section_3_9_token_info() {
    for strictness in [Strictness::Document2013, Strictness::Doorkeeper] {
        let lab = lab(strictness).await;
        let code = code(&lab, &[("scope", "public redeploy")]).await;
        let token = exchange_accepting(&lab, "application/json", &code).await.json()["access_token"].clone();
        let info = lab.get("/oauth/token/info", token.as_str().unwrap()).await;
        let created_at = lab.world().clock().now().unix_timestamp();
        let application = json!({"uid": lab.sandbox.client_id()});
        let (expected, error) = match strictness {
            Strictness::Document2013 => (
                json!({"resource_owner_id": 77, "scopes": ["public", "redeploy"], "expires_in_seconds": null,
                       "application": application}),
                "invalid_request",
            ),
            Strictness::Doorkeeper => (
                json!({"resource_owner_id": 77, "scope": ["public", "redeploy"], "expires_in": null,
                       "application": application, "created_at": created_at}),
                "invalid_token",
            ),
        };
        assert_eq!(info.json(), expected);
        let bad = lab.get("/oauth/token/info", "made-up").await;
        assert_eq!((bad.status.as_u16(), &bad.json()["error"]), (401, &json!(error)));
    }
}

#[tokio::test]
async fn section_3_9_revoke_in_doorkeeper_mode_needs_the_client() {
    let lab = lab(Strictness::Doorkeeper).await;
    let code = code(&lab, &[]).await;
    let token = lab.exchange(&fields(&code)).await.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let revoke = |id: String, secret: String, token: String| {
        let form = [("client_id", id), ("client_secret", secret), ("token", token)];
        read(lab.request(Method::POST, "/oauth/revoke").form(&form))
    };
    let (id, secret) = (
        lab.sandbox.client_id().to_owned(),
        lab.sandbox.client_secret().to_owned(),
    );
    let wrong = revoke(id.clone(), "wrong".to_owned(), token.clone()).await;
    assert_eq!(
        (wrong.status.as_u16(), &wrong.json()["error"]),
        (403, &json!("unauthorized_client"))
    );
    let personal = lab.deployer(MAYA);
    assert_eq!(
        revoke(id.clone(), secret.clone(), personal.clone()).await.status,
        403,
        "not this client's"
    );
    assert_eq!(lab.get("/api/3/ping/auth", &personal).await.status, 200);
    let unknown = revoke(id.clone(), secret.clone(), "made-up".to_owned()).await;
    assert_eq!((unknown.status.as_u16(), unknown.text.as_str()), (200, "{}"));
    assert_eq!(
        lab.get("/api/3/ping/auth", &token).await.status,
        200,
        "still there"
    );
    assert_eq!(revoke(id, secret, token.clone()).await.text, "{}");
    assert_eq!(lab.get("/api/3/ping/auth", &token).await.status, 401);
}

#[tokio::test]
async fn section_3_9_revoke_in_2013_mode_needs_a_bearer_token() {
    let lab = lab(Strictness::Document2013).await;
    let code = code(&lab, &[]).await;
    let token = exchange_accepting(&lab, "application/json", &code).await.json()["access_token"].clone();
    let token = token.as_str().unwrap();
    let none = read(
        lab.request(Method::POST, "/oauth/revoke")
            .form(&[("token", token)]),
    )
    .await;
    assert_eq!(none.status, 401);
    assert_eq!(lab.get("/api/3/ping/auth", token).await.status, 200);
    assert_eq!(
        lab.post("/oauth/revoke", token, &[("token", token)]).await.text,
        "{}"
    );
    assert_eq!(lab.get("/api/3/ping/auth", token).await.status, 401);
}
