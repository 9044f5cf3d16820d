//! Authorized Applications: what has access in the person's name, and taking it away (fact sheet 3.10).

use super::{Frame, Visit, render};
use crate::sandbox::http::{Answer, redirect};
use crate::sandbox::world::{Token, join};
use askama::Template;
use hyper::StatusCode;

#[derive(Template)]
#[template(path = "sandbox/authorized.html")]
struct Authorized {
    frame: Frame,
    rows: Vec<Row>,
}

struct Row {
    /// The application's id, or `t` and a fingerprint for a personal token.
    id: String,
    name: String,
    kind: &'static str,
    scopes: String,
    tokens: usize,
}

pub(super) fn page(visit: &Visit<'_>) -> Answer {
    let Some(person) = visit.person() else {
        return visit.to_sign_in();
    };
    let mut rows: Vec<Row> = Vec::new();
    for token in visit
        .state
        .tokens
        .iter()
        .filter(|token| !token.revoked && token.person == person.id)
    {
        let id = id_of(token);
        if let Some(row) = rows.iter_mut().find(|row| row.id == id) {
            row.tokens += 1;
            row.scopes = join(&token.scopes);
            continue;
        }
        let application = token.application.and_then(|id| visit.state.application(id));
        let name = application
            .map(|application| application.name.clone())
            .or_else(|| token.name.clone());
        rows.push(Row {
            id,
            name: name.unwrap_or_else(|| "A deleted application".to_owned()),
            kind: if token.application.is_some() {
                "application"
            } else {
                "personal token"
            },
            scopes: join(&token.scopes),
            tokens: 1,
        });
    }
    render(
        StatusCode::OK,
        &Authorized {
            frame: visit.frame("Authorized Applications"),
            rows,
        },
    )
}

/// Revoking an application kills all of its tokens of this person.
pub(super) fn revoke(visit: &mut Visit<'_>, which: &str) -> Answer {
    let Some(person) = visit.person().map(|person| person.id) else {
        return visit.to_sign_in();
    };
    visit
        .state
        .revoke(|token| token.person == person && id_of(token) == which);
    redirect("/oauth/authorized_applications")
}

fn id_of(token: &Token) -> String {
    match token.application {
        Some(id) => id.to_string(),
        None => format!("t{}", crate::sandbox::journal::fingerprint(&token.value)),
    }
}
