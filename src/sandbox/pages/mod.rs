//! The pages for people: sign in, account, developers, authorized applications, consent, and the start page.
//!
//! Every form carries the browser's form token; a POST without it changes nothing. All pages work without
//! JavaScript, of which there is none.

mod account;
mod applications;
mod authorized;
pub(crate) mod consent;
mod sign_in;
mod start;

use super::http::{Answer, Request, page, redirect, set, typed};
use super::oauth;
use super::world::{Browser, Person, Settings, State, World};
use askama::Template;
use hyper::{Method, StatusCode};
use time::OffsetDateTime;

/// The sign-in cookie. Its name is its own because cookies do not tell ports apart.
const COOKIE: &str = "cloud66_sandbox_session";

const STYLESHEET: &str = include_str!("../../../templates/sandbox/sandbox.css");

/// A browser's request for a page.
pub(crate) struct Visit<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) now: OffsetDateTime,
    pub(crate) settings: &'a Settings,
    pub(crate) request: &'a Request,
    browser: Browser,
    cookie: String,
    /// Whether the browser has to be given its cookie.
    fresh: bool,
}

/// What every page shows around its content.
struct Frame {
    title: &'static str,
    /// The name of the person who is signed in.
    person: Option<String>,
    developer: bool,
    form_token: String,
}

/// Answers a request for a page, or for one of the two OAuth addresses that a person sees.
pub(crate) fn answer(world: &World, request: &Request) -> Answer {
    if request.path == "/sandbox.css" {
        let mut answer = typed(StatusCode::OK, "text/css; charset=utf-8", STYLESHEET.to_owned());
        set(&mut answer, "cache-control", "max-age=60");
        return answer;
    }
    let (mut state, now) = world.open();
    let known = request
        .cookie(COOKIE)
        .and_then(|cookie| Some((cookie.to_owned(), state.browsers.get(cookie)?.clone())));
    let fresh = known.is_none();
    let (cookie, browser) = known.unwrap_or_else(|| state.new_browser(None));
    let settings = world.settings();
    let mut visit = Visit {
        state: &mut state,
        now,
        settings,
        request,
        browser,
        cookie,
        fresh,
    };
    let mut answer = route(&mut visit);
    if visit.fresh {
        let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax", visit.cookie);
        set(&mut answer, "set-cookie", &cookie);
    }
    answer
}

fn route(visit: &mut Visit<'_>) -> Answer {
    let method = visit.verb();
    let path = visit.request.path.clone();
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    if method != "GET" && visit.request.form.get("authenticity_token") != Some(&visit.browser.form_token) {
        return visit.notice(
            StatusCode::UNPROCESSABLE_ENTITY,
            "This form is out of date",
            "Go back, reload the page and send the form again.",
        );
    }
    match (method.as_str(), words.as_slice()) {
        ("GET", []) => start::page(visit),
        ("GET", ["users", "sign_in"]) => sign_in::page(visit),
        ("POST", ["users", "sign_in"]) => sign_in::submit(visit),
        ("POST", ["users", "sign_out"]) => sign_in::sign_out(visit),
        ("GET", ["account"]) => account::page(visit),
        ("POST", ["account"]) => account::submit(visit),
        ("POST", ["personal_tokens"]) => account::new_token(visit),
        ("GET", ["oauth", "authorize"]) => oauth::show_authorize(visit),
        ("POST", ["oauth", "authorize"]) => oauth::approve(visit),
        ("DELETE", ["oauth", "authorize"]) => oauth::deny(visit),
        ("GET", ["oauth", "authorize", "native"]) => {
            let code = visit.request.query.get("code").unwrap_or_default().to_owned();
            oauth::show_code(visit, &code)
        }
        ("GET", ["oauth", "authorize", code]) => oauth::show_code(visit, code),
        ("GET", ["oauth", "authorized_applications"]) => authorized::page(visit),
        ("DELETE", ["oauth", "authorized_applications", which]) => authorized::revoke(visit, which),
        (_, ["oauth", "applications", rest @ ..]) => applications::route(visit, &method, rest),
        _ => visit.notice(
            StatusCode::NOT_FOUND,
            "There is no such page",
            "Go to the start page.",
        ),
    }
}

impl Visit<'_> {
    /// The method, or the one that a form's `_method` field stands for.
    fn verb(&self) -> String {
        match (&self.request.method, self.request.form.get("_method")) {
            (&Method::POST, Some(other)) => other.to_ascii_uppercase(),
            (&Method::HEAD, _) => "GET".to_owned(),
            (method, _) => method.to_string(),
        }
    }

    /// Who is signed in.
    pub(crate) fn person(&self) -> Option<&Person> {
        self.state.person(self.browser.person?)
    }

    /// To the sign-in page, and from there back to this address.
    pub(crate) fn to_sign_in(&self) -> Answer {
        let mut here = self.request.path.clone();
        if !self.request.raw_query.is_empty() {
            here.push('?');
            here.push_str(&self.request.raw_query);
        }
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("return_to", &here)
            .finish();
        redirect(&format!("/users/sign_in?{query}"))
    }

    /// The browser gets a new cookie, and belongs to `person` or to nobody.
    fn turn_into(&mut self, person: Option<u64>) {
        self.state.browsers.remove(&self.cookie);
        (self.cookie, self.browser) = self.state.new_browser(person);
        self.fresh = true;
    }

    fn frame(&self, title: &'static str) -> Frame {
        Frame {
            title,
            person: self.person().map(|person| person.name.clone()),
            developer: self.person().is_some_and(|person| person.developer),
            form_token: self.browser.form_token.clone(),
        }
    }

    /// A page that only says something.
    fn notice(&self, status: StatusCode, title: &'static str, words: &str) -> Answer {
        render(
            status,
            &Notice {
                frame: self.frame(title),
                words: words.to_owned(),
            },
        )
    }
}

#[derive(Template)]
#[template(path = "sandbox/notice.html")]
struct Notice {
    frame: Frame,
    words: String,
}

/// Renders a page. A template that fails is a mistake of the sandbox and says so.
fn render(status: StatusCode, template: &impl Template) -> Answer {
    match template.render() {
        Ok(html) => page(status, html),
        Err(error) => page(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("This page failed: {error}"),
        ),
    }
}
