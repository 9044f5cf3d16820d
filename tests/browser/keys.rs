//! Keys: none of them sends anything, none acts inside a field, and Settings turns them off.

use thirtyfour::Key;

use crate::chromium::{Chromium, Device};
use crate::site::Demo;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn keys_move_ask_and_find_and_can_be_turned_off() {
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::Desk).await;
    browser.sign_in(&demo).await;
    let names = "[...document.querySelectorAll('.row .name')]";

    browser.press("j").await;
    browser
        .until(&format!("document.activeElement === {names}[0]"))
        .await;
    browser.press("j").await;
    browser.press("j").await;
    browser.press("k").await;
    browser
        .until(&format!("document.activeElement === {names}[1]"))
        .await;

    // A staging stack, too, is asked about: a key never sends.
    let staging = demo.healthy("staging");
    browser
        .ask::<()>(&format!(
            "document.querySelector('#row-{} .name').focus()",
            staging.uid
        ))
        .await;
    browser.press("r").await;
    browser.until("document.querySelector('dialog').open").await;
    browser.see_in("dialog h1", "in staging?").await;
    browser.press(Key::Escape).await;
    browser.until("!document.querySelector('dialog').open").await;

    browser.press("/").await;
    browser.until("document.activeElement.id === 'q'").await;
    browser.press("j?gs").await;
    let typed: String = browser.ask("document.querySelector('#q').value").await;
    assert_eq!(typed, "j?gs", "a key acted inside a field");

    browser.press_with_control("k").await;
    browser.until("document.activeElement.id === 'find'").await;
    let title = browser.title().await;
    browser.press(staging.name.as_str()).await;
    browser
        .until(&format!(
            "[...document.querySelectorAll('#hits .name')].every(hit => hit.innerText === {})",
            crate::chromium::quoted(&staging.name)
        ))
        .await;
    assert_eq!(browser.title().await, title, "the dialog renamed the page");
    browser.press(Key::Down).await;
    browser.until("document.activeElement.closest('#hits')").await;
    browser.press(Key::Up).await;
    browser.until("document.activeElement.id === 'find'").await;
    browser.press(Key::Enter).await;
    browser.until("location.pathname.startsWith('/stacks/')").await;
    browser.see_in("h1", &staging.name).await;

    browser.press("?").await;
    browser.see_in("dialog", "What the states mean").await;
    browser.press(Key::Escape).await;
    browser.press("g").await;
    browser.press("s").await;
    browser.see_in("h1", "Stacks").await;

    browser.go(format!("{}/settings", demo.url)).await;
    browser.click("input[name=keys]").await;
    browser.leave_by_words("button", "Save").await;
    browser.go(&demo.url).await;
    browser.press("/").await;
    browser.press("j").await;
    assert!(
        browser
            .ask::<bool>("document.activeElement === document.body")
            .await
    );
    browser.noted().await.is_silent(&[&demo.url, demo.cloud66()]);
    browser.close().await;
}
