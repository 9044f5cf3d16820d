//! A browser as far as forms go: it keeps cookies, follows redirects on the sandbox and sends the forms that
//! are in the HTML.

use crate::support::{Lab, http, read};
use reqwest::{Method, StatusCode};
use scraper::{ElementRef, Html, Selector};
use std::collections::BTreeMap;

pub struct Browser<'a> {
    lab: &'a Lab,
    http: reqwest::Client,
    pub cookies: BTreeMap<String, String>,
}

/// Where a request ended.
pub struct Page {
    pub status: StatusCode,
    /// The path, or the whole address when it leads away from the sandbox.
    pub at: String,
    pub text: String,
    pub headers: reqwest::header::HeaderMap,
}

impl Page {
    /// The text of the first element that the selector finds.
    pub fn find(&self, selector: &str) -> Option<String> {
        let html = Html::parse_document(&self.text);
        let found = html.select(&Selector::parse(selector).unwrap()).next()?;
        Some(found.text().collect::<String>().trim().to_owned())
    }

    pub fn all(&self, selector: &str) -> Vec<String> {
        let html = Html::parse_document(&self.text);
        let selector = Selector::parse(selector).unwrap();
        html.select(&selector)
            .map(|one| one.text().collect::<String>().trim().to_owned())
            .collect()
    }

    /// A field of the address where the browser ended.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.at.split_once('?')?;
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Whether the browser was sent away from the sandbox.
    pub fn left(&self) -> bool {
        !self.at.starts_with('/')
    }
}

impl<'a> Browser<'a> {
    pub fn new(lab: &'a Lab) -> Self {
        Self {
            lab,
            http: http(),
            cookies: BTreeMap::new(),
        }
    }

    /// A browser that has signed in.
    pub async fn signed_in(lab: &'a Lab, email: &str) -> Self {
        let mut browser = Self::new(lab);
        let page = browser.get("/users/sign_in").await;
        browser.submit(&page, "main form", &[("person", email)]).await;
        browser
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.go(Method::GET, path, None).await
    }

    /// Sends the first form that the selector finds, with its own fields and these.
    pub async fn submit(&mut self, page: &Page, selector: &str, fields: &[(&str, &str)]) -> Page {
        let (method, action, mut form) = read_form(&page.text, selector);
        for (name, value) in fields {
            form.retain(|(key, _)| key != name);
            form.push(((*name).to_owned(), (*value).to_owned()));
        }
        self.go(method, &action, Some(form)).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let form = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.go(Method::POST, path, Some(form)).await
    }

    async fn go(&mut self, method: Method, path: &str, form: Option<Vec<(String, String)>>) -> Page {
        let mut next = (method, path.to_owned(), form);
        for _ in 0..5 {
            let (method, path, form) = next;
            let mut request = self.http.request(method, self.lab.url(&path));
            let cookies: Vec<String> = self
                .cookies
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            if !cookies.is_empty() {
                request = request.header("cookie", cookies.join("; "));
            }
            if let Some(form) = form {
                request = request.form(&form);
            }
            let answer = read(request).await;
            for line in answer.headers.get_all("set-cookie") {
                let (key, rest) = line.to_str().unwrap().split_once('=').unwrap();
                self.cookies
                    .insert(key.to_owned(), rest.split(';').next().unwrap().to_owned());
            }
            let to = answer.header("location").to_owned();
            if to.is_empty() || !to.starts_with('/') {
                let at = if to.is_empty() { path } else { to };
                return Page {
                    status: answer.status,
                    at,
                    text: answer.text,
                    headers: answer.headers,
                };
            }
            next = (Method::GET, to, None);
        }
        panic!("more than five redirects");
    }

    /// Goes through sign-in and consent, and gives the address to which the application is called back.
    pub async fn authorize(&mut self, email: &str, fields: &[(&str, &str)]) -> Page {
        let mut page = self.get(&self.lab.authorize_path(fields)).await;
        if page.at.starts_with("/users/sign_in") {
            page = self.submit(&page, "main form", &[("person", email)]).await;
        }
        if page.left() || !page.text.contains("id=\"authorize\"") {
            return page;
        }
        self.submit(&page, "#authorize", &[]).await
    }
}

fn read_form(html: &str, selector: &str) -> (Method, String, Vec<(String, String)>) {
    let html = Html::parse_document(html);
    let form = html
        .select(&Selector::parse(selector).unwrap())
        .next()
        .unwrap_or_else(|| panic!("no {selector}"));
    let attribute = |element: ElementRef<'_>, name: &str| element.attr(name).unwrap_or_default().to_owned();
    let method = if attribute(form, "method") == "post" {
        Method::POST
    } else {
        Method::GET
    };
    let mut fields = Vec::new();
    for field in form.select(&Selector::parse("input, textarea").unwrap()) {
        let (name, kind) = (attribute(field, "name"), attribute(field, "type"));
        let textarea = field.value().name() == "textarea";
        let value = if textarea {
            field.text().collect()
        } else {
            attribute(field, "value")
        };
        if kind != "checkbox" || field.attr("checked").is_some() {
            fields.push((name, value));
        }
    }
    (method, attribute(form, "action"), fields)
}
