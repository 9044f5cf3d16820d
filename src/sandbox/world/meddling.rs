//! What faults change in a stack's own books, so that Cloud 66 is at odds with itself.

use super::lifecycle::new_action;
use super::stack::Finished;
use super::state::State;
use crate::sandbox::fault::WrongAction;
use std::time::Duration;
use time::OffsetDateTime;

/// How long ago an action that is planted as an old one was asked for. It took half of that.
const OLD: Duration = Duration::from_mins(10);

impl State {
    /// Plants the action that a redeploy is about to be mistaken for, and gives its number; `None` where none is
    /// to be planted or there is no such stack. It is not what `by` really did: no work belongs to it.
    pub(crate) fn plant_action(
        &mut self,
        uid: &str,
        wrong: WrongAction,
        by: Option<&str>,
        now: OffsetDateTime,
    ) -> Option<u64> {
        let (asked_at, ended_at, reference) = match wrong {
            WrongAction::Other => (now, now, Some("a-reference-of-somebody-else")),
            WrongAction::Ended => (now - OLD, now - OLD / 2, None),
            WrongAction::Unknown => return None,
        };
        let id = self.next_action;
        let by = by.unwrap_or("redeploy hook");
        let mut action = new_action(id, by, "application_deployment", "api", asked_at, reference);
        action.finished = Some(Finished {
            at: ended_at,
            success: true,
            message: "Completed successfully".to_owned(),
        });
        self.stack_mut(uid)?.actions.push(action);
        self.next_action += 1;
        Some(id)
    }

    /// Takes an action out of the stack's list; what it stands for goes on.
    pub(crate) fn hide_action(&mut self, uid: &str, id: u64) {
        if let Some(stack) = self.stack_mut(uid) {
            stack.actions.retain(|action| action.id != id);
        }
    }

    /// Lets what was accepted last begin this much later than its turn comes.
    pub(crate) fn begin_later(&mut self, uid: &str, late: Duration) {
        let last = self.stack_mut(uid).and_then(|stack| stack.work.back_mut());
        if let Some(work) = last {
            work.begins_at = work.begins_at.map(|at| at + late);
            work.late = late;
        }
    }
}
