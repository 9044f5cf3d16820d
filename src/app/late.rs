//! What was asked for and not sent in time: Cloud 66 is asked whether it has it, before anything else.
//!
//! The rules stand in `store/ledger/epoch.rs`; here is what Cloud 66's answer does. Nothing is sent from here.

use time::Duration;

use super::App;
use super::follow::CLOCKS_DIFFER;
use crate::cloud66::{self, Api, ApiVersion, Record};
use crate::domain::Redeploy;
use crate::store::{Due, StoreError};

/// How long after a question that was not answered the next one is asked: so much longer each time, up to a minute.
const ASK_AGAIN: Duration = Duration::seconds(2);
const AT_LATEST: Duration = Duration::minutes(1);

/// How often it is asked. The number is counted, and not the time, because the clock may be what is wrong. With the pauses
/// above these are about an hour.
const QUESTIONS: u32 = 75;

/// How often it is asked where Cloud 66's actions do not say whose they are: with the pauses above about two minutes, in
/// which a name that was left out for a while may come back.
const UNCLEAR_ANSWERS: u32 = 10;

impl App {
    /// Asks whether Cloud 66 has a redeploy that was set aside, and lets it be sent, or ends it.
    pub(super) async fn ask_before_sending(&self, due: &Due, api: Option<&Api>) -> Result<(), StoreError> {
        let (ledger, row) = (self.store().ledger(), &due.redeploy);
        let Some(api) = api else {
            // Its token does not open, so that nobody can be asked, and nothing sent.
            return ledger.too_late_and_not_known(row.id).await.map(drop);
        };
        let found = match self.cloud66().version() {
            ApiVersion::V2 => Err(cloud66::Error::NotImplemented),
            ApiVersion::V3 => {
                let since = row.requested_at - CLOCKS_DIFFER;
                api.record_of(row.stack, row.id, row.command, since).await
            }
        };
        match found {
            Ok(Record::Found(action)) => {
                ledger.found(row.id, Some(action.id)).await?;
                tracing::warn!(operation = %row.id, "Cloud 66 has a redeploy that this database did not know to be sent");
            }
            Ok(Record::Absent) => {
                if !ledger.let_be_sent(row.id).await? {
                    ledger.too_late(row.id).await?;
                    tracing::warn!(operation = %row.id, "a redeploy was not sent in time, and is not sent any more");
                }
            }
            // One of its actions may be this one. It is never sent on that: the database may be an older copy of which
            // nobody can tell, and it was sent before.
            Ok(Record::Unclear | Record::NoNames) if row.looks < UNCLEAR_ANSWERS => {
                self.ask_again(due, row).await?;
            }
            Ok(Record::Unclear | Record::NoNames) => {
                ledger.too_late_and_not_known(row.id).await?;
            }
            // Version 2 can never say. What is in time, in the database that it was asked in, is sent as after any
            // restart; the rest is not.
            Err(cloud66::Error::NotImplemented) => {
                if !ledger.let_be_sent(row.id).await? {
                    ledger.too_late_and_not_known(row.id).await?;
                }
            }
            Err(_) if row.looks >= QUESTIONS => {
                ledger.too_late_and_not_known(row.id).await?;
                tracing::warn!(operation = %row.id, "a redeploy was not sent in time, and Cloud 66 could not be asked for it");
            }
            Err(_) => self.ask_again(due, row).await?,
        }
        Ok(())
    }

    async fn ask_again(&self, due: &Due, row: &Redeploy) -> Result<(), StoreError> {
        let asked = i32::try_from(row.looks).unwrap_or(i32::MAX);
        let pause = ASK_AGAIN.saturating_mul(asked.saturating_add(1)).min(AT_LATEST);
        self.store()
            .ledger()
            .look_again(row.id, due.now + pause)
            .await
            .map(drop)
    }
}
