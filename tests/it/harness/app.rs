//! The program under test: started as `stackdeck serve` starts it, against a sandbox over real HTTP.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use stackdeck::app::App;
use stackdeck::app::watch::keep::{self, Waiting};
use stackdeck::cli::start::{Running, Surroundings, start};
use stackdeck::cloud66::Timeouts;
use stackdeck::config::{Mode, Settings};
use stackdeck::domain::{Clock, ManualClock, Random};
use stackdeck::sandbox::{Options, Sandbox, Stack, World};
use tokio::net::TcpListener;

use super::browser::Browser;

/// A running app with its own sandbox and its own database file, all gone when it is dropped.
pub struct TestApp {
    pub sandbox: Sandbox,
    /// The app's clock: the machine's, which a test may push ahead.
    pub clock: ManualClock,
    pub url: String,
    running: Option<Running>,
    settings: HashMap<String, String>,
    folder: tempfile::TempDir,
}

/// Another instance beside the app.
pub struct Instance {
    pub url: String,
    _running: Running,
}

/// What a test wants to be different.
#[derive(Default)]
pub struct Wish {
    settings: Vec<(&'static str, String)>,
    sandbox: Options,
}

impl Wish {
    /// Sets one of the app's settings.
    pub fn setting(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    /// Changes the sandbox's options.
    pub fn sandbox(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.sandbox);
        self
    }

    pub async fn start(self) -> TestApp {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://localhost:{port}");
        let options = Options {
            callbacks: vec![format!("{url}/oauth/callback")],
            client_secret: Some("marker-client-secret-0123456789abcdef".into()),
            ..self.sandbox
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut settings: HashMap<String, String> = [
            ("STACKDECK_PUBLIC_URL", url.clone()),
            ("STACKDECK_BIND", format!("127.0.0.1:{port}")),
            (
                "STACKDECK_SECRET",
                "dGhlIHRlc3RzJyBvd24gc2VjcmV0LCBsb25nIGVub3VnaA==".into(),
            ),
            (
                "STACKDECK_DATABASE_URL",
                format!("sqlite:{}", folder.path().join("stackdeck.db").display()),
            ),
            ("CLOUD66_URL", sandbox.url().to_owned()),
            ("CLOUD66_CLIENT_ID", sandbox.client_id().to_owned()),
            ("CLOUD66_CLIENT_SECRET", sandbox.client_secret().to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        for (name, value) in self.settings {
            if value.is_empty() {
                settings.remove(name);
            } else {
                settings.insert(name.to_owned(), value);
            }
        }
        let clock = ManualClock::over(Clock::system());
        let mut app = TestApp {
            sandbox,
            clock,
            url,
            running: None,
            settings,
            folder,
        };
        app.run_on(listener).await;
        app
    }
}

impl TestApp {
    /// The app as a newcomer would run it.
    pub async fn start() -> Self {
        Wish::default().start().await
    }

    /// The same with something different.
    pub fn with() -> Wish {
        Wish::default()
    }

    /// A browser that has never been here.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.url)
    }

    /// A browser in which the main person has signed in.
    pub async fn signed_in(&self) -> Browser {
        let browser = self.browser();
        browser.sign_in(&self.main_person()).await;
        browser
    }

    /// The sandbox's main person, who sees every ordinary stack and may redeploy all of them.
    pub fn main_person(&self) -> String {
        self.world().main_person().unwrap().email
    }

    /// Somebody else, with stacks.
    pub fn other_person(&self) -> String {
        let main = self.main_person();
        let people = self.world().people();
        people
            .into_iter()
            .find(|person| person.email != main && !self.world().visible_to(&person.email).is_empty())
            .unwrap()
            .email
    }

    /// Somebody without stacks.
    pub fn person_without_stacks(&self) -> String {
        self.world()
            .people()
            .into_iter()
            .find(|person| self.world().visible_to(&person.email).is_empty())
            .unwrap()
            .email
    }

    /// The main person's stacks, as Cloud 66 has them.
    pub fn stacks(&self) -> Vec<Stack> {
        self.world().visible_to(&self.main_person())
    }

    /// One of the main person's stacks that is well and quiet, in this environment, and no Docker stack.
    pub fn quiet_stack(&self, environment: &str) -> String {
        let quiet = |stack: &Stack| {
            (stack.status.0, stack.health.0) == (1, 3)
                && stack.environment == environment
                && stack.framework != "docker"
                && !stack.maintenance_mode
                && !stack.is_busy
                && !stack.always_fails
        };
        self.stacks()
            .into_iter()
            .find(quiet)
            .unwrap_or_else(|| panic!("no quiet {environment} stack"))
            .uid
    }

    /// The model of Cloud 66, to change and to assert on.
    pub fn world(&self) -> &World {
        self.sandbox.world()
    }

    /// The database's files: the database itself and what SQLite keeps beside it.
    pub fn database_files(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    /// Ends the app and starts it again on the same database, address and settings.
    pub async fn restart(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
        let bind = self.settings.get("STACKDECK_BIND").unwrap();
        let listener = TcpListener::bind(bind.as_str()).await.unwrap();
        self.run_on(listener).await;
    }

    /// Ends the app, and waits until it has.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// The verbs of the running app.
    pub fn app(&self) -> &App {
        &self.running.as_ref().unwrap().app
    }

    /// Lets time pass for the app, and does what became due for its open pages.
    pub async fn pass(&self, time: time::Duration) {
        self.clock.advance(time);
        keep::round(self.app(), Waiting::ForAll).await;
    }

    /// Another instance of the app on the same database, sandbox and clock, at an address of its own.
    pub async fn second_instance(&self) -> Instance {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://localhost:{port}");
        let mut settings = self.settings.clone();
        settings.insert("STACKDECK_PUBLIC_URL".into(), url.clone());
        settings.insert("STACKDECK_BIND".into(), format!("127.0.0.1:{port}"));
        let running = self.start_with(&settings, listener).await;
        Instance {
            url,
            _running: running,
        }
    }

    async fn run_on(&mut self, listener: TcpListener) {
        self.running = Some(self.start_with(&self.settings, listener).await);
    }

    async fn start_with(&self, settings: &HashMap<String, String>, listener: TcpListener) -> Running {
        let settings = Settings::read(|name| settings.get(name).cloned(), Mode::Serve)
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let surroundings = Surroundings {
            clock: self.clock.clock(),
            random: Random::system(),
            demo: false,
            timeouts: Timeouts {
                connect: Duration::from_secs(2),
                total: Duration::from_secs(3),
                ..Timeouts::default()
            },
        };
        start(&settings, listener, surroundings)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }
}
