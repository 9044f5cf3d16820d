//! E15: `kill -9` at each point between the click and its end. The program is the real one in a process of its own;
//! it is held where the test wants it from outside, by its network, its database and Cloud 66, and has no part of
//! its own for that.
//!
//! Not to be reached: between two bytes of what the app sends. A redeploy's request is a few hundred bytes, which a
//! socket takes in one piece; what differs is how much of it Cloud 66 gets, and that is told apart here.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::gate::{Gate, Point};
use super::process::Served;
use super::storage::Outside;
use super::tally::{Kind, note};
use crate::harness::{Browser, Form, looks};
use stackdeck::sandbox::{Options, Stack};

/// The main person of the sandbox's default world.
const MAIN_PERSON: &str = "maya@harbourfinch.example";

/// How many programs run at a time.
const AT_ONCE: usize = 3;

/// Where it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kill {
    /// The form has arrived; the row waits for the database.
    BeforeTheRow,
    /// The row is committed, and nobody has claimed it.
    AfterTheRow,
    /// It is claimed; no connection could be made yet.
    Claimed,
    /// Nothing of what it sent arrives.
    Connected,
    /// All of it was sent, and arrives at Cloud 66 only after its death.
    OnTheWire,
    FirstByte,
    /// Cloud 66 has read all of it, and does nothing.
    WholeBody,
    /// Cloud 66 has done it, and nothing of its answer has come.
    Done,
    AnswerBegun,
    /// The answer is read; the row waits for the database.
    AnswerRead,
    /// The answer is written down.
    Accepted,
    /// Cloud 66 is asked whether it knows the request.
    LookingUp,
    /// It does; the row waits for the database.
    LookedUp,
    /// It runs, and is followed.
    Following,
}

use Kill::*;

/// Each point, the row's state in which the kill leaves it, and how it ends after the start.
const POINTS: [(Kill, &str, &str); 14] = [
    (BeforeTheRow, "none", "none"),
    (AfterTheRow, "requested", "succeeded"),
    (Claimed, "sending", "lost"),
    (Connected, "sending", "lost"),
    (OnTheWire, "sending", "succeeded"),
    (FirstByte, "sending", "lost"),
    (WholeBody, "sending", "lost"),
    (Done, "sending", "succeeded"),
    (AnswerBegun, "sending", "succeeded"),
    (AnswerRead, "sending", "succeeded"),
    (Accepted, "accepted", "succeeded"),
    (LookingUp, "unknown", "succeeded"),
    (LookedUp, "unknown", "succeeded"),
    (Following, "running", "succeeded"),
];

/// The program behind a gate, with a person who is about to press.
struct Stage {
    gate: Gate,
    served: Served,
    browser: Browser,
    database: Outside,
    stack: String,
    form: Form,
}

impl Stage {
    async fn set() -> Self {
        let gate = Gate::new().await;
        let options = Options {
            deploy_time: Duration::from_secs(20),
            ..Options::default()
        };
        let more = [("CLOUD66_URL", gate.url.as_str()), ("CLOUD66_PKCE", "on")];
        // It can start without Cloud 66.
        let served = Served::start_with("true", options, &more).await;
        gate.lead_to(served.sandbox.url());
        let browser = Browser::new(&served.url);
        browser.sign_in(MAIN_PERSON).await;
        let quiet = |stack: &Stack| {
            (stack.status.0, stack.health.0) == (1, 3)
                && stack.environment == "staging"
                && stack.framework != "docker"
                && !stack.maintenance_mode
                && !stack.is_busy
                && !stack.always_fails
        };
        let stacks = served.sandbox.world().visible_to(MAIN_PERSON);
        let stack = stacks.into_iter().find(quiet).unwrap().uid;
        let confirm = browser.get(&format!("/stacks/{stack}/redeploy")).await;
        let form = confirm.form("Redeploy staging");
        let database = Outside::at(&served.folder.path().join("stackdeck.db"));
        Self {
            gate,
            served,
            browser,
            database,
            stack,
            form,
        }
    }

    fn fault(&self, fault: &str) {
        self.served.sandbox.world().add_fault(fault.parse().unwrap());
    }

    fn hold_redeploy(&self, point: Point) {
        self.gate.hold(point, "POST", "/deployments");
    }

    fn hold_actions(&self, point: Point) {
        self.gate.hold(point, "GET", "/actions");
    }

    async fn click(&self) {
        let answer = self.browser.send_once(&self.form).await;
        assert_eq!(answer.status.as_u16(), 303, "{}", answer.text());
    }

    /// The row's state; "none" without a row.
    async fn state(&self) -> String {
        self.database
            .text("SELECT coalesce((SELECT state FROM redeploys ORDER BY number DESC LIMIT 1), 'none')")
            .await
    }

    async fn until(&self, wanted: &[&str]) -> String {
        for () in looks() {
            let state = self.state().await;
            if wanted.contains(&state.as_str()) {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never {wanted:?}: {}", self.state().await);
    }

    /// How many redeploys Cloud 66 has carried out.
    fn carried_out(&self) -> usize {
        let journal = self.served.sandbox.world().journal();
        journal.of("redeploy").filter(|entry| entry.processed).count()
    }

    /// Presses, brings the program to the point, and kills it there.
    async fn kill_at(&mut self, kill: Kill) {
        match kill {
            BeforeTheRow => {
                let lock = self.database.lock().await;
                let _tab = self.send_and_leave_open().await;
                // The row cannot be written, whatever the program has come to by now.
                self.served.kill();
                lock.rollback().await.unwrap();
            }
            AfterTheRow => {
                self.database
                    .run(
                        "CREATE TRIGGER nobody_claims BEFORE UPDATE ON redeploys WHEN NEW.state = 'sending' \
                         BEGIN SELECT RAISE(ABORT, 'held'); END",
                    )
                    .await;
                self.click().await;
                self.served.kill();
                self.database.run("DROP TRIGGER nobody_claims").await;
            }
            Claimed => {
                self.gate.close().await;
                let full = Full::at(self.gate.address).await;
                self.click().await;
                self.until(&["sending"]).await;
                self.served.kill();
                drop(full);
                self.gate.reopen().await;
            }
            Connected => {
                self.kill_holding(Point::Connected).await;
                self.gate.close().await;
                self.gate.reopen().await;
            }
            OnTheWire => self.kill_holding(Point::Asked).await,
            FirstByte => self.kill_holding(Point::FirstByte).await,
            WholeBody => {
                self.fault("redeploy=no-answer-before;count=1");
                self.click().await;
                self.served.sandbox.world().wait_for("redeploy", 1).await;
                self.served.kill();
            }
            Done => self.kill_holding(Point::Done).await,
            AnswerBegun => self.kill_holding(Point::Head).await,
            AnswerRead => {
                self.hold_redeploy(Point::Done);
                self.kill_before_it_is_written_down().await;
            }
            Accepted => {
                self.hold_actions(Point::Asked);
                self.click().await;
                self.until(&["accepted"]).await;
                self.served.kill();
            }
            LookingUp => {
                self.fault("redeploy=close-after;count=1");
                self.hold_actions(Point::Asked);
                self.click().await;
                self.gate.holds_something().await;
                self.served.kill();
            }
            LookedUp => {
                self.fault("redeploy=close-after;count=1");
                self.hold_actions(Point::Asked);
                self.kill_before_it_is_written_down().await;
            }
            Following => {
                self.click().await;
                self.until(&["accepted", "running"]).await;
                self.served
                    .sandbox
                    .world()
                    .clock()
                    .advance(Duration::from_secs(4));
                self.database.run(DUE).await;
                self.until(&["running"]).await;
                self.served.kill();
            }
        }
        self.gate.open();
    }

    async fn kill_holding(&mut self, point: Point) {
        self.hold_redeploy(point);
        self.click().await;
        self.gate.holds_something().await;
        self.until(&["sending"]).await;
        self.served.kill();
    }

    /// Lets what is held be answered, and kills while the answer cannot be written down.
    async fn kill_before_it_is_written_down(&mut self) {
        self.click().await;
        self.gate.holds_something().await;
        let lock = self.database.lock().await;
        self.gate.hold_then(Point::Answered);
        self.gate.holds_something().await;
        self.served.kill();
        lock.rollback().await.unwrap();
    }

    /// Sends the form and waits for no answer.
    async fn send_and_leave_open(&self) -> TcpStream {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.form.fields)
            .finish();
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nCookie: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.form.action.path(),
            self.served.url.trim_start_matches("http://"),
            self.served.url,
            self.browser.cookies(),
            body.len()
        );
        let mut tab = TcpStream::connect(self.served.address).await.unwrap();
        tab.write_all(request.as_bytes()).await.unwrap();
        // The program has had its turn since.
        assert_eq!(self.browser.get("/healthz").await.status.as_u16(), 200);
        tab
    }

    /// Starts it again, a minute later as far as leases and looks go, and waits for the end.
    async fn end_after_the_start(&mut self, expected: &str) {
        self.database
            .run("UPDATE redeploys SET lease_until_ms = 0 WHERE state = 'sending'")
            .await;
        self.served
            .sandbox
            .world()
            .clock()
            .advance(Duration::from_mins(1));
        self.database.run(DUE).await;
        self.served.start_again().await;
        if expected == "lost" {
            self.until(&["unknown"]).await;
            self.database
                .run("UPDATE redeploys SET answered_at_ms = answered_at_ms - 960000, next_look_at_ms = 0")
                .await;
        }
        // A redeploy that is sent only now runs a while.
        if expected == "succeeded" {
            self.until(&["accepted", "running", "succeeded"]).await;
            self.served
                .sandbox
                .world()
                .clock()
                .advance(Duration::from_mins(1));
            self.database.run(DUE).await;
        }
        self.until(&[expected]).await;
    }
}

/// Its next look is due.
const DUE: &str = "UPDATE redeploys SET next_look_at_ms = 0 WHERE next_look_at_ms IS NOT NULL";

/// A port whose queue is full: whoever connects is neither taken nor refused.
struct Full {
    _listener: TcpListener,
    _kept: Vec<TcpStream>,
    _waiting: JoinSet<std::io::Result<TcpStream>>,
}

impl Full {
    async fn at(address: std::net::SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(0).unwrap();
        let (mut kept, mut fillers) = (Vec::new(), JoinSet::new());
        // The first of them fill it; one that hangs shows that it is full.
        loop {
            fillers.spawn(TcpStream::connect(address));
            // The kernel answers without anybody's help, or not at all.
            let connected = tokio::time::timeout(Duration::from_millis(200), fillers.join_next()).await;
            match connected {
                Ok(filler) => kept.push(filler.unwrap().unwrap().unwrap()),
                Err(_) => {
                    return Self {
                        _listener: listener,
                        _kept: kept,
                        _waiting: fillers,
                    };
                }
            }
        }
    }
}

async fn killed_at((kill, left, end): (Kill, &str, &str)) {
    let mut stage = Stage::set().await;
    stage.kill_at(kill).await;
    assert_eq!(stage.state().await, left, "{kill:?}: what the kill leaves");
    stage.end_after_the_start(end).await;
    if end == "succeeded" {
        let receipt = stage
            .database
            .text("SELECT '/redeploys/' || id FROM redeploys")
            .await;
        let page = stage.browser.get(&receipt).await;
        assert!(page.text().contains("Deployed"), "{kill:?}: {}", page.text());
    } else {
        // Nothing has happened, and the person presses again.
        assert_eq!(stage.carried_out(), 0, "{kill:?}");
        if end == "lost" {
            let confirm = stage
                .browser
                .get(&format!("/stacks/{}/redeploy", stage.stack))
                .await;
            stage.form = confirm.form("Redeploy staging");
        }
        stage.click().await;
        stage.until(&["accepted", "running"]).await;
        stage
            .served
            .sandbox
            .world()
            .clock()
            .advance(Duration::from_mins(1));
        stage.database.run(DUE).await;
        stage.until(&["succeeded"]).await;
    }
    assert_eq!(stage.carried_out(), 1, "{kill:?}: exactly one");
    let tokens = "SELECT count(*) FROM redeploys WHERE sealed_token IS NOT NULL";
    assert_eq!(
        stage.database.count(tokens).await,
        0,
        "{kill:?}: no token is left"
    );
    note(Kind::Fault, "E15");
}

/// None doubled, none lost, no untrue end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_point_it_is_carried_out_once_and_ends_in_truth() {
    futures_util::stream::iter(POINTS)
        .map(killed_at)
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
}
