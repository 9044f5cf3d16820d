//! Deleting what has become old, and not believing a clock that says that everything has.
//!
//! Invariants:
//! * Whatever is deleted because of its age is deleted from here, and only while the time is sure: a machine
//!   whose clock is two years ahead for a minute deletes nothing.
//! * A session that has expired counts as ended whether or not its row was swept, so a sweep that comes late
//!   costs disk space alone. A token that is kept for longer than it should be costs more; that is logged.

use time::{Duration, OffsetDateTime};

use super::App;
use crate::store::StoreError;

/// How long a redeploy's copy of the access token is kept at most, whatever became of it.
pub(super) const TOKEN_KEPT: Duration = Duration::hours(24);

/// How long ended redeploys are kept: a receipt is a record, and small.
const KEPT: Duration = Duration::days(2 * 365);

/// How far this machine's clock may be from Cloud 66's for its time to be sure.
const AGREE_WITH_CLOUD66: Duration = Duration::minutes(10);

/// How far the clock may be set while the program runs, before Cloud 66 has to agree.
const SET_AT_MOST: Duration = Duration::minutes(1);

/// How long before the start the newest row may have been written, before Cloud 66 has to agree.
const NEWEST_ROW: Duration = Duration::days(1);

/// Deletes what is old, if the time is sure. What cannot be deleted now is deleted the next time.
pub(super) async fn sweep(app: &App) {
    app.watchers().sweep();
    if let Err(doubt) = time_is_sure(app) {
        tracing::warn!(doubt, "nothing old is deleted: the time is not sure");
        return;
    }
    if let Err(error) = delete_old(app).await {
        tracing::warn!(%error, "expired rows could not be swept; trying again in a minute");
    }
}

async fn delete_old(app: &App) -> Result<(), StoreError> {
    let now = app.clock().now();
    let (sessions, sign_ins, ledger) = (
        app.store().sessions(),
        app.store().sign_ins(),
        app.store().ledger(),
    );
    tokio::try_join!(
        sessions.sweep(),
        sign_ins.sweep(),
        ledger.prune(now - KEPT),
        ledger.forget_tokens(now - TOKEN_KEPT)
    )?;
    Ok(())
}

/// Whether what this machine's clock shows can be deleted by; the error says what speaks against it.
///
/// Cloud 66's last `Date`, and the time that has passed since, decide where there is one. Before its first
/// answer, the clock must not have been set since the start, and somebody must have used the database shortly
/// before that.
fn time_is_sure(app: &App) -> Result<(), &'static str> {
    let (clock, now) = (app.clock(), app.clock().now());
    if let Some(cloud66) = app.cloud66().time() {
        return if near(now, cloud66, AGREE_WITH_CLOUD66) {
            Ok(())
        } else {
            Err("this machine's clock and Cloud 66's differ; set up time synchronization")
        };
    }
    if !near(now, clock.steady(), SET_AT_MOST) {
        return Err("this machine's clock was set while the program ran, and Cloud 66 has not confirmed it");
    }
    match app.store().newest_before_start() {
        Some(newest) if !near(now, newest, NEWEST_ROW) => {
            Err("nobody has used the database for a day, and Cloud 66 has not confirmed the time")
        }
        _ => Ok(()),
    }
}

fn near(one: OffsetDateTime, other: OffsetDateTime, within: Duration) -> bool {
    (one - other).abs() <= within
}
