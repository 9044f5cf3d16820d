//! The pieces that go to an open page, by what they tell.

use time::Duration;

use super::world::{self, HOSTILE, NOW, production};
use crate::app::show_stack::HistoryKnown;
use crate::domain::{Command, OperationId, Outcome, RedeployState, Stack, Status, Verdict};
use crate::web::pages::banner::Banner;
use crate::web::pages::chips::ListLive;
use crate::web::pages::frame::Html;
use crate::web::pages::live::{Answer, LiveFreshness, LiveNote};
use crate::web::pages::notes::Notice;
use crate::web::pages::receipt::{ReceiptInput, ReceiptLive};
use crate::web::pages::row::{Rights, RowInput, RowParts, Slot};
use crate::web::pages::stack::{StackInput, StackLive};

/// A name and the markup of each, below this path prefix.
pub fn pieces(prefix: &str) -> Result<Vec<(&'static str, Html)>, askama::Error> {
    let frame = world::frame(prefix);
    let (urls, cloud66) = (&frame.urls, &frame.cloud66);
    let fleet = world::fleet();
    let staging = Stack {
        status: Status::Deploying,
        busy: true,
        ..world::stack(1, "checkout", "staging")
    };
    let version = world::version(Some(Outcome::Pending));
    let history = world::history(Some(Outcome::Pending));
    let row = |stack| {
        RowParts::new(
            urls,
            cloud66,
            &RowInput {
                stack,
                version: Some(&version),
                verdict: Verdict::Deploying,
                production: production(stack),
                slot: Slot::of(Rights::Redeploy, false, Verdict::Deploying, None),
                pinned: false,
                show_account: true,
                now: NOW,
            },
        )
    };
    let asked = Notice::Asked {
        stack: "checkout staging".into(),
        id: OperationId::from(7),
    };
    let refused = Notice::Refused {
        stack: HOSTILE.into(),
        id: OperationId::from(8),
        words: HOSTILE.into(),
    };
    let input = StackInput {
        stack: &staging,
        history: Some(&history),
        history_known: HistoryKnown::Now,
        version: Some(&version),
        verdict: Verdict::Deploying,
        production: false,
        slot: Slot::of(Rights::Redeploy, false, Verdict::Deploying, None),
        refused_at: None,
        open: None,
        pinned: false,
        siblings: Vec::new(),
        commands: &Command::ALL,
        old_api: false,
        known_at: NOW,
    };
    let redeploy = world::redeploy(RedeployState::Succeeded);
    let receipt = ReceiptInput {
        redeploy: &redeploy,
        production: true,
        old_api: false,
        silent: false,
        known_at: None,
        address: "https://deck.harbour.example/redeploys/7",
    };
    let stale = Banner::Stale {
        known_at: NOW - Duration::minutes(4),
    };
    let answer = Answer::new(urls, &asked, row(&staging), "c3JmLXRva2Vu", "bmV4dA");
    Ok(vec![
        ("answer", Html::of(&answer)?),
        ("row", row(&staging).html()?),
        ("row-hostile", row(&world::hostile()).html()?),
        ("note", LiveNote::html(urls, &refused)?),
        ("fresh", LiveFreshness::html(urls, Some(NOW), NOW, (None, None))?),
        (
            "stale",
            LiveFreshness::html(urls, Some(NOW), NOW, (Some(&stale), Some(HOSTILE)))?,
        ),
        ("list", ListLive::html(urls, &fleet, production)?),
        ("stack", StackLive::html(&frame, &input)?),
        ("receipt", ReceiptLive::html(&frame, &receipt)?),
    ])
}
