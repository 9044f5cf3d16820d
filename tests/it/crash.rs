//! Killed, stopped, signed out: a redeploy goes on by itself, is never sent twice, and its receipt says what
//! happened.

use std::time::Duration;

use stackdeck::domain::redeploy::Before;
use stackdeck::domain::{AccessToken, Command, OperationId, RedeployOptions, RedeployState};
use stackdeck::sandbox::Scope;
use stackdeck::store::NewRedeploy;

use crate::harness::{TestApp, confirm, id_of, looks, until, with_quick_deploys};

/// Waits until Cloud 66 has seen so many redeploys.
async fn sent(app: &TestApp, count: usize) {
    for () in looks() {
        if app.world().journal().count("redeploy") >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never sent");
}

/// Waits, without any page, until the ledger says that it has ended.
async fn end(app: &TestApp, id: OperationId) -> RedeployState {
    for () in looks() {
        let state = app.ledger().get(id).await.unwrap().unwrap().state;
        if state.is_end() {
            return state;
        }
        app.let_pass(time::Duration::seconds(1)).await;
    }
    panic!("never ended: {:?}", app.ledger().get(id).await);
}

#[tokio::test]
async fn killed_between_ledger_and_send_it_is_sent_after_the_restart_though_nobody_comes_back() {
    let mut app = with_quick_deploys().await;
    app.crash();
    let person = app.world().main_person().unwrap();
    let token = app
        .world()
        .issue_token(&person.email, &[Scope::Public, Scope::Redeploy])
        .unwrap();
    let uid = app.quiet_stack("staging");
    let id = OperationId::from(77);
    let new = NewRedeploy {
        id,
        command: Command::Redeploy,
        stack: uid.parse().unwrap(),
        stack_name: "written before the crash".into(),
        environment: "staging".into(),
        asked_by: app.main_person_id(),
        asked_by_name: person.name,
        options: RedeployOptions::default(),
        before: Before::default(),
        token: AccessToken::new(token),
        batch: None,
        form_made_at: app.clock.clock().now(),
    };
    let store = app.store().await;
    store.ledger().request(new).await.unwrap();
    store.close().await;
    app.restart().await;
    assert_eq!(end(&app, id).await, RedeployState::Succeeded);
    assert_eq!(app.world().journal().count("redeploy"), 1);
}

#[tokio::test]
async fn killed_between_send_and_answer_it_is_looked_up_and_not_sent_again() {
    for (fault, expected) in [
        ("redeploy=no-answer-after;count=1", RedeployState::Succeeded),
        ("redeploy=no-answer-before;count=1", RedeployState::Lost),
    ] {
        let mut app = TestApp::with().quick_deploys().impatient().start().await;
        let browser = app.signed_in().await;
        app.world().add_fault(fault.parse().unwrap());
        let asked = confirm(&browser, &app.quiet_stack("staging")).await;
        let receipt = browser.submit(&asked, "Redeploy staging").await;
        sent(&app, 1).await;
        app.crash();
        app.restart().await;
        let row = app.ledger().get(id_of(&receipt)).await.unwrap().unwrap();
        assert_eq!(row.state, RedeployState::Sending, "its lease has not ended");
        app.clock.advance(time::Duration::seconds(61));
        if expected == RedeployState::Lost {
            until(&browser, &receipt, &["No answer yet"]).await;
            app.clock.advance(time::Duration::minutes(16));
        }
        assert_eq!(end(&app, row.id).await, expected, "{fault}");
        assert_eq!(app.world().journal().count("redeploy"), 1, "{fault}");
    }
}

#[tokio::test]
async fn killed_while_following_it_is_followed_to_its_end() {
    let mut app = TestApp::with().long_deploys().start().await;
    let browser = app.signed_in().await;
    let asked = confirm(&browser, &app.quiet_stack("staging")).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    app.deploys_begin();
    app.clock.advance(time::Duration::seconds(6));
    until(&browser, &receipt, &["Cloud 66 is at work on it."]).await;
    app.crash();
    app.deploys_end();
    app.restart().await;
    app.clock.advance(time::Duration::seconds(60));
    assert_eq!(end(&app, id_of(&receipt)).await, RedeployState::Succeeded);
    assert_eq!(app.world().journal().count("redeploy"), 1);
    assert_eq!(
        app.ledger().token_of(id_of(&receipt)).await.unwrap().map(|_| ()),
        None
    );
}

#[tokio::test]
async fn stopping_waits_for_what_is_on_its_way_and_leaves_it_unknown() {
    for (fault, expected) in [
        ("redeploy=delay:1;count=1", RedeployState::Accepted),
        ("redeploy=no-answer-after;count=1", RedeployState::Unknown),
    ] {
        let mut app = TestApp::with().quick_deploys().impatient().start().await;
        let browser = app.signed_in().await;
        app.world().add_fault(fault.parse().unwrap());
        let asked = confirm(&browser, &app.quiet_stack("staging")).await;
        let receipt = browser.submit(&asked, "Redeploy staging").await;
        for () in looks() {
            let row = app.ledger().get(id_of(&receipt)).await.unwrap().unwrap();
            if row.state == RedeployState::Sending {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        app.stop().await;
        let store = app.store().await;
        let row = store.ledger().get(id_of(&receipt)).await.unwrap().unwrap();
        assert_eq!(row.state, expected, "{fault}");
        store.close().await;
        app.restart().await;
        assert_eq!(end(&app, row.id).await, RedeployState::Succeeded, "{fault}");
        assert_eq!(app.world().journal().count("redeploy"), 1, "{fault}");
    }
}

#[tokio::test]
async fn signing_out_right_after_the_click_loses_nothing() {
    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    app.world()
        .add_fault("redeploy=delay:0.5;count=1".parse().unwrap());
    let asked = confirm(&browser, &app.quiet_stack("staging")).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    browser.submit(&receipt, "Sign out").await;
    assert_eq!(end(&app, id_of(&receipt)).await, RedeployState::Succeeded);
    assert_eq!(
        app.ledger().token_of(id_of(&receipt)).await.unwrap().map(|_| ()),
        None
    );
}

#[tokio::test]
async fn a_revoked_token_leaves_it_unknown_until_the_next_sign_in() {
    let app = TestApp::with().quick_deploys().impatient().start().await;
    let browser = app.signed_in().await;
    app.world()
        .add_fault("redeploy=no-answer-after;count=1".parse().unwrap());
    let asked = confirm(&browser, &app.quiet_stack("staging")).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    sent(&app, 1).await;
    app.world().revoke_all_tokens();
    until(&browser, &receipt, &["No answer yet"]).await;
    app.clock.advance(time::Duration::minutes(20));
    let asked = app.world().journal().count("actions");
    for () in looks() {
        if app.world().journal().count("actions") > asked {
            break;
        }
        app.let_pass(time::Duration::seconds(1)).await;
    }
    assert!(
        app.world().journal().count("actions") > asked,
        "it is asked for again"
    );
    let row = app.ledger().get(id_of(&receipt)).await.unwrap().unwrap();
    assert_eq!(
        row.state,
        RedeployState::Unknown,
        "nobody has said that there is no record of it"
    );
    let again = app.browser();
    again.sign_in(&app.main_person()).await;
    assert_eq!(end(&app, row.id).await, RedeployState::Succeeded);
}

#[tokio::test]
async fn a_hundred_browsers_that_leave_at_once_lose_no_click() {
    use tokio::io::AsyncWriteExt as _;

    let app = with_quick_deploys().await;
    let browser = app.signed_in().await;
    let stacks: Vec<String> = app.stacks().into_iter().map(|stack| stack.uid).collect();
    let page = app.url.parse::<url::Url>().unwrap();
    let address = format!("127.0.0.1:{}", page.port().unwrap());
    let mut asked = 0;
    for uid in &stacks {
        let form = confirm(&browser, uid).await.form("Redeploy");
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&form.fields)
            .finish();
        let request = format!(
            "POST /stacks/{uid}/redeploy HTTP/1.1\r\nHost: localhost:{}\r\nCookie: {}\r\nOrigin: {}\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            page.port().unwrap(),
            browser.cookies(),
            app.url,
            body.len()
        );
        let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        // The worst moment: everything was sent, and nobody waits for anything.
        drop(connection);
        asked += 1;
    }
    for () in looks() {
        if app.world().journal().count("redeploy") >= asked {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(app.world().journal().count("redeploy"), asked);
}
