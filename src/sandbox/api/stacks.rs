//! Stacks of version 3: the list with its filters, and one.
//!
//! Without `X-Account` the list holds the stacks of every account the person belongs to: each stack names
//! its account, which would be of no use otherwise. With it, those of that account.

use super::{Asked, Replied, Reply, logs, objects, paging};
use crate::sandbox::world::Stack;
use serde_json::Value;

pub(super) fn list(asked: &Asked<'_>) -> Reply {
    let visible = asked.state.visible(&asked.caller.person, asked.caller.account);
    let matching: Vec<&Stack> = visible.filter(|stack| passes(asked, stack)).collect();
    paging::list(asked, &matching, |stack| objects::stack(asked, stack))
}

/// The four filters (fact sheet 5.2): equal without regard to case; blank is no filter.
fn passes(asked: &Asked<'_>, stack: &Stack) -> bool {
    let equals = |name: &str, value: Option<&str>| {
        asked
            .request
            .param(name)
            .is_none_or(|wanted| value.is_some_and(|value| value.to_lowercase() == wanted.to_lowercase()))
    };
    equals("filter_name", Some(&stack.name))
        && equals("filter_environment", Some(&stack.environment))
        && equals("filter_git_repo", stack.git.as_deref())
        && equals("filter_git_branch", stack.git_branch.as_deref())
}

pub(super) fn show(asked: &Asked<'_>) -> Replied {
    let stack = asked.stack()?;
    let mut object = objects::stack(asked, stack);
    if asked.request.param("show_log") == Some("true")
        && let Some(fields) = object.as_object_mut()
    {
        let log = stack.newest().map(|newest| logs::text(stack, newest, asked.now));
        fields.insert("last_log".to_owned(), log.map_or(Value::Null, Value::String));
    }
    Ok(Reply {
        warning: stack.warnings.first().cloned(),
        ..Reply::one(object)
    })
}
