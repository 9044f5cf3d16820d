//! Signing in: pick one of the people. There are no passwords; whoever reaches the sandbox may be anybody.

use super::{Frame, Visit, render};
use crate::sandbox::http::{Answer, redirect};
use askama::Template;
use hyper::StatusCode;

#[derive(Template)]
#[template(path = "sandbox/sign_in.html")]
struct SignIn {
    frame: Frame,
    people: Vec<Choice>,
    return_to: String,
    /// The application that sent the browser here.
    application: Option<String>,
}

struct Choice {
    email: String,
    name: String,
    about: &'static str,
}

pub(super) fn page(visit: &Visit<'_>) -> Answer {
    let people = visit.state.people.iter().map(|person| Choice {
        email: person.email.clone(),
        name: person.name.clone(),
        about: person.about,
    });
    let return_to = local(visit.request.query.get("return_to"));
    let application = url::Url::parse("http://sandbox.invalid").ok().and_then(|base| {
        let here = base.join(&return_to).ok()?;
        let client_id = here
            .query_pairs()
            .find(|(name, _)| name == "client_id")?
            .1
            .into_owned();
        Some(visit.state.application_by_client_id(&client_id)?.name.clone())
    });
    let template = SignIn {
        frame: visit.frame("Sign in"),
        people: people.collect(),
        return_to,
        application,
    };
    render(StatusCode::OK, &template)
}

pub(super) fn submit(visit: &mut Visit<'_>) -> Answer {
    let email = visit.request.form.get("person").unwrap_or_default();
    let Some(person) = visit.state.person_by_email(email).map(|person| person.id) else {
        return visit.notice(
            StatusCode::NOT_FOUND,
            "Nobody has this email",
            "Pick one of the people listed.",
        );
    };
    let now = visit.now;
    if let Some(person) = visit.state.person_mut(person) {
        person.last_login = now;
    }
    visit.turn_into(Some(person));
    redirect(&local(visit.request.form.get("return_to")))
}

pub(super) fn sign_out(visit: &mut Visit<'_>) -> Answer {
    visit.turn_into(None);
    redirect("/users/sign_in")
}

/// A path on this server, or the start page.
fn local(return_to: Option<&str>) -> String {
    let local = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && !path.contains(|character: char| character.is_control())
    };
    return_to.filter(local).unwrap_or("/").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_on_this_server_are_returned_to() {
        assert_eq!(local(Some("/oauth/authorize?a=b")), "/oauth/authorize?a=b");
        for elsewhere in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a\nb",
            "",
        ] {
            assert_eq!(local(Some(elsewhere)), "/", "{elsewhere}");
        }
        assert_eq!(local(None), "/");
    }
}
