//! The form for a pasted code, where Cloud 66 cannot send people back (`oob` mode).

use askama::Template;
use askama_web::WebTemplate;

use super::frame::{Frame, Here};

/// The form.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/code.html")]
pub struct CodePage {
    f: Frame,
    authorize: String,
    mistake: Option<&'static str>,
}

impl CodePage {
    /// `authorize` is Cloud 66's page that shows the code, made for this sign-in. `empty` says that the form
    /// came back without a code.
    pub fn new(frame: Frame, authorize: &str, empty: bool) -> Self {
        let title = if empty {
            "Error: paste the code"
        } else {
            "Paste the code"
        };
        Self {
            f: frame.titled(title, Here::Elsewhere),
            authorize: authorize.to_owned(),
            mistake: empty.then_some("Paste the code that Cloud 66 shows."),
        }
    }
}
