//! The start page: who and what is in this sandbox, and lines to paste.

use super::{Frame, Visit, render};
use crate::sandbox::http::Answer;
use crate::sandbox::world::{Application, join};
use askama::Template;
use hyper::StatusCode;

#[derive(Template)]
#[template(path = "sandbox/start.html")]
struct Start {
    frame: Frame,
    base: String,
    client_id: String,
    client_secret: String,
    strictness: String,
    pkce: String,
    deploy_seconds: f64,
    control: bool,
    people: Vec<PersonRow>,
    applications: Vec<Application>,
    tokens: Vec<TokenRow>,
    /// The first stack the main person sees, for the examples.
    example_stack: String,
    example_token: String,
    faults: Vec<String>,
}

struct PersonRow {
    name: String,
    email: String,
    about: &'static str,
    stacks: usize,
    token: String,
}

struct TokenRow {
    fingerprint: String,
    person: String,
    source: String,
    scopes: String,
    revoked: bool,
}

pub(super) fn page(visit: &Visit<'_>) -> Answer {
    let state = &visit.state;
    let settings = visit.settings;
    let people = state
        .people
        .iter()
        .zip(&settings.ready_tokens)
        .map(|(person, token)| PersonRow {
            name: person.name.clone(),
            email: person.email.clone(),
            about: person.about,
            stacks: state.visible(person, None).count(),
            token: token.clone(),
        });
    let tokens = state.tokens.iter().rev().take(50).map(|token| TokenRow {
        fingerprint: crate::sandbox::journal::fingerprint(&token.value),
        person: state
            .person(token.person)
            .map(|person| person.name.clone())
            .unwrap_or_default(),
        source: match token.application {
            Some(id) => state
                .application(id)
                .map_or_else(String::new, |one| one.name.clone()),
            None => token.name.clone().unwrap_or_default(),
        },
        scopes: join(&token.scopes),
        revoked: token.revoked,
    });
    let template = Start {
        frame: visit.frame("Cloud 66 sandbox"),
        base: settings.base.clone(),
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone(),
        strictness: settings.strictness.to_string(),
        pkce: settings.pkce.to_string(),
        deploy_seconds: settings.deploy_time.as_secs_f64(),
        control: settings.control,
        people: people.collect(),
        applications: state.applications.clone(),
        tokens: tokens.collect(),
        example_stack: state
            .stacks
            .first()
            .map(|stack| stack.uid.clone())
            .unwrap_or_default(),
        example_token: settings.ready_tokens.first().cloned().unwrap_or_default(),
        faults: state.faults.list().iter().map(ToString::to_string).collect(),
    };
    render(StatusCode::OK, &template)
}
