//! axe-core on every page of the gallery and on the real app, in both themes, on a screen and on a phone: no
//! finding. And at every width no page is wider than what it is shown on.

use std::path::Path;

use serde_json::json;

use crate::chromium::{Chromium, Device};
use crate::site::{Demo, gallery_url, samples};

/// Where `bin/check` puts axe-core.
const AXE: &str = "target/browser/node_modules/axe-core/axe.min.js";

/// Every rule for WCAG 2.2 AA, and axe's own best practice.
const EVERYTHING: &str = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']";

/// What another theme can change: colours.
const COLOURS: &str = "{ type: 'rule', values: ['color-contrast', 'link-in-text-block'] }";

/// Looks at the open page. Each finding is a line: the rule, what it is about, and the first element that has it.
async fn look(browser: &Chromium, rules: &str) -> Vec<String> {
    let look = format!(
        "axe.run(document, {{ resultTypes: ['violations'], runOnly: {rules} }}).then(
            ({{ violations }}) => done(violations.map(({{ id, help, nodes }}) => `${{id}}: ${{help}}: \
                ${{nodes.length}} × ${{nodes[0].html.slice(0, 200)}} ${{nodes[0].failureSummary}}`)),
            error => done([String(error)]));"
    );
    browser.ask_later(&look).await
}

/// What sticks out of the page to the side.
const TOO_WIDE: &str = "document.documentElement.scrollWidth > innerWidth ? 1 : 0";

/// Puts axe-core into every page that this browser opens from now on.
async fn with_axe(browser: &Chromium) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE);
    let source = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}. bin/check fetches it", path.display());
    });
    browser
        .tell(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": source }),
        )
        .await;
}

/// Walks through the gallery and reports everything that was found.
async fn walk(device: Device, theme: &str, rules: &str) {
    let gallery = gallery_url().await;
    let browser = Chromium::open(device).await;
    with_axe(&browser).await;
    browser.theme(theme).await;
    let mut found = Vec::new();
    // The long list holds the rows of the short one three hundred times.
    for name in samples().iter().filter(|name| *name != "stacks-300") {
        browser.go(format!("{gallery}/samples/{name}")).await;
        let findings = look(&browser, rules).await;
        found.extend(findings.into_iter().map(|finding| format!("{name}: {finding}")));
    }
    assert!(found.is_empty(), "{} findings\n{}", found.len(), found.join("\n"));
    browser.noted().await.is_silent(&[&gallery]);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe-core; bin/check brings them"]
async fn every_page_on_a_screen_in_light() {
    walk(Device::Desk, "light", EVERYTHING).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe-core; bin/check brings them"]
async fn every_page_on_a_screen_in_dark() {
    walk(Device::Desk, "dark", COLOURS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe-core; bin/check brings them"]
async fn every_page_on_a_phone_in_light() {
    walk(Device::Phone, "light", EVERYTHING).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe-core; bin/check brings them"]
async fn every_page_on_a_phone_in_dark() {
    walk(Device::Phone, "dark", COLOURS).await;
}

/// The real app, with the dialogs, menus and notes that only it opens.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe-core; bin/check brings them"]
async fn the_app_itself_with_what_it_opens() {
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::Desk).await;
    with_axe(&browser).await;
    browser.sign_in(&demo).await;
    let see = async |what: &str| {
        for (theme, rules) in [("light", EVERYTHING), ("dark", COLOURS)] {
            browser.theme(theme).await;
            let findings = look(&browser, rules).await;
            assert!(findings.is_empty(), "{what}, {theme}: {findings:#?}");
        }
    };
    see("the list").await;
    // Who finds nothing has to be able to find something.
    browser
        .ask::<()>(
            "void document.querySelector('main').append(Object.assign(new Image(), { id: 'nameless' }))",
        )
        .await;
    let findings = look(&browser, EVERYTHING).await;
    assert!(
        findings.iter().any(|finding| finding.starts_with("image-alt")),
        "{findings:?}"
    );
    browser
        .ask::<()>("document.querySelector('#nameless').remove()")
        .await;
    let production = demo.healthy("production");
    browser.click(&format!("#row-{} .more", production.uid)).await;
    browser
        .until("document.querySelector('.row .menu:popover-open')")
        .await;
    see("a row's menu").await;
    browser.press(thirtyfour::Key::Escape).await;
    browser.click(&format!("#go-{}", production.uid)).await;
    browser.until("document.querySelector('dialog').open").await;
    see("the dialog").await;
    browser.press(thirtyfour::Key::Escape).await;
    browser.press_with_control("k").await;
    browser.until("document.activeElement.id === 'find'").await;
    see("finding a stack").await;
    for path in [
        &format!("/stacks/{}", production.uid),
        "/redeploys",
        "/redeploys/new",
        "/search",
        "/settings",
        "/help",
        "/nowhere",
    ] {
        browser.go(format!("{}{path}", demo.url)).await;
        see(path).await;
    }
    browser.close().await;
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
