//! The person's own pages, help, and trouble.

use time::Duration;

use super::Sample;
use super::world::{self, HOSTILE, NOW};
use crate::domain::ReturnTo;
use crate::web::pages::frame::Frame;
use crate::web::pages::help::HelpPage;
use crate::web::pages::settings::{Requests, SessionLine, SettingsPage};
use crate::web::pages::trouble::{SignInTrouble, Trouble, TroublePage};

pub(super) fn own_pages(prefix: &str) -> Vec<Sample> {
    let session = |handle: &str, hours, current| SessionLine {
        handle: handle.to_owned(),
        created_at: NOW - Duration::hours(hours),
        last_seen_at: NOW - Duration::minutes(hours),
        current,
    };
    let sessions = [
        session("aa00aa00aa00aa00", 2, true),
        session("bb11bb11bb11bb11", 30, false),
    ];
    let requests = Requests {
        limit: 3600,
        used: 212,
        resets_at: Some(NOW + Duration::minutes(54)),
    };
    vec![
        Sample::new("help", HelpPage::new(world::frame(prefix))),
        Sample::new("help-signed-out", HelpPage::new(world::public_frame(prefix))),
        Sample::new(
            "settings",
            SettingsPage::new(world::frame(prefix), "public redeploy", &sessions, Some(requests)),
        ),
        Sample::new(
            "settings-new",
            SettingsPage::new(world::frame(prefix), "public", &[], None),
        ),
    ]
}

pub(super) fn troubles(prefix: &str) -> Vec<Sample> {
    let uid = world::uid(0);
    let callback = "https://deck.harbour.example/oauth/callback".to_owned();
    let signed_in = [
        Trouble::NotFound,
        Trouble::StackGone,
        Trouble::NoReceipt,
        Trouble::SignedOutByCloud66 {
            return_to: ReturnTo::Stack(uid),
        },
        Trouble::Forged,
        Trouble::WrongForm,
        Trouble::StaleForm { stack: Some(uid) },
        Trouble::NeedsRedeploy { stack: Some(uid) },
        Trouble::RoleTooSmall,
        Trouble::Cloud66Down,
        Trouble::Cloud66Unreadable,
        Trouble::Throttled,
        Trouble::TrialOver,
        Trouble::Conflict,
        Trouble::Rejected(HOSTILE.to_owned()),
        Trouble::NotOffered,
        Trouble::NotInThisVersion,
        Trouble::Storage,
        Trouble::TooMany,
        Trouble::Refused(413),
        Trouble::Internal { nothing_sent: true },
        Trouble::Internal { nothing_sent: false },
    ];
    let signed_out = [
        SignInTrouble::Expired,
        SignInTrouble::Malformed,
        SignInTrouble::Denied,
        SignInTrouble::Provider,
        SignInTrouble::WrongCallback { callback },
        SignInTrouble::CodeRefused,
        SignInTrouble::WrongClient,
        SignInTrouble::TrialOver,
        SignInTrouble::Throttled,
        SignInTrouble::Down,
        SignInTrouble::Unreadable,
        SignInTrouble::NotAllowed,
    ];
    let with_id = |frame: Frame| Frame {
        request_id: Some("01jq2c7m".into()),
        ..frame
    };
    let mut all: Vec<Sample> = (1..)
        .zip(&signed_in)
        .map(|(number, trouble)| {
            let page = TroublePage::new(with_id(world::frame(prefix)), trouble);
            Sample::new(format!("trouble-{number:02}"), page)
        })
        .collect();
    all.push(Sample::new(
        "trouble-signed-out",
        TroublePage::new(
            with_id(world::public_frame(prefix)),
            &Trouble::SignedOut {
                return_to: ReturnTo::Home,
            },
        ),
    ));
    all.extend((1..).zip(signed_out).map(|(number, trouble)| {
        let page = TroublePage::new(with_id(world::public_frame(prefix)), &Trouble::SignIn(trouble));
        Sample::new(format!("sign-in-trouble-{number:02}"), page)
    }));
    all
}
