//! The stack list.

use std::collections::HashSet;

use time::Duration;

use super::Sample;
use super::world::{self, HOSTILE, LIVE_HASH, NOW, production};
use crate::domain::{Fleet, OperationId, ReturnTo, Stack, StackQuery};
use crate::web::pages::banner::Banner;
use crate::web::pages::frame::{Frame, Html, Theme};
use crate::web::pages::notes::Notice;
use crate::web::pages::row::{Rights, Row, RowInput, Slot};
use crate::web::pages::stacks::{StacksInput, StacksPage};
use crate::web::urls::Access;

/// The list, made as a handler makes it.
fn list(frame: Frame, fleet: &Fleet, query: &StackQuery, rights: Rights) -> StacksPage {
    let pins = HashSet::from([world::uid(3)]);
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
    // Whoever groups keeps two views, one of them this one.
    let views = if query.group.is_empty() {
        Vec::new()
    } else {
        let long = StackQuery {
            q: HOSTILE.into(),
            ..StackQuery::default()
        };
        vec![long, query.clone()]
    };
    let input = StacksInput {
        fleet,
        query,
        pins: &pins,
        views: &views,
        known_at: now - Duration::seconds(4),
        op: "bmV3LWVhY2gtdGltZQ",
    };
    StacksPage::new(frame, &input, production, row)
}

/// A sample of the list for somebody who may redeploy.
fn listed(name: &str, frame: Frame, fleet: &Fleet, query: &StackQuery) -> Sample {
    Sample::new(name, list(frame, fleet, query, Rights::Redeploy))
}

pub(super) fn stacks(prefix: &str) -> Vec<Sample> {
    let frame = || world::frame(prefix);
    let fleet = world::fleet();
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
        listed("stacks-one", frame(), &world::many(1), &all),
        listed("stacks-300", frame(), &world::many(300), &all),
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

pub(super) fn stacks_in_trouble(prefix: &str) -> Vec<Sample> {
    let frame = || world::frame(prefix);
    let fleet = world::fleet();
    let all = StackQuery::default();
    let odd = Fleet {
        unreadable: vec![HOSTILE.to_owned(), "legacy".to_owned()],
        incomplete: true,
        ..world::fleet()
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
