//! What a receipt says of an end that Cloud 66 tells by halves: never more than Cloud 66 said.

use std::time::Duration;

use stackdeck::domain::Redeploy;

use crate::harness::{
    Browser, PAUSE, Page, TestApp, answered, confirm, id_of, looks, until, with_quick_deploys,
};

const SOMEBODY_ELSE: &str = "tomas@harbourfinch.example";

/// Presses Redeploy with these faults armed.
async fn press(app: &TestApp, browser: &Browser, uid: &str, faults: &[&str]) -> Page {
    let page = confirm(browser, uid).await;
    for fault in faults {
        app.world().add_fault(fault.parse().unwrap());
    }
    browser.submit(&page, "Redeploy staging").await
}

/// Lets time pass for both sides.
fn pass(app: &TestApp, seconds: u32) {
    app.clock.advance(time::Duration::seconds(seconds.into()));
    app.world().clock().advance(Duration::from_secs(seconds.into()));
}

/// Lets the redeploy be looked at `more` times, or until it has ended. Each time is well past the next look.
async fn looked_at(app: &TestApp, receipt: &Page, more: u32) {
    let id = id_of(receipt);
    for _ in 0..more {
        let before = app.ledger().get(id).await.unwrap().unwrap();
        if before.state.is_end() {
            return;
        }
        pass(app, 31);
        looked_at_again(app, &before).await;
    }
}

/// Waits until the worker has looked at the redeploy once more.
async fn looked_at_again(app: &TestApp, before: &Redeploy) {
    for () in looks() {
        let now = app.ledger().get(before.id).await.unwrap().unwrap();
        if now.state != before.state || now.looks > before.looks {
            return;
        }
        app.ledger().wake().notify_one();
        tokio::time::sleep(PAUSE).await;
    }
    panic!("it is not looked at again");
}

/// Case E73.
#[tokio::test]
async fn an_end_is_told_although_the_history_cannot_be_read() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    for (fault, fails) in [
        ("deployments=forbidden", false),
        ("deployments=html", true),
        ("deployments=not-found", false),
    ] {
        if fails {
            app.world().fail_next_deploy(&uid);
        }
        let receipt = press(&app, &browser, &uid, &[fault]).await;
        let end = until(&browser, &receipt, &["Deployed", "Deploy failed", "no longer"]).await;
        assert_eq!(
            end.text().contains("Deploy failed"),
            fails,
            "{fault}: {}",
            end.text()
        );
        let row = app.ledger().get(id_of(&receipt)).await.unwrap().unwrap();
        assert_eq!((row.git_hash, row.reason), (None, None), "{fault}");
        app.world().clear_faults();
    }
}

/// Case E74.
#[tokio::test]
async fn an_end_without_a_result_is_no_failure() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let no_result = ["actions=no-success", "action=no-success"];
    // The deployment tells how it ended.
    let receipt = press(&app, &browser, &uid, &no_result).await;
    until(&browser, &receipt, &["Deployed"]).await;
    app.world().clear_faults();
    // Nothing does.
    let faults = [no_result[0], no_result[1], "deployments=forbidden"];
    let receipt = press(&app, &browser, &uid, &faults).await;
    let end = until(&browser, &receipt, &["Ended, result not given", "Deploy failed"]).await;
    assert!(!end.text().contains("Deploy failed"), "{}", end.text());
}

/// Case E75.
#[tokio::test]
async fn no_record_is_never_said_where_cloud_66_has_it() {
    for form in ["empty", "text", "list", "missing"] {
        let app = with_quick_deploys().await;
        let browser = app.signed_in().await;
        let uid = app.quiet_stack("staging");
        let metadata = format!("actions=metadata:{form}");
        let receipt = press(&app, &browser, &uid, &["redeploy=reset-after;count=1", &metadata]).await;
        answered(&app, id_of(&receipt)).await;
        pass(&app, 16 * 60);
        app.ledger().wake().notify_one();
        let end = until(&browser, &receipt, &["Not known", "No record of it", "Deployed"]).await;
        assert!(end.text().contains("Not known"), "{form}: {}", end.text());
        assert!(
            end.text().contains("does not say which requests it has"),
            "{form}"
        );
        assert_eq!(app.world().journal().count("redeploy"), 1, "{form}");
    }
}

/// Case E76.
#[tokio::test]
async fn a_list_with_an_empty_page_in_the_middle_does_not_say_that_there_is_no_record() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    for _ in 0..30 {
        app.world().deploy_from_web(&uid, SOMEBODY_ELSE).unwrap();
    }
    pass(&app, 60);
    // Ours is on the second of three pages, which comes empty; the filter is ignored.
    let faults = ["redeploy=reset-after;count=1", "actions=not-found"];
    let receipt = press(&app, &browser, &uid, &faults).await;
    answered(&app, id_of(&receipt)).await;
    for _ in 0..45 {
        app.world().deploy_from_web(&uid, SOMEBODY_ELSE).unwrap();
    }
    app.world().clear_faults();
    for fault in ["actions=unfiltered", "actions=empty-page:2"] {
        app.world().add_fault(fault.parse().unwrap());
    }
    looked_at(&app, &receipt, 3).await;
    pass(&app, 16 * 60);
    looked_at(&app, &receipt, 1).await;
    let page = browser.get(receipt.url.path()).await;
    assert!(!page.text().contains("No record of it"), "{}", page.text());
    app.world().clear_faults();
    app.ledger().wake().notify_one();
    until(&browser, &receipt, &["Deployed"]).await;
}

/// Case E77.
#[tokio::test]
async fn somebody_else_s_deploy_of_the_same_second_has_no_cancel_link_of_ours() {
    let app = TestApp::with().deploys_of(Duration::from_mins(10)).start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    for fault in [
        "redeploy=foreign-deploy:unlisted;count=1",
        "redeploy=not-queued;count=1",
    ] {
        app.world().add_fault(fault.parse().unwrap());
    }
    let receipt = press(&app, &browser, &uid, &[]).await;
    answered(&app, id_of(&receipt)).await;
    pass(&app, 5);
    let theirs = app.world().deployments(&uid).last().unwrap().clone();
    assert_eq!(theirs.finished_at, None);
    assert_ne!(theirs.triggered_by.as_deref(), Some(app.main_person().as_str()));
    looked_at(&app, &receipt, 3).await;
    let page = browser.get(receipt.url.path()).await;
    assert_eq!(page.attribute("a[href$='/cancel']", "href"), None);
    // Ours gets its own, once it runs.
    pass(&app, 690);
    looked_at(&app, &receipt, 3).await;
    let page = browser.get(receipt.url.path()).await;
    let ours = app.world().deployments(&uid).last().unwrap().id;
    assert_ne!(ours, theirs.id);
    let link = page.attribute("a[href$='/cancel']", "href").unwrap();
    assert!(link.contains(&format!("/deployments/{ours}/")), "{link}");
}

/// Case E78.
#[tokio::test]
async fn with_version_2_nothing_ends_before_it_began_and_the_end_is_called_inferred() {
    for (faults, fails) in [
        (&["redeploy=late-start:8"][..], true),
        (&["api=clock-skew:180", "redeploy=late-start:8"][..], true),
        (&["stack=status-gap;count=3"][..], false),
    ] {
        let app = TestApp::with()
            .setting("CLOUD66_API_VERSION", "2")
            .deploys_of(Duration::from_secs(40))
            .start()
            .await;
        let browser = app.signed_in().await;
        let uid = app.quiet_stack("staging");
        // Another one has just ended, so that the stack has moved lately.
        app.world().deploy_from_web(&uid, SOMEBODY_ELSE).unwrap();
        pass(&app, 60);
        if fails {
            app.world().fail_next_deploy(&uid);
        }
        let before = app.world().deployments(&uid).len();
        let receipt = press(&app, &browser, &uid, faults).await;
        answered(&app, id_of(&receipt)).await;
        for _ in 0..6 {
            looked_at(&app, &receipt, 1).await;
            let row = app.ledger().get(id_of(&receipt)).await.unwrap().unwrap();
            let ended = app.world().deployments(&uid);
            let ended = ended.get(before).is_some_and(|ours| ours.finished_at.is_some());
            assert!(
                ended || !row.state.is_end(),
                "{faults:?}: {:?} before it ended",
                row.state
            );
        }
        app.world().clear_faults();
        looked_at(&app, &receipt, 10).await;
        let end = until(&browser, &receipt, &["Deployed", "Deploy failed"]).await;
        assert_eq!(
            end.text().contains("Deploy failed"),
            fails,
            "{faults:?}: {}",
            end.text()
        );
        assert!(
            end.text().contains("This is inferred"),
            "{faults:?}: {}",
            end.text()
        );
    }
}

/// Case E72.
#[tokio::test]
async fn without_action_and_reference_one_of_several_is_not_known_in_those_words() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    app.world().fail_next_deploy(&uid);
    let faults = [
        "redeploy=foreign-deploy:before;count=1",
        "redeploy=no-action-id",
        "actions=not-implemented",
    ];
    let receipt = press(&app, &browser, &uid, &faults).await;
    answered(&app, id_of(&receipt)).await;
    pass(&app, 10);
    looked_at(&app, &receipt, 1).await;
    pass(&app, 150);
    app.ledger().wake().notify_one();
    let end = until(&browser, &receipt, &["not known", "Deployed", "Deploy failed"]).await;
    assert!(end.text().contains("How it ended is not known"), "{}", end.text());
}
