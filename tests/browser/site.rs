//! What is looked at: the demo (the app and its sandbox, wired as `stackdeck demo` wires them) and the gallery,
//! each on a free port of this machine.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use stackdeck::cli::start::{Running, Surroundings, start};
use stackdeck::config::{Mode, Settings};
use stackdeck::sandbox::{Health, Options, Pkce, Sandbox, Stack, Status, World};
use stackdeck::web::gallery;
use stackdeck::web::pages::gallery::all;
use stackdeck::web::server::{Limits, Server};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::relay::Relay;

/// How long a deploy of the sandbox takes, about: long enough to be seen running, short enough to be waited for.
const DEPLOY_TIME: Duration = Duration::from_secs(4);

/// A running demo. It ends with the test's runtime.
pub struct Demo {
    /// Its address.
    pub url: String,
    sandbox: Sandbox,
    _running: Running,
}

impl Demo {
    /// The company that `stackdeck demo` shows.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// Another company.
    pub async fn with(options: Options) -> Self {
        Self::at(options, None).await
    }

    /// The same company, which browsers reach through this network only.
    pub async fn behind(relay: &Relay) -> Self {
        Self::at(Options::default(), Some(relay)).await
    }

    async fn at(options: Options, relay: Option<&Relay>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        if let Some(relay) = relay {
            relay.lead_to(listener.local_addr().expect("its number"));
        }
        let url = format!("http://localhost:{}", relay.map_or(port, |relay| relay.port));
        let sandbox = Sandbox::start(Options {
            callbacks: vec![format!("{url}/oauth/callback")],
            pkce: Pkce::On,
            deploy_time: DEPLOY_TIME,
            ..options
        })
        .await
        .expect("the sandbox starts");
        let settings: HashMap<String, String> = [
            ("STACKDECK_PUBLIC_URL", url.as_str()),
            ("STACKDECK_BIND", &format!("127.0.0.1:{port}")),
            (
                "STACKDECK_SECRET",
                "dGhlIHRlc3RzJyBvd24gc2VjcmV0LCBsb25nIGVub3VnaA==",
            ),
            ("STACKDECK_DATABASE_URL", "sqlite::memory:"),
            ("CLOUD66_URL", sandbox.url()),
            ("CLOUD66_CLIENT_ID", sandbox.client_id()),
            ("CLOUD66_CLIENT_SECRET", sandbox.client_secret()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let settings =
            Settings::read(|name| settings.get(name).cloned(), Mode::Demo).expect("the settings are sound");
        let surroundings = Surroundings {
            demo: true,
            ..Surroundings::default()
        };
        let running = start(&settings, listener, surroundings)
            .await
            .expect("the app starts");
        Self {
            url,
            sandbox,
            _running: running,
        }
    }

    /// The sandbox's world.
    pub fn world(&self) -> &World {
        self.sandbox.world()
    }

    /// The sandbox's address.
    pub fn cloud66(&self) -> &str {
        self.sandbox.url()
    }

    /// Makes a stack's next deploys so slow that there is time to stop one.
    pub fn slow_down(&self, stack: &Stack) {
        let changed = self
            .world()
            .change(&stack.uid, |stack| stack.typical = Duration::from_mins(10));
        assert!(changed, "{} is not there", stack.name);
    }

    /// A stack of the main person that is well and takes a Git ref, in this environment.
    pub fn healthy(&self, environment: &str) -> Stack {
        let person = self.world().main_person().expect("the main person").email;
        self.world()
            .visible_to(&person)
            .into_iter()
            .find(|stack| {
                stack.environment == environment
                    && (stack.status, stack.health) == (Status::SUCCESS, Health::OK)
                    && stack.framework != "docker"
                    && !stack.is_busy
                    && !stack.maintenance_mode
                    && !stack.always_fails
                    && self.world().deployments(&stack.uid).len() > 2
            })
            .expect("such a stack")
    }
}

/// Serves the gallery for as long as the test's runtime lives, and gives its address.
pub async fn gallery_url() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("its number").port();
    let server = Server::new(gallery::router(), Limits::default(), Vec::new());
    tokio::spawn(server.serve(listener, CancellationToken::new()));
    format!("http://localhost:{port}")
}

/// Every sample's name.
pub fn samples() -> Vec<String> {
    all("").into_iter().map(|sample| sample.name).collect()
}
