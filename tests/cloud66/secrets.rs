//! What must never be written down: the token, the client's secret, codes, verifiers, addresses, bodies.

use std::io::Write;
use std::sync::{Arc, Mutex};

use secrecy::{ExposeSecret as _, SecretString};
use stackdeck::cloud66::{ApiVersion, Oauth, OauthOptions, PkceMode};
use stackdeck::domain::{Command, DeploymentId, OperationId, Random, RedeployOptions, Scopes, StackUid};
use tracing_subscriber::fmt::MakeWriter;

use super::fake::{Fake, Reaction, TOKEN, Then, client, json, patient};

const BODY: &str = "b0dy-marker";
const HOOK: &str = "https://hooks.cloud66.com/stacks/redeploy/hook-marker/x";
const SECRET: &str = "s3cret-marker";
const CODE: &str = "c0de-marker";
const VERIFIER: &str = "verifier-marker-verifier-marker-verifier-marker";

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

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

/// Answers of every kind, each with something secret in it.
fn reaction(number: usize) -> Reaction {
    match number {
        0 => json(
            200,
            format!(
                r#"{{"response":[{{"uid":"{:032x}","redeploy_hook":"{HOOK}"}}],"x":"{BODY}"}}"#,
                1
            ),
        ),
        1 => json(500, BODY),
        2 => json(403, format!(r#"{{"details":"{TOKEN} {HOOK}"}}"#)),
        3 => json(200, BODY),
        4 => json(307, BODY),
        _ => Reaction::Raw(BODY.into(), Then::Close),
    }
}

/// Asks everything once and gives all that can be printed of the answers.
async fn ask_everything(fake: &Fake) -> String {
    let (api, uid, options) = (fake.api(), StackUid::from(1), RedeployOptions::default());
    let sent = api
        .send(uid, OperationId::from(1), Command::Redeploy, &options)
        .await;
    [
        format!("{:?}", api.stacks().await),
        format!("{:?}", api.stack(uid).await),
        format!(
            "{:?}",
            api.whoami().await.map_err(|error| (error.to_string(), error))
        ),
        format!("{sent:?}"),
        format!("{:?}", api.cancel(uid, DeploymentId(1)).await),
    ]
    .concat()
}

/// Signs in and gives all that can be printed of it, and the values that nobody may see.
async fn sign_in(fake: &Fake) -> (String, Vec<String>) {
    let options = OauthOptions {
        url: fake.url.clone(),
        client_id: "x".into(),
        client_secret: SECRET.into(),
        redirect_uri: "http://localhost/callback".into(),
        scopes: Scopes::parse("public"),
        pkce: PkceMode::Auto,
    };
    assert!(!format!("{options:?}").contains(SECRET));
    let scopes = Scopes::parse("public");
    let oauth = Oauth::new(&client(fake.url.clone(), ApiVersion::V3, patient()), options).unwrap();
    let begun = oauth.begin(&scopes, &Random::system()).await;
    let verifier: SecretString = VERIFIER.into();
    let outcome = oauth.exchange(CODE, Some(&verifier), &scopes).await;
    let said = format!(
        "{:?} {begun:?}",
        outcome.map_err(|error| (error.to_string(), error))
    );
    let verifier = begun.verifier.map(|verifier| verifier.expose_secret().to_owned());
    (
        said,
        [Some(begun.state), verifier].into_iter().flatten().collect(),
    )
}

/// Case T08.
#[tokio::test]
async fn nothing_secret_is_logged_or_in_an_error() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    // For all threads: whether a line is wanted is remembered for the whole process, and other tests that run beside
    // this one, and log to nobody, must not be who decides. What they do is searched with it.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut said = String::new();
    let mut secrets: Vec<String> = Vec::new();
    for number in 0..6 {
        let fake = Fake::start(move |_, _| reaction(number)).await;
        said.push_str(&ask_everything(&fake).await);
        let (more, fresh) = sign_in(&fake).await;
        said.push_str(&more);
        secrets.extend(fresh);
    }

    let logged = log.text();
    // Which host it connects to is hyper's to tell, at its own finest level; no path is.
    let markers = [
        TOKEN,
        BODY,
        SECRET,
        CODE,
        "verifier-marker",
        "hook-marker",
        "/api/3",
        "/oauth/",
    ];
    for marker in markers.into_iter().chain(secrets.iter().map(String::as_str)) {
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
