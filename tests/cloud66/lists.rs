//! Lists in pages.

use std::sync::Arc;

use stackdeck::cloud66::Error;
use stackdeck::domain::{OperationId, StackUid};
use tokio::sync::Barrier;

use super::fake::{Fake, Seen, json};

fn stack(number: u32) -> String {
    format!(r#"{{"uid":"{number:032x}","name":"stack {number}","status":1,"health":3}}"#)
}

/// A page of stacks that says there are `pages`.
fn page(stacks: &[u32], pages: u64) -> String {
    let stacks: Vec<String> = stacks.iter().map(|number| stack(*number)).collect();
    format!(
        r#"{{"response":[{}],"count":{},"pagination":{{"previous":null,"next":null,"pages":{pages}}}}}"#,
        stacks.join(","),
        stacks.len()
    )
}

fn numbers(listing: &stackdeck::cloud66::Listing) -> Vec<String> {
    listing
        .stacks
        .iter()
        .map(|stack| stack.name.replace("stack ", ""))
        .collect()
}

#[tokio::test]
async fn all_later_pages_are_asked_for_before_any_of_them_is_answered() {
    let all_here = Arc::new(Barrier::new(7));
    let fake = Fake::start_slow(move |seen: Seen, _| {
        let all_here = all_here.clone();
        async move {
            if seen.page() > 1 {
                all_here.wait().await;
            }
            json(200, page(&[seen.page()], 8))
        }
    })
    .await;
    let listing = fake.api().stacks().await.unwrap();
    assert_eq!(numbers(&listing), ["1", "2", "3", "4", "5", "6", "7", "8"]);
    assert!(!listing.incomplete);
    assert_eq!(fake.seen().len(), 8);
}

#[tokio::test]
async fn one_page_is_one_request() {
    let fake = Fake::start(|seen, _| {
        assert_eq!(seen.path, "/api/3/stacks.json");
        json(200, page(&[1, 2], 1))
    })
    .await;
    assert_eq!(numbers(&fake.api().stacks().await.unwrap()), ["1", "2"]);
    assert_eq!(fake.only().page(), 1);
}

/// Case U23.
#[tokio::test]
async fn a_bad_row_costs_only_itself() {
    let rows = [
        stack(1),
        "null".into(),
        r#"{"uid":"../../etc","name":"climber"}"#.into(),
        r#"{"name":"twice","name":"twice","uid":"0"}"#.into(),
        r#"{"uid":"00000000000000000000000000000002","name":null,"status":null,"health":"?","is_busy":[]}"#
            .into(),
        stack(3),
    ];
    let body = format!(r#"{{"response":[{}]}}"#, rows.join(","));
    let fake = Fake::start(move |_, _| json(200, body.clone())).await;
    let listing = fake.api().stacks().await.unwrap();
    assert_eq!(numbers(&listing), ["1", "(no name)", "3"]);
    assert_eq!(listing.unreadable, ["(no name)", "climber", "(no name)"]);
    assert!(!listing.incomplete);
}

#[tokio::test]
async fn a_stack_that_moved_to_the_next_page_is_there_once() {
    let fake = Fake::start(|seen, _| {
        json(
            200,
            if seen.page() == 1 {
                page(&[1, 2], 2)
            } else {
                page(&[2, 3], 2)
            },
        )
    })
    .await;
    assert_eq!(numbers(&fake.api().stacks().await.unwrap()), ["1", "2", "3"]);
}

#[tokio::test]
async fn an_empty_page_ends_a_list_that_claims_to_be_longer() {
    let fake = Fake::start(|seen, _| {
        json(
            200,
            if seen.page() < 3 {
                page(&[seen.page()], 1_000_000)
            } else {
                page(&[], 1_000_000)
            },
        )
    })
    .await;
    let listing = fake.api().stacks().await.unwrap();
    assert_eq!(numbers(&listing), ["1", "2"]);
    assert!(fake.seen().len() <= 1 + 99, "{}", fake.seen().len());
}

/// Case U16.
#[tokio::test]
async fn a_list_without_end_is_cut_and_says_so() {
    let fake = Fake::start(|seen, _| json(200, page(&[seen.page()], u64::MAX / 4))).await;
    let listing = fake.api().stacks().await.unwrap();
    assert_eq!((listing.stacks.len(), listing.incomplete), (400, true));
    assert_eq!(fake.seen().len(), 400);
}

#[tokio::test]
async fn a_page_that_knows_of_later_ones_extends_the_list() {
    let fake = Fake::start(|seen, _| {
        let next = if seen.page() < 4 {
            (seen.page() + 1).to_string()
        } else {
            "null".into()
        };
        json(
            200,
            format!(
                r#"{{"response":[{}],"pagination":{{"next":{next}}}}}"#,
                stack(seen.page())
            ),
        )
    })
    .await;
    let listing = fake.api().stacks().await.unwrap();
    assert_eq!((numbers(&listing).len(), listing.incomplete), (4, false));
}

/// Case U04.
#[tokio::test]
async fn a_later_page_that_fails_leaves_the_list_incomplete() {
    for (status, body) in [
        (500, ""),
        (404, ""),
        (200, "<html>"),
        (503, r#"{"error":"throttled"}"#),
    ] {
        let fake = Fake::start(move |seen, _| {
            if seen.page() == 2 {
                json(status, body)
            } else {
                json(200, page(&[seen.page()], 3))
            }
        })
        .await;
        let listing = fake.api().stacks().await.unwrap();
        assert!(listing.incomplete, "{status}");
        assert_eq!(numbers(&listing)[0], "1", "{status}");
    }
}

#[tokio::test]
async fn a_first_page_that_fails_and_a_refused_token_are_failures() {
    let fake = Fake::start(|_, _| json(404, "")).await;
    assert_eq!(fake.api().stacks().await, Err(Error::Gone));
    let fake = Fake::start(|seen, _| {
        if seen.page() == 3 {
            json(401, "")
        } else {
            json(200, page(&[seen.page()], 4))
        }
    })
    .await;
    assert_eq!(fake.api().stacks().await, Err(Error::SignedOut));
}

fn action(id: u32, reference: &str) -> String {
    format!(
        r#"{{"id":{id},"action":"application_deployment","metadata":{{"user_reference":"{reference}"}}}}"#
    )
}

async fn look_up(pages: Vec<String>) -> Result<Option<i64>, Error> {
    let count = pages.len();
    let fake = Fake::start(move |seen, _| {
        assert_eq!(seen.path, format!("/api/3/stacks/{:032x}/actions.json", 7));
        assert_eq!(seen.query["user_reference"], format!("{:032x}", 0xab));
        let number = usize::try_from(seen.page()).unwrap();
        match pages[number - 1].as_str() {
            "fails" => json(500, ""),
            rows => json(
                200,
                format!(r#"{{"response":[{rows}],"pagination":{{"pages":{count}}}}}"#),
            ),
        }
    })
    .await;
    let found = fake
        .api()
        .action_by_reference(StackUid::from(7), OperationId::from(0xab))
        .await;
    found.map(|found| found.map(|action| action.id.0))
}

/// Case E19.
#[tokio::test]
async fn an_action_is_found_by_its_exact_reference() {
    let ours = action(5, &format!("{:032x}", 0xab));
    let longer = action(6, &format!("{:032x}0", 0xab));
    assert_eq!(look_up(vec![ours.clone()]).await, Ok(Some(5)));
    assert_eq!(look_up(vec![String::new()]).await, Ok(None));
    // The filter is ignored: everything comes, and only the exact one counts.
    assert_eq!(
        look_up(vec![format!("{longer},{}", action(7, "x")), ours.clone()]).await,
        Ok(Some(5))
    );
    assert_eq!(look_up(vec![longer.clone(), action(7, "x")]).await, Ok(None));
    // What is found on the first page needs no other.
    assert_eq!(look_up(vec![ours.clone(), "fails".into()]).await, Ok(Some(5)));
}

#[tokio::test]
async fn no_record_is_claimed_only_when_everything_was_read() {
    let other = action(7, "x");
    assert_eq!(
        look_up(vec![other.clone(), "fails".into()]).await,
        Err(Error::Down)
    );
    assert_eq!(
        look_up(vec![format!("{other},null")]).await,
        Err(Error::Unreadable)
    );
    // A server from before 2023 knows no references.
    assert_eq!(
        look_up(vec![r#"{"id":7,"action":"restart"}"#.into()]).await,
        Err(Error::NotImplemented)
    );
}

/// Case E76.
#[tokio::test]
async fn an_empty_page_in_the_middle_leaves_the_list_incomplete() {
    let fake = Fake::start(|seen, _| {
        json(
            200,
            if seen.page() == 2 {
                page(&[], 3)
            } else {
                page(&[seen.page()], 3)
            },
        )
    })
    .await;
    let listing = fake.api().stacks().await.unwrap();
    assert_eq!(
        (numbers(&listing), listing.incomplete),
        (vec!["1".to_owned(), "3".to_owned()], true)
    );
}
