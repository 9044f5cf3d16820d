//! The receipt: everything that is known of a redeploy, and a list of them.

use std::collections::BTreeSet;

use crate::harness::{TestApp, answered, confirm, id_of, until, with_quick_deploys};

#[tokio::test]
async fn a_receipt_tells_the_whole_story_and_can_be_copied_as_text() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("production");
    let before = app
        .world()
        .stack(&uid)
        .unwrap()
        .live()
        .unwrap()
        .git_hash
        .clone()
        .unwrap();
    let form = confirm(&browser, &uid)
        .await
        .form("Redeploy production")
        .set("note", "Hotfix for the till");
    let receipt = browser.send(form).await;
    let end = until(&browser, &receipt, &["Deployed"]).await;
    let stack = app.world().stack(&uid).unwrap();
    let after = stack.live().unwrap().git_hash.clone().unwrap();
    let id = id_of(&receipt).to_string();
    let facts = end.texts("dl.facts").join(" ");
    let person = app.world().main_person().unwrap().name;
    for words in [
        &before[..7],
        &after[..7],
        person.as_str(),
        "Hotfix for the till",
        &id,
        "latest commit",
    ] {
        assert!(facts.contains(words), "{words}: {facts}");
    }
    let changes = end.attribute("dl.facts a[href*='compare']", "href").unwrap();
    assert!(
        changes.contains(&before[..7]) && changes.contains(&after[..7]),
        "{changes}"
    );
    let steps = end.texts("ol.times > li").join(" | ");
    for step in ["Asked", "Sent to Cloud 66", "Accepted", "Deployed"] {
        assert!(steps.contains(step), "{step}: {steps}");
    }
    assert_eq!(end.texts("ol.times time").len(), 4);

    let text = end.texts("#as-text").join("");
    for words in [
        stack.name.as_str(),
        "production",
        &after[..7],
        person.as_str(),
        "Hotfix for the till",
        &format!("{}/redeploys/{id}", app.url),
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(
        end.texts("title"),
        [format!("✓ Deployed {} production · Stackdeck", stack.name)]
    );
}

#[tokio::test]
async fn receipts_are_listed_newest_first_and_none_is_left_out_between_pages() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    // Sixty in less than two seconds, so that many share a second.
    let ledger = app.ledger();
    let person = app.world().main_person().unwrap();
    for n in 0..60_u128 {
        let new = stackdeck::store::NewRedeploy {
            id: (1_000 + n).into(),
            command: stackdeck::domain::Command::Redeploy,
            stack: (90_000 + n).into(),
            stack_name: format!("made-up-{n}"),
            environment: "staging".into(),
            asked_by: app.main_person_id(),
            asked_by_name: person.name.clone(),
            options: stackdeck::domain::RedeployOptions::default(),
            before: stackdeck::domain::redeploy::Before::default(),
            token: stackdeck::domain::AccessToken::new("made-up".to_owned()),
            batch: None,
            form_made_at: app.clock.clock().now(),
        };
        ledger.request(new).await.unwrap();
    }
    let first = browser.get("/redeploys").await;
    let older = first.attribute("a[href*='before=']", "href").unwrap();
    let second = browser.get(&older).await;
    let names = |page: &crate::harness::Page| page.texts("ol.lines > li .name");
    assert_eq!((names(&first).len(), names(&second).len()), (50, 10));
    assert!(names(&first)[0].contains("made-up-59"), "{:?}", names(&first)[0]);
    let all: BTreeSet<String> = names(&first).into_iter().chain(names(&second)).collect();
    assert_eq!(all.len(), 60);
    assert!(
        second.attribute("a[href$='/redeploys']", "href").is_some(),
        "and back"
    );
}

#[tokio::test]
async fn what_cloud_66_has_no_record_of_is_lost_and_can_be_asked_for_anew() {
    let app = TestApp::with().quick_deploys().impatient().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    app.world()
        .add_fault("redeploy=no-answer-before;count=1".parse().unwrap());
    let asked = confirm(&browser, &uid).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    let open = until(&browser, &receipt, &["No answer yet"]).await;
    assert!(
        open.text()
            .contains("It may have arrived, and will not be sent again."),
        "{}",
        open.text()
    );
    // Meanwhile a second request leads to the first one's receipt.
    let second = confirm(&browser, &uid).await;
    assert_eq!(
        browser.submit(&second, "Redeploy staging").await.url.path(),
        receipt.url.path()
    );
    // For fifteen minutes Cloud 66 is asked; then it is said.
    app.clock.advance(time::Duration::minutes(14));
    until(&browser, &receipt, &["No answer yet"]).await;
    app.clock.advance(time::Duration::minutes(2));
    let lost = until(&browser, &receipt, &["Cloud 66 has no record of it."]).await;
    assert_eq!(app.world().journal().count("redeploy"), 1, "never sent again");

    let again = browser
        .get(&lost.attribute("a[href$='/redeploy']", "href").unwrap())
        .await;
    let new = browser.submit(&again, "Redeploy staging").await;
    assert_ne!(new.url.path(), receipt.url.path(), "a new id");
    until(&browser, &new, &["Deployed"]).await;
    assert_eq!(app.world().journal().count("redeploy"), 2);
}

#[tokio::test]
async fn with_the_api_of_2013_it_cannot_be_known_and_the_receipt_says_so() {
    let app = TestApp::with()
        .setting("CLOUD66_API_VERSION", "2")
        .quick_deploys()
        .impatient()
        .start()
        .await;
    let browser = app.signed_in().await;
    app.world()
        .add_fault("redeploy=no-answer-after;count=1".parse().unwrap());
    let asked = confirm(&browser, &app.quiet_stack("staging")).await;
    assert!(
        asked
            .text()
            .contains("nobody can look up whether the redeploy was accepted"),
        "{}",
        asked.text()
    );
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    let end = until(&browser, &receipt, &["version 2 of its API has no way to ask"]).await;
    assert!(
        !end.text().contains("Cloud 66 has no record of it."),
        "nobody has said that: {}",
        end.text()
    );
    assert_eq!(app.world().journal().count("redeploy"), 1);
}

#[tokio::test]
async fn a_deploy_without_an_action_id_is_followed_by_its_reference() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    app.world()
        .add_fault("redeploy=no-action-id;count=1".parse().unwrap());
    let uid = app.quiet_stack("staging");
    let asked = confirm(&browser, &uid).await;
    // Somebody else deploys from Cloud 66's own page in between: that one is not ours.
    app.world().deploy_from_web(&uid, &app.main_person());
    app.world().fail_next_deploy(&uid);
    let form = asked.form("Redeploy staging").set("queue_ok", "yes");
    let receipt = browser.send(form).await;
    let end = until(&browser, &receipt, &["Deployed", "Deploy failed"]).await;
    let id = id_of(&receipt).to_string();
    let ours = app
        .world()
        .actions(&uid)
        .into_iter()
        .find(|action| action.user_reference.as_deref() == Some(id.as_str()))
        .unwrap();
    let succeeded = ours.finished.unwrap().success;
    assert_eq!(end.text().contains("Deploy failed"), !succeeded, "{}", end.text());
}

#[tokio::test]
async fn where_cloud_66_shows_no_action_the_newest_deployment_tells_how_it_ended() {
    for (fails, words) in [(false, "Deployed"), (true, "Deploy failed")] {
        let app = with_quick_deploys().await;
        let browser = app.signed_in().await;
        for fault in ["redeploy=no-action-id", "actions=not-implemented"] {
            app.world().add_fault(fault.parse().unwrap());
        }
        let uid = app.quiet_stack("staging");
        if fails {
            app.world().fail_next_deploy(&uid);
        }
        let asked = confirm(&browser, &uid).await;
        let receipt = browser.submit(&asked, "Redeploy staging").await;
        answered(&app, id_of(&receipt)).await;
        // It lands, and the stack stands still for long enough for the only deployment since to be taken for ours.
        app.clock.advance(time::Duration::minutes(3));
        app.world().clock().advance(std::time::Duration::from_mins(3));
        let end = until(&browser, &receipt, &["Deployed", "Deploy failed"]).await;
        assert!(end.text().contains(words), "{}", end.text());
        assert!(end.text().contains("This is inferred"), "{}", end.text());
        let newest = app.world().deployments(&uid).last().unwrap().id;
        assert!(end.text().contains(&newest.to_string()), "{}", end.text());
    }
}
