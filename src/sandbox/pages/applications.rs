//! Developers: registering applications (fact sheet 2). Only there for people with developer mode.

use super::{Frame, Visit, render};
use crate::sandbox::http::{Answer, redirect};
use crate::sandbox::oauth::redirect_uri;
use crate::sandbox::world::Application;
use askama::Template;
use hyper::StatusCode;

/// Answers everything under `/oauth/applications`.
pub(super) fn route(visit: &mut Visit<'_>, method: &str, path: &[&str]) -> Answer {
    let Some(person) = visit.person() else {
        return visit.to_sign_in();
    };
    if !person.developer {
        return visit.notice(
            StatusCode::FORBIDDEN,
            "Developer mode is off",
            "Turn it on, on your account page; then applications can be registered here.",
        );
    }
    let owner = person.id;
    let own = |id: &str| {
        let id = id.parse().ok()?;
        visit
            .state
            .application(id)
            .filter(|application| application.owner == Some(owner))
            .cloned()
    };
    let missing = "There is no such application of yours.";
    match (method, path) {
        ("GET", []) => list(visit, owner),
        ("GET", ["new"]) => form(visit, StatusCode::OK, FormPage::default()),
        ("POST", []) => create(visit, owner),
        (_, [id] | [id, "edit"]) => match (own(id), method, path.len()) {
            (Some(application), "GET", 1) => show(visit, application),
            (Some(application), "GET", 2) => form(visit, StatusCode::OK, FormPage::of(&application)),
            (Some(application), "PUT" | "PATCH", 1) => update(visit, &application),
            (Some(application), "DELETE", 1) => delete(visit, &application),
            _ => visit.notice(StatusCode::NOT_FOUND, "Not found", missing),
        },
        _ => visit.notice(StatusCode::NOT_FOUND, "Not found", missing),
    }
}

#[derive(Template)]
#[template(path = "sandbox/applications.html")]
struct ListPage {
    frame: Frame,
    applications: Vec<Application>,
}

fn list(visit: &Visit<'_>, owner: u64) -> Answer {
    let own = visit
        .state
        .applications
        .iter()
        .filter(|application| application.owner == Some(owner));
    let template = ListPage {
        frame: visit.frame("Developers"),
        applications: own.cloned().collect(),
    };
    render(StatusCode::OK, &template)
}

#[derive(Template)]
#[template(path = "sandbox/application.html")]
struct ShowPage {
    frame: Frame,
    application: Application,
    base: String,
}

fn show(visit: &Visit<'_>, application: Application) -> Answer {
    let base = visit.settings.base.clone();
    render(
        StatusCode::OK,
        &ShowPage {
            frame: visit.frame("Application"),
            application,
            base,
        },
    )
}

#[derive(Default)]
struct FormPage {
    /// The application that is edited; `None` for a new one.
    id: Option<u64>,
    name: String,
    callbacks: String,
    faults: Vec<String>,
}

#[derive(Template)]
#[template(path = "sandbox/application_form.html")]
struct FormTemplate {
    frame: Frame,
    form: FormPage,
}

impl FormPage {
    fn of(application: &Application) -> Self {
        Self {
            id: Some(application.id),
            name: application.name.clone(),
            callbacks: application.callbacks.join("\n"),
            faults: Vec::new(),
        }
    }

    /// What was sent, with what is wrong about it.
    fn sent(visit: &Visit<'_>, id: Option<u64>) -> Self {
        let text = |name| visit.request.form.get(name).unwrap_or_default().trim().to_owned();
        let mut form = Self {
            id,
            name: text("name"),
            callbacks: text("redirect_uri"),
            faults: Vec::new(),
        };
        if form.name.is_empty() {
            form.faults.push("Give the application a name.".to_owned());
        }
        let callbacks = form.lines();
        if callbacks.is_empty() {
            form.faults.push("Give at least one callback URL.".to_owned());
        }
        for callback in callbacks {
            if let Some(fault) = redirect_uri::fault_of(&callback) {
                form.faults
                    .push(format!("The callback URL \"{callback}\" {fault}."));
            }
        }
        form
    }

    /// The callback URLs, one on each line.
    fn lines(&self) -> Vec<String> {
        self.callbacks.split_whitespace().map(str::to_owned).collect()
    }
}

fn form(visit: &Visit<'_>, status: StatusCode, form: FormPage) -> Answer {
    let title = if form.id.is_some() {
        "Edit application"
    } else {
        "New Application"
    };
    render(
        status,
        &FormTemplate {
            frame: visit.frame(title),
            form,
        },
    )
}

fn create(visit: &mut Visit<'_>, owner: u64) -> Answer {
    let sent = FormPage::sent(visit, None);
    if !sent.faults.is_empty() {
        return form(visit, StatusCode::UNPROCESSABLE_ENTITY, sent);
    }
    let id = visit
        .state
        .applications
        .iter()
        .map(|application| application.id)
        .max()
        .unwrap_or(0)
        + 1;
    let application = Application {
        id,
        callbacks: sent.lines(),
        name: sent.name,
        client_id: visit.state.random.hex::<32>(),
        client_secret: visit.state.random.hex::<32>(),
        any_loopback: false,
        owner: Some(owner),
    };
    visit.state.applications.push(application);
    redirect(&format!("/oauth/applications/{id}"))
}

fn update(visit: &mut Visit<'_>, application: &Application) -> Answer {
    let sent = FormPage::sent(visit, Some(application.id));
    if !sent.faults.is_empty() {
        return form(visit, StatusCode::UNPROCESSABLE_ENTITY, sent);
    }
    if let Some(stored) = visit
        .state
        .applications
        .iter_mut()
        .find(|one| one.id == application.id)
    {
        stored.callbacks = sent.lines();
        stored.name = sent.name;
    }
    redirect(&format!("/oauth/applications/{}", application.id))
}

/// With the application go its tokens and codes.
fn delete(visit: &mut Visit<'_>, application: &Application) -> Answer {
    let id = application.id;
    visit.state.applications.retain(|one| one.id != id);
    visit.state.codes.retain(|_, code| code.application != id);
    visit.state.revoke(|token| token.application == Some(id));
    redirect("/oauth/applications")
}
