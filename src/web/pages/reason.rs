//! The sentence for a [`Reason`]: what it means and what to do. Times come from the constants that they tell of.

use super::words;
use crate::app::follow::{ASKING_WINDOW, FOLLOWED};
use crate::domain::{Reason, Redeploy, RedeployState};

/// Why a redeploy stands where it stands, with Cloud 66's own words where it refused; none where the row gives no
/// reason.
pub fn explain(redeploy: &Redeploy) -> Option<String> {
    let sentence = sentence(redeploy.reason?, redeploy);
    let said = redeploy.message.as_deref().map(str::trim).unwrap_or_default();
    Some(if redeploy.state == RedeployState::Refused && !said.is_empty() {
        format!("{sentence} Cloud 66 says: {said}")
    } else {
        sentence
    })
}

fn sentence(reason: Reason, redeploy: &Redeploy) -> String {
    match reason {
        Reason::NoRecord => "Cloud 66 has no record of it. Check the stack before you try again.".to_owned(),
        Reason::OldApi => "Cloud 66 did not answer, and version 2 of its API has no way to ask whether it has the \
                           request. Check the stack before you try again."
            .to_owned(),
        Reason::NotSaid => "Cloud 66 did not answer, and does not say which requests it has. Check the stack before \
                            you try again."
            .to_owned(),
        Reason::NotAsked => format!(
            "Cloud 66 did not answer, and could not be asked for {} whether it has the request. Check the stack \
             before you try again.",
            words::long(ASKING_WINDOW)
        ),
        Reason::NoSignIn if redeploy.state == RedeployState::Lost => {
            "Cloud 66 did not answer, and this app no longer holds a sign-in to ask with. Check the stack before you \
             try again."
                .to_owned()
        }
        Reason::NoSignIn => {
            "This app no longer holds a sign-in to ask with. Check the stack in Cloud 66.".to_owned()
        }
        Reason::Unreachable => "Cloud 66 could not be reached. Nothing was sent.".to_owned(),
        Reason::TooLate => "It was not sent in time. Nothing was sent. Redeploy again if you still want it.".to_owned(),
        Reason::TooLateNotAsked => "This waited too long and is not sent any more, and Cloud 66 could not be asked whether \
                                   it has it from before. Check the stack before you redeploy again."
            .to_owned(),
        Reason::NoToken => "Nothing was sent: Stackdeck’s secret has changed since this was requested, so its token \
                            can no longer be read. Redeploy again."
            .to_owned(),
        Reason::NotInThisVersion => {
            "Nothing was sent: this app speaks version 2 of Cloud 66’s API, which has no such command.".to_owned()
        }
        Reason::SignedOut => {
            "Cloud 66 signed you out. Nothing was started. Sign in again to continue.".to_owned()
        }
        Reason::TrialOver => {
            "Cloud 66 says the trial for this account has ended. Nothing was started.".to_owned()
        }
        Reason::Forbidden => format!(
            "Your Cloud 66 role cannot deploy {}. Ask an administrator for the Deployer role. Nothing was started.",
            redeploy.stack_name
        ),
        Reason::Gone => "This stack is not there any more, or you lost access to it. Nothing was started.".to_owned(),
        Reason::Conflict => "Cloud 66 is busy with this stack. Nothing was started.".to_owned(),
        Reason::Throttled => "You have used this hour's Cloud 66 requests. Nothing was started.".to_owned(),
        Reason::NotImplemented => "Cloud 66 does not offer this. Nothing was started.".to_owned(),
        Reason::Rejected => "Cloud 66 refused. Nothing was started.".to_owned(),
        Reason::AccessLost => {
            "Cloud 66 no longer lets this sign-in see the stack. Check the stack in Cloud 66.".to_owned()
        }
        Reason::NoEndTold => format!(
            "Cloud 66 did not say how it ended within {}. Check the stack in Cloud 66.",
            words::long(FOLLOWED)
        ),
        Reason::OnlyDeployment => "This is inferred: Cloud 66 named no action for this redeploy. It is the only \
                                   deployment that the stack has had since."
            .to_owned(),
        Reason::StackStatus => "This is inferred from the stack’s status afterwards: version 2 of the API does not \
                                tell one deployment from another."
            .to_owned(),
        Reason::OneOfSeveral => "How it ended is not known: Cloud 66 named no action for this redeploy, and the stack \
                                 has had several deployments since. Check the stack in Cloud 66."
            .to_owned(),
    }
}
