//! The judge of the chaos run (`benches/chaos`), tried on made-up records: a check that cannot fail proves nothing.

#[path = "../benches/chaos/judge.rs"]
mod judge;

use judge::{Click, End, Executed, Facts, Fault, Row, judge};
use stackdeck::domain::{DeploymentId, OperationId, RedeployState};

const STATES_OF_WORK: [RedeployState; 5] = [
    RedeployState::Requested,
    RedeployState::Sending,
    RedeployState::Accepted,
    RedeployState::Unknown,
    RedeployState::Running,
];

fn id(number: u128) -> OperationId {
    OperationId::from(number)
}

fn row(number: u128, state: RedeployState) -> Row {
    Row {
        id: id(number),
        state,
        deployment: None,
        holds_token: false,
    }
}

fn executed(number: u128, end: End) -> Executed {
    Executed {
        reference: id(number).to_string(),
        end: Some(end),
        deployment: i64::try_from(number).ok().map(DeploymentId),
    }
}

/// One click of each kind of end, all as they should be.
fn all_well() -> Facts {
    use RedeployState as S;
    let rows = [S::Succeeded, S::Failed, S::Cancelled, S::Refused, S::Lost];
    let rows: Vec<Row> = (1..)
        .zip(rows)
        .map(|(number, state)| row(number, state))
        .collect();
    Facts {
        clicks: rows
            .iter()
            .map(|row| Click {
                id: row.id,
                receipt: true,
            })
            .collect(),
        executed: vec![
            executed(1, End::Succeeded),
            executed(2, End::Failed),
            executed(3, End::Cancelled),
        ],
        sent: rows.iter().map(|row| (row.id.to_string(), 1)).collect(),
        rows,
    }
}

fn found(change: impl FnOnce(&mut Facts)) -> Vec<(Fault, String)> {
    let mut facts = all_well();
    change(&mut facts);
    let findings = judge(&facts);
    assert!(findings.iter().all(|finding| !finding.words.is_empty()));
    findings
        .into_iter()
        .map(|finding| (finding.fault, finding.id))
        .collect()
}

#[test]
fn where_all_is_well_nothing_is_found() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn a_redeploy_carried_out_twice_is_found() {
    let twice = found(|facts| facts.executed.push(executed(1, End::Succeeded)));
    assert_eq!(twice, [(Fault::Doubled, id(1).to_string())]);
}

#[test]
fn a_redeploy_sent_twice_is_found_although_the_second_came_to_nothing() {
    let twice = found(|facts| {
        facts.sent.insert(id(5).to_string(), 2);
    });
    assert_eq!(twice, [(Fault::Doubled, id(5).to_string())]);
}

#[test]
fn two_rows_of_one_click_are_found() {
    let two = found(|facts| facts.rows.push(row(5, RedeployState::Lost)));
    assert_eq!(two, [(Fault::Doubled, id(5).to_string())]);
}

#[test]
fn a_receipt_without_a_row_is_found() {
    let without = found(|facts| facts.rows.retain(|row| row.id != id(4)));
    assert_eq!(without, [(Fault::Lost, id(4).to_string())]);
}

#[test]
fn what_was_carried_out_and_is_not_in_the_ledger_is_found() {
    let missing = found(|facts| facts.executed.push(executed(9, End::Succeeded)));
    assert_eq!(missing, [(Fault::Lost, id(9).to_string())]);
}

#[test]
fn what_was_carried_out_and_is_recorded_as_lost_or_refused_is_found() {
    for number in [4, 5] {
        let wrong = found(|facts| facts.executed.push(executed(number, End::Succeeded)));
        assert_eq!(wrong, [(Fault::Lost, id(number).to_string())]);
    }
}

#[test]
fn a_row_without_an_end_is_found() {
    for state in STATES_OF_WORK {
        let open = found(|facts| facts.rows.iter_mut().take(1).for_each(|row| row.state = state));
        assert_eq!(open, [(Fault::WithoutEnd, id(1).to_string())], "{state:?}");
    }
}

#[test]
fn an_end_that_cloud66_did_not_see_is_found() {
    let swapped = found(|facts| {
        facts.executed = vec![
            executed(1, End::Failed),
            executed(2, End::Succeeded),
            executed(3, End::Failed),
        ];
    });
    let all = [1, 2, 3].map(|number| (Fault::Untrue, id(number).to_string()));
    assert_eq!(swapped, all);
    let never = found(|facts| {
        facts.executed.remove(0);
    });
    assert_eq!(never, [(Fault::Untrue, id(1).to_string())]);
    let unfinished = found(|facts| facts.executed.iter_mut().take(1).for_each(|one| one.end = None));
    assert_eq!(unfinished, [(Fault::Untrue, id(1).to_string())]);
}

#[test]
fn somebody_elses_deployment_is_found() {
    let other = found(|facts| {
        facts
            .rows
            .iter_mut()
            .take(1)
            .for_each(|row| row.deployment = Some(DeploymentId(7)));
    });
    assert_eq!(other, [(Fault::Untrue, id(1).to_string())]);
}

#[test]
fn a_token_at_the_end_is_found() {
    let held = found(|facts| facts.rows.iter_mut().for_each(|row| row.holds_token = true));
    let all = [1, 2, 3, 4, 5].map(|number| (Fault::HoldsToken, id(number).to_string()));
    assert_eq!(held, all);
}
