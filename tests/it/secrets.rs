//! The access token and the client secret leave the server in one place only: the way to Cloud 66.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::harness::TestApp;

/// Everything that is logged at `trace` by any test of this binary.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::new("trace"))
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .init();
        log
    })
}

/// The forms in which a secret could stand somewhere.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let reversed: String = secret.chars().rev().collect();
    let hex = secret
        .bytes()
        .fold(String::new(), |hex, byte| hex + format!("{byte:02x}").as_str());
    // Base64 without the last characters, which depend on what follows.
    let base64 = [STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret)]
        .map(|text| text[..text.len() - 4].to_owned());
    let [one, other] = base64;
    [secret.to_owned(), reversed, hex, one, other]
        .into_iter()
        .map(String::into_bytes)
        .collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn no_database_log_or_page_holds_a_token_or_the_client_secret() {
    let log = log();
    let mut app = TestApp::with()
        .sandbox(|options| options.deploy_time = std::time::Duration::from_millis(200))
        .start()
        .await;
    let browser = app.signed_in().await;
    let mut pages = Vec::new();
    let uid = app.quiet_stack("staging");
    for path in [
        "/",
        "/?q=env%3Aproduction",
        &format!("/stacks/{uid}"),
        "/settings",
        "/no-such-page",
    ] {
        pages.push(browser.get(path).await);
    }
    let confirm = browser.get(&format!("/stacks/{uid}/redeploy")).await;
    let receipt = browser.submit(&confirm, "Redeploy staging").await;
    // An answer that cannot be read, a refusal and a revoked token have error paths of their own.
    for fault in [
        "stacks=html",
        "stacks=truncated",
        "stacks=status:403",
        "stacks=status:500",
    ] {
        app.world().clear_faults();
        app.world().add_fault(fault.parse().unwrap());
        app.clock.advance(time::Duration::minutes(3));
        pages.push(browser.get("/").await);
    }
    app.world().clear_faults();
    pages.extend([confirm, receipt]);
    let tokens = app.world().tokens();
    assert!(!tokens.is_empty());
    let mut secrets: Vec<String> = tokens.into_iter().map(|token| token.value).collect();
    secrets.push(app.sandbox.client_secret().to_owned());
    secrets.push(browser.cookie("stackdeck_session").unwrap());
    let files: Vec<(String, Vec<u8>)> = app
        .database_files()
        .iter()
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    assert!(
        files.iter().any(|(_, bytes)| bytes.len() > 1000),
        "the database has been written"
    );
    app.restart().await;
    let logged = log.0.lock().unwrap().clone();
    assert!(contains(&logged, b"answered"), "the log has lines");
    for secret in &secrets {
        assert!(secret.len() >= 16);
        for form in forms(secret) {
            for (name, bytes) in &files {
                assert!(!contains(bytes, &form), "{name} holds a secret");
            }
            for page in &pages {
                assert!(
                    !contains(page.body.as_bytes(), &form),
                    "{} holds a secret",
                    page.url
                );
            }
            assert!(!contains(&logged, &form), "the log holds a secret");
        }
    }
}
