//! People (fact sheet 4.8): oneself, and for an administrator everybody in the account.

use super::dates::zulu;
use super::{ApiError, Asked, Replied, Reply, paging};
use crate::sandbox::world::{Person, Role};
use serde_json::{Value, json as value};

pub(super) fn list(asked: &Asked<'_>) -> Reply {
    let all: Vec<&Person> = asked
        .state
        .people
        .iter()
        .filter(|person| sees(asked, person))
        .collect();
    paging::list(asked, &all, |person| object(asked, person))
}

pub(super) fn show(asked: &Asked<'_>) -> Replied {
    let id = asked.call.number(0);
    let person = asked.state.person(id).filter(|person| sees(asked, person));
    let person = person.ok_or_else(|| ApiError::not_found("No user with this id"))?;
    Ok(Reply::one(object(asked, person)))
}

fn sees(asked: &Asked<'_>, person: &Person) -> bool {
    let account = asked.current_account();
    let administers = asked.caller.person.role_in(account) == Some(Role::Administrator);
    person.id == asked.caller.person.id || (administers && person.belongs_to(account))
}

fn object(asked: &Asked<'_>, person: &Person) -> Value {
    let role = person.role_in(person.primary_account);
    let deploys = role >= Some(Role::Deployer);
    let administers = role == Some(Role::Administrator);
    let stack_profiles: Vec<Value> = person
        .stack_roles
        .iter()
        .map(|(uid, role)| value!({ "stack_uid": uid, "role": role.name() }))
        .collect();
    let accounts: Vec<Value> = person
        .memberships
        .iter()
        .filter_map(|membership| {
            let account = asked.state.account(membership.account_id)?;
            let role = membership.role.map_or("Member", Role::name);
            Some(value!({ "id": account.id, "role": role, "name": account.name }))
        })
        .collect();
    value!({
        "id": person.id,
        "email": person.email,
        "primary_account_id": person.primary_account,
        "locked": false,
        "access_profile": {
            "account_profile": {
                "can_create_stack": deploys,
                "can_admin_users": administers,
                "can_payment": administers,
                "can_view_audit": administers,
                "can_edit_personal_token": true,
                "can_del_authorized_app": true,
                "can_view_custom_env": deploys,
                "can_edit_custom_env": administers,
                "can_add_developers_app": true,
                "can_del_developers_app": true,
                "default_roles": role.map(Role::name).into_iter().collect::<Vec<_>>(),
            },
            "stack_profiles": stack_profiles,
        },
        "uses_tfa": true,
        "timezone": "UTC",
        "has_valid_phone": false,
        "developer_program": person.developer,
        "github_login": false,
        "last_login": zulu(person.last_login),
        "devices": [],
        "created_at": zulu(person.created_at),
        "updated_at": zulu(person.created_at),
        "cloud_status": "healthy",
        "accounts": accounts,
    })
}
