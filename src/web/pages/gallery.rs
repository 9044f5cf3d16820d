//! Every page in every state: rendered by a test, looked at by people. Served by the app in development only.

use std::collections::HashSet;

use askama::DynTemplate;
use time::Duration;

use super::code::CodePage;
use super::confirm::ConfirmPage;
use super::frame::{Banner, Frame, Html, Theme};
use super::home::{HomePage, SignInPage};
use super::notes::Notice;
use super::receipt::{ReceiptInput, ReceiptPage};
use super::redeploy::{RedeployInput, RedeployMistake, RedeployPage};
use super::row::{Rights, Row, RowInput, Slot};
use super::samples::{self, HOSTILE, LIVE_HASH, NOW};
use super::settings::{Requests, SessionLine, SettingsPage};
use super::setup::SetupPage;
use super::siblings::SiblingInput;
use super::stack::{StackInput, StackPage};
use super::stacks::{StacksInput, StacksPage};
use super::trouble::{SignInTrouble, Trouble, TroublePage};
use crate::domain::service::Service;
use crate::domain::{
    Command, Fleet, OperationId, Outcome, RedeployOptions, RedeployState, ReturnTo, Stack, StackQuery,
    Status, Verdict,
};
use crate::web::urls::Access;

/// A page in one of its states.
pub struct Sample {
    /// `stacks-many`: the page's name and the state's; a file name.
    pub name: String,
    page: Box<dyn DynTemplate>,
}

impl Sample {
    fn new(name: impl Into<String>, page: impl DynTemplate + 'static) -> Self {
        Self {
            name: name.into(),
            page: Box::new(page),
        }
    }

    /// The page as HTML.
    pub fn html(&self) -> Result<String, askama::Error> {
        self.page.dyn_render()
    }
}

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// All samples, in the order of a visit, below this path prefix.
pub fn all(prefix: &str) -> Vec<Sample> {
    let groups = [
        signed_out(prefix),
        stacks(prefix),
        stacks_in_trouble(prefix),
        one_stack(prefix),
        asking(prefix),
        receipts(prefix),
        own_pages(prefix),
        troubles(prefix),
    ];
    groups.into_iter().flatten().collect()
}

fn production(stack: &Stack) -> bool {
    stack.environment.as_str() == "production"
}

fn signed_out(prefix: &str) -> Vec<Sample> {
    let public = || samples::public_frame(prefix);
    let demo = Frame {
        demo: true,
        ..public()
    };
    vec![
        Sample::new("home", HomePage::new(public(), ReturnTo::Home, false)),
        Sample::new("home-demo", HomePage::new(demo, ReturnTo::Activity, true)),
        Sample::new(
            "sign-in-read",
            SignInPage::new(public(), Access::Read, ReturnTo::Home),
        ),
        Sample::new(
            "sign-in-more",
            SignInPage::new(samples::frame(prefix), Access::Redeploy, ReturnTo::Home),
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

/// The list, made as a handler makes it.
fn list(frame: Frame, fleet: &Fleet, query: &StackQuery, rights: Rights) -> StacksPage {
    let pins = HashSet::from([samples::uid(3)]);
    let (urls, cloud66, now) = (frame.urls.clone(), frame.cloud66.clone(), frame.now);
    let row = |stack: &Stack| {
        let verdict = fleet.verdict(stack);
        let input = RowInput {
            stack,
            version: fleet.versions.get(&stack.uid),
            verdict,
            production: production(stack),
            slot: Slot::of(rights, production(stack), verdict, None),
            pinned: pins.contains(&stack.uid),
            show_account: fleet.spans_accounts(),
            now,
        };
        Html::of(&Row::new(&urls, &cloud66, &input)).unwrap_or_default()
    };
    let input = StacksInput {
        fleet,
        query,
        pins: &pins,
        known_at: now - Duration::seconds(4),
        op: "bmV3LWVhY2gtdGltZQ",
    };
    StacksPage::new(frame, &input, production, row)
}

/// A sample of the list for somebody who may redeploy.
fn listed(name: &str, frame: Frame, fleet: &Fleet, query: &StackQuery) -> Sample {
    Sample::new(name, list(frame, fleet, query, Rights::Redeploy))
}

fn stacks(prefix: &str) -> Vec<Sample> {
    let frame = || samples::frame(prefix);
    let fleet = samples::fleet();
    let all = StackQuery::default();
    let search = StackQuery {
        q: HOSTILE.into(),
        ..StackQuery::default()
    };
    let group = |by: &str| StackQuery {
        group: by.into(),
        ..StackQuery::default()
    };
    let read_only = list(frame(), &fleet, &all, Rights::ScopeMissing);
    let view_only = list(frame(), &fleet, &all, Rights::RoleMissing);
    let paused = Frame {
        live: false,
        ..frame()
    };
    vec![
        listed("stacks", frame(), &fleet, &all),
        listed("stacks-one", frame(), &samples::many(1), &all),
        listed("stacks-300", frame(), &samples::many(300), &all),
        listed("stacks-none", frame(), &Fleet::default(), &all),
        listed("stacks-no-match", frame(), &fleet, &search),
        listed("stacks-by-app", frame(), &fleet, &group("app")),
        listed("stacks-by-account", frame(), &fleet, &group("account")),
        listed("stacks-paused", paused, &fleet, &all),
        Sample::new("stacks-read-only", read_only),
        Sample::new("stacks-view-only", view_only),
        Sample::new("stacks-loading", StacksPage::loading(frame(), &all)),
    ]
}

fn stacks_in_trouble(prefix: &str) -> Vec<Sample> {
    let frame = || samples::frame(prefix);
    let fleet = samples::fleet();
    let all = StackQuery::default();
    let odd = Fleet {
        unreadable: vec![HOSTILE.to_owned(), "legacy".to_owned()],
        incomplete: true,
        ..samples::fleet()
    };
    let attention = StackQuery {
        state: "attention".into(),
        ..StackQuery::default()
    };
    let notes = [
        Notice::Accepted {
            stack: "checkout production".into(),
            id: OperationId::from(7),
        },
        Notice::Failed {
            stack: HOSTILE.into(),
            id: OperationId::from(8),
            still: Some(LIVE_HASH.into()),
        },
    ];
    let noted = Frame {
        notes: notes.iter().map(|notice| notice.note(&frame().urls)).collect(),
        theme: Theme::Dark,
        demo: true,
        ..frame()
    };
    let with = |name: &str, banner| {
        let frame = Frame {
            banner: Some(banner),
            ..frame()
        };
        listed(name, frame, &fleet, &all)
    };
    let known_at = NOW - Duration::minutes(4);
    let until = Some(NOW + Duration::minutes(54));
    let signed_out = Banner::SignedOut {
        access: Access::Redeploy,
        return_to: ReturnTo::Home,
    };
    vec![
        listed("stacks-odd", frame(), &odd, &attention),
        listed("stacks-notes", noted, &fleet, &all),
        with("stacks-stale", Banner::Stale { known_at }),
        with("stacks-down", Banner::Down),
        with("stacks-throttled", Banner::Throttled { until }),
        with("stacks-signed-out", signed_out),
        with("stacks-trial-over", Banner::TrialOver),
    ]
}

fn one_stack(prefix: &str) -> Vec<Sample> {
    let checkout = samples::stack(0, "checkout", "production");
    let staging = samples::stack(1, "checkout", "staging");
    let newer = crate::domain::Version::of(&[samples::deployment(6000, samples::NEW_HASH, 12)], NOW);
    let show = |name: &str, stack: &Stack, newest: Option<Outcome>, rights: Rights, old_api: bool| {
        let history = samples::history(newest.clone());
        let version = samples::version(newest);
        let verdict = Verdict::of(stack, version.running().is_some());
        let open = samples::redeploy(RedeployState::Running);
        let page = StackPage::new(
            samples::frame(prefix),
            &StackInput {
                stack,
                history: (!old_api).then_some(history.as_slice()),
                version: (!old_api).then_some(&version),
                verdict,
                production: production(stack),
                slot: Slot::of(rights, true, verdict, None),
                open: verdict.in_progress().then_some(&open),
                pinned: verdict.in_progress(),
                siblings: vec![SiblingInput {
                    stack: &staging,
                    version: Some(&newer),
                    verdict: Verdict::Healthy,
                    production: false,
                }],
                old_api,
                known_at: NOW - Duration::seconds(4),
            },
        );
        Sample::new(name, page)
    };
    let failed = Stack {
        status: Status::Failed,
        ..checkout.clone()
    };
    let busy = Stack {
        status: Status::Deploying,
        busy: true,
        ..checkout.clone()
    };
    let maintenance = Stack {
        maintenance: true,
        ..checkout.clone()
    };
    vec![
        show("stack", &checkout, None, Rights::Redeploy, false),
        show(
            "stack-failed",
            &failed,
            Some(Outcome::Failed),
            Rights::Redeploy,
            false,
        ),
        show(
            "stack-deploying",
            &busy,
            Some(Outcome::Pending),
            Rights::Redeploy,
            false,
        ),
        show("stack-maintenance", &maintenance, None, Rights::Redeploy, false),
        show("stack-view-only", &checkout, None, Rights::RoleMissing, false),
        show("stack-read-only", &checkout, None, Rights::ScopeMissing, false),
        show(
            "stack-hostile",
            &samples::hostile(),
            None,
            Rights::Redeploy,
            false,
        ),
        show("stack-v2", &checkout, None, Rights::Redeploy, true),
    ]
}

fn asking(prefix: &str) -> Vec<Sample> {
    let checkout = samples::stack(0, "checkout", "production");
    let version = samples::version(None);
    let services = [
        service("web", Some("v41")),
        service("worker", Some("v41")),
        service(HOSTILE, None),
    ];
    let profiles = ["blue-green".to_owned(), HOSTILE.to_owned()];
    let plain = RedeployOptions::default();
    let ask = |name: &str, stack: &Stack, options: &RedeployOptions, mistake, old_api| {
        let page = RedeployPage::new(
            samples::frame(prefix),
            &RedeployInput {
                stack,
                version: Some(&version),
                production: production(stack),
                services: stack.is_docker().then_some(&services),
                options,
                profiles: &profiles,
                continuous: Some(true),
                old_api,
                op: "b3BlcmF0aW9uLWlk",
                mistake,
            },
        );
        Sample::new(name, page)
    };
    let busy = Stack {
        busy: true,
        maintenance: true,
        ..samples::stack(1, "checkout", "staging")
    };
    let back = RedeployOptions {
        git_ref: Some("0512bd1f00112233445566778899aabbccddeeff".into()),
        ..RedeployOptions::default()
    };
    let chosen = RedeployOptions {
        services: vec!["web:v42".into()],
        deployment_profile: Some("blue-green".into()),
        note: Some(HOSTILE.into()),
        ..RedeployOptions::default()
    };
    let odd = RedeployOptions {
        git_ref: Some(HOSTILE.into()),
        ..RedeployOptions::default()
    };
    let running = samples::history(Some(Outcome::Pending));
    let mut all = vec![
        ask("redeploy", &checkout, &plain, None, false),
        ask("redeploy-busy", &busy, &plain, None, false),
        ask("redeploy-back", &checkout, &back, None, false),
        ask("redeploy-docker", &samples::docker(), &chosen, None, false),
        ask(
            "redeploy-mistake",
            &checkout,
            &odd,
            Some(RedeployMistake::RefShape),
            false,
        ),
        ask(
            "redeploy-docker-ref",
            &samples::docker(),
            &odd,
            Some(RedeployMistake::RefOnDocker),
            false,
        ),
        ask("redeploy-hostile", &samples::hostile(), &plain, None, false),
        ask("redeploy-v2", &checkout, &plain, None, true),
    ];
    for command in Command::ALL
        .into_iter()
        .filter(|command| *command != Command::Redeploy)
    {
        let page = ConfirmPage::command(
            samples::frame(prefix),
            &checkout,
            true,
            command,
            "b3BlcmF0aW9uLWlk",
        );
        all.push(Sample::new(format!("confirm-{}", command.as_str()), page));
    }
    if let Some(running) = running.first() {
        let page = ConfirmPage::cancel(samples::frame(prefix), &checkout, true, running);
        all.push(Sample::new("confirm-cancel", page));
    }
    all
}

fn service(name: &str, image_tag: Option<&str>) -> Service {
    Service {
        name: name.to_owned(),
        image_tag: image_tag.map(str::to_owned),
        git_ref: None,
        source: Some("image".into()),
    }
}

fn receipts(prefix: &str) -> Vec<Sample> {
    let show = |name: &str, redeploy: &crate::domain::Redeploy, old_api: bool| {
        let input = ReceiptInput {
            redeploy,
            production: true,
            old_api,
            address: "https://deck.harbour.example/redeploys/1f3a88d05b7c4e219c0d64aa17f2b3e5",
        };
        Sample::new(name, ReceiptPage::new(samples::frame(prefix), &input))
    };
    let mut all: Vec<Sample> = RedeployState::ALL
        .into_iter()
        .map(|state| {
            show(
                &format!("receipt-{}", state.as_str()),
                &samples::redeploy(state),
                false,
            )
        })
        .collect();
    let queued = crate::domain::Redeploy {
        queued: true,
        ..samples::redeploy(RedeployState::Accepted)
    };
    let cancelling = crate::domain::Redeploy {
        cancel_requested_at: Some(NOW - Duration::seconds(20)),
        ..samples::redeploy(RedeployState::Running)
    };
    let restart = crate::domain::Redeploy {
        command: Command::Restart,
        git_hash: None,
        ..samples::redeploy(RedeployState::Succeeded)
    };
    all.push(show("receipt-queued", &queued, false));
    all.push(show("receipt-cancelling", &cancelling, false));
    all.push(show("receipt-restart", &restart, false));
    all.push(show(
        "receipt-unknown-v2",
        &samples::redeploy(RedeployState::Unknown),
        true,
    ));
    all
}

fn own_pages(prefix: &str) -> Vec<Sample> {
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
        Sample::new(
            "settings",
            SettingsPage::new(
                samples::frame(prefix),
                "public redeploy",
                &sessions,
                Some(requests),
            ),
        ),
        Sample::new(
            "settings-new",
            SettingsPage::new(samples::frame(prefix), "public", &[], None),
        ),
    ]
}

fn troubles(prefix: &str) -> Vec<Sample> {
    let uid = samples::uid(0);
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
            let page = TroublePage::new(with_id(samples::frame(prefix)), trouble);
            Sample::new(format!("trouble-{number:02}"), page)
        })
        .collect();
    all.push(Sample::new(
        "trouble-signed-out",
        TroublePage::new(
            with_id(samples::public_frame(prefix)),
            &Trouble::SignedOut {
                return_to: ReturnTo::Home,
            },
        ),
    ));
    all.extend((1..).zip(signed_out).map(|(number, trouble)| {
        let page = TroublePage::new(with_id(samples::public_frame(prefix)), &Trouble::SignIn(trouble));
        Sample::new(format!("sign-in-trouble-{number:02}"), page)
    }));
    all
}
