//! What a first view costs, and what the next one does, measured by the browser that pays for it.

use crate::chromium::{Chromium, Device};
use crate::site::Demo;

/// A first view of about 40 stacks: bytes as they are sent, and requests.
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
    let shown = |url: &&String| is_part_of_the_view(url);
    let requests = first.requests.values().filter(shown).count();
    let bodies = first.bytes - first.heads;
    println!(
        "first view: {requests} requests, {bodies} bytes, {} with their heads",
        first.bytes
    );
    assert!(requests > 2, "the cache was not empty: {:?}", first.requests);
    assert!(requests <= MOST_REQUESTS, "{:#?}", first.requests);
    assert!(bodies <= MOST_BYTES, "{bodies} bytes");
    first.is_silent(&[&demo.url]);

    browser.go(&demo.url).await;
    browser.see_in("h1", "Stacks").await;
    let next = browser.noted().await;
    let requests: Vec<_> = next.requests.values().filter(shown).collect();
    println!("next view: {requests:?}, {} bytes", next.bytes);
    assert_eq!(requests.len(), 1, "{requests:?}");
    browser.close().await;
}

/// Chromium asks for the manifest and its icon when the view is complete, to offer to install the app; the event
/// stream never ends.
fn is_part_of_the_view(url: &str) -> bool {
    let name = url.rsplit('/').next().unwrap_or_default();
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
        let moved: f64 = browser.ask_later(LAYOUT_SHIFT).await;
        assert!(moved == 0.0, "{stacks} stacks: layout shift {moved}");
        browser.close().await;
    }
}

/// The layout shift of the page since it began.
pub const LAYOUT_SHIFT: &str = "
    let sum = 0;
    const add = list => { for (const entry of list.getEntries()) sum += entry.value; };
    const watch = new PerformanceObserver(add);
    watch.observe({ type: 'layout-shift', buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => { add({ getEntries: () => watch.takeRecords() }); done(sum); }));";
