//! Pages that change while they are open: the focus stays, what is typed stays, no row moves, and other people's
//! deploys are not shouted about.

use crate::chromium::{Chromium, Device, quoted};
use crate::site::Demo;
use crate::weight::{nothing_moved, watch_movement};

/// One click in the list: the same button stays focused from "Redeploy" through "Deploying" and back.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn the_focus_stays_on_the_button_while_its_row_changes() {
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::Desk).await;
    browser.sign_in(&demo).await;
    watch_movement(&browser).await;
    let stack = demo.healthy("staging");
    let button = format!("#now-{}", stack.uid);
    let before = demo.world().deployments(&stack.uid).len();
    browser
        .ask::<()>(&format!(
            "void (window.button = document.querySelector('{button}')).focus()"
        ))
        .await;
    // Whatever it becomes, it never stands there without a word.
    browser
        .ask::<()>(
            "void (window.said = [], new MutationObserver(() => said.push(button.textContent.trim())).observe(
                button, { characterData: true, childList: true, subtree: true }))",
        )
        .await;
    browser.press(thirtyfour::Key::Enter).await;
    let row = format!("#row-{}", stack.uid);
    browser.see_in("#polite", "Follow it").await;
    browser.see_in(&row, "Deploying").await;
    let inert = format!("document.querySelector('{button}').ariaDisabled === 'true'");
    browser.until(&inert).await;
    // Pressed again while it is inert, nothing is sent.
    browser.press(thirtyfour::Key::Enter).await;
    browser
        .until("window.button.ariaDisabled !== 'true' && window.button.innerText.startsWith('Redeploy')")
        .await;
    assert!(
        browser
            .ask::<bool>("window.button.isConnected && document.activeElement === window.button")
            .await,
        "the focus was lost"
    );
    assert_eq!(demo.world().deployments(&stack.uid).len(), before + 1);
    // And it works once more.
    browser.press(thirtyfour::Key::Enter).await;
    browser.see_in(&row, "Deploying").await;
    browser
        .until("window.button.ariaDisabled !== 'true' && window.button.innerText.startsWith('Redeploy')")
        .await;
    assert_eq!(demo.world().deployments(&stack.uid).len(), before + 2);
    let said: Vec<String> = browser.ask("window.said").await;
    assert!(said.len() > 3 && !said.contains(&String::new()), "{said:?}");
    nothing_moved(&browser).await;
    every_name_is_there_once(&browser).await;
    browser.noted().await.is_silent(&[&demo.url, demo.cloud66()]);
    browser.close().await;
}

/// Somebody else's deploy: the row says so where it stands, nothing moves, nothing is read out.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn what_others_do_changes_rows_in_place() {
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::Desk).await;
    browser.sign_in(&demo).await;
    browser.see_in("#live", "Live.").await;
    watch_movement(&browser).await;
    let stack = demo.healthy("production");
    demo.slow_down(&stack);
    let order = "[...document.querySelectorAll('.row')].map(row => row.id).join()";
    let rows: String = browser.ask(order).await;
    // Half-typed, before the list is narrowed: nothing that arrives may touch it.
    browser
        .ask::<()>("void (document.querySelector('#sort').focus(), window.same = true)")
        .await;
    demo.world()
        .deploy_from_web(&stack.uid, "tomas@harbourfinch.example")
        .expect("somebody deploys");
    browser
        .see_in(&format!("#state-{}", stack.uid), "Deploying")
        .await;
    browser.see_in("#moved", "1 stack changed state.").await;
    assert_eq!(browser.ask::<String>(order).await, rows, "a row moved");
    assert_eq!(browser.ask::<String>("document.activeElement.id").await, "sort");
    assert!(
        browser.ask::<bool>("window.same").await,
        "the page was loaded again"
    );
    let said: String = browser
        .ask("document.querySelector('#polite').innerText + document.querySelector('#alert').innerText")
        .await;
    assert!(!said.contains(&stack.name), "it was announced: {said}");
    nothing_moved(&browser).await;
    every_name_is_there_once(&browser).await;
    // The title counts along for the tab that is not looked at.
    browser
        .until(&format!("document.title.includes({})", quoted("deploying")))
        .await;
    browser.noted().await.is_silent(&[&demo.url, demo.cloud66()]);
    browser.close().await;
}

/// A receipt follows its redeploy to the end by itself.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn a_receipt_ends_by_itself() {
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::Desk).await;
    browser.sign_in(&demo).await;
    let stack = demo.healthy("production");
    assert!(demo.world().fail_next_deploy(&stack.uid));
    browser
        .go(format!("{}/stacks/{}/redeploy", demo.url, stack.uid))
        .await;
    browser.leave_by_words("button", "Redeploy production").await;
    browser
        .ask::<()>("void (document.querySelector('#main').focus(), window.same = true)")
        .await;
    browser.see_in("#receipt", "Deploy failed").await;
    assert!(
        browser.ask::<bool>("window.same").await,
        "the page was loaded again"
    );
    browser.until("document.title.startsWith('✗')").await;
    browser
        .until("document.querySelector('#icon').href.includes('icon-bad')")
        .await;
    browser.noted().await.is_silent(&[&demo.url, demo.cloud66()]);
    browser.close().await;
}

/// What changed is not put in under the reader's eyes: a word says that there is more, and shows it when it is asked.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn what_changed_says_that_there_is_more() {
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::Desk).await;
    browser.sign_in(&demo).await;
    browser.go(format!("{}/activity?env=production", demo.url)).await;
    browser.see_in("#live", "Live.").await;
    watch_movement(&browser).await;
    let lines = "document.querySelectorAll('.lines > li').length";
    let before: u32 = browser.ask(lines).await;
    let stack = demo.healthy("production");
    demo.world()
        .deploy_from_web(&stack.uid, "tomas@harbourfinch.example")
        .expect("somebody deploys");
    browser.see_in("#news", "There are newer deploys.").await;
    assert_eq!(browser.ask::<u32>(lines).await, before, "a line was put in");
    nothing_moved(&browser).await;
    every_name_is_there_once(&browser).await;
    browser.leave_by_words("#news a", "Show them").await;
    browser.see_in(".lines", &stack.name).await;
    assert!(browser.ask::<bool>("location.search === '?env=production'").await);
    browser.noted().await.is_silent(&[&demo.url, demo.cloud66()]);
    browser.close().await;
}

/// A piece that arrives takes its place's content and leaves no copy of the place in it.
async fn every_name_is_there_once(browser: &Chromium) {
    let twice: Vec<String> = browser
        .ask("[...document.querySelectorAll('[id]')].map(node => node.id).filter((id, at, ids) => ids.indexOf(id) < at)")
        .await;
    assert!(twice.is_empty(), "{twice:?}");
}
