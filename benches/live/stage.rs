//! The program as `stackdeck serve` runs it, a sandbox, and people who have signed in.

use std::collections::HashMap;
use std::sync::Arc;

use stackdeck::app::SignedIn;
use stackdeck::cli::start::{Running, Surroundings, start};
use stackdeck::config::{Mode, Settings};
use stackdeck::domain::{AccessToken, AccountId, Clock, Grant, Person, Random, Scopes, UserId};
use stackdeck::sandbox::{Options, Sandbox, Scope};
use stackdeck::web::session;
use tokio::net::TcpListener;
use tower_sessions::Session;

/// A running app and its sandbox.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) running: Running,
    pub(crate) url: String,
    pub(crate) address: String,
}

/// Somebody who has signed in: the cookie of the browser, and who it is.
pub(crate) struct Viewer {
    pub(crate) cookie: String,
    pub(crate) who: SignedIn,
}

impl Stage {
    pub(crate) async fn new(options: Options, clock: Clock) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://localhost:{}", address.port());
        let sandbox = Sandbox::start(options).await.unwrap();
        let settings: HashMap<&str, String> = [
            ("STACKDECK_PUBLIC_URL", url.clone()),
            ("STACKDECK_BIND", address.to_string()),
            (
                "STACKDECK_SECRET",
                "dGhlIGJlbmNobWFya3MnIG93biBzZWNyZXQsIGxvbmcgZW5vdWdo".into(),
            ),
            ("STACKDECK_DATABASE_URL", "sqlite::memory:".into()),
            // All readers come from one address, as they would through a proxy.
            ("STACKDECK_TRUSTED_PROXIES", "127.0.0.1/32".into()),
            ("CLOUD66_URL", sandbox.url().to_owned()),
            ("CLOUD66_CLIENT_ID", sandbox.client_id().to_owned()),
            ("CLOUD66_CLIENT_SECRET", sandbox.client_secret().to_owned()),
        ]
        .into_iter()
        .collect();
        let settings = Settings::read(|name| settings.get(name).cloned(), Mode::Demo)
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let surroundings = Surroundings {
            clock,
            random: Random::system(),
            ..Surroundings::default()
        };
        let running = start(&settings, listener, surroundings)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            sandbox,
            running,
            url,
            address: address.to_string(),
        }
    }

    /// The sandbox's main person, with a token of their own, under this id.
    pub(crate) async fn viewer(&self, id: i64) -> Viewer {
        let world = self.sandbox.world();
        let main = world.main_person().unwrap().email;
        let token = world
            .issue_token(&main, &[Scope::Public, Scope::Redeploy])
            .unwrap();
        let who = SignedIn {
            person: Person {
                id: UserId(id),
                name: "Somebody".into(),
                account: AccountId(1),
                account_name: "Some account".into(),
            },
            accounts: vec![AccountId(1)],
            grant: Grant {
                token: AccessToken::new(token),
                scopes: Scopes::parse("public redeploy"),
            },
        };
        Viewer {
            cookie: self.session_of(&who).await,
            who,
        }
    }

    /// One more browser of this person: its cookie.
    pub(crate) async fn session_of(&self, who: &SignedIn) -> String {
        let session = Session::new(None, Arc::new(self.running.app.store().sessions()), None);
        session::begin(&session, &self.running.app, who)
            .await
            .unwrap_or_else(|_| panic!("no session"));
        format!("stackdeck_session={}", session.id().unwrap())
    }

    /// Waits until nothing has been asked of the sandbox for a second.
    pub(crate) async fn is_quiet(&self) {
        let asked = || self.sandbox.world().journal().entries().len();
        let mut before = usize::MAX;
        while before != asked() {
            before = asked();
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }

    pub(crate) async fn end(self) {
        self.running.stop().await;
        self.sandbox.stop().await;
    }
}

/// The program's arguments, without its name.
pub(crate) fn arguments() -> Vec<String> {
    std::env::args().skip(1).collect()
}

/// The value below which `share` of the values lie. Sorts them.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = (0..=last).find(|at| (*at as f64 + 1.0) / values.len() as f64 >= share);
    values.get(at.unwrap_or(last)).copied().unwrap_or_default()
}
