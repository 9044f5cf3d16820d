//! What a person is told of their own redeploys, wherever they are in the app.

use crate::app::watch::Move;
use crate::domain::{Command, Redeploy, RedeployState};
use crate::web::pages::notes::Notice;
use crate::web::pages::reason;

/// What is said of a step; nothing of the steps that the page itself shows.
pub(super) fn notice(step: &Move) -> Option<Notice> {
    let redeploy = &step.redeploy;
    let (stack, id) = (title(redeploy), redeploy.id);
    let is_redeploy = redeploy.command == Command::Redeploy;
    Some(match redeploy.state {
        RedeployState::Accepted | RedeployState::Running => match step.from {
            Some(RedeployState::Accepted | RedeployState::Running) => return None,
            Some(RedeployState::Unknown) => Notice::Found { stack, id },
            _ if !is_redeploy => return None,
            _ if redeploy.queued => Notice::Queued { stack, id },
            _ => Notice::Accepted { stack, id },
        },
        RedeployState::Refused => Notice::Refused {
            stack,
            id,
            words: reason::explain(redeploy).unwrap_or_default(),
        },
        RedeployState::Unknown => Notice::Checking { stack, id },
        RedeployState::Lost => Notice::NoRecord { stack, id },
        state if state.is_end() && !is_redeploy => Notice::CommandEnded {
            stack,
            id,
            command: redeploy.command,
            well: match state {
                RedeployState::Succeeded => Some(true),
                RedeployState::Failed => Some(false),
                _ => None,
            },
        },
        RedeployState::Succeeded => Notice::Succeeded {
            stack,
            id,
            hash: redeploy.git_hash.clone(),
            seconds: seconds(redeploy),
        },
        RedeployState::Failed => Notice::Failed {
            stack,
            id,
            still: redeploy.before.live_hash.clone(),
        },
        RedeployState::Cancelled => Notice::Cancelled { stack, id },
        RedeployState::Ended => Notice::Ended { stack, id },
        RedeployState::Requested | RedeployState::Sending => return None,
    })
}

fn title(redeploy: &Redeploy) -> String {
    format!("{} {}", redeploy.stack_name, redeploy.environment)
}

fn seconds(redeploy: &Redeploy) -> Option<i64> {
    redeploy.took.map(time::Duration::whole_seconds)
}
