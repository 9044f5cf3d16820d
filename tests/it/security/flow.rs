//! Steps of a sign-in that several groups take.

use std::collections::BTreeMap;

use reqwest::Method;
use url::Url;

use crate::harness::{Ask, Browser, Page, TestApp};

pub const SESSION: &str = "stackdeck_session";
pub const SIGN_IN: &str = "stackdeck_sign_in";
/// A session id that nobody issued, in the right shape.
pub const MADE_UP: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// An app that uses PKCE without asking first, so that the journal's first token request is the exchange.
pub async fn app() -> TestApp {
    TestApp::with().setting("CLOUD66_PKCE", "on").start().await
}

/// How often the token endpoint was asked.
pub fn token_requests(app: &TestApp) -> usize {
    app.world().journal().count("token")
}

/// How many sign-ins are under way, and how many sessions there are.
pub async fn rows(app: &TestApp) -> (i64, i64) {
    (
        app.number("SELECT count(*) FROM sign_ins").await,
        app.number("SELECT count(*) FROM sessions").await,
    )
}

/// The sign-in form, without a browser around it.
pub fn begin(app: &TestApp) -> Ask {
    Ask::form(
        format!("{}/sign-in", app.url),
        &[("access", "redeploy"), ("return_to", "/")],
    )
}

/// Begins a sign-in in this browser and gives where it leads: Cloud 66's authorize address.
pub async fn authorize_of(browser: &Browser) -> Url {
    let ask = browser.get("/sign-in").await;
    let away = browser.send_once(&ask.form("Go on to Cloud 66")).await;
    away.location().parse().unwrap()
}

/// Goes through Cloud 66's pages in this browser as this person, from the authorize address to the answer, and
/// gives the answer's address without opening it.
pub async fn answer_of(browser: &Browser, authorize: &Url, person: &str) -> Url {
    let mut page = browser.request(Method::GET, authorize, None, None).await;
    loop {
        if page.status.is_redirection() {
            let next = page.url.join(page.location()).unwrap();
            if next.path() == "/oauth/callback" || next.path() == "/oauth/authorize/native" {
                return next;
            }
            page = browser.request(Method::GET, &next, None, None).await;
        } else if page.url.path() == "/users/sign_in" {
            let mut forms = page.forms().into_iter();
            let form = forms.find(|form| form.get("person") == person).unwrap();
            page = browser.send_once(&form).await;
        } else {
            page = browser.send_once(&page.form("Authorize")).await;
        }
    }
}

/// The address of a callback that is good once, in this browser.
pub async fn callback_of(app: &TestApp, browser: &Browser) -> Url {
    let authorize = authorize_of(browser).await;
    answer_of(browser, &authorize, &app.main_person()).await
}

/// Opens an address in a browser and looks at the answer itself.
pub async fn open(browser: &Browser, url: &Url) -> Page {
    browser.request(Method::GET, url, None, None).await
}

/// A query as a map; what comes twice fails the test.
pub fn query(url: &Url) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for (name, value) in url.query_pairs().into_owned() {
        assert!(map.insert(name.clone(), value).is_none(), "{name} comes twice");
    }
    map
}

/// The same address with one parameter changed.
pub fn with_parameter(url: &Url, name: &str, value: &str) -> Url {
    let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    pairs.retain(|(known, _)| known != name);
    pairs.push((name.into(), value.into()));
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url
}

/// The same address without one parameter.
pub fn without_parameter(url: &Url, name: &str) -> Url {
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .into_owned()
        .filter(|(known, _)| known != name)
        .collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url
}
