//! Q: logs and output that cannot be written. They cost lines of the log, and nothing else.

use std::process::Command;
use std::time::Duration;

use stackdeck::sandbox::{Options, Sandbox};

use super::process::{Served, settings, stackdeck};
use super::tally::{Kind, note};
use crate::harness::{Browser, free_port};

/// The main person of the sandbox's default world.
const MAIN_PERSON: &str = "maya@harbourfinch.example";

/// Signs in, asks for a redeploy, waits until it has landed, and ends the program by a signal.
async fn works_and_ends(mut served: Served, case: &str) {
    let browser = Browser::new(&served.url);
    browser.sign_in(MAIN_PERSON).await;
    let found = browser.get("/?q=env%3Astaging+state%3Ahealthy").await;
    let path = found.attribute("ul.stacks a[href$='/redeploy']", "href").unwrap();
    let receipt = browser
        .submit(&browser.get(&path).await, "Redeploy staging")
        .await;
    assert_eq!(receipt.status, 200, "{case}: {}", receipt.text());
    loop {
        let page = browser.get(receipt.url.path()).await;
        assert_eq!(page.status, 200, "{case}: {}", page.text());
        if ["Succeeded", "Deployed"]
            .iter()
            .any(|word| page.text().contains(word))
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(served.sandbox.world().journal().count("redeploy"), 1, "{case}");
    assert!(served.terminate().success(), "{case}");
    note(Kind::Fault, "Q40");
}

/// Q40: a full disk, a pipe whose reader has gone, and one whose reader has stopped reading.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_written_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = |name: &str| {
        let path = folder.path().join(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    };
    let (gone, stuck) = (fifo("gone"), fifo("stuck"));
    // Open for reading, so that the program can begin to write; nothing is ever read.
    let _reader = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&stuck)
        .unwrap();
    for (case, before) in [
        ("a full disk", "exec >/dev/full 2>&1".to_owned()),
        (
            "a reader that has gone",
            format!(
                "head -n 1 <{gone} >/dev/null & exec >{gone} 2>&1",
                gone = gone.display()
            ),
        ),
        (
            "a reader that does not read",
            format!("exec >{} 2>&1", stuck.display()),
        ),
    ] {
        let options = Options {
            deploy_time: Duration::from_millis(200),
            ..Options::default()
        };
        let served = Served::start_with(&before, options, &[("STACKDECK_LOG", "trace")]).await;
        works_and_ends(served, case).await;
    }
}

/// Q40: no command ends badly because nobody reads what it prints.
#[tokio::test(flavor = "multi_thread")]
async fn output_that_cannot_be_written_is_no_failure_of_the_command() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (arguments, code) in [
        ("--help", 0),
        ("check", 0),
        // There is no database to end sessions in.
        ("sessions end --all", 2),
        ("healthcheck --bind 127.0.0.1:9", 1),
        ("serve --confirm perhaps", 2),
    ] {
        let ended = stackdeck("exec >/dev/full 2>&1", arguments, folder.path())
            .envs(settings(&sandbox, free_port()))
            .status()
            .unwrap();
        assert_eq!(ended.code(), Some(code), "{arguments}");
        note(Kind::Fault, "Q40");
    }
    // These run until they are told to end.
    for command in ["demo", "sandbox"] {
        let port = free_port();
        let arguments = format!("{command} --bind 127.0.0.1:{port}");
        let mut running = stackdeck("exec >/dev/full 2>&1", &arguments, folder.path())
            .spawn()
            .unwrap();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(running.try_wait().unwrap().is_none(), "{command} ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let pid = running.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let ended = running.wait().unwrap();
        assert!(ended.success(), "{command}: {ended}");
        note(Kind::Fault, "Q40");
    }
    sandbox.stop().await;
}

/// Q41: a terminal that is closed ends the program as SIGTERM does: what is on its way is waited for. A program
/// that was started by `nohup` goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_terminal_is_waited_for_like_any_other_end() {
    let mut served = Served::start_with("true", Options::default(), &[]).await;
    served.signal("HUP");
    assert!(served.wait().success(), "it drains, and ends well");
    note(Kind::Check, "Q41");

    let mut served = Served::start_with("trap '' HUP", Options::default(), &[]).await;
    served.signal("HUP");
    let browser = Browser::new(&served.url);
    let page = browser.sign_in(MAIN_PERSON).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(served.terminate().success());
    note(Kind::Check, "Q41");
}
