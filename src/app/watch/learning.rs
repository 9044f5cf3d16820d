//! What a watcher takes in besides its own readings: what pages and the worker learnt, and what the ledger says.

use super::watcher::Watcher;
use crate::cloud66;
use crate::domain::{Deployment, DeploymentId, Redeploy, Stack, StackUid};

impl Watcher {
    /// Takes in what a page of one stack learnt, and calls those of its deployments cancelled that are.
    pub fn learn(&self, stack: &Stack, history: Option<&mut Vec<Deployment>>) {
        let at = self.clock.now();
        self.plan().asked(stack.uid, at);
        self.change(|snapshot| {
            snapshot.take_stack(stack, at);
            if let Some(history) = history {
                self.cancelled.name(stack.uid, history);
                snapshot.take_history(stack.uid, history, stack.last_activity, at);
                snapshot.keep_history(stack.uid, history);
            }
        });
    }

    /// Calls a deployment cancelled.
    pub(in crate::app) fn call_cancelled(&self, uid: StackUid, id: DeploymentId) {
        self.change(|snapshot| snapshot.call_cancelled(uid, id));
    }

    /// Takes in what Cloud 66 wanted the person to know.
    pub(in crate::app) fn warned(&self, warning: Option<String>) {
        if warning.is_some() && self.snapshot().warning != warning {
            self.change(|snapshot| snapshot.warning = warning);
        }
    }

    /// Takes a stack out that is gone.
    pub fn forget(&self, uid: StackUid) {
        self.change(|snapshot| snapshot.lose(uid));
    }

    /// Remembers that Cloud 66 refused this person a redeploy of the stack now.
    pub fn refuse(&self, uid: StackUid) {
        let at = self.clock.now();
        self.change(|snapshot| snapshot.refuse(uid, at));
    }

    /// Remembers that Cloud 66 accepted one.
    pub fn allow(&self, uid: StackUid) {
        self.change(|snapshot| snapshot.allow(uid));
    }

    /// Makes the next page read the list first, because something was changed there.
    pub fn outdate(&self) {
        self.change(|snapshot| snapshot.outdated = true);
    }

    /// Takes in the person's open redeploys as a page has just read them, and shows them. Pages that are open
    /// are told of them when the ledger is read for all; where none is, this page has told.
    pub fn learn_open(&self, open: &[Redeploy]) {
        let is_alone = !self.viewers().any();
        let known = self.snapshot();
        if known.open != open || (is_alone && known.is_news(open)) {
            self.change(|snapshot| {
                if is_alone {
                    snapshot.need_not_tell(open);
                }
                snapshot.show_redeploys(open.to_vec());
            });
        }
    }

    /// Takes in the person's redeploys, if they differ from what is known.
    pub(super) fn take_redeploys(&self, open: Vec<Redeploy>, ended: &[Redeploy]) {
        if !ended.is_empty() || self.snapshot().is_news(&open) {
            self.change(|snapshot| snapshot.take_redeploys(open, ended));
        }
    }

    /// Takes in that a stack could not be had. What is about this stack alone is no problem of the page.
    pub(super) fn failed(&self, uid: StackUid, problem: cloud66::Error) -> bool {
        use cloud66::Error as E;
        let at = self.clock.now();
        match problem {
            E::Gone => self.forget(uid),
            E::Down | E::SignedOut | E::TrialOver | E::Throttled { .. } => {
                self.change(|snapshot| snapshot.fail(problem, at));
            }
            _ => self.cannot_read(uid, problem),
        }
        false
    }

    /// Takes in that an answer about one stack could not be had, or not be used.
    pub(in crate::app) fn cannot_read(&self, uid: StackUid, problem: cloud66::Error) {
        if problem.leaves_unknown() {
            self.change(|snapshot| snapshot.cannot_read(uid, problem));
        }
    }
}
