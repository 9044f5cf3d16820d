//! Settings that were tightened hold for sessions that began before; and what a person can pile up has bounds, which
//! are said.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Cases, TestApp, confirm};

#[tokio::test]
async fn an_account_that_is_no_longer_listed_is_signed_out() {
    let cases = Cases::of("tightened", "accounts");
    let case = cases.case("C85");
    let mut app = TestApp::start().await;
    let browser = app.signed_in().await;
    let own = app.world().main_person().unwrap().primary_account;
    app.change("STACKDECK_ACCOUNTS", &format!("999999,{own}"));
    app.restart().await;
    let settings = browser.get("/settings").await;
    case.same(settings.status, StatusCode::OK, "listed: stays signed in");
    let form = confirm(&browser, &app.quiet_stack("staging"))
        .await
        .form("Redeploy staging");
    app.change("STACKDECK_ACCOUNTS", "999999");
    app.restart().await;
    let refused = browser.send_once(&form).await;
    case.same(refused.status, StatusCode::FORBIDDEN, "a form from before");
    case.check(
        refused.text().contains("This account may not sign in here"),
        refused.text(),
    );
    case.same(app.world().journal().count("redeploy"), 0, "nothing was sent");
    case.same(
        app.number("SELECT count(*) FROM sessions").await,
        0,
        "the session has ended",
    );
    let home = browser.get("/").await;
    case.check(!home.body.contains("/sign-out"), "signed out");
    case.same(home.status, StatusCode::OK, "and the first page is there");
}

#[tokio::test]
async fn a_shorter_lifetime_ends_sessions_that_began_under_a_longer_one() {
    let cases = Cases::of("tightened", "lifetime");
    let case = cases.case("C86");
    let mut app = TestApp::with()
        .setting("STACKDECK_SESSION_IDLE", "30d")
        .setting("STACKDECK_SESSION_LIFETIME", "30d")
        .start()
        .await;
    let (old, young) = (app.signed_in().await, app.browser());
    app.clock.advance(Duration::days(2));
    young.sign_in(&app.main_person()).await;
    let both = old.get("/settings").await;
    case.same(both.status, StatusCode::OK, "under the long lifetime");
    app.change("STACKDECK_SESSION_IDLE", "1d");
    app.change("STACKDECK_SESSION_LIFETIME", "1d");
    app.restart().await;
    let home = old.get("/").await;
    case.check(!home.body.contains("/sign-out"), "two days old: ended");
    let settings = young.get("/settings").await;
    case.check(settings.body.contains("/sign-out"), "a young one goes on");
    case.same(
        settings.texts("section[aria-labelledby=h-sessions] li").len(),
        1,
        "and does not list the other",
    );
    app.app().store().sessions().sweep().await.unwrap();
    case.same(
        app.number("SELECT count(*) FROM sessions").await,
        1,
        "the sweep deletes what has ended",
    );
}

#[tokio::test]
async fn a_sign_in_that_may_no_longer_redeploy_only_looks() {
    let cases = Cases::of("tightened", "scopes");
    let case = cases.case("C87");
    let mut app = TestApp::start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("staging");
    let form = confirm(&browser, &uid).await.form("Redeploy staging");
    app.change("CLOUD66_SCOPES", "public");
    app.restart().await;
    let refused = browser.send_once(&form).await;
    case.same(refused.status, StatusCode::FORBIDDEN, refused.text());
    case.same(app.world().journal().count("redeploy"), 0, "nothing was sent");
    let list = browser.get("/").await;
    case.same(list.status, StatusCode::OK, "looking goes on");
}

#[tokio::test]
async fn messages_for_the_next_page_are_bounded_and_the_page_says_so() {
    let cases = Cases::of("tightened", "messages");
    let case = cases.case("C88");
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let stacks = app.stacks();
    for stack in &stacks {
        app.world()
            .set_name(&stack.uid, &format!("{}{}", stack.name, "n".repeat(1_500)));
    }
    app.clock.advance(Duration::minutes(3));
    let list = browser.get("/").await;
    let csrf = list.form("Sign out");
    for stack in stacks.iter().take(30) {
        case.input();
        let mut form = csrf.clone();
        form.action = browser.address(&format!("/stacks/{}/pin", stack.uid));
        browser.send_once(&form).await;
    }
    let size = app.number("SELECT max(length(sealed)) FROM sessions").await;
    case.check(size < 10_000, format!("{size} bytes of session"));
    let page = browser.get("/settings").await;
    let shown = "#polite .note, #alert .note";
    let notes = page.texts(shown);
    case.check(notes.len() <= 9, format!("{} messages", notes.len()));
    case.check(
        notes
            .iter()
            .any(|note| note.contains("earlier messages were not kept")),
        format!("{notes:?}"),
    );
    let again = browser.get("/settings").await;
    case.same(again.texts(shown).len(), 0, "said once");
}

#[tokio::test]
async fn a_search_of_too_many_words_says_what_was_left_out() {
    let cases = Cases::of("tightened", "search");
    let case = cases.case("V85");
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let many = vec!["a"; 100].join("+");
    let long = "a".repeat(201);
    let cut = "Only the first 10 words, and 200 characters, of a search are looked for.";
    for page in ["/", "/search"] {
        for q in [many.as_str(), long.as_str()] {
            case.input();
            let found = browser.get(&format!("{page}?q={q}")).await;
            case.check(found.text().contains(cut), format!("{page}: {}", found.text()));
        }
        let whole = browser.get(&format!("{page}?q=a+b+c+d+e+f+g+h+i+j")).await;
        case.check(
            !whole.text().contains(cut),
            format!("{page}: ten words are few enough"),
        );
    }
}
