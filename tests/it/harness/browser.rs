//! A browser as far as HTTP goes: cookies per host, redirects, forms found in the HTML, and the headers by which
//! browsers say where a request comes from.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode};
use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::time::{PAUSE, Time};

/// One person's browser.
pub struct Browser {
    http: reqwest::Client,
    home: Url,
    /// By host without port, as browsers keep them.
    cookies: Mutex<HashMap<String, BTreeMap<String, String>>>,
    time: Option<Time>,
}

/// A page that was loaded, after all redirects.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: StatusCode,
    pub url: Url,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
    /// The addresses that led here, this one last.
    pub chain: Vec<Url>,
}

/// A form, filled in as the page had it.
#[derive(Debug, Clone)]
pub struct Form {
    pub action: Url,
    pub method: Method,
    pub fields: Vec<(String, String)>,
    page: Url,
}

impl Browser {
    pub fn new(home: &str) -> Self {
        // The program's own client installs the same provider; whoever is first wins.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            http,
            home: home.parse().unwrap(),
            cookies: Mutex::default(),
            time: None,
        }
    }

    /// The same, with the time of the app that it looks at.
    pub fn with_time(mut self, time: Time) -> Self {
        self.time = Some(time);
        self
    }

    /// Lets a moment pass for the app, where the test has its time.
    pub async fn let_pass(&self, moment: time::Duration) {
        match &self.time {
            Some(time) => time.let_pass(moment).await,
            None => tokio::time::sleep(PAUSE).await,
        }
    }

    /// The address of one of the app's pages.
    pub fn address(&self, path: &str) -> Url {
        self.home.join(path).unwrap()
    }

    /// Types the address of one of the app's pages, or of any page.
    pub async fn get(&self, path: &str) -> Page {
        self.navigate(Method::GET, self.address(path), None, None).await
    }

    /// Signs in as the sandbox's person with this e-mail address, through every page that a person would see.
    pub async fn sign_in(&self, person: &str) -> Page {
        let page = self.begin_sign_in().await;
        self.allow(page, person).await
    }

    /// Goes through Cloud 66's pages as this person, as far as they are shown: who has signed in there is not
    /// asked again, and what was allowed before is not either.
    pub async fn allow(&self, page: Page, person: &str) -> Page {
        let mut page = page;
        if page.url.path() == "/users/sign_in" {
            page = self.choose_person(&page, person).await;
        }
        if page.url.path() == "/oauth/authorize" {
            page = self.submit(&page, "Authorize").await;
        }
        page
    }

    /// From the signed-out page to Cloud 66's.
    pub async fn begin_sign_in(&self) -> Page {
        let home = self.get("/").await;
        self.submit(&home, "Sign in with Cloud 66").await
    }

    /// Chooses who to be on the sandbox's sign-in page.
    pub async fn choose_person(&self, people: &Page, person: &str) -> Page {
        let form = people
            .forms()
            .into_iter()
            .find(|form| form.get("person") == person);
        self.send(form.unwrap_or_else(|| panic!("{person} is not on the page")))
            .await
    }

    /// Presses the button with this text.
    pub async fn submit(&self, page: &Page, button: &str) -> Page {
        self.send(page.form(button)).await
    }

    /// Sends a form.
    pub async fn send(&self, form: Form) -> Page {
        if form.method == Method::GET {
            let mut url = form.action.clone();
            url.query_pairs_mut().clear().extend_pairs(&form.fields);
            return self.navigate(Method::GET, url, None, Some(&form.page)).await;
        }
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&form.fields)
            .finish();
        self.navigate(form.method, form.action, Some(body), Some(&form.page))
            .await
    }

    /// Sends a form and looks at the answer itself, not at where it leads.
    pub async fn send_once(&self, form: &Form) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&form.fields)
            .finish();
        self.request(form.method.clone(), &form.action, Some(body), Some(&form.page))
            .await
    }

    /// One request, without following its redirect.
    pub async fn request(&self, method: Method, url: &Url, body: Option<String>, from: Option<&Url>) -> Page {
        let mut request = self.http.request(method.clone(), url.clone());
        if let Some(cookies) = self.cookie_header(url) {
            request = request.header(COOKIE, cookies);
        }
        let site = match from {
            None => "none",
            Some(from) if from.origin() == url.origin() => "same-origin",
            Some(_) => "cross-site",
        };
        request = request
            .header("sec-fetch-site", site)
            .header("sec-fetch-mode", "navigate")
            .header("accept", "text/html");
        if let (false, Some(from)) = (method == Method::GET, from) {
            request = request.header("origin", from.origin().ascii_serialization());
        }
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body);
        }
        let response = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("{method} {url}: {error}"));
        self.keep_cookies(url, response.headers());
        Page::read(url, response).await
    }

    /// What a script of the page fetches from there.
    pub async fn fetch(&self, url: &Url) -> Page {
        let request = self.http.get(url.clone()).header(COOKIE, self.cookies());
        let response = request
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-dest", "empty")
            .send()
            .await
            .unwrap();
        Page::read(url, response).await
    }

    /// What a page that is looked at fetches for itself.
    pub async fn fetch_as_htmx(&self, url: &Url) -> Page {
        let request = self.http.get(url.clone()).header(COOKIE, self.cookies());
        let response = request
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-dest", "empty")
            .header("hx-request", "true")
            .send()
            .await
            .unwrap();
        Page::read(url, response).await
    }

    /// The app's cookies, as they are sent.
    pub fn cookies(&self) -> String {
        self.cookie_header(&self.home).unwrap_or_default()
    }

    async fn navigate(&self, method: Method, url: Url, body: Option<String>, from: Option<&Url>) -> Page {
        let mut chain = vec![url.clone()];
        let mut page = self.request(method, &url, body, from).await;
        while page.status.is_redirection() && page.status != StatusCode::NOT_MODIFIED {
            assert!(chain.len() < 12, "too many redirects: {chain:?}");
            let location = page.headers[LOCATION].to_str().unwrap();
            let next = page.url.join(location).unwrap();
            chain.push(next.clone());
            page = self.request(Method::GET, &next, None, from).await;
        }
        page.chain = chain;
        page
    }

    /// The value of a cookie of the app.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies
            .lock()
            .unwrap()
            .get(self.home.host_str().unwrap())?
            .get(name)
            .cloned()
    }

    /// Puts a cookie of the app into this browser.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let host = self.home.host_str().unwrap().to_owned();
        self.cookies
            .lock()
            .unwrap()
            .entry(host)
            .or_default()
            .insert(name.into(), value.into());
    }

    /// The same browser, looking at another address of the app.
    pub fn at(&self, home: &str) -> Self {
        Self {
            http: self.http.clone(),
            home: home.parse().unwrap(),
            cookies: Mutex::new(self.cookies.lock().unwrap().clone()),
            time: self.time.clone(),
        }
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    pub(super) fn cookie_header(&self, url: &Url) -> Option<String> {
        let cookies = self.cookies.lock().unwrap();
        let pairs: Vec<String> = cookies
            .get(url.host_str()?)?
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn keep_cookies(&self, url: &Url, headers: &reqwest::header::HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap();
        let jar = cookies.entry(url.host_str().unwrap().to_owned()).or_default();
        for header in headers.get_all(SET_COOKIE) {
            let header = header.to_str().unwrap();
            let (pair, attributes) = header.split_once(';').unwrap_or((header, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.to_ascii_lowercase().contains("max-age=0") || value.is_empty() {
                jar.remove(name.trim());
            } else {
                jar.insert(name.trim().to_owned(), value.to_owned());
            }
        }
    }
}

impl Page {
    /// An answer, read to its end.
    async fn read(url: &Url, response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "a test's browser reads what it is given"
        )]
        let body = response.text().await.unwrap();
        Self {
            status,
            url: url.clone(),
            headers,
            body,
            chain: vec![url.clone()],
        }
    }

    /// What a person reads, with white space folded.
    pub fn text(&self) -> String {
        let document = Html::parse_document(&self.body);
        let body = Selector::parse("body").unwrap();
        let text: String = document
            .select(&body)
            .flat_map(|body| body.text())
            .collect::<Vec<_>>()
            .join(" ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The texts of all elements that match.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let document = Html::parse_document(&self.body);
        document
            .select(&Selector::parse(selector).unwrap())
            .map(|element| words(&element))
            .collect()
    }

    /// An attribute of the first element that matches.
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let document = Html::parse_document(&self.body);
        document
            .select(&Selector::parse(selector).unwrap())
            .next()?
            .attr(name)
            .map(str::to_owned)
    }

    /// Every form, as the page has it filled in, each with its first button pressed.
    pub fn forms(&self) -> Vec<Form> {
        let document = Html::parse_document(&self.body);
        let forms = Selector::parse("form").unwrap();
        document
            .select(&forms)
            .map(|form| self.read_form(&form, None))
            .collect()
    }

    /// The form whose button begins with this text.
    pub fn form(&self, button: &str) -> Form {
        self.form_whose_button(|candidate| words(candidate).starts_with(button))
    }

    fn form_whose_button(&self, wanted: impl Fn(&ElementRef<'_>) -> bool) -> Form {
        let document = Html::parse_document(&self.body);
        let (forms, buttons) = (
            Selector::parse("form").unwrap(),
            Selector::parse("button").unwrap(),
        );
        for form in document.select(&forms) {
            for candidate in form.select(&buttons) {
                if wanted(&candidate) {
                    return self.read_form(&form, Some(candidate));
                }
            }
        }
        panic!(
            "no such button on {} ({}):\n{}",
            self.url,
            self.status,
            self.text()
        );
    }

    fn read_form(&self, form: &ElementRef<'_>, button: Option<ElementRef<'_>>) -> Form {
        let controls = Selector::parse("input, select, textarea, button").unwrap();
        let buttons = Selector::parse("button").unwrap();
        let pressed = button.or_else(|| form.select(&buttons).next());
        let mut fields = Vec::new();
        for control in form.select(&controls) {
            let Some(name) = control.attr("name") else {
                continue;
            };
            let value = control.attr("value").unwrap_or_default().to_owned();
            match (control.value().name(), control.attr("type").unwrap_or("text")) {
                ("input", "checkbox" | "radio") if control.attr("checked").is_none() => {}
                ("input", "submit") | ("button", _)
                    if pressed.is_none_or(|pressed| pressed.id() != control.id()) => {}
                ("select", _) => fields.push((name.to_owned(), selected(&control))),
                ("textarea", _) => fields.push((name.to_owned(), control.text().collect())),
                _ => fields.push((name.to_owned(), value)),
            }
        }
        let action = form.attr("action").unwrap_or_default();
        let method = match form.attr("method").map(str::to_ascii_lowercase).as_deref() {
            Some("post") => Method::POST,
            _ => Method::GET,
        };
        Form {
            action: self.url.join(action).unwrap(),
            method,
            fields,
            page: self.url.clone(),
        }
    }
}

impl Form {
    /// Fills in a field.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Takes a field out.
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// A field's value.
    pub fn get(&self, name: &str) -> &str {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }
}

fn words(element: &ElementRef<'_>) -> String {
    element
        .text()
        .collect::<Vec<_>>()
        .join(" ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn selected(select: &ElementRef<'_>) -> String {
    let options = Selector::parse("option").unwrap();
    let mut first = None;
    for option in select.select(&options) {
        let value = option.attr("value").map_or_else(|| words(&option), str::to_owned);
        if option.attr("selected").is_some() {
            return value;
        }
        first.get_or_insert(value);
    }
    first.unwrap_or_default()
}
