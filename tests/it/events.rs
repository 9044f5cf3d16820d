//! Event streams: what reaches an open page, and when a stream ends.

use std::time::Duration;

use reqwest::StatusCode;
use stackdeck::sandbox::{Health, Status};
use tokio::io::AsyncReadExt as _;

use crate::harness::{PATIENCE, Stream, TestApp, id_of, looks};

#[tokio::test]
async fn a_state_that_changed_at_cloud66_reaches_the_open_list() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let page = browser.get("/").await;
    let mut stream = browser.follow(&page).await;
    let uid = app.quiet_stack("production");
    app.world().set_health(&uid, Health(4));
    app.clock.advance(time::Duration::seconds(21));
    let rows = stream.until_row(&uid, "Health failed").await;
    assert!(
        rows.data.contains("id=\"n-attention\""),
        "the counts go with it: {}",
        rows.data
    );
    assert!(
        rows.data.contains("<title>Stacks ("),
        "and the title: {}",
        rows.data
    );
}

#[tokio::test]
async fn a_page_that_was_away_is_told_what_it_missed_and_no_more() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let page = browser.whole_list().await;
    let mut stream = browser.follow(&page).await;
    let id = stream.until("id=\"known\"").await.id;
    let (missed, same) = (app.quiet_stack("production"), app.quiet_stack("staging"));
    drop(stream);
    app.world().set_health(&missed, Health(4));
    // Somebody else's page learns of it meanwhile.
    // For Cloud 66 as much time passes: where its clock and ours differ, every time that it gave is another one.
    app.world().clock().advance(std::time::Duration::from_secs(21));
    app.clock.advance(time::Duration::seconds(21));
    browser.get("/").await;
    let mut other = browser.follow(&browser.get("/").await).await;
    other.until("id=\"known\"").await;

    let mut back = browser.follow_since(&page, &id).await;
    let caught_up = back.next_event().await.unwrap();
    assert!(
        caught_up.data.contains(&format!("state-{missed}")),
        "{}",
        caught_up.data
    );
    assert!(
        !caught_up.data.contains(&format!("state-{same}")),
        "{}",
        caught_up.data
    );

    let mut stranger = browser.follow_since(&page, "feed.7").await;
    let all = stranger.next_event().await.unwrap();
    assert!(
        all.data.contains(&format!("state-{same}")),
        "an id that is not known here gets all"
    );
}

#[tokio::test]
async fn somebody_elses_deploy_is_followed_to_its_outcome() {
    let app = TestApp::with().long_deploys().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let mut stream = browser.follow(&browser.get("/").await).await;
    app.world().deploy_from_web(&uid, &app.main_person()).unwrap();
    app.deploys_begin();
    assert_eq!(app.world().stack(&uid).unwrap().status, Status(6));
    app.clock.advance(time::Duration::seconds(21));
    stream.until_row(&uid, "Deploying").await;
    stream.until_row(&uid, "usually").await;
    // The list is not read again before the deploy lands.
    app.deploys_end();
    app.clock.advance(time::Duration::seconds(6));
    stream.until_row(&uid, "Healthy").await;
}

#[tokio::test]
async fn a_redeploy_reaches_the_list_the_stacks_page_and_the_receipt() {
    let app = TestApp::with().long_deploys().start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let mut list = browser.follow(&browser.get("/").await).await;
    let mut stack = browser
        .follow(&browser.get(&format!("/stacks/{uid}")).await)
        .await;
    let confirm = browser.get(&format!("/stacks/{uid}/redeploy")).await;
    let receipt = browser.submit(&confirm, "Redeploy staging").await;
    let mut own = browser.follow(&receipt).await;

    let accepted = list.until("redeploy accepted").await;
    assert!(
        accepted.data.contains("id=\"polite\""),
        "a toast in the polite region"
    );
    app.deploys_end();
    app.clock.advance(time::Duration::seconds(6));
    let outcome = own.until("Deployed").await;
    assert!(outcome.data.contains("id=\"receipt\""), "{}", outcome.data);
    own.until_event("end").await;
    let landed = list.until(": deployed ").await;
    assert!(landed.data.contains("See the receipt"), "{}", landed.data);
    stack.until("id=\"stack-history\"").await;
}

#[tokio::test]
async fn another_instances_redeploy_reaches_the_page_too() {
    let app = TestApp::with().long_deploys().start().await;
    let other = app.second_instance().await;
    let browser = app.signed_in().await;
    let mut list = browser.follow(&browser.get("/").await).await;
    let there = browser.at(&other.url);
    let uid = app.quiet_stack("staging");
    let confirm = there.get(&format!("/stacks/{uid}/redeploy")).await;
    there.submit(&confirm, "Redeploy staging").await;
    list.until("redeploy accepted").await;
    app.deploys_end();
    app.clock.advance(time::Duration::seconds(6));
    list.until(": deployed ").await;
}

/// C11.
#[tokio::test]
async fn signing_out_ends_the_stream() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let page = browser.get("/").await;
    let mut stream = browser.follow(&page).await;
    stream.until("id=\"known\"").await;
    browser.submit(&page, "Sign out").await;
    let over = stream.until_event("signed-out").await;
    assert!(
        over.data.contains("You are signed out in this browser."),
        "{}",
        over.data
    );
    stream.ends().await;
}

/// C11.
#[tokio::test]
async fn signing_out_everywhere_ends_the_streams_of_other_browsers() {
    let app = TestApp::start().await;
    let (here, there) = (app.signed_in().await, app.signed_in().await);
    let mut stream = there.follow(&there.get("/").await).await;
    stream.until("id=\"known\"").await;
    let settings = here.get("/settings").await;
    here.submit(&settings, "Sign out everywhere").await;
    stream.until_event("signed-out").await;
    stream.ends().await;
}

/// C11.
#[tokio::test]
async fn a_session_that_another_instance_ended_loses_its_stream() {
    let app = TestApp::start().await;
    let other = app.second_instance().await;
    let browser = app.signed_in().await;
    let mut stream = browser.follow(&browser.get("/").await).await;
    stream.until("id=\"known\"").await;
    let there = browser.at(&other.url);
    let page = there.get("/settings").await;
    there.submit(&page, "Sign out everywhere").await;
    stream.until_event("signed-out").await;
    stream.ends().await;
}

/// T10.
#[tokio::test]
async fn a_token_that_cloud66_refuses_ends_the_stream_and_the_asking() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let mut stream = browser.follow(&browser.get("/").await).await;
    stream.until("id=\"known\"").await;
    app.world().revoke_all_tokens();
    app.world().clear_journal();
    app.clock.advance(time::Duration::seconds(21));
    let over = stream.until_event("signed-out").await;
    assert!(
        over.data
            .contains("Cloud 66 signed you out. Sign in again to continue."),
        "{}",
        over.data
    );
    stream.ends().await;
    app.pass(time::Duration::minutes(10)).await;
    let refused = app
        .world()
        .journal()
        .entries()
        .iter()
        .filter(|entry| entry.status == Some(401))
        .count();
    assert!(refused <= 2, "{refused} requests with a dead token");
}

/// No proxy takes a quiet stream for a dead one.
#[tokio::test]
async fn a_quiet_stream_is_pinged() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let mut stream = browser.follow(&browser.get("/").await).await;
    stream.until_bytes(": ping").await;
}

/// Who does not read is told to load the page anew, and let go; nobody else is held up.
#[tokio::test]
async fn a_slow_reader_is_told_to_reload_and_let_go() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let page = browser.get("/").await;
    let mut healthy = browser.follow(&page).await;
    let mut slow = browser.follow_unread(&page).await;
    let uids: Vec<String> = app.stacks().into_iter().map(|stack| stack.uid).collect();
    let watched = app.quiet_stack("staging");
    for turn in 0..90 {
        let (on, words) = if turn % 2 == 0 {
            (true, "Maintenance on")
        } else {
            (false, "Healthy")
        };
        for uid in &uids {
            app.world().set_maintenance(uid, on);
        }
        app.pass(time::Duration::seconds(21)).await;
        healthy.until_row(&watched, words).await;
    }
    let mut missed = String::new();
    let read = tokio::time::timeout(PATIENCE, slow.read_to_string(&mut missed)).await;
    read.unwrap().unwrap();
    assert!(
        missed.ends_with("event: reload\ndata:\n\n"),
        "{} bytes, the last: {:?}",
        missed.len(),
        missed.chars().rev().take(80).collect::<String>()
    );
    app.world().set_maintenance(&watched, true);
    app.pass(time::Duration::seconds(21)).await;
    healthy.until_row(&watched, "Maintenance on").await;
}

#[tokio::test]
async fn nobody_gets_a_stream_without_a_session() {
    let app = TestApp::start().await;
    let stream = app.browser().follow_path("/events?view=stacks").await;
    assert_eq!(stream.status, StatusCode::UNAUTHORIZED);
    // What the page then asks for, and puts in place of what it can no longer keep true.
    let twin = app.browser().get_json("/events?view=stacks").await;
    assert_eq!(twin.status, StatusCode::UNAUTHORIZED);
    assert!(twin.body.contains("hx-swap-oob"), "{}", twin.body);
    assert!(twin.body.contains("Sign in"), "{}", twin.body);
}

/// N16.
#[tokio::test]
async fn a_fifth_stream_of_a_session_is_refused_and_the_others_live() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let page = browser.get("/").await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(browser.follow(&page).await);
    }
    let refused = browser.follow_path("/events?view=stacks").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(browser.get("/").await.status, StatusCode::OK, "pages still load");
    let uid = app.quiet_stack("production");
    app.world().set_status(&uid, Status(2));
    app.clock.advance(time::Duration::seconds(21));
    for stream in &mut streams {
        stream.until_row(&uid, "Deploy failed").await;
    }
    drop(streams);
    // A place is free again once the server has seen that the page is gone.
    for () in looks() {
        if browser.follow_path("/events?view=stacks").await.status == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no place was given back");
}

#[tokio::test]
async fn a_program_that_ends_ends_its_streams_with_a_hint() {
    let mut app = TestApp::start().await;
    let browser = app.signed_in().await;
    let page = browser.get("/").await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut stream = browser.follow(&page).await;
        stream.until("id=\"known\"").await;
        streams.push(stream);
    }
    app.stop().await;
    for stream in &mut streams {
        let rest = stream.rest().await;
        assert!(rest.contains("retry: "), "{rest}");
    }
}

#[tokio::test]
async fn a_hidden_tab_asks_for_title_and_icon_alone() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    browser.get("/").await;
    let uid = app.quiet_stack("production");
    for path in [
        "/events?view=stacks".to_owned(),
        format!("/events?view=stack&uid={uid}"),
    ] {
        let twin = browser.get_json(&path).await;
        assert_eq!(twin.status, StatusCode::OK, "{path}");
        let twin: serde_json::Value = serde_json::from_str(&twin.body).unwrap();
        assert!(
            twin["title"].as_str().unwrap().ends_with(" · Stackdeck"),
            "{twin}"
        );
        assert!(twin["icon"].as_str().unwrap().starts_with("/static/"), "{twin}");
    }
}

#[tokio::test]
async fn nobody_follows_somebody_elses_receipt() {
    let app = TestApp::with().long_deploys().start().await;
    let browser = app.signed_in().await;
    let confirm = browser
        .get(&format!("/stacks/{}/redeploy", app.quiet_stack("staging")))
        .await;
    let receipt = browser.submit(&confirm, "Redeploy staging").await;
    let id = id_of(&receipt).to_string();
    let other = app.browser();
    other.sign_in(&app.other_person()).await;
    let stream = other.follow_path(&format!("/events?view=receipt&id={id}")).await;
    assert_eq!(stream.status, StatusCode::NOT_FOUND);
    for nonsense in ["/events", "/events?view=x", "/events?view=stack&uid=../x"] {
        assert_eq!(other.follow_path(nonsense).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_stream_is_not_compressed_buffered_or_kept() {
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let stream: Stream = browser.follow(&browser.get("/").await).await;
    let header = |name: &str| {
        stream
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(header("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(header("x-accel-buffering").as_deref(), Some("no"));
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(header("content-encoding"), None);
    assert!(header("date").is_some() && header("content-security-policy").is_some());
}
