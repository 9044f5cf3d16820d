//! One person's browser, as far as this run needs one: cookies, redirects, forms found in the HTML, the headers
//! that say where a request comes from, and no surprise when nobody answers.
//!
//! The app has one public address; which of its processes a request reaches is thrown for each request, as a
//! careless proxy would do it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use reqwest::{Client, Method};
use scraper::{ElementRef, Html, Selector};
use url::Url;

use crate::Fallible;
use crate::dice::Dice;

/// How long a person waits for a page before reloading it.
const PATIENCE: Duration = Duration::from_secs(10);
/// More redirects in a row than any page of ours makes.
const MOST_REDIRECTS: usize = 12;

/// A browser with cookies of its own.
pub(crate) struct Browser {
    http: Client,
    public: Url,
    ports: Vec<u16>,
    dice: Dice,
    /// By host without port, as browsers keep them.
    cookies: Mutex<HashMap<String, BTreeMap<String, String>>>,
}

/// An answer, before any redirect is followed.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) url: Url,
    pub(crate) location: Option<Url>,
    body: String,
}

/// Nobody answered: the connection was refused, broke, or nothing came in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
pub(crate) struct NoAnswer;

/// A form, filled in as its page had it.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) action: Url,
    fields: Vec<(String, String)>,
    page: Url,
}

/// The client that all browsers share.
pub(crate) fn client() -> Fallible<Client> {
    // The program's own client installs the same provider; whoever is first wins.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .no_proxy();
    Ok(builder.build()?)
}

impl Browser {
    /// A browser that has never been here. `ports` are those of the app's processes.
    pub(crate) fn new(http: Client, public: Url, ports: Vec<u16>, dice: Dice) -> Self {
        Self {
            http,
            public,
            ports,
            dice,
            cookies: Mutex::default(),
        }
    }

    /// Signs in, through every page of the app and of Cloud 66 that a person would see.
    pub(crate) async fn sign_in(&self, email: &str) -> Fallible<()> {
        let home = self.get("/").await?;
        let form = home
            .form(|form| form.action.path() == "/sign-in" && form.get("access") == "redeploy")
            .ok_or("the first page has no way to sign in")?;
        let mut page = self.follow(self.send(&form).await?).await?;
        if page.url.path() == "/users/sign_in" {
            let form = page.form(|form| form.get("person") == email);
            let form = form.ok_or("the person is not on Cloud 66's page")?;
            page = self.follow(self.send(&form).await?).await?;
        }
        if page.url.path() == "/oauth/authorize" {
            let form =
                page.form(|form| form.action.path() == "/oauth/authorize" && form.get("_method").is_empty());
            let form = form.ok_or("Cloud 66's page has nothing to press")?;
            page = self.follow(self.send(&form).await?).await?;
        }
        if page.url.origin() == self.public.origin() && page.status == 200 {
            Ok(())
        } else {
            Err(format!("signing in ended at {} with {}", page.url.path(), page.status).into())
        }
    }

    /// One of the app's pages.
    pub(crate) async fn get(&self, path: &str) -> Result<Page, NoAnswer> {
        let url = self.public.join(path).map_err(|_| NoAnswer)?;
        self.request(Method::GET, &url, None, None).await
    }

    /// Sends a form.
    pub(crate) async fn send(&self, form: &Form) -> Result<Page, NoAnswer> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&form.fields)
            .finish();
        self.request(Method::POST, &form.action, Some(body), Some(&form.page))
            .await
    }

    async fn follow(&self, mut page: Page) -> Result<Page, NoAnswer> {
        for _ in 0..MOST_REDIRECTS {
            let Some(next) = page.location.take() else {
                return Ok(page);
            };
            page = self.request(Method::GET, &next, None, Some(&page.url)).await?;
        }
        Err(NoAnswer)
    }

    async fn request(
        &self,
        method: Method,
        url: &Url,
        body: Option<String>,
        from: Option<&Url>,
    ) -> Result<Page, NoAnswer> {
        let at_app = url.origin() == self.public.origin();
        let mut target = url.clone();
        if at_app {
            let port = self.dice.pick(&self.ports).copied();
            target.set_host(Some("127.0.0.1")).map_err(|_| NoAnswer)?;
            target.set_port(port).map_err(|()| NoAnswer)?;
        }
        let mut request = self
            .http
            .request(method.clone(), target)
            .header("accept", "text/html");
        if at_app {
            request = request.header(HOST, self.public.authority());
        }
        if let Some(cookies) = self.cookie_header(url) {
            request = request.header(COOKIE, cookies);
        }
        let site = match from {
            None => "none",
            Some(from) if from.origin() == url.origin() => "same-origin",
            Some(_) => "cross-site",
        };
        request = request.header("sec-fetch-site", site);
        if let (Method::POST, Some(from)) = (method, from) {
            request = request.header("origin", from.origin().ascii_serialization());
        }
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body);
        }
        let response = request.send().await.map_err(|_| NoAnswer)?;
        self.keep_cookies(url, response.headers());
        let status = response.status().as_u16();
        let location = response.headers().get(LOCATION);
        let location = location
            .and_then(|to| to.to_str().ok())
            .and_then(|to| url.join(to).ok());
        #[expect(clippy::disallowed_methods, reason = "a browser reads what it is given")]
        let body = response.text().await.map_err(|_| NoAnswer)?;
        Ok(Page {
            status,
            url: url.clone(),
            location,
            body,
        })
    }

    fn cookie_header(&self, url: &Url) -> Option<String> {
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs: Vec<String> = cookies
            .get(url.host_str()?)?
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn keep_cookies(&self, url: &Url, headers: &reqwest::header::HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let jar = cookies
            .entry(url.host_str().unwrap_or_default().to_owned())
            .or_default();
        for header in headers.get_all(SET_COOKIE).iter().filter_map(|h| h.to_str().ok()) {
            let (pair, attributes) = header.split_once(';').unwrap_or((header, ""));
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            if value.is_empty() || attributes.to_ascii_lowercase().contains("max-age=0") {
                jar.remove(name.trim());
            } else {
                jar.insert(name.trim().to_owned(), value.to_owned());
            }
        }
    }
}

impl Page {
    /// The first form that `wanted` takes.
    pub(crate) fn form(&self, wanted: impl Fn(&Form) -> bool) -> Option<Form> {
        let forms = Selector::parse("form").ok()?;
        let document = Html::parse_document(&self.body);
        let mut found = document.select(&forms).filter_map(|form| self.read(&form));
        found.find(wanted)
    }

    /// The text of the first element of a selector.
    pub(crate) fn text(&self, selector: &str) -> Option<String> {
        let selector = Selector::parse(selector).ok()?;
        let document = Html::parse_document(&self.body);
        let first = document.select(&selector).next()?;
        Some(first.text().collect::<String>().trim().to_owned())
    }

    /// The terms and their values in a list of facts.
    pub(crate) fn facts(&self) -> BTreeMap<String, String> {
        let text = |element: ElementRef<'_>| element.text().collect::<String>().trim().to_owned();
        let document = Html::parse_document(&self.body);
        let (Ok(terms), Ok(pairs)) = (Selector::parse("dt, dd"), Selector::parse("dl.facts > div")) else {
            return BTreeMap::new();
        };
        let pairs = document.select(&pairs).filter_map(|pair| {
            let mut parts = pair.select(&terms).map(text);
            Some((parts.next()?, parts.next()?))
        });
        pairs.collect()
    }

    /// Where its links lead.
    pub(crate) fn links(&self) -> impl Iterator<Item = String> {
        let document = Html::parse_document(&self.body);
        let links: Vec<String> = Selector::parse("a[href]").map_or_else(
            |_| Vec::new(),
            |links| {
                let hrefs = document.select(&links).filter_map(|link| link.attr("href"));
                hrefs.map(str::to_owned).collect()
            },
        );
        links.into_iter()
    }

    fn read(&self, form: &ElementRef<'_>) -> Option<Form> {
        let inputs = Selector::parse("input").ok()?;
        let fields = form.select(&inputs).filter_map(|input| {
            let kind = input.attr("type").unwrap_or("text");
            let sent = match kind {
                "checkbox" | "radio" => input.attr("checked").is_some(),
                kind => kind != "submit",
            };
            let value = input.attr("value").unwrap_or_default().to_owned();
            Some((input.attr("name").filter(|_| sent)?.to_owned(), value))
        });
        Some(Form {
            action: self.url.join(form.attr("action").unwrap_or_default()).ok()?,
            fields: fields.collect(),
            page: self.url.clone(),
        })
    }
}

impl Form {
    /// The form with a box ticked.
    pub(crate) fn ticked(mut self, name: &str) -> Self {
        self.fields.push((name.to_owned(), "yes".to_owned()));
        self
    }

    /// A field's value.
    pub(crate) fn get(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map_or("", |(_, value)| value)
    }
}
