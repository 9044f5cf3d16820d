//! Notes: what is said once about what a person just did, or about what they were waiting for.

use askama::Template;
use serde::{Deserialize, Serialize};

use super::words;
use crate::domain::{Command, OperationId, deployment::short_hash};
use crate::web::urls::Urls;

/// Something to say once. Kept in the session between a form and the page that follows it, so it holds facts,
/// not sentences. `stack` is a stack's title: "checkout production".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields say what they are, the variants say when")]
pub enum Notice {
    /// It is written down and being sent.
    Asked { stack: String, id: OperationId },
    /// The same, for something other than a redeploy.
    CommandAsked {
        stack: String,
        id: OperationId,
        command: Command,
    },
    /// Cloud 66 said yes.
    Accepted { stack: String, id: OperationId },
    /// Cloud 66 said yes, and that it waits.
    Queued { stack: String, id: OperationId },
    /// No answer; Cloud 66 is being asked.
    Checking { stack: String, id: OperationId },
    /// Cloud 66 has it after all.
    Found { stack: String, id: OperationId },
    /// Cloud 66 has no record of it.
    NoRecord { stack: String, id: OperationId },
    /// Cloud 66 said no; its words.
    Refused {
        stack: String,
        id: OperationId,
        words: String,
    },
    /// The person's role is too small.
    RoleTooSmall { stack: String },
    /// Nothing was sent: an earlier request on the stack has no answer.
    StackTaken {
        stack: String,
        /// Who had asked for what, and when.
        had_asked: String,
        /// Its receipt, where it is the person's own.
        receipt: Option<OperationId>,
    },
    /// Cloud 66 is busy with the stack.
    Conflict,
    /// A deploy that was watched ended well.
    Succeeded {
        stack: String,
        id: OperationId,
        hash: Option<String>,
        seconds: Option<i64>,
    },
    /// A deploy that was watched ended badly.
    Failed {
        stack: String,
        id: OperationId,
        still: Option<String>,
    },
    /// A deploy that was watched was stopped.
    Cancelled { stack: String, id: OperationId },
    /// A deploy that was watched ended, and Cloud 66 did not say how.
    Ended { stack: String, id: OperationId },
    /// Something other than a redeploy that was watched has ended.
    CommandEnded {
        stack: String,
        id: OperationId,
        command: Command,
        /// Whether it went well; none where Cloud 66 did not say.
        well: Option<bool>,
    },
    /// Cloud 66 was asked to stop a deploy.
    CancelAsked { stack: String },
    /// Cloud 66 would not stop a deploy; its words.
    CancelRefused { words: String },
    /// A deploy that somebody was about to stop has ended.
    CancelTooLate { stack: String },
    /// Settings were saved.
    Saved,
    /// Another session was ended.
    SessionEnded,
    /// A view of the list is a link above it now.
    ViewKept,
    /// It is none any more.
    ViewLetGo,
    /// It is too long for that.
    ViewTooLong,
    /// A stack stays at the top of the list now.
    Pinned { stack: String },
    /// It does no longer.
    Unpinned { stack: String },
    /// More had to be said than is kept for the next page.
    Dropped { count: u32 },
}

/// A notice, ready to be shown. Writes itself as a toast.
#[derive(Debug, Clone, Template)]
#[template(path = "fragments/note.html")]
pub struct Note {
    pub(super) alert: bool,
    pub(super) words: String,
    pub(super) link: Option<(&'static str, String)>,
}

impl askama::filters::HtmlSafe for Note {}

impl Note {
    /// Whether it interrupts: something failed.
    pub fn is_alert(&self) -> bool {
        self.alert
    }

    /// The sentence.
    pub fn words(&self) -> &str {
        &self.words
    }
}

impl Notice {
    /// The sentence, with the link that goes on from it.
    pub fn note(&self, urls: &Urls) -> Note {
        Note {
            alert: self.is_alert(),
            words: words::straight(&self.words()),
            link: self.receipt().map(|id| (self.way_on(), urls.receipt(id))),
        }
    }

    fn is_alert(&self) -> bool {
        matches!(
            self,
            Self::NoRecord { .. }
                | Self::Refused { .. }
                | Self::RoleTooSmall { .. }
                | Self::StackTaken { .. }
                | Self::Conflict
                | Self::Failed { .. }
                | Self::CommandEnded {
                    well: Some(false),
                    ..
                }
                | Self::CancelRefused { .. }
        )
    }

    fn words(&self) -> String {
        match self {
            Self::Asked { stack, .. } => format!("{stack}: asking Cloud 66 to redeploy."),
            Self::CommandAsked { stack, command, .. } => {
                format!("{stack}: asking Cloud 66 to {}.", command_words(*command))
            }
            Self::Accepted { stack, .. } => format!("{stack}: redeploy accepted."),
            Self::Queued { stack, .. } => format!("{stack}: queued behind another deploy."),
            Self::Checking { stack, .. } => {
                format!("{stack}: no answer yet. Checking whether Cloud 66 got it…")
            }
            Self::Found { stack, .. } => format!("{stack}: Cloud 66 has it."),
            Self::NoRecord { stack, .. } => {
                format!("{stack}: Cloud 66 has no record of it. Check the stack before you try again.")
            }
            Self::Refused { stack, words, .. } => format!("{stack}: Cloud 66 refused. {words}"),
            Self::RoleTooSmall { stack } => format!(
                "Your Cloud 66 role cannot deploy {stack}. Ask an administrator for the Deployer role."
            ),
            Self::StackTaken { stack, had_asked, .. } => {
                format!("{stack}: not sent. {had_asked}, and that has no answer yet.")
            }
            Self::Conflict => "Cloud 66 is busy with this stack. Nothing was started.".to_owned(),
            Self::Succeeded {
                stack, hash, seconds, ..
            } => {
                let what = hash.as_deref().map_or_else(
                    || "deployed".to_owned(),
                    |hash| format!("deployed {}", short_hash(hash)),
                );
                match seconds {
                    Some(seconds) => {
                        let took = words::long(time::Duration::seconds(*seconds));
                        format!("{stack}: {what} in {took}.")
                    }
                    None => format!("{stack}: {what}."),
                }
            }
            Self::Failed {
                stack,
                still: Some(hash),
                ..
            } => {
                format!("{stack}: deploy failed. Still running {}.", short_hash(hash))
            }
            Self::Failed {
                stack, still: None, ..
            } => format!("{stack}: deploy failed."),
            Self::Cancelled { stack, .. } => format!("{stack}: the deploy was cancelled."),
            Self::Ended { stack, .. } => format!("{stack}: the deploy ended. Cloud 66 did not say how."),
            Self::CancelAsked { stack } => format!("{stack}: cancelling. This can take a minute."),
            Self::CancelRefused { words } => format!("Cloud 66 did not cancel it. {words}"),
            Self::CancelTooLate { stack } => {
                format!("{stack}: this deploy has ended. There is nothing to cancel any more.")
            }
            Self::Saved => "Saved.".to_owned(),
            Self::CommandEnded {
                stack, command, well, ..
            } => {
                let what = super::receipt_words::command_noun(*command).to_lowercase();
                let how = match well {
                    Some(true) => "done",
                    Some(false) => "failed",
                    None => "ended. Cloud 66 did not say how",
                };
                format!("{stack}: {what}: {how}.")
            }
            Self::SessionEnded => "That session has ended.".to_owned(),
            Self::ViewKept => "This view is kept, as a link above the list.".to_owned(),
            Self::ViewLetGo => "This view is kept no more.".to_owned(),
            Self::ViewTooLong => {
                "This view is too long to be kept. Its address still leads to it.".to_owned()
            }
            Self::Pinned { stack } => format!("{stack} stays at the top of your list."),
            Self::Unpinned { stack } => format!("{stack} is back in its usual place."),
            Self::Dropped { count } => format!(
                "{} not kept: too many came before a page was opened to show them.",
                words::count((*count).into(), "earlier message was", "earlier messages were")
            ),
        }
    }

    fn receipt(&self) -> Option<OperationId> {
        match self {
            Self::Asked { id, .. }
            | Self::CommandAsked { id, .. }
            | Self::Accepted { id, .. }
            | Self::Queued { id, .. }
            | Self::Checking { id, .. }
            | Self::Found { id, .. }
            | Self::NoRecord { id, .. }
            | Self::Refused { id, .. }
            | Self::Succeeded { id, .. }
            | Self::Failed { id, .. }
            | Self::Cancelled { id, .. }
            | Self::Ended { id, .. }
            | Self::CommandEnded { id, .. } => Some(*id),
            Self::StackTaken { receipt, .. } => *receipt,
            _ => None,
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Failed { .. } | Self::NoRecord { .. } | Self::Ended { .. } => "See what to do",
            Self::StackTaken { .. } => "See your earlier request",
            Self::Refused { .. }
            | Self::Succeeded { .. }
            | Self::Cancelled { .. }
            | Self::CommandEnded { .. } => "See the receipt",
            _ => "Follow it",
        }
    }
}

/// What Cloud 66 is asked to do.
fn command_words(command: Command) -> &'static str {
    match command {
        Command::Redeploy => "redeploy",
        Command::Restart => "restart",
        Command::ClearCaches => "clear its caches",
        Command::MaintenanceOn => "turn maintenance on. Allow a few minutes",
        Command::MaintenanceOff => "turn maintenance off. Allow a few minutes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_is_known_and_leads_on() {
        let urls = Urls::new("/deck");
        let note = Notice::Succeeded {
            stack: "checkout production".into(),
            id: OperationId::from(7),
            hash: Some("9f2e1aa0000".into()),
            seconds: Some(400),
        }
        .note(&urls);
        assert_eq!(note.words, "checkout production: deployed 9f2e1aa in 6 min 40 s.");
        assert_eq!(
            note.link.unwrap().1,
            "/deck/redeploys/00000000000000000000000000000007"
        );
    }

    #[test]
    fn a_notice_survives_the_session() {
        let notice = Notice::Failed {
            stack: "<b>".into(),
            id: OperationId::from(1),
            still: None,
        };
        let kept = serde_json::to_string(&notice).unwrap();
        assert_eq!(serde_json::from_str::<Notice>(&kept).unwrap(), notice);
    }
}
