//! Learning what became of a redeploy: whether Cloud 66 has it at all, and how it ended.
//!
//! Invariants:
//! * Nothing here sends anything but questions.
//! * A state is claimed only on Cloud 66's word, or as inferred (`outcome`).
//! * Whoever looks, the row decides: every transition is the ledger's conditional statement.

use time::{Duration, OffsetDateTime};

use super::outcome::{End, Seen};
use super::{App, SignedIn};
use crate::cloud66::{self, Api, ApiVersion, Record, SharedReads};
use crate::domain::{AccessToken, Deployment, DeploymentId, Reason, Redeploy, RedeployState};
use crate::store::{Due, StoreError};

/// How many seconds after it became unanswered a request is looked up: at once, at these times, and then every
/// 30 seconds.
const LOOK_UPS: [i64; 5] = [2, 5, 10, 20, 40];
const LATER: i64 = 30;

/// How often it is looked up at least before it is said to be unknown, whatever the clock shows.
const ENOUGH_LOOKS: u32 = 5;

/// How long a request that nobody has heard of is looked for.
const LOOK_UP_WINDOW: Duration = Duration::minutes(15);

/// How long it is looked for where Cloud 66 cannot be asked.
pub const ASKING_WINDOW: Duration = Duration::hours(1);

/// Pace of following: every five seconds for two minutes, then every ten; less often where many are followed
/// (`poll_times`).
const PACE_AT_FIRST: Duration = Duration::seconds(5);
const AT_FIRST: Duration = Duration::minutes(2);
const PACE_LATER: Duration = Duration::seconds(10);

/// When to look again where the person's hour has too few requests left.
const PACE_OVER_BUDGET: Duration = Duration::minutes(1);

/// How long anything is followed. Cloud 66's own tools give up after three hours (fact sheet 6.1).
pub const FOLLOWED: Duration = Duration::hours(6);

/// How far before the request was sent an action may seem to have been asked for and still be it.
pub(super) const CLOCKS_DIFFER: Duration = Duration::minutes(1);

impl App {
    /// Takes one look at a row whose time has come, and writes down what it showed. What is read of a stack is shared
    /// with the others of this round.
    pub(super) async fn look(&self, due: &Due, shared: SharedReads) -> Result<(), StoreError> {
        let row = &due.redeploy;
        if row.state == RedeployState::Requested && due.token.is_none() {
            return self.ask_before_sending(due, None).await;
        }
        let Some(token) = &due.token else {
            return self.stop_following(row, Reason::NoSignIn).await;
        };
        let budget = self.watchers().budget(row.asked_by);
        if !budget.may_follow() {
            // Many rows at once, as after a crash, must not use up what the person needs to redeploy.
            self.store().ledger().missed(row.id).await?;
            let later = due.now + PACE_OVER_BUDGET;
            return self.store().ledger().look_again(row.id, later).await.map(drop);
        }
        let api = self.cloud66().api_sharing(token, &budget, shared);
        let looked = match row.state {
            RedeployState::Requested => self.ask_before_sending(due, Some(&api)).await,
            RedeployState::Unknown => match self.look_up(row, &api, due.now).await {
                Ok(()) => self.look_up_for_who_waits(row.id, due.now).await,
                failed => failed,
            },
            _ => self.follow(due, token, &api).await,
        };
        self.told().news_for(row.asked_by);
        looked
    }

    /// Lets the person's redeploys that have not ended be followed with a new sign-in's token: the one that they
    /// were asked for with may have been revoked since. A failure costs only that.
    pub(super) async fn follow_on_as(&self, who: &SignedIn) {
        let since = self.clock().now() - super::sweep::TOKEN_KEPT;
        let ledger = self.store().ledger();
        if let Err(error) = ledger.renew_tokens(who.person.id, &who.grant.token, since).await {
            tracing::warn!(%error, "open redeploys could not be handed to a new sign-in");
        }
    }

    /// Asks whether Cloud 66 knows the operation id of an unanswered request.
    pub(super) async fn look_up(
        &self,
        row: &Redeploy,
        api: &Api,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let ledger = self.store().ledger();
        let since = now - row.answered_at.or(row.sent_at).unwrap_or(row.requested_at);
        if self.cloud66().version() == ApiVersion::V2 {
            ledger.lost(row.id, Reason::OldApi).await?;
            return Ok(());
        }
        let sent = row.sent_at.unwrap_or(row.requested_at) - CLOCKS_DIFFER;
        let record = api.record_of(row.stack, row.id, row.command, sent).await;
        self.note_heard(row, record.as_ref().err(), None).await?;
        match record {
            Ok(Record::Found(action)) => {
                ledger.found(row.id, Some(action.id)).await?;
                tracing::info!(operation = %row.id, "redeploy found at Cloud 66");
            }
            Ok(Record::Absent) if since >= LOOK_UP_WINDOW && row.looks >= ENOUGH_LOOKS => {
                ledger.lost(row.id, Reason::NoRecord).await?;
                tracing::warn!(operation = %row.id, "redeploy unknown to Cloud 66");
            }
            Ok(Record::NoNames) | Err(cloud66::Error::NotImplemented) => {
                ledger.lost(row.id, Reason::NotSaid).await?;
            }
            Ok(Record::Unclear) if since >= LOOK_UP_WINDOW => {
                ledger.lost(row.id, Reason::NotSaid).await?;
            }
            // The list came each time, and was never whole.
            Err(cloud66::Error::Unreadable) if since >= ASKING_WINDOW => {
                ledger.lost(row.id, Reason::NotSaid).await?;
            }
            // A bounded time also for what cannot be asked: until it ends, nobody can redeploy the stack here.
            Err(_) if since >= ASKING_WINDOW => {
                ledger.lost(row.id, Reason::NotAsked).await?;
                tracing::warn!(operation = %row.id, "redeploy could not be looked up");
            }
            _ => {
                let from_start = LOOK_UPS
                    .get(row.looks as usize)
                    .map(|at| Duration::seconds(*at) - since);
                let wait = from_start
                    .unwrap_or(Duration::seconds(LATER))
                    .max(Duration::seconds(1));
                let wait = self.poll_interval(row, wait, now).await?;
                ledger.look_again(row.id, now + wait).await?;
            }
        }
        Ok(())
    }

    /// Asks how far an accepted request is.
    async fn follow(&self, due: &Due, token: &AccessToken, api: &Api) -> Result<(), StoreError> {
        let (ledger, row, now) = (self.store().ledger(), &due.redeploy, due.now);
        let since = now - row.answered_at.unwrap_or(row.requested_at);
        let pace = if since < AT_FIRST {
            PACE_AT_FIRST
        } else {
            PACE_LATER
        };
        let seen = self.seen(due, api).await;
        let took = match &seen {
            Ok(Seen::Ended(end)) => end.took,
            Ok(Seen::Inferred { deployment, .. }) => deployment.as_ref().and_then(Deployment::duration),
            _ => None,
        };
        self.note_heard(row, seen.as_ref().err(), took).await?;
        match seen {
            Ok(Seen::Ended(End {
                state,
                message,
                deployment,
                ..
            })) => {
                let (id, hash) = id_and_hash(deployment.as_ref());
                ledger.ended(row.id, state, message.as_deref(), id, hash).await?;
                self.note_end(row, state, token);
            }
            Ok(Seen::Inferred {
                state,
                reason,
                deployment,
            }) => {
                let (id, hash) = id_and_hash(deployment.as_ref());
                ledger.inferred(row.id, state, reason, id, hash).await?;
                self.note_end(row, state, token);
            }
            Ok(Seen::Running(deployment)) => {
                let (id, hash) = id_and_hash(deployment.as_ref());
                let next = self.next_poll(row, pace, now).await?;
                ledger.running(row.id, id, hash, next).await?;
            }
            Ok(Seen::Nothing) if since < FOLLOWED => {
                let next = self.next_poll(row, pace, now).await?;
                ledger.look_again(row.id, next).await?;
            }
            Err(cloud66::Error::SignedOut | cloud66::Error::Gone) if since >= AT_FIRST => {
                self.stop_following(row, Reason::AccessLost).await?;
            }
            Err(_) if since < FOLLOWED => {
                let next = self.next_poll(row, pace * 2, now).await?;
                ledger.look_again(row.id, next).await?;
            }
            Ok(Seen::Nothing) | Err(_) => {
                self.stop_following(row, Reason::NoEndTold).await?;
            }
        }
        Ok(())
    }

    /// Writes down that Cloud 66 answered a question about the row, or that it left us without one.
    async fn note_heard(
        &self,
        row: &Redeploy,
        problem: Option<&cloud66::Error>,
        took: Option<Duration>,
    ) -> Result<(), StoreError> {
        let ledger = self.store().ledger();
        match problem {
            Some(problem) if problem.leaves_unknown() || *problem == cloud66::Error::SignedOut => {
                ledger.missed(row.id).await?
            }
            _ => ledger.heard(row.id, took).await?,
        };
        Ok(())
    }

    fn note_end(&self, row: &Redeploy, state: RedeployState, token: &AccessToken) {
        tracing::info!(operation = %row.id, state = state.as_str(), "redeploy ended");
        if let Some(watcher) = self.watchers().known(token) {
            watcher.outdate();
        }
    }

    /// Gives a row up. What Cloud 66 has accepted keeps that state: no end is claimed that nobody confirmed.
    async fn stop_following(&self, row: &Redeploy, reason: Reason) -> Result<(), StoreError> {
        let ledger = self.store().ledger();
        if row.state == RedeployState::Unknown {
            ledger.lost(row.id, Reason::NoSignIn).await?;
        } else {
            ledger.stop_looking(row.id, reason).await?;
        }
        Ok(())
    }
}

fn id_and_hash(deployment: Option<&Deployment>) -> (Option<DeploymentId>, Option<&str>) {
    let id = deployment.map(|deployment| deployment.id);
    let hash = deployment.and_then(|deployment| deployment.git_hash.as_deref());
    (id, hash)
}
