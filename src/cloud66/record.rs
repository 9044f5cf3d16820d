//! Whether Cloud 66 has a record of something that it was asked for under a name of ours.

use time::OffsetDateTime;

use super::api::{Api, MOST_PAGES};
use super::error::Error;
use super::pages::Gathered;
use super::skew::Timed as _;
use super::wire::{self, Row};
use crate::domain::{Action, Command, OperationId, StackUid};

/// What a stack's actions say of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// This action carries its name.
    Found(Action),
    /// There is none: every action since the request was read, and none of them can be it.
    Absent,
    /// An action since the request may be it: it carries no name, or one that cannot be read.
    Unclear,
    /// This server shows no names at all (fact sheet 4.6: not before October 2023).
    NoNames,
}

impl Api {
    /// Looks for the action that carries this operation id (fact sheet 6.3) among all that were asked for since
    /// `since`. The filter of the list is not relied upon: where names are not kept, what it finds is nothing, too.
    /// A list that could not be read whole is an error, never [`Record::Absent`]. Not in version 2.
    pub async fn record_of(
        &self,
        uid: StackUid,
        id: OperationId,
        command: Command,
        since: OffsetDateTime,
    ) -> Result<Record, Error> {
        self.needs_version_3()?;
        let path = format!("/stacks/{uid}/actions.json");
        let name = id.to_string();
        let read = |row: &Row<'_>, ahead| {
            let wire: wire::WireAction = row.read()?;
            Some((wire.has_metadata(), wire::action(&wire)?.by_our_clock(ahead)))
        };
        let is_it = |action: &Action| action.user_reference.as_deref() == Some(&name);
        let is_enough = |rows: &[Option<(bool, Action)>]| {
            rows.iter().flatten().any(|(_, action)| is_it(action)) || reaches(rows, since)
        };
        let gathered = self
            .list("record_of", &path, &[], MOST_PAGES, read, is_enough)
            .await?;
        let Gathered {
            rows,
            incomplete,
            short,
        } = gathered;
        let unread = rows.iter().any(Option::is_none);
        let actions: Vec<(bool, Action)> = rows.into_iter().flatten().collect();
        if let Some((_, action)) = actions.iter().find(|(_, action)| is_it(action)) {
            return Ok(Record::Found(action.clone()));
        }
        if incomplete || short || unread {
            // What is missing may be the one; the filter may still find it.
            let found = self.action_by_reference(uid, id).await?;
            return found.map(Record::Found).ok_or(Error::Unreadable);
        }
        let may_be_it = |action: &Action| {
            action.user_reference.is_none()
                && action.may_be(command)
                && action.started_at.is_none_or(|asked| asked >= since)
        };
        let names_nothing = !actions.iter().any(|(has_metadata, _)| *has_metadata);
        Ok(match actions.iter().any(|(_, action)| may_be_it(action)) {
            true if names_nothing => Record::NoNames,
            true => Record::Unclear,
            false => Record::Absent,
        })
    }
}

/// Whether a page of actions, newest first, goes back to before `since`. No document says in which order they come,
/// so that is looked at, too.
fn reaches(rows: &[Option<(bool, Action)>], since: OffsetDateTime) -> bool {
    let known: Option<Vec<&Action>> = rows
        .iter()
        .map(|row| row.as_ref().map(|(_, action)| action))
        .collect();
    let Some(known) = known else { return false };
    let newest_first = known.is_sorted_by(|newer, older| newer.id > older.id);
    let oldest = known.last().and_then(|action| action.started_at);
    newest_first && oldest.is_some_and(|asked| asked < since)
}
