//! What has to be said above a page of when Cloud 66 was last heard, and why it is not heard now: one rule for the
//! list, a stack's page, receipts and batches, loaded and open.

use time::{Duration, OffsetDateTime};

use super::pages::frame::{Banner, Frame};
use super::session::Visitor;
use super::state::WebState;
use super::urls::Access;
use crate::app::show_stack::StackView;
use crate::app::watch::Snapshot;
use crate::app::{Allowance, Cloud66Error, SignedIn};
use crate::domain::{Redeploy, ReturnTo, StackUid};

/// A list or a receipt is kept up to date for a while after the last answer; a stack's page was loaded to see the stack.
const STALE: Duration = Duration::minutes(2);

/// When something was last heard, and why it is not heard now.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    problem: Option<&'a Cloud66Error>,
    at: Option<OffsetDateTime>,
    /// After how long without an answer the page is called what we knew, and no longer what is.
    stale_after: Duration,
}

impl<'a> Heard<'a> {
    /// Of the list.
    pub fn list(snapshot: &'a Snapshot) -> Self {
        Self {
            problem: snapshot.problem.as_ref().map(|(problem, _)| problem),
            at: snapshot.listed_at,
            stale_after: STALE,
        }
    }

    /// Of one stack, on its own page: what is shown there without an answer is what we knew, from the first moment.
    pub fn stack(snapshot: &'a Snapshot, uid: StackUid) -> Self {
        Self {
            problem: snapshot.problem_of(uid),
            at: snapshot.known_at(uid),
            stale_after: Duration::ZERO,
        }
    }
}

/// What has to be said above a page: why its last reading failed, or that updates are slower for now.
pub fn banner(
    heard: Heard<'_>,
    snapshot: &Snapshot,
    allowance: &Allowance,
    now: OffsetDateTime,
    return_to: ReturnTo,
) -> Option<Banner> {
    let Some(problem) = heard.problem else {
        if let Some(until) = allowance.throttled_until {
            return Some(Banner::Throttled { until: Some(until) });
        }
        let until = allowance.resets_at;
        return match (snapshot.rests(allowance), allowance.scarce) {
            (true, true) => Some(Banner::Throttled { until: Some(until) }),
            (true, false) => Some(Banner::Resting { until }),
            (false, true) => Some(Banner::Slow { until }),
            (false, false) => None,
        };
    };
    Some(match problem {
        Cloud66Error::Throttled { retry_at } => Banner::Throttled { until: *retry_at },
        Cloud66Error::TrialOver => Banner::TrialOver,
        Cloud66Error::SignedOut => signed_out(return_to),
        _ => silent_since(heard.at, heard.stale_after, now),
    })
}

/// Puts onto a page with the stacks of the list what has to be said above it.
pub fn of_list(
    frame: &mut Frame,
    state: &WebState,
    who: &SignedIn,
    snapshot: &Snapshot,
    return_to: ReturnTo,
) {
    let allowance = state.app().allowance(who);
    frame.banner = banner(Heard::list(snapshot), snapshot, &allowance, frame.now, return_to);
    frame.warning.clone_from(&snapshot.warning);
}

/// Puts onto a page about one stack what has to be said above it.
pub fn of_stack(state: &WebState, mut frame: Frame, visitor: &Visitor, view: &StackView) -> Frame {
    let app = state.app();
    let snapshot = app.watcher(&visitor.who).snapshot();
    let uid = view.stack.uid;
    let heard = Heard {
        problem: view.problem.as_ref().or_else(|| snapshot.problem_of(uid)),
        at: Some(view.known_at),
        stale_after: Duration::ZERO,
    };
    let allowance = app.allowance(&visitor.who);
    frame.banner = banner(heard, &snapshot, &allowance, frame.now, ReturnTo::Stack(uid));
    frame.warning.clone_from(&snapshot.warning);
    frame
}

/// What has to be said above redeploys: nothing once all of them have ended, because then nothing is waited for.
#[expect(
    clippy::needless_pass_by_value,
    reason = "an iterator is handed over, as everywhere"
)]
pub fn of_redeploys<'r>(
    state: &WebState,
    who: &SignedIn,
    snapshot: &Snapshot,
    redeploys: impl Iterator<Item = &'r Redeploy> + Clone,
    now: OffsetDateTime,
    return_to: ReturnTo,
) -> Option<Banner> {
    let open = || redeploys.clone().filter(|redeploy| redeploy.is_followed());
    open().next()?;
    if matches!(snapshot.problem, Some((Cloud66Error::SignedOut, _))) {
        return Some(signed_out(return_to));
    }
    let app = state.app();
    let allowance = app.allowance(who);
    if !app.may_follow(who) {
        let until = allowance.throttled_until.unwrap_or(allowance.resets_at);
        return Some(Banner::Throttled { until: Some(until) });
    }
    open()
        .any(Redeploy::is_silent)
        .then(|| silent_since(heard_at(open()), STALE, now))
}

/// When Cloud 66 was last heard of all of these that it has and that are still followed; none where there are none.
pub fn heard_at<'r>(redeploys: impl Iterator<Item = &'r Redeploy>) -> Option<OffsetDateTime> {
    redeploys
        .filter(|redeploy| redeploy.is_followed())
        .filter_map(Redeploy::last_heard_at)
        .min()
}

fn silent_since(heard_at: Option<OffsetDateTime>, stale_after: Duration, now: OffsetDateTime) -> Banner {
    match heard_at {
        Some(known_at) if now - known_at > stale_after => Banner::Stale { known_at },
        _ => Banner::Down,
    }
}

/// Cloud 66 refuses the token: the way to another one.
pub fn signed_out(return_to: ReturnTo) -> Banner {
    Banner::SignedOut {
        access: Access::Redeploy,
        return_to,
    }
}
