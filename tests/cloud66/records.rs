//! "No record of it" is a claim: what has to have been read before it may be made.

use stackdeck::cloud66::{Error, Record};
use stackdeck::domain::{Command, OperationId, StackUid};
use time::macros::datetime;

use super::fake::{Fake, json};

const OURS: &str = "000000000000000000000000000000ab";

/// An action with this metadata, asked for at this minute past ten; the request was sent at 10:30.
fn action(id: u32, minute: u32, metadata: &str) -> String {
    format!(
        r#"{{"id":{id},"action":"application_deployment","started_at":"2026-03-04T10:{minute:02}:00Z"{metadata}}}"#
    )
}

fn named(name: &str) -> String {
    format!(r#","metadata":{{"user_reference":"{name}"}}"#)
}

/// What is said of these pages. The filter finds what carries the name in the documented form, where `filters`.
async fn record(pages: Vec<Vec<String>>, filters: bool) -> Result<Record, Error> {
    let count = pages.len();
    let fake = Fake::start(move |seen, _| {
        let (mut rows, mut count) = (pages[usize::try_from(seen.page()).unwrap() - 1].clone(), count);
        if let Some(name) = seen.query.get("user_reference") {
            rows = pages.concat();
            rows.retain(|row| filters && row.contains(&named(name)));
            count = 1;
        }
        json(
            200,
            format!(
                r#"{{"response":[{}],"pagination":{{"pages":{count}}}}}"#,
                rows.join(",")
            ),
        )
    })
    .await;
    let id: OperationId = OURS.parse().unwrap();
    let since = datetime!(2026-03-04 10:30 UTC);
    fake.api()
        .record_of(StackUid::from(7), id, Command::Redeploy, since)
        .await
}

/// Case E19.
#[tokio::test]
async fn it_is_found_by_its_exact_name_alone() {
    let ours = action(9, 31, &named(OURS));
    let longer = action(8, 31, &named(&format!("{OURS}0")));
    for pages in [
        vec![vec![ours.clone()]],
        vec![vec![longer.clone(), ours.clone()]],
        vec![vec![longer.clone()], vec![ours]],
    ] {
        let Ok(Record::Found(found)) = record(pages, true).await else {
            panic!("not found");
        };
        assert_eq!(found.id.0, 9);
    }
    assert_eq!(record(vec![vec![longer]], true).await, Ok(Record::Absent));
}

/// Case E75.
#[tokio::test]
async fn what_was_asked_for_since_and_carries_no_name_that_can_be_read_may_be_it() {
    let other = action(9, 31, &named("of somebody else"));
    let text = format!(r#","metadata":"{{\"user_reference\":\"{OURS}\"}}""#);
    let list = format!(r#","metadata":[{{"user_reference":"{OURS}"}}]"#);
    for metadata in [
        "",
        r#","metadata":null"#,
        r#","metadata":{}"#,
        r#","metadata":{"user_reference":null}"#,
        text.as_str(),
        list.as_str(),
    ] {
        let rows = vec![other.clone(), action(8, 30, metadata)];
        assert_eq!(record(vec![rows], true).await, Ok(Record::Unclear), "{metadata}");
        // Before the request was sent, it is somebody else's.
        let rows = vec![other.clone(), action(8, 29, metadata)];
        assert_eq!(record(vec![rows], true).await, Ok(Record::Absent), "{metadata}");
    }
    // No action of this server shows the documented form at all.
    for metadata in ["", text.as_str(), list.as_str()] {
        let rows = vec![action(8, 31, metadata)];
        assert_eq!(record(vec![rows], false).await, Ok(Record::NoNames), "{metadata}");
    }
    let restart = r#"{"id":8,"action":"restart","started_at":"2026-03-04T10:31:00Z","metadata":{}}"#;
    assert_eq!(
        record(vec![vec![restart.to_owned()]], true).await,
        Ok(Record::Absent)
    );
    assert_eq!(record(vec![vec![]], true).await, Ok(Record::Absent));
}

/// Case E76.
#[tokio::test]
async fn a_list_with_a_hole_is_not_whole() {
    let others = |from: u32| {
        (0..3)
            .map(|n| action(from - n, 40, &named("x")))
            .collect::<Vec<_>>()
    };
    let ours = || vec![action(5, 31, &named(OURS))];
    let unclear = |pages| async { record(pages, false).await };
    // An empty page in the middle, at the end, and as the first one; a row that cannot be read.
    for pages in [
        vec![others(20), vec![], others(10)],
        vec![others(20), vec![]],
        vec![vec![], others(20)],
        vec![vec!["null".to_owned()]],
    ] {
        assert_eq!(unclear(pages.clone()).await, Err(Error::Unreadable), "{pages:?}");
    }
    // What comes after the hole is found.
    let found = unclear(vec![others(20), vec![], ours()]).await;
    assert!(matches!(found, Ok(Record::Found(_))), "{found:?}");
}

#[tokio::test]
async fn the_first_page_is_enough_only_where_it_goes_back_to_before_the_request() {
    let page = |rows: &[(u32, u32)]| -> Vec<String> {
        rows.iter()
            .map(|(id, minute)| action(*id, *minute, &named("x")))
            .collect()
    };
    let hidden = vec![action(1, 31, &named(OURS))];
    // Newest first, and the last one is older: nothing on later pages can be it.
    let whole = vec![page(&[(9, 40), (8, 20)]), hidden.clone()];
    assert_eq!(record(whole, false).await, Ok(Record::Absent));
    // Oldest first: the later pages are read.
    let other_order = vec![page(&[(8, 20), (9, 29)]), hidden];
    assert!(matches!(record(other_order, false).await, Ok(Record::Found(_))));
}
