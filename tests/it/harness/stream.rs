//! An event stream as a browser reads it (WHATWG HTML, section 9.2.6).

use std::time::Instant;

use reqwest::StatusCode;
use reqwest::header::{COOKIE, HeaderMap};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::PATIENCE;
use super::browser::{Browser, Page};
use super::time::PAUSE;

/// An open stream.
pub struct Stream {
    pub status: StatusCode,
    pub headers: HeaderMap,
    response: reqwest::Response,
    bytes: Vec<u8>,
}

/// One event.
#[derive(Debug, Clone, Default)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: String,
}

impl Browser {
    /// The stack list, once all that can be known of it is on it.
    pub async fn whole_list(&self) -> Page {
        let began = Instant::now();
        loop {
            let page = self.get("/").await;
            if !page.body.contains("Not loaded yet") {
                return page;
            }
            assert!(began.elapsed() < PATIENCE, "some versions never came");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Opens the stream that this page names, from where the page was true, as the page's script does.
    pub async fn follow(&self, page: &Page) -> Stream {
        let since = page.attribute("body", "data-since").unwrap();
        self.follow_since(page, &since).await
    }

    /// The same from another event on.
    pub async fn follow_since(&self, page: &Page, since: &str) -> Stream {
        let events = page.attribute("body", "data-events").unwrap();
        self.follow_path(&format!("{events}&since={since}")).await
    }

    /// Opens a stream at this address.
    pub async fn follow_path(&self, path: &str) -> Stream {
        let response = self.ask(path, "text/event-stream").await;
        Stream {
            status: response.status(),
            headers: response.headers().clone(),
            response,
            bytes: Vec::new(),
        }
    }

    /// Opens the stream that this page names and reads nothing of it; the whole answer is still to be read.
    pub async fn follow_unread(&self, page: &Page) -> TcpStream {
        let events = page.attribute("body", "data-events").unwrap();
        let url = self.address(&events);
        let address = format!("127.0.0.1:{}", url.port().unwrap());
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET {events} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nAccept: text/event-stream\r\n\r\n",
            url.authority(),
            self.cookie_header(&url).unwrap_or_default()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Asks as a hidden tab does.
    pub async fn get_json(&self, path: &str) -> Twin {
        let response = self.ask(path, "application/json").await;
        let status = response.status();
        #[expect(
            clippy::disallowed_methods,
            reason = "a test's browser reads what it is given"
        )]
        let body = response.text().await.unwrap();
        Twin { status, body }
    }

    /// Presses the one-click button of a stack in the list, as htmx does.
    pub async fn press_in_place(&self, page: &Page, uid: &str) -> Twin {
        let field = |name: &str| {
            page.attribute(&format!("#page-op input[name={name}]"), "value")
                .unwrap()
        };
        let url = self.address(&format!("/stacks/{uid}/redeploy"));
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", &field("csrf"))
            .append_pair("op", &field("op"))
            .finish();
        let request = self.http().post(url.clone()).header("hx-request", "true");
        let response = request
            .header(COOKIE, self.cookie_header(&url).unwrap_or_default())
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .unwrap();
        let status = response.status();
        #[expect(
            clippy::disallowed_methods,
            reason = "a test's browser reads what it is given"
        )]
        let body = response.text().await.unwrap();
        Twin { status, body }
    }

    async fn ask(&self, path: &str, accept: &str) -> reqwest::Response {
        let url = self.address(path);
        let mut request = self.http().get(url.clone()).header("accept", accept);
        if let Some(cookies) = self.cookie_header(&url) {
            request = request.header(COOKIE, cookies);
        }
        request
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

/// What a hidden tab is answered.
pub struct Twin {
    pub status: StatusCode,
    pub body: String,
}

impl Stream {
    /// The next event; none at the end. Comments and hints are skipped.
    pub async fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(at) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.bytes.drain(..at + 2).collect();
                let event = read(std::str::from_utf8(&block).unwrap());
                if event.name.is_empty() && event.data.is_empty() {
                    continue;
                }
                return Some(event);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk())
                .await
                .unwrap();
            match chunk {
                Ok(Some(chunk)) => self.bytes.extend_from_slice(&chunk),
                _ => return None,
            }
        }
    }

    /// Reads until an event whose data holds these words.
    pub async fn until(&mut self, words: &str) -> Event {
        self.find(words, |event| event.data.contains(words)).await
    }

    /// Reads until an event of this name.
    pub async fn until_event(&mut self, name: &str) -> Event {
        self.find(name, |event| event.name == name).await
    }

    /// Reads until the stack's row says these words.
    pub async fn until_row(&mut self, uid: &str, words: &str) -> Event {
        let place = format!("id=\"state-{uid}\"");
        self.find(words, |event| {
            let row = event.data.split_once(&place).map(|(_, rest)| rest);
            row.and_then(|row| row.split("id=\"ver-").next())
                .is_some_and(|row| row.contains(words))
        })
        .await
    }

    async fn find(&mut self, wanted: &str, is_it: impl Fn(&Event) -> bool) -> Event {
        let mut seen = Vec::new();
        let found = async {
            while let Some(event) = self.next_event().await {
                if is_it(&event) {
                    return Some(event);
                }
                seen.push(format!("{} {} {:.300}", event.name, event.id, event.data));
            }
            None
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(Some(event)) => event,
            _ => panic!("never {wanted:?}; came: {seen:#?}"),
        }
    }

    /// Waits for the end of the stream.
    pub async fn ends(&mut self) {
        while let Some(event) = self.next_event().await {
            assert_ne!(event.name, "rows", "nothing comes after the end");
        }
    }

    /// Reads until these words have come, as bytes: comments are among them.
    pub async fn until_bytes(&mut self, words: &str) {
        while !self.bytes.windows(words.len()).any(|at| at == words.as_bytes()) {
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            match chunk {
                Ok(Ok(Some(chunk))) => self.bytes.extend_from_slice(&chunk),
                other => panic!("never {words:?}: {other:?}"),
            }
        }
    }

    /// The text up to the end, hints included.
    pub async fn rest(&mut self) -> String {
        while let Ok(Ok(Some(chunk))) = tokio::time::timeout(PATIENCE, self.response.chunk()).await {
            self.bytes.extend_from_slice(&chunk);
        }
        String::from_utf8(std::mem::take(&mut self.bytes)).unwrap()
    }
}

fn read(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut event.name),
            "id" => value.clone_into(&mut event.id),
            "data" => {
                if !event.data.is_empty() {
                    event.data.push('\n');
                }
                event.data.push_str(value);
            }
            _ => {}
        }
    }
    event
}
