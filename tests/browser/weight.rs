//! What a first view costs, and what the next one does, measured by the browser that pays for it.

use crate::chromium::{Chromium, Device, Sent};
use crate::site::Demo;

/// A first view of about 40 stacks: heads and bodies as they are sent, and requests.
const MOST_BYTES: f64 = 40_960.0;
const MOST_REQUESTS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn a_first_view_is_light_and_the_next_is_the_page_alone() {
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::Desk).await;
    browser.sign_in(&demo).await;
    browser
        .tell("Network.clearBrowserCache", serde_json::json!({}))
        .await;
    browser.noted().await;

    browser.go(&demo.url).await;
    browser.see_in("h1", "Stacks").await;
    let first = browser.noted().await;
    let view: Vec<&Sent> = first
        .requests
        .values()
        .filter(|sent| is_part_of_the_view(sent))
        .collect();
    let bytes: f64 = view.iter().map(|sent| sent.bytes).sum();
    let heads: f64 = view.iter().map(|sent| sent.head).sum();
    println!(
        "first view: {} requests, {bytes} bytes, {heads} of them heads",
        view.len()
    );
    for Sent { url, head, bytes } in first.requests.values() {
        println!("  {head:5} + {:5} {url}", bytes - head);
    }
    assert!(view.len() > 2 && heads > 0.0, "the cache was not empty: {view:?}");
    assert!(view.len() <= MOST_REQUESTS, "{view:#?}");
    assert!(bytes <= MOST_BYTES, "{bytes} bytes: {view:#?}");
    first.is_silent(&[&demo.url]);

    browser.go(&demo.url).await;
    browser.see_in("h1", "Stacks").await;
    let next = browser.noted().await;
    let view: Vec<&Sent> = next
        .requests
        .values()
        .filter(|sent| is_part_of_the_view(sent))
        .collect();
    println!("next view: {view:?}");
    assert_eq!(view.len(), 1, "{view:?}");
    browser.close().await;
}

/// Chromium asks for the manifest and its icon when the view is complete, to offer to install the app; the event
/// stream never ends.
fn is_part_of_the_view(sent: &Sent) -> bool {
    let name = sent.url.rsplit('/').next().unwrap_or_default();
    !(name.starts_with("events") || name.starts_with("manifest.") || name.starts_with("icon."))
}

/// Nothing moves by itself while a page settles, whatever its size.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn a_page_does_not_move_while_it_loads() {
    for stacks in [0, 1, 40, 300] {
        let demo = Demo::with(stackdeck::sandbox::Options {
            stacks: Some(stacks),
            ..Default::default()
        })
        .await;
        let browser = Chromium::open(Device::Desk).await;
        browser.sign_in(&demo).await;
        let rows: usize = browser.ask("document.querySelectorAll('.row').length").await;
        assert_eq!(rows, stacks);
        watch_movement(&browser).await;
        nothing_moved(&browser).await;
        browser.close().await;
    }
}

/// Begins to note what moves by itself on the open page: boxes that were somewhere and are elsewhere. Words that
/// follow an age in their line are no box; notes make room for each other in a corner of their own, over the page.
pub async fn watch_movement(browser: &Chromium) {
    browser
        .ask::<()>(
            "void (window.moved = [], new PerformanceObserver(list => {
                for (const { sources } of list.getEntries())
                    for (const { node, previousRect: a, currentRect: b } of sources) {
                        const element = node?.nodeType === 1 ? node : node?.parentElement;
                        if (!a.width || !b.width || (a.x === b.x && a.y === b.y) || element?.closest('.notes')) continue;
                        window.moved.push(`${element?.outerHTML.slice(0, 120)} ${JSON.stringify([a, b])}`);
                    }
            }).observe({ type: 'layout-shift', buffered: true }))",
        )
        .await;
}

/// Fails where anything has moved since, and says what.
pub async fn nothing_moved(browser: &Chromium) {
    let moved: Vec<String> = browser
        .ask_later(
            "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(window.moved))));",
        )
        .await;
    assert!(moved.is_empty(), "{moved:#?}");
}
