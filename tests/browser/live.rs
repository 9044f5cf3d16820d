//! Pages that change while they are open: the focus stays, what is typed stays, no row moves, and other people's
//! deploys are not shouted about.

use stackdeck::sandbox::{Health, Stack};

use crate::chromium::{Chromium, Device, quoted};
use crate::relay::Relay;
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
    browser.see_in("#polite", "Follow it").await;
    // A quick deploy may have ended before the list is read again: then it was starting, and never called deploying.
    let is_under_way = "window.said.some(words => /^(Starting|Deploying)/.test(words))";
    browser.until(is_under_way).await;
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
    browser
        .ask::<()>("void (window.before = window.said.length)")
        .await;
    browser.press(thirtyfour::Key::Enter).await;
    browser
        .until("window.said.slice(window.before).some(words => /^(Starting|Deploying)/.test(words))")
        .await;
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

const REFRESH: &str = "document.querySelector('#refresh').checkVisibility()";
const IS_LIVE: &str = "document.querySelector('#live').checkVisibility() \
     && document.querySelector('#live').innerText === 'Live.'";

/// Whether the row says what has become of its stack meanwhile. A row below the window has no `innerText`.
fn is_broken(stack: &Stack) -> String {
    let state = quoted(&format!("#state-{}", stack.uid));
    format!("document.querySelector({state}).textContent.includes('Health failed')")
}

/// Lets two pings' time pass for the page, and a little more.
async fn pass_two_pings(browser: &Chromium) {
    browser
        .ask::<()>(
            "void (window.realNow ??= Date.now.bind(Date), window.later = (window.later ?? 0) + 46000, \
             Date.now = () => realNow() + later)",
        )
        .await;
}

/// How long a fact is waited for in all, and before the act is done once more.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(2);
const BEFORE_AGAIN: std::time::Duration = std::time::Duration::from_secs(3);
const LOOKING: std::time::Duration = std::time::Duration::from_millis(100);

/// Does something again and again until a fact is there. A browser may send the first requests over connections that
/// lead nowhere any more, each of which it has to lose.
async fn again_until(browser: &Chromium, act: &str, fact: &str) {
    let began = std::time::Instant::now();
    while began.elapsed() < PATIENCE {
        if act.is_empty() {
            pass_two_pings(browser).await;
        } else {
            browser.ask::<()>(act).await;
        }
        let acted = std::time::Instant::now();
        while acted.elapsed() < BEFORE_AGAIN {
            if browser.ask::<bool>(fact).await {
                return;
            }
            tokio::time::sleep(LOOKING).await;
        }
    }
    panic!(
        "never: {fact}\n{}",
        browser.ask::<String>("document.body.innerText").await
    );
}

/// A connection that leads nowhere any more, and that nobody has ended: the page notices when two pings did not come,
/// says since when it is not live, offers to load it again, and opens its stream anew.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn a_stream_that_died_silently_is_noticed_and_opened_anew() {
    let relay = Relay::new().await;
    let demo = Demo::behind(&relay).await;
    let browser = Chromium::open(Device::Desk).await;
    browser.sign_in(&demo).await;
    browser.until(IS_LIVE).await;
    assert!(!browser.ask::<bool>(REFRESH).await, "Refresh beside a live page");

    relay.swallow_open();
    relay.swallow_new(true);
    let stack = demo.healthy("production");
    demo.world().set_health(&stack.uid, Health(4));
    let broken = is_broken(&stack);
    pass_two_pings(&browser).await;
    browser.see_in("#live", "Not live since ").await;
    assert!(
        browser.ask::<bool>(REFRESH).await,
        "no way to load the page again"
    );
    assert!(
        !browser.ask::<bool>(&broken).await,
        "the relay has let something through"
    );

    relay.swallow_new(false);
    again_until(&browser, "", IS_LIVE).await;
    browser.until(&broken).await;
    assert!(!browser.ask::<bool>(REFRESH).await, "Refresh beside a live page");
    browser.close().await;
}

/// Whoever comes back to the page, or to a network, does not wait for pings that may not come.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn coming_back_opens_the_stream_anew() {
    for act in [
        "void window.dispatchEvent(new Event('online'))",
        "void (window.away = true, document.dispatchEvent(new Event('visibilitychange')), \
         window.away = false, document.dispatchEvent(new Event('visibilitychange')))",
    ] {
        let relay = Relay::new().await;
        let demo = Demo::behind(&relay).await;
        let browser = Chromium::open(Device::Desk).await;
        browser.before_pages(AWAY).await;
        browser.sign_in(&demo).await;
        browser.until(IS_LIVE).await;
        relay.swallow_open();
        let stack = demo.healthy("production");
        demo.world().set_health(&stack.uid, Health(4));
        browser.ask::<()>(act).await;
        // A stream that was opened is left alone: it takes the app a while to hear of the deploy.
        let if_not_live = format!("{IS_LIVE} || ({act})");
        again_until(&browser, &format!("void ({if_not_live})"), &is_broken(&stack)).await;
        browser.close().await;
    }
}

/// Lets a test say that nobody looks at the page, and lets the page's clock strike twenty times as often.
const AWAY: &str = "Object.defineProperty(document, 'hidden', { get: () => !!window.away });
    const every = window.setInterval; window.setInterval = (act, time) => every(act, time / 20);";

/// Where a platform has no notifications, or throws where one is made, none is offered, and the end of a redeploy is
/// told by title and icon all the same.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn a_followed_redeploy_ends_on_platforms_without_notifications() {
    let android =
        "navigator.__defineGetter__('userAgent', () => 'Mozilla/5.0 (Linux; Android 16) Chrome/156');
         window.Notification = class {
            constructor() { throw new TypeError('Illegal constructor'); }
            static requestPermission() { return Promise.resolve('granted'); }
         };";
    for (platform, offers) in [
        ("delete window.Notification;".to_owned(), false),
        (format!("{android} Notification.permission = 'granted';"), false),
        (format!("{android} Notification.permission = 'default';"), false),
        (
            "window.Notification = class { static permission = 'default'; };".to_owned(),
            true,
        ),
    ] {
        let demo = Demo::start().await;
        let browser = Chromium::open(Device::Desk).await;
        browser.before_pages(&format!("{AWAY}{platform}")).await;
        browser.sign_in(&demo).await;
        let stack = demo.healthy("production");
        browser
            .go(format!("{}/stacks/{}/redeploy", demo.url, stack.uid))
            .await;
        browser.leave_by_words("button", "Redeploy production").await;
        browser.see_in("#receipt", "Redeploy").await;
        let is_offered: bool = browser
            .ask("!!document.querySelector('[data-notify]')?.checkVisibility()")
            .await;
        assert_eq!(is_offered, offers, "{platform}");
        browser
            .ask::<()>("void (window.away = true, document.dispatchEvent(new Event('visibilitychange')))")
            .await;
        browser.until("document.title.startsWith('✓')").await;
        browser
            .until("document.querySelector('#icon').href.includes('icon-ok')")
            .await;
        browser.noted().await.is_silent(&[&demo.url, demo.cloud66()]);
        browser.close().await;
    }
}

/// The tick at "Notify me" comes with the permission and not before; who is refused is not asked again.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver; bin/check brings them"]
async fn notify_me_is_ticked_when_it_was_allowed() {
    let asks = "window.Notification = class {
        static permission = 'default';
        static requestPermission() { return new Promise(answer => { window.answer = answer; }); }
    };";
    let demo = Demo::start().await;
    let browser = Chromium::open(Device::Desk).await;
    browser.before_pages(asks).await;
    browser.sign_in(&demo).await;
    let stack = demo.healthy("production");
    demo.slow_down(&stack);
    browser
        .go(format!("{}/stacks/{}/redeploy", demo.url, stack.uid))
        .await;
    browser.leave_by_words("button", "Redeploy production").await;
    let ticked = "document.querySelector('[data-notify]').classList.contains('done')";
    browser.click("[data-notify]").await;
    assert!(!browser.ask::<bool>(ticked).await, "ticked before the answer");
    browser.ask::<()>("void answer('granted')").await;
    browser.until(ticked).await;
    browser.click("[data-notify]").await;
    browser.ask::<()>("void answer('denied')").await;
    browser
        .until("!document.querySelector('[data-notify]').checkVisibility()")
        .await;
    browser.close().await;
}
