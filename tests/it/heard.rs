//! A receipt and a batch say when Cloud 66 was last heard, have the banner while it cannot be, and claim nothing of it
//! meanwhile.

use time::Duration;

use crate::harness::{Browser, PAUSE, Page, Stream, TestApp, answered, confirm, id_of, looks};

const AT_WORK: &str = "Cloud 66 is at work on it";
const SILENT: &str = "It was running when Cloud 66 last answered.";

/// The words outside of what is hidden.
fn live(page: &Page) -> String {
    page.texts("#live").join(" ")
}

async fn running(app: &TestApp) -> (Browser, Page, Stream) {
    let browser = app.signed_in().await;
    let asked = confirm(&browser, &app.quiet_stack("staging")).await;
    let receipt = browser.submit(&asked, "Redeploy staging").await;
    answered(app, id_of(&receipt)).await;
    let mut stream = browser.follow(&receipt).await;
    app.world().clock().advance(std::time::Duration::from_secs(40));
    app.clock.advance(Duration::seconds(6));
    app.pass(Duration::seconds(1)).await;
    stream.until(AT_WORK).await;
    let page = browser.get(receipt.url.path()).await;
    assert!(page.text().contains(AT_WORK), "{}", page.text());
    assert!(
        page.texts(".fresh").join(" ").contains("Updated"),
        "{}",
        page.text()
    );
    assert!(page.texts(".banner").is_empty(), "{}", page.text());
    (browser, page, stream)
}

async fn app() -> TestApp {
    TestApp::with()
        .impatient()
        .deploys_of(std::time::Duration::from_hours(1))
        .start()
        .await
}

/// Lets looks and pages fail until the page says so, by the app's clock alone.
async fn loaded_until(app: &TestApp, browser: &Browser, path: &str, words: &str) -> Page {
    for () in looks() {
        let page = browser.get(path).await;
        if page.text().contains(words) {
            return page;
        }
        app.pass(Duration::seconds(1)).await;
        tokio::time::sleep(PAUSE).await;
    }
    panic!("never {words}: {}", browser.get(path).await.text());
}

/// U81
#[tokio::test]
async fn a_receipt_says_that_cloud_66_cannot_be_heard_and_claims_nothing_meanwhile() {
    for (fault, words) in [
        ("api=reset-before", "Cloud 66 is not answering."),
        ("actions=status:502", "Cloud 66 is not answering."),
        ("actions=html", "Cloud 66 is not answering."),
        ("api=throttled", "You have used this hour’s Cloud 66 requests."),
    ] {
        let app = app().await;
        let (browser, receipt, mut stream) = running(&app).await;
        app.world().add_fault(fault.parse().unwrap());
        app.clock.advance(Duration::seconds(11));
        let page = loaded_until(&app, &browser, receipt.url.path(), words).await;
        assert!(!page.text().contains(AT_WORK), "{fault}: {}", page.text());
        assert!(page.text().contains(SILENT), "{fault}: {}", page.text());
        assert!(
            page.texts("progress").is_empty(),
            "{fault}: no claim of how far it is"
        );
        assert_eq!(live(&page), "", "{fault}");
        // The page that is open is told the same.
        let event = stream.until(words).await;
        assert!(event.data.contains("id=\"known\""), "{fault}: {}", event.data);
        if !event.data.contains(SILENT) {
            stream.until(SILENT).await;
        }
        if words.starts_with("Cloud") {
            app.clock.advance(Duration::minutes(3));
            let page = loaded_until(&app, &browser, receipt.url.path(), "Showing what we knew at ").await;
            let known = page.attribute("#known time", "datetime").unwrap();
            assert_eq!(
                page.attribute(".banner time", "datetime").unwrap(),
                known,
                "{fault}"
            );
        }
        app.world().clear_faults();
        app.clock.advance(Duration::hours(1));
        let page = loaded_until(&app, &browser, receipt.url.path(), AT_WORK).await;
        assert!(page.texts(".banner").is_empty(), "{fault}: {}", page.text());
        stream.until(AT_WORK).await;
    }
}

/// U81
#[tokio::test]
async fn a_batch_and_the_list_of_receipts_say_it_too() {
    let app = app().await;
    let browser = app.signed_in().await;
    let (one, two) = (app.quiet_stack("staging"), app.quiet_stack("production"));
    let check = browser
        .get(&format!("/redeploys/new?step=check&uid={one}&uid={two}"))
        .await;
    let form = check.form("Redeploy 2 stacks").set("production_ok", "yes");
    let batch = browser.send(form).await;
    let path = format!("{}?{}", batch.url.path(), batch.url.query().unwrap_or_default());
    app.world().clock().advance(std::time::Duration::from_secs(400));
    let page = loaded_until(&app, &browser, &path, "2 accepted").await;
    assert!(
        page.texts("#batch .fresh").join(" ").contains("Updated"),
        "{}",
        page.text()
    );
    assert!(page.texts(".banner").is_empty(), "{}", page.text());
    app.world().add_fault("api=reset-before".parse().unwrap());
    app.clock.advance(Duration::seconds(11));
    for path in [path.as_str(), "/redeploys"] {
        let page = loaded_until(&app, &browser, path, "Cloud 66 is not answering.").await;
        assert!(!page.texts("#banner .banner").is_empty(), "{}", page.text());
        assert!(!page.text().contains("Live."), "{}", page.text());
    }
    app.clock.advance(Duration::minutes(3));
    loaded_until(&app, &browser, &path, "Showing what we knew at ").await;
    app.world().clear_faults();
    app.clock.advance(Duration::minutes(1));
    for () in looks() {
        let page = browser.get(&path).await;
        if page.texts(".banner").is_empty() {
            return;
        }
        app.pass(Duration::seconds(1)).await;
        tokio::time::sleep(PAUSE).await;
    }
    panic!("the banner stays");
}

#[tokio::test]
async fn no_page_says_live_before_its_script_knows_that_it_is() {
    let app = app().await;
    let (browser, receipt, _stream) = running(&app).await;
    let uid = app.quiet_stack("production");
    browser.whole_list().await;
    let stack = format!("/stacks/{uid}");
    for fault in [
        None,
        Some("api=status:502"),
        Some("deployments=html"),
        Some("stack=html"),
    ] {
        if let Some(fault) = fault {
            app.world().add_fault(fault.parse().unwrap());
            let page = browser.get(&stack).await;
            assert!(!page.texts(".banner").is_empty(), "{fault}: {}", page.text());
        }
        for path in ["/", &stack, "/activity", receipt.url.path()] {
            let page = browser.get(path).await;
            assert!(
                !page.text().contains("Live."),
                "{fault:?} {path}: {}",
                page.text()
            );
        }
        app.world().clear_faults();
    }
}

/// What is about one stack alone is said on that stack's page and nowhere else.
#[tokio::test]
async fn an_open_stack_page_says_that_its_answers_cannot_be_read() {
    let app = app().await;
    let browser = app.signed_in().await;
    browser.whole_list().await;
    let uid = app.quiet_stack("production");
    let page = browser.get(&format!("/stacks/{uid}")).await;
    let mut stream = browser.follow(&page).await;
    app.world().add_fault("stack=html".parse().unwrap());
    app.pass(Duration::seconds(21)).await;
    stream.until("Showing what we knew at ").await;
    let list = browser.get("/").await;
    assert!(list.texts(".banner").is_empty(), "{}", list.text());
    app.world().clear_faults();
    app.pass(Duration::seconds(61)).await;
    stream
        .until("<div id=\"banner\" hx-swap-oob=\"innerHTML\"></div>")
        .await;
}
