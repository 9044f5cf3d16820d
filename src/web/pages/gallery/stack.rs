//! One stack.

use time::Duration;

use super::Sample;
use super::world::{self, NOW, production};
use crate::app::show_stack::HistoryKnown;
use crate::domain::{Command, Outcome, RedeployState, Stack, Status, Verdict};
use crate::web::pages::row::{Rights, Slot};
use crate::web::pages::siblings::SiblingInput;
use crate::web::pages::stack::{StackInput, StackPage};

pub(super) fn one_stack(prefix: &str) -> Vec<Sample> {
    let checkout = world::stack(0, "checkout", "production");
    let staging = world::stack(1, "checkout", "staging");
    let newer = crate::domain::Version::of(&[world::deployment(6000, world::NEW_HASH, 12)], NOW);
    let show = |name: &str, stack: &Stack, newest: Option<Outcome>, rights: Rights, old_api: bool| {
        let history = world::history(newest.clone());
        let version = world::version(newest);
        let verdict = Verdict::of(stack, version.running().is_some());
        let open = world::redeploy(RedeployState::Running);
        let page = StackPage::new(
            world::frame(prefix),
            &StackInput {
                stack,
                history: (!old_api).then_some(history.as_slice()),
                history_known: HistoryKnown::Now,
                version: (!old_api).then_some(&version),
                verdict,
                production: production(stack),
                slot: Slot::of(rights, true, verdict, None),
                refused_at: (rights == Rights::RoleMissing).then_some(NOW - Duration::minutes(3)),
                open: verdict.in_progress().then_some(&open),
                pinned: verdict.in_progress(),
                siblings: vec![SiblingInput {
                    stack: &staging,
                    version: Some(&newer),
                    verdict: Verdict::Healthy,
                    production: false,
                }],
                commands: &Command::ALL,
                old_api,
                known_at: NOW - Duration::seconds(4),
            },
        );
        Sample::new(name, page)
    };
    let failed = Stack {
        status: Status::Failed,
        ..checkout.clone()
    };
    let busy = Stack {
        status: Status::Deploying,
        busy: true,
        ..checkout.clone()
    };
    let maintenance = Stack {
        maintenance: true,
        ..checkout.clone()
    };
    vec![
        show("stack", &checkout, None, Rights::Redeploy, false),
        show(
            "stack-failed",
            &failed,
            Some(Outcome::Failed),
            Rights::Redeploy,
            false,
        ),
        show(
            "stack-deploying",
            &busy,
            Some(Outcome::Pending),
            Rights::Redeploy,
            false,
        ),
        show("stack-maintenance", &maintenance, None, Rights::Redeploy, false),
        show("stack-view-only", &checkout, None, Rights::RoleMissing, false),
        show("stack-read-only", &checkout, None, Rights::ScopeMissing, false),
        show("stack-hostile", &world::hostile(), None, Rights::Redeploy, false),
        show("stack-v2", &checkout, None, Rights::Redeploy, true),
    ]
}
