//! Pieces of pages that go to an open page: the answer to a one-click redeploy, and what the event stream sends
//! besides rows, stacks and receipts.
//!
//! Each piece is addressed by id (`hx-swap-oob`). The script puts in what has a place on the open page and drops
//! the rest, so a stream may send the same pieces to everybody.

use askama::Template;
use askama_web::WebTemplate;
use time::OffsetDateTime;

use super::banner::{Banner, BannerView};
use super::frame::Html;
use super::notes::{Note, Notice};
use super::row::RowParts;
use super::words::When;
use crate::web::urls::Urls;

/// The answer to a form that was posted without leaving the list: a note, the row as it is now, and a new
/// operation id for the next press.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "fragments/answer.html")]
pub struct Answer {
    note: LiveNote,
    row: RowParts,
    csrf: String,
    op: String,
}

impl Answer {
    /// Builds the answer.
    pub fn new(urls: &Urls, notice: &Notice, row: RowParts, csrf: &str, op: &str) -> Self {
        Self {
            note: LiveNote(notice.note(urls)),
            row,
            csrf: csrf.to_owned(),
            op: op.to_owned(),
        }
    }
}

/// A note for an open page; put into the live region that suits it, so that it is read out.
#[derive(Debug, Template)]
#[template(path = "fragments/note_live.html")]
pub struct LiveNote(Note);

impl askama::filters::HtmlSafe for LiveNote {}

impl LiveNote {
    /// Renders it.
    pub fn html(urls: &Urls, notice: &Notice) -> Result<Html, askama::Error> {
        Html::of(&Self(notice.note(urls)))
    }
}

/// A banner alone, for a page that will hear nothing more.
#[derive(Debug, Template)]
#[template(path = "fragments/banner_live.html")]
pub struct LiveBanner(BannerView);

impl LiveBanner {
    /// Renders it.
    pub fn html(urls: &Urls, banner: &Banner) -> Result<Html, askama::Error> {
        Html::of(&Self(BannerView::new(urls, banner)))
    }
}

/// How fresh the page is, and what has to be said above it.
#[derive(Debug, Template)]
#[template(path = "fragments/freshness_live.html")]
pub struct LiveFreshness {
    known: Option<When>,
    banner: Option<BannerView>,
    warning: Option<String>,
}

impl LiveFreshness {
    /// Renders it: when what the page shows was true, and the banner and Cloud 66's warning, or that there is none any
    /// more.
    pub fn html(
        urls: &Urls,
        known_at: Option<OffsetDateTime>,
        now: OffsetDateTime,
        (banner, warning): (Option<&Banner>, Option<&str>),
    ) -> Result<Html, askama::Error> {
        Html::of(&Self {
            known: known_at.map(|at| When::ago_in_full(at, now)),
            banner: banner.map(|banner| BannerView::new(urls, banner)),
            warning: warning.map(str::to_owned),
        })
    }
}
