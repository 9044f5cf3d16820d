//! `ping` and `ping/auth` (fact sheet 4.9), in the envelope that the vendor's own client needs.

use super::{Asked, Reply};
use serde_json::json as value;

pub(super) fn ping() -> Reply {
    Reply::one(value!({ "ok": true, "message": "all good" }))
}

pub(super) fn auth(asked: &Asked<'_>) -> Reply {
    let person = &asked.caller.person;
    let account_id = asked.current_account();
    let message = format!(
        "all good. authenticated. User ID is {}. Account ID is {account_id}",
        person.id
    );
    Reply::one(value!({
        "ok": true,
        "message": message,
        "user_id": person.id,
        "account_id": account_id,
        "user_name": person.name,
        "account_name": asked.state.account(account_id).map(|account| &account.name),
    }))
}
