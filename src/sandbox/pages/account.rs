//! The account page: developer mode (fact sheet 2) and personal access tokens.

use super::{Frame, Visit, render};
use crate::sandbox::http::{Answer, redirect};
use crate::sandbox::world::{Role, Scope};
use askama::Template;
use hyper::StatusCode;

#[derive(Template)]
#[template(path = "sandbox/account.html")]
struct AccountPage {
    frame: Frame,
    email: String,
    accounts: Vec<(String, u64, &'static str)>,
    scopes: Vec<(&'static str, &'static str)>,
    /// A token that was made just now: shown this once.
    new_token: Option<String>,
}

pub(super) fn page(visit: &Visit<'_>) -> Answer {
    show(visit, None)
}

fn show(visit: &Visit<'_>, new_token: Option<String>) -> Answer {
    let Some(person) = visit.person() else {
        return visit.to_sign_in();
    };
    let accounts = person.memberships.iter().filter_map(|membership| {
        let account = visit.state.account(membership.account_id)?;
        Some((
            account.name.clone(),
            account.id,
            membership.role.map_or("single stacks", Role::name),
        ))
    });
    let template = AccountPage {
        frame: visit.frame("Account"),
        email: person.email.clone(),
        accounts: accounts.collect(),
        scopes: Scope::ALL.map(|scope| (scope.name(), scope.words())).to_vec(),
        new_token,
    };
    render(StatusCode::OK, &template)
}

/// Turns developer mode on or off.
pub(super) fn submit(visit: &mut Visit<'_>) -> Answer {
    let Some(person) = visit.person().map(|person| person.id) else {
        return visit.to_sign_in();
    };
    let on = visit.request.form.get("developer") == Some("on");
    if let Some(person) = visit.state.person_mut(person) {
        person.developer = on;
    }
    redirect("/account")
}

/// Makes a personal access token with the scopes that were ticked.
pub(super) fn new_token(visit: &mut Visit<'_>) -> Answer {
    let Some(person) = visit.person().map(|person| person.id) else {
        return visit.to_sign_in();
    };
    let scopes: Vec<Scope> = visit
        .request
        .form
        .all("scopes")
        .filter_map(Scope::named)
        .collect();
    let name = visit
        .request
        .form
        .get("name")
        .unwrap_or("Personal token")
        .to_owned();
    let now = visit.now;
    let token = visit.state.personal_token(person, &name, scopes, now);
    show(visit, Some(token))
}
