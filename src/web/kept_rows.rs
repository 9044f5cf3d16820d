//! Rows of the list as they were rendered last, so that a page which loads copies most of them.
//!
//! Invariants:
//! * A row is taken from here only where all that it was made from is as it was, and while its ages have the same
//!   words.
//! * What one token shows goes into pages of that token alone.
//! * Bounded: beyond its room everything is let go, and rendered again when it is asked for.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use super::pages::frame::Html;
use super::pages::row::Slot;
use crate::domain::{StackUid, Verdict};

/// How many rows are kept, of some 2 KB each.
const ROOM: usize = 5_000;

/// The rows of all tokens.
#[derive(Debug, Default)]
pub struct KeptRows(Mutex<HashMap<(u64, StackUid), Kept>>);

#[derive(Debug)]
struct Kept {
    made_from: MadeFrom,
    from: OffsetDateTime,
    until: Option<OffsetDateTime>,
    html: Html,
}

/// All that a row is made from, but for its ages and for what stays as long as the program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFrom {
    /// The revision in which what is known of the stack changed last.
    pub revision: u64,
    /// The verdict on it.
    pub verdict: Verdict,
    /// What may be done.
    pub slot: Slot,
    /// Whether the person keeps it at the top.
    pub pinned: bool,
    /// Whether rows name their account.
    pub show_account: bool,
}

impl KeptRows {
    /// A watcher's row of this stack, where it was made from the same and says the same now.
    pub fn find(
        &self,
        watcher: u64,
        uid: StackUid,
        made_from: &MadeFrom,
        now: OffsetDateTime,
    ) -> Option<Html> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = rows.get(&(watcher, uid))?;
        let is_true =
            kept.made_from == *made_from && kept.from <= now && kept.until.is_none_or(|until| now < until);
        is_true.then(|| kept.html.clone())
    }

    /// Keeps a row that was rendered at `from` and whose ages, if it has any, have the same words before `until`.
    pub fn keep(
        &self,
        watcher: u64,
        uid: StackUid,
        made_from: MadeFrom,
        (from, until): (OffsetDateTime, Option<OffsetDateTime>),
        html: &Html,
    ) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.len() >= ROOM {
            rows.clear();
        }
        let html = html.clone();
        rows.insert(
            (watcher, uid),
            Kept {
                made_from,
                from,
                until,
                html,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn a_row_is_found_by_its_own_token_while_it_is_true() {
        let rows = KeptRows::default();
        let (uid, now) = (StackUid::from(7), OffsetDateTime::UNIX_EPOCH);
        let made_from = |revision, pinned| MadeFrom {
            revision,
            verdict: Verdict::Healthy,
            slot: Slot::Redeploy { ask: false },
            pinned,
            show_account: false,
        };
        let until = now + Duration::minutes(1);
        rows.keep(1, uid, made_from(4, false), (now, Some(until)), &Html::default());
        let found = |watcher, made_from, at| rows.find(watcher, uid, &made_from, at).is_some();
        assert!(found(1, made_from(4, false), now));
        assert!(!found(2, made_from(4, false), now), "another token");
        assert!(!found(1, made_from(5, false), now), "it changed");
        assert!(!found(1, made_from(4, true), now), "it was pinned");
        assert!(!found(1, made_from(4, false), until), "its ages changed");
        let before = now - Duration::seconds(1);
        assert!(!found(1, made_from(4, false), before), "the clock was set back");
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let rows = KeptRows::default();
        let now = OffsetDateTime::UNIX_EPOCH;
        let made_from = MadeFrom {
            revision: 1,
            verdict: Verdict::Healthy,
            slot: Slot::ViewOnly,
            pinned: false,
            show_account: false,
        };
        for n in 0..2 * ROOM as u128 {
            let uid = StackUid::from(n);
            rows.keep(1, uid, made_from.clone(), (now, None), &Html::default());
        }
        assert!(rows.0.lock().unwrap().len() <= ROOM);
    }
}
