//! The page for somebody who is not signed in: what this is, and how to sign in.

use askama::Template;
use askama_web::WebTemplate;

use super::frame::{Frame, Here};
use crate::domain::ReturnTo;
use crate::web::urls::Access;

/// The signed-out home page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/home.html")]
pub struct HomePage {
    f: Frame,
    return_to: String,
    /// The page for a pasted code, in `oob` mode.
    code_page: Option<String>,
}

impl HomePage {
    /// `return_to` is where the sign-in leads; `by_code` says that the person will paste a code (`oob` mode).
    pub fn new(frame: Frame, return_to: &ReturnTo, by_code: bool) -> Self {
        Self {
            return_to: return_to.to_string(),
            code_page: by_code.then(|| frame.urls.oauth_code_then(return_to)),
            f: frame.titled("Redeploy your Cloud 66 stacks", Here::Stacks),
        }
    }
}

/// The page before a sign-in that asks for more, or asks again: what Cloud 66 will ask, and where it leads.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/sign_in.html")]
pub struct SignInPage {
    f: Frame,
    access: Access,
    return_to: String,
    back: String,
}

impl SignInPage {
    /// `access` is what the sign-in asks for, `return_to` where it leads.
    pub fn new(frame: Frame, access: Access, return_to: &ReturnTo) -> Self {
        let title = match access {
            Access::Redeploy => "Allow redeploys",
            Access::Read => "Sign in again",
        };
        let back = frame.urls.return_to(return_to);
        Self {
            f: frame.titled(title, Here::Elsewhere),
            access,
            return_to: return_to.to_string(),
            back,
        }
    }

    /// Whether somebody is signed in who has not allowed redeploys; else the same page only signs in.
    fn asks_for_more(&self) -> bool {
        self.access == Access::Redeploy && self.f.person.is_some()
    }
}
