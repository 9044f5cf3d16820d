//! The program under test: started as `stackdeck serve` starts it, against a sandbox over real HTTP.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use stackdeck::app::App;
use stackdeck::app::watch::Patience;
use stackdeck::app::watch::keep::{self, Waiting};
use stackdeck::cli::start::{Running, Surroundings, start};
use stackdeck::cloud66::Timeouts;
use stackdeck::config::{Mode, Settings};
use stackdeck::domain::redeploy::{Before, Command, RedeployOptions};
use stackdeck::domain::{AccessToken, Clock, ManualClock, OperationId, Random, StackUid, UserId};
use stackdeck::sandbox::{Options, Sandbox, Scope, Stack, World};
use stackdeck::store::{Database, Ledger, NewRedeploy, Store, StoreOptions};
use stackdeck::web::server::Limits;
use tokio::net::TcpListener;

use super::browser::Browser;
use super::ports::free_port;
use super::time::Time;

/// How long Cloud 66 is waited for: as long as it can be within the lease of a request, [`LEASE`]. A machine that
/// does other things beside the tests must not be taken for a Cloud 66 that does not answer.
///
/// [`LEASE`]: stackdeck::app::send::LEASE
const UNHURRIED: Duration = Duration::from_secs(50);

/// Longer than any test, and short enough to be followed.
const LONG_DEPLOY: Duration = Duration::from_mins(10);

/// Longer than any test, for the limits that are tested where they are short (`tests/connections`).
const NEVER: Duration = Duration::from_hours(1);

/// A running app with its own sandbox and its own database file, all gone when it is dropped.
pub struct TestApp {
    pub sandbox: Sandbox,
    /// The app's clock: the machine's, or one that stands, which a test may push ahead.
    pub clock: ManualClock,
    pub url: String,
    running: Option<Running>,
    settings: HashMap<String, String>,
    folder: tempfile::TempDir,
    timeouts: Timeouts,
    /// By person: what [`TestApp::ask_as`] asks with.
    tokens: Mutex<HashMap<String, String>>,
    limits: Limits,
    time: Time,
}

/// A second instance.
pub struct Another {
    pub running: Running,
    pub address: SocketAddr,
}

/// Another instance beside the app, which people open at an address of its own.
pub struct Instance {
    pub url: String,
    _running: Running,
}

/// What a test wants to be different.
pub struct Wish {
    settings: Vec<(&'static str, String)>,
    sandbox: Options,
    timeouts: Timeouts,
    limits: Limits,
    is_still: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            settings: Vec::new(),
            sandbox: Options::default(),
            timeouts: Timeouts {
                connect: UNHURRIED,
                total: UNHURRIED,
                probe: UNHURRIED,
                ..Timeouts::default()
            },
            limits: Limits {
                head: NEVER,
                idle: NEVER,
                write: NEVER,
                body: NEVER,
                answer: NEVER,
                ..Limits::default()
            },
            is_still: false,
        }
    }
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

    /// Lets Cloud 66 deploy in a moment.
    pub fn quick_deploys(self) -> Self {
        self.deploys_of(Duration::from_millis(300))
    }

    /// Lets Cloud 66 take longer for a deploy than any test lasts; [`TestApp::deploys_begin`] and
    /// [`TestApp::deploys_end`] say when it gets further.
    pub fn long_deploys(self) -> Self {
        self.deploys_of(LONG_DEPLOY)
    }

    /// Lets Cloud 66 take this long for a deploy.
    pub fn deploys_of(self, time: Duration) -> Self {
        self.sandbox(|options| options.deploy_time = time)
    }

    /// Lets the app wait for Cloud 66 for a few seconds only: for tests in which no answer comes. Elsewhere a busy
    /// machine would be taken for such a Cloud 66.
    pub fn impatient(mut self) -> Self {
        self.timeouts.connect = Duration::from_secs(6);
        self.timeouts.total = Duration::from_secs(6);
        self
    }

    /// Changes the limits of connections, none of which is reached otherwise.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Lets the app's clock stand, but for what the test pushes: for tests that count what happens in a time.
    pub fn still(mut self) -> Self {
        self.is_still = true;
        self
    }

    /// Lets the app wait for Cloud 66 as long as a test takes: for tests in which an answer is held back.
    pub fn patient(mut self) -> Self {
        self.timeouts.total = Duration::from_mins(10);
        self
    }

    pub async fn start(self) -> TestApp {
        let port = free_port();
        let listener = listen(&format!("127.0.0.1:{port}")).unwrap();
        let url = format!("http://localhost:{port}");
        let public = self
            .settings
            .iter()
            .find(|(name, _)| *name == "STACKDECK_PUBLIC_URL")
            .map_or(&url, |(_, public)| public);
        let mut callbacks = self.sandbox.callbacks;
        callbacks.push(format!("{public}/oauth/callback"));
        let options = Options {
            callbacks,
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
        let clock = if self.is_still {
            ManualClock::frozen_at(Clock::system().now())
        } else {
            ManualClock::over(Clock::system())
        };
        // Time that a test lets pass for the app is no mistake of the app's clock; a clock that a test sets is.
        let right = clock.of_another_machine().clock();
        sandbox.world().clock().show_dates_of(move || right.now());
        let time = Time::of(&clock, sandbox.world());
        let mut app = TestApp {
            sandbox,
            clock,
            url,
            running: None,
            settings,
            folder,
            timeouts: self.timeouts,
            tokens: Mutex::default(),
            limits: self.limits,
            time,
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
        Browser::new(&self.url).with_time(self.time.clone())
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

    /// The number of the main person.
    pub fn main_person_id(&self) -> UserId {
        let person = self.world().main_person().unwrap();
        UserId(i64::try_from(person.id).unwrap())
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

    /// The ledger of the running app, as its worker has it.
    pub fn ledger(&self) -> Ledger {
        self.running.as_ref().unwrap().app.store().ledger()
    }

    /// The database's files: the database itself and what SQLite keeps beside it.
    pub fn database_files(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    /// A number that SQL finds in the SQLite database, as somebody else who reads the file would.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let mut database = self.open_database().await;
        sqlx::query_scalar(sql).fetch_one(&mut database).await.unwrap()
    }

    /// Lets time pass, here and at Cloud 66, and waits until every redeploy was polled whose time came meanwhile.
    pub async fn pass_and_poll(&self, time: Duration) {
        let from = self.clock.clock().now();
        let until = (from + time).unix_timestamp_nanos() / 1_000_000;
        let mut database = self.open_database().await;
        let due = sqlx::query_as::<_, (String, i64)>(
            "SELECT id, looks FROM redeploys WHERE finished_at_ms IS NULL AND next_look_at_ms <= $1",
        )
        .bind(i64::try_from(until).unwrap())
        .fetch_all(&mut database)
        .await
        .unwrap();
        self.clock.advance(time.try_into().unwrap());
        self.world().clock().advance(time);
        self.ledger().wake().notify_one();
        let polled = async {
            for (id, looks) in due {
                let id: OperationId = id.parse().unwrap();
                loop {
                    let row = self.ledger().get(id).await.unwrap().unwrap();
                    if i64::from(row.looks) != looks || row.finished_at.is_some() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(5), polled)
            .await
            .unwrap();
    }

    fn own_token(&self, person: &str) -> String {
        let mut tokens = self.tokens.lock().unwrap();
        let issued = tokens.entry(person.to_owned()).or_insert_with(|| {
            let scopes = [Scope::Public, Scope::Redeploy];
            self.world().issue_token(person, &scopes).unwrap()
        });
        issued.clone()
    }

    /// Writes a redeploy down as a person who never opens a page: with a token of their own, always the same.
    pub async fn ask_as(&self, person: &str, uid: &str, number: u128) -> OperationId {
        let token = self.own_token(person);
        let person = self.world().person(person).unwrap();
        let row = NewRedeploy {
            id: OperationId::from(number),
            command: Command::Redeploy,
            stack: uid.parse().unwrap(),
            stack_name: self.world().stack(uid).unwrap().name,
            environment: "staging".into(),
            asked_by: UserId(i64::try_from(person.id).unwrap()),
            asked_by_name: person.name,
            options: RedeployOptions::default(),
            before: Before::default(),
            token: AccessToken::new(token),
            batch: None,
            form_made_at: self.clock.clock().now(),
        };
        self.ledger().request(row).await.unwrap();
        OperationId::from(number)
    }

    /// Changes the SQLite database behind the app's back.
    pub async fn sql(&self, sql: &'static str) {
        let mut database = self.open_database().await;
        sqlx::query(sql).execute(&mut database).await.unwrap();
    }

    async fn open_database(&self) -> sqlx::SqliteConnection {
        use sqlx::ConnectOptions as _;
        sqlx::sqlite::SqliteConnectOptions::new()
            .filename(self.folder.path().join("stackdeck.db"))
            .busy_timeout(Duration::from_mins(2))
            .connect()
            .await
            .unwrap()
    }

    /// What Cloud 66 was asked to deploy runs now.
    pub fn deploys_begin(&self) {
        self.world().clock().advance(LONG_DEPLOY / 4);
    }

    /// What Cloud 66 deploys has ended.
    pub fn deploys_end(&self) {
        self.world().clock().advance(LONG_DEPLOY * 2);
    }

    /// Sets one of the settings that the next start reads.
    pub fn change(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// Where the metrics are, if anywhere.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.running.as_ref().and_then(|running| running.metrics)
    }

    /// Fills the database of an app that was stopped with rows in the middle of being sent, as a crash leaves
    /// them. Gives whose they are.
    pub async fn leave_behind(&self, rows: u32, token: &str) -> i64 {
        let store = self.store().await;
        let person = self.main_person_id();
        for number in 0..rows {
            let row = NewRedeploy {
                id: OperationId::from(u128::from(number) + 1),
                command: Command::Redeploy,
                stack: StackUid::from(u128::from(number) + 1),
                stack_name: "left".into(),
                environment: "staging".into(),
                asked_by: person,
                asked_by_name: "Maya".into(),
                options: RedeployOptions::default(),
                before: Before::default(),
                token: AccessToken::new(token.to_owned()),
                batch: None,
                form_made_at: self.clock.clock().now(),
            };
            store.ledger().request(row).await.unwrap();
            store
                .ledger()
                .claim(&format!("crashed {number}"), Duration::from_mins(1))
                .await
                .unwrap()
                .unwrap();
        }
        store.close().await;
        person.0
    }

    /// A second instance on the same database, settings and Cloud 66, at an address of its own.
    pub async fn another(&self) -> Another {
        let listener = listen(&format!("127.0.0.1:{}", free_port())).unwrap();
        let address = listener.local_addr().unwrap();
        let running = self.start_with(&self.settings, listener).await;
        Another { running, address }
    }

    /// Ends the app as SIGTERM does.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// Ends the app and starts it again on the same database, address and settings.
    pub async fn restart(&mut self) {
        self.stop().await;
        let bind = self.settings.get("STACKDECK_BIND").unwrap();
        // What was aborted lets go of the address in its own time.
        let listener = loop {
            match listen(bind) {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        self.run_on(listener).await;
    }

    /// Ends the app in the middle of whatever it does: nothing is waited for, nothing is written down any more.
    pub fn crash(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }

    /// The database, opened beside the app or after it.
    pub async fn store(&self) -> Store {
        let settings = read_settings(&self.settings);
        let options = StoreOptions {
            database: Database::Sqlite {
                path: self.folder.path().join("stackdeck.db"),
            },
            origin: settings.cloud66.url.as_str().trim_end_matches('/').to_owned(),
            secrets: settings
                .secrets
                .iter()
                .map(|secret| secret.to_vec().into())
                .collect(),
            idle: settings.session.idle,
            lifetime: settings.session.lifetime,
        };
        Store::open(options, self.clock.clock(), Random::system())
            .await
            .unwrap()
    }

    /// The verbs of the running app.
    pub fn app(&self) -> &App {
        &self.running.as_ref().unwrap().app
    }

    /// Lets a moment pass for the worker, unless an answer of Cloud 66 is on its way; see [`Time`].
    pub async fn let_pass(&self, moment: time::Duration) {
        self.time.let_pass(moment).await;
    }

    /// Lets time pass for the app, and does what became due for its open pages.
    pub async fn pass(&self, time: time::Duration) {
        self.clock.advance(time);
        keep::round(self.app(), Waiting::ForAll).await;
    }

    /// Another instance of the app on the same database, sandbox and clock, at an address of its own.
    pub async fn second_instance(&self) -> Instance {
        let listener = listen(&format!("127.0.0.1:{}", free_port())).unwrap();
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
        let running = self.start_with(&self.settings, listener).await;
        self.time.runs(&running.app);
        self.running = Some(running);
    }

    async fn start_with(&self, settings: &HashMap<String, String>, listener: TcpListener) -> Running {
        let settings = read_settings(settings);
        let surroundings = Surroundings {
            clock: self.clock.clock(),
            random: Random::system(),
            demo: false,
            timeouts: self.timeouts,
            patience: Patience {
                first_list: NEVER,
                newer_list: NEVER,
                changes: NEVER,
            },
            limits: self.limits,
        };
        start(&settings, listener, surroundings)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Listens as `serve` does, with its limits.
fn listen(bind: &str) -> std::io::Result<TcpListener> {
    stackdeck::web::server::listen(bind.parse().unwrap(), &Limits::default())
}

fn read_settings(settings: &HashMap<String, String>) -> Settings {
    Settings::read(|name| settings.get(name).cloned(), Mode::Serve)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}
