//! The API, versions 2 and 3: who asks, whether they may, and which file answers.
//!
//! The order of refusals is fixed: no such path, no token, over the hourly limit, trial over, wrong account,
//! missing scope; only then the operation looks at the stack and at the person's role on it.

mod accounts;
mod actions;
mod dates;
mod deployments;
mod error;
mod logs;
mod objects;
mod paging;
mod ping;
mod services;
mod settings;
mod stacks;
mod users;
mod version_2;

pub(crate) use error::{ApiError, of_code};

use super::fault::Effect;
use super::http::{Answer, Request, json, set};
use super::operation::{Call, Operation, Version};
use super::options::Refusal;
use super::world::{Person, Role, Scope, Settings, Stack, State, World};
use hyper::StatusCode;
use serde_json::Value;
use time::OffsetDateTime;

/// What an operation needs to answer.
struct Asked<'a> {
    state: &'a mut State,
    now: OffsetDateTime,
    world: &'a Settings,
    request: &'a Request,
    call: &'a Call,
    caller: &'a Caller,
    /// What the faults that hit this call do.
    effects: &'a [Effect],
}

/// In whose name a request is made.
struct Caller {
    person: Person,
    scopes: Vec<Scope>,
    /// The account that `X-Account` chose.
    account: Option<u64>,
}

/// What an operation answers: the whole body, and a warning to send beside it.
struct Reply {
    body: Value,
    warning: Option<String>,
}

type Replied = Result<Reply, ApiError>;

impl Reply {
    /// One object in its envelope (fact sheet 5.1).
    fn one(object: Value) -> Self {
        Self {
            body: Value::from_iter([("response", object)]),
            warning: None,
        }
    }
}

/// Answers an API request.
pub(crate) fn answer(world: &World, request: &Request, call: &Call, effects: &[Effect]) -> Answer {
    if call.operation == Operation::Ping {
        return json(StatusCode::OK, &ping::ping().body);
    }
    if call.operation == Operation::Unknown {
        return ApiError::not_found("There is nothing at this path").answer();
    }
    let (mut state, now) = world.open();
    let Some((person, scopes)) = bearer(&state, request) else {
        return ApiError::unauthenticated().answer();
    };
    let Some(remaining) = state.spend(person.id, now) else {
        let mut answer = match state.rate_limit.refusal {
            Refusal::ServiceUnavailable => ApiError::throttled().answer(),
            Refusal::TooManyRequests => ApiError::too_many().answer(),
        };
        rate_headers(&mut answer, state.rate_limit.per_hour, 0);
        return answer;
    };
    let replied = admit(&state, request, call, person, scopes).and_then(|caller| {
        let world = world.settings();
        dispatch(&mut Asked {
            state: &mut state,
            now,
            world,
            request,
            call,
            caller: &caller,
            effects,
        })
    });
    let mut answer = match replied {
        Ok(reply) => {
            let mut answer = json(StatusCode::OK, &reply.body);
            if let Some(warning) = &reply.warning {
                set(&mut answer, "x-cloud66-warning", warning);
            }
            answer
        }
        Err(error) => error.answer(),
    };
    rate_headers(&mut answer, state.rate_limit.per_hour, remaining);
    answer
}

fn rate_headers(answer: &mut Answer, limit: u32, remaining: u32) {
    set(answer, "x-ratelimit-limit", &limit.to_string());
    set(answer, "x-ratelimit-remaining", &remaining.to_string());
}

/// The token of a request: header, or `access_token` or `bearer_token` in query or body (fact sheet 3.5).
pub(crate) fn token_in(request: &Request) -> Option<&str> {
    let header = request.header(&hyper::header::AUTHORIZATION);
    let from_header = header
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    from_header
        .or_else(|| request.param("access_token"))
        .or_else(|| request.param("bearer_token"))
}

fn bearer(state: &State, request: &Request) -> Option<(Person, Vec<Scope>)> {
    let token = state.token(token_in(request)?)?;
    Some((state.person(token.person)?.clone(), token.scopes.clone()))
}

fn admit(
    state: &State,
    request: &Request,
    call: &Call,
    person: Person,
    scopes: Vec<Scope>,
) -> Result<Caller, ApiError> {
    let account = match request.header_named("x-account") {
        None => None,
        Some(text) => {
            let id = text
                .parse()
                .map_err(|_| ApiError::bad_request("X-Account is not a number"))?;
            Some(id)
                .filter(|id| person.belongs_to(*id))
                .ok_or_else(|| ApiError::forbidden("You do not belong to this account"))?
                .into()
        }
    };
    let current = account.unwrap_or(person.primary_account);
    if state
        .account(current)
        .is_some_and(|account| account.trial_expired)
    {
        return Err(ApiError::trial_expired());
    }
    if let Some(needed) = scope_of(call.operation)
        && !scopes.contains(&needed)
    {
        return Err(refused(
            call.version,
            &format!("The token lacks the scope \"{}\"", needed.name()),
        ));
    }
    if request.unreadable_body {
        return Err(ApiError::bad_request("The body is not a JSON object"));
    }
    Ok(Caller {
        person,
        scopes,
        account,
    })
}

/// Missing rights are 403 in version 3 and 400 in version 2 (fact sheet 5.4).
fn refused(version: Version, details: &str) -> ApiError {
    match version {
        Version::V3 => ApiError::forbidden(details),
        Version::V2 => ApiError::bad_request(details),
    }
}

/// The scope each operation needs (fact sheet 1.3).
fn scope_of(operation: Operation) -> Option<Scope> {
    use Operation as Op;
    match operation {
        Op::Redeploy | Op::Cancel | Op::RunAction | Op::Restart | Op::Maintenance => Some(Scope::Redeploy),
        Op::Accounts | Op::Account | Op::Users | Op::User => Some(Scope::Users),
        Op::NotImplemented => None,
        _ => Some(Scope::Public),
    }
}

fn dispatch(asked: &mut Asked<'_>) -> Replied {
    use Operation as Op;
    match (asked.call.version, asked.call.operation) {
        (Version::V2, Op::Stacks) => Ok(version_2::stacks(asked)),
        (Version::V2, Op::Stack) => version_2::stack(asked),
        (Version::V2, Op::Redeploy) => version_2::redeploy(asked),
        (Version::V2, Op::Restart) => version_2::restart(asked),
        (Version::V2, Op::Maintenance) => version_2::maintenance(asked),
        (Version::V2, Op::Settings) => settings::flat(asked),
        (Version::V2, Op::CloudStatus) => version_2::cloud_status(asked),
        (Version::V2, Op::UserCloudStatus) => Ok(version_2::user_cloud_status(asked)),
        (_, Op::PingAuth) => Ok(ping::auth(asked)),
        (_, Op::Stacks) => Ok(stacks::list(asked)),
        (_, Op::Stack) => stacks::show(asked),
        (_, Op::Redeploy) => deployments::redeploy(asked),
        (_, Op::Deployments) => deployments::list(asked),
        (_, Op::Deployment) => deployments::show(asked),
        (_, Op::Cancel) => deployments::cancel(asked),
        (_, Op::Actions) => actions::list(asked),
        (_, Op::Action) => actions::show(asked),
        (_, Op::RunAction) => actions::run(asked),
        (_, Op::Settings) => settings::list(asked),
        (_, Op::Setting) => settings::show(asked),
        (_, Op::Services) => services::list(asked),
        (_, Op::Service) => services::show(asked),
        (_, Op::Accounts) => Ok(accounts::list(asked)),
        (_, Op::Account) => accounts::show(asked),
        (_, Op::Users) => Ok(users::list(asked)),
        (_, Op::User) => users::show(asked),
        (_, Op::Logs) => logs::list(asked),
        _ => Err(ApiError::not_implemented()),
    }
}

impl<'a> Asked<'a> {
    /// The stack in the path, if the caller can see it.
    fn stack(&self) -> Result<&Stack, ApiError> {
        self.stack_and_role().map(|(stack, _)| stack)
    }

    fn stack_and_role(&self) -> Result<(&Stack, Role), ApiError> {
        self.state
            .stack_of(&self.caller.person, self.caller.account, self.call.id(0))
            .ok_or_else(|| ApiError::not_found("No stack with this UID"))
    }

    /// The uid of the stack in the path, if the caller may change it.
    fn stack_to_change(&self) -> Result<String, ApiError> {
        let (stack, role) = self.stack_and_role()?;
        if role < Role::Deployer {
            let words = format!(
                "Your role on this stack is {}, which does not allow this",
                role.name()
            );
            return Err(refused(self.call.version, &words));
        }
        Ok(stack.uid.clone())
    }

    /// The caller's reference, if it is short enough (fact sheet 6.3).
    fn user_reference(&self) -> Result<Option<&'a str>, ApiError> {
        const LONGEST: usize = 255;
        let reference = self.request.param("user_reference");
        if reference.is_some_and(|text| text.chars().count() > LONGEST) {
            return Err(ApiError::bad_request(
                "user_reference is longer than 255 characters",
            ));
        }
        Ok(reference)
    }

    /// The account the caller is in.
    fn current_account(&self) -> u64 {
        self.caller.account.unwrap_or(self.caller.person.primary_account)
    }
}
