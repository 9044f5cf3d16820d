//! N11, P09, E22: nginx, haproxy and Caddy in front, with the configuration that their manuals begin with. The
//! app's own count of requests says what arrived.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use stackdeck::sandbox::Health;

use super::raw::{exchange, status};
use super::redeploy::{quiet_stacks, row_form};
use super::tally::{Kind, note};
use crate::harness::{Browser, TestApp, free_port, looks};

const PROXIES: [&str; 3] = ["nginx", "haproxy", "caddy"];

/// A proxy; ended when it is dropped.
struct Proxy {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(name: &str, folder: &Path, port: u16, app: u16) -> (String, Vec<String>) {
    let folder = folder.display();
    let file = format!("{folder}/configuration");
    match name {
        "nginx" => (
            format!(
                "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n\
                 events {{}}\n\
                 http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; \
                 fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;\n\
                 server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{app}; \
                 proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr; }} }} }}"
            ),
            vec!["-c".into(), file, "-e".into(), format!("{folder}/error.log")],
        ),
        "haproxy" => (
            format!(
                "defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n\
                 frontend all\n  bind 127.0.0.1:{port}\n  option forwardfor\n  default_backend app\n\
                 backend app\n  server app 127.0.0.1:{app}\n"
            ),
            vec!["-f".into(), file],
        ),
        _ => (
            format!(
                "{{\n admin off\n auto_https off\n}}\n:{port} {{\n bind 127.0.0.1\n reverse_proxy 127.0.0.1:{app}\n}}\n"
            ),
            vec![
                "run".into(),
                "--adapter".into(),
                "caddyfile".into(),
                "--config".into(),
                file,
            ],
        ),
    }
}

impl Proxy {
    async fn start(name: &str, port: u16, app: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (text, arguments) = configuration(name, folder.path(), port, app);
        std::fs::write(folder.path().join("configuration"), text).unwrap();
        let child = Command::new(name)
            .args(arguments)
            .env("HOME", folder.path())
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut proxy = Self {
            child,
            port,
            _folder: folder,
        };
        for () in looks() {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return proxy;
            }
            assert!(proxy.child.try_wait().unwrap().is_none(), "{name} ended at once");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} never listened");
    }

    async fn exchange(&self, bytes: &str) -> String {
        exchange(([127, 0, 0, 1], self.port).into(), bytes).await
    }
}

/// The app behind a proxy, as its settings say it is.
async fn behind(name: &str) -> (TestApp, Proxy) {
    let port = free_port();
    let url = format!("http://localhost:{port}");
    let app = TestApp::with()
        .setting("STACKDECK_PUBLIC_URL", &url)
        .setting("STACKDECK_TRUSTED_PROXIES", "127.0.0.0/8")
        .setting("STACKDECK_METRICS_BIND", "127.0.0.1:0")
        .sandbox(|options| {
            options.callbacks = vec![format!("{url}/oauth/callback")];
            options.deploy_time = Duration::from_millis(100);
        })
        .start()
        .await;
    let listens_on = super::raw::address(&app).port();
    let proxy = Proxy::start(name, port, listens_on).await;
    (app, proxy)
}

/// How many requests the app has answered, and how many of them began a sign-in.
async fn seen(app: &TestApp) -> (u64, u64) {
    let address = app.metrics().unwrap();
    let answer = exchange(
        address,
        format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"),
    )
    .await;
    let lines = answer
        .lines()
        .filter(|line| line.starts_with("stackdeck_requests_total{"));
    let mut counts = (0, 0);
    for (name, count) in lines.filter_map(|line| line.rsplit_once(' ')) {
        let count: u64 = count.parse().unwrap();
        counts.0 += count;
        if name.contains("\"/sign-in\",class=\"3xx\"") {
            counts.1 += count;
        }
    }
    counts
}

#[tokio::test]
#[ignore = "needs nginx, haproxy and caddy"]
async fn people_work_through_each_proxy_and_each_request_arrives_once() {
    for name in PROXIES {
        let (app, proxy) = behind(name).await;
        let browser = Browser::new(&format!("http://localhost:{}", proxy.port));
        browser.sign_in(&app.main_person()).await;
        let list = browser.get("/").await;
        assert!(
            !list.texts("ul.stacks > li").is_empty(),
            "{name}: {}",
            list.text()
        );
        let form = row_form(&list, &quiet_stacks(&app)[0]);
        let before = seen(&app).await.0;
        for _ in 0..50 {
            assert_eq!(browser.send_once(&form).await.status, 303, "{name}");
        }
        assert_eq!(seen(&app).await.0 - before, 50, "{name}: requests seen and sent");
        note(Kind::Check, "N11");
        app.world().wait_for("redeploy", 1).await;
        // E22: an upstream that fails after it has worked is not asked again by the proxy.
        assert_eq!(app.world().journal().count("redeploy"), 1, "{name}");
        note(Kind::Check, "E22");
    }
}

/// P09: what a proxy keeps back would come when its buffer is full, or at the end, and neither is ever reached here.
#[tokio::test]
#[ignore = "needs nginx, haproxy and caddy"]
async fn events_come_through_each_proxy_one_by_one() {
    for name in PROXIES {
        let (app, proxy) = behind(name).await;
        let browser = Browser::new(&format!("http://localhost:{}", proxy.port));
        browser.sign_in(&app.main_person()).await;
        let mut stream = browser.follow(&browser.whole_list().await).await;
        // Before anything has happened.
        stream.until_bytes(": open").await;
        let uid = &quiet_stacks(&app)[0];
        for health in [4, 3, 4] {
            app.world().set_health(uid, Health(health));
            app.pass(time::Duration::seconds(21)).await;
            let words = if health == 4 { "Health failed" } else { "Healthy" };
            stream.until_row(uid, words).await;
            note(Kind::Check, "P09");
        }
    }
}

#[tokio::test]
#[ignore = "needs nginx, haproxy and caddy"]
async fn nothing_is_smuggled_past_a_proxy() {
    for name in PROXIES {
        let (app, proxy) = behind(name).await;
        let host = format!("localhost:{}", proxy.port);
        let body = "access=redeploy&return_to=%2F";
        let hidden = format!(
            "POST /sign-in HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        // Each hides it in the body that one of two readers would see.
        let length = hidden.len();
        for (what, headers) in [
            (
                "CL and TE",
                format!(
                    "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    length + 5
                ),
            ),
            (
                "TE with a space",
                format!(
                    "Transfer-Encoding : chunked\r\nContent-Length: {}\r\n\r\n0\r\n\r\n",
                    length + 5
                ),
            ),
            (
                "xchunked",
                format!(
                    "Transfer-Encoding: xchunked\r\nContent-Length: {}\r\n\r\n0\r\n\r\n",
                    length + 5
                ),
            ),
            (
                "two TEs",
                format!(
                    "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\nContent-Length: {}\r\n\r\n0\r\n\r\n",
                    length + 5
                ),
            ),
            (
                "two CLs",
                format!("Content-Length: 0\r\nContent-Length: {length}\r\n\r\n"),
            ),
            ("CL with a sign", format!("Content-Length: +{length}\r\n\r\n")),
            (
                "tab before chunked",
                format!(
                    "Transfer-Encoding:\tchunked\r\nContent-Length: {}\r\n\r\n0\r\n\r\n",
                    length + 5
                ),
            ),
            (
                "folded",
                format!(
                    "Transfer-Encoding:\r\n chunked\r\nContent-Length: {}\r\n\r\n0\r\n\r\n",
                    length + 5
                ),
            ),
            ("one length", format!("Content-Length: {length}\r\n\r\n")),
        ] {
            let before = seen(&app).await;
            let open = format!("POST /no-such-page HTTP/1.1\r\nHost: {host}\r\n{headers}{hidden}");
            let answer = proxy.exchange(&open).await;
            let after = seen(&app).await;
            let answers = u64::try_from(answer.matches("HTTP/1.1 ").count()).unwrap();
            assert!(
                after.0 - before.0 <= answers,
                "{name} {what}: more seen than answered: {answer}"
            );
            // Where the proxy itself takes it for a second request it answers both, and there is nothing hidden.
            let carried_out = after.1 - before.1;
            assert!(carried_out == 0 || answers == 2, "{name} {what}: {answer}");
            note(Kind::BadInput, "N11");
        }
        let (_, began) = seen(&app).await;
        assert_eq!(status(&proxy.exchange(&hidden).await), Some(303), "{name}");
        assert_eq!(
            seen(&app).await.1,
            began + 1,
            "{name}: in the open it is carried out"
        );
    }
}
