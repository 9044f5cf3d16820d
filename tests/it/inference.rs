//! What is claimed of a redeploy, held against Cloud 66's own books: every way in which Cloud 66 may name it or not,
//! beside every way in which somebody else may deploy the same stack.
//!
//! A claim is an end (`succeeded`, `failed`, `cancelled`) or a deployment that is called ours. None may ever be false.
//! Where Cloud 66 says enough, the end has to be claimed, too. Cases E71, E72, E77.

use std::collections::HashMap;
use std::time::Duration;

use stackdeck::domain::redeploy::{Before, Command, RedeployOptions};
use stackdeck::domain::{AccessToken, DeploymentId, OperationId, Redeploy, RedeployState, StackUid};
use stackdeck::sandbox::{Finished, RateLimit, Refusal, Scope, Via};
use stackdeck::store::NewRedeploy;

use crate::harness::{TestApp, answered};

const SOMEBODY_ELSE: &str = "tomas@harbourfinch.example";
const DEPLOY_TIME: Duration = Duration::from_secs(30);

/// How far the clocks are moved between looks: into our deploy, to its end and past it, and on until nothing more
/// can be expected.
const STEPS: [i64; 12] = [2, 11, 11, 11, 11, 11, 11, 60, 90, 60, 60, 300];

/// What Cloud 66 keeps of the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reference {
    Kept,
    Dropped,
    Malformed,
    FilterIgnored,
}

/// When somebody else deploys.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Foreign {
    Never,
    SecondsBefore,
    SameSecondBefore,
    SameSecondUnlisted,
    SameSecondAfter,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Success,
    /// The next deploy that is accepted fails: ours, or the one just before.
    Failure,
    Cancelled,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    reference: Reference,
    queued: bool,
    foreign: Foreign,
    outcome: Outcome,
    /// Whether Cloud 66 gives the result of actions.
    result_given: bool,
}

impl Case {
    /// Whether Cloud 66 says enough for the end to be claimed. `id_is_right`: the answer named our action, and shows it.
    fn is_told(self, id_is_right: bool) -> bool {
        let named = matches!(self.reference, Reference::Kept | Reference::FilterIgnored);
        self.result_given && (named || (id_is_right && self.foreign == Foreign::Never))
    }
}

const REFERENCES: [Reference; 4] = [
    Reference::Kept,
    Reference::Dropped,
    Reference::Malformed,
    Reference::FilterIgnored,
];

fn cases(reference: Reference, result_given: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for queued in [false, true] {
        for foreign in [
            Foreign::Never,
            Foreign::SecondsBefore,
            Foreign::SameSecondBefore,
            Foreign::SameSecondUnlisted,
            Foreign::SameSecondAfter,
        ] {
            for outcome in [Outcome::Success, Outcome::Failure, Outcome::Cancelled] {
                if !result_given && outcome != Outcome::Success {
                    continue;
                }
                cases.push(Case {
                    reference,
                    queued,
                    foreign,
                    outcome,
                    result_given,
                });
            }
        }
    }
    cases
}

#[tokio::test]
async fn the_right_action_is_named() {
    none_is_false(&[], true).await;
}

#[tokio::test]
async fn no_action_is_named() {
    none_is_false(&["redeploy=no-action-id"], false).await;
}

#[tokio::test]
async fn the_named_action_carries_another_reference() {
    none_is_false(&["redeploy=wrong-action:other"], false).await;
}

#[tokio::test]
async fn the_named_action_ended_before_ours_was_sent() {
    none_is_false(&["redeploy=wrong-action:ended"], false).await;
}

#[tokio::test]
async fn the_named_action_is_not_there() {
    none_is_false(&["redeploy=wrong-action:unknown"], false).await;
    none_is_false(&["action=not-found"], false).await;
}

/// A redeploy of one case, under way.
struct UnderWay {
    case: Case,
    id: OperationId,
    uid: String,
    /// The newest deployment before anything was asked for.
    newest: u64,
    cancelled: bool,
}

/// Runs all cases under these faults; every reference and both forms of the result.
async fn none_is_false(faults: &[&str], id_is_right: bool) {
    let app = TestApp::with()
        .deploys_of(DEPLOY_TIME)
        .sandbox(|options| {
            options.stacks = Some(400);
        })
        .start()
        .await;
    app.world().set_rate_limit(RateLimit {
        per_hour: 1_000_000,
        refusal: Refusal::ServiceUnavailable,
    });
    let mut stacks = app
        .stacks()
        .into_iter()
        .filter(|stack| stack.status.0 == 1 && !stack.is_busy && !stack.always_fails)
        .map(|stack| stack.uid);
    let mut wrong = Vec::new();
    let mut claimed = 0;
    for reference in REFERENCES {
        for result_given in [true, false] {
            app.world().clear_faults();
            let cases = cases(reference, result_given);
            let uids: Vec<String> = stacks.by_ref().take(cases.len()).collect();
            assert_eq!(uids.len(), cases.len(), "there are too few stacks");
            let rows = ask_all(&app, cases, uids, faults).await;
            for row in follow_all(&app, rows, &mut wrong).await {
                claimed += u32::from(judge(&app, &row, id_is_right, &mut wrong).await);
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(claimed >= 60, "only {claimed} ends were claimed at all");
}

async fn ask_all(app: &TestApp, cases: Vec<Case>, uids: Vec<String>, faults: &[&str]) -> Vec<UnderWay> {
    let world = app.world();
    let main = app.main_person();
    let token = world
        .issue_token(&main, &[Scope::Public, Scope::Redeploy])
        .unwrap();
    let newest: HashMap<String, u64> = uids
        .iter()
        .map(|uid| {
            (
                uid.clone(),
                world.deployments(uid).last().map_or(0, |last| last.id),
            )
        })
        .collect();
    let pairs: Vec<(Case, String)> = cases.into_iter().zip(uids).collect();
    for (_, uid) in pairs.iter().filter(|(case, _)| case.queued) {
        world.deploy_from_web(uid, SOMEBODY_ELSE).unwrap();
    }
    pass(app, 7);
    for (_, uid) in pairs
        .iter()
        .filter(|(case, _)| case.foreign == Foreign::SecondsBefore)
    {
        world.deploy_from_web(uid, SOMEBODY_ELSE).unwrap();
    }
    pass(app, 3);
    let mut rows = Vec::new();
    for (case, uid) in pairs {
        world.clear_faults();
        arm(app, case, faults);
        if case.outcome == Outcome::Failure {
            world.fail_next_deploy(&uid);
        }
        let id = OperationId::from(app.app().random().u128());
        let before = Before {
            newest_deployment: Some(DeploymentId(i64::try_from(newest[&uid]).unwrap())),
            ..Before::default()
        };
        let new = NewRedeploy {
            id,
            command: Command::Redeploy,
            stack: uid.parse::<StackUid>().unwrap(),
            stack_name: "a stack".into(),
            environment: "staging".into(),
            asked_by: app.main_person_id(),
            asked_by_name: "Maya".into(),
            options: RedeployOptions::default(),
            before,
            token: AccessToken::new(token.clone()),
            batch: None,
            form_made_at: app.clock.clock().now(),
        };
        app.ledger().request(new).await.unwrap();
        app.ledger().wake().notify_one();
        answered(app, id).await;
        rows.push(UnderWay {
            case,
            id,
            newest: newest[&uid],
            uid,
            cancelled: false,
        });
    }
    rows
}

fn arm(app: &TestApp, case: Case, faults: &[&str]) {
    let mut all: Vec<String> = faults.iter().map(|text| (*text).to_owned()).collect();
    let of_actions = |effect: &str| [format!("actions={effect}"), format!("action={effect}")];
    match case.reference {
        Reference::Kept => {}
        Reference::Dropped => all.extend(of_actions("metadata:empty")),
        Reference::Malformed => all.extend(of_actions("metadata:text")),
        Reference::FilterIgnored => all.push("actions=unfiltered".into()),
    }
    if !case.result_given {
        all.extend(of_actions("no-success"));
    }
    match case.foreign {
        Foreign::Never | Foreign::SecondsBefore => {}
        Foreign::SameSecondBefore => all.push("redeploy=foreign-deploy:before;count=1".into()),
        Foreign::SameSecondUnlisted => all.push("redeploy=foreign-deploy:unlisted;count=1".into()),
        Foreign::SameSecondAfter => all.push("redeploy=foreign-deploy:after;count=1".into()),
    }
    for fault in all {
        app.world().add_fault(fault.parse().unwrap());
    }
}

/// Lets time pass for both sides.
fn pass(app: &TestApp, seconds: i64) {
    app.clock.advance(time::Duration::seconds(seconds));
    app.world()
        .clock()
        .advance(Duration::from_secs(seconds.unsigned_abs()));
}

/// Takes every look until all have ended or nothing more can be expected; after each, no other deployment may be
/// called ours.
async fn follow_all(app: &TestApp, mut rows: Vec<UnderWay>, wrong: &mut Vec<String>) -> Vec<UnderWay> {
    for seconds in STEPS {
        pass(app, seconds);
        for row in rows
            .iter_mut()
            .filter(|row| row.case.outcome == Outcome::Cancelled)
        {
            if !row.cancelled {
                row.cancelled = cancel(app, row).await;
            }
        }
        let mut waiting = Vec::new();
        for row in &rows {
            let now = read(app, row.id).await;
            // A reason without an end: it was given up.
            if !now.state.is_end() && now.reason.is_none() {
                waiting.push(now);
            }
        }
        if waiting.is_empty() {
            break;
        }
        for before in waiting {
            let look = async {
                loop {
                    let now = read(app, before.id).await;
                    if now.state != before.state || now.reason.is_some() || now.looks > before.looks {
                        return;
                    }
                    app.ledger().wake().notify_one();
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            tokio::time::timeout(Duration::from_mins(2), look)
                .await
                .unwrap_or_else(|_| panic!("{:?} was not looked at", before.id));
        }
        for row in &rows {
            let told = read(app, row.id).await;
            if told.state.is_end() && books(app, row).is_none() {
                wrong.push(format!("{:?}: told {:?} while it runs", row.case, told.state));
            }
            let claim = told.deployment;
            if claim.is_some() && claim != ours(app, row) {
                wrong.push(format!("{:?}: {claim:?} is called ours", row.case));
            }
        }
    }
    rows
}

/// Whether what ended is told as Cloud 66's books have it. Gives whether an end was claimed.
async fn judge(app: &TestApp, row: &UnderWay, id_is_right: bool, wrong: &mut Vec<String>) -> bool {
    let told = read(app, row.id).await;
    let Some(end) = books(app, row) else {
        return false;
    };
    let claims = match told.state {
        RedeployState::Succeeded => Some(true),
        RedeployState::Failed | RedeployState::Cancelled => Some(false),
        RedeployState::Ended | RedeployState::Accepted | RedeployState::Running => None,
        other => {
            wrong.push(format!("{:?}: {other:?}", row.case));
            None
        }
    };
    if claims.is_some_and(|claim| claim != end.success) {
        wrong.push(format!("{:?}: told {:?}, was {end:?}", row.case, told.state));
    }
    if claims.is_none() && row.case.is_told(id_is_right) {
        wrong.push(format!(
            "{:?}: told {:?} although Cloud 66 says {end:?}",
            row.case, told.state
        ));
    }
    claims.is_some()
}

/// How it ended, by Cloud 66's books.
fn books(app: &TestApp, row: &UnderWay) -> Option<Finished> {
    let name = row.id.to_string();
    let actions = app.world().actions(&row.uid);
    let ours = actions
        .into_iter()
        .find(|action| action.user_reference.as_deref() == Some(&name));
    ours.unwrap().finished
}

async fn read(app: &TestApp, id: OperationId) -> Redeploy {
    app.ledger().get(id).await.unwrap().unwrap()
}

/// The deployment that ours became, by Cloud 66's books: the only one that this person asked for over the API.
fn ours(app: &TestApp, row: &UnderWay) -> Option<DeploymentId> {
    let main = app.main_person();
    let deployments = app.world().deployments(&row.uid);
    let ours = deployments.iter().find(|deployment| {
        deployment.via == Via::Api
            && deployment.triggered_by.as_deref() == Some(&main)
            && deployment.id > row.newest
    });
    ours.map(|deployment| DeploymentId(i64::try_from(deployment.id).unwrap()))
}

/// Cancels ours at Cloud 66 as soon as it runs there. Gives whether it did.
async fn cancel(app: &TestApp, row: &UnderWay) -> bool {
    let Some(id) = ours(app, row) else {
        return false;
    };
    let token = app
        .world()
        .issue_token(&app.main_person(), &[Scope::Public, Scope::Redeploy])
        .unwrap();
    let url = format!(
        "{}/api/3/stacks/{}/deployments/{}.json",
        app.sandbox.url(),
        row.uid,
        id.0
    );
    let answer = crate::harness::Ask::new(reqwest::Method::DELETE, url)
        .header("authorization", format!("Bearer {token}"))
        .send()
        .await;
    answer.status == reqwest::StatusCode::OK
}
