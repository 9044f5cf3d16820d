//! Asking for a redeploy and waiting for what becomes of it, as a person without JavaScript would: by loading
//! pages.

use std::time::{Duration, Instant};

use stackdeck::domain::OperationId;

use super::{Browser, PATIENCE, Page, TestApp};

/// An app whose Cloud 66 deploys in a moment.
pub async fn with_quick_deploys() -> TestApp {
    TestApp::with().quick_deploys().start().await
}

/// The confirm page of a stack.
pub async fn confirm(browser: &Browser, uid: &str) -> Page {
    browser.get(&format!("/stacks/{uid}/redeploy")).await
}

/// The operation id that a receipt is of.
pub fn id_of(receipt: &Page) -> OperationId {
    receipt.url.path().rsplit('/').next().unwrap().parse().unwrap()
}

/// Waits, without any page, until it is written down what Cloud 66 answered.
pub async fn answered(app: &TestApp, id: OperationId) {
    let answered = async {
        while app.ledger().get(id).await.unwrap().unwrap().answered_at.is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.unwrap();
}

/// Reloads a receipt until it says one of these.
pub async fn until(browser: &Browser, receipt: &Page, words: &[&str]) -> Page {
    let began = Instant::now();
    loop {
        let page = browser.get(receipt.url.path()).await;
        if words.iter().any(|word| page.text().contains(word)) {
            return page;
        }
        assert!(began.elapsed() < PATIENCE, "never {words:?}:\n{}", page.text());
        browser.let_pass(time::Duration::seconds(1)).await;
    }
}
