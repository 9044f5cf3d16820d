//! Who the token belongs to (fact sheet 4.9), and the accounts (4.7).

use serde::Deserialize;

use super::cell::Cell;
use crate::domain::{AccountId, Person, UserId};

/// What somebody is called whom Cloud 66 gives no name.
pub(in crate::cloud66) const NAMELESS: &str = "Cloud 66 user";

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::cloud66) struct WirePing {
    user_id: Cell,
    user_name: Cell,
    account_id: Cell,
    account_name: Cell,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::cloud66) struct WireAccount {
    id: Cell,
    friendly_name: Cell,
    owner: Cell,
}

/// Makes a person; none without an id. Account 0 stands for one that Cloud 66 did not name: it is on no list
/// of accounts whose members may sign in.
pub(in crate::cloud66) fn person(wire: &WirePing) -> Option<Person> {
    Some(Person {
        id: UserId(wire.user_id.id()?),
        name: wire.user_name.name().unwrap_or_else(|| NAMELESS.to_owned()),
        account: AccountId(wire.account_id.id().unwrap_or(0)),
        account_name: wire.account_name.name().unwrap_or_default(),
    })
}

/// Makes an account's id and name; none without an id. The friendly name may be blank.
pub(in crate::cloud66) fn account(wire: &WireAccount) -> Option<(AccountId, String)> {
    let id = AccountId(wire.id.id()?);
    let name = wire.friendly_name.name().or_else(|| wire.owner.name());
    Some((id, name.unwrap_or_else(|| format!("Account {id}"))))
}

#[cfg(test)]
mod tests {
    use super::super::envelope::one;
    use super::*;

    #[test]
    fn a_person_is_read_with_and_without_the_envelope() {
        let bare = r#"{"ok":true,"message":"all good","user_id":77,"account_id":912,"user_name":"Example User","account_name":"Harbour Ltd"}"#;
        let expected = Person {
            id: UserId(77),
            name: "Example User".into(),
            account: AccountId(912),
            account_name: "Harbour Ltd".into(),
        };
        for json in [bare.to_owned(), format!(r#"{{"response":{bare}}}"#)] {
            assert_eq!(person(&one(json.as_bytes()).unwrap()), Some(expected.clone()));
        }
        let least = person(&one(br#"{"user_id":"77","user_name":null}"#).unwrap()).unwrap();
        assert_eq!((least.name.as_str(), least.account), (NAMELESS, AccountId(0)));
        for json in ["{}", r#"{"user_id":null}"#, r#"{"user_id":0}"#] {
            assert_eq!(person(&one(json.as_bytes()).unwrap()), None, "{json}");
        }
    }

    #[test]
    fn an_account_is_called_by_its_friendly_name_or_its_owner() {
        for (fields, name) in [
            (
                r#""friendly_name":"Harbour Ltd","owner":"a@b.example""#,
                "Harbour Ltd",
            ),
            (r#""friendly_name":"","owner":"a@b.example""#, "a@b.example"),
            (r#""friendly_name":null,"owner":null"#, "Account 912"),
        ] {
            let wire = one(format!(r#"{{"id":912,{fields}}}"#).as_bytes()).unwrap();
            assert_eq!(account(&wire), Some((AccountId(912), name.to_owned())));
        }
    }
}
