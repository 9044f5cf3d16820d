//! Many stacks or deployments at once.

use std::collections::HashSet;

use super::Sample;
use super::world::{self, HOSTILE, LIVE_HASH, NOW, production};
use crate::domain::{Deployment, Outcome, RedeployState, Stack, StackQuery, Verdict};
use crate::web::pages::activity::{ActivityInput, ActivityPage, ActivityQuery, AskedHere, Change};
use crate::web::pages::bulk::{BulkCheckPage, BulkChoosePage, BulkInput, BulkMistake};
use crate::web::pages::row::Rights;
use crate::web::pages::search::SearchPage;

pub(super) fn lists(prefix: &str) -> Vec<Sample> {
    let frame = || world::frame(prefix);
    let fleet = world::fleet();
    let choices: Vec<BulkInput<'_>> = fleet
        .stacks
        .iter()
        .map(|stack| BulkInput {
            stack,
            verdict: fleet.verdict(stack),
            production: production(stack),
            rights: if stack.maintenance {
                Rights::RoleMissing
            } else {
                Rights::Redeploy
            },
        })
        .collect();
    let chosen = HashSet::from([world::uid(1)]);
    let some = choices.get(20..26).unwrap_or_default();
    let histories: Vec<(&Stack, Vec<Deployment>)> = fleet
        .stacks
        .iter()
        .take(12)
        .chain(fleet.stacks.iter().rev().take(3))
        .map(|stack| (stack, world::history(Some(Outcome::Failed))))
        .collect();
    let changes: Vec<Change<'_>> = histories
        .iter()
        .flat_map(|(stack, history)| {
            history.iter().take(2).map(|deployment| Change {
                stack,
                production: production(stack),
                deployment,
                before: Some(LIVE_HASH),
            })
        })
        .collect();
    let failed = ActivityQuery {
        result: "failed".into(),
        ..ActivityQuery::default()
    };
    let hour = ActivityQuery {
        hours: "1".into(),
        env: "nowhere".into(),
        ..ActivityQuery::default()
    };
    let mut hostile = StackQuery::default();
    hostile.set_search(HOSTILE);
    let found: Vec<(&Stack, Verdict, bool)> = fleet
        .stacks
        .iter()
        .map(|stack| (stack, fleet.verdict(stack), production(stack)))
        .collect();
    let all = ActivityQuery::default();
    let under_way = world::redeploy(RedeployState::Accepted);
    let asked = [AskedHere {
        redeploy: &under_way,
        production: true,
    }];
    let known = |complete| ActivityInput {
        changes: &changes,
        asked: &asked,
        known_at: NOW,
        complete,
        old_api: false,
    };
    vec![
        Sample::new("bulk", BulkChoosePage::new(frame(), &choices, &chosen, false)),
        Sample::new(
            "bulk-none-chosen",
            BulkChoosePage::new(frame(), &choices, &HashSet::new(), true),
        ),
        Sample::new(
            "bulk-empty",
            BulkChoosePage::new(frame(), &[], &HashSet::new(), false),
        ),
        Sample::new("bulk-check", BulkCheckPage::new(frame(), some, "YmF0Y2g", None)),
        Sample::new(
            "bulk-check-mistake",
            BulkCheckPage::new(frame(), some, "YmF0Y2g", Some(BulkMistake::ProductionNotTicked)),
        ),
        Sample::new(
            "bulk-check-busy",
            BulkCheckPage::new(frame(), some, "YmF0Y2g", Some(BulkMistake::BusyMeanwhile)),
        ),
        Sample::new("activity", ActivityPage::new(frame(), &known(true), &all)),
        Sample::new(
            "activity-failed",
            ActivityPage::new(frame(), &known(false), &failed),
        ),
        Sample::new("activity-none", ActivityPage::new(frame(), &known(true), &hour)),
        Sample::new("search", SearchPage::new(frame(), &StackQuery::default(), &found)),
        Sample::new("search-none", SearchPage::new(frame(), &hostile, &[])),
    ]
}
