//! A stack's facts, as a list of names and values. No secrets: the redeploy hook has no field to come from.

use super::words::When;
use crate::domain::Stack;

/// Names and values.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) texts: Vec<(&'static str, String)>,
    pub(super) created: Option<When>,
    pub(super) uid: String,
}

impl Facts {
    pub(super) fn of(stack: &Stack) -> Self {
        let texts = [
            ("Branch", stack.git_branch.clone()),
            ("Repository", stack.git.clone()),
            ("Cloud", stack.cloud.clone()),
            ("Framework", stack.framework.clone()),
            ("Language", stack.language.clone()),
            ("Backend", stack.backend.clone()),
            ("Account", stack.account_name.clone()),
        ];
        Self {
            texts: texts
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)))
                .collect(),
            created: stack.created_at.map(When::exactly),
            uid: stack.uid.to_string(),
        }
    }
}
