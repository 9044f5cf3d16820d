//! What Cloud 66 answers to a command (fact sheet 4.5), and how it refuses (5.4).

use serde::Deserialize;

use super::cell::Cell;

/// The answer to a redeploy, a cancellation or an action. Version 3 answers actions with the action itself,
/// which has an `id` and no `ok`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::cloud66) struct Answered {
    ok: Cell,
    pub(in crate::cloud66) message: Cell,
    queued: Cell,
    async_action_id: Cell,
    id: Cell,
}

impl Answered {
    /// Whether the request was accepted; none where the answer says neither.
    pub(in crate::cloud66) fn is_ok(&self) -> Option<bool> {
        self.ok.flag().or_else(|| self.action().map(|_| true))
    }

    /// Whether it waits behind another operation.
    pub(in crate::cloud66) fn is_queued(&self) -> bool {
        self.queued.flag().unwrap_or(false)
    }

    /// The action to follow, where one is named (fact sheet 8.10).
    pub(in crate::cloud66) fn action(&self) -> Option<i64> {
        self.async_action_id.id().or_else(|| self.id.id())
    }
}

/// The body of a refusal.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::cloud66) struct Failure {
    pub(in crate::cloud66) error: Cell,
    pub(in crate::cloud66) error_description: Cell,
    pub(in crate::cloud66) details: Cell,
    pub(in crate::cloud66) message: Cell,
}

#[cfg(test)]
mod tests {
    use super::super::envelope::one;
    use super::*;

    #[test]
    fn an_answer_says_yes_no_or_neither() {
        let cases = [
            // 4.5
            (
                r#"{"response":{"ok":true,"message":"Stack starting redeployment","queued":false,"async_action_id":70431}}"#,
                (Some(true), false, Some(70431)),
            ),
            (
                r#"{"response":{"ok":true,"message":"Stack queued for redeployment","queued":true,"async_action_id":null}}"#,
                (Some(true), true, None),
            ),
            (r#"{"ok":"true","message":"x"}"#, (Some(true), false, None)),
            (
                r#"{"response":{"ok":false,"message":"no"}}"#,
                (Some(false), false, None),
            ),
            (
                r#"{"response":{"ok":"false","async_action_id":"7"}}"#,
                (Some(false), false, Some(7)),
            ),
            // 6.1: an action.
            (
                r#"{"response":{"id":70432,"action":"restart","finished_at":null}}"#,
                (Some(true), false, Some(70432)),
            ),
            // Neither.
            (r#"{"response":{"message":"hello"}}"#, (None, false, None)),
            ("{}", (None, false, None)),
        ];
        for (json, expected) in cases {
            let answer: Answered = one(json.as_bytes()).unwrap();
            assert_eq!(
                (answer.is_ok(), answer.is_queued(), answer.action()),
                expected,
                "{json}"
            );
        }
    }
}
