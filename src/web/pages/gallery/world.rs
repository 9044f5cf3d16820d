//! A small made-up world for the gallery: stacks in every state, with names that people really have and some
//! that only an attacker would choose.

use std::collections::HashMap;

use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::domain::redeploy::Before;
use crate::domain::{
    AccountId, Command, Deployment, DeploymentId, Environment, Fleet, Health, OperationId, Outcome, Person,
    Reason, Redeploy, RedeployOptions, RedeployState, Stack, StackUid, Status, UserId, Version, WebLink,
};
use crate::web::pages::frame::Frame;
use crate::web::urls::{Cloud66Pages, Urls};

/// The moment at which every sample is looked at.
pub(super) const NOW: OffsetDateTime = datetime!(2026-03-04 14:06:30 UTC);

/// Markup, quotes, a right-to-left mark and an emoji, in one name.
pub(super) const HOSTILE: &str = "\"><script>alert(1)</script>'{{7*7}}<img src=x> \u{202e}gnp.exe 🚀";

pub(super) const LIVE_HASH: &str = "4c1d9ab2f5e9fc54612808977ee8f548b2258d31";
pub(super) const NEW_HASH: &str = "9f2e1aa0c1d94bb1a61280897ee8f548b2258d02";

/// A frame for somebody who is signed in, below this path prefix.
pub(super) fn frame(prefix: &str) -> Frame {
    Frame {
        person: Some(Person {
            id: UserId(41),
            name: "Ana Ruiz".into(),
            account: AccountId(912),
            account_name: "Harbour Ltd".into(),
        }),
        csrf: "c3JmLXRva2Vu".into(),
        ..public_frame(prefix)
    }
}

/// A frame for somebody who is not.
pub(super) fn public_frame(prefix: &str) -> Frame {
    let origin = WebLink::parse("https://app.cloud66.com");
    let cloud66 = origin.as_ref().map(Cloud66Pages::new).unwrap_or_default();
    Frame::new(Urls::new(prefix), cloud66, NOW)
}

pub(super) fn uid(number: u128) -> StackUid {
    StackUid::from(0x4f6c_0e2b_9d1a_4c7e_8b3f_5a6d_7c8e_0000 + number)
}

/// A healthy stack.
pub(super) fn stack(number: u128, name: &str, environment: &str) -> Stack {
    let host = format!("https://{}.example.com", name.to_lowercase());
    Stack {
        uid: uid(number),
        name: name.to_owned(),
        environment: Environment::new(environment),
        account: Some(AccountId(912)),
        account_name: Some("Harbour Ltd".into()),
        cloud: Some("DigitalOcean".into()),
        framework: Some("rails".into()),
        language: Some("ruby".into()),
        backend: None,
        git: Some(format!("git@github.com:harbour/{}.git", name.to_lowercase())),
        git_branch: Some("main".into()),
        address: WebLink::parse(&host),
        status: Status::Deployed,
        health: Health::Healthy,
        maintenance: false,
        busy: false,
        last_activity: Some(NOW - Duration::minutes(12)),
        created_at: Some(datetime!(2024-11-02 08:00:01 UTC)),
    }
}

/// A deployment of this commit that ended well, `minutes` ago, and is live.
pub(super) fn deployment(id: i64, hash: &str, minutes: i64) -> Deployment {
    let ended = NOW - Duration::minutes(minutes);
    Deployment {
        id: DeploymentId(id),
        outcome: Outcome::Success,
        triggered_by: Some("ana@harbour.example".into()),
        triggered_via: Some("web".into()),
        kind: Some("redeploy".into()),
        started_at: Some(ended - Duration::seconds(400)),
        finished_at: Some(ended),
        git_hash: Some(hash.to_owned()),
        git_ref: Some("main".into()),
        is_head: true,
        is_live: true,
        reverted: false,
        commit_url: None,
    }
}

/// A history, newest first: what `newest` is, then the live one, then older ones.
pub(super) fn history(newest: Option<Outcome>) -> Vec<Deployment> {
    let mut all = Vec::new();
    if let Some(outcome) = newest {
        let running = outcome == Outcome::Pending;
        all.push(Deployment {
            outcome,
            started_at: Some(NOW - Duration::minutes(3)),
            finished_at: (!running).then_some(NOW - Duration::minutes(1)),
            is_live: false,
            ..deployment(5121, NEW_HASH, 1)
        });
    }
    all.push(deployment(5120, LIVE_HASH, 60 * 26));
    for (number, (hash, hours, outcome, via)) in [
        (
            "77b0e3c1aa94bb1a61280897ee8f548b2258d0200",
            50,
            Outcome::Success,
            "hook",
        ),
        (
            "1e5d0f3b7c1194bb1a61280897ee8f548b2258d02",
            75,
            Outcome::Failed,
            "api",
        ),
        (
            "c0ffee00112233445566778899aabbccddeeff00",
            120,
            Outcome::Cancelled,
            "web",
        ),
        (
            "0512bd1f00112233445566778899aabbccddeeff",
            190,
            Outcome::Success,
            "web",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let id = 5119 - i64::try_from(number).unwrap_or_default();
        all.push(Deployment {
            outcome,
            triggered_via: Some(via.to_owned()),
            is_head: false,
            is_live: false,
            ..deployment(id, hash.get(..40).unwrap_or(hash), hours * 60)
        });
    }
    all
}

pub(super) fn version(newest: Option<Outcome>) -> Version {
    Version::of(&history(newest), NOW)
}

/// About what a company has: in trouble, in progress, in maintenance, well, never deployed, and hostile.
pub(super) fn fleet() -> Fleet {
    let mut fleet = Fleet::default();
    let mut add = |stack: Stack, version: Option<Version>| {
        if let Some(version) = version {
            fleet.versions.insert(stack.uid, version);
        }
        fleet.stacks.push(stack);
    };
    let names = [
        "checkout", "search", "admin", "worker", "catalog", "identity", "notify", "reports", "gateway",
        "pricing",
    ];
    for (number, name) in (0_u32..).zip(names) {
        add(
            stack(u128::from(number) * 2, name, "production"),
            Some(version(None)),
        );
        let newer = Version::of(&[deployment(6000, NEW_HASH, 12 + i64::from(number))], NOW);
        add(stack(u128::from(number) * 2 + 1, name, "staging"), Some(newer));
    }
    add(
        Stack {
            status: Status::Failed,
            ..stack(40, "billing", "production")
        },
        Some(version(Some(Outcome::Failed))),
    );
    add(
        Stack {
            status: Status::Deploying,
            busy: true,
            ..stack(41, "web", "production")
        },
        Some(version(Some(Outcome::Pending))),
    );
    add(
        Stack {
            status: Status::QueuedForDeploying,
            ..stack(42, "media", "staging")
        },
        Some(version(None)),
    );
    add(
        Stack {
            health: Health::Impaired,
            ..stack(43, "mailer", "staging")
        },
        Some(version(None)),
    );
    add(
        Stack {
            maintenance: true,
            ..stack(44, "forum", "production")
        },
        Some(version(None)),
    );
    add(
        Stack {
            status: Status::Analysed,
            health: Health::Unknown,
            ..stack(45, "prototype", "development")
        },
        None,
    );
    add(
        Stack {
            status: Status::Other(9),
            health: Health::Unknown,
            ..stack(46, "labs", "development")
        },
        None,
    );
    add(docker(), Some(version(None)));
    add(hostile(), Some(version(None)));
    add(
        Stack {
            account: Some(AccountId(7)),
            account_name: Some("Lighthouse GmbH".into()),
            cloud: None,
            git: None,
            git_branch: None,
            address: None,
            ..stack(49, "متجر القهوة", "إنتاج")
        },
        None,
    );
    fleet
}

/// A Docker stack.
pub(super) fn docker() -> Stack {
    Stack {
        framework: Some("docker".into()),
        ..stack(47, "edge-proxy", "production")
    }
}

/// A stack whose every text is hostile.
pub(super) fn hostile() -> Stack {
    Stack {
        environment: Environment::new(HOSTILE),
        account_name: Some(HOSTILE.into()),
        cloud: Some(HOSTILE.into()),
        framework: Some(HOSTILE.into()),
        git: Some(HOSTILE.into()),
        git_branch: Some(HOSTILE.into()),
        name: format!("{HOSTILE} {}", "very-long-name-".repeat(12)),
        address: WebLink::parse("https://xn--n8h.example.com/"),
        ..stack(48, "hostile", "x")
    }
}

/// The fleet with this many stacks.
pub(super) fn many(number: u128) -> Fleet {
    let stacks = (0..number)
        .map(|n| stack(1000 + n, &format!("service-{n:03}"), "staging"))
        .collect();
    let mut versions = HashMap::new();
    for n in 0..number {
        versions.insert(uid(1000 + n), version(None));
    }
    Fleet {
        stacks,
        versions,
        ..Fleet::default()
    }
}

/// A row of the ledger in a state, as far as that state goes.
pub(in crate::web::pages) fn redeploy(state: RedeployState) -> Redeploy {
    use RedeployState as S;
    let asked = NOW - Duration::minutes(4);
    let answered = !matches!(state, S::Requested | S::Sending);
    let ran = matches!(
        state,
        S::Running | S::Succeeded | S::Failed | S::Cancelled | S::Ended
    );
    Redeploy {
        id: OperationId::from(0x1f3a_88d0_5b7c_4e21_9c0d_64aa_17f2_b3e5),
        command: Command::Redeploy,
        stack: uid(0),
        stack_name: "checkout".into(),
        environment: "production".into(),
        asked_by: UserId(41),
        asked_by_name: "Ana Ruiz".into(),
        options: RedeployOptions {
            note: Some("Coupon fix, ticket 4312".into()),
            ..RedeployOptions::default()
        },
        before: Before {
            newest_deployment: Some(DeploymentId(5120)),
            live_hash: Some(LIVE_HASH.into()),
            branch: Some("main".into()),
            git: Some("git@github.com:harbour/checkout.git".into()),
            usual_seconds: Some(400),
        },
        state,
        requested_at: asked,
        sent_at: (state != S::Requested).then_some(asked + Duration::seconds(1)),
        answered_at: answered.then_some(asked + Duration::seconds(3)),
        finished_at: state.is_end().then_some(asked + Duration::seconds(200)),
        queued: false,
        action: None,
        deployment: ran.then_some(DeploymentId(5121)),
        git_hash: ran.then(|| NEW_HASH.to_owned()),
        reason: match state {
            S::Refused => Some(Reason::Rejected),
            S::Lost => Some(Reason::NoRecord),
            _ => None,
        },
        message: match state {
            S::Refused => Some("You don't have the right".into()),
            S::Failed => Some(format!("Command failed: rake assets:precompile {HOSTILE}")),
            _ => None,
        },
        attempts: 1,
        looks: 0,
        heard_at: Some(NOW - Duration::seconds(3)),
        missed_at: None,
        took: state.is_end().then_some(Duration::seconds(197)),
        followed: !state.is_end(),
        cancel_requested_at: None,
    }
}

/// What counts as production here.
pub(super) fn production(stack: &Stack) -> bool {
    stack.environment.as_str() == "production"
}
