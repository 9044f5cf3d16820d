//! The judge of the chaos run (`benches/chaos`), on made-up records: a check that cannot fail proves nothing.

#[path = "../benches/chaos/judge.rs"]
mod judge;

use judge::{Click, End, Executed, Facts, Fault, LATE, Row, Said, judge};
use time::{Duration, OffsetDateTime};

fn id(number: u64) -> String {
    format!("{number:032x}")
}

fn at(pressed: u64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::seconds(60) * i32::try_from(pressed).unwrap_or(0)
}

fn row(number: u64, said: Said) -> Row {
    Row {
        id: id(number),
        said,
        deployment: None,
        open: false,
        holds_token: false,
    }
}

fn executed(number: u64, end: End) -> Executed {
    Executed {
        reference: id(number),
        end: Some(end),
        deployment: Some(number),
    }
}

/// One click of each kind of end, each sent a second after it was pressed, all as they should be.
fn all_well() -> Facts {
    use Said as S;
    let said = [
        S::Succeeded,
        S::Failed,
        S::Cancelled,
        S::NothingDone,
        S::NothingDone,
        S::NotKnown,
        S::NotKnown,
    ];
    let rows: Vec<Row> = (1..).zip(said).map(|(number, said)| row(number, said)).collect();
    let numbers = 1..=u64::try_from(rows.len()).unwrap_or(0);
    Facts {
        clicks: numbers
            .clone()
            .map(|number| Click {
                id: id(number),
                receipt: true,
                pressed_at: at(number),
                batch: None,
            })
            .collect(),
        executed: vec![
            executed(1, End::Succeeded),
            executed(2, End::Failed),
            executed(3, End::Cancelled),
            executed(6, End::Failed),
        ],
        sent: numbers
            .map(|number| (id(number), at(number) + Duration::SECOND))
            .collect(),
        rows,
        ..Facts::default()
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

/// Changes the row of click 1, which succeeded.
fn change_first(facts: &mut Facts, change: impl FnOnce(&mut Row)) {
    if let Some(row) = facts.rows.first_mut() {
        change(row);
    }
}

#[test]
fn where_all_is_well_nothing_is_found() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn what_says_that_nobody_knows_is_not_untrue_whatever_became_of_it() {
    let none = found(|facts| {
        facts.executed.push(executed(7, End::Cancelled));
        facts.executed.retain(|one| one.reference != id(6));
    });
    assert_eq!(none, []);
}

#[test]
fn a_redeploy_carried_out_twice_is_found() {
    let twice = found(|facts| facts.executed.push(executed(1, End::Succeeded)));
    assert_eq!(twice, [(Fault::Doubled, id(1))]);
}

#[test]
fn what_came_to_nothing_may_be_sent_again_by_an_older_copy_and_is_carried_out_once() {
    let around_a_restore = |facts: &mut Facts| {
        facts.sent.push((id(5), at(5) + Duration::MINUTE));
        facts.restored_at.push(at(5) + Duration::SECOND);
    };
    assert_eq!(found(around_a_restore), []);
    let twice = found(|facts| {
        around_a_restore(facts);
        facts
            .executed
            .extend([executed(5, End::Succeeded), executed(5, End::Succeeded)]);
    });
    assert!(twice.contains(&(Fault::Doubled, id(5))), "{twice:?}");
}

#[test]
fn a_redeploy_sent_twice_is_found_although_the_second_came_to_nothing() {
    let twice = found(|facts| facts.sent.push((id(5), at(5) + Duration::SECOND)));
    assert_eq!(twice, [(Fault::Doubled, id(5))]);
}

#[test]
fn a_redeploy_sent_again_after_a_restore_is_found() {
    let twice = found(|facts| {
        facts.rows.retain(|row| row.id != id(1));
        facts.restored_away.insert(id(1));
        facts.sent.push((id(1), at(1) + Duration::SECOND));
    });
    assert_eq!(twice, [(Fault::Doubled, id(1))]);
}

#[test]
fn two_rows_of_one_click_are_found() {
    let two = found(|facts| facts.rows.push(row(5, Said::NothingDone)));
    assert_eq!(two, [(Fault::Doubled, id(5))]);
}

#[test]
fn what_is_sent_later_than_in_time_is_found() {
    let send = |after: Duration| {
        found(|facts| {
            facts.sent.retain(|(reference, _)| *reference != id(2));
            facts.sent.push((id(2), at(2) + after));
        })
    };
    assert_eq!(send(LATE), []);
    assert_eq!(send(LATE + Duration::SECOND), [(Fault::Late, id(2))]);
    assert_eq!(send(Duration::hours(20)), [(Fault::Late, id(2))]);
}

#[test]
fn of_a_batch_each_has_its_time_from_the_one_before_it() {
    let send = |pause: Duration| {
        found(|facts| {
            facts.sent.clear();
            for (click, turn) in facts.clicks.iter_mut().zip(1..) {
                click.pressed_at = at(0);
                click.batch = Some("a batch".to_owned());
                facts.sent.push((click.id.clone(), at(0) + pause * turn));
            }
        })
    };
    assert_eq!(send(LATE), []);
    assert_eq!(send(LATE + Duration::SECOND).len(), 7);
}

#[test]
fn a_receipt_without_a_row_is_found_unless_a_restore_took_it() {
    let without = found(|facts| facts.rows.retain(|row| row.id != id(4)));
    assert_eq!(without, [(Fault::Lost, id(4))]);
    let restored = found(|facts| {
        facts.rows.retain(|row| row.id != id(4));
        facts.restored_away.insert(id(4));
    });
    assert_eq!(restored, []);
}

#[test]
fn what_was_carried_out_and_is_not_in_the_ledger_is_found_unless_a_restore_took_it() {
    let missing = found(|facts| facts.executed.push(executed(9, End::Succeeded)));
    assert_eq!(missing, [(Fault::Lost, id(9))]);
    let restored = found(|facts| {
        facts.executed.push(executed(9, End::Succeeded));
        facts.restored_away.insert(id(9));
    });
    assert_eq!(restored, []);
}

#[test]
fn what_was_carried_out_and_is_told_as_not_done_is_found() {
    for number in [4, 5] {
        let wrong = found(|facts| facts.executed.push(executed(number, End::Succeeded)));
        assert_eq!(wrong, [(Fault::Untrue, id(number))]);
    }
}

#[test]
fn a_row_without_an_end_is_found() {
    let open = found(|facts| {
        change_first(facts, |row| {
            row.open = true;
            row.said = Said::Open;
        });
    });
    assert_eq!(open, [(Fault::WithoutEnd, id(1))]);
}

#[test]
fn an_end_that_cloud_66_did_not_see_is_found() {
    let swapped = found(|facts| {
        facts.executed = vec![
            executed(1, End::Failed),
            executed(2, End::Succeeded),
            executed(3, End::Failed),
        ];
    });
    assert_eq!(swapped, [1, 2, 3].map(|number| (Fault::Untrue, id(number))));
    let never = found(|facts| {
        facts.executed.remove(0);
    });
    assert_eq!(never, [(Fault::Untrue, id(1))]);
    let unfinished = found(|facts| {
        if let Some(one) = facts.executed.first_mut() {
            one.end = None;
        }
    });
    assert_eq!(unfinished, [(Fault::Untrue, id(1))]);
}

#[test]
fn somebody_elses_deployment_is_found_whatever_the_receipt_says() {
    for said in [Said::Open, Said::NotKnown, Said::Succeeded] {
        let other = found(|facts| {
            change_first(facts, |row| {
                row.said = said;
                row.deployment = Some(7);
            });
        });
        assert_eq!(other, [(Fault::Untrue, id(1))], "{said:?}");
    }
    let its_own = found(|facts| change_first(facts, |row| row.deployment = Some(1)));
    assert_eq!(its_own, []);
}

#[test]
fn a_token_at_the_end_is_found() {
    let held = found(|facts| change_first(facts, |row| row.holds_token = true));
    assert_eq!(held, [(Fault::HoldsToken, id(1))]);
}
