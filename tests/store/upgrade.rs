//! A database of an earlier release opens, and its rows say the same as before.

use stackdeck::domain::Reason;
use stackdeck::domain::redeploy::RedeployState as S;

use super::fixture::{World, on_both, operation};

on_both!(old_sentences_become_reasons);

/// The sentences that earlier releases wrote into `message`, with the reason and the words of Cloud 66 in them.
const SENTENCES: [(S, &str, Option<Reason>, Option<&str>); 22] = [
    (
        S::Lost,
        "Cloud 66 has no record of it. Check the stack before you try again.",
        Some(Reason::NoRecord),
        None,
    ),
    (
        S::Lost,
        "Cloud 66 did not answer, and with version 2 of its API nobody can ask whether it has the request. Look at the stack before you try again.",
        Some(Reason::OldApi),
        None,
    ),
    (
        S::Lost,
        "Cloud 66 did not answer, and does not say which requests it has. Look at the stack before you try again.",
        Some(Reason::NotSaid),
        None,
    ),
    (
        S::Lost,
        "Cloud 66 did not answer, and could not be asked for an hour whether it has the request. Look at the stack before you try again.",
        Some(Reason::NotAsked),
        None,
    ),
    (
        S::Lost,
        "Cloud 66 did not answer, and this app no longer holds a sign-in with which to ask. Look at the stack before you try again.",
        Some(Reason::NoSignIn),
        None,
    ),
    (
        S::Refused,
        "Cloud 66 could not be reached. Nothing was sent.",
        Some(Reason::Unreachable),
        None,
    ),
    (
        S::Refused,
        "This waited for too long, and nothing was sent. Ask again if it is still wanted.",
        Some(Reason::TooLate),
        None,
    ),
    (
        S::Refused,
        "Nothing was sent: Stackdeck’s secret was changed after this was asked for, so the access it came with can no longer be used. Ask again.",
        Some(Reason::NoToken),
        None,
    ),
    (
        S::Refused,
        "Cloud 66 signed you out. Nothing was started. Sign in again to continue.",
        Some(Reason::SignedOut),
        None,
    ),
    (
        S::Refused,
        "Cloud 66 says the trial for this account has ended. Nothing was started.",
        Some(Reason::TrialOver),
        None,
    ),
    (
        S::Refused,
        "Your Cloud 66 role cannot deploy O'Hara 100%. Ask an administrator for the Deployer role. Nothing was started.",
        Some(Reason::Forbidden),
        None,
    ),
    (
        S::Refused,
        "This stack is not there any more, or you lost access to it. Nothing was started.",
        Some(Reason::Gone),
        None,
    ),
    (
        S::Refused,
        "Cloud 66 is busy with this stack. Nothing was started.",
        Some(Reason::Conflict),
        None,
    ),
    (
        S::Refused,
        "Cloud 66 is busy with this stack. Nothing was started. It says: wait é",
        Some(Reason::Conflict),
        Some("wait é"),
    ),
    (
        S::Refused,
        "You have used this hour's Cloud 66 requests. Nothing was started.",
        Some(Reason::Throttled),
        None,
    ),
    (
        S::Refused,
        "Cloud 66 does not offer this. Nothing was started.",
        Some(Reason::NotImplemented),
        None,
    ),
    (
        S::Refused,
        "Cloud 66 refused. Nothing was started. It says: no such profile",
        Some(Reason::Rejected),
        Some("no such profile"),
    ),
    (
        S::Accepted,
        "This app no longer holds a sign-in with which to ask. Look at the stack in Cloud 66.",
        Some(Reason::NoSignIn),
        None,
    ),
    (
        S::Running,
        "Cloud 66 no longer lets this sign-in see the stack. Look at the stack in Cloud 66.",
        Some(Reason::AccessLost),
        None,
    ),
    (
        S::Running,
        "Cloud 66 did not say how it ended within six hours. Look at the stack in Cloud 66.",
        Some(Reason::NoEndTold),
        None,
    ),
    (
        S::Accepted,
        "Stack starting redeployment",
        None,
        Some("Stack starting redeployment"),
    ),
    // A failed deploy may speak as this program once did; those are Cloud 66's words.
    (
        S::Failed,
        "Cloud 66 refused. Nothing was started.",
        None,
        Some("Cloud 66 refused. Nothing was started."),
    ),
];

async fn old_sentences_become_reasons(world: World) {
    world.migrate_to(2).await;
    for (number, (state, sentence, ..)) in SENTENCES.iter().enumerate() {
        let (id, state) = (operation(number as u128 + 1), state.as_str());
        let sentence = sentence.replace('\'', "''");
        let end = if ["accepted", "running"].contains(&state) {
            "NULL"
        } else {
            "1800000000000"
        };
        world
            .sql(&format!(
                "INSERT INTO redeploys (id, command, stack, stack_name, environment, asked_by, asked_by_name, \
                 options, known_before, state, requested_at_ms, not_before_ms, message, finished_at_ms) \
                 VALUES ('{id}', 'redeploy', '{number:032x}', 'checkout', 'production', 7, 'Ana', '{{}}', '{{}}', \
                 '{state}', 1800000000000, 1800000000000, '{sentence}', {end})"
            ))
            .await;
    }
    let store = world.open().await;
    for (number, (state, sentence, reason, message)) in SENTENCES.iter().enumerate() {
        let id = operation(number as u128 + 1);
        let row = store.ledger().get(id).await.unwrap().unwrap();
        assert_eq!(
            (row.state, row.reason, row.message.as_deref()),
            (*state, *reason, *message),
            "{sentence}"
        );
    }
}
