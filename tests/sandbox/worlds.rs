//! What a seed makes (the world of the brief: deterministic, believable, up to 10,000 stacks).

use crate::support::{Lab, MAYA, NADIA, PRIYA};
use stackdeck::sandbox::{Clock, Options, Outcome, Sandbox, Stack, Status};
use std::collections::BTreeSet;
use std::time::Duration;
use time::macros::datetime;

fn picture(stacks: &[Stack]) -> Vec<String> {
    stacks.iter().map(|stack| format!("{stack:?}")).collect()
}

#[tokio::test]
async fn the_same_seed_gives_the_same_world() {
    let (one, other) = (Lab::start().await, Lab::start().await);
    assert_eq!(picture(&one.world().stacks()), picture(&other.world().stacks()));
    assert_eq!(one.sandbox.client_id(), other.sandbox.client_id());
    assert_eq!(one.sandbox.client_secret(), other.sandbox.client_secret());
    let third = Lab::with(Options {
        seed: 67,
        ..Options::default()
    })
    .await;
    let uids = |lab: &Lab| {
        lab.world()
            .stacks()
            .into_iter()
            .map(|stack| stack.uid)
            .collect::<BTreeSet<_>>()
    };
    assert!(uids(&one).is_disjoint(&uids(&third)));
}

#[tokio::test]
async fn history_is_relative_to_the_start() {
    let later = Clock::frozen(datetime!(2030-01-01 0:00 UTC));
    let later = Sandbox::start(Options {
        clock: later,
        ..Options::default()
    })
    .await
    .unwrap();
    let now = Lab::start().await;
    let shift = datetime!(2030-01-01 0:00 UTC) - datetime!(2026-03-04 10:00 UTC);
    for (one, other) in now.world().stacks().iter().zip(later.world().stacks()) {
        assert_eq!(one.uid, other.uid);
        assert_eq!(one.created_at + shift, other.created_at);
        assert_eq!(one.deployments.len(), other.deployments.len());
    }
}

#[tokio::test]
async fn exactly_as_many_stacks_as_asked_for() {
    for wanted in [0, 1, 5, 95, 10_000] {
        let lab = Lab::with(Options {
            stacks: Some(wanted),
            ..Options::default()
        })
        .await;
        assert_eq!(lab.world().visible_to(MAYA).len(), wanted);
        let uids: BTreeSet<_> = lab.world().stacks().into_iter().map(|stack| stack.uid).collect();
        assert_eq!(uids.len(), wanted + 1, "one that the main person cannot see");
    }
    let lab = Lab::with(Options {
        stacks: Some(usize::MAX),
        ..Options::default()
    })
    .await;
    assert_eq!(lab.world().visible_to(MAYA).len(), Options::MOST_STACKS);
}

#[tokio::test]
async fn history_is_believable() {
    let lab = Lab::start().await;
    let now = lab.world().clock().now();
    let mut typical = BTreeSet::new();
    for stack in lab.world().visible_to(MAYA) {
        let case = &stack.name;
        typical.insert(stack.typical);
        for pair in stack.deployments.windows(2) {
            assert!(pair[0].id < pair[1].id, "{case}");
            assert!(
                pair[0].finished_at.unwrap() <= pair[1].started_at,
                "{case}: one at a time"
            );
        }
        for deployment in &stack.deployments {
            assert!(
                deployment.started_at <= now && stack.created_at <= deployment.started_at,
                "{case}"
            );
            assert_eq!(deployment.git_hash.is_some(), stack.git.is_some(), "{case}");
            assert_eq!(
                deployment.outcome == Outcome::Pending,
                deployment.is_deploying(),
                "{case}"
            );
        }
        assert!(
            stack.deployments.iter().filter(|one| one.is_live).count() <= 1,
            "{case}"
        );
        assert!(stack.newest().is_none_or(|newest| newest.is_head), "{case}");
        if stack.status == Status::SUCCESS {
            assert_eq!(
                stack.live().map(|live| live.id),
                stack.newest().map(|newest| newest.id),
                "{case}"
            );
        }
    }
    assert!(typical.len() > 20, "stacks differ in how long they take");
    let failed = lab.stack("Billing", "production");
    let (live, newest) = (failed.live().unwrap(), failed.newest().unwrap());
    assert!(failed.status == Status::FAILED && newest.outcome == Outcome::Failed && live.id < newest.id);
}

#[tokio::test]
async fn people_and_environments_look_like_a_company_s() {
    let lab = Lab::start().await;
    let stacks = lab.world().visible_to(MAYA);
    let accounts: BTreeSet<u64> = stacks.iter().map(|stack| stack.account_id).collect();
    assert_eq!(accounts.len(), 3);
    let storefronts: Vec<_> = stacks.iter().filter(|stack| stack.name == "Storefront").collect();
    assert_eq!(storefronts.len(), 3);
    assert!(
        storefronts.iter().all(|stack| stack.git == storefronts[0].git),
        "one repository"
    );
    assert!(
        stacks
            .iter()
            .any(|stack| stack.framework == "docker" && stack.services.len() > 1)
    );
    assert!(stacks.iter().any(|stack| stack.framework == "skycap"));
    assert!(
        stacks.iter().any(|stack| stack.deployments.len() > 30),
        "more than a page of history"
    );
    assert_eq!(lab.world().visible_to(NADIA).len(), 0);
    assert_eq!(lab.world().visible_to(PRIYA).len(), 5);
    assert_eq!(lab.world().main_person().unwrap().email, MAYA);
}

#[tokio::test]
async fn the_world_can_be_changed_as_if_at_cloud_66() {
    let lab = Lab::start().await;
    let world = lab.world();
    let uid = lab.stack("Storefront", "production").uid;
    assert!(world.set_name(&uid, "Renamed") && world.set_maintenance(&uid, true));
    assert!(world.set_health(&uid, stackdeck::sandbox::Health::BROKEN) && world.set_status(&uid, Status(77)));
    let stack = world.stack_by_name("Renamed").unwrap();
    assert!(stack.maintenance_mode && stack.health == 4 && stack.status == 77);
    assert!(world.deploy_from_web(&uid, MAYA).is_some());
    lab.advance(2.0);
    assert!(world.stack(&uid).unwrap().is_busy);
    assert!(world.remove_stack(&uid) && world.stack(&uid).is_none());
    assert!(!world.set_status(&uid, Status::SUCCESS) && world.deploy_from_web(&uid, MAYA).is_none());
    lab.advance(10_000.0);
    assert_eq!(
        lab.stack("Warehouse", "production").status,
        Status::SUCCESS,
        "the others go on"
    );
}

#[tokio::test]
async fn a_world_can_be_made_without_time_passing_in_deploys() {
    let lab = Lab::with(Options {
        deploy_time: Duration::ZERO,
        ..Options::default()
    })
    .await;
    let token = lab.deployer(MAYA);
    let uid = lab.stack("Storefront", "production").uid;
    let answer = lab
        .post(&format!("/api/3/stacks/{uid}/deployments"), &token, &[])
        .await;
    assert_eq!(answer.response()["queued"], false);
    let newest = lab.world().stack(&uid).unwrap().newest().cloned().unwrap();
    assert_eq!(newest.outcome, Outcome::Success);
}
