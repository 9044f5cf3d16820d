//! Learning what became of a redeploy: whether Cloud 66 has it at all, and how it ended.
//!
//! Invariants:
//! * Nothing here sends anything but questions.
//! * A state is claimed only on Cloud 66's word: an action that is finished, a deployment with an outcome.
//! * Whoever looks, the row decides: every transition is the ledger's conditional statement.

use time::{Duration, OffsetDateTime};

use super::App;
use crate::cloud66::{self, Api, ApiVersion};
use crate::domain::{AccessToken, Action, Command, Deployment, Outcome, Redeploy, RedeployState, Status};
use crate::store::{Due, StoreError};

/// After how many seconds an unanswered request is looked up for the first times; then every 30 seconds.
const LOOK_UPS: [i64; 5] = [2, 5, 10, 20, 30];

/// How long a request that nobody has heard of is looked for.
const LOOK_UP_WINDOW: Duration = Duration::minutes(15);

/// How long it is looked for where Cloud 66 cannot be asked.
const ASKING_WINDOW: Duration = Duration::hours(1);

/// Pace of following: every five seconds for two minutes, then every ten.
const PACE_AT_FIRST: Duration = Duration::seconds(5);
const AT_FIRST: Duration = Duration::minutes(2);
const PACE_LATER: Duration = Duration::seconds(10);

/// When to look again where the person's hour has too few requests left.
const PACE_OVER_BUDGET: Duration = Duration::minutes(1);

/// How long anything is followed. Cloud 66's own tools give up after three hours (fact sheet 6.1).
const FOLLOWED: Duration = Duration::hours(6);

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
            return self
                .stop_following(row, "This app no longer holds a sign-in with which to ask.")
                .await;
        };
        let budget = self.watchers().budget(row.asked_by);
        if !budget.may_follow() {
            // Many rows at once, as after a crash, must not use up what the person needs to redeploy.
            let later = self.clock().now() + PACE_OVER_BUDGET;
            return self.store().ledger().look_again(row.id, later).await.map(drop);
        }
        let api = self.cloud66().api(token, &budget);
        match row.state {
            RedeployState::Unknown => self.look_up(row, &api).await,
            _ => self.follow(row, token, &api).await,
        }
    }

    /// Asks whether Cloud 66 knows the operation id of an unanswered request.
    async fn look_up(&self, row: &Redeploy, api: &Api) -> Result<(), StoreError> {
        let ledger = self.store().ledger();
        let now = self.clock().now();
        let since = now - row.answered_at.or(row.sent_at).unwrap_or(row.requested_at);
        if self.cloud66().version() == ApiVersion::V2 {
            let words = "Cloud 66 did not answer, and with API version 2 nobody can ask it whether it has the \
                         request. Look at the stack before you try again.";
            ledger.lost(row.id, words).await?;
            return Ok(());
        }
        match api.action_by_reference(row.stack, row.id).await {
            Ok(Some(action)) => {
                ledger.found(row.id, Some(action.id)).await?;
                tracing::info!(operation = %row.id, "redeploy found at Cloud 66");
            }
            Ok(None) if since >= LOOK_UP_WINDOW => {
                ledger.lost(row.id, "Cloud 66 has no record of it.").await?;
                tracing::warn!(operation = %row.id, "redeploy unknown to Cloud 66");
            }
            Err(cloud66::Error::NotImplemented) => {
                ledger
                    .lost(
                        row.id,
                        "Cloud 66 does not say which requests it has. Look at the stack.",
                    )
                    .await?;
            }
            // A bounded time also for what cannot be asked: until it ends, nobody can redeploy the stack here.
            Err(_) if since >= ASKING_WINDOW => {
                ledger
                    .lost(
                        row.id,
                        "Cloud 66 could not be asked whether it has it. Look at the stack.",
                    )
                    .await?;
                tracing::warn!(operation = %row.id, "redeploy could not be looked up");
            }
            _ => {
                let wait = LOOK_UPS.get(row.looks as usize).copied().unwrap_or(30);
                ledger.look_again(row.id, now + Duration::seconds(wait)).await?;
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
        let seen = if row.command == Command::Redeploy && row.action.is_none() {
            by_stack(row, api, self.cloud66().version()).await
        } else {
            by_action(row, api).await
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
                self.stop_following(row, "Cloud 66 no longer lets this sign-in see the stack.")
                    .await?;
            }
            Err(_) if since < FOLLOWED => ledger.look_again(row.id, now + pace * 2).await.map(drop)?,
            Ok(Seen::Nothing) | Err(_) => {
                self.stop_following(row, "Cloud 66 did not say how it ended within six hours.")
                    .await?;
            }
        }
        Ok(())
    }

    /// Gives a row up. What Cloud 66 has accepted keeps that state: no end is claimed that nobody confirmed.
    async fn stop_following(&self, row: &Redeploy, words: &str) -> Result<(), StoreError> {
        let words = format!("{words} Look at the stack in Cloud 66.");
        let ledger = self.store().ledger();
        match row.state {
            RedeployState::Unknown => ledger.lost(row.id, &words).await.map(drop),
            _ => ledger.stop_looking(row.id, &words).await.map(drop),
        }
    }
}

/// By the action that Cloud 66 named, and the deployment that appeared since.
async fn by_action(row: &Redeploy, api: &Api) -> Result<Seen, cloud66::Error> {
    let Some(id) = row.action else {
        return Ok(Seen::Nothing);
    };
    let action = api.action(row.stack, id).await?;
    let deployment = match row.command {
        Command::Redeploy => ours(row, &api.deployments(row.stack).await?, action.started_at),
        _ => None,
    };
    if !action.is_finished() {
        let waits = row.queued && deployment.is_none();
        return Ok(if waits {
            Seen::Nothing
        } else {
            Seen::Running(deployment)
        });
    }
    let state = end_of(row, &action, deployment.as_ref());
    Ok(Seen::Ended {
        state,
        message: action.message,
        deployment,
    })
}

fn end_of(row: &Redeploy, action: &Action, deployment: Option<&Deployment>) -> RedeployState {
    let cancelled = deployment.is_some_and(|deployment| deployment.outcome == Outcome::Cancelled)
        || (row.cancel_requested_at.is_some() && action.succeeded != Some(true));
    match action.succeeded {
        _ if cancelled => RedeployState::Cancelled,
        Some(true) => RedeployState::Succeeded,
        _ => RedeployState::Failed,
    }
}

/// By the stack's deployments where there is no action, and by its status where there is not even that.
async fn by_stack(row: &Redeploy, api: &Api, version: ApiVersion) -> Result<Seen, cloud66::Error> {
    if version == ApiVersion::V2 {
        return by_status(row, api).await;
    }
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
        _ if row.cancel_requested_at.is_some() => RedeployState::Cancelled,
        _ => RedeployState::Failed,
    };
    Ok(Seen::Ended {
        state,
        message: None,
        deployment: Some(deployment),
    })
}

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
/// before and did not begin before the request. `history` is newest first. While a deployment that was
/// running before still runs, ours has not begun.
fn ours(row: &Redeploy, history: &[Deployment], since: Option<OffsetDateTime>) -> Option<Deployment> {
    if let Some(id) = row.deployment {
        return history.iter().find(|deployment| deployment.id == id).cloned();
    }
    let newer = |deployment: &&Deployment| match row.before.newest_deployment {
        Some(newest) => deployment.id > newest,
        // Cloud 66's clock and ours may differ a little.
        None => deployment
            .started_at
            .zip(since)
            .is_some_and(|(began, sent)| began >= sent - Duration::minutes(1)),
    };
    history.iter().rev().find(newer).cloned()
}
