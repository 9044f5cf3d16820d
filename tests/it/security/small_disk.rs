//! D01 on a disk that is really full, where [`super::storage`] makes believe: `bin/with-small-disk` brings it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;

use super::flow::{callback_of, open, token_requests};
use super::redeploy::{quiet_stacks, row_form};
use super::tally::{Kind, note};
use crate::harness::{Page, TestApp, id_of, until};
use stackdeck::domain::RedeployState;

/// Whatever room there was.
struct Ballast(PathBuf);

impl Ballast {
    fn fill(folder: &Path) -> Self {
        let path = folder.join("ballast");
        let mut file = std::fs::File::create(&path).unwrap();
        let full = loop {
            if let Err(error) = file.write_all(&[1; 4_096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        Self(path)
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

fn assert_is_told(page: &Page) {
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{}", page.text());
    assert!(
        page.text().contains("Nothing was sent to Cloud 66"),
        "{}",
        page.text()
    );
    assert_eq!(page.headers["retry-after"], "5");
    assert!(
        !page.body.contains("full"),
        "what the disk says is not the visitor's"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a disk that is soon full: bin/with-small-disk"]
async fn a_full_disk_sends_nothing_twice_and_nothing_unwritten_and_room_brings_all_back() {
    #[expect(
        clippy::disallowed_methods,
        reason = "bin/with-small-disk says where it is in this way only"
    )]
    let disk = std::env::var("STACKDECK_TEST_SMALL_DISK").expect("bin/with-small-disk sets it");
    let disk = Path::new(&disk);
    let app = TestApp::with()
        .quick_deploys()
        .setting("CLOUD66_PKCE", "on")
        .setting(
            "STACKDECK_DATABASE_URL",
            format!("sqlite:{}", disk.join("stackdeck.db").display()),
        )
        .start()
        .await;
    let browser = app.signed_in().await;
    let list = browser.get("/").await;
    let rows = list.texts("ul.stacks > li").len();
    let stacks = quiet_stacks(&app);
    let newcomer = app.browser();
    let callback = callback_of(&app, &newcomer).await;
    let exchanged = token_requests(&app);

    // One is on its way while the disk fills, and its answer cannot be written down.
    app.world().add_fault("redeploy=delay:1;count=1".parse().unwrap());
    let on_its_way = browser.send(row_form(&list, &stacks[0])).await;
    let sent = id_of(&on_its_way);
    while app.ledger().get(sent).await.unwrap().unwrap().state != RedeployState::Sending {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ballast = Ballast::fill(disk);

    app.world().wait_for("redeploy", 1).await;
    let click = row_form(&browser.get("/").await, &stacks[1]);
    let refused = browser.send(click.clone()).await;
    assert_is_told(&refused);
    note(Kind::Fault, "D01");
    let stranger = app.browser();
    let home = stranger.get("/").await;
    assert_is_told(&stranger.send(home.form("Sign in with Cloud 66")).await);
    note(Kind::Fault, "D01");
    // The code is not used up: it is exchanged only once the state is.
    assert_is_told(&open(&newcomer, &callback).await);
    assert_eq!(token_requests(&app), exchanged);
    note(Kind::Fault, "D01");
    // Past the minute in which activity need not be written down, and past the lease of what is on its way.
    app.clock.advance(time::Duration::minutes(2));
    let page = browser.get("/").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    assert_eq!(page.texts("ul.stacks > li").len(), rows);
    let receipt = browser.get(on_its_way.url.path()).await;
    assert!(!receipt.text().contains("Deployed"), "{}", receipt.text());
    note(Kind::Fault, "D02");
    assert_eq!(
        app.ledger().get(sent).await.unwrap().unwrap().state,
        RedeployState::Sending
    );
    assert_eq!(app.world().journal().count("redeploy"), 1);

    // Room again: nobody restarts anything.
    drop(ballast);
    until(&browser, &on_its_way, &["Deployed"]).await;
    let receipt = browser.send(click).await;
    until(&browser, &receipt, &["Deployed"]).await;
    assert_eq!(app.world().journal().count("redeploy"), 2);
    assert_eq!(open(&newcomer, &callback).await.status, StatusCode::SEE_OTHER);
    assert!(!newcomer.get("/").await.texts("ul.stacks > li").is_empty());
    assert_eq!(token_requests(&app), exchanged + 1);
    note(Kind::Check, "D01");
}
