//! What must never be written down: the token, the client's secret, codes, verifiers, addresses, bodies.

use std::io::Write;
use std::sync::{Arc, Mutex};

use secrecy::{ExposeSecret as _, SecretString};
use stackdeck::cloud66::{ApiVersion, Oauth, OauthOptions, PkceMode};
use stackdeck::domain::{Command, DeploymentId, OperationId, Random, RedeployOptions, Scopes, StackUid};
use tracing_subscriber::fmt::MakeWriter;

use super::fake::{Fake, Reaction, TOKEN, Then, client, json, patient};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn nothing_secret_is_logged_or_in_an_error() {
    const BODY: &str = "b0dy-marker";
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let hook = "https://hooks.cloud66.com/stacks/redeploy/hook-marker/x";
    let mut said = String::new();
    for react in [
        || {
            json(
                200,
                format!(
                    r#"{{"response":[{{"uid":"{:032x}","redeploy_hook":"HOOK"}}],"x":"{BODY}"}}"#,
                    1
                ),
            )
        },
        || json(500, BODY),
        || json(403, format!(r#"{{"details":"{TOKEN} HOOK"}}"#)),
        || json(200, BODY),
        || json(307, BODY),
        || Reaction::Raw(BODY.into(), Then::Close),
    ] {
        let fake = Fake::start(move |_, _| match react() {
            Reaction::Answer {
                status,
                headers,
                body,
            } => {
                let body = String::from_utf8(body)
                    .unwrap()
                    .replace("HOOK", hook)
                    .into_bytes();
                Reaction::Answer {
                    status,
                    headers,
                    body,
                }
            }
            raw @ Reaction::Raw(..) => raw,
        })
        .await;
        let api = fake.api();
        let uid = StackUid::from(1);
        said += &format!("{:?}", api.stacks().await);
        said += &format!("{:?}", api.stack(uid).await);
        said += &format!(
            "{:?}",
            api.whoami().await.map_err(|error| (error.to_string(), error))
        );
        let options = RedeployOptions::default();
        said += &format!(
            "{:?}",
            api.send(uid, OperationId::from(1), Command::Redeploy, &options)
                .await
        );
        said += &format!("{:?}", api.cancel(uid, DeploymentId(1)).await);

        let options = OauthOptions {
            url: fake.url.clone(),
            client_id: "x".into(),
            client_secret: "s3cret-marker".into(),
            redirect_uri: "http://localhost/callback".into(),
            scopes: Scopes::parse("public"),
            pkce: PkceMode::Auto,
        };
        assert!(!format!("{options:?}").contains("s3cret-marker"));
        let oauth = Oauth::new(&client(fake.url.clone(), ApiVersion::V3, patient()), options).unwrap();
        let begun = oauth.begin(&Scopes::parse("public"), &Random::system()).await;
        let verifier: SecretString = "verifier-marker-verifier-marker-verifier-marker".into();
        let outcome = oauth
            .exchange("c0de-marker", Some(&verifier), &Scopes::parse("public"))
            .await;
        said += &format!(
            "{:?} {:?}",
            outcome.map_err(|error| (error.to_string(), error)),
            begun
        );
        for secret in [
            begun.state.as_str(),
            begun.verifier.as_ref().map_or("-unused-", |v| v.expose_secret()),
        ] {
            assert!(!String::from_utf8_lossy(&log.0.lock().unwrap()).contains(secret));
        }
    }
    drop(guard);

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for marker in [
        TOKEN,
        BODY,
        "s3cret-marker",
        "c0de-marker",
        "verifier-marker",
        "hook-marker",
        "/api/3",
        "/oauth/",
    ] {
        // Which host it connects to is hyper's to tell, at its own finest level; no path is.
        assert!(!logged.contains(marker), "{marker} is in the log");
        assert!(!said.contains(marker), "{marker} is in an error");
    }
    assert!(!said.contains("127.0.0.1"), "an address is in an error");
    // The log was on, and says what is worth saying.
    for word in [
        "operation=\"stacks\"",
        "operation=\"redeploy\"",
        "operation=\"token\"",
        "status=403",
        "request_id=",
    ] {
        assert!(logged.contains(word), "{word} is not in the log");
    }
}
