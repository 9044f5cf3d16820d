//! Who looks: one Chromium with a profile of its own, and the words in which a test says what it does and
//! expects. Nothing here waits for time: a wait ends when the page shows what was expected, and fails loudly
//! where it does not.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thirtyfour::LoggingPrefsLogLevel;
use thirtyfour::extensions::query::ElementQueryOptions;
use thirtyfour::prelude::*;

use crate::site::Demo;

/// The longest that anything may take before it counts as not happening.
const PATIENCE: Duration = Duration::from_mins(5);

/// How often a page is looked at while something is waited for.
const LOOKING: Duration = Duration::from_millis(60);

/// What the person sits in front of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// A screen of 1280 by 900 and a mouse.
    Desk,
    /// The same with JavaScript off.
    DeskWithoutScripts,
    /// 390 by 844, touched.
    Phone,
}

impl Device {
    fn size(self) -> (u32, u32) {
        match self {
            Self::Desk | Self::DeskWithoutScripts => (1280, 900),
            Self::Phone => (390, 844),
        }
    }
}

/// An open browser.
pub struct Chromium {
    driver: WebDriver,
    // Dropped after the session, which it ends.
    _process: DriverProcess,
}

/// The driver, and its output, which must stay open for as long as it writes.
struct DriverProcess(Child, BufReader<ChildStdout>);

impl Drop for DriverProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Chromium {
    /// Opens a browser.
    pub async fn open(device: Device) -> Self {
        // The app installs the same provider; whoever is first wins.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (process, port) = start_driver();
        let mut wishes = DesiredCapabilities::chrome();
        // Headless Chromium has no pointer at all; Blink's own numbers: 4 is a mouse, 2 a finger.
        let pointer = if device == Device::Phone { 2 } else { 4 };
        let hover = if device == Device::Phone { 1 } else { 2 };
        let blink = format!(
            "--blink-settings=primaryPointerType={pointer},availablePointerTypes={pointer},\
             primaryHoverType={hover},availableHoverTypes={hover}"
        );
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            blink.as_str(),
        ] {
            wishes.add_arg(argument).expect("an argument");
        }
        for log in ["browser", "performance"] {
            wishes
                .set_logging_prefs(log, LoggingPrefsLogLevel::All)
                .expect("a log");
        }
        if device == Device::DeskWithoutScripts {
            let off = json!({ "profile.managed_default_content_settings.javascript": 2 });
            wishes.add_experimental_option("prefs", off).expect("an option");
        }
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wishes)
            .await
            .expect("Chromium starts");
        let chromium = Self {
            driver,
            _process: process,
        };
        let (width, height) = device.size();
        chromium.resize(width, height).await;
        chromium
    }

    /// A protocol command of Chromium's own.
    pub async fn tell(&self, method: &str, parameters: Value) -> Value {
        self.driver
            .cdp()
            .send_raw(method, parameters)
            .await
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The page's size, whatever the window's.
    pub async fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// The system's theme: `light` or `dark`.
    pub async fn theme(&self, theme: &str) {
        self.media("", &[("prefers-color-scheme", theme)]).await;
    }

    /// What the page is shown on, `print` or nothing said, and what the person prefers.
    pub async fn media(&self, medium: &str, preferences: &[(&str, &str)]) {
        let named = |(name, value): &(&str, &str)| json!({ "name": name, "value": value });
        let features: Vec<Value> = preferences.iter().map(named).collect();
        let media = json!({ "media": medium, "features": features });
        self.tell("Emulation.setEmulatedMedia", media).await;
    }

    /// Goes to an address.
    pub async fn go(&self, url: impl AsRef<str>) {
        let url = url.as_ref();
        self.driver
            .goto(url)
            .await
            .unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Where it is.
    pub async fn url(&self) -> String {
        self.driver.current_url().await.expect("an address").to_string()
    }

    /// The document's title.
    pub async fn title(&self) -> String {
        self.driver.title().await.expect("a title")
    }

    /// Evaluates an expression in the page.
    pub async fn ask<T: DeserializeOwned>(&self, expression: &str) -> T {
        self.driver
            .execute(format!("return {expression};"), Vec::new())
            .await
            .and_then(|answer| answer.convert())
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Evaluates the body of a function whose last argument, `done`, takes the answer.
    pub async fn ask_later<T: DeserializeOwned>(&self, body: &str) -> T {
        self.driver
            .execute_async(format!("const done = arguments[0]; {body}"), Vec::new())
            .await
            .and_then(|answer| answer.convert())
            .unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    /// Waits until an expression is true in the page. A page that is just being left counts as "not yet".
    pub async fn until(&self, expression: &str) {
        let began = std::time::Instant::now();
        while began.elapsed() < PATIENCE {
            let answer = self
                .driver
                .execute(format!("return Boolean({expression});"), Vec::new())
                .await;
            if answer.and_then(|answer| answer.convert()).unwrap_or(false) {
                return;
            }
            tokio::time::sleep(LOOKING).await;
        }
        let page = self.ask::<String>("document.body.innerText").await;
        panic!("{expression} never came true at {}:\n{page}", self.url().await);
    }

    /// Waits until the page says these words.
    pub async fn see(&self, words: &str) {
        self.see_in("body", words).await;
    }

    /// Waits until a part of the page says these words. Rows far below are not laid out until they are near, and
    /// have no `innerText`.
    pub async fn see_in(&self, css: &str, words: &str) {
        let (css, words) = (quoted(css), quoted(words));
        self.until(&format!(
            "document.querySelector({css})?.textContent.includes({words})"
        ))
        .await;
    }

    /// Whether something is on the page, now.
    pub async fn has(&self, css: &str) -> bool {
        self.ask(&format!("document.querySelector({}) !== null", quoted(css)))
            .await
    }

    /// The first element that fits and can be seen; waited for.
    pub async fn find(&self, css: &str) -> WebElement {
        self.driver
            .query(By::Css(css))
            .options(ElementQueryOptions::default())
            .wait(PATIENCE, LOOKING)
            .and_displayed()
            .first()
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    /// Clicks what fits.
    pub async fn click(&self, css: &str) {
        let element = self.find(css).await;
        element.scroll_into_view().await.expect("it scrolls");
        element
            .click()
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Clicks the first of these elements that says these words.
    pub async fn click_words(&self, css: &str, words: &str) {
        let has_words = format!(
            "[...document.querySelectorAll({})].find(node => node.textContent.includes({}))",
            quoted(css),
            quoted(words)
        );
        self.until(&has_words).await;
        let found = self
            .driver
            .execute(format!("return {has_words};"), Vec::new())
            .await
            .and_then(thirtyfour::prelude::ScriptRet::element)
            .unwrap_or_else(|error| panic!("{css} {words:?}: {error}"));
        found.scroll_into_view().await.expect("it scrolls");
        found
            .click()
            .await
            .unwrap_or_else(|error| panic!("{css} {words:?}: {error}"));
    }

    /// The same, and waits until that has led to another page.
    pub async fn leave_by_words(&self, css: &str, words: &str) {
        self.ask::<()>("void (window.left = false)").await;
        self.click_words(css, words).await;
        self.until("window.left === undefined && document.readyState === 'complete'")
            .await;
    }

    /// Presses keys, wherever the focus is.
    pub async fn press(&self, keys: impl Into<thirtyfour::TypingData>) {
        let pressed = self.driver.action_chain().send_keys(keys).perform().await;
        pressed.expect("keys are taken");
    }

    /// Presses a key while Control is held down.
    pub async fn press_with_control(&self, key: &str) {
        let chord = self.driver.action_chain().key_down(Key::Control).send_keys(key);
        chord
            .key_up(Key::Control)
            .perform()
            .await
            .expect("keys are taken");
    }

    /// Signs in as the demo's main person, through every page that a person sees, and waits for the list.
    pub async fn sign_in(&self, demo: &Demo) {
        self.go(&demo.url).await;
        self.sign_in_from_here().await;
    }

    /// The same from a page that offers it.
    pub async fn sign_in_from_here(&self) {
        self.click_words("button", "Sign in with Cloud 66").await;
        self.click(".people button").await;
        self.click("#authorize button").await;
        self.see_in("h1", "Stacks").await;
    }

    /// A picture of what is seen, as PNG.
    pub async fn picture(&self) -> Vec<u8> {
        self.driver.screenshot_as_png().await.expect("a picture")
    }

    /// What was noted since the last look: every request's address with its bytes, and the console.
    pub async fn noted(&self) -> Noted {
        let log = self.driver.get_log("performance").await.expect("the log");
        let mut noted = Noted::default();
        for entry in log {
            let event: Value = serde_json::from_str(&entry.message).expect("JSON");
            noted.take(&event["message"]);
        }
        let console = self.driver.browser_log().await.expect("the console");
        noted.console = console
            .into_iter()
            .map(|line| line.message)
            // Chromium confirms that it did what signing out asks of it.
            .filter(|line| !line.contains("Clear-Site-Data header on"))
            .collect();
        noted
    }

    /// Ends the browser.
    pub async fn close(self) {
        self.driver.quit().await.expect("Chromium ends");
    }
}

/// What a browser did.
#[derive(Debug, Default)]
pub struct Noted {
    /// Each request that went over the network, by its number.
    pub requests: BTreeMap<String, Sent>,
    /// Each line of the console: messages, errors, and what the content security policy refused.
    pub console: Vec<String>,
}

/// A request, and what came back over the network, in bytes as they were sent.
#[derive(Debug, Default)]
pub struct Sent {
    /// Its address.
    pub url: String,
    /// The answer's head.
    pub head: f64,
    /// The head and the body.
    pub bytes: f64,
}

impl Noted {
    fn take(&mut self, event: &Value) {
        let parameters = &event["params"];
        let id = || parameters["requestId"].to_string();
        match event["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                let url = parameters["request"]["url"].as_str().unwrap_or_default();
                if !url.starts_with("data:") {
                    let url = url.to_owned();
                    self.requests.insert(
                        id(),
                        Sent {
                            url,
                            ..Sent::default()
                        },
                    );
                }
            }
            "Network.requestServedFromCache" => {
                self.requests.remove(&id());
            }
            "Network.responseReceived" if parameters["response"]["fromDiskCache"] == true => {
                self.requests.remove(&id());
            }
            "Network.responseReceived" => {
                if let Some(sent) = self.requests.get_mut(&id()) {
                    let head = &parameters["response"]["encodedDataLength"];
                    sent.head = head.as_f64().unwrap_or_default();
                }
            }
            "Network.loadingFinished" => {
                if let Some(sent) = self.requests.get_mut(&id()) {
                    sent.bytes = parameters["encodedDataLength"].as_f64().unwrap_or_default();
                }
            }
            _ => {}
        }
    }

    /// Fails unless the console is empty and every request went to one of these origins.
    pub fn is_silent(&self, origins: &[&str]) {
        assert!(self.console.is_empty(), "the console says: {:#?}", self.console);
        assert!(!self.requests.is_empty(), "nothing was noted at all");
        for Sent { url, .. } in self.requests.values() {
            let ours = origins.iter().any(|origin| url.starts_with(origin));
            assert!(ours, "a request went elsewhere: {url}");
        }
    }
}

/// A text as JavaScript writes it.
pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Starts the driver on a free port, which it says itself. Of two that choose the same one at the same moment, one
/// ends without a word and is started again.
fn start_driver() -> (DriverProcess, u16) {
    (0..5)
        .find_map(|_| try_driver())
        .expect("chromedriver says its port")
}

fn try_driver() -> Option<(DriverProcess, u16)> {
    let mut child = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver is installed");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let mut process = DriverProcess(child, output);
    let port = process
        .1
        .by_ref()
        .lines()
        .map_while(Result::ok)
        .find_map(|line| {
            let (_, rest) = line.split_once("successfully on port ")?;
            rest.trim_end_matches('.').parse().ok()
        })?;
    Some((process, port))
}
