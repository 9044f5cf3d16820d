//! The accounts a person belongs to (fact sheet 4.7).

use super::dates::zulu;
use super::{ApiError, Asked, Replied, Reply, paging};
use crate::sandbox::world::Account;
use serde_json::{Value, json as value};

pub(super) fn list(asked: &Asked<'_>) -> Reply {
    let all: Vec<&Account> = asked
        .state
        .accounts
        .iter()
        .filter(|account| asked.caller.person.belongs_to(account.id))
        .collect();
    paging::list(asked, &all, |account| object(asked, account))
}

pub(super) fn show(asked: &Asked<'_>) -> Replied {
    let id = asked.call.number(0);
    let account = asked
        .state
        .account(id)
        .filter(|_| asked.caller.person.belongs_to(id));
    let account = account.ok_or_else(|| ApiError::not_found("No account with this id"))?;
    Ok(Reply::one(object(asked, account)))
}

fn object(asked: &Asked<'_>, account: &Account) -> Value {
    let stacks: Vec<_> = asked
        .state
        .visible(&asked.caller.person, Some(account.id))
        .collect();
    let mut clouds: Vec<String> = stacks.iter().map(|stack| stack.cloud.to_lowercase()).collect();
    clouds.sort_unstable();
    clouds.dedup();
    let primary = account.id == asked.caller.person.primary_account;
    let mut object = value!({
        "id": account.id,
        "owner": account.owner,
        "friendly_name": account.name,
        "created_at_iso": zulu(account.created_at),
        "updated_at_iso": zulu(account.created_at),
        "stack_count": stacks.len(),
        "used_clouds": clouds,
        "current_account": primary,
    });
    if primary
        && asked.request.param("include_servers") == Some("true")
        && let Some(fields) = object.as_object_mut()
    {
        fields.insert("unmanaged_servers".to_owned(), value!([]));
    }
    object
}
