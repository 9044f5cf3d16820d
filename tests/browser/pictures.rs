//! Pictures for people to look at, in `target/screenshots/`: the pages at four widths in both themes, and the list
//! with no stack, one and three hundred. `bin/pictures` makes the README's out of two of them.

use std::path::Path;

use stackdeck::sandbox::Options;

use crate::chromium::{Chromium, Device};
use crate::site::{Demo, gallery_url};

async fn keep(browser: &Chromium, name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
    std::fs::create_dir_all(&folder).expect("a folder");
    let picture = browser.picture().await;
    std::fs::write(folder.join(format!("{name}.png")), picture).expect("a file");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn pictures_of_every_page_at_every_width() {
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::Desk).await;
    browser.go(&demo.url).await;
    at_every_width(&browser, "signed-out").await;
    browser.sign_in_from_here().await;
    let (production, staging) = (demo.healthy("production"), demo.healthy("staging"));
    browser
        .go(format!("{}/stacks/{}/redeploy", demo.url, staging.uid))
        .await;
    at_every_width(&browser, "redeploy").await;
    browser.leave_by_words("button", "Redeploy staging").await;
    at_every_width(&browser, "receipt").await;
    for (name, path) in [
        ("stacks", "/"),
        ("stacks-by-app", "/?group=app"),
        ("stack", &format!("/stacks/{}", production.uid)),
        ("activity", "/activity"),
        ("several", "/redeploys/new"),
        ("search", "/search?q=s"),
        ("settings", "/settings"),
        ("help", "/help"),
    ] {
        browser.go(format!("{}{path}", demo.url)).await;
        at_every_width(&browser, name).await;
    }
    browser.close().await;
}

async fn at_every_width(browser: &Chromium, name: &str) {
    for (width, height) in [(1280, 900), (768, 1024), (390, 844), (320, 640)] {
        browser.resize(width, height).await;
        for theme in ["light", "dark"] {
            browser.theme(theme).await;
            keep(browser, &format!("{name}-{width}-{theme}")).await;
        }
    }
    browser.resize(1280, 900).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn pictures_of_lists_of_other_lengths() {
    for stacks in [0, 1, 300] {
        let demo = Demo::with(Options {
            stacks: Some(stacks),
            ..Options::default()
        })
        .await;
        let browser = Chromium::open(Device::Desk).await;
        browser.sign_in(&demo).await;
        at_every_width(&browser, &format!("stacks-{stacks}")).await;
        browser.close().await;
    }
}

/// For those who see differently, or on paper.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn pictures_for_other_eyes_and_on_paper() {
    let gallery = gallery_url().await;
    let browser = Chromium::open(Device::Desk).await;
    for sample in ["stacks", "stack-failed", "receipt-failed", "redeploy-busy"] {
        browser.go(format!("{gallery}/samples/{sample}")).await;
        for (name, medium, preferences) in [
            (
                "contrast-light",
                "",
                [("prefers-contrast", "more"), ("prefers-color-scheme", "light")],
            ),
            (
                "contrast-dark",
                "",
                [("prefers-contrast", "more"), ("prefers-color-scheme", "dark")],
            ),
            (
                "forced-light",
                "",
                [("forced-colors", "active"), ("prefers-color-scheme", "light")],
            ),
            (
                "forced-dark",
                "",
                [("forced-colors", "active"), ("prefers-color-scheme", "dark")],
            ),
            (
                "print",
                "print",
                [
                    ("prefers-contrast", "no-preference"),
                    ("prefers-color-scheme", "dark"),
                ],
            ),
        ] {
            browser.media(medium, &preferences).await;
            keep(&browser, &format!("{sample}-{name}")).await;
        }
        browser.media("", &[]).await;
    }
    // Names without end, words that run the other way, and kept views.
    for sample in ["stack-hostile", "redeploy-hostile", "stacks-by-app"] {
        browser.go(format!("{gallery}/samples/{sample}")).await;
        at_every_width(&browser, sample).await;
    }
    browser.close().await;
}

/// The pictures that the README opens with: the list of a company whose stacks have plain names.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn pictures_for_the_readme() {
    let demo = Demo::start().await;
    let person = demo.world().main_person().expect("the main person").email;
    let plain = |name: &str| {
        name.len() < 24
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ')
            && name != "Backwards deploy"
    };
    for stack in demo.world().visible_to(&person) {
        if !plain(&stack.name) {
            demo.world().remove_stack(&stack.uid);
        }
    }
    let browser = Chromium::open(Device::Desk).await;
    browser.sign_in(&demo).await;
    // Something has to be under way.
    let stack = demo.healthy("production");
    browser
        .go(format!("{}/stacks/{}/redeploy", demo.url, stack.uid))
        .await;
    browser.leave_by_words("button", "Redeploy production").await;
    crate::visit::see_in_time(&browser, "Deploying").await;
    browser.go(&demo.url).await;
    browser.resize(1280, 800).await;
    browser.see_in(".stacks", "Deploying").await;
    for theme in ["light", "dark"] {
        browser.theme(theme).await;
        keep(&browser, &format!("readme-{theme}")).await;
    }
    browser.close().await;
}
