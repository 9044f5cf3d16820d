//! Before somebody is signed in.

use super::Sample;
use super::world;
use crate::domain::ReturnTo;
use crate::web::pages::code::CodePage;
use crate::web::pages::frame::Frame;
use crate::web::pages::home::{HomePage, SignInPage};
use crate::web::pages::setup::SetupPage;
use crate::web::urls::Access;

pub(super) fn signed_out(prefix: &str) -> Vec<Sample> {
    let public = || world::public_frame(prefix);
    let demo = Frame {
        demo: true,
        ..public()
    };
    vec![
        Sample::new("home", HomePage::new(public(), &ReturnTo::Home, false)),
        Sample::new("home-demo", HomePage::new(demo, &ReturnTo::Activity, true)),
        Sample::new(
            "sign-in-read",
            SignInPage::new(public(), Access::Read, &ReturnTo::Home),
        ),
        Sample::new(
            "sign-in-more",
            SignInPage::new(world::frame(prefix), Access::Redeploy, &ReturnTo::Home),
        ),
        Sample::new(
            "setup",
            SetupPage::new(public(), "https://deck.harbour.example/oauth/callback", false),
        ),
        Sample::new(
            "setup-oob",
            SetupPage::new(public(), "urn:ietf:wg:oauth:2.0:oob", true),
        ),
        Sample::new(
            "code",
            CodePage::new(public(), "https://app.cloud66.com/oauth/authorize?x=1&y=2", false),
        ),
        Sample::new(
            "code-empty",
            CodePage::new(public(), "https://app.cloud66.com/oauth/authorize", true),
        ),
    ]
}
