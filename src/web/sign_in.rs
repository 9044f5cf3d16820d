//! Signing in and out: the forms, and the way back from Cloud 66.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::{HeaderName, HeaderValue, SET_COOKIE};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::cookies;
use super::form::{OpenForm, SignedForm};
use super::headers::LeadsToCloud66;
use super::looks::Looks;
use super::pace::UnhurriedSignIn;
use super::pages::code::CodePage;
use super::pages::home::SignInPage;
use super::pages::trouble::SignInTrouble;
use super::problem::Problem;
use super::session::{self, Visitor};
use super::stacks::parameter;
use super::state::WebState;
use super::urls;
use crate::app::SignedIn;
use crate::app::sign_in::{Access, Answer};
use crate::domain::ReturnTo;

/// The longest state that is looked up; ours have 43 characters.
const LONGEST_STATE: usize = 128;

const CLEAR_SITE_DATA: (HeaderName, HeaderValue) = (
    HeaderName::from_static("clear-site-data"),
    // Never "cookies": it would take those of the whole registrable domain.
    HeaderValue::from_static("\"cache\", \"storage\""),
);

/// The fields of the sign-in form.
#[derive(Debug, Deserialize)]
pub struct SignInForm {
    #[serde(default)]
    access: String,
    #[serde(default)]
    return_to: String,
}

impl SignInForm {
    fn access(&self) -> urls::Access {
        urls::Access::parse(&self.access)
    }

    fn return_to(&self) -> ReturnTo {
        ReturnTo::parse(&self.return_to)
    }
}

/// `GET /sign-in`: what a sign-in will ask for; changes nothing.
pub async fn ask(
    State(state): State<WebState>,
    Looks(frame): Looks,
    axum::extract::Query(form): axum::extract::Query<SignInForm>,
) -> Response {
    if state.app().oauth().is_none() {
        return Redirect::to(&state.urls().home()).into_response();
    }
    leading_to_cloud66(SignInPage::new(frame, form.access(), &form.return_to()))
}

/// `POST /sign-in`: begins a sign-in, and sends the browser to Cloud 66. Out of band, the form opens a second tab
/// and this happens there.
pub async fn begin(
    State(state): State<WebState>,
    _: UnhurriedSignIn,
    headers: HeaderMap,
    OpenForm(form): OpenForm<SignInForm>,
) -> Result<Response, Problem> {
    let site = state.site();
    let browser = cookies::sign_in_browser(site, &headers).unwrap_or_else(|| state.app().random().token());
    let access = match form.access() {
        urls::Access::Redeploy => Access::Redeploy,
        urls::Access::Read => Access::Read,
    };
    let authorize = state
        .app()
        .begin_sign_in(access, form.return_to(), &browser)
        .await?;
    let mut response = Redirect::to(authorize.as_str()).into_response();
    response
        .headers_mut()
        .append(SET_COOKIE, cookies::set_sign_in_browser(site, &browser));
    Ok(response)
}

/// `GET /oauth/callback`: the way back. The answer is read by hand, because a parameter that comes twice, or one
/// that is not text, has to be refused and not guessed at.
pub async fn callback(
    State(state): State<WebState>,
    _: UnhurriedSignIn,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    visitor: Option<Visitor>,
    session: Session,
) -> Result<Response, Problem> {
    let query = CallbackQuery::read(&query.unwrap_or_default())
        .filter(|query| query.is_from(state.app().sign_in_origin().as_deref()));
    let finished = match (query, cookies::sign_in_browser(state.site(), &headers)) {
        (Some(query), Some(browser)) => {
            state
                .app()
                .finish_sign_in(&query.state, &browser, query.answer)
                .await
        }
        (None, _) => return Err(SignInTrouble::Malformed.into()),
        (Some(_), None) => return Err(SignInTrouble::Expired.into()),
    };
    match finished {
        Ok((who, return_to)) => welcome(&state, &session, &who, &return_to).await,
        // A callback that was used already, opened again by somebody who is signed in, needs no page.
        Err(crate::app::sign_in::SignInError::Expired) if visitor.is_some() => {
            Ok(Redirect::to(&state.urls().home()).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /oauth/code`: the page that takes a pasted code.
pub async fn code_page(
    State(state): State<WebState>,
    Looks(frame): Looks,
    RawQuery(query): RawQuery,
) -> Response {
    let return_to = parameter(&query.unwrap_or_default(), "return_to")
        .map(|page| ReturnTo::parse(&page))
        .unwrap_or_default();
    let begin = state.urls().sign_in_page(urls::Access::Redeploy, &return_to);
    CodePage::new(frame, &begin, false).into_response()
}

/// The field of the page for a pasted code.
#[derive(Debug, Deserialize)]
pub struct CodeForm {
    #[serde(default)]
    code: String,
}

/// `POST /oauth/code`: takes a pasted code.
pub async fn paste_code(
    State(state): State<WebState>,
    _: UnhurriedSignIn,
    headers: HeaderMap,
    session: Session,
    OpenForm(form): OpenForm<CodeForm>,
) -> Result<Response, Problem> {
    let browser =
        cookies::sign_in_browser(state.site(), &headers).ok_or(Problem::from(SignInTrouble::Expired))?;
    let (who, return_to) = state
        .app()
        .finish_pasted_sign_in(&browser, form.code.trim().to_owned())
        .await?;
    welcome(&state, &session, &who, &return_to).await
}

async fn welcome(
    state: &WebState,
    session: &Session,
    who: &SignedIn,
    return_to: &ReturnTo,
) -> Result<Response, Problem> {
    session::begin(session, state.app(), who).await?;
    tracing::info!(person = who.person.id.0, scopes = %who.grant.scopes, "signed in");
    Ok(Redirect::to(&state.urls().return_to(return_to)).into_response())
}

/// A form with nothing in it but its anti-forgery token.
#[derive(Debug, Deserialize)]
pub struct NoFields {}

/// `POST /sign-out`.
pub async fn sign_out(
    State(state): State<WebState>,
    form: SignedForm<NoFields>,
) -> Result<Response, Problem> {
    form.visitor.sign_out().await?;
    Ok(goodbye(&state))
}

/// `POST /sign-out/everywhere`: ends all sessions of the person.
pub async fn sign_out_everywhere(
    State(state): State<WebState>,
    form: SignedForm<NoFields>,
) -> Result<Response, Problem> {
    let ended = state.app().sign_out_everywhere(&form.visitor.who).await?;
    tracing::info!(
        person = form.visitor.who.person.id.0,
        ended,
        "signed out everywhere"
    );
    form.visitor.sign_out().await?;
    Ok(goodbye(&state))
}

fn goodbye(state: &WebState) -> Response {
    let mut response = Redirect::to(&state.urls().home()).into_response();
    let (name, value) = CLEAR_SITE_DATA;
    response.headers_mut().insert(name, value);
    response
}

/// A page whose form leads to Cloud 66; see [`LeadsToCloud66`].
pub fn leading_to_cloud66(page: impl axum::response::IntoResponse) -> Response {
    let mut response = page.into_response();
    response.extensions_mut().insert(LeadsToCloud66);
    response
}

/// What the callback's query says, where it is an answer to a sign-in at all.
struct CallbackQuery {
    state: String,
    answer: Answer,
    issuer: Option<String>,
}

impl CallbackQuery {
    fn read(query: &str) -> Option<Self> {
        let mut state = None;
        let mut code = None;
        let mut error = None;
        let mut issuer = None;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let place = match name.as_ref() {
                "state" => &mut state,
                "code" => &mut code,
                "error" => &mut error,
                "iss" => &mut issuer,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return None;
            }
        }
        let state = state.filter(|state| {
            !state.is_empty() && state.len() <= LONGEST_STATE && state.bytes().all(|b| b.is_ascii_graphic())
        })?;
        let answer = match (code, error) {
            (Some(code), None) => Answer::Code { code },
            (None, Some(word)) => Answer::Error { word },
            _ => return None,
        };
        Some(Self {
            state,
            answer,
            issuer,
        })
    }

    /// Whether the answer comes from where the sign-in was sent: a server that says who it is (RFC 9207) has to
    /// say that. Cloud 66 is not known to say anything, so silence is taken.
    fn is_from(&self, cloud66: Option<&str>) -> bool {
        self.issuer.is_none() || self.issuer.as_deref() == cloud66
    }
}

/// The state in a callback's query, where it is an answer to a sign-in; for tests that throw bytes at it.
pub fn state_in_callback(query: &str) -> Option<String> {
    CallbackQuery::read(query).map(|query| query.state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_says_where_it_comes_from_says_cloud_66() {
        let ours = Some("https://app.cloud66.com");
        let read = |query: &str| CallbackQuery::read(query).unwrap();
        assert!(read("code=a&state=s").is_from(ours));
        assert!(read("code=a&state=s&iss=https%3A%2F%2Fapp.cloud66.com").is_from(ours));
        for other in ["", "https://evil.example", "https://app.cloud66.com.evil.example"] {
            assert!(
                !read(&format!("code=a&state=s&iss={other}")).is_from(ours),
                "{other}"
            );
        }
    }

    #[test]
    fn an_answer_has_one_state_and_either_a_code_or_an_error() {
        assert!(
            matches!(CallbackQuery::read("code=a%2Fb&state=s").unwrap().answer, Answer::Code { code } if code == "a/b")
        );
        assert!(
            matches!(CallbackQuery::read("error=access_denied&state=s&x=y").unwrap().answer, Answer::Error { word } if word == "access_denied")
        );
        for bad in [
            "",
            "code=a",
            "state=s",
            "code=a&state=",
            "code=a&code=b&state=s",
            "code=a&state=s&state=s",
            "code=a&error=b&state=s",
            "code=a&state=%00",
            "code=a&state=s&iss=b&iss=b",
            &format!("code=a&state={}", "s".repeat(129)),
        ] {
            assert!(CallbackQuery::read(bad).is_none(), "{bad}");
        }
    }
}
