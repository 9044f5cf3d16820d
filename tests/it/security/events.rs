//! A03, N16, V03: whose events a stream carries, how many streams there may be, and text that looks like an event.
//! What else is proven of streams stands in `tests/it/events.rs`, `csrf.rs` and `metrics.rs`.

use std::collections::HashSet;

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Cases, PATIENCE, Stream, TestApp, confirm};

/// A little longer than the list's pace.
const A_TURN: Duration = Duration::seconds(21);

/// All that comes up to and with an event that holds these words.
async fn read_until(stream: &mut Stream, words: &str) -> String {
    let mut read = String::new();
    let reading = async {
        while let Some(event) = stream.next_event().await {
            assert_ne!(event.name, "reload", "it kept up");
            read += &event.data;
            if event.data.contains(words) {
                return true;
            }
        }
        false
    };
    let found = tokio::time::timeout(PATIENCE, reading).await;
    assert_eq!(found, Ok(true), "never {words:?}");
    read
}

/// A03: two people, each with an open list, and a thousand changes of stacks of which one person sees none.
#[tokio::test]
async fn nobody_sees_anybody_elses_events() {
    let cases = Cases::of("events", "whose");
    let case = cases.case("A03");
    let app = TestApp::start().await;
    let (ana, ben) = (app.signed_in().await, app.browser());
    let other = app.other_person();
    ben.sign_in(&other).await;
    let bens: HashSet<String> = app
        .world()
        .visible_to(&other)
        .into_iter()
        .map(|stack| stack.uid)
        .collect();
    let anas: Vec<String> = app
        .stacks()
        .into_iter()
        .map(|stack| stack.uid)
        .filter(|uid| !bens.contains(uid))
        .collect();
    let theirs = bens.iter().next().unwrap();
    case.check(anas.len() >= 5, format!("{} stacks of hers alone", anas.len()));
    let mut list = ana.follow(&ana.get("/").await).await;
    let mut his = ben.follow(&ben.get("/").await).await;
    let turns = 1_000_usize.div_ceil(anas.len());
    let (mut of_ana, mut of_ben) = (String::new(), String::new());
    for turn in 0..turns {
        for uid in &anas {
            app.world().set_name(uid, &format!("anas-{turn}-end"));
        }
        app.pass(A_TURN).await;
        of_ana += &read_until(&mut list, &format!("anas-{turn}-end")).await;
        // After hers, so that what had strayed would lie before it.
        app.world().set_name(theirs, &format!("bens-{turn}-end"));
        app.pass(A_TURN).await;
        of_ben += &read_until(&mut his, &format!("bens-{turn}-end")).await;
    }
    // What is told of redeploys is not about a list, but about a person.
    let uid = app.quiet_stack("staging");
    let receipt = ana.submit(&confirm(&ana, &uid).await, "Redeploy staging").await;
    let receipt = receipt.url.path().to_owned();
    of_ana += &read_until(&mut list, "redeploy accepted").await;
    app.world().set_name(theirs, "bens-last-end");
    app.pass(A_TURN).await;
    of_ben += &read_until(&mut his, "bens-last-end").await;

    for uid in &anas {
        case.check(of_ana.contains(uid), format!("hers has {uid}"));
        case.check(!of_ben.contains(uid), format!("his has {uid} of hers"));
    }
    for words in ["anas-", receipt.as_str(), "redeploy accepted"] {
        case.check(of_ana.contains(words), format!("hers has {words}"));
        case.check(!of_ben.contains(words), format!("his has {words} of hers"));
    }
}

/// N16: a person has room for five browsers' streams; what is beyond is refused, and pages go on.
#[tokio::test]
async fn a_persons_twenty_first_stream_is_refused() {
    let cases = Cases::of("events", "places");
    let case = cases.case("N16");
    let app = TestApp::start().await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let browser = app.signed_in().await;
        for _ in 0..4 {
            let stream = browser.follow_path("/events?view=stacks").await;
            case.same(stream.status, StatusCode::OK, "one of twenty");
            streams.push(stream);
        }
    }
    let sixth = app.signed_in().await;
    let refused = sixth.follow_path("/events?view=stacks").await;
    case.same(refused.status, StatusCode::TOO_MANY_REQUESTS, "the 21st");
    case.check(
        refused.headers.contains_key("retry-after"),
        "and when to come again",
    );
    case.same(sixth.get("/").await.status, StatusCode::OK, "pages still load");
    let other = app.browser();
    other.sign_in(&app.other_person()).await;
    let stream = other.follow_path("/events?view=stacks").await;
    case.same(stream.status, StatusCode::OK, "somebody else has their own");
    let uid = app.quiet_stack("production");
    app.world().set_name(&uid, "still-told-end");
    app.pass(A_TURN).await;
    for stream in &mut streams {
        read_until(stream, "still-told-end").await;
    }
}

/// V03: a name that is written like an event.
#[tokio::test]
async fn a_name_cannot_add_an_event() {
    let cases = Cases::of("events", "text");
    let case = cases.case("V03");
    let app = TestApp::start().await;
    let browser = app.signed_in().await;
    let uid = app.quiet_stack("production");
    let mut stream = browser.follow(&browser.whole_list().await).await;
    for (number, end) in ["\n", "\r", "\r\n", "\u{2028}"].into_iter().enumerate() {
        case.input();
        let mark = format!("mark-{number}-end");
        app.world().set_name(
            &uid,
            &format!("a{end}{end}event: x{end}data: y{end}id: 9.9{end}{end}{mark}"),
        );
        app.pass(A_TURN).await;
        loop {
            let event = stream.next_event().await.unwrap();
            case.same(event.name.as_str(), "rows", format!("{end:?} begins no event"));
            case.check(!event.id.ends_with(".9.9") && event.id != "9.9", "nor another id");
            if event.data.contains(&mark) {
                let whole =
                    event.data.contains(&format!("id=\"act-{uid}\"")) && event.data.contains("event: x");
                case.check(
                    whole,
                    format!("{end:?}: the name stands in one event: {}", event.data),
                );
                break;
            }
        }
    }
}
