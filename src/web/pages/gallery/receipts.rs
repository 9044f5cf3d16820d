//! Receipts, one and many.

use time::Duration;

use super::Sample;
use super::world::{self, HOSTILE, NOW};
use crate::domain::{Command, OperationId, Reason, Redeploy, RedeployState, UserId};
use crate::web::pages::bulk::{BatchPage, LeftOut};
use crate::web::pages::receipt::{ReceiptInput, ReceiptPage};
use crate::web::pages::receipts::ReceiptsPage;

pub(super) fn receipts(prefix: &str) -> Vec<Sample> {
    let show = |name: &str, redeploy: &Redeploy, old_api: bool| {
        let input = ReceiptInput {
            redeploy,
            production: true,
            old_api,
            silent: redeploy.is_silent(),
            known_at: redeploy.last_heard_at().filter(|_| redeploy.is_followed()),
            address: "https://deck.harbour.example/redeploys/1f3a88d05b7c4e219c0d64aa17f2b3e5",
        };
        Sample::new(name, ReceiptPage::new(world::frame(prefix), &input))
    };
    let mut all: Vec<Sample> = RedeployState::ALL
        .into_iter()
        .map(|state| {
            show(
                &format!("receipt-{}", state.as_str()),
                &world::redeploy(state),
                false,
            )
        })
        .collect();
    let queued = Redeploy {
        queued: true,
        ..world::redeploy(RedeployState::Accepted)
    };
    let cancelling = Redeploy {
        cancel_requested_at: Some(NOW - Duration::seconds(20)),
        ..world::redeploy(RedeployState::Running)
    };
    let restart = Redeploy {
        command: Command::Restart,
        git_hash: None,
        ..world::redeploy(RedeployState::Succeeded)
    };
    let silent = Redeploy {
        missed_at: Some(NOW),
        ..world::redeploy(RedeployState::Running)
    };
    let given_up = Redeploy {
        followed: false,
        reason: Some(Reason::NoEndTold),
        ..world::redeploy(RedeployState::Running)
    };
    let not_known = Redeploy {
        reason: Some(Reason::OldApi),
        ..world::redeploy(RedeployState::Lost)
    };
    let not_sent = Redeploy {
        reason: Some(Reason::Unreachable),
        message: None,
        attempts: 3,
        ..world::redeploy(RedeployState::Refused)
    };
    all.push(show("receipt-silent", &silent, false));
    all.push(show("receipt-given-up", &given_up, false));
    all.push(show("receipt-not-known", &not_known, true));
    all.push(show("receipt-not-sent", &not_sent, false));
    all.push(show("receipt-queued", &queued, false));
    all.push(show("receipt-cancelling", &cancelling, false));
    all.push(show("receipt-restart", &restart, false));
    all.push(show(
        "receipt-unknown-v2",
        &world::redeploy(RedeployState::Unknown),
        true,
    ));
    all
}

pub(super) fn lists_of_receipts(prefix: &str) -> Vec<Sample> {
    let frame = || world::frame(prefix);
    let is_production = |environment: &str| environment == "production";
    let all: Vec<Redeploy> = RedeployState::ALL.into_iter().map(world::redeploy).collect();
    let mut with_odd = all.clone();
    with_odd.push(Redeploy {
        stack_name: HOSTILE.into(),
        environment: HOSTILE.into(),
        ..world::redeploy(RedeployState::Failed)
    });
    let here = || frame().urls.batch(OperationId::from(9));
    let taken = Redeploy {
        stack_name: HOSTILE.into(),
        asked_by_name: HOSTILE.into(),
        ..world::redeploy(RedeployState::Unknown)
    };
    let hidden = world::stack(0, HOSTILE, "production");
    let left_out = || {
        vec![
            LeftOut::because_taken(&frame().urls, &taken, taken.asked_by),
            LeftOut::because_taken(&frame().urls, &taken, UserId(0)),
            LeftOut::role_missing(&hidden),
            LeftOut::gone(hidden.uid),
            LeftOut::unexplained(&hidden),
        ]
    };
    vec![
        Sample::new(
            "receipts",
            ReceiptsPage::new(frame(), &with_odd, false, true, is_production),
        ),
        Sample::new(
            "receipts-older",
            ReceiptsPage::new(frame(), &all, true, false, is_production),
        ),
        Sample::new(
            "receipts-none",
            ReceiptsPage::new(frame(), &[], false, false, is_production),
        ),
        Sample::new(
            "batch",
            BatchPage::new(frame(), here(), (&with_odd, Some(NOW)), left_out(), is_production),
        ),
        Sample::new(
            "batch-none",
            BatchPage::new(frame(), here(), (&[], None), left_out(), is_production),
        ),
    ]
}
