//! Every page that reports trouble: one template, fixed words, a way on, and the request's id.

use askama::Template;
use askama_web::WebTemplate;

use super::banner::CLOUD66_STATUS;
use super::frame::{Frame, Here};
use crate::domain::{ReturnTo, StackUid};
use crate::web::urls::Access;

/// What went wrong, as far as the person can act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// No such page.
    NotFound,
    /// The stack is gone, or out of reach.
    StackGone,
    /// The receipt does not exist, or is somebody else's.
    NoReceipt,
    /// Nobody is signed in any more.
    SignedOut {
        /// Where the sign-in leads.
        return_to: ReturnTo,
    },
    /// Cloud 66 refuses the token.
    SignedOutByCloud66 {
        /// Where the sign-in leads.
        return_to: ReturnTo,
    },
    /// The form does not come from a page of this session.
    Forged,
    /// The form cannot be read.
    WrongForm,
    /// The form was open for too long.
    StaleForm {
        /// Whose confirm page gives a new one; the list without.
        stack: Option<StackUid>,
    },
    /// The token may not redeploy.
    NeedsRedeploy {
        /// For which stack it was wanted.
        stack: Option<StackUid>,
    },
    /// The person's role cannot do this.
    RoleTooSmall,
    /// Cloud 66 does not answer.
    Cloud66Down,
    /// Cloud 66 answers something that cannot be read.
    Cloud66Unreadable,
    /// This hour's requests are used up.
    Throttled,
    /// The trial has ended.
    TrialOver,
    /// Cloud 66 is busy with the stack.
    Conflict,
    /// Cloud 66 said no; its words.
    Rejected(String),
    /// Cloud 66 does not offer this.
    NotOffered,
    /// The version of Cloud 66's API that is spoken does not have this.
    NotInThisVersion,
    /// Our database does not answer.
    Storage,
    /// Too many at once.
    TooMany,
    /// A request that this page does not take; the status.
    Refused(u16),
    /// 500.
    Internal {
        /// Whether it is known that nothing was sent to Cloud 66.
        nothing_sent: bool,
    },
    /// A sign-in that did not succeed.
    SignIn(SignInTrouble),
}

/// Why a sign-in did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInTrouble {
    /// Not begun here, used, or too old.
    Expired,
    /// What came back is not an answer.
    Malformed,
    /// The person said no.
    Denied,
    /// Cloud 66 refused for a reason of its own.
    Provider,
    /// Cloud 66 does not know our callback address.
    WrongCallback {
        /// What to register.
        callback: String,
    },
    /// The code is not accepted.
    CodeRefused,
    /// Our id and secret are not accepted.
    WrongClient,
    /// The account's trial has ended.
    TrialOver,
    /// The person's requests of this hour are used up.
    Throttled,
    /// Cloud 66 does not answer.
    Down,
    /// Its answer cannot be read.
    Unreadable,
    /// The account is not among the allowed ones.
    NotAllowed,
}

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/trouble.html")]
pub struct TroublePage {
    f: Frame,
    headline: &'static str,
    meaning: String,
    detail: Option<String>,
    ways: Vec<Way>,
}

/// A link that goes on.
#[derive(Debug)]
struct Way {
    words: &'static str,
    href: String,
}

impl TroublePage {
    /// Builds the page. The status is the handler's; the request's id is in the frame.
    pub fn new(frame: Frame, trouble: &Trouble) -> Self {
        let (headline, meaning) = words(trouble);
        let detail = match trouble {
            Trouble::Rejected(words) if !words.trim().is_empty() => Some(words.clone()),
            Trouble::SignIn(SignInTrouble::WrongCallback { callback }) => Some(callback.clone()),
            _ => None,
        };
        Self {
            ways: ways(&frame, trouble),
            headline,
            meaning: meaning.to_owned(),
            detail,
            f: frame.titled(headline, Here::Elsewhere),
        }
    }
}

fn ways(frame: &Frame, trouble: &Trouble) -> Vec<Way> {
    let way = |words, href| Way { words, href };
    let home = frame.urls.home();
    let sign_in = |to| way("Sign in again", frame.urls.sign_in_page(Access::Redeploy, to));
    let mut ways = match trouble {
        Trouble::SignedOut { return_to } | Trouble::SignedOutByCloud66 { return_to } => {
            return vec![sign_in(*return_to)];
        }
        Trouble::SignIn(_) => return vec![way("Start again", home)],
        Trouble::StaleForm { stack: Some(uid) } => vec![way("Look again", frame.urls.redeploy(*uid))],
        Trouble::NeedsRedeploy { stack } => {
            let to = stack.map_or(ReturnTo::Home, ReturnTo::Stack);
            vec![way(
                "Allow redeploys",
                frame.urls.sign_in_page(Access::Redeploy, to),
            )]
        }
        Trouble::Cloud66Down | Trouble::Cloud66Unreadable => {
            vec![way("Cloud 66 status ↗", CLOUD66_STATUS.to_owned())]
        }
        Trouble::NoReceipt => vec![way("Your redeploys", frame.urls.receipts())],
        Trouble::NotOffered | Trouble::NotInThisVersion | Trouble::Rejected(_) => {
            vec![way("Open Cloud 66 ↗", frame.cloud66.home())]
        }
        _ => Vec::new(),
    };
    ways.push(way("Go to the stacks", home));
    ways
}

fn words(trouble: &Trouble) -> (&'static str, &'static str) {
    match trouble {
        Trouble::NotFound => (
            "There is no such page",
            "The address may be mistyped, or the page has moved.",
        ),
        Trouble::StackGone => (
            "No such stack",
            "This stack is not there any more, or you lost access to it.",
        ),
        Trouble::NoReceipt => (
            "No such receipt",
            "It does not exist, or somebody else asked for it.",
        ),
        Trouble::SignedOut { .. } => (
            "You are signed out",
            "Your session has ended. Nothing was sent. Sign in again to continue.",
        ),
        Trouble::SignedOutByCloud66 { .. } => (
            "Cloud 66 signed you out",
            "Cloud 66 signed you out. Sign in again to continue.",
        ),
        Trouble::Forged => (
            "This form is not from your session",
            "Nothing was sent. Open the page again and send the form from there.",
        ),
        Trouble::WrongForm => (
            "This form cannot be read",
            "Nothing was sent. Open the page again and send the form from there.",
        ),
        Trouble::StaleForm { .. } => (
            "This page was open for too long",
            "Nothing was sent. Things may have changed since, so look again before you send it.",
        ),
        Trouble::NeedsRedeploy { .. } => (
            "This sign-in can only look",
            "Cloud 66 will ask you to allow this app to redeploy. You come back here.",
        ),
        Trouble::RoleTooSmall => (
            "Your role cannot do this",
            "Your Cloud 66 role does not allow it. Ask an administrator for the Deployer role.",
        ),
        Trouble::Cloud66Down => (
            "Cloud 66 is not answering",
            "This page needs an answer from Cloud 66 and got none. Your stacks run on regardless.",
        ),
        Trouble::Cloud66Unreadable => (
            "Cloud 66 gave an answer that cannot be read",
            "This may pass. If it stays, Cloud 66 may have changed its API.",
        ),
        Trouble::Throttled => (
            "This hour’s requests are used up",
            "Cloud 66 allows a number of requests an hour, and yours are spent. They begin anew within the hour.",
        ),
        Trouble::TrialOver => (
            "The trial has ended",
            "Cloud 66 says the trial for this account has ended.",
        ),
        Trouble::Conflict => (
            "Cloud 66 is busy",
            "Cloud 66 is busy with this stack. Nothing was started.",
        ),
        Trouble::Rejected(_) => (
            "Cloud 66 said no",
            "It may be protected. Check Application Protection in Cloud 66.",
        ),
        Trouble::NotInThisVersion => (
            "Not offered here",
            "Nothing was sent. This app speaks version 2 of Cloud 66’s API, which has no such command.",
        ),
        Trouble::NotOffered => ("Not offered here", "Cloud 66 does not offer this for this stack."),
        Trouble::Storage => (
            "The app’s own database does not answer",
            "Nothing was sent to Cloud 66. Whoever runs this app can see the reason in its log.",
        ),
        Trouble::TooMany => ("Too many at once", "Wait a minute, then try again."),
        Trouble::Refused(_) => (
            "This request was not taken",
            "Nothing was sent. Go back and try again.",
        ),
        Trouble::Internal { nothing_sent: true } => (
            "Something broke in this app",
            "Nothing was sent to Cloud 66. Whoever runs this app can find it by the number below.",
        ),
        Trouble::Internal { nothing_sent: false } => (
            "Something broke in this app",
            "Check the stack before you try again. Whoever runs this app can find it by the number below.",
        ),
        Trouble::SignIn(trouble) => sign_in_words(trouble),
    }
}

fn sign_in_words(trouble: &SignInTrouble) -> (&'static str, &'static str) {
    match trouble {
        SignInTrouble::Expired => (
            "That sign-in link expired",
            "That sign-in link expired. Start again.",
        ),
        SignInTrouble::Malformed => (
            "That is not an answer to a sign-in",
            "What came back could not be read. Start again.",
        ),
        SignInTrouble::Denied => (
            "You did not allow access",
            "You did not allow access. Nothing was saved.",
        ),
        SignInTrouble::Provider => (
            "Cloud 66 did not sign you in",
            "You are not signed in. It refused for a reason of its own. If this happens again, whoever runs this app should compare \
             its settings with the application registered at Cloud 66.",
        ),
        SignInTrouble::WrongCallback { .. } => (
            "Cloud 66 does not know this address",
            "Cloud 66 does not know this address. Register exactly:",
        ),
        SignInTrouble::CodeRefused => (
            "Cloud 66 did not take that code",
            "A code works once, for ten minutes. Start again for a new one.",
        ),
        SignInTrouble::WrongClient => (
            "Cloud 66 does not know this app",
            "It refused the Application Id or Secret. Whoever runs this app has to check CLOUD66_CLIENT_ID and \
             CLOUD66_CLIENT_SECRET.",
        ),
        SignInTrouble::TrialOver => (
            "The trial has ended",
            "Cloud 66 says the trial for this account has ended. You are not signed in.",
        ),
        SignInTrouble::Throttled => (
            "This hour’s requests are used up",
            "Cloud 66 allows a number of requests an hour, and yours are spent. You are not signed in. Try again \
             within the hour.",
        ),
        SignInTrouble::Down => (
            "Cloud 66 is not answering",
            "You are not signed in. Try again in a minute.",
        ),
        SignInTrouble::Unreadable => (
            "Cloud 66 gave an answer that cannot be read",
            "You are not signed in. Try again in a minute.",
        ),
        SignInTrouble::NotAllowed => (
            "This account may not sign in here",
            "Whoever runs this app has named the Cloud 66 accounts that may. Yours is not among them.",
        ),
    }
}
