//! The person's receipts, newest first.

use askama::Template;
use askama_web::WebTemplate;

use super::frame::{Frame, Here};
use super::receipt::{took, words_of};
use super::receipt_words::{Sentence, asked_words, sentence};
use super::words::{self, When};
use crate::domain::Redeploy;

/// One receipt in a list.
#[derive(Debug)]
pub(super) struct ReceiptLine {
    pub(super) href: String,
    pub(super) name: String,
    pub(super) environment: String,
    pub(super) production: bool,
    pub(super) sentence: Sentence,
    pub(super) asked: String,
    pub(super) when: When,
    pub(super) took: Option<String>,
    pub(super) message: Option<String>,
}

impl ReceiptLine {
    pub(super) fn new(frame: &Frame, redeploy: &Redeploy, production: bool) -> Self {
        Self {
            href: frame.urls.receipt(redeploy.id),
            name: redeploy.stack_name.clone(),
            environment: redeploy.environment.clone(),
            production,
            sentence: sentence(redeploy, false),
            asked: asked_words(redeploy),
            when: frame.ago(redeploy.requested_at),
            took: took(redeploy).map(words::long),
            message: words_of(redeploy),
        }
    }
}

/// The list of receipts.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/receipts.html")]
pub struct ReceiptsPage {
    f: Frame,
    lines: Vec<ReceiptLine>,
    older: Option<String>,
    later: bool,
}

impl ReceiptsPage {
    /// Builds the page. `later` says that there are receipts after the first one, `older` that there are some
    /// before the last one.
    pub fn new(
        frame: Frame,
        redeploys: &[Redeploy],
        later: bool,
        older: bool,
        is_production: impl Fn(&str) -> bool,
    ) -> Self {
        let last = redeploys.last().filter(|_| older);
        Self {
            lines: redeploys
                .iter()
                .map(|redeploy| ReceiptLine::new(&frame, redeploy, is_production(&redeploy.environment)))
                .collect(),
            older: last.map(|last| frame.urls.receipts_before(last.id)),
            later,
            f: frame.titled("Your redeploys", Here::Redeploys),
        }
    }
}
