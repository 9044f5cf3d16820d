//! One visit, as a person with a mouse makes it: sign in, find a stack, redeploy it with one click, another one
//! through the dialog, go back, cancel, sign out.

use crate::chromium::{Chromium, Device};
use crate::site::Demo;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn a_visit_from_signing_in_to_signing_out() {
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::Desk).await;
    browser.sign_in(&demo).await;
    search(&browser, &demo).await;
    one_click(&browser, &demo).await;
    through_the_dialog(&browser, &demo).await;
    roll_back(&browser, &demo).await;
    cancel(&browser, &demo).await;
    sign_out(&browser, &demo).await;
    let noted = browser.noted().await;
    noted.is_silent(&[&demo.url, demo.cloud66()]);
    browser.close().await;
}

/// The list narrows while one types, without a new page, and the address follows.
async fn search(browser: &Chromium, demo: &Demo) {
    let all: usize = browser.ask("document.querySelectorAll('.row').length").await;
    let stack = demo.healthy("staging");
    browser.ask::<()>("void (window.same = true)").await;
    browser.click("#q").await;
    browser.press(format!("{} env:staging", stack.name)).await;
    browser
        .until("document.querySelectorAll('.row').length === 1 && location.search.includes('env%3Astaging')")
        .await;
    assert!(all > 30, "{all}");
    assert!(browser.ask::<bool>("window.same").await, "the page was left");
    // The count is said to those who do not see the list shrink.
    browser.see_in("#told", "1 stack").await;
}

/// Staging is one click: no question, one redeploy, watched to its end.
async fn one_click(browser: &Chromium, demo: &Demo) {
    let stack = demo.healthy("staging");
    let before = demo.world().deployments(&stack.uid).len();
    assert!(!browser.has("dialog[open]").await);
    let button = format!("#row-{} button.direct", stack.uid);
    browser.click(&button).await;
    follow_to_its_end(browser, "Deployed").await;
    assert_eq!(demo.world().deployments(&stack.uid).len(), before + 1);
}

/// Production asks first, in a dialog that names it; Escape leaves, and the focus is where it was.
async fn through_the_dialog(browser: &Chromium, demo: &Demo) {
    let stack = demo.healthy("production");
    let before = demo.world().deployments(&stack.uid).len();
    browser.go(format!("{}/?sort=name", demo.url)).await;
    let link = format!("#go-{}", stack.uid);
    browser.click(&link).await;
    browser.until("document.querySelector('dialog').open").await;
    browser
        .see_in("dialog h1", &format!("Redeploy {} in production?", stack.name))
        .await;
    assert_eq!(
        browser.ask::<String>("document.activeElement.id").await,
        "question"
    );
    browser.press(thirtyfour::Key::Escape).await;
    browser.until("!document.querySelector('dialog').open").await;
    let focused: String = browser.ask("document.activeElement.id").await;
    assert_eq!(format!("#{focused}"), link, "the focus did not come back");
    assert_eq!(demo.world().deployments(&stack.uid).len(), before, "it was sent");

    browser.click(&link).await;
    browser.click_words("dialog button", "Redeploy production").await;
    follow_to_its_end(browser, "Deployed").await;
    assert_eq!(demo.world().deployments(&stack.uid).len(), before + 1);
}

/// An older commit, chosen on the stack's page, with the warning that code is not all there is.
async fn roll_back(browser: &Chromium, demo: &Demo) {
    let stack = demo.healthy("staging");
    browser.go(format!("{}/stacks/{}", demo.url, stack.uid)).await;
    browser.click_words("a", "Deploy again…").await;
    browser
        .see_in(
            "dialog",
            "This changes code only. It does not undo database changes.",
        )
        .await;
    let wanted: String = browser
        .ask("document.querySelector('dialog input[name=git_ref]').value")
        .await;
    browser.click("dialog button[data-send]").await;
    follow_to_its_end(browser, "Deployed").await;
    let deployments = demo.world().deployments(&stack.uid);
    let live = deployments.iter().find(|deployment| deployment.is_live);
    assert_eq!(live.and_then(|live| live.git_hash.clone()), Some(wanted));
}

/// A deploy that runs can be stopped from its receipt, which says so only when Cloud 66 does.
async fn cancel(browser: &Chromium, demo: &Demo) {
    let stack = demo.healthy("production");
    demo.slow_down(&stack);
    browser
        .go(format!("{}/stacks/{}/redeploy", demo.url, stack.uid))
        .await;
    browser.click("button[data-send]").await;
    browser.until("location.pathname.startsWith('/redeploys/')").await;
    see_in_time(browser, "Cancel this deploy…").await;
    browser.click_words("a", "Cancel this deploy…").await;
    browser.see_in("dialog h1", "Cancel this deploy?").await;
    browser.leave_by_words("dialog button", "Cancel deploy").await;
    see_in_time(browser, "Cancelled").await;
}

async fn sign_out(browser: &Chromium, demo: &Demo) {
    browser.click(".me").await;
    browser.click_words("#me button", "Sign out").await;
    browser.see("Sign in with Cloud 66").await;
    browser.go(format!("{}/settings", demo.url)).await;
    browser.see("Sign in").await;
    assert!(!browser.has(".me").await, "still signed in");
}

/// From wherever the press led (a note with a way to the receipt, or the receipt itself) to the receipt's end.
async fn follow_to_its_end(browser: &Chromium, end: &str) {
    browser
        .until(
            "location.pathname.startsWith('/redeploys/') || document.querySelector('.note a[href*=\"/redeploys/\"]')",
        )
        .await;
    if !browser.url().await.contains("/redeploys/") {
        browser.click(".note a[href*='/redeploys/']").await;
    }
    see_in_time(browser, end).await;
    browser
        .until("document.querySelector('.outcome.ok, .outcome .ok')")
        .await;
}

/// Waits for words on a page that changes by itself; where it has no event stream, looks again as a person does.
pub async fn see_in_time(browser: &Chromium, words: &str) {
    let said = format!(
        "document.querySelector('#main')?.innerText.includes({})",
        crate::chromium::quoted(words)
    );
    while browser
        .ask::<bool>("document.body.dataset.events === undefined")
        .await
    {
        if browser.ask::<Option<bool>>(&said).await == Some(true) {
            return;
        }
        browser.leave_by_words("#refresh", "Refresh").await;
    }
    browser.until(&said).await;
}
