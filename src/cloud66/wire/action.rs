//! Asynchronous actions (fact sheet 4.6).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::cell::Cell;
use super::envelope::Row;
use crate::domain::{Action, ActionId};

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::cloud66) struct WireAction {
    id: Cell,
    action: Cell,
    user: Cell,
    started_via: Cell,
    started_at: Cell,
    finished_at: Cell,
    finished_success: Cell,
    finished_message: Cell,
    metadata: Option<Box<RawValue>>,
}

/// What came along with the request (fact sheet 6.3); absent before October 2023, `{}` where nothing came.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    user_reference: Cell,
}

impl WireAction {
    /// Whether the server shows metadata in the form that is documented. One that does not cannot be asked by
    /// reference.
    pub(in crate::cloud66) fn has_metadata(&self) -> bool {
        let metadata = self.metadata.as_deref().map(RawValue::get);
        metadata.is_some_and(|metadata| metadata.starts_with('{'))
    }
}

/// Makes an action; none without an id.
pub(in crate::cloud66) fn action(wire: &WireAction) -> Option<Action> {
    let metadata: Metadata = wire
        .metadata
        .as_deref()
        .and_then(|metadata| Row::of(metadata).read())
        .unwrap_or_default();
    Some(Action {
        id: ActionId(wire.id.id()?),
        name: wire.action.name().unwrap_or_default(),
        user: wire.user.name(),
        started_via: wire.started_via.name(),
        started_at: wire.started_at.date(),
        finished_at: wire.finished_at.date(),
        succeeded: wire.finished_success.flag(),
        message: wire.finished_message.name(),
        user_reference: metadata.user_reference.name(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::envelope::one;
    use super::*;

    const RUNNING: &str = r#""id":70431,"user":"user@shop.example","resource_type":"stack",
        "action":"application_deployment","resource_id":"8812","started_via":"api",
        "started_at":"2025-03-04T09:03:09Z""#;

    fn read(fields: &str) -> Action {
        action(&one(format!("{{{RUNNING}{fields}}}").as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_running_action_has_nulls() {
        let running = read(
            r#","finished_at":null,"finished_success":null,"finished_message":null,"finished_result":null,
            "metadata":{"user_reference":"rel-2025-03-04-a"}"#,
        );
        assert!(!running.is_finished());
        assert_eq!((running.succeeded, &running.message), (None, &None));
        assert_eq!(running.user_reference.as_deref(), Some("rel-2025-03-04-a"));
        assert_eq!(running.name, "application_deployment");
    }

    #[test]
    fn success_is_a_boolean_or_its_text() {
        // Fact sheet 6.1: the documents' own sample compares with the text "true".
        for (value, succeeded) in [
            ("true", Some(true)),
            (r#""true""#, Some(true)),
            ("false", Some(false)),
        ] {
            let ended = read(&format!(
                r#","finished_at":"2025-03-04T09:10:09Z","finished_success":{value},"finished_result":{{}}"#
            ));
            assert!(ended.is_finished());
            assert_eq!(ended.succeeded, succeeded);
        }
    }

    #[test]
    fn metadata_may_be_anything() {
        for metadata in ["{}", "null", "7", r#""x""#, "[1]", r#"{"user_reference":null}"#] {
            let fields = format!(r#","metadata":{metadata}"#);
            assert_eq!(read(&fields).user_reference, None, "{metadata}");
        }
        assert_eq!(
            read(r#","metadata":{"user_reference":7}"#)
                .user_reference
                .as_deref(),
            Some("7")
        );
    }
}
