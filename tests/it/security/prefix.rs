//! P: the app below a path prefix of its host. A crawl follows every address that a page has, whatever element
//! carries it, sends every form and opens every stream, and takes no excuse: each address is below the prefix and
//! each answer is a good one.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

use reqwest::{Method, StatusCode};
use scraper::{Html, Selector};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::raw::address;
use crate::harness::{Browser, Case, Cases, Form, PAUSE, Page, TestApp, Wish, looks};

/// Attributes that carry words or data and no address, whatever they begin with.
const NO_ADDRESS: [&str; 3] = ["value", "d", "content"];

struct Crawl<'a> {
    browser: &'a Browser,
    case: &'a Case<'a>,
    /// What every address has to stand below: empty, or `/deck`.
    prefix: &'a str,
    origin: url::Origin,
    waiting: VecDeque<(Url, Url)>,
    seen: BTreeSet<String>,
    forms: BTreeSet<String>,
    /// Where forms lead that end the session, for the end.
    last: BTreeSet<Url>,
    streams: usize,
}

impl<'a> Crawl<'a> {
    fn new(browser: &'a Browser, case: &'a Case<'a>, prefix: &'a str, from: &Url) -> Self {
        Self {
            browser,
            case,
            prefix,
            origin: from.origin(),
            waiting: VecDeque::new(),
            seen: BTreeSet::new(),
            forms: BTreeSet::new(),
            last: BTreeSet::new(),
            streams: 0,
        }
    }

    /// Reads a page that somebody has reached, and everything that it leads to.
    async fn run(&mut self, page: &Page) {
        self.read(page).await;
        while let Some((url, from)) = self.waiting.pop_front() {
            let answer = self.browser.request(Method::GET, &url, None, Some(&from)).await;
            self.take(&answer, &from).await;
        }
    }

    async fn take(&mut self, answer: &Page, from: &Url) {
        let url = &answer.url;
        if answer.status.is_redirection() {
            self.add(url, answer.location(), "location");
            return;
        }
        self.case
            .same(answer.status, StatusCode::OK, format!("{url}, from {from}"));
        self.read(answer).await;
    }

    async fn read(&mut self, page: &Page) {
        match page.header("content-type").split(';').next().unwrap() {
            "text/html" => Box::pin(self.read_html(page)).await,
            "text/css" => {
                for (_, rest) in page
                    .body
                    .match_indices("url(")
                    .map(|(at, _)| page.body.split_at(at + 4))
                {
                    let address = rest.split(')').next().unwrap().trim_matches(['"', '\'']);
                    self.add(&page.url, address, "url()");
                }
            }
            "application/manifest+json" => {
                let manifest: serde_json::Value = serde_json::from_str(&page.body).unwrap();
                for name in ["start_url", "scope"] {
                    self.add(&page.url, manifest[name].as_str().unwrap(), name);
                }
                for icon in manifest["icons"].as_array().unwrap() {
                    self.add(&page.url, icon["src"].as_str().unwrap(), "icon");
                }
            }
            _ => {}
        }
    }

    async fn read_html(&mut self, page: &Page) {
        for (name, address) in addresses(page) {
            match name.as_str() {
                "data-events" => self.open_stream(page, &address).await,
                // Sent with the form's fields, below.
                "action" => {}
                // The button of a row sends the form of its page, which is sent below.
                "hx-post" => {
                    let url = page.url.join(&address).unwrap();
                    self.case.check(self.is_below(&url), address);
                }
                _ => self.add(&page.url, &address, &name),
            }
        }
        let boxes = boxes(page);
        for mut form in page.forms() {
            let first_box = boxes.iter().find(|(action, ..)| *action == form.action);
            if let Some((_, name, value)) = first_box.filter(|(_, name, _)| form.get(name).is_empty()) {
                form.fields.push((name.clone(), value.clone()));
            }
            let path = form.action.path();
            let below = self.is_below(&form.action);
            self.case
                .check(below, format!("a form of {} goes to {}", page.url, form.action));
            if form.method == Method::GET {
                let mut url = form.action.clone();
                url.query_pairs_mut().clear().extend_pairs(&form.fields);
                self.add(&page.url, url.as_str(), "form");
            } else if path.contains("/sign-out") {
                self.last.insert(form.action);
            } else if self.forms.insert(kind_of(&form)) {
                let answer = self.browser.send_once(&form).await;
                if path.ends_with("/sign-in") {
                    // Leads to Cloud 66, and names the way back.
                    self.case.check(answer.sees_other(), answer.status);
                } else if answer.status == StatusCode::CONFLICT {
                    // A command before it is still under way on this stack. The page that says so leads on too.
                    self.read(&answer).await;
                } else {
                    self.take(&answer, &page.url).await;
                }
            }
        }
    }

    async fn open_stream(&mut self, page: &Page, address: &str) {
        self.case
            .check(self.is_below(&page.url.join(address).unwrap()), address);
        if !self.seen.insert(address.to_owned()) {
            return;
        }
        let mut stream = self.browser.follow(page).await;
        // A person has few seats, and a proxy takes a moment to give up the one that was left last.
        for () in looks() {
            if stream.status != StatusCode::TOO_MANY_REQUESTS {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            stream = self.browser.follow(page).await;
        }
        self.case.same(stream.status, StatusCode::OK, address);
        stream.until_bytes(": open").await;
        let twin = self.browser.get_json(address).await;
        self.case.same(twin.status, StatusCode::OK, address);
        self.streams += 1;
    }

    /// Notes an address that has to be followed. One with a query is followed where its path is new, or where it
    /// says something that none before it has said: the filters of a list can be put together without end.
    fn add(&mut self, page: &Url, address: &str, what: &str) {
        if address.starts_with('#') {
            return;
        }
        let mut url = page.join(address).unwrap();
        if url.origin() != self.origin {
            self.case
                .check(address.contains("://"), format!("{page}: {what} {address}"));
            return;
        }
        self.case
            .check(self.is_below(&url), format!("{what} of {page} is {address}"));
        url.set_fragment(None);
        let mut is_new = self.seen.insert(url.path().to_owned());
        for (name, value) in url.query_pairs() {
            is_new |= self.seen.insert(format!("{}?{name}={value}", url.path()));
        }
        if is_new {
            self.waiting.push_back((url, page.clone()));
        }
    }

    fn is_below(&self, url: &Url) -> bool {
        url.origin() == self.origin
            && url
                .path()
                .strip_prefix(self.prefix)
                .is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Every attribute of every element that is an address of ours: it begins with a slash, or it is one of those that
/// carry nothing else.
fn addresses(page: &Page) -> Vec<(String, String)> {
    let document = Html::parse_document(&page.body);
    let all = Selector::parse("*").unwrap();
    let mut found = Vec::new();
    for element in document.select(&all) {
        for (name, value) in element.value().attrs() {
            let always = matches!(name, "href" | "src" | "formaction");
            if always || (value.starts_with('/') && !NO_ADDRESS.contains(&name)) {
                found.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    found
}

/// The first box to tick of each form that has any: where the form leads, the box's name and its value.
fn boxes(page: &Page) -> Vec<(Url, String, String)> {
    let document = Html::parse_document(&page.body);
    let forms = Selector::parse("form").unwrap();
    let first = Selector::parse("input[type=checkbox]").unwrap();
    let boxes = document.select(&forms).filter_map(|form| {
        let first = form.select(&first).next()?;
        let action = page.url.join(form.attr("action")?).unwrap();
        Some((
            action,
            first.attr("name")?.to_owned(),
            first.attr("value")?.to_owned(),
        ))
    });
    boxes.collect()
}

/// What tells one form from another of its kind: the same for every stack.
fn kind_of(form: &Form) -> String {
    let is_id = |part: &str| part.len() == 32 || part.bytes().all(|byte| byte.is_ascii_digit());
    let path: Vec<&str> = form
        .action
        .path()
        .split('/')
        .map(|part| {
            if !part.is_empty() && is_id(part) {
                "*"
            } else {
                part
            }
        })
        .collect();
    let names: BTreeSet<&str> = form.fields.iter().map(|(name, _)| name.as_str()).collect();
    format!("{} {names:?}", path.join("/"))
}

/// P08: at the root of its host.
#[tokio::test]
async fn everything_that_a_page_leads_to_is_there() {
    crawl_below("", "P08").await;
}

/// P50: below one segment, with the slash at the end and without it.
#[tokio::test]
async fn everything_that_a_page_leads_to_is_there_below_a_prefix() {
    crawl_below("/deck", "P50").await;
}

/// P50: below two segments.
#[tokio::test]
async fn everything_that_a_page_leads_to_is_there_below_two_segments() {
    crawl_below("/tools/deck", "P50").await;
}

/// P51: behind a proxy that takes the prefix off.
#[tokio::test]
async fn everything_that_a_page_leads_to_is_there_behind_a_proxy_that_takes_the_prefix_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let home = format!("http://localhost:{port}");
    let app = wish()
        .setting("STACKDECK_PUBLIC_URL", format!("{home}/deck"))
        .start()
        .await;
    tokio::spawn(take_off_the_prefix(listener, address(&app), "/deck"));
    let cases = Cases::of("host", "taken_off");
    crawl(&app, &Browser::new(&home), &cases.case("P51"), "/deck").await;
}

fn wish() -> Wish {
    TestApp::with().sandbox(|options| options.stacks = Some(6))
}

async fn crawl_below(prefix: &'static str, case: &'static str) {
    let app = wish().below(prefix).start().await;
    let cases = Cases::of("host", if prefix.is_empty() { "at_root" } else { prefix });
    crawl(&app, &app.browser(), &cases.case(case), prefix).await;
}

/// A proxy as far as this matters: passes everything on as it is, but for the prefix. A connection carries one request.
async fn take_off_the_prefix(listener: TcpListener, to: SocketAddr, prefix: &'static str) {
    loop {
        let (mut from, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(from.read_u8().await?);
            }
            let head = String::from_utf8(head).unwrap();
            let (line, rest) = head.split_once("\r\n").unwrap();
            let line = line.replacen(&format!(" {prefix}/"), " /", 1);
            let mut to = TcpStream::connect(to).await?;
            to.write_all(format!("{line}\r\nConnection: close\r\n{rest}").as_bytes())
                .await?;
            tokio::io::copy_bidirectional(&mut from, &mut to).await
        });
    }
}

/// Crawls as a stranger and as somebody who has signed in, and signs out by each way that there is.
pub(super) async fn crawl(app: &TestApp, browser: &Browser, case: &Case<'_>, prefix: &str) {
    let first = [format!("{prefix}/"), prefix.to_owned()];
    let mut home = None;
    for address in first.iter().filter(|address| !address.is_empty()) {
        let page = browser.get(address).await;
        case.same(page.status, StatusCode::OK, address);
        let mut crawl = Crawl::new(browser, case, prefix, &page.url);
        crawl.run(&page).await;
        home = Some(page);
    }
    let page = browser.submit(&home.unwrap(), "Sign in with Cloud 66").await;
    let page = browser.allow(page, &app.main_person()).await;
    case.same(page.url.path(), format!("{prefix}/"), "after signing in");
    case.same(page.status, StatusCode::OK, "after signing in");

    let mut crawl = Crawl::new(browser, case, prefix, &page.url);
    crawl.run(&page).await;
    case.check(crawl.seen.len() > 60, format!("{} addresses", crawl.seen.len()));
    case.check(crawl.forms.len() > 8, format!("{:?}", crawl.forms));
    case.check(crawl.streams > 3, format!("{} streams", crawl.streams));
    let ends = std::mem::take(&mut crawl.last);
    case.same(ends.len(), 2, "sign out here and everywhere");
    for end in ends {
        let settings = browser.get(&format!("{prefix}/settings")).await;
        let form = settings.forms().into_iter().find(|form| form.action == end);
        let answer = browser.send_once(&form.unwrap()).await;
        crawl.take(&answer, &end).await;
        let page = browser.get(&format!("{prefix}/")).await;
        crawl.run(&page).await;
        let page = browser.submit(&page, "Sign in with Cloud 66").await;
        let page = browser.allow(page, &app.main_person()).await;
        case.same(page.status, StatusCode::OK, "signed in again");
    }
}
