//! Stacks (fact sheet 4.1, 4.2).

use serde::Deserialize;

use super::cell::Cell;
use super::envelope::Row;
use crate::domain::{AccountId, Environment, Health, Stack, StackUid, Status, WebLink};

/// What a stack without a name is called.
pub(in crate::cloud66) const UNNAMED: &str = "(no name)";
/// The longest name that is shown of a stack that cannot be read, in characters.
const LONGEST_NAME: usize = 100;

/// The fields that are read. `redeploy_hook` must never be one of them: whoever has that address can deploy.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::cloud66) struct WireStack {
    uid: Cell,
    name: Cell,
    environment: Cell,
    account_id: Cell,
    account_name: Cell,
    cloud: Cell,
    framework: Cell,
    language: Cell,
    backend: Cell,
    git: Cell,
    git_branch: Cell,
    application_address: Cell,
    fqdn: Cell,
    status: Cell,
    health: Cell,
    maintenance_mode: Cell,
    is_busy: Cell,
    last_activity_iso: Cell,
    last_activity: Cell,
    created_at_iso: Cell,
    created_at: Cell,
}

/// Makes a stack; none without a uid of 32 hex digits, for without one nothing can be asked of it.
pub(in crate::cloud66) fn stack(wire: &WireStack) -> Option<Stack> {
    let uid: StackUid = wire.uid.text()?.parse().ok()?;
    Some(Stack {
        uid,
        name: wire.name.name().unwrap_or_else(|| UNNAMED.to_owned()),
        environment: Environment::new(wire.environment.name().as_deref().unwrap_or("unknown")),
        account: wire.account_id.id().map(AccountId),
        account_name: wire.account_name.name(),
        // Own servers are written `no_cloud` (fact sheet 8.16).
        cloud: wire.cloud.name().filter(|cloud| cloud != "no_cloud"),
        framework: wire.framework.name(),
        language: wire.language.name(),
        backend: wire.backend.name(),
        git: wire.git.name(),
        git_branch: wire.git_branch.name(),
        address: [&wire.application_address, &wire.fqdn]
            .into_iter()
            .filter_map(Cell::text)
            .find_map(WebLink::parse_host),
        status: wire.status.number().map_or(Status::NotGiven, Status::from_code),
        health: wire.health.number().map_or(Health::Unknown, Health::from_code),
        maintenance: wire.maintenance_mode.flag().unwrap_or(false),
        busy: wire.is_busy.flag().unwrap_or(false),
        // The `_iso` twins are the reliable ones (fact sheet 8.1).
        last_activity: wire
            .last_activity_iso
            .date()
            .or_else(|| wire.last_activity.date()),
        created_at: wire.created_at_iso.date().or_else(|| wire.created_at.date()),
    })
}

/// What to call a row of the list that is not a stack.
pub(in crate::cloud66) fn unreadable_name(row: &Row<'_>) -> String {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Named {
        name: Cell,
    }
    let name = row.read::<Named>().and_then(|named| named.name.name());
    name.map_or_else(
        || UNNAMED.to_owned(),
        |name| name.chars().take(LONGEST_NAME).collect(),
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::super::envelope::one;
    use super::*;

    const UID: &str = "4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01";

    fn read(json: &str) -> Option<Stack> {
        stack(&one(json.as_bytes())?)
    }

    fn with(fields: &str) -> Stack {
        read(&format!(r#"{{"response":{{"uid":"{UID}"{fields}}}}}"#)).unwrap()
    }

    #[test]
    fn the_documented_example_is_read_whole() {
        let stack = read(
            r#"{"response":{"uid":"4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01","name":"Harbour Shop",
            "git":"git@github.com:example-org/harbour-shop.git","git_branch":"main","environment":"production",
            "cloud":"DigitalOcean","fqdn":"harbour-shop.example.c66.me","language":"ruby","framework":"rails",
            "status":6,"health":3,"last_activity":"2025-03-04T09:12:44+00:00",
            "last_activity_iso":"2025-03-04T09:12:44+00:00","maintenance_mode":true,"has_loadbalancer":false,
            "created_at":"2024-11-02 08:00:01 UTC","created_at_iso":"2024-11-02T08:00:01Z","is_busy":true,
            "account_id":912,"account_name":"Harbour Ltd","backend":"kubernetes","namespaces":["a"],
            "application_address":"https://shop.example.com","considerations":{"warnings":[]},
            "redeploy_hook":"https://hooks.cloud66.com/stacks/redeploy/0011/ffee"}}"#,
        )
        .unwrap();
        assert_eq!(stack.uid.to_string(), UID);
        assert_eq!(stack.title(), "Harbour Shop production");
        assert_eq!(stack.git_branch.as_deref(), Some("main"));
        assert_eq!(stack.address.as_ref().unwrap().host(), "shop.example.com");
        assert_eq!((stack.status, stack.health), (Status::Deploying, Health::Healthy));
        assert!(stack.maintenance && stack.busy);
        assert_eq!(stack.account, Some(AccountId(912)));
        assert_eq!(stack.last_activity, Some(datetime!(2025-03-04 09:12:44 UTC)));
        assert_eq!(stack.created_at, Some(datetime!(2024-11-02 08:00:01 UTC)));
        assert!(!format!("{stack:?}").contains("hooks.cloud66.com"));
    }

    #[test]
    fn what_is_missing_or_odd_is_left_out() {
        let bare = with("");
        assert_eq!(
            (bare.name.as_str(), bare.environment.as_str()),
            ("(no name)", "unknown")
        );
        assert_eq!((bare.status, bare.health), (Status::NotGiven, Health::Unknown));
        assert_eq!((bare.address, bare.git, bare.last_activity), (None, None, None));

        // 8.4: the fields that may be null; 4.2: codes that nobody listed; 8.3: numbers as text.
        let odd = with(
            r#","name":null,"git":null,"git_branch":null,"last_activity":null,"redeploy_hook":null,
            "application_address":null,"fqdn":"x.c66.me","status":"6","health":77,"is_busy":"true",
            "account_id":"912","maintenance_mode":null,"cloud":"no_cloud","created_at":"2014-08-14 00:38:14 UTC""#,
        );
        assert_eq!((odd.status, odd.health), (Status::Deploying, Health::Other(77)));
        assert_eq!((odd.busy, odd.maintenance, odd.cloud), (true, false, None));
        assert_eq!(odd.account, Some(AccountId(912)));
        assert_eq!(odd.address.unwrap().as_str(), "http://x.c66.me/");
        assert_eq!(odd.created_at, Some(datetime!(2014-08-14 00:38:14 UTC)));
    }

    #[test]
    fn an_address_that_is_no_web_address_is_no_link() {
        let stack = with(r#","application_address":"javascript:alert(1)","fqdn":"shop.example""#);
        assert_eq!(stack.address.unwrap().as_str(), "http://shop.example/");
    }

    #[test]
    fn a_stack_without_a_uid_is_none() {
        for uid in [
            "null",
            "7",
            r#""""#,
            r#""../../../../../../../../../../ab""#,
            r#""4F6C0E2B9D1A4C7E8B3F5A6D7C8E9F01""#,
        ] {
            assert!(read(&format!(r#"{{"uid":{uid},"name":"x"}}"#)).is_none(), "{uid}");
        }
        assert!(read(r#"{"name":"x"}"#).is_none());
    }
}
