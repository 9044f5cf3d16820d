//! axe-core with all its rules on every page of the gallery and of the real app, in both themes, on a screen and on a
//! phone: no finding. And at every width no page is wider than what it is shown on.

use std::path::Path;

use serde_json::json;
use thirtyfour::Key;

use crate::chromium::{Chromium, Device};
use crate::site::{Demo, gallery_url, samples};

/// Where `bin/check` puts axe-core.
const AXE: &str = "target/browser/node_modules/axe-core/axe.min.js";

/// Every rule for WCAG 2.2 AA, and axe's own best practice.
const RULES: &str = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']";

/// Looks at the open page. Each finding is a line: the rule, what it is about, and the first element that has it.
async fn look(browser: &Chromium) -> Vec<String> {
    let look = format!(
        "axe.run(document, {{ resultTypes: ['violations'], runOnly: {RULES} }}).then(
            ({{ violations }}) => done(violations.map(({{ id, help, nodes }}) => `${{id}}: ${{help}}: \
                ${{nodes.length}} × ${{nodes[0].html.slice(0, 200)}} ${{nodes[0].failureSummary}}`)),
            error => done([String(error)]));"
    );
    browser.ask_later(&look).await
}

/// What sticks out of the page to the side.
const TOO_WIDE: &str = "document.documentElement.scrollWidth > innerWidth ? 1 : 0";

/// A browser whose every page has axe-core in it from now on.
async fn browser_with_axe(device: Device) -> Chromium {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE);
    let source = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}. bin/check fetches it", path.display());
    });
    let browser = Chromium::open(device).await;
    browser
        .tell(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": source }),
        )
        .await;
    browser
}

/// What axe-core finds on the pages that one browser shows it, in both themes and at every width of the device. The
/// page stays: only the stylesheet asks for the theme and the width.
struct Look<'a> {
    browser: &'a Chromium,
    widths: &'static [(u32, u32)],
    found: Vec<String>,
}

impl<'a> Look<'a> {
    fn of(browser: &'a Chromium, device: Device) -> Self {
        let widths: &[_] = if device == Device::Phone {
            &[(390, 844), (320, 640)]
        } else {
            &[(1280, 900)]
        };
        Self {
            browser,
            widths,
            found: Vec::new(),
        }
    }

    /// Looks at the page that is open, and leaves it as it was.
    async fn at(&mut self, what: &str) {
        for (width, height) in self.widths {
            self.browser.resize(*width, *height).await;
            for theme in ["dark", "light"] {
                self.browser.theme(theme).await;
                let findings = look(self.browser).await;
                self.found.extend(
                    findings
                        .into_iter()
                        .map(|finding| format!("{what}, {theme}, {width} px: {finding}")),
                );
            }
        }
        let (width, height) = self.widths[0];
        self.browser.resize(width, height).await;
    }

    /// Goes to an address and looks at what is there.
    async fn go(&mut self, url: impl AsRef<str>) {
        let url = url.as_ref();
        self.browser.go(url).await;
        self.at(url).await;
    }

    /// Fails where anything was found.
    fn found_nothing(self) {
        let found = self.found;
        assert!(found.is_empty(), "{} findings\n{}", found.len(), found.join("\n"));
    }
}

/// Walks through the gallery and reports everything that was found.
async fn walk(device: Device) {
    let gallery = gallery_url().await;
    let browser = browser_with_axe(device).await;
    let mut look = Look::of(&browser, device);
    for name in samples() {
        look.go(format!("{gallery}/samples/{name}")).await;
    }
    look.found_nothing();
    browser.noted().await.is_silent(&[&gallery]);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe-core; bin/check brings them"]
async fn every_sample_on_a_screen() {
    walk(Device::Desk).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe-core; bin/check brings them"]
async fn every_sample_on_a_phone() {
    walk(Device::Phone).await;
}

/// Who finds nothing has to be able to find something: a picture without words, a field without a label, and words
/// that are too pale in one theme alone.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe-core; bin/check brings them"]
async fn what_is_wrong_is_found() {
    let gallery = gallery_url().await;
    let browser = browser_with_axe(Device::Phone).await;
    browser.go(format!("{gallery}/samples/help")).await;
    browser
        .ask::<()>(
            "void (() => {
                const make = (tag, with_) => document.querySelector('main').append(
                    Object.assign(document.createElement(tag), with_));
                make('img', {});
                make('input', {});
                make('p', { id: 'pale', textContent: 'pale in the dark' });
                document.querySelector('#pale').style.color = 'light-dark(#15181e, #30363f)';
            })()",
        )
        .await;
    let mut look = Look::of(&browser, Device::Phone);
    look.at("help").await;
    let found = look.found;
    let count = |rule: &str, theme: &str| {
        let with_both = |line: &&String| line.contains(&format!("{theme}, ")) && line.contains(rule);
        found.iter().filter(with_both).count()
    };
    for theme in ["light", "dark"] {
        assert_eq!(count(": image-alt: ", theme), 2, "{found:#?}");
        assert_eq!(count(": label: ", theme), 2, "{found:#?}");
    }
    let contrast = (
        count(": color-contrast: ", "light"),
        count(": color-contrast: ", "dark"),
    );
    assert_eq!(contrast, (0, 2), "{found:#?}");
    browser.close().await;
}

/// The real app on a screen, with the dialogs, menus and notes that only it opens.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe-core; bin/check brings them"]
async fn the_app_itself_on_a_screen_with_what_it_opens() {
    let demo = Demo::start().await;
    let browser = browser_with_axe(Device::Desk).await;
    let mut look = Look::of(&browser, Device::Desk);
    sign_in(&mut look, &demo).await;
    let (production, staging) = (demo.healthy("production"), demo.healthy("staging"));
    browser.click(".me").await;
    browser.until("document.querySelector('#me:popover-open')").await;
    look.at("one's own menu").await;
    browser.press(Key::Escape).await;
    browser.click(&format!("#row-{} .more", production.uid)).await;
    browser
        .until("document.querySelector('.row .menu:popover-open')")
        .await;
    look.at("a row's menu").await;
    browser.press(Key::Escape).await;
    browser.click(&format!("#go-{}", production.uid)).await;
    browser.until("document.querySelector('dialog').open").await;
    look.at("the question in its dialog").await;
    browser.press(Key::Escape).await;
    browser.press_with_control("k").await;
    browser.until("document.activeElement.id === 'find'").await;
    look.at("finding a stack").await;
    browser.press(Key::Escape).await;
    browser.press("?").await;
    browser.see_in("dialog", "What the states mean").await;
    look.at("help in its dialog").await;
    browser.press(Key::Escape).await;
    // A note stays while it has the focus. And nothing may change while axe-core reads the page.
    demo.slow_down(&staging);
    browser.click(&format!("#now-{}", staging.uid)).await;
    browser.see_in("#polite", "Follow it").await;
    browser
        .ask::<()>("document.querySelector('.note [data-close]').focus()")
        .await;
    browser
        .see_in(&format!("#row-{}", staging.uid), "Deploying")
        .await;
    look.at("a note over the list").await;
    assert!(browser.has(".note").await, "the note had gone");
    tour(&mut look, &demo).await;
    look.found_nothing();
    browser.close().await;
}

/// The same on a phone, where nothing opens over the page but one's own menu.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe-core; bin/check brings them"]
async fn the_app_itself_on_a_phone() {
    let demo = Demo::start().await;
    let browser = browser_with_axe(Device::Phone).await;
    let mut look = Look::of(&browser, Device::Phone);
    sign_in(&mut look, &demo).await;
    browser.click(".me").await;
    browser.until("document.querySelector('#me:popover-open')").await;
    look.at("one's own menu").await;
    browser.press(Key::Escape).await;
    tour(&mut look, &demo).await;
    look.found_nothing();
    browser.close().await;
}

/// The way in, with the pages of the sandbox that stand for Cloud 66's.
async fn sign_in(look: &mut Look<'_>, demo: &Demo) {
    let browser = look.browser;
    look.go(&demo.url).await;
    browser.leave_by_words("button", "Sign in with Cloud 66").await;
    look.at("the sandbox asks who").await;
    browser.leave_by_words(".people button", "").await;
    look.at("the sandbox asks whether").await;
    browser.leave_by_words("#authorize button", "").await;
    browser.see_in("h1", "Stacks").await;
    look.at("the list").await;
}

/// Every page that has an address, and what becomes of the redeploys that are sent on the way.
async fn tour(look: &mut Look<'_>, demo: &Demo) {
    let browser = look.browser;
    let stack = demo.healthy("production");
    let at = |path: &str| format!("{}{path}", demo.url);
    for path in [
        "/?group=app",
        "/?group=account&env=production",
        "/?q=nothing-like-it",
        "/activity",
        "/search?q=s",
        "/settings",
        "/help",
        "/nowhere",
        "/redeploys/new",
        &format!("/stacks/{}", stack.uid),
        &format!("/stacks/{}/actions/restart", stack.uid),
        &format!("/stacks/{}/redeploy", stack.uid),
    ] {
        look.go(at(path)).await;
    }
    demo.slow_down(&stack);
    browser.leave_by_words("button", "Redeploy production").await;
    crate::visit::see_in_time(browser, "Cancel this deploy…").await;
    look.at("a receipt").await;
    let question: String = browser
        .ask("document.querySelector('a[href$=\"/cancel\"]').href")
        .await;
    look.go(question).await;
    browser.go(at("/redeploys/new")).await;
    browser.click(".choice input").await;
    browser.leave_by_words("main form button", "").await;
    look.at("several to check").await;
    look.go(at("/redeploys")).await;
}

/// Down to 320 px, which is also what 1280 px are at 400 %.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn no_page_scrolls_to_the_side() {
    let gallery = gallery_url().await;
    let browser = Chromium::open(Device::Desk).await;
    let mut found = Vec::new();
    for name in samples() {
        browser.go(format!("{gallery}/samples/{name}")).await;
        for width in [1280, 768, 390, 320] {
            browser.resize(width, 800).await;
            if browser.ask::<u8>(TOO_WIDE).await > 0 {
                found.push(format!("{name} at {width} px"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.close().await;
}
