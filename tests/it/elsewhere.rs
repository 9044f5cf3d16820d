//! The same database, and another Cloud 66 in the settings.

use stackdeck::domain::RedeployState;
use stackdeck::sandbox::{Options, Sandbox};

use crate::harness::{confirm, id_of, until, with_quick_deploys};

/// Case T61: whoever answers at the new address gets no token of the old one, and its person of the same number no
/// receipt of the other one's.
#[tokio::test]
async fn another_cloud66_gets_no_token_and_shows_no_receipt_of_the_first() {
    let mut app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let asked = confirm(&browser, &app.quiet_stack("staging")).await;
    let done = browser.submit(&asked, "Redeploy staging").await;
    until(&browser, &done, &["Deployed"]).await;
    // One is left in the middle.
    app.world()
        .add_fault("redeploy=close-after;count=1".parse().unwrap());
    app.world().add_fault("actions=status:502".parse().unwrap());
    let asked = confirm(&browser, &app.quiet_stack("staging")).await;
    let left = browser.submit(&asked, "Redeploy staging").await;
    until(&browser, &left, &["No answer yet"]).await;
    app.stop().await;

    let there = Sandbox::start(Options {
        callbacks: vec![format!("{}/oauth/callback", app.url)],
        ..Options::default()
    })
    .await
    .unwrap();
    let here = app.world().clone();
    let before = [
        ("CLOUD66_URL", app.sandbox.url().to_owned()),
        ("CLOUD66_CLIENT_ID", app.sandbox.client_id().to_owned()),
        ("CLOUD66_CLIENT_SECRET", app.sandbox.client_secret().to_owned()),
    ];
    app.change("CLOUD66_URL", there.url());
    app.change("CLOUD66_CLIENT_ID", there.client_id());
    app.change("CLOUD66_CLIENT_SECRET", there.client_secret());
    app.restart().await;
    let same = app.browser();
    same.sign_in(&here.main_person().unwrap().email).await;
    let receipts = same.get("/redeploys").await;
    assert!(
        !receipts.body.contains(&id_of(&done).to_string()),
        "{}",
        receipts.text()
    );
    assert_eq!(same.get(done.url.path()).await.status.as_u16(), 404);
    let asked = confirm(&same, &app.quiet_stack("staging")).await;
    let own = same.submit(&asked, "Redeploy staging").await;
    let own = until(&same, &own, &["Accepted", "at work", "Deployed"]).await;
    let tokens = |world: &stackdeck::sandbox::World| {
        let journal = world.journal();
        let named: std::collections::BTreeSet<_> = journal
            .of("redeploy")
            .chain(journal.of("actions"))
            .filter_map(|entry| entry.token.clone())
            .collect();
        named
    };
    assert!(
        tokens(&here).is_disjoint(&tokens(there.world())),
        "no token went to the other one"
    );
    assert_eq!(there.world().journal().count("redeploy"), 1);

    for (name, value) in before {
        app.change(name, &value);
    }
    app.world().clear_faults();
    app.stop().await;
    app.restart().await;
    let receipts = browser.get("/redeploys").await;
    assert!(
        receipts.body.contains(&id_of(&done).to_string()),
        "{}",
        receipts.text()
    );
    assert!(!receipts.body.contains(&id_of(&own).to_string()));
    until(&browser, &left, &["Deployed"]).await;
    let row = app.ledger().get(id_of(&left)).await.unwrap().unwrap();
    assert_eq!(row.state, RedeployState::Succeeded);
}
