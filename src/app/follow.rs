//! Learning what became of a redeploy: whether Cloud 66 has it at all, and how it ended.
//!
//! Invariants:
//! * Nothing here sends anything but questions.
//! * A state is claimed only on Cloud 66's word: an action that is finished, a deployment with an outcome.
//! * Whoever looks, the row decides: every transition is the ledger's conditional statement.

use time::{Duration, OffsetDateTime};

use super::became;
use super::{App, SignedIn};
use crate::cloud66::{self, Api, ApiVersion};
use crate::domain::{
    AccessToken, Action, Command, Deployment, Outcome, Reason, Redeploy, RedeployState, Status,
};
use crate::store::{Due, StoreError};

/// How many seconds after it became unanswered a request is looked up: at once, at these times, and then every
/// 30 seconds.
const LOOK_UPS: [i64; 5] = [2, 5, 10, 20, 40];
const LATER: i64 = 30;

/// How long a request that nobody has heard of is looked for.
const LOOK_UP_WINDOW: Duration = Duration::minutes(15);

/// How long it is looked for where Cloud 66 cannot be asked.
pub const ASKING_WINDOW: Duration = Duration::hours(1);

/// Pace of following: every five seconds for two minutes, then every ten.
const PACE_AT_FIRST: Duration = Duration::seconds(5);
const AT_FIRST: Duration = Duration::minutes(2);
const PACE_LATER: Duration = Duration::seconds(10);

/// When to look again where the person's hour has too few requests left.
const PACE_OVER_BUDGET: Duration = Duration::minutes(1);

/// How long anything is followed. Cloud 66's own tools give up after three hours (fact sheet 6.1).
pub const FOLLOWED: Duration = Duration::hours(6);

/// How far Cloud 66's clock and ours may be apart.
const CLOCKS_DIFFER: Duration = Duration::minutes(1);

/// What a look showed.
enum Seen {
    /// Cloud 66 could not be asked, or said nothing new.
    Nothing,
    /// It runs; the deployment is known once its row appears.
    Running(Option<Deployment>),
    /// It has ended.
    Ended {
        state: RedeployState,
        message: Option<String>,
        deployment: Option<Deployment>,
    },
}

impl App {
    /// Takes one look at a row whose time has come, and writes down what it showed.
    pub async fn look(&self, due: &Due) -> Result<(), StoreError> {
        let row = &due.redeploy;
        let Some(token) = &due.token else {
            return self.stop_following(row, Reason::NoSignIn).await;
        };
        let budget = self.watchers().budget(row.asked_by);
        if !budget.may_follow() {
            // Many rows at once, as after a crash, must not use up what the person needs to redeploy.
            let later = self.clock().now() + PACE_OVER_BUDGET;
            return self.store().ledger().look_again(row.id, later).await.map(drop);
        }
        let api = self.cloud66().api(token, &budget);
        let looked = match row.state {
            RedeployState::Unknown => self.look_up(row, &api).await,
            _ => self.follow(row, token, &api).await,
        };
        self.told().news_for(row.asked_by);
        looked
    }

    /// Lets the person's redeploys that have not ended be followed with a new sign-in's token: the one that they
    /// were asked for with may have been revoked since. A failure costs only that.
    pub(super) async fn follow_on_as(&self, who: &SignedIn) {
        let since = self.clock().now() - super::worker::TOKEN_KEPT;
        let ledger = self.store().ledger();
        if let Err(error) = ledger.renew_tokens(who.person.id, &who.grant.token, since).await {
            tracing::warn!(%error, "open redeploys could not be handed to a new sign-in");
        }
    }

    /// Asks whether Cloud 66 knows the operation id of an unanswered request.
    async fn look_up(&self, row: &Redeploy, api: &Api) -> Result<(), StoreError> {
        let ledger = self.store().ledger();
        let now = self.clock().now();
        let since = now - row.answered_at.or(row.sent_at).unwrap_or(row.requested_at);
        if self.cloud66().version() == ApiVersion::V2 {
            ledger.lost(row.id, Reason::OldApi).await?;
            return Ok(());
        }
        match api.action_by_reference(row.stack, row.id).await {
            Ok(Some(action)) => {
                ledger.found(row.id, Some(action.id)).await?;
                tracing::info!(operation = %row.id, "redeploy found at Cloud 66");
            }
            Ok(None) if since >= LOOK_UP_WINDOW => {
                ledger.lost(row.id, Reason::NoRecord).await?;
                tracing::warn!(operation = %row.id, "redeploy unknown to Cloud 66");
            }
            Err(cloud66::Error::NotImplemented) => {
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
                ledger.look_again(row.id, now + wait).await?;
            }
        }
        Ok(())
    }

    /// Asks how far an accepted request is.
    async fn follow(&self, row: &Redeploy, token: &AccessToken, api: &Api) -> Result<(), StoreError> {
        let ledger = self.store().ledger();
        let now = self.clock().now();
        let since = now - row.answered_at.unwrap_or(row.requested_at);
        let pace = if since < AT_FIRST {
            PACE_AT_FIRST
        } else {
            PACE_LATER
        };
        let seen = match self.cloud66().version() {
            ApiVersion::V2 if row.command == Command::Redeploy => by_status(row, api).await,
            ApiVersion::V2 => Ok(Seen::Nothing),
            ApiVersion::V3 => match self.action_of(row, api).await {
                Ok(Some(action)) => by_action(row, action, api).await,
                Ok(None) if row.command == Command::Redeploy => by_stack(row, api).await,
                Ok(None) => Ok(Seen::Nothing),
                Err(problem) => Err(problem),
            },
        };
        match seen {
            Ok(Seen::Ended {
                state,
                message,
                deployment,
            }) => {
                let hash = deployment
                    .as_ref()
                    .and_then(|deployment| deployment.git_hash.as_deref());
                let id = deployment.as_ref().map(|deployment| deployment.id);
                ledger.ended(row.id, state, message.as_deref(), id, hash).await?;
                tracing::info!(operation = %row.id, state = state.as_str(), "redeploy ended");
                if let Some(watcher) = self.watchers().known(token) {
                    watcher.outdate();
                }
            }
            Ok(Seen::Running(deployment)) => {
                let hash = deployment
                    .as_ref()
                    .and_then(|deployment| deployment.git_hash.as_deref());
                let id = deployment.as_ref().map(|deployment| deployment.id);
                ledger.running(row.id, id, hash, now + pace).await?;
            }
            Ok(Seen::Nothing) if since < FOLLOWED => ledger.look_again(row.id, now + pace).await.map(drop)?,
            Err(cloud66::Error::SignedOut | cloud66::Error::Gone) if since >= AT_FIRST => {
                self.stop_following(row, Reason::AccessLost).await?;
            }
            Err(_) if since < FOLLOWED => ledger.look_again(row.id, now + pace * 2).await.map(drop)?,
            Ok(Seen::Nothing) | Err(_) => {
                self.stop_following(row, Reason::NoEndTold).await?;
            }
        }
        Ok(())
    }

    /// The action to follow: the one that Cloud 66 named in its answer, or else the one that carries the
    /// operation id (fact sheet 6.3), whose number is then written down.
    async fn action_of(&self, row: &Redeploy, api: &Api) -> Result<Option<Action>, cloud66::Error> {
        if let Some(id) = row.action {
            return api.action(row.stack, id).await.map(Some);
        }
        let found = match api.action_by_reference(row.stack, row.id).await {
            Err(cloud66::Error::NotImplemented) => None,
            found => found?,
        };
        if let Some(action) = &found
            && let Err(error) = self.store().ledger().named(row.id, action.id).await
        {
            tracing::warn!(operation = %row.id, %error, "an action could not be written down; it is asked for again");
        }
        Ok(found)
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

/// By its action, and the deployment that it became.
async fn by_action(row: &Redeploy, action: Action, api: &Api) -> Result<Seen, cloud66::Error> {
    if action.is_finished() {
        let deployment = match row.command {
            Command::Redeploy => became::at_the_end(row, &action, &api.deployments(row.stack).await?),
            _ => None,
        };
        return Ok(Seen::Ended {
            state: end_of(row, &action, deployment.as_ref()),
            message: action.message,
            deployment,
        });
    }
    if row.command != Command::Redeploy || row.deployment.is_some() {
        return Ok(Seen::Running(None));
    }
    let actions = api.actions(row.stack).await?;
    if became::waits(&action, &actions) {
        return Ok(Seen::Nothing);
    }
    let history = api.deployments(row.stack).await?;
    Ok(match became::so_far(row, &action, &actions, &history) {
        None if row.queued => Seen::Nothing,
        deployment => Seen::Running(deployment),
    })
}

/// How it ended, by Cloud 66's word. A cancel that was asked for is no proof: the deployment may have failed by
/// itself in the same moment. No document lists an outcome for what was stopped (fact sheet 6.5), so where none is
/// given, the action's own words have to speak of it; otherwise it is what Cloud 66 calls it, a failure.
fn end_of(row: &Redeploy, action: &Action, deployment: Option<&Deployment>) -> RedeployState {
    let stopped = deployment.is_some_and(|deployment| deployment.outcome == Outcome::Cancelled);
    let spoken_of = || {
        let words = action.message.as_deref().unwrap_or_default();
        row.cancel_requested_at.is_some() && words.to_ascii_lowercase().contains("cancel")
    };
    match action.succeeded {
        _ if stopped => RedeployState::Cancelled,
        Some(true) => RedeployState::Succeeded,
        _ if spoken_of() => RedeployState::Cancelled,
        _ => RedeployState::Failed,
    }
}

/// By the stack's deployments, where Cloud 66 has no action to show.
async fn by_stack(row: &Redeploy, api: &Api) -> Result<Seen, cloud66::Error> {
    let history = api.deployments(row.stack).await?;
    let Some(deployment) = ours(row, &history, row.sent_at) else {
        return Ok(Seen::Nothing);
    };
    if deployment.is_running() {
        return Ok(Seen::Running(Some(deployment)));
    }
    let state = match deployment.outcome {
        Outcome::Success => RedeployState::Succeeded,
        Outcome::Cancelled => RedeployState::Cancelled,
        _ => RedeployState::Failed,
    };
    Ok(Seen::Ended {
        state,
        message: None,
        deployment: Some(deployment),
    })
}

/// By the stack's status, where there is no history either.
async fn by_status(row: &Redeploy, api: &Api) -> Result<Seen, cloud66::Error> {
    let stack = api.stack(row.stack).await?;
    if stack.is_busy() {
        return Ok(Seen::Running(None));
    }
    let moved = stack
        .last_activity
        .zip(row.sent_at)
        .is_some_and(|(moved, sent)| moved >= sent);
    let has_run = row.state == RedeployState::Running || moved;
    Ok(match stack.status {
        Status::Deployed if has_run => Seen::Ended {
            state: RedeployState::Succeeded,
            message: None,
            deployment: None,
        },
        Status::Failed | Status::TerminalFailure if has_run => Seen::Ended {
            state: RedeployState::Failed,
            message: None,
            deployment: None,
        },
        _ => Seen::Nothing,
    })
}

/// The deployment that the request became: the one already known, or the first that is newer than the newest
/// before and did not begin before the request. `history` is newest first. Both are asked for, because what was
/// known before may have been old: somebody else's deployment may have come in between.
fn ours(row: &Redeploy, history: &[Deployment], since: Option<OffsetDateTime>) -> Option<Deployment> {
    if let Some(id) = row.deployment {
        return history.iter().find(|deployment| deployment.id == id).cloned();
    }
    let is_new = |deployment: &Deployment| {
        row.before
            .newest_deployment
            .is_none_or(|newest| deployment.id > newest)
    };
    let began_since = |deployment: &Deployment| {
        let times = deployment.started_at.zip(since);
        times.map_or(row.before.newest_deployment.is_some(), |(began, sent)| {
            began >= sent - CLOCKS_DIFFER
        })
    };
    let ours = |deployment: &&Deployment| is_new(deployment) && began_since(deployment);
    history.iter().rev().find(ours).cloned()
}
