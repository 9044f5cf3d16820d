//! The ledger: every redeploy that was asked for, and redeploy with proof.
//!
//! * `asking`: a click becomes a row, once. [`Ledger::request`]
//! * `sending`: a worker holds the row while its request goes out. [`Ledger::claim`], [`Claim`]
//! * `following`: what Cloud 66 says afterwards, until the end. [`Ledger::due`]
//! * `epoch`: which of them may be sent as they are. [`Ledger::begin_epoch`]
//! * `reading`: for pages. `ends`: how many ended how, for the operator.
//! * `row`: between rows and [`Redeploy`](crate::domain::Redeploy).
//!
//! The states and the ways between them are drawn in [`crate::domain::redeploy`]. They are kept here:
//! * Every change of state is one `UPDATE` whose `WHERE` names the states that the row may come from. It
//!   either happens, and the method says true, or does not: somebody else was faster. Nothing is read first
//!   and written later, so no two callers, threads or processes can disagree.
//! * A worker's answer counts only if it names the attempt that the row is at. Whoever was paused for so long
//!   that its lease ended cannot overwrite what happened since, with one exception: a late "accepted" makes
//!   an `unknown` row `accepted`, since it says with certainty what the look-up was only going to find out. A
//!   late "refused" is left to the look-up, which will find nothing: the way from `unknown` leads over Cloud
//!   66's own records, never over a worker that may have spoken for a connection that was cut.
//! * The row carries its own sealed copy of the access token, so that signing out loses no redeploy. The
//!   statement that ends a row erases it.
//! * `sending` is committed, and on disk, before [`Ledger::claim`] returns.
//! * Times are the database's, not this machine's: two instances whose clocks differ agree on when a lease ends.

mod asking;
mod ends;
mod epoch;
mod following;
mod reading;
mod row;
mod sending;

use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::Notify;

pub use asking::{Entered, NewRedeploy};
pub use epoch::IN_TIME;
pub use following::{Due, LOOK_LEASE};
use sending::InHand;
pub use sending::{Claim, SENDS_OF_ONE_PERSON};

use super::rows::Rows;
use super::rows::ledger::RedeployRow;
use super::seal::{Purpose, Sealer};
use super::{StoreError, millis};
use crate::domain::{AccessToken, Clock};
use ends::Ends;

/// The ledger. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    rows: Arc<dyn Rows>,
    sealer: Arc<Sealer>,
    clock: Clock,
    wake: Arc<Notify>,
    ends: Arc<Ends>,
    in_hand: InHand,
}

impl Ledger {
    pub(crate) fn new(rows: Arc<dyn Rows>, sealer: Arc<Sealer>, clock: Clock) -> Self {
        Self {
            rows,
            sealer,
            clock,
            wake: Arc::default(),
            ends: Arc::default(),
            in_hand: InHand::default(),
        }
    }

    /// Notified when something was asked for in this process, so that its worker need not wait for its next
    /// round. A hint only: what another process wrote, or what was there at the start, is found by claiming.
    pub fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    /// How many redeploys this process saw end, by the word of their end.
    pub fn ends(&self) -> Vec<(&'static str, u64)> {
        self.ends.read()
    }

    /// What time it is for the database: every time of a row is by that, so that all who share it agree.
    pub async fn now(&self) -> Result<OffsetDateTime, StoreError> {
        let now_ms = self.now_ms().await?;
        Ok(millis::to_time(now_ms).unwrap_or_else(|_| self.clock.now()))
    }

    async fn now_ms(&self) -> Result<i64, StoreError> {
        self.rows.now_ms(&self.clock).await
    }

    /// The row's token, if it still has one that opens.
    fn token_in(&self, row: &RedeployRow) -> Option<AccessToken> {
        let sealed = row.sealed_token.as_ref()?;
        let plain = self.sealer.open(Purpose::Token, &row.id, sealed);
        let token = plain.and_then(|plain| std::str::from_utf8(&plain).map(str::to_owned).ok());
        if token.is_none() {
            tracing::warn!(
                redeploy = row.id,
                "the access token of a redeploy does not open: its row was changed, or the secret that \
                 sealed it is no longer listed"
            );
        }
        token.map(AccessToken::new)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ledger")
    }
}
