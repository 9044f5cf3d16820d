//! A phone: touched, not pointed at. Every redeploy is a page that asks, and thumbs find what they look for.

use crate::chromium::{Chromium, Device};
use crate::site::Demo;
use crate::visit::see_in_time;

/// The least that a finger hits, in pixels.
const FINGER: f64 = 44.0;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn on_a_phone_every_redeploy_is_asked_about_on_a_page_of_its_own() {
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::Phone).await;
    browser.sign_in(&demo).await;
    let stack = demo.healthy("staging");
    let link = format!("#go-{}", stack.uid);
    assert!(browser.ask::<f64>(&height(&link)).await >= FINGER);
    let rows: Vec<f64> = browser
        .ask("[...new Set([...document.querySelectorAll('.row')].map(row => row.offsetHeight))]")
        .await;
    assert_eq!(rows, [118.0], "rows differ in height");
    browser.click(&link).await;
    browser.until("location.pathname.endsWith('/redeploy')").await;
    let primary = "[data-send]";
    assert!(browser.ask::<f64>(&height(primary)).await >= FINGER);
    // The one that does something stands last, nearest to the thumb, 12 px from the other.
    let apart: f64 = browser
        .ask(
            "document.querySelector('[data-send]').getBoundingClientRect().top \
             - document.querySelector('[data-dismiss].btn').getBoundingClientRect().bottom",
        )
        .await;
    assert!((apart - 12.0).abs() < 0.5, "{apart}");
    browser.leave_by_words("button", "Redeploy staging").await;
    see_in_time(&browser, "Deployed").await;
    browser.noted().await.is_silent(&[&demo.url, demo.cloud66()]);
    browser.close().await;
}

/// It can be installed, and keeps nothing: the manifest is sound, and no worker answers in the app's place.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn it_can_be_installed_and_keeps_nothing_offline() {
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::Phone).await;
    browser.sign_in(&demo).await;
    let manifest = browser.tell("Page.getAppManifest", serde_json::json!({})).await;
    assert_eq!(manifest["errors"], serde_json::json!([]), "{manifest:#}");
    assert_eq!(
        manifest["manifest"]["display"], "kStandalone",
        "{:#}",
        manifest["manifest"]
    );
    let errors = browser
        .tell("Page.getInstallabilityErrors", serde_json::json!({}))
        .await;
    let wanted: Vec<&str> = errors["installabilityErrors"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|error| error["errorId"].as_str())
        // A headless browser has nowhere to install to.
        .filter(|error| *error != "in-incognito")
        .collect();
    assert!(wanted.is_empty(), "{wanted:?}");
    let kept: usize = browser
        .ask_later("Promise.all([caches.keys(), navigator.serviceWorker.getRegistrations()]).then(all => done(all.flat().length));")
        .await;
    assert_eq!(kept, 0);
    browser.close().await;
}

fn height(css: &str) -> String {
    format!("document.querySelector('{css}').getBoundingClientRect().height")
}
