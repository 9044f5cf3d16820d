//! What Cloud 66 shows of a request that it accepted: whether it runs, how it ended, and on what that rests.
//!
//! Invariants:
//! * An end is Cloud 66's own: the action that is ours has ended. What else is read beside it may fail; the end is
//!   told all the same, without the commit.
//! * An action is ours where it carries our operation id. One that carries nothing is ours where Cloud 66 named it in
//!   its answer, its times fit, and no other action of that moment might as well be it.
//! * Where there is no such action, nothing is claimed but what `inferred` allows.

mod inferred;
mod match_deployment;

use time::Duration;

use self::inferred::Inferred;
use super::App;
use crate::cloud66::{self, Api, ApiVersion};
use crate::domain::{Action, Command, Deployment, Outcome, Reason, Redeploy, RedeployState};
use crate::store::Due;

/// How far Cloud 66's clock and ours may be apart, and an answer may be on its way.
pub(super) const CLOCKS_AGREE: Duration = Duration::seconds(6);

/// How many actions or deployments Cloud 66 gives at a time (fact sheet 5.2).
const FULL_PAGE: usize = 30;

/// What a look showed.
#[derive(Debug)]
pub(super) enum Seen {
    /// Nothing new, or nothing that may be claimed.
    Nothing,
    /// It runs; the deployment is known once its row appears.
    Running(Option<Deployment>),
    /// It has ended.
    Ended(End),
    /// It has ended by now, as far as can be inferred for this reason.
    Inferred {
        state: RedeployState,
        reason: Reason,
        deployment: Option<Deployment>,
    },
}

/// How it ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) state: RedeployState,
    pub(super) message: Option<String>,
    pub(super) deployment: Option<Deployment>,
    /// How long it took by Cloud 66's own times: of a redeploy its deployment, as every other page says it, of another
    /// command its action.
    pub(super) took: Option<Duration>,
}

/// Whose an action is that Cloud 66 named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Anothers,
    /// It carries no name.
    NotSaid,
}

impl App {
    /// Asks how far an accepted request is.
    pub(super) async fn seen(&self, due: &Due, api: &Api) -> Result<Seen, cloud66::Error> {
        let row = &by_our_clock(&due.redeploy, due.now - self.clock().now());
        let is_redeploy = row.command == Command::Redeploy;
        match self.cloud66().version() {
            ApiVersion::V2 if is_redeploy => self.by_status(row, api).await,
            ApiVersion::V2 => Ok(Seen::Nothing),
            ApiVersion::V3 => match self.action_of(row, api).await? {
                Some(action) => by_action(row, action, api).await,
                None if is_redeploy => {
                    let seen = self.by_deployments(row, api).await?;
                    unless_unheard(row, seen, api).await
                }
                // Whether the stack is still there for this person is all that can be learnt.
                None => api.stack(row.stack).await.map(|_| Seen::Nothing),
            },
        }
    }

    /// The action to follow: the one that Cloud 66 named in its answer, where that is ours, or else the one that
    /// carries the operation id (fact sheet 6.3), whose number is then written down.
    async fn action_of(&self, row: &Redeploy, api: &Api) -> Result<Option<Action>, cloud66::Error> {
        if let Some(named) = named_action(row, api).await? {
            match whose(row, &named) {
                Whose::Ours => return Ok(Some(named)),
                Whose::NotSaid => return self.unless_another_is_as_likely(row, named, api).await,
                Whose::Anothers => {}
            }
        }
        let found = match api.action_by_reference(row.stack, row.id).await {
            Err(error) if !may_pass(&error) => None,
            found => found?,
        };
        if let Some(action) = &found {
            self.remember_action(row, action).await;
        }
        Ok(found)
    }

    /// A named action that carries nothing, unless ours is another one, or might as well be.
    async fn unless_another_is_as_likely(
        &self,
        row: &Redeploy,
        named: Action,
        api: &Api,
    ) -> Result<Option<Action>, cloud66::Error> {
        let actions = match api.actions(row.stack).await {
            // Cloud 66's word for it stays where nothing else can be read.
            Err(error) if !may_pass(&error) => return Ok(Some(named)),
            actions => actions?,
        };
        let ours = actions.iter().find(|action| whose(row, action) == Whose::Ours);
        if let Some(ours) = ours {
            self.remember_action(row, ours).await;
            return Ok(Some(ours.clone()));
        }
        Ok((!actions.iter().any(|other| is_as_likely(row, &named, other))).then_some(named))
    }

    async fn remember_action(&self, row: &Redeploy, action: &Action) {
        if row.action == Some(action.id) {
            return;
        }
        if let Err(error) = self.store().ledger().named(row.id, action.id).await {
            tracing::warn!(operation = %row.id, %error, "an action could not be written down; it is asked for again");
        }
    }

    /// By the stack's deployments, where Cloud 66 has no action to show.
    async fn by_deployments(&self, row: &Redeploy, api: &Api) -> Result<Seen, cloud66::Error> {
        let now = self.clock().now();
        let inferred = inferred::by_deployments(row, &api.deployments(row.stack).await?, now);
        if inferred == Inferred::NotYet || api.stack(row.stack).await?.is_busy() {
            return Ok(Seen::Nothing);
        }
        Ok(match inferred {
            Inferred::NotYet => Seen::Nothing,
            Inferred::OneOfSeveral => Seen::Inferred {
                state: RedeployState::Ended,
                reason: Reason::OneOfSeveral,
                deployment: None,
            },
            Inferred::Only(deployment) => Seen::Inferred {
                state: inferred::state_of(&deployment),
                reason: Reason::OnlyDeployment,
                deployment: Some(*deployment),
            },
        })
    }

    /// By the stack's status, where there is no history either.
    async fn by_status(&self, row: &Redeploy, api: &Api) -> Result<Seen, cloud66::Error> {
        let now = self.clock().now();
        let stack = api.stack(row.stack).await?;
        Ok(match inferred::by_status(row, &stack, now) {
            None => Seen::Nothing,
            Some(state) => Seen::Inferred {
                state,
                reason: Reason::StackStatus,
                deployment: None,
            },
        })
    }
}

/// What was seen, unless that is nothing and the action by which it is followed could not be read: then nothing was
/// heard of it either.
async fn unless_unheard(row: &Redeploy, seen: Seen, api: &Api) -> Result<Seen, cloud66::Error> {
    if row.action.is_none() || !matches!(seen, Seen::Nothing) {
        return Ok(seen);
    }
    match api.actions(row.stack).await {
        Err(error @ cloud66::Error::Unreadable) => Err(error),
        _ => Ok(seen),
    }
}

/// The deployment that a redeploy runs as, told from the stack's newest actions and deployments. `ahead` is how far the
/// database's clock, by which the row's times are, is ahead of ours.
pub(super) fn running_as(
    row: &Redeploy,
    ahead: Duration,
    actions: &[Action],
    history: &[Deployment],
) -> Option<Deployment> {
    let row = &by_our_clock(row, ahead);
    let named = |action: &&Action| row.action == Some(action.id) && whose(row, action) == Whose::NotSaid;
    let ours = actions.iter().find(|action| whose(row, action) == Whose::Ours);
    let action = ours.or_else(|| actions.iter().find(named))?;
    if match_deployment::waits(action, actions) {
        return None;
    }
    match_deployment::so_far(row, action, actions, history)
}

/// The row with its times by our clock, by which Cloud 66's are told. The ledger's are by the database's.
fn by_our_clock(row: &Redeploy, ahead: Duration) -> Redeploy {
    let mut row = row.clone();
    row.requested_at -= ahead;
    for time in [&mut row.sent_at, &mut row.answered_at].into_iter().flatten() {
        *time -= ahead;
    }
    row
}

/// The action that Cloud 66 named in its answer; none where it shows none under that number.
async fn named_action(row: &Redeploy, api: &Api) -> Result<Option<Action>, cloud66::Error> {
    let Some(id) = row.action else {
        return Ok(None);
    };
    match api.action(row.stack, id).await {
        Err(error) if !may_pass(&error) => Ok(None),
        action => action.map(Some),
    }
}

/// Whether asking again may help, so that nothing may be concluded from the failure.
fn may_pass(error: &cloud66::Error) -> bool {
    use cloud66::Error as E;
    matches!(error, E::Down | E::Throttled { .. } | E::SignedOut)
}

fn whose(row: &Redeploy, action: &Action) -> Whose {
    let sent = row.sent_at.unwrap_or(row.requested_at) - CLOCKS_AGREE;
    let ended_before = action.finished_at.is_some_and(|ended| ended < sent);
    match &action.user_reference {
        Some(name) if *name == row.id.to_string() => Whose::Ours,
        None if action.may_be(row.command) && !ended_before => Whose::NotSaid,
        _ => Whose::Anothers,
    }
}

/// Whether another action was asked for while our request was on its way, and carries nothing that tells it from
/// ours either.
fn is_as_likely(row: &Redeploy, named: &Action, other: &Action) -> bool {
    let sent = row.sent_at.unwrap_or(row.requested_at) - CLOCKS_AGREE;
    let answered = row.answered_at.map(|answered| answered + CLOCKS_AGREE);
    let at_the_time = other
        .started_at
        .is_none_or(|asked| asked >= sent && answered.is_none_or(|answered| asked <= answered));
    other.id != named.id && whose(row, other) == Whose::NotSaid && at_the_time
}

/// By its action, and the deployment that it became.
async fn by_action(row: &Redeploy, action: Action, api: &Api) -> Result<Seen, cloud66::Error> {
    let is_redeploy = row.command == Command::Redeploy;
    if action.is_finished() {
        let history = if is_redeploy {
            deployments(row, api).await
        } else {
            Vec::new()
        };
        let deployment = match_deployment::at_the_end(row, &action, &history);
        return Ok(Seen::Ended(End {
            state: end_of(row, &action, deployment.as_ref()),
            took: if is_redeploy {
                deployment.as_ref().and_then(Deployment::duration)
            } else {
                action.duration()
            },
            message: action.message,
            deployment,
        }));
    }
    if !is_redeploy || row.deployment.is_some() {
        return Ok(Seen::Running(None));
    }
    let actions = match api.actions(row.stack).await {
        Err(error) if !may_pass(&error) => return Ok(Seen::Nothing),
        actions => actions?,
    };
    if match_deployment::waits(&action, &actions) {
        return Ok(Seen::Nothing);
    }
    let history = deployments(row, api).await;
    Ok(match match_deployment::so_far(row, &action, &actions, &history) {
        // What is at work there is something else.
        None if row.queued || history.iter().any(Deployment::is_running) => Seen::Nothing,
        deployment => Seen::Running(deployment),
    })
}

/// The stack's deployments; none where they cannot be read, which costs no more than the commit.
async fn deployments(row: &Redeploy, api: &Api) -> Vec<Deployment> {
    let history = api.deployments(row.stack).await;
    history.unwrap_or_else(|error| {
        tracing::info!(operation = %row.id, %error, "the commit of a redeploy cannot be learnt");
        Vec::new()
    })
}

/// How it ended, by Cloud 66's word. A cancel that was asked for is no proof: the deployment may have failed by
/// itself in the same moment. No document lists an outcome for what was stopped (fact sheet 6.5), so where none is
/// given, the action's own words have to speak of it; otherwise it is what Cloud 66 calls it, a failure. Where the
/// action gives no result, its deployment does; without one, it has ended, and that is all.
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
        Some(false) => RedeployState::Failed,
        None => deployment.map_or(RedeployState::Ended, inferred::state_of),
    }
}
