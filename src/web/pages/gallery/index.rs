//! The list of all samples, to walk through them.

use askama::Template;

use super::{Sample, all, world};
use crate::web::pages::frame::{Frame, Here};

/// The gallery's own page.
#[derive(Debug, Template)]
#[template(path = "pages/gallery.html")]
struct IndexPage {
    f: Frame,
    names: Vec<String>,
}

/// Builds it.
pub fn index() -> Sample {
    let page = IndexPage {
        f: world::public_frame("").titled("Gallery", Here::Elsewhere),
        names: all("").into_iter().map(|sample| sample.name).collect(),
    };
    Sample::new("index", page)
}
