//! What an operator is told: by the log, and by `check` where Cloud 66 cannot be reached.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use stackdeck::sandbox::{Options, Sandbox};

use super::flow::{MADE_UP, SESSION};
use super::process::{Served, settings, stackdeck};
use super::raw;
use super::tally::{Kind, note};
use crate::harness::{Browser, free_port};

/// The main person of the sandbox's default world.
const MAIN_PERSON: &str = "maya@harbourfinch.example";

fn log_of(served: &Served) -> String {
    std::fs::read_to_string(served.folder.path().join("log")).unwrap()
}

fn lines(log: &str) -> Vec<Value> {
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    log.lines().map(line).collect()
}

/// The first line with this message.
fn said<'v>(lines: &'v [Value], message: &str) -> &'v Value {
    lines
        .iter()
        .find(|line| line["message"] == message)
        .unwrap_or_else(|| panic!("{message} is not in {lines:#?}"))
}

/// T40: one line a thing, as an operator wants to search them: who did what, numbers as numbers, and nothing called
/// suspicious that is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_who_did_what_with_numbers_as_numbers() {
    let options = Options {
        deploy_time: std::time::Duration::from_millis(200),
        ..Options::default()
    };
    let format = [("STACKDECK_LOG_FORMAT", "json")];
    let mut served = Served::start_with("exec 2>log", options, &format).await;
    let browser = Browser::new(&served.url);
    browser.sign_in(MAIN_PERSON).await;
    let found = browser.get("/?q=env%3Astaging+state%3Ahealthy").await;
    let path = found.attribute("ul.stacks a[href$='/redeploy']", "href").unwrap();
    let receipt = browser
        .submit(&browser.get(&path).await, "Redeploy staging")
        .await;
    while !browser.get(receipt.url.path()).await.text().contains("Deployed") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // Cookies of sessions that have ended, and of none.
    for cookie in [MADE_UP, "x"] {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: {SESSION}={cookie}\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(
            raw::status(&raw::exchange(served.address, request).await),
            Some(200)
        );
    }
    assert!(served.terminate().success());

    let lines = lines(&log_of(&served));
    let person = served.sandbox.world().person(MAIN_PERSON).unwrap().id;
    for message in ["signed in", "redeploy requested"] {
        assert_eq!(said(&lines, message)["person"], person, "{message}");
        note(Kind::Check, "T40");
    }
    assert!(said(&lines, "answered")["status"].is_u64());
    assert!(said(&lines, "answered")["ms"].is_i64());
    for line in &lines {
        let target = line["target"].as_str().unwrap();
        assert!(target.starts_with("stackdeck"), "a line of a library: {line}");
        for (name, value) in line.as_object().unwrap() {
            // Ids are made of hexadecimal digits, of which all may be decimal ones.
            let is_id = ["id", "operation", "stack", "request_id"].contains(&name.as_str());
            let number = value.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
            assert!(is_id || !number, "{name} is a number in a text: {line}");
        }
        note(Kind::Check, "T40");
    }
}

/// P40: behind a proxy that nobody has named all visitors have the limits of one. The start and `check` say so where the
/// settings show it, and the log does once a request shows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_nobody_has_named_is_noticed() {
    for (trusted, expected) in [("", 1), ("127.0.0.1", 0)] {
        let more = [("STACKDECK_TRUSTED_PROXIES", trusted)];
        let mut served = Served::start_with("exec 2>log", Options::default(), &more).await;
        for header in ["X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.7"] {
            let request =
                format!("GET /readyz HTTP/1.1\r\nHost: localhost\r\n{header}\r\nConnection: close\r\n\r\n");
            raw::exchange(served.address, request).await;
        }
        assert!(served.terminate().success());
        let log = log_of(&served);
        let noticed = log.matches("STACKDECK_TRUSTED_PROXIES does not name").count();
        assert_eq!(noticed, expected, "{trusted}: {log}");
        note(Kind::Check, "P40");
    }
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    for (trusted, expected) in [("", true), ("10.0.0.0/8", false)] {
        let output = check(
            &sandbox,
            &[
                ("STACKDECK_PUBLIC_URL", "https://deck.example.com"),
                ("STACKDECK_TRUSTED_PROXIES", trusted),
            ],
        )
        .await;
        let told = words(&output).contains("STACKDECK_TRUSTED_PROXIES does not name the proxy");
        assert_eq!(told, expected, "{}", words(&output));
        note(Kind::Check, "P40");
    }
    sandbox.stop().await;
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + String::from_utf8_lossy(&output.stderr).as_ref()
}

/// `check`, with settings of ours over those of the sandbox.
async fn check(sandbox: &Sandbox, more: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = stackdeck("true", "check", folder.path());
    command
        .envs(settings(sandbox, free_port()))
        .envs(more.iter().copied());
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// U40: each class of cause in its own words, with the host.
#[tokio::test(flavor = "multi_thread")]
async fn check_says_why_cloud66_cannot_be_reached() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let https = sandbox.url().replace("http://", "https://");
    let strangers = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stranger = format!("http://{}", strangers.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = strangers.accept().await {
            let mut request = [0; 1024];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut request).await;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n<html/>";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
        }
    });
    for (url, expected) in [
        ("https://cloud66.invalid", "its name is not known to DNS"),
        ("http://127.0.0.1:9", "the connection was refused"),
        (https.as_str(), "it does not speak TLS there"),
        (stranger.as_str(), "answers, and not as Cloud 66 does"),
    ] {
        let output = check(&sandbox, &[("CLOUD66_URL", url)]).await;
        let said = words(&output);
        assert_eq!(output.status.code(), Some(1), "{url}: {said}");
        let (_, host) = url.split_once("//").unwrap();
        assert!(said.contains(expected) && said.contains(host), "{url}: {said}");
        note(Kind::Fault, "U40");
    }
    // A proxy that other programs would follow.
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let output = check(&sandbox, &[(name, "http://me:hunter2@127.0.0.1:9")]).await;
        let said = words(&output);
        assert!(output.status.success(), "{name}: {said}");
        assert!(
            said.contains(&format!("{name} is set and is not followed")),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
        note(Kind::Check, "U40");
    }
    sandbox.stop().await;
}

/// U40: the log says it too, once for each change and not for each request.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_once_why_cloud66_cannot_be_reached() {
    let gone = free_port();
    let url = format!("http://127.0.0.1:{gone}");
    let mut served = Served::start_with("exec 2>log", Options::default(), &[("CLOUD66_URL", &url)]).await;
    let callback = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    raw::exchange(served.address, callback).await;
    // The question whether the token endpoint takes a verifier is asked of Cloud 66 at each sign-in.
    for _ in 0..3 {
        let ask = crate::harness::Ask::form(
            format!("{}/sign-in", served.url),
            &[("access", "redeploy"), ("return_to", "/")],
        );
        ask.send().await;
    }
    assert!(served.terminate().success());
    let log = log_of(&served);
    assert_eq!(log.matches("Cloud 66 cannot be reached").count(), 1, "{log}");
    assert!(log.contains("the connection was refused"), "{log}");
    assert!(log.contains("127.0.0.1"), "{log}");
    note(Kind::Fault, "U40");
}

/// openssl's own server, with a certificate.
struct TlsServer(Child);

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let done = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "openssl {arguments}: {}", words(&done));
}

impl TlsServer {
    async fn start(folder: &Path, certificate: &str, port: u16) -> Self {
        let port = port.to_string();
        let arguments = [
            "s_server",
            "-quiet",
            "-www",
            "-accept",
            &port,
            "-cert",
            certificate,
            "-key",
            "leaf.key",
        ];
        let child = Command::new("openssl")
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self(child);
        while tokio::net::TcpStream::connect(format!("127.0.0.1:{port}"))
            .await
            .is_err()
        {
            assert!(server.0.try_wait().unwrap().is_none(), "openssl ended");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        server
    }
}

/// U40: certificates that are not good, each for its own reason.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs openssl"]
async fn check_says_what_is_wrong_with_a_certificate_of_cloud66() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    openssl(
        here,
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=authority",
    );
    openssl(
        here,
        "req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf",
    );
    for (name, host, days) in [
        ("good", "localhost", "30"),
        ("other", "other.example", "30"),
        ("old", "localhost", "-1"),
    ] {
        std::fs::write(
            here.join(format!("{name}.ext")),
            format!("subjectAltName=DNS:{host}\n"),
        )
        .unwrap();
        openssl(
            here,
            &format!(
                "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} -extfile {name}.ext -out {name}.pem"
            ),
        );
    }
    let trusted = here.join("ca.pem").display().to_string();
    for (certificate, authorities, expected) in [
        ("good.pem", "", "signed by nobody whom this machine trusts"),
        (
            "other.pem",
            trusted.as_str(),
            "its certificate is for another name",
        ),
        ("old.pem", trusted.as_str(), "its certificate is not valid today"),
        // Nothing is wrong with this one; what answers is openssl and not Cloud 66.
        ("good.pem", trusted.as_str(), "answers"),
    ] {
        let port = free_port();
        let _server = TlsServer::start(here, certificate, port).await;
        let url = format!("https://localhost:{port}");
        let mut more = vec![("CLOUD66_URL", url.as_str())];
        if !authorities.is_empty() {
            more.push(("SSL_CERT_FILE", authorities));
        }
        let output = check(&sandbox, &more).await;
        let said = words(&output);
        assert_eq!(output.status.code(), Some(1), "{certificate}: {said}");
        assert!(
            said.contains(expected) && said.contains(&format!("localhost:{port}")),
            "{certificate}: {said}"
        );
        note(Kind::Fault, "U40");
    }
    sandbox.stop().await;
}
