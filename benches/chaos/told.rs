//! What people are told: each receipt, opened at the end by the person whose it is, and read as a person reads it.

use std::collections::HashMap;

use crate::Fallible;
use crate::books::Line;
use crate::browser::Page;
use crate::judge::{Row, Said};
use crate::person::Person;

/// How often a receipt is asked for before the run gives up.
const TRIES: u32 = 50;

/// How many receipts are read at a time by one person.
const AT_ONCE: usize = 8;

/// Every row with what its receipt says.
pub(crate) async fn rows(lines: &[Line], people: &[Person<'_>]) -> Fallible<Vec<Row>> {
    let mut readers: HashMap<i64, &Person<'_>> = HashMap::new();
    for person in people {
        let id = person.crowd.world.person(&person.email).map(|person| person.id);
        if let Some(id) = id.and_then(|id| i64::try_from(id).ok()) {
            readers.insert(id, person);
        }
    }
    let mut rows = Vec::with_capacity(lines.len());
    for some in lines.chunks(AT_ONCE) {
        let read = some.iter().map(|line| async {
            let person = readers.get(&line.asked_by).ok_or("a row of nobody in this run")?;
            row(line, person).await
        });
        rows.extend(futures_util::future::try_join_all(read).await?);
    }
    Ok(rows)
}

async fn row(line: &Line, person: &Person<'_>) -> Fallible<Row> {
    let path = format!("/redeploys/{}", line.id);
    for _ in 0..TRIES {
        let page = match person.page(&path).await {
            Ok(page) if page.status < 500 => page,
            _ => {
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                continue;
            }
        };
        if page.status != 200 {
            return Err(format!("the receipt of {} is answered with {}", line.id, page.status).into());
        }
        let deployment = page.facts().get("Deployment").and_then(|id| id.parse().ok());
        return Ok(Row {
            id: line.id.clone(),
            said: said(line, &page)?,
            deployment,
            open: line.open,
            holds_token: line.ended && line.holds_token,
        });
    }
    Err(format!("the receipt of {} is not answered", line.id).into())
}

/// What the headline claims. One that is not known here ends the run: a new sentence has to be judged as well.
fn said(line: &Line, page: &Page) -> Fallible<Said> {
    let headline = page.text(".outcome .verdict").unwrap_or_default();
    Ok(match headline.as_str() {
        "Deployed" => Said::Succeeded,
        "Deploy failed" => Said::Failed,
        "Cancelled" => Said::Cancelled,
        "Refused" | "Not sent" | "No record of it" => Said::NothingDone,
        "Not known" | "Ended, result not known" | "Ended, result not given" => Said::NotKnown,
        // Given up: the receipt says that no more is known.
        "Accepted" | "Queued" | "Deploying" | "Cancelling" if !line.open => Said::NotKnown,
        "Asked" | "Not sent yet" | "Sending" | "No answer" | "No answer yet" | "Accepted" | "Queued"
        | "Deploying" | "Cancelling" => Said::Open,
        other => {
            return Err(
                format!("a receipt says \u{201c}{other}\u{201d}, which this run cannot judge").into(),
            );
        }
    })
}
