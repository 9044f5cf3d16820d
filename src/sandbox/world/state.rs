//! Everything the sandbox knows, in one place behind one lock, and what can happen to it.
//!
//! Whoever holds the state has it settled: [`State::settle`] runs first on every way in.

use super::applications::{Application, Browser, CODE_LIFETIME, Code, Scope, Token};
use super::lifecycle::{self, Deploy, Kind, Step, Work, new_action};
use super::people::{Account, Person, Role};
use super::stack::{Stack, Status, Via};
use crate::sandbox::fault::Faults;
use crate::sandbox::journal;
use crate::sandbox::options::RateLimit;
use crate::sandbox::random::{Random, Seeded};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use time::OffsetDateTime;

/// The longest time in which a redeploy that was accepted does not show on the stack yet (fact sheet 6.4).
const LONGEST_RACE: Duration = Duration::from_secs(1);

/// Browsers that are remembered; the oldest goes first.
const MOST_BROWSERS: usize = 10_000;

/// The whole state of a sandbox.
pub(crate) struct State {
    pub(crate) seed: u64,
    pub(crate) people: Vec<Person>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) stacks: Vec<Stack>,
    pub(crate) by_uid: HashMap<String, usize>,
    /// Stacks that have work to do, so that settling costs nothing for the others.
    pub(crate) busy: BTreeSet<usize>,
    pub(crate) next_deployment: u64,
    pub(crate) next_action: u64,
    pub(crate) applications: Vec<Application>,
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) token_index: HashMap<String, usize>,
    pub(crate) browsers: HashMap<String, Browser>,
    pub(crate) next_browser: u64,
    pub(crate) random: Random,
    pub(crate) journal: journal::Pages,
    pub(crate) faults: Faults,
    pub(crate) rate_limit: RateLimit,
    /// For each person, the clock hour and the requests made in it.
    pub(crate) spent: HashMap<u64, (i64, u32)>,
}

/// What somebody asks of a stack, over whichever way.
pub(crate) struct Order<'a> {
    /// The email; `None` for a hook.
    pub(crate) by: Option<&'a str>,
    pub(crate) via: Via,
    pub(crate) user_reference: Option<&'a str>,
}

/// What was made of an [`Order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) action_id: u64,
    /// Whether it waits behind something else.
    pub(crate) queued: bool,
}

impl State {
    /// Brings every stack to where it must be at `now`.
    pub(crate) fn settle(&mut self, now: OffsetDateTime) {
        let stacks = &mut self.stacks;
        self.busy.retain(|index| {
            stacks.get_mut(*index).is_some_and(|stack| {
                lifecycle::settle(stack, now);
                !stack.work.is_empty()
            })
        });
    }

    pub(crate) fn person(&self, id: u64) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
    }

    pub(crate) fn person_by_email(&self, email: &str) -> Option<&Person> {
        self.people
            .iter()
            .find(|person| person.email.eq_ignore_ascii_case(email))
    }

    pub(crate) fn person_mut(&mut self, id: u64) -> Option<&mut Person> {
        self.people.iter_mut().find(|person| person.id == id)
    }

    pub(crate) fn account(&self, id: u64) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    pub(crate) fn stack(&self, uid: &str) -> Option<&Stack> {
        self.by_uid.get(uid).and_then(|index| self.stacks.get(*index))
    }

    pub(crate) fn stack_mut(&mut self, uid: &str) -> Option<&mut Stack> {
        self.by_uid.get(uid).and_then(|index| self.stacks.get_mut(*index))
    }

    /// The stacks a person can see, in the world's order; those of one account when one is given.
    pub(crate) fn visible<'a>(
        &'a self,
        person: &'a Person,
        account: Option<u64>,
    ) -> impl Iterator<Item = &'a Stack> {
        self.stacks.iter().filter(move |stack| {
            account.is_none_or(|id| id == stack.account_id)
                && person.role_on(&stack.uid, stack.account_id).is_some()
        })
    }

    /// A stack that the person can see, with their role on it.
    pub(crate) fn stack_of(
        &self,
        person: &Person,
        account: Option<u64>,
        uid: &str,
    ) -> Option<(&Stack, Role)> {
        let stack = self
            .stack(uid)
            .filter(|stack| account.is_none_or(|id| id == stack.account_id))?;
        Some((stack, person.role_on(uid, stack.account_id)?))
    }

    /// Accepts a deploy. It begins after the race when the stack is idle, else when its turn comes.
    pub(crate) fn deploy(
        &mut self,
        uid: &str,
        order: &Order<'_>,
        git_ref: Option<&str>,
        services: Vec<(String, Option<String>)>,
        now: OffsetDateTime,
    ) -> Option<Accepted> {
        let seed = self.seed;
        let id = self.next_deployment;
        let stack = self.stack_mut(uid)?;
        let mut draws = Seeded::new(seed, &format!("deploy {} {id}", stack.uid));
        let commit = draws.hex(40);
        let git_hash = stack.git.is_some().then(|| match git_ref {
            Some(hash) if hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                hash.to_ascii_lowercase()
            }
            _ => commit,
        });
        let fails = stack.always_fails || std::mem::take(&mut stack.fail_next);
        let length = stack.typical.mul_f64(jitter(&mut draws));
        let deploy = Deploy {
            deployment_id: id,
            operation_uid: draws.hex(22),
            by: order.by.map(str::to_owned),
            via: order.via,
            git_ref: git_ref.map(str::to_owned),
            git_hash,
            session: draws.letters(10),
            services,
            fails,
        };
        let race = length.mul_f64(0.05).min(LONGEST_RACE);
        self.next_deployment += 1;
        self.accept(
            uid,
            Kind::Deploy(deploy),
            "application_deployment",
            length,
            race,
            order,
            now,
        )
    }

    /// Accepts a restart, cleared caches or a change of the maintenance mode.
    pub(crate) fn run(
        &mut self,
        uid: &str,
        order: &Order<'_>,
        kind: Kind,
        now: OffsetDateTime,
    ) -> Option<Accepted> {
        let typical = self.stack(uid)?.typical;
        let (action, part) = match kind {
            Kind::Restart => ("restart", 0.3),
            Kind::ClearCaches => ("clear_caches", 0.1),
            Kind::Maintenance(_) => ("maintenance_mode", 0.1),
            Kind::Deploy(_) | Kind::Analyse => return None,
        };
        self.accept(
            uid,
            kind,
            action,
            typical.mul_f64(part),
            Duration::ZERO,
            order,
            now,
        )
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one private step of the two methods above"
    )]
    fn accept(
        &mut self,
        uid: &str,
        kind: Kind,
        action: &'static str,
        length: Duration,
        race: Duration,
        order: &Order<'_>,
        now: OffsetDateTime,
    ) -> Option<Accepted> {
        let index = *self.by_uid.get(uid)?;
        let action_id = self.next_action;
        let stack = self.stacks.get_mut(index)?;
        let started_via = match order.via {
            Via::Web => "web",
            Via::Api => "api",
            Via::Hook => "hook",
        };
        let by = order.by.unwrap_or("redeploy hook");
        stack.actions.push(new_action(
            action_id,
            by,
            action,
            started_via,
            now,
            order.user_reference,
        ));
        let queued = !stack.work.is_empty();
        stack.work.push_back(Work {
            kind,
            action: Some(action_id),
            begins_at: (!queued).then_some(now + race),
            late: Duration::ZERO,
            length,
            step: Step::Accepted,
            cancelled: None,
        });
        self.next_action += 1;
        self.busy.insert(index);
        self.settle(now);
        Some(Accepted { action_id, queued })
    }

    /// Cancels the deployment if it is running; false when it is not.
    pub(crate) fn cancel(&mut self, uid: &str, deployment: u64, by: &str, now: OffsetDateTime) -> bool {
        let Some(work) = self.stack_mut(uid).and_then(|stack| stack.work.front_mut()) else {
            return false;
        };
        let runs = matches!(&work.kind, Kind::Deploy(deploy) if deploy.deployment_id == deployment)
            && work.step != Step::Accepted;
        if runs && work.cancelled.is_none() {
            let takes = work.length.mul_f64(0.05).min(Duration::from_secs(2));
            work.cancelled = Some((now + takes, by.to_owned()));
        }
        runs
    }

    /// Whether a deploy may be asked for at all: not of a stack that could not be analysed.
    pub(crate) fn can_deploy(&self, uid: &str) -> bool {
        self.stack(uid)
            .is_some_and(|stack| stack.status != Status::TERMINAL_FAILURE)
    }

    /// Issues a token in the name of a person.
    pub(crate) fn issue_token(&mut self, token: Token) {
        self.token_index.insert(token.value.clone(), self.tokens.len());
        self.tokens.push(token);
    }

    /// A token that was issued and not revoked.
    pub(crate) fn token(&self, value: &str) -> Option<&Token> {
        self.token_index
            .get(value)
            .and_then(|index| self.tokens.get(*index))
            .filter(|token| !token.revoked)
    }

    /// Revokes every token that `which` says; gives how many.
    pub(crate) fn revoke(&mut self, which: impl Fn(&Token) -> bool) -> usize {
        let live = self
            .tokens
            .iter_mut()
            .filter(|token| !token.revoked && which(token));
        live.map(|token| token.revoked = true).count()
    }

    pub(crate) fn application(&self, id: u64) -> Option<&Application> {
        self.applications.iter().find(|application| application.id == id)
    }

    pub(crate) fn application_by_client_id(&self, client_id: &str) -> Option<&Application> {
        self.applications
            .iter()
            .find(|application| application.client_id == client_id)
    }

    /// Issues an authorization code, and forgets those that ended long ago.
    pub(crate) fn issue_code(&mut self, value: String, code: Code, now: OffsetDateTime) {
        self.codes.retain(|_, old| old.expires_at + CODE_LIFETIME > now);
        self.codes.insert(value, code);
    }

    /// Remembers a browser under a new cookie value.
    pub(crate) fn new_browser(&mut self, person: Option<u64>) -> (String, Browser) {
        if self.browsers.len() >= MOST_BROWSERS {
            let oldest = self.browsers.iter().min_by_key(|(_, browser)| browser.number);
            if let Some(cookie) = oldest.map(|(cookie, _)| cookie.clone()) {
                self.browsers.remove(&cookie);
            }
        }
        let cookie = self.random.url_safe();
        let browser = Browser {
            person,
            form_token: self.random.url_safe(),
            number: self.next_browser,
        };
        self.next_browser += 1;
        self.browsers.insert(cookie.clone(), browser.clone());
        (cookie, browser)
    }

    /// Counts a request of a person against their hour; `None` when it is one too many, else what remains.
    pub(crate) fn spend(&mut self, person: u64, now: OffsetDateTime) -> Option<u32> {
        let hour = hour_of(now);
        let spent = self.spent.entry(person).or_insert((hour, 0));
        if spent.0 != hour {
            *spent = (hour, 0);
        }
        let remaining = self.rate_limit.per_hour.checked_sub(spent.1 + 1)?;
        spent.1 += 1;
        Some(remaining)
    }

    /// Leaves nothing of a person's hour.
    pub(crate) fn spend_all(&mut self, person: u64, now: OffsetDateTime) {
        self.spent
            .insert(person, (hour_of(now), self.rate_limit.per_hour));
    }

    /// A scope list as a token of its own kind: a personal access token.
    pub(crate) fn personal_token(
        &mut self,
        person: u64,
        name: &str,
        scopes: Vec<Scope>,
        now: OffsetDateTime,
    ) -> String {
        let value = self.random.url_safe();
        self.issue_token(Token {
            value: value.clone(),
            application: None,
            name: Some(name.to_owned()),
            person,
            scopes,
            created_at: now,
            revoked: false,
        });
        value
    }
}

/// Which clock hour it is, counted from 1970.
fn hour_of(now: OffsetDateTime) -> i64 {
    now.unix_timestamp().div_euclid(3600)
}

/// From 0.85 to 1.15, so that no two deploys take exactly as long.
pub(crate) fn jitter(draws: &mut Seeded) -> f64 {
    let thousandth = u32::try_from(draws.below(301)).unwrap_or(0);
    0.85 + f64::from(thousandth) / 1000.0
}
