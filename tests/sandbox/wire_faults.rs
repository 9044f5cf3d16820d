//! Faults of the connection: silence, close, reset, cut and slow bodies. Read from a bare socket, because it
//! is the socket that matters.

use crate::support::{Lab, MAYA};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_mins(5);

/// What a socket gave until it ended.
struct Heard {
    text: String,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

async fn send(lab: &Lab, path: &str, token: &str, method: &str) -> TcpStream {
    let mut socket = TcpStream::connect(lab.sandbox.address()).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

async fn hear(mut socket: TcpStream) -> Heard {
    let mut bytes = Vec::new();
    let read = timeout(LONG, socket.read_to_end(&mut bytes))
        .await
        .expect("the connection ends");
    let end = match read {
        Ok(_) => End::Closed,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
        Err(error) => panic!("{error}"),
    };
    Heard {
        text: String::from_utf8(bytes).unwrap(),
        end,
    }
}

struct Scene {
    lab: Lab,
    token: String,
    uid: String,
    redeploy: String,
}

impl Scene {
    async fn new() -> Self {
        let lab = Lab::start().await;
        let token = lab.deployer(MAYA);
        let uid = lab.stack("Storefront", "production").uid;
        let redeploy = format!("/api/3/stacks/{uid}/deployments");
        Self {
            lab,
            token,
            uid,
            redeploy,
        }
    }

    fn arm(&self, fault: &str) {
        self.lab.world().add_fault(fault.parse().unwrap());
    }

    fn actions(&self) -> usize {
        self.lab.world().actions(&self.uid).len()
    }
}

#[tokio::test]
async fn close_and_reset_before_and_after_the_effect() {
    for (effect, end, carried_out) in [
        ("close-before", End::Closed, 0),
        ("close-after", End::Closed, 1),
        ("reset-before", End::Reset, 0),
        ("reset-after", End::Reset, 1),
    ] {
        let scene = Scene::new().await;
        scene.arm(&format!("redeploy={effect};count=1"));
        let before = scene.actions();
        let heard = hear(send(&scene.lab, &scene.redeploy, &scene.token, "POST").await).await;
        assert_eq!((heard.text.as_str(), heard.end), ("", end), "{effect}");
        assert_eq!(scene.actions() - before, carried_out, "{effect}");
        let journal = scene.lab.world().journal();
        let entry = journal.of("redeploy").next().unwrap();
        assert_eq!(
            (entry.status, entry.processed),
            (None, carried_out == 1),
            "{effect}"
        );
        let heard = hear(send(&scene.lab, &scene.redeploy, &scene.token, "POST").await).await;
        assert!(heard.text.starts_with("HTTP/1.1 200"), "{effect}: once only");
    }
}

#[tokio::test]
async fn silence_before_and_after_the_effect_lasts_until_the_sandbox_stops() {
    for (effect, carried_out) in [("no-answer-before", 0), ("no-answer-after", 1)] {
        let scene = Scene::new().await;
        scene.arm(&format!("redeploy={effect};count=1"));
        let before = scene.actions();
        let mut socket = send(&scene.lab, &scene.redeploy, &scene.token, "POST").await;
        timeout(LONG, scene.lab.world().wait_for("redeploy", 1))
            .await
            .expect("it arrives");
        assert_eq!(scene.actions() - before, carried_out, "{effect}");
        let mut byte = [0];
        // That nothing comes is seen by waiting a while only.
        let nothing = timeout(Duration::from_millis(100), socket.read(&mut byte)).await;
        assert!(nothing.is_err(), "{effect}: neither an answer nor an end");
        timeout(LONG, scene.lab.sandbox.stop())
            .await
            .expect("a silent connection does not hold it up");
        assert_eq!(hear(socket).await.text, "", "{effect}");
    }
}

#[tokio::test]
async fn a_body_is_cut_off_by_a_close_or_a_reset() {
    for (effect, end) in [("close-body", End::Closed), ("reset-body", End::Reset)] {
        let scene = Scene::new().await;
        scene.arm(&format!("stacks={effect}"));
        let heard = hear(send(&scene.lab, "/api/3/stacks", &scene.token, "GET").await).await;
        let (head, body) = heard.text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{effect}");
        let promised = head.lines().find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")
                .map(str::to_owned)
        });
        let promised: usize = promised.unwrap().parse().unwrap();
        assert!(
            body.len() <= promised / 2 + 1,
            "{effect}: {} of {promised}",
            body.len()
        );
        assert_eq!(heard.end, end, "{effect}");
        if effect == "close-body" {
            assert_eq!(body.len(), promised / 2);
        }
    }
}

#[tokio::test]
async fn delays_and_slow_bodies_arrive_whole() {
    let scene = Scene::new().await;
    let plain = scene.lab.get("/api/3/stacks", &scene.token).await;
    scene.arm("stacks=delay:0.02");
    scene.arm("stacks=slow-body:0.05");
    let slow = scene.lab.get("/api/3/stacks", &scene.token).await;
    assert_eq!(slow.text, plain.text);
    let journal = scene.lab.world().journal();
    let fault = journal.of("stacks").last().unwrap().fault.clone().unwrap();
    assert_eq!(fault, "delay:0.02 + slow-body:0.05");
}

#[tokio::test]
async fn a_share_of_calls_is_hit() {
    let scene = Scene::new().await;
    scene.arm("ping-auth=close-before;share=50");
    let mut cut = 0;
    for _ in 0..60 {
        let heard = hear(send(&scene.lab, "/api/3/ping/auth", &scene.token, "GET").await).await;
        cut += usize::from(heard.text.is_empty());
    }
    assert!((15..45).contains(&cut), "{cut} of 60");
}
